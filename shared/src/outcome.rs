//! The answer of a playbook.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    checks::Check,
    error::ErrorType,
    ids::ObjectId,
    organizations::Alias,
    request::{By, RequestInfo, TargetType},
};

/// What happened. Failures are [`Error`](crate::error::Error)s instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Done, or, for Enrich, answered.
    #[default]
    Succeeded,
    /// The target was already in the wanted state; nothing was sent.
    Unchanged,
    /// JumpCloud queued it and cannot say that it happened.
    Accepted,
    /// Everything was looked up and checked, and the change was held back.
    DryRun,
    /// There is nothing to act on; why is in `ignored`.
    Ignored,
    /// Enrich only: no object has that name.
    NotFound,
    /// Enrich only: several objects have that name; they are in `candidates`.
    Ambiguous,
}

/// Whom or what the outcome is about.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutcomeTarget {
    /// User or host.
    #[serde(rename = "type")]
    pub target_type: TargetType,
    /// `None` unless exactly one was found.
    pub id: Option<ObjectId>,
    /// As JumpCloud spells it; as the caller did, where it was not found.
    pub name: String,
    /// The field that the name was looked for in.
    pub matched_by: By,
    /// Where in the alert the name stood, as a JSON Pointer; `None` for direct events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// One of several objects that a name matches.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Candidate {
    /// To be used in the next request; `None` for a name that was not looked up.
    pub id: Option<ObjectId>,
    /// As JumpCloud spells it; as the alert does, where it was not looked up.
    pub name: String,
    /// The operating system of a host, by which people tell namesakes apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.id.as_ref().map_or("no id", ObjectId::as_str), self.name)?;
        self.os.iter().try_for_each(|os| write!(f, "; {os}"))?;
        f.write_str(")")
    }
}

/// Declares the reasons for which an alert is ignored, their names on the wire, the words of an outcome, and
/// which alerts they are about.
macro_rules! ignored_reasons {
    ($($name:ident = $wire:literal, $why:literal, $about:literal;)*) => {
        /// Why there is nothing to act on. The names are part of the contract.
        #[expect(missing_docs, reason = "the sentences say it")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum Ignored { $(#[serde(rename = $wire)] $name,)* }

        impl Ignored {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// After "nothing was done:".
            pub fn why(self) -> &'static str {
                match self { $(Self::$name => $why,)* }
            }

            /// Which alerts it is about, in the words of docs/events-and-alerts.md.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

ignored_reasons! {
    OwnEcho = "own_echo", "this automation itself caused the event (JUMPCLOUD_SELF)",
        "the automation itself caused the JumpCloud event: `JUMPCLOUD_SELF` holds ids or e-mail addresses of the administrators whose keys it uses; for Enrich too";
    NotForFindings = "not_for_findings", "Enable User never acts on a finding; send it a direct or a plain event",
        "Enable User, which acts on direct and plain events only";
    LogLine = "log_line", "it is a line of a log and no finding; ACT_ON_LOGS with TARGET_PATHS is the way to act on log lines",
        "a line of a log: an event of another OCSF class, of the CrowdStrike console, of Directory Insights, of ECS";
    OtherFinding = "other_finding", "it is a finding of a class that reports no attack",
        "OCSF findings of other classes than those two, ASFF findings about vulnerable packages";
    Compliance = "compliance", "it is the result of a compliance check",
        "the result of a compliance check";
    Sample = "sample", "it is a sample",
        "a sample; also a title that begins with `[SAMPLE]`";
    Benign = "benign", "it was judged benign or a false positive",
        "judged benign or a false positive";
    Suppressed = "suppressed", "it is suppressed or on hold",
        "suppressed, hidden or on hold";
    Archived = "archived", "it is archived or deleted",
        "archived or deleted";
    Resolved = "resolved", "it is resolved or closed",
        "resolved, closed or recovered";
    Handled = "handled", "somebody has taken note of it already",
        "somebody was told or works on it: `NOTIFIED`, acknowledged";
    HostOffline = "host_offline", "the host is not known to be online, and the event says to skip such a host (`offline`)",
        "a host that is not known to be online, where the event says `offline: \"skip\"`";
    NothingQueued = "nothing_queued", "JumpCloud's list of queued commands shows no shutdown of the host, and the event says to call one back (`offline`)",
        "a host for which JumpCloud's list of queued commands shows no shutdown, where the event says `offline: \"cancel\"`";
    StateUnknown = "state_unknown", "it does not say that it is open, in a word of its format that is known",
        "it says nothing about its state, or something that its list does not know";
}

/// Declares the advisory codes and their names on the wire.
macro_rules! advisory_codes {
    ($($name:ident = $wire:literal,)*) => {
        /// What an advisory is about. The names are part of the contract; the table in docs/outcomes.md is made from `docs.rs`.
        #[expect(missing_docs, reason = "the names say it")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum AdvisoryCode { $(#[serde(rename = $wire)] $name,)* }

        impl AdvisoryCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }
        }
    };
}

