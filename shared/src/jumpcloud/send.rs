//! Sending one request to JumpCloud, and what an answer means.

use std::{
    error::Error as _,
    io::{self, ErrorKind},
    iter::successors,
    time::Duration,
};

use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    client::{Reader, Writer},
    credentials::Credential,
    hosts::Hosts,
    model::decode,
    retry::{self, Class, Effect, Next, Tries, retry_after},
};
use crate::{
    error::{
        Error,
        ErrorType::{
            DeadlineExceeded, Forbidden, JumpCloudUnavailable, OutcomeUnknown, RateLimited, Unauthorized,
            UnexpectedResponse,
        },
    },
    text,
};

/// For one try. JumpCloud's own tools wait 30 s; two tries in that time help more.
const TRY_TIMEOUT: Duration = Duration::from_secs(12);
/// A change is not sent with less time than this left: its answer would be lost.
const MIN_TIME_FOR_A_CHANGE: Duration = Duration::from_millis(500);
const MAX_BODY: usize = 8 << 20;

/// What a path is below.
#[derive(Clone, Copy, Debug)]
pub(super) enum Base {
    /// The v1 base.
    Api,
    /// Directory Insights, which has a host of its own.
    Insights,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) base: Base,
    /// Below the base, starting with a slash.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) effect: Effect,
}

/// An answer that is neither an error nor a page of somebody else.
pub(super) struct Answer {
    status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Whether it is one that JumpCloud's clients report for a change: 200, 201, 202 or 204, and no error in the body.
    pub(super) fn accepted(&self) -> bool {
        let complains = |body: Value| body.get("error").is_some() || body.get("errors").is_some();
        matches!(self.status.as_u16(), 200 | 201 | 202 | 204)
            && !serde_json::from_slice(&self.body).is_ok_and(complains)
    }

    /// That a change whose answer shows no object was accepted.
    fn documented(&self) -> Result<(), Error> {
        self.accepted().then_some(()).ok_or_else(|| {
            OutcomeUnknown.error(format!(
                "JumpCloud answered the change in a way that is not documented (status {}); it may have been carried out; look at the target before doing anything again",
                self.status
            ))
        })
    }
}

/// What a read found.
pub(super) enum Read<T> {
    /// What was asked for.
    Found(T),
    /// An answer without content: 204, an empty body or `null`. A list without entries may look so, and an object
    /// that does not exist.
    Empty,
    /// 404, or an id that JumpCloud does not take.
    NotFound,
}

/// Why a try failed.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) class: Class,
}

impl From<Error> for Failure {
    /// Before JumpCloud was asked.
    fn from(error: Error) -> Self {
        Self { error, class: Class::Refused }
    }
}

