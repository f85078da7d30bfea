//! Sending one request to JumpCloud: what is repeated, when, and what an answer means.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::retry::{backoff, retry_after};
use crate::{
    credentials::{ApiKey, KeyStore},
    error::{
        Error,
        ErrorType::{
            DeadlineExceeded, Forbidden, Internal, JumpCloudUnavailable, OutcomeUnknown, RateLimited, Unauthorized,
            UnexpectedResponse,
        },
    },
    http::{self, CONNECT_TIMEOUT},
};

/// For one try. JumpCloud's own tools wait 30 s; two tries in that time help more.
const TRY_TIMEOUT: Duration = Duration::from_secs(12);
const MAX_TRIES: u32 = 5;
/// JumpCloud may ask for minutes; a caller that retries is cheaper than a function that sleeps.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// A change is not sent with less time than this left: its answer would be lost.
const MIN_TIME_FOR_A_CHANGE: Duration = Duration::from_millis(500);
/// Lambda freezes the process between invocations, and a connection that died meanwhile is seen when it is used. So many
/// are left behind by a batch: eight records, two calls side by side each. Keeping fewer was tried: a third of the records
/// per second, for the connections that are opened again.
const MAX_DEAD: u32 = 16;
const MAX_BODY: usize = 8 << 20;

/// The connection to one JumpCloud organization; one per process.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    keys: KeyStore,
}

impl Client {
    /// `base_url` is the v1 base (`https://console.jumpcloud.com/api`); see [`http::checked_url`] for what is refused.
    /// `http` must not follow redirects.
    pub fn new(base_url: &str, http: reqwest::Client, keys: KeyStore, sam_local: bool) -> Result<Self, Error> {
        let url = http::checked_url("JUMPCLOUD_API_URL", base_url, sam_local)?;
        Ok(Self { http, base_url: url.as_str().trim_end_matches('/').to_owned(), keys })
    }

    /// Reads the key and opens the connection side by side, so that the first invocation finds both. What
    /// fails here is tried again, and then reported, by the invocation.
    pub async fn warm_up(&self) {
        // Without the key: it is not there yet, and the answer (a redirect to the login page) does not matter.
        let connect = self.http.head(&self.base_url).timeout(CONNECT_TIMEOUT).send();
        let (key, _) = tokio::join!(self.keys.current(), connect);
        if let Err(error) = key {
            tracing::warn!(error_type = ?error.error_type, "the API key could not be read during init");
        }
    }

    /// The calls of one invocation. With `dry_run` nothing but reads can be sent.
    pub fn session(&self, deadline: Instant, dry_run: bool) -> Session<'_> {
        Session { client: self, deadline, dry_run, traffic: Mutex::default() }
    }
}

/// What sending a request twice would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: a GET or a search.
    Read,
    /// The same as sending it once.
    Repeatable,
    /// Something else than sending it once: each shutdown is queued.
    Once,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Below the v1 base, starting with a slash.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) effect: Effect,
}

/// The calls of one invocation: its deadline, its dry run, its count.
#[derive(Debug)]
pub struct Session<'a> {
    client: &'a Client,
    deadline: Instant,
    dry_run: bool,
    traffic: Mutex<Traffic>,
}

/// What was sent to JumpCloud in one invocation.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Requests, repeated ones included.
    pub calls: u32,
    /// Those that were answered with 429.
    pub throttled: u32,
    /// How long each took that ended.
    pub latencies_ms: Vec<u64>,
}

/// Why a try failed.
struct Failure {
    error: Error,
    /// JumpCloud may have carried the request out.
    arrived: bool,
    next: Next,
}

enum Next {
    GiveUp,
    RenewKey,
    /// A read at once, for the connection was closed, which says little about JumpCloud; the rest as usual.
    Reconnect,
    /// After so long, or after the usual backoff.
    TryAgain(Option<Duration>),
}

