//! What users and hosts have in common for a playbook.

use serde_json::{Value, json};

use super::words::label;
use crate::{
    error::{Error, ErrorType::Internal},
    ids::ObjectId,
    jumpcloud::{Object, System, SystemUser},
    request::{By, TargetType},
};

/// What the playbooks need of users and hosts alike.
pub trait Named: Object {
    /// Which of the two.
    const TYPE: TargetType;
    /// The fields that a name is looked for in.
    fn fields(by: By) -> Result<&'static [&'static str], Error>;
    /// The value of one of `fields`.
    fn field(&self, name: &str) -> Option<&str>;
    /// The name to show.
    fn name(&self) -> &str;
    /// The organization that it belongs to, where JumpCloud says so.
    fn organization(&self) -> Option<&str>;
    /// Whether it says in which state it is; an object that does not proves nothing.
    fn has_state(&self) -> bool;
    /// The facts that a command's outcome shows of it.
    fn brief(&self) -> Value;
    /// All that a protected entry can name it by: its id and names.
    fn names(&self) -> Vec<String>;
    /// Of a host, its operating system.
    fn os(&self) -> Option<String>;
    /// Of a host, its primary user.
    fn owner(&self) -> Option<ObjectId>;
    /// Why automation must take nothing away from it, if so.
    fn protected(&self) -> Option<String>;
}

impl Named for SystemUser {
    const TYPE: TargetType = TargetType::User;

    fn fields(by: By) -> Result<&'static [&'static str], Error> {
        match by {
            By::Username => Ok(&["username"]),
            By::Email => Ok(&["email"]),
            By::User => Ok(&["username", "email"]),
            By::UserId | By::Hostname | By::Reported | By::InstanceId | By::HostId | By::Host => Err(wrong_kind()),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        if name == "email" { self.email.as_deref() } else { self.username.as_deref() }
    }

    fn name(&self) -> &str {
        self.username.as_deref().or(self.email.as_deref()).unwrap_or("unnamed")
    }

    fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    fn has_state(&self) -> bool {
        self.state().is_some()
    }

    fn brief(&self) -> Value {
        json!({
            "id": self.id().ok(),
            "username": self.username,
            "email": self.email,
            "state": self.state(),
            "activated": self.activated,
            "account_locked": self.account_locked,
            "password_expired": self.password_expired,
        })
    }

    fn names(&self) -> Vec<String> {
        let id = self.id().ok().map(|id| id.as_str().to_owned());
        [id, self.username.clone(), self.email.clone()].into_iter().flatten().collect()
    }

    fn os(&self) -> Option<String> {
        None
    }

    fn owner(&self) -> Option<ObjectId> {
        None
    }

    /// Users that are linked to a JumpCloud administrator: automation that can lock out administrators can be used to do
    /// just that, and it would leave the administrator's own login as it is.
    fn protected(&self) -> Option<String> {
        let admin = self.admin.as_ref()?;
        Some(format!(
            "{} is linked to a JumpCloud administrator ({}); nothing was done; suspend the administrator in the Admin Portal first, then the user",
            label(self),
            admin.role_name.as_deref().unwrap_or("role not shown")
        ))
    }
}

impl Named for System {
    const TYPE: TargetType = TargetType::Host;

    fn fields(by: By) -> Result<&'static [&'static str], Error> {
        match by {
            By::Hostname | By::Host => Ok(&["hostname", "displayName"]),
            By::Reported => Ok(&["hostname"]),
            By::InstanceId => Ok(&["amazonInstanceID"]),
            By::HostId | By::Username | By::Email | By::UserId | By::User => Err(wrong_kind()),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        match name {
            "hostname" => self.hostname.as_deref(),
            "amazonInstanceID" => self.amazon_instance_id.as_deref(),
            _ => self.display_name.as_deref(),
        }
    }

    fn name(&self) -> &str {
        System::name(self)
    }

    fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    fn has_state(&self) -> bool {
        self.active.is_some()
    }

    fn brief(&self) -> Value {
        json!({
            "id": self.id().ok(),
            "hostname": self.hostname,
            "display_name": self.display_name,
            "os": self.os,
            "version": self.version,
            "online": self.active,
            "last_contact": self.last_contact,
        })
    }

    fn names(&self) -> Vec<String> {
        let id = self.id().ok().map(|id| id.as_str().to_owned());
        [id, self.hostname.clone(), self.display_name.clone()].into_iter().flatten().collect()
    }

    fn os(&self) -> Option<String> {
        let words: Vec<&str> = [&self.os, &self.version].into_iter().flatten().map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    fn owner(&self) -> Option<ObjectId> {
        ObjectId::parse(System::owner(self)?.id.as_deref()?)
    }

    fn protected(&self) -> Option<String> {
        None
    }
}

pub(super) fn wrong_kind() -> Error {
    Internal.error("the target does not fit the playbook; nothing was done")
}