impl Reader<'_> {
    /// Sends a read and decodes its answer.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Option<Value>,
    ) -> Result<Read<T>, Error> {
        let request = Request { method, base: Base::Api, path, body, effect: Effect::Read };
        let Some(answer) = self.send(&request).await? else { return Ok(Read::NotFound) };
        if matches!(answer.body.trim_ascii(), b"" | b"null") {
            return Ok(Read::Empty);
        }
        decode(&answer.body).map(Read::Found).map_err(|error| not_understood(&error))
    }

    /// Sends `request` until it is answered, may not be repeated or the time is up; `None` for 404. A change that
    /// JumpCloud may have carried out without saying so is `OutcomeUnknown`.
    pub(super) async fn send(&self, request: &Request) -> Result<Option<Answer>, Error> {
        self.send_as(request, Tries::first(request.effect)).await.map_err(|failure| failure.error)
    }

    /// The same with the tries that there are, and how the last one failed.
    pub(super) async fn send_as(&self, request: &Request, mut tries: Tries) -> Result<Option<Answer>, Failure> {
        let mut key = self.in_time(self.client.credentials.current()).await?;
        let mut arrived = false;
        loop {
            let Some(left) = self.time_for(request.effect) else {
                return Err(settled(request, arrived, out_of_time()).into());
            };
            // Boxed: a run holds several of these at a time, and each is as large as all that it waits for.
            let failure = match Box::pin(self.try_once(request, &key, left)).await {
                // What was to be deleted is gone, by whichever of the tries.
                Ok(None) if request.method == Method::DELETE => return Ok(None),
                Ok(None) if arrived && request.effect != Effect::Read => {
                    return Err(settled(request, arrived, UnexpectedResponse.error("not found")).into());
                }
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            arrived |= failure.class.arrived();
            match retry::next(failure.class, tries, left, fastrand::f64()) {
                Next::GiveUp => {
                    return Err(Failure { error: settled(request, arrived, failure.error), class: failure.class });
                }
                Next::RenewKey => {
                    let renewed = self.in_time(self.client.credentials.renewed(&key)).await;
                    key = renewed.map_err(|error| settled(request, arrived, error))?;
                    tries.renewed = true;
                }
                Next::Reconnect => tries.dead += 1,
                Next::Wait(wait) => {
                    sleep(wait).await;
                    tries.counted += 1;
                }
            }
        }
    }

    /// What is left of the time, if it is enough.
    fn time_for(&self, effect: Effect) -> Option<Duration> {
        let left = self.time_left();
        let enough = if effect == Effect::Read { !left.is_zero() } else { left >= MIN_TIME_FOR_A_CHANGE };
        enough.then_some(left)
    }

    /// Whoever gives the credentials has only what is left of the invocation, too.
    pub(super) async fn in_time(
        &self,
        key: impl Future<Output = Result<Credential, Error>>,
    ) -> Result<Credential, Error> {
        timeout_at(self.deadline, key).await.unwrap_or_else(|_| Err(out_of_time()))
    }

    async fn try_once(&self, request: &Request, key: &Credential, left: Duration) -> Result<Option<Answer>, Failure> {
        self.count().calls += 1;
        let start = Instant::now();
        let answer = self.exchange(request, key, left).await;
        self.count().latencies_ms.push(start.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
        let (status, headers, body) = answer?;
        tracing::debug!(method = %request.method, status = status.as_u16(), collection = request.path.split('/').nth(1), "JumpCloud answered");
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !status.is_success() {
            if status == StatusCode::TOO_MANY_REQUESTS {
                self.count().throttled += 1;
            }
            let said = said(&body.unwrap_or_default(), key);
            let asked = Asked { said, what: key.what(), host: Hosts::name(&key.hosts().api) };
            return match failure_of(status, &headers, &asked, request.effect) {
                Some(failure) => Err(failure),
                None => Ok(None),
            };
        }
        let body = body?;
        // The commands answer with text, or nothing, or JSON; a page of HTML comes from somewhere else.
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let usable = match request.effect {
            Effect::Read => content_type.starts_with("application/json") || body.is_empty(),
            Effect::Repeatable | Effect::Once => !content_type.starts_with("text/html"),
        };
        if !usable {
            let error = UnexpectedResponse.error(
                "the answer is not JumpCloud's: a page instead of data; check the API URL and what stands between",
            );
            return Err(Failure { error, class: Class::Failed });
        }
        Ok(Some(Answer { status, headers, body }))
    }

    /// One request and its answer: status, headers, and the body where it could be read.
    async fn exchange(
        &self,
        request: &Request,
        key: &Credential,
        left: Duration,
    ) -> Result<(StatusCode, HeaderMap, Result<Vec<u8>, Failure>), Failure> {
        // What must not be repeated gets all the time there is to be answered.
        let timeout = if request.effect == Effect::Once { left } else { left.min(TRY_TIMEOUT) };
        let hosts = key.hosts();
        let base = match request.base {
            Base::Api => &hosts.api,
            Base::Insights => &hosts.insights,
        };
        let url = format!("{base}{}", request.path);
        let builder = self.client.http.request(request.method.clone(), url).timeout(timeout).headers(key.headers());
        let builder = builder.header(ACCEPT, "application/json");
        let builder = match &request.body {
            Some(body) => builder.json(body),
            None if request.method == Method::GET => builder,
            // A length, or servers may answer 411; a type, as JumpCloud's samples send, or it may answer 415.
            None => builder.header(CONTENT_LENGTH, 0).header(CONTENT_TYPE, "application/json"),
        };
        let mut response = builder.send().await.map_err(|error| self.unanswered(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = read_body(response).await.map_err(|error| match error {
            Some(error) => self.unanswered(&error),
            None => Failure {
                error: UnexpectedResponse.error("JumpCloud's answer is larger than 8 MiB and was not read"),
                class: Class::Failed,
            },
        });
        Ok((status, headers, body))
    }

    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        let class = class_of(error);
        let error = if self.time_left().is_zero() {
            DeadlineExceeded.error("the function's time ran out while JumpCloud was being asked; try again or raise the function's timeout")
        } else if class == Class::Unreachable {
            let how = unreachable(error);
            JumpCloudUnavailable.error(format!("JumpCloud could not be reached{how}; nothing was changed by this call; check the function's network, or try again"))
        } else {
            JumpCloudUnavailable.error("JumpCloud did not answer; try again")
        };
        Failure { error, class }
    }
}

impl Writer<'_> {
    /// Sends a change whose answer shows no object. One that JumpCloud's clients do not report is `OutcomeUnknown`.
    pub(super) async fn command(&self, path: String, body: Option<Value>, effect: Effect) -> Result<(), Error> {
        let answer = self.change(Request { method: Method::POST, base: Base::Api, path, body, effect }).await?;
        answer.documented()
    }

    /// Deletes what `path` leads to. Where it is gone already, nothing is left to do.
    pub(super) async fn delete(&self, path: String) -> Result<(), Error> {
        let effect = Effect::Repeatable;
        let request = Request { method: Method::DELETE, base: Base::Api, path, body: None, effect };
        self.reader().send(&request).await?.map_or(Ok(()), |answer| answer.documented())
    }

    /// Sends a change; 404 is an error.
    pub(super) async fn change(&self, request: Request) -> Result<Answer, Error> {
        let answer = self.reader().send(&request).await?;
        answer.ok_or_else(|| {
            UnexpectedResponse.error("JumpCloud no longer knows the target (status 404); nothing was changed by this call; look whether it was deleted")
        })
    }
}

/// A read whose answer is no JSON of the documented form. Names the place, never the text.
pub(super) fn not_understood(error: &serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    UnexpectedResponse
        .error(format!("JumpCloud's answer could not be understood ({place}); nothing was changed by this call"))
}

/// What `error` means for a request that may have `arrived`.
fn settled(request: &Request, arrived: bool, error: Error) -> Error {
    if !arrived || request.effect == Effect::Read {
        return error;
    }
    let cause = error.error_type;
    OutcomeUnknown
        .error(format!(
            "the change was sent to JumpCloud and its answer did not come ({cause}); it may have been carried out; look at the target before doing anything again"
        ))
        .caused_by(cause)
}

fn out_of_time() -> Error {
    DeadlineExceeded.error(
        "the function's time ran out before JumpCloud was asked; nothing was changed by this call; \
         try again or raise the function's timeout",
    )
}

/// How a try failed that was not answered.
pub(super) fn class_of(error: &reqwest::Error) -> Class {
    match error {
        error if error.is_connect() || error.is_builder() => Class::Unreachable, // before anything was sent
        error if error.is_timeout() => Class::Silent,
        _ => Class::Closed,
    }
}

/// Which step to a connection failed, where that is known.
fn unreachable(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return " (no connection in time)";
    }
    // An error of TLS is wrapped in another `io::Error`, which leaves it out of the chain of sources.
    let kind = |error: &io::Error| match error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        Some(inner) => inner.kind(),
        None => error.kind(),
    };
    for source in successors(error.source(), |error| (*error).source()) {
        match source.downcast_ref::<io::Error>().map(kind) {
            _ if source.to_string() == "dns error" => return " (its name could not be resolved)",
            Some(ErrorKind::ConnectionRefused) => return " (the connection was refused)",
            Some(ErrorKind::InvalidData) => {
                return " (TLS failed: its certificate is not accepted, or it does not speak TLS)";
            }
            _ => {}
        }
    }
    ""
}

