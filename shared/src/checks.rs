//! What `check-connection` answers: one check for each thing that the playbooks rely on.

use serde::{Serialize, Serializer};

/// Declares an enum whose names on the wire are said once.
macro_rules! names {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $wire:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum $name { $($(#[$doc])* #[cfg_attr(test, schemars(rename = $wire))] $variant,)* }

        impl $name {
            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

names! {
    /// What is checked.
    Subject {
        /// The function's variables.
        Configuration = "configuration",
        /// The secret in Secrets Manager.
        Secret = "secret",
        /// Whether JumpCloud takes what the secret holds.
        Key = "key",
        /// Whose objects are read.
        Organization = "organization",
        /// The region and its hosts.
        Region = "region",
        /// JumpCloud's time and ours.
        Clock = "clock",
        /// How long JumpCloud takes to answer.
        Speed = "speed",
        /// The guard table.
        GuardTable = "guard_table",
        /// What a playbook reads.
        Reads = "reads",
        /// What a playbook changes.
        Change = "change",
    }
}

names! {
    /// What came of a check.
    CheckState {
        /// It works.
        Ok = "ok",
        /// It does not.
        Failed = "failed",
        /// Nothing that was read says either.
        Unknown = "unknown",
    }
}

names! {
    /// Why a check failed.
    Cause {
        /// A variable makes no sense.
        Misconfigured = "misconfigured",
        /// The secret could not be read, or holds nothing that JumpCloud takes.
        SecretUnavailable = "secret_unavailable",
        /// The name is not known, no connection, TLS, or no answer in time.
        NotReached = "not_reached",
        /// 403 without JSON: by JumpCloud's protection against abuse, or by a proxy.
        Blocked = "blocked",
        /// 401: the key is wrong or expired, or of another region.
        KeyOrRegion = "key_or_region",
        /// 403: the role or its scopes are too small.
        RoleOrScope = "role_or_scope",
        /// 429.
        RateLimited = "rate_limited",
        /// JumpCloud failed: 500 and above.
        Unavailable = "unavailable",
        /// An answer that is not JumpCloud's.
        NotJumpCloud = "not_jumpcloud",
        /// 404: no such call at this URL, or no such organization.
        NotFound = "not_found",
        /// Any other refusal.
        Refused = "refused",
        /// An answer took more than two seconds.
        Slow = "slow",
        /// JumpCloud's time is more than a minute from ours.
        ClockDiffers = "clock_differs",
        /// What was read belongs to another organization than the one that is configured.
        OtherOrganization = "other_organization",
        /// There is no such table.
        TableMissing = "table_missing",
        /// The function's role may not read the table.
        NoPermission = "no_permission",
    }
}

/// One check.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check {
    /// What was checked.
    pub check: Subject,
    /// For which playbook, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playbook: Option<&'static str>,
    /// What came of it.
    pub state: CheckState,
    /// Why it failed; with `ok`, why a part that is not always needed did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What says so.
    pub evidence: String,
    /// What a person can do about it, unless it works.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub to_do: Option<String>,
    /// What the playbook needs in JumpCloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Needs>,
}

impl Check {
    /// It works.
    pub fn ok(check: Subject, evidence: impl Into<String>) -> Self {
        let evidence = evidence.into();
        Self { check, playbook: None, state: CheckState::Ok, cause: None, evidence, to_do: None, needs: None }
    }

    /// It does not work, for `cause`.
    #[must_use]
    pub fn failed(check: Subject, cause: Cause, evidence: impl Into<String>) -> Self {
        let to_do = Some(advice(cause).to_owned());
        Self { state: CheckState::Failed, cause: Some(cause), to_do, ..Self::ok(check, evidence) }
    }

    /// It works, but for a part that is not always needed.
    #[must_use]
    pub fn in_part(self, cause: Cause, evidence: String) -> Self {
        Self { cause: Some(cause), evidence, to_do: Some(advice(cause).to_owned()), ..self }
    }

    /// It is not known.
    pub fn unknown(check: Subject, evidence: impl Into<String>, to_do: &str) -> Self {
        Self { state: CheckState::Unknown, to_do: Some(to_do.to_owned()), ..Self::ok(check, evidence) }
    }

    /// The same for one playbook.
    #[must_use]
    pub fn of(self, playbook: &'static str) -> Self {
        Self { playbook: Some(playbook), ..self }
    }

    /// What it is about, for people: `reads of disable-user`.
    pub fn words(&self) -> String {
        let check = self.check.name().replace('_', " ");
        self.playbook.map_or_else(|| check.clone(), |playbook| format!("{check} of {playbook}"))
    }
}

/// What a playbook needs in JumpCloud: the role, or one with these scopes.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Needs {
    /// The smallest of JumpCloud's own roles, by the integration guide.
    pub role: &'static str,
    /// The scopes that the integration guide names.
    pub guide_scopes: &'static [&'static str],
    /// The smallest scopes of a custom role.
    pub scopes: Vec<Scope>,
}

/// A scope of a custom role.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Scope {
    /// Its name.
    pub scope: &'static str,
    /// When it is needed.
    pub when: &'static str,
}

/// What to do about a failure.
fn advice(cause: Cause) -> &'static str {
    match cause {
        Cause::Misconfigured => "Correct the variable: it stops every function of the stack.",
        Cause::SecretUnavailable => "Look at the secret, at JUMPCLOUD_SECRET_ID and at the function's role.",
        Cause::NotReached => {
            "Look at the function's network (VPC, NAT, firewall, name resolution) and at JUMPCLOUD_API_URL."
        }
        Cause::Blocked => {
            "Something in front of JumpCloud blocks the address: ask JumpCloud's support, or whoever runs the proxy."
        }
        Cause::KeyOrRegion => {
            "Store a key that is valid, and set JUMPCLOUD_REGION to its region and JUMPCLOUD_ORG_ID for the administrator of several organizations."
        }
        Cause::RoleOrScope => {
            "Give the key's administrator or service account the role, or a custom role with the scopes."
        }
        Cause::RateLimited => "Wait, and check again: JumpCloud limits the organization as a whole.",
        Cause::Unavailable => "Check again later, and look at JumpCloud's status page.",
        Cause::NotJumpCloud => "Look at JUMPCLOUD_API_URL, and at what is between the function and JumpCloud.",
        Cause::NotFound => "Look at JUMPCLOUD_API_URL and at the organization's id.",
        Cause::Refused => "Look at the organization's id, and at what JumpCloud said.",
        Cause::Slow => "Check again; if it stays slow, look at the function's network and at JumpCloud's status page.",
        Cause::ClockDiffers => {
            "Whatever answers with that time is not right, or this function's host is not: until then the ages of alerts and the life of tokens are judged wrongly."
        }
        Cause::OtherOrganization => "Set JUMPCLOUD_ORG_ID, or `org_id` in the secret, to the key's organization.",
        Cause::TableMissing => {
            "Look at GUARD_TABLE and at the region: without their table the playbooks that change something refuse to act."
        }
        Cause::NoPermission => "Give the function's role dynamodb:GetItem on the table, and kms:Decrypt on its key.",
    }
}

/// All of it in one sentence. A change is always unknown, and is not counted.
pub fn summary(checks: &[Check]) -> String {
    let of = |state, in_part: bool| {
        let its = checks.iter().filter(|check| check.check != Subject::Change && check.state == state);
        its.filter(|check| check.cause.is_some() == in_part).map(Check::words).collect::<Vec<_>>()
    };
    let (failed, unknown, in_part) =
        (of(CheckState::Failed, true), of(CheckState::Unknown, false), of(CheckState::Ok, true));
    if !failed.is_empty() {
        let made = checks.iter().filter(|check| check.check != Subject::Change).count();
        return format!("{} of {made} checks failed: {}.", failed.len(), failed.join(", "));
    }
    if unknown.is_empty() && in_part.is_empty() {
        return "Everything that can be read works; whether a change is allowed shows only when it is made.".to_owned();
    }
    let parts = [("not known", unknown), ("in part only", in_part)].into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
    format!("No check failed; {}.", parts.join("; "))
}
