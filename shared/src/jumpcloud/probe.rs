//! The reads of the playbooks in their cheapest form, each sent once: what JumpCloud lets a key read.

use std::time::{Duration, SystemTime};

use futures_util::future::{join, join_all};
use reqwest::{
    Method,
    header::{DATE, HeaderMap},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use serde_with::apply;
use tokio::time::Instant;

use super::{
    client::Reader,
    model::{decode, lenient},
    retry::{Class, Effect, Tries},
    send::{Answer, Base, Failure, Request, not_understood},
};
use crate::{
    checks::Cause,
    error::{
        Error,
        ErrorType::{
            DeadlineExceeded, Forbidden, JumpCloudUnavailable, SecretUnavailable, Unauthorized, UnexpectedResponse,
        },
    },
    ids::ObjectId,
};

/// A read that playbooks make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Method and path, below v1's base or that of Directory Insights: `GET /systemusers/{id}`.
    pub call: &'static str,
    /// The smallest scope that allows it; `None` where that is not known.
    pub scope: Option<&'static str>,
    /// Whose id it needs, where it needs one.
    pub about: Option<About>,
}

/// What a read is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A user.
    User,
    /// A system.
    System,
}

const fn probe(call: &'static str, scope: &'static str, about: Option<About>) -> Probe {
    Probe { call, scope: Some(scope), about }
}

const USERS: &str = "users.readonly";
const SYSTEMS: &str = "systems.readonly";
const GROUPS: &str = "groups.readonly";
const USER: Option<About> = Some(About::User);
const SYSTEM: Option<About> = Some(About::System);
const SEARCHES: [Probe; 2] =
    [probe("POST /search/systemusers", USERS, None), probe("POST /search/systems", SYSTEMS, None)];
const OF_AN_OBJECT: [Probe; 6] = [
    probe("GET /systemusers/{id}", USERS, USER),
    probe("GET /v2/users/{id}/systems", SYSTEMS, USER),
    probe("GET /v2/users/{id}/memberof", GROUPS, USER),
    probe("GET /systems/{id}", SYSTEMS, SYSTEM),
    probe("GET /v2/systems/{id}/users", USERS, SYSTEM),
    probe("GET /v2/systems/{id}/memberof", GROUPS, SYSTEM),
];
const LISTS: [Probe; 5] = [
    probe("GET /v2/bulk/userstates", USERS, None),
    probe("GET /v2/applemdms", "mdm.readonly", None),
    probe("GET /v2/systeminsights/logged_in_users", "systeminsights.readonly", None),
    probe("GET /v2/queuedcommand/workflows", "commands.readonly", None),
    Probe { call: "POST /events", scope: None, about: None },
];

/// A read, and how it ended.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The read.
    pub probe: Probe,
    /// `None` where it was not sent.
    pub ended: Option<Result<(), Refusal>>,
    /// How long it took.
    pub took: Duration,
    /// JumpCloud's time less ours, in seconds; 0 for a time between sending and receiving.
    pub ahead: Option<i64>,
    /// The organization of what was found.
    pub organization: Option<String>,
    /// What was found, to ask about.
    id: Option<ObjectId>,
}

impl Probed {
    fn not_sent(probe: Probe) -> Self {
        Self { probe, ended: None, took: Duration::ZERO, ahead: None, organization: None, id: None }
    }

    /// How it failed.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.ended.as_ref()?.as_ref().err()
    }

    /// Whether any other read would fail like it.
    fn stands_for_all(&self) -> bool {
        let all =
            [Cause::SecretUnavailable, Cause::NotReached, Cause::Blocked, Cause::KeyOrRegion, Cause::NotJumpCloud];
        self.refusal().is_some_and(|refusal| all.contains(&refusal.cause))
    }
}

/// Why a read failed, by name and in words.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// By name.
    pub cause: Cause,
    /// In words.
    pub why: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Failure::from(error).into()
    }
}

impl From<Failure> for Refusal {
    fn from(Failure { error, class }: Failure) -> Self {
        let cause = match (class, error.error_type) {
            (_, SecretUnavailable) => Cause::SecretUnavailable,
            (Class::Unreachable | Class::Silent | Class::Closed, _) | (_, DeadlineExceeded) => Cause::NotReached,
            (Class::Throttled(_), _) => Cause::RateLimited,
            (Class::Blocked, _) => Cause::Blocked,
            (_, Unauthorized) => Cause::KeyOrRegion,
            (_, Forbidden) => Cause::RoleOrScope,
            (_, JumpCloudUnavailable) => Cause::Unavailable,
            (Class::Failed, UnexpectedResponse) => Cause::NotJumpCloud,
            _ => Cause::Refused,
        };
        Self { cause, why: error.message }
    }
}

