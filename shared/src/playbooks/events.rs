//! What Directory Insights recorded about a user or host: logins, failed ones, changes by administrators.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{question::Part, subject::Subject, words::counted};
use crate::{
    error::Error,
    jumpcloud::{Event, Listed, Reader, System, SystemUser},
    outcome::{Advisory, AdvisoryCode},
    request::RequestInfo,
};

/// How far back where an event does not say, in hours.
const DEFAULT_HOURS: u16 = 24;

/// By the user, to the user, or under the user's name on a device: those carry no id. The names are known once the user is
/// read.
pub(super) async fn of_user(user: &Subject<'_, SystemUser>, info: &RequestInfo) -> Result<Part, Error> {
    let (id, object) = (user.id.as_str(), user.object().await?);
    let name = |of: fn(&SystemUser) -> &Option<String>| object.and_then(|user| of(user).as_deref());
    let mut terms = vec![("initiated_by.id", id), ("resource.id", id)];
    for name in [name(|user| &user.username), name(|user| &user.system_username)].into_iter().flatten() {
        terms.extend([("initiated_by.username", name), ("resource.username", name), ("username", name)]);
    }
    terms.extend(name(|user| &user.email).map(|email| ("initiated_by.email", email)));
    part(user.reader, info, &terms).await
}

/// On the host, or to it.
pub(super) async fn of_host(host: &Subject<'_, System>, info: &RequestInfo) -> Result<Part, Error> {
    let id = host.id.as_str();
    part(host.reader, info, &[("system.id", id), ("resource.id", id)]).await
}

async fn part(reader: &Reader<'_>, info: &RequestInfo, terms: &[(&str, &str)]) -> Result<Part, Error> {
    let hours = info.hours.unwrap_or(DEFAULT_HOURS);
    let since = SystemTime::now() - Duration::from_secs(3600 * u64::from(hours));
    let Listed { items: events, truncated } = reader.events(since.into(), terms).await?;
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    let words = format!(
        "{} in {hours} h ({}, {})",
        counted(events.len(), "event"),
        counted(count(Event::is_failed_login), "failed login"),
        counted(count(Event::is_by_administrator), "administrator's change"),
    );
    let lag = events.is_empty().then(|| {
        Advisory::new(
            AdvisoryCode::EventsMayLag,
            format!("No event of the last {hours} h is known yet. JumpCloud knows an event some seconds after it happened, 20 and more: ask again before concluding that there was none."),
        )
    });
    let incomplete = truncated.then(|| {
        Advisory::new(
            AdvisoryCode::EventsIncomplete,
            "Not all events are listed here: more than 2,000 match, and which of them came first is JumpCloud's choice. Ask for fewer `hours`, or see Directory Insights.",
        )
    });
    let advisories = lag.into_iter().chain(incomplete).collect();
    Ok(Part { words: Some(words), advisories, truncated, ..Part::new(json!(events)) })
}
