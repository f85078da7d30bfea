//! What was recorded: events by Directory Insights, who is logged in by System Insights.

#![expect(missing_docs, reason = "most fields are JumpCloud's own and documented at https://docs.jumpcloud.com/api")]

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_with::apply;

use super::{
    client::Reader,
    list::Listed,
    model::{PAGE, decode, lenient},
    retry::Effect,
    send::{Base, Request, not_understood},
};
use crate::{
    error::{Error, ErrorType::UnexpectedResponse},
    ids::ObjectId,
};

/// What is asked for at a time; JumpCloud's default, and a tenth of its most.
const EVENTS_PAGE: usize = 1000;
/// Events are read up to here: more do not fit into an outcome.
const MAX_EVENTS: usize = 2 * EVENTS_PAGE;
/// Where people and devices log in, and where administrators change them.
const SERVICES: [&str; 6] = ["directory", "ldap", "mdm", "radius", "sso", "systems"];
/// Rows of System Insights at a time, of 10,000 at most.
const ROWS_PAGE: usize = 1000;

/// Something that happened.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Event {
    pub timestamp: Option<String>,
    pub service: Option<String>,
    pub event_type: Option<String>,
    pub success: Option<bool>,
    pub initiated_by: Option<Actor>,
    /// The account that was logged in to, by events of devices.
    pub username: Option<String>,
    pub client_ip: Option<String>,
    pub system: Option<EventSystem>,
    pub resource: Option<Resource>,
    pub application: Option<Application>,
    pub error_message: Option<String>,
    /// What was changed, without the values.
    pub changes: Option<Vec<ChangedField>>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Actor {
    pub id: Option<String>,
    /// `user`, `admin`, ...
    #[serde(rename = "type")]
    pub actor_type: Option<String>,
    pub username: Option<String>,
    pub email: Option<String>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct EventSystem {
    pub id: Option<String>,
    pub hostname: Option<String>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Resource {
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub resource_type: Option<String>,
    pub username: Option<String>,
    pub hostname: Option<String>,
    pub name: Option<String>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Application {
    pub name: Option<String>,
    pub display_label: Option<String>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ChangedField {
    pub field: Option<String>,
}

impl Event {
    /// The field of this name in JumpCloud's search.
    fn field(&self, name: &str) -> Option<&str> {
        let (actor, resource) = (self.initiated_by.as_ref(), self.resource.as_ref());
        match name {
            "initiated_by.id" => actor?.id.as_deref(),
            "initiated_by.username" => actor?.username.as_deref(),
            "initiated_by.email" => actor?.email.as_deref(),
            "resource.id" => resource?.id.as_deref(),
            "resource.username" => resource?.username.as_deref(),
            "system.id" => self.system.as_ref()?.id.as_deref(),
            "username" => self.username.as_deref(),
            _ => None,
        }
    }

    /// Whether somebody tried to log in and could not.
    pub fn is_failed_login(&self) -> bool {
        let kind = self.event_type.as_deref().unwrap_or_default();
        self.success == Some(false) && ["login", "auth", "bind"].iter().any(|word| kind.contains(word))
    }

    /// Whether an administrator did it.
    pub fn is_by_administrator(&self) -> bool {
        self.initiated_by.as_ref().is_some_and(|actor| actor.actor_type.as_deref() == Some("admin"))
    }
}

/// A login on a device that was there when the agent last looked.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct LoggedInUser {
    pub user: Option<String>,
    /// Where the login comes from.
    #[serde(rename(serialize = "from"))]
    pub host: Option<String>,
    pub tty: Option<String>,
    #[serde(rename = "type")]
    pub session_type: Option<String>,
    /// In seconds since 1970.
    #[serde(rename(serialize = "since"))]
    pub time: Option<u64>,
    /// When the agent looked.
    #[serde(rename(serialize = "seen"))]
    pub collection_time: Option<String>,
    #[serde(rename(serialize = "host_id"))]
    pub system_id: Option<String>,
}

impl Reader<'_> {
    /// `POST {insights}/events`: what happened since `since` where one of `terms` (field and value) holds, the newest first, at
    /// most 2,000. JumpCloud knows an event some seconds after it happened, and keeps it for 90 days.
    pub async fn events(&self, since: DateTime<Utc>, terms: &[(&str, &str)]) -> Result<Listed<Event>, Error> {
        // Values are stored in lower case.
        let terms: Vec<(&str, String)> = terms.iter().map(|(name, value)| (*name, value.to_lowercase())).collect();
        let or: Vec<Value> = terms.iter().map(|(name, value)| json!({*name: value})).collect();
        let mut body = json!({
            "service": SERVICES,
            "start_time": since.to_rfc3339_opts(SecondsFormat::Secs, true),
            "limit": EVENTS_PAGE,
            "sort": "DESC", // ignored for now
            "search_term": {"or": or},
        });
        let (mut items, mut read, mut truncated): (Vec<Event>, usize, bool) = (Vec::new(), 0, false);
        loop {
            let (page, next) = self.events_page(&body).await?;
            read += page.len();
            let last = page.len() < EVENTS_PAGE;
            // Compared again, as everywhere.
            let about = |event: &Event| {
                terms.iter().any(|(name, value)| event.field(name).is_some_and(|its| its.to_lowercase() == *value))
            };
            items.extend(page.into_iter().filter(about));
            match next {
                _ if last => break,
                Some(next) if read < MAX_EVENTS => body["search_after"] = next,
                _ => {
                    truncated = true;
                    break;
                }
            }
        }
        items.sort_by(|one, other| other.timestamp.cmp(&one.timestamp));
        Ok(Listed { items, truncated })
    }

    /// One page, and where the next begins.
    async fn events_page(&self, body: &Value) -> Result<(Vec<Event>, Option<Value>), Error> {
        let (method, path, effect) = (Method::POST, "/events".to_owned(), Effect::Read);
        let request = Request { method, base: Base::Insights, path, body: Some(body.clone()), effect };
        let answer = self.send(&request).await?.ok_or_else(|| {
            UnexpectedResponse
                .error("JumpCloud has no Directory Insights at its URL (status 404); check the URL and the plan")
        })?;
        if matches!(answer.body.trim_ascii(), b"" | b"null") {
            return Ok((Vec::new(), None));
        }
        let next = answer.headers.get("x-search_after").and_then(|next| serde_json::from_slice(next.as_bytes()).ok());
        let page = decode(&answer.body).map_err(|error| not_understood(&error))?;
        Ok((page, next.filter(Value::is_array)))
    }

    /// `GET /v2/systeminsights/logged_in_users`: who is logged in on these devices. Nothing of one whose insights are off.
    pub async fn logged_in_users(&self, ids: &[ObjectId]) -> Result<Listed<LoggedInUser>, Error> {
        let pages = try_join_all(ids.chunks(PAGE).map(async |ids| {
            let ids: Vec<&str> = ids.iter().map(ObjectId::as_str).collect();
            let query = format!("&filter=system_id:in:{}", ids.join("%7C"));
            self.list::<LoggedInUser>("/v2/systeminsights/logged_in_users", &query, ROWS_PAGE).await
        }));
        let mut all = Listed { items: Vec::new(), truncated: false };
        for page in pages.await? {
            all.truncated |= page.truncated;
            all.items.extend(page.items);
        }
        all.items.retain(|row| row.system_id.as_deref().and_then(ObjectId::parse).is_some_and(|id| ids.contains(&id)));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_change_only_the_field_is_kept() {
        let event = r#"{"changes": [{"field": "phoneNumbers", "from": "SECRET", "to": "SECRET"}], "geoip": "SECRET"}"#;
        let event: Event = serde_json::from_str(event).unwrap();
        assert_eq!(serde_json::to_value(event).unwrap(), json!({"changes": [{"field": "phoneNumbers"}]}));
    }
}