/// `Err(None)`: larger than [`MAX_BODY`].
pub(super) async fn read_body(mut response: Response) -> Result<Vec<u8>, Option<reqwest::Error>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Some)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What messages about a refused call name.
struct Asked<'a> {
    /// See [`said`].
    said: String,
    /// The kind of credential.
    what: &'a str,
    host: &'a str,
}

/// What an answer other than 2xx and 404 means; `None` for an id that JumpCloud does not take, which is one that it does not know.
fn failure_of(status: StatusCode, headers: &HeaderMap, asked: &Asked<'_>, effect: Effect) -> Option<Failure> {
    let Asked { said, what, host } = asked;
    let read = effect == Effect::Read;
    let (error, class) = match status.as_u16() {
        400 if read && said.to_lowercase().contains("invalid object id") => return None,
        300..=399 => {
            let why = format!(
                "{host} redirected the call, as JumpCloud does without a valid key; check the {what} and the region (each has its own API URL)"
            );
            (Unauthorized.error(why), Class::Refused)
        }
        401 => {
            let why = format!(
                "JumpCloud does not accept the {what}{said}; check that it is not expired or replaced, belongs to the region that was asked ({host}), and has its organization (org_id)"
            );
            (Unauthorized.error(why), Class::KeyRefused)
        }
        403 if said == NO_JSON => {
            let why = format!(
                "{host} refuses the call with a page instead of data (status 403){said}: this is no refusal by a role, something in front of JumpCloud blocks the call, such as its protection against abuse, by this IP address, or a proxy"
            );
            (Forbidden.error(why), Class::Blocked)
        }
        403 => {
            let why = format!(
                "JumpCloud refuses the call{said}; the role of the {what} does not allow it: at least the Manager role with API access, or a custom role with the call's scope"
            );
            (Forbidden.error(why), Class::Refused)
        }
        429 => {
            let why = format!("JumpCloud asks to slow down{said}; nothing was changed by this call; try again later");
            (RateLimited.error(why), Class::Throttled(retry_after(headers)))
        }
        502..=504 => {
            let why = format!("JumpCloud is not available (status {status}){said}; try again");
            (JumpCloudUnavailable.error(why), Class::Unavailable(retry_after(headers)))
        }
        // Cloudflare, in front of JumpCloud, about what is behind it.
        520..=524 if read => {
            let why = format!("JumpCloud is not available (status {status}){said}; try again");
            (JumpCloudUnavailable.error(why), Class::Unavailable(retry_after(headers)))
        }
        500..=599 => {
            let why = format!("JumpCloud failed (status {status}){said}; try again");
            (JumpCloudUnavailable.error(why), Class::Failed)
        }
        _ => {
            let why = format!("JumpCloud refused the call (status {status}){said}; nothing was changed by this call");
            (UnexpectedResponse.error(why), Class::Refused)
        }
    };
    Some(Failure { error, class })
}

