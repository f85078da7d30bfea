//! What a playbook is asked to do.

use serde::Serialize;
use serde_json::Value;

use crate::organizations::Alias;

/// The kind of target that a playbook takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// A user account.
    User,
    /// A device.
    Host,
}

impl TargetType {
    /// As messages call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
        }
    }

    /// By whatever name it may have.
    pub fn by_name(self) -> By {
        match self {
            Self::User => By::User,
            Self::Host => By::Host,
        }
    }
}

/// How a target is named. Serialized, the `matched_by` of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The user's `username`.
    Username,
    /// The user's primary `email`.
    Email,
    /// The user's id.
    UserId,
    /// Id, user name or e-mail address: which of them is recognised.
    User,
    /// The host's `hostname` or `displayName`.
    Hostname,
    /// The host's `hostname` alone, as its agent reports it: what findings carry. A `displayName` is typed by people.
    #[serde(rename = "hostname")]
    #[cfg_attr(test, schemars(skip))] // the same word twice would match twice
    Reported,
    /// The id of the EC2 instance that the host is.
    InstanceId,
    /// The host's id.
    HostId,
    /// Id or name: which of them is recognised.
    Host,
}

/// A name that a request gives its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// What `text` is.
    pub by: By,
    /// As the caller named it: checked, trimmed, not yet looked up.
    pub text: String,
    /// Where in the alert it stood, as a JSON Pointer; `None` for direct events.
    pub source: Option<String>,
}

/// How bad a finding is, whatever scale its product uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a line in a report.
    Info,
    /// Of little harm.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Worth waking somebody.
    Critical,
}

/// Whom or what a request is about. All names must lead to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name that the target is shown by.
    pub name: Name,
    /// The finding's other names for it.
    pub also: Vec<Name>,
    /// Names of the finding's host where the user is named by a local account of it: the user counts only if JumpCloud
    /// binds it to that host.
    pub bound_to: Vec<Name>,
}

impl Target {
    /// The target of this one name.
    pub fn new(by: By, text: impl Into<String>) -> Self {
        Self::from(Name { by, text: text.into(), source: None })
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.name).chain(&self.also)
    }
}

impl From<Name> for Target {
    fn from(name: Name) -> Self {
        Self { name, also: Vec::new(), bound_to: Vec::new() }
    }
}

/// What to do about a host that is offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Offline {
    /// Send the command: it waits until the host is back.
    Queue,
    /// Send nothing.
    Skip,
    /// Send nothing, and try to call back the shutdown that waits.
    Cancel,
}

/// A part of an answer that is read where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Include {
    /// What Directory Insights recorded.
    Events,
    /// Who is logged in, by System Insights.
    Sessions,
    /// A user's scheduled changes of state.
    Scheduled,
}

/// The fields of a direct event that not every playbook takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Takes {
    /// `offline`.
    pub offline: bool,
    /// `hold` and `hold_hours`.
    pub hold: bool,
    /// `release`.
    pub release: bool,
    /// What `include` may name; `hours` goes with [`Include::Events`].
    pub include: &'static [Include],
}

/// A containment that is to last, by itself or beside others of the same target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HoldFor {
    /// What it is released by; a workflow gives its execution.
    pub id: String,
    /// For how long; until it is released where nobody says.
    pub hours: Option<u16>,
}

impl Takes {
    /// None of them.
    pub const NONE: Self = Self { offline: false, hold: false, release: false, include: &[] };
}

/// What an outcome repeats of its request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RequestInfo {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// The organization that it is about, where the function serves several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Alias>,
    /// Report what would be done, and do nothing.
    pub dry_run: bool,
    /// Why, in the caller's words; `null` where nobody said.
    pub reason: Option<String>,
    /// Who asked, in the caller's words: Lambda does not say who invoked it. Only of what sets the guard rails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The caller's own reference, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Value>,
    /// What to do if the host is offline, where the event says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<Offline>,
    /// What to read besides, where the event says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<Include>>,
    /// How far back events are read, where the event says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<u16>,
    /// Where the request came from: `direct`, or what sent the alert (`aws.guardduty`, `aws:sqs`).
    pub event_source: String,
    /// The alert's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// When the alert was raised; the earliest of the times that it carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// How bad the finding is; `null` where it does not say, and for what is no finding.
    pub severity: Option<Severity>,
    /// Send again what was sent before, and may still be carried out or not have arrived. In direct events only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// The plan that a person has seen, of a dry run's outcome. In direct events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// The hold that a containment becomes. In direct events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldFor>,
    /// The hold that is given up. In direct events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

impl RequestInfo {
    /// Whether a person or a workflow asked, not an alert.
    pub fn is_direct(&self) -> bool {
        self.event_source == DIRECT
    }

    /// Who asked: the finding, the execution, the alert or the request.
    pub fn asker(&self) -> String {
        let named =
            |name: &str| self.correlation.as_ref()?.get(name)?.as_str().map(|id| id.chars().take(256).collect());
        let (what, id): (&str, String) = if let Some(id) = named("finding_id") {
            ("finding", id)
        } else if let Some(id) = named("execution") {
            ("execution", id)
        } else if let Some(id) = &self.event_id {
            ("alert", id.clone())
        } else {
            ("request", self.request_id.clone())
        };
        format!("{what} {id}")
    }

    /// Whether an alert asked. Neither does what cannot be read.
    pub fn is_alert(&self) -> bool {
        !self.event_source.is_empty() && !self.is_direct()
    }
}

/// The `event_source` of a direct event.
pub const DIRECT: &str = "direct";