impl Session<'_> {
    /// Whether nothing but reads can be sent.
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// What was sent so far.
    pub fn traffic(&self) -> Traffic {
        self.count().clone()
    }

    fn count(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a read and decodes its answer; `None` for 404.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Option<Value>,
    ) -> Result<Option<T>, Error> {
        let request = Request { method, path, body, effect: Effect::Read };
        let Some(body) = self.send(&request).await? else { return Ok(None) };
        let decoded = serde_json::from_slice(&body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            UnexpectedResponse.error(format!(
                "JumpCloud's answer could not be understood ({place}); nothing was changed by this call"
            ))
        });
        decoded.map(Some)
    }

    /// Sends `request` until it is answered, may not be repeated or the time is up; the body of a 2xx, or
    /// `None` for 404. A change that JumpCloud may have carried out without saying so is `OutcomeUnknown`.
    pub(super) async fn send(&self, request: &Request) -> Result<Option<Vec<u8>>, Error> {
        let changes = request.effect != Effect::Read;
        if changes && self.dry_run {
            return Err(
                Internal.error("a dry run was about to change something; it was stopped and nothing was changed")
            );
        }
        let mut key = self.in_time(self.client.keys.current()).await?;
        let mut key_is_new = false;
        let mut arrived = false;
        let (mut tries, mut dead) = (1, 0);
        let error = loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || (changes && left < MIN_TIME_FOR_A_CHANGE) {
                break out_of_time();
            }
            self.count().calls += 1;
            let start = Instant::now();
            let answer = self.try_once(request, &key, left).await;
            self.count().latencies_ms.push(start.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
            let failure = match answer {
                Ok(None) if arrived && changes => break UnexpectedResponse.error("not found"),
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            arrived |= failure.arrived;
            let wait = match failure.next {
                Next::RenewKey if !key_is_new => {
                    key_is_new = true;
                    match self.in_time(self.client.keys.renewed(&key)).await {
                        Ok(renewed) => key = renewed,
                        Err(error) => break error,
                    }
                    continue;
                }
                _ if request.effect == Effect::Once && failure.arrived => break failure.error,
                Next::Reconnect if request.effect == Effect::Read && dead < MAX_DEAD => {
                    dead += 1;
                    continue;
                }
                Next::TryAgain(Some(wait)) if tries < MAX_TRIES => wait,
                Next::TryAgain(None) | Next::Reconnect if tries < MAX_TRIES => backoff(tries),
                _ => break failure.error,
            };
            if wait >= left || wait > MAX_RETRY_AFTER {
                break failure.error;
            }
            sleep(wait).await;
            tries += 1;
        };
        if arrived && changes {
            return Err(OutcomeUnknown.error(format!(
                "the change was sent to JumpCloud and its answer did not come ({:?}); it may have been carried out; look at the target before doing anything again",
                error.error_type
            )));
        }
        Err(error)
    }

    /// Secrets Manager has only what is left of the invocation, too.
    async fn in_time(&self, key: impl Future<Output = Result<ApiKey, Error>>) -> Result<ApiKey, Error> {
        timeout_at(self.deadline, key).await.unwrap_or_else(|_| Err(out_of_time()))
    }

    async fn try_once(&self, request: &Request, key: &ApiKey, left: Duration) -> Result<Option<Vec<u8>>, Failure> {
        let give_up = |error| Failure { error, arrived: false, next: Next::GiveUp };
        // What must not be repeated gets all the time there is to be answered.
        let timeout = if request.effect == Effect::Once { left } else { left.min(TRY_TIMEOUT) };
        let url = format!("{}{}", self.client.base_url, request.path);
        let mut builder = self
            .client
            .http
            .request(request.method.clone(), url)
            .timeout(timeout)
            .header(ACCEPT, "application/json")
            .header("x-api-key", key.header().map_err(give_up)?);
        if let Some(org_id) = &key.org_id {
            builder = builder.header("x-org-id", org_id);
        }
        builder = match &request.body {
            Some(body) => builder.json(body),
            None if request.method == Method::GET => builder,
            None => builder.header(CONTENT_LENGTH, 0), // left out otherwise, which servers may refuse with 411
        };
        let response = builder.send().await.map_err(|error| self.unanswered(&error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = read_body(response).await.map_err(|error| match error {
            Some(error) => self.unanswered(&error),
            None => Failure {
                arrived: true,
                ..give_up(UnexpectedResponse.error("JumpCloud's answer is larger than 8 MiB and was not read"))
            },
        });
        tracing::debug!(method = %request.method, status = status.as_u16(), collection = request.path.split('/').nth(1), "JumpCloud answered");
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.count().throttled += 1;
        }
        if !status.is_success() {
            return Err(refused(status, &headers, &body.unwrap_or_default(), key));
        }
        let body = body?;
        // The commands answer with text, or nothing, or JSON; a page of HTML comes from somewhere else.
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let usable = match request.effect {
            Effect::Read => content_type.starts_with("application/json"),
            Effect::Repeatable | Effect::Once => !content_type.starts_with("text/html"),
        };
        if !usable {
            let error = UnexpectedResponse.error("the answer is not JumpCloud's: a page instead of data; check JUMPCLOUD_API_URL and what stands between");
            return Err(Failure { arrived: true, ..give_up(error) });
        }
        Ok(Some(body))
    }

    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        // `is_connect` is before anything was sent; everything else may be after.
        let arrived = !error.is_connect() && !error.is_builder();
        let next = if arrived && !error.is_timeout() { Next::Reconnect } else { Next::TryAgain(None) };
        let error = if self.deadline <= Instant::now() {
            DeadlineExceeded.error("the function's time ran out while JumpCloud was being asked; try again or raise the function's timeout")
        } else if error.is_connect() {
            JumpCloudUnavailable.error("JumpCloud could not be reached; nothing was changed by this call; check the function's network, or try again")
        } else {
            JumpCloudUnavailable.error("JumpCloud did not answer; try again")
        };
        Failure { error, arrived, next }
    }
}