/// Of an answer that is no JSON.
const NO_JSON: &str = " (no JSON answer)";

/// JumpCloud's own words about an error, as ` (said: "...")`; its bodies have at least three shapes.
fn said(body: &[u8], key: &Credential) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return NO_JSON.to_owned() };
    let text = ["message", "error", "status"].into_iter().find_map(|field| body[field].as_str());
    let Some(text) = text else { return String::new() };
    // In this order: a character in the middle of the key would hide it.
    let clean = key.redact(&text::removed(text));
    format!(" (said: \"{}\")", text::shortened(&clean, 160))
}

#[cfg(test)]
mod tests {
    use super::{super::credentials::example, *};

    #[test]
    fn what_jumpcloud_said_is_cleaned_before_the_key_is_looked_for() {
        let key = example("jca_0123456789").unwrap();
        let said = |text: &str| said(serde_json::json!({"message": text}).to_string().as_bytes(), &key);
        for broken in
            ["jca_01234\n56789", "jca_\u{200b}01234\u{202e}56789", "jca_0123456789\u{2028}", "\u{feff}jca_0123456789"]
        {
            assert_eq!(said(&format!("no {broken}")), " (said: \"no [redacted]\")", "{broken:?}");
        }
        assert!(said(&format!("{}jca_0123456789", "x".repeat(155))).contains('…'));
        assert!(!said(&format!("{}jca_0123456789", "x".repeat(155))).contains("jca"));
    }
}