advisory_codes! {
    DevicesUnknown = "DEVICES_UNKNOWN",
    DevicesIncomplete = "DEVICES_INCOMPLETE",
    UsersUnknown = "USERS_UNKNOWN",
    UsersIncomplete = "USERS_INCOMPLETE",
    GroupsUnknown = "GROUPS_UNKNOWN",
    GroupsIncomplete = "GROUPS_INCOMPLETE",
    StateChangesUnknown = "STATE_CHANGES_UNKNOWN",
    ShutdownUnknown = "SHUTDOWN_UNKNOWN",
    EventsUnknown = "EVENTS_UNKNOWN",
    EventsIncomplete = "EVENTS_INCOMPLETE",
    EventsMayLag = "EVENTS_MAY_LAG",
    SessionsUnknown = "SESSIONS_UNKNOWN",
    SessionsIncomplete = "SESSIONS_INCOMPLETE",
    NotVisibleYet = "NOT_VISIBLE_YET",
    NotReadBack = "NOT_READ_BACK",
    WindowsHomeStaysLoggedIn = "WINDOWS_HOME_STAYS_LOGGED_IN",
    DeviceOffline = "DEVICE_OFFLINE",
    RemoteSessionsStay = "REMOTE_SESSIONS_STAY",
    LdapBindingUser = "LDAP_BINDING_USER",
    DirectoryCanUndo = "DIRECTORY_CAN_UNDO",
    AccountLocked = "ACCOUNT_LOCKED",
    PasswordExpired = "PASSWORD_EXPIRED",
    NotActivated = "NOT_ACTIVATED",
    ResendResetMail = "RESEND_RESET_MAIL",
    NoActivationMail = "NO_ACTIVATION_MAIL",
    NewPasswordAtLoginWindow = "NEW_PASSWORD_AT_LOGIN_WINDOW",
    NewPasswordInUserPortal = "NEW_PASSWORD_IN_USER_PORTAL",
    SessionsStay = "SESSIONS_STAY",
    MfaWillBeAsked = "MFA_WILL_BE_ASKED",
    PasswordOwnedByDirectory = "PASSWORD_OWNED_BY_DIRECTORY",
    PasswordNeverExpires = "PASSWORD_NEVER_EXPIRES",
    SuspendedGetsNoMail = "SUSPENDED_GETS_NO_MAIL",
    QueuedUntilOnline = "QUEUED_UNTIL_ONLINE",
    HoldsNotShown = "HOLDS_NOT_SHOWN",
}

/// Something that the analyst should know or do about this user or host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Advisory {
    /// Stable, in upper case.
    pub code: AdvisoryCode,
    /// In words.
    pub message: String,
    /// The device that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
}

impl Advisory {
    /// An advisory about the target itself.
    pub fn new(code: AdvisoryCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), host_id: None }
    }
}

/// The request that takes the change back.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Undo {
    playbook: &'static str,
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, Value>"))]
    event: Value,
}