fn out_of_time() -> Error {
    DeadlineExceeded.error(
        "the function's time ran out before JumpCloud was asked; nothing was changed by this call; \
         try again or raise the function's timeout",
    )
}

/// `Err(None)`: larger than [`MAX_BODY`].
async fn read_body(mut response: Response) -> Result<Vec<u8>, Option<reqwest::Error>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Some)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an answer other than 2xx and 404 means.
fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8], key: &ApiKey) -> Failure {
    let said = said(body, key);
    let (error, arrived, next) = match status.as_u16() {
        300..=399 => {
            let why = "JumpCloud redirected the call, as it does without a valid key; check the API key and JUMPCLOUD_API_URL (each region has its own)";
            (Unauthorized.error(why), false, Next::GiveUp)
        }
        401 => {
            let why = format!(
                "JumpCloud does not accept the API key{said}; check that it is not expired or replaced, belongs to this region (JUMPCLOUD_API_URL), and has its organization (org_id)"
            );
            (Unauthorized.error(why), false, Next::RenewKey)
        }
        403 => {
            let why = format!(
                "JumpCloud refuses the call{said}; the key's administrator needs at least the Manager role with API access enabled; an answer that is no JSON can be an abuse block of this IP address"
            );
            (Forbidden.error(why), false, Next::GiveUp)
        }
        429 => {
            let why = format!("JumpCloud asks to slow down{said}; nothing was changed by this call; try again later");
            (RateLimited.error(why), false, Next::TryAgain(retry_after(headers)))
        }
        502..=504 => {
            let why = format!("JumpCloud is not available (status {status}){said}; try again");
            (JumpCloudUnavailable.error(why), true, Next::TryAgain(retry_after(headers)))
        }
        500..=599 => {
            let why = format!("JumpCloud failed (status {status}){said}; try again");
            (JumpCloudUnavailable.error(why), true, Next::GiveUp)
        }
        _ => {
            let why = format!("JumpCloud refused the call (status {status}){said}; nothing was changed by this call");
            (UnexpectedResponse.error(why), false, Next::GiveUp)
        }
    };
    Failure { error, arrived, next }
}

/// JumpCloud's own words about an error, as ` (said: "...")`; its bodies have at least three shapes.
fn said(body: &[u8], key: &ApiKey) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return " (no JSON answer)".to_owned() };
    let text = ["message", "error", "status"].into_iter().find_map(|field| body[field].as_str());
    let Some(text) = text else { return String::new() };
    let clean: String = key.redact(text).chars().filter(|c| !c.is_control()).take(160).collect();
    format!(" (said: \"{clean}\")")
}
