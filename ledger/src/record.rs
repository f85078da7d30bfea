//! The change record: the mark that something may have been sent to a target.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use jumpcloud_playbooks::{
    guard::{Change, Sighting},
    outcome::{Hold, Pending},
};
use serde_json::{Value, json};

use crate::{
    items::{Item, When, number, number_of, set, set_of, text, text_of},
    table::unavailable,
};

/// After its invocation's deadline a change counts as in progress for as long: clocks differ.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// A host that is online so long after it was first seen has carried the command out, or never will.
const MARGIN: TimeDelta = TimeDelta::minutes(10);
/// How long settled records are kept.
pub const KEPT: TimeDelta = TimeDelta::days(90);

/// A change record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was done.
    pub playbook: String,
    /// To whom, for people.
    pub name: String,
    /// Whose mark it is.
    pub attempt: String,
    /// `begun`, `done` or `unknown`.
    pub status: String,
    /// The state that was read.
    pub before: Option<Value>,
    /// Who asked.
    pub by: String,
    /// In the caller's words.
    pub reason: Option<String>,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// When its invocation ends.
    pub deadline: DateTime<Utc>,
    /// When the host was first seen online after `at`.
    pub seen: Option<DateTime<Utc>>,
    /// The sets that this change put the target in.
    pub counted: Vec<String>,
    /// Who wants the target contained.
    pub holds: Vec<Hold>,
    /// When it may go.
    pub expires: Option<DateTime<Utc>>,
}

/// What a record means for the next change that only records can decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing against it.
    Free,
    /// It was sent and may still be carried out.
    Pending(Pending),
    /// Another invocation is at work.
    InProgress,
    /// It was begun, and whether it was sent is not known.
    Unknown,
}

impl Record {
    /// The mark of an attempt that is about to be made.
    pub fn begun(change: &Change<'_>, attempt: &str, now: DateTime<Utc>, counted: Vec<String>) -> Self {
        Self {
            playbook: change.playbook.to_owned(),
            name: change.target.name.clone(),
            attempt: attempt.to_owned(),
            status: "begun".to_owned(),
            before: Some(change.before.clone()),
            by: change.info.asker(),
            reason: change.info.reason.clone(),
            at: now,
            deadline: now + TimeDelta::from_std(change.time_left).unwrap_or_default(),
            seen: None,
            counted,
            holds: Vec::new(),
            expires: None,
        }
    }

    /// # Errors
    /// `GuardUnavailable` where an attribute is missing: what the record stands for is not known then.
    pub fn from_item(item: &Item) -> Result<Self, jumpcloud_playbooks::error::Error> {
        let read = || {
            let owned = |name| text_of(item, name).map(str::to_owned);
            Some(Self {
                playbook: owned("playbook")?,
                name: owned("name").unwrap_or_default(),
                attempt: owned("attempt")?,
                status: owned("status").filter(|status| ["begun", "done", "unknown"].contains(&status.as_str()))?,
                before: text_of(item, "before").and_then(|before| serde_json::from_str(before).ok()),
                by: owned("by").unwrap_or_default(),
                reason: owned("reason"),
                at: time(text_of(item, "at")?)?,
                deadline: DateTime::from_timestamp_millis(number_of(item, "deadline")?)?,
                seen: text_of(item, "seen").and_then(time),
                counted: set_of(item, "counted"),
                holds: text_of(item, "holds").map_or(Some(Vec::new()), |holds| serde_json::from_str(holds).ok())?,
                expires: number_of(item, "expires").and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            })
        };
        read()
            .ok_or_else(|| unavailable("a change record is damaged; look at it, and delete it to `forget` the target"))
    }

    /// The item under `key`.
    pub fn item(&self, key: &Item) -> Item {
        let mut item = key.clone();
        let mut put = |name: &str, value| item.insert(name.to_owned(), value);
        put("playbook", text(&self.playbook));
        put("name", text(&self.name));
        put("attempt", text(&self.attempt));
        put("status", text(&self.status));
        put("by", text(&self.by));
        put("at", text(written(self.at)));
        put("deadline", number(self.deadline.timestamp_millis()));
        if let Some(before) = &self.before {
            put("before", text(before.to_string()));
        }
        if let Some(reason) = &self.reason {
            put("reason", text(reason));
        }
        if let Some(seen) = self.seen {
            put("seen", text(written(seen)));
        }
        if !self.counted.is_empty() {
            put("counted", set(&self.counted.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        if !self.holds.is_empty() {
            put("holds", text(json!(self.holds).to_string()));
        }
        if let Some(expires) = self.expires {
            put("expires", number(expires.timestamp()));
        }
        item
    }

    /// Whether it is past its time: DynamoDB deletes such items within days only.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// That the record is as it was read; the holds too, which are also written by themselves.
    pub fn is_still(read: Option<&Self>) -> When<'static> {
        let Some(read) = read else { return When("attribute_not_exists(#pk)", Vec::new()) };
        let mut values = vec![("attempt", text(&read.attempt)), ("status", text(&read.status))];
        if read.holds.is_empty() {
            return When("#attempt = :attempt AND #status = :status AND attribute_not_exists(#holds)", values);
        }
        values.push(("holds", text(json!(read.holds).to_string())));
        When("#attempt = :attempt AND #status = :status AND #holds = :holds", values)
    }

    /// Whether the invocation that began it may still be at work.
    pub fn is_in_progress(&self, now: DateTime<Utc>) -> bool {
        self.status == "begun" && now <= self.deadline + GRACE
    }

    /// What it means for another command of the kind that no object shows.
    pub fn standing(&self, sighting: &Sighting, now: DateTime<Utc>) -> Standing {
        match self.status.as_str() {
            "begun" if self.is_in_progress(now) => Standing::InProgress,
            "begun" | "unknown" => Standing::Unknown,
            _ => match self.sighted(sighting, now) {
                (seen, false) => {
                    Standing::Pending(Pending { since: written(self.at), by: self.by.clone(), seen: seen.map(written) })
                }
                (_, true) => Standing::Free,
            },
        }
    }

    /// When the host was first seen online after the command was sent, and whether it was again, clearly later.
    pub fn sighted(&self, sighting: &Sighting, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, bool) {
        let contact = sighting.last_contact.as_deref().and_then(time).filter(|contact| *contact <= now);
        let mut seen = self.seen;
        let mut again = false;
        for sight in contact.into_iter().chain(sighting.online.then_some(now)).filter(|sight| *sight > self.at) {
            let first = *seen.get_or_insert(sight);
            again |= sight >= first + MARGIN;
        }
        (seen, again)
    }

    /// When and for whom it was begun.
    pub fn when(&self) -> String {
        format!("{} ({})", written(self.at), self.by)
    }
}

/// RFC 3339.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// RFC 3339 in UTC, with milliseconds.
pub fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