impl Undo {
    /// `playbook` for the same user.
    pub fn user(playbook: &'static str, id: &ObjectId) -> Self {
        Self::new(playbook, json!({"user_id": id}))
    }

    /// The same in one of several organizations.
    pub fn of(&mut self, organization: &Alias) {
        self.event["organization"] = json!(organization);
    }

    /// `playbook` with `event`.
    pub fn new(playbook: &'static str, event: Value) -> Self {
        Self { playbook, event }
    }
}

/// A list of an outcome that was too long to be given whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Truncated {
    /// Its name: `advisories`, `user.devices`.
    pub list: String,
    /// How many entries are given.
    pub shown: usize,
    /// How many there are; `None` where reading ended before that was known.
    pub total: Option<usize>,
}

/// A part of an answer that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Missing {
    /// Its name among the facts: `devices`.
    pub part: &'static str,
    /// What kept it from being read.
    pub error: ErrorType,
    /// The same in words.
    pub why: String,
}

/// What a guard watches over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Targets that automation must not touch.
    Protected,
    /// A change that was sent before.
    Pending,
    /// Whether the playbook is on.
    Switch,
    /// How many targets it may take.
    Limit,
}

/// What a guard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// Nothing against it.
    Pass,
    /// Only with a person's consent to the plan.
    Ask,
    /// No.
    Refuse,
    /// It could not be judged: an invocation that is no dry run would refuse.
    Unknown,
    /// The deployment has no such guard.
    Off,
}

/// What one guard says about one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judgement {
    /// The guard.
    pub rule: Rule,
    /// What it says.
    pub verdict: Ruling,
    /// Why, in words.
    pub why: String,
}

impl Judgement {
    /// A judgement.
    pub fn new(rule: Rule, verdict: Ruling, why: impl Into<String>) -> Self {
        Self { rule, verdict, why: why.into() }
    }
}

/// A way in that a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WayIn {
    /// The login with name and password: User Portal and console.
    Password,
    /// Sessions in applications.
    SsoSessions,
    /// LDAP and RADIUS.
    LdapAndRadius,
    /// SSH keys.
    SshKeys,
    /// Rights on devices.
    Sudo,
    /// What groups grant.
    Groups,
    /// The person's account as a JumpCloud administrator.
    Administrator,
    /// A directory that manages the user and can undo the change.
    Directory,
    /// Changes of state that JumpCloud will make by itself.
    StateChanges,
    /// Sessions that go on, on any device.
    DeviceSessions,
    /// Logging in on one device.
    Device,
}

impl WayIn {
    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Password => "password and console",
            Self::SsoSessions => "SSO sessions",
            Self::LdapAndRadius => "LDAP and RADIUS",
            Self::SshKeys => "SSH keys",
            Self::Sudo => "sudo",
            Self::Groups => "group grants",
            Self::Administrator => "administrator account",
            Self::Directory => "outside directory",
            Self::StateChanges => "scheduled state changes",
            Self::DeviceSessions => "sessions on devices",
            Self::Device => "device",
        }
    }
}

/// What is known of a way in. The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum AccessState {
    /// Something that was read says that it is open, or stays granted.
    Open,
    /// Nothing that was read says either.
    Unknown,
    /// Something that was read says so.
    Closed,
}

impl AccessState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Unknown => "unknown",
            Self::Closed => "closed",
        }
    }
}

/// Whether a way in is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Access {
    /// The way.
    pub way: WayIn,
    /// The device, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether it is closed.
    pub state: AccessState,
    /// What says so, or why it is not known.
    pub evidence: String,
    /// What a person can do about it, unless it is closed.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub to_do: Option<String>,
}

impl Access {
    /// A way that is not about one device. What to do is left out where nothing is: where it is closed.
    pub fn new(way: WayIn, state: AccessState, evidence: impl Into<String>, to_do: &str) -> Self {
        let to_do = (state != AccessState::Closed).then(|| to_do.to_owned());
        Self { way, host_id: None, host: None, state, evidence: evidence.into(), to_do }
    }
}