impl Reader<'_> {
    /// Sends every read once: the searches, then concurrently the others, those about a user or a system with the first that was
    /// found. Where neither search got to JumpCloud or past its check of the key, the others are not sent: they would end so, too.
    pub async fn probe_all(&self) -> Vec<Probed> {
        let [users, systems] = SEARCHES.map(|search| self.probe(search, None));
        let (users, systems) = join(users, systems).await;
        let others = OF_AN_OBJECT.into_iter().chain(LISTS);
        let mut all = if users.stands_for_all() && systems.stands_for_all() {
            others.map(Probed::not_sent).collect()
        } else {
            let id = |probe: Probe| match probe.about {
                Some(About::User) => users.id.as_ref(),
                Some(About::System) => systems.id.as_ref(),
                None => None,
            };
            join_all(others.map(|probe| self.probe(probe, id(probe)))).await
        };
        all.splice(0..0, [users, systems]);
        all
    }

    async fn probe(&self, probe: Probe, id: Option<&ObjectId>) -> Probed {
        let not_sent = Probed::not_sent(probe);
        if probe.about.is_some() && id.is_none() {
            return not_sent;
        }
        let request = request(probe, id);
        let (sent, start) = (SystemTime::now(), Instant::now());
        let answer = Box::pin(self.send_as(&request, Tries::only(Effect::Read))).await;
        let took = start.elapsed();
        let probed = Probed { took, ..not_sent };
        let refused = |cause, error: Error| Some(Err(Refusal { cause, why: error.message }));
        let answer = match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                let why = "JumpCloud knows no such call at this URL, or not the organization (status 404)";
                return Probed { ended: refused(Cause::NotFound, UnexpectedResponse.error(why)), ..probed };
            }
            Err(failure) => return Probed { ended: Some(Err(failure.into())), ..probed },
        };
        let ahead = ahead(&answer.headers, sent, sent + took);
        match found(&answer, SEARCHES.contains(&probe)) {
            Ok(found) => {
                let id = found.id.or(found.other_id).and_then(|id| ObjectId::parse(&id));
                Probed { ended: Some(Ok(())), ahead, organization: found.organization, id, ..probed }
            }
            Err(error) => Probed { ended: refused(Cause::NotJumpCloud, not_understood(&error)), ahead, ..probed },
        }
    }
}

/// The smallest form of a read.
fn request(probe: Probe, id: Option<&ObjectId>) -> Request {
    let (method, path) = probe.call.split_once(' ').unwrap_or_default();
    let path = path.replace("{id}", id.map(ObjectId::as_str).unwrap_or_default());
    let base = if path == "/events" { Base::Insights } else { Base::Api };
    let (method, body, path) = match (method, base) {
        ("GET", _) if path.starts_with("/v2/") => (Method::GET, None, format!("{path}?limit=1")),
        ("GET", _) => (Method::GET, None, path),
        (_, Base::Api) => (Method::POST, Some(json!({"limit": 1, "skip": 0, "sort": "_id"})), path),
        (_, Base::Insights) => (Method::POST, Some(last_hour()), path),
    };
    Request { method, base, path, body, effect: Effect::Read }
}

fn last_hour() -> Value {
    let since = chrono::DateTime::<chrono::Utc>::from(SystemTime::now() - Duration::from_secs(3600));
    let since = since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    json!({"service": ["directory"], "start_time": since, "limit": 1})
}

/// What a search found first.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Debug, Default, Deserialize)]
struct First {
    #[serde(rename = "_id")]
    id: Option<String>,
    #[serde(rename = "id")]
    other_id: Option<String>,
    organization: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    results: Vec<First>,
}

/// What the answer holds, if it is JumpCloud's.
fn found(answer: &Answer, search: bool) -> Result<First, serde_json::Error> {
    if search {
        let page: Page = decode(&answer.body)?;
        return Ok(page.results.into_iter().next().unwrap_or_default());
    }
    if !answer.body.trim_ascii().is_empty() {
        serde_json::from_slice::<IgnoredAny>(&answer.body)?;
    }
    Ok(First::default())
}

/// By how many seconds the `Date` of an answer lies after it was received, or (negative) before it was asked for.
fn ahead(headers: &HeaderMap, sent: SystemTime, received: SystemTime) -> Option<i64> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match (date.duration_since(received), sent.duration_since(date)) {
        (Ok(after), _) => Some(seconds(after)),
        (_, Ok(before)) => Some(-seconds(before)),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_sending_and_receiving_is_ours() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let ahead = |date| {
            let value = httpdate::fmt_http_date(at(date)).parse().unwrap();
            ahead(&HeaderMap::from_iter([(DATE, value)]), at(1000), at(1010))
        };
        assert_eq!([ahead(1005), ahead(1010), ahead(1100), ahead(900)], [Some(0), Some(0), Some(90), Some(-100)]);
        assert_eq!(super::ahead(&HeaderMap::new(), at(0), at(1)), None);
    }
}