/// A containment that is to last. The target is given back when nobody holds it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hold {
    /// What it is released by.
    pub id: String,
    /// The finding, execution or request that asked for it.
    pub by: String,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// Since when.
    pub from: String,
    /// Until when; `null` for one that lasts until it is released.
    pub until: Option<String>,
}

/// A command that was sent before and may still be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pending {
    /// When it was sent.
    pub since: String,
    /// The finding, execution or request that asked for it.
    pub by: String,
    /// When the host was first seen online after that.
    pub seen: Option<String>,
}

/// A playbook's answer. Its JSON is part of the contract.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The playbook's name.
    pub playbook: &'static str,
    /// What happened.
    pub status: Status,
    /// Whether this invocation changed anything, in JumpCloud or in the guard table; `None` where that is not known.
    pub changed: Option<bool>,
    /// Whether the new state was read back: `Some(false)` says that it was read and is not there (yet).
    pub verified: Option<bool>,
    /// With [`Status::Ignored`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// One sentence for people.
    pub summary: String,
    /// Whom or what it is about; `None` where it is the guard rails themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<OutcomeTarget>,
    /// Facts about a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub user: Option<Value>,
    /// Facts about a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub host: Option<Value>,
    /// Facts about the guard rails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub rails: Option<Value>,
    /// With [`Status::Ambiguous`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Enrich only: the parts that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The lists that were too long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<Truncated>,
    /// The state that was found.
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub before: Option<Value>,
    /// The state that was read back.
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub after: Option<Value>,
    /// How to take it back, where that is possible.
    pub undo: Option<Undo>,
    /// On which way the command goes, where there are several: `agent` or `apple-mdm`; `queue` where one is called back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'static str>,
    /// What the guards say: all of them in a dry run, those that the deployment has not in every outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Judgement>,
    /// Disable User and Enrich User only: the ways in that the user has; in a dry run, those that would not be closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<Access>,
    /// Of `check-connection` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// The command that was sent before, where that is why nothing was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// Who wants the target contained, after this run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// Stands for what a dry run would have done, for `plan_hash` in the next event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// What else to know.
    pub advisories: Vec<Advisory>,
    /// All of it for a ticket or a war room.
    pub markdown: String,
    /// What was asked.
    pub request: RequestInfo,
    /// Requests sent to JumpCloud, repeated ones included.
    pub api_calls: u32,
    /// From the event to the outcome.
    pub duration_ms: u64,
}

impl Outcome {
    /// An outcome that changed nothing; a playbook sets what differs, and the runtime the last five fields.
    pub fn new(target: impl Into<Option<OutcomeTarget>>, summary: impl Into<String>) -> Self {
        Self {
            playbook: "",
            status: Status::default(),
            changed: Some(false),
            verified: None,
            ignored: None,
            summary: summary.into(),
            target: target.into(),
            user: None,
            host: None,
            rails: None,
            candidates: Vec::new(),
            missing: Vec::new(),
            truncated: Vec::new(),
            before: None,
            after: None,
            undo: None,
            channel: None,
            guards: Vec::new(),
            access: Vec::new(),
            checks: Vec::new(),
            pending: None,
            holds: Vec::new(),
            plan_hash: None,
            advisories: Vec::new(),
            markdown: String::new(),
            request: RequestInfo::default(),
            api_calls: 0,
            duration_ms: 0,
        }
    }

    /// An alert on which nothing is done, without an error.
    pub fn ignored(target: OutcomeTarget, reason: Ignored) -> Self {
        let summary = format!("Ignored, nothing was done: {}.", reason.why());
        Self { status: Status::Ignored, ignored: Some(reason), ..Self::new(target, summary) }
    }

    /// The same with facts about a user or a host.
    pub fn with_facts(mut self, target_type: TargetType, facts: Value) -> Self {
        match target_type {
            TargetType::User => self.user = Some(facts),
            TargetType::Host => self.host = Some(facts),
        }
        self
    }
}
