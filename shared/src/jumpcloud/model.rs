//! The parts of JumpCloud's objects that may leave a playbook.
//!
//! What is not modelled here is never read: real answers carry `systemToken`, SSH keys, addresses and more. Every
//! field is optional, and one of an unexpected type counts as absent, so that a change in a field that a
//! playbook does not need cannot keep it from acting. Serialized, an object is the facts of an outcome.

#![expect(missing_docs, reason = "most fields are JumpCloud's own and documented at https://docs.jumpcloud.com/api")]

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;
use serde_with::apply;

use crate::error::{Error, ErrorType::UnexpectedResponse};

/// The id of a user, system or group: 24 hex digits. Only ids that are checked get into a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ObjectId(String);

impl ObjectId {
    /// `None` where `text` is not an id. Upper case is folded: the digits are a number.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The 24 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What users and systems have in common.
pub trait Object: DeserializeOwned {
    /// The collection's name in v1 paths.
    const COLLECTION: &'static str;
    /// The object's id, under either of its two names.
    fn id(&self) -> Result<ObjectId, Error>;
}

fn object_id(ids: [&Option<String>; 2], collection: &str) -> Result<ObjectId, Error> {
    let id = ids.into_iter().flatten().next();
    id.and_then(|id| ObjectId::parse(id)).ok_or_else(|| {
        UnexpectedResponse.error(format!(
            "JumpCloud answered with one of {collection} that has no valid id; nothing was done with it"
        ))
    })
}

/// A user account: `systemuser` in API v1.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct SystemUser {
    #[serde(rename(deserialize = "_id"))]
    id: Option<String>,
    #[serde(rename(deserialize = "id"), skip_serializing)]
    other_id: Option<String>,
    pub username: Option<String>,
    pub email: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    #[serde(rename(serialize = "display_name"))]
    pub displayname: Option<String>,
    state: Option<String>,
    suspended: Option<bool>,
    /// Whether the user has finished activation (set a password); not the state.
    pub activated: Option<bool>,
    pub account_locked: Option<bool>,
    pub account_locked_date: Option<String>,
    pub password_expired: Option<bool>,
    pub password_date: Option<String>,
    pub password_expiration_date: Option<String>,
    pub password_never_expires: Option<bool>,
    #[serde(rename(deserialize = "badLoginAttempts"))]
    pub bad_login_attempts: Option<u64>,
    pub mfa: Option<Mfa>,
    #[serde(rename(deserialize = "mfaEnrollment"))]
    pub mfa_enrollment: Option<MfaEnrollment>,
    pub enable_user_portal_multifactor: Option<bool>,
    pub totp_enabled: Option<bool>,
    pub sudo: Option<bool>,
    pub passwordless_sudo: Option<bool>,
    /// The JumpCloud administrator that this user is linked to.
    pub admin: Option<AdminLink>,
    pub manager: Option<String>,
    pub department: Option<String>,
    #[serde(rename(deserialize = "jobTitle"))]
    pub job_title: Option<String>,
    pub company: Option<String>,
    pub location: Option<String>,
    #[serde(rename(deserialize = "employeeIdentifier"))]
    pub employee_identifier: Option<String>,
    pub external_source_type: Option<String>,
    pub externally_managed: Option<bool>,
    /// The directory that the user's password belongs to.
    #[serde(rename(deserialize = "delegatedAuthority"))]
    pub delegated_authority: Option<DelegatedAuthority>,
    pub ldap_binding_user: Option<bool>,
    pub samba_service_user: Option<bool>,
    pub created: Option<String>,
}

/// Whether MFA is set up, and until when the user is exempt.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct Mfa {
    pub configured: Option<bool>,
    pub exclusion: Option<bool>,
    pub exclusion_until: Option<String>,
}

/// The enrolment status per factor.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct MfaEnrollment {
    pub overall_status: Option<String>,
    pub totp_status: Option<String>,
    pub web_authn_status: Option<String>,
    pub push_status: Option<String>,
}

/// A link to a JumpCloud administrator.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct AdminLink {
    pub id: Option<String>,
    pub role_name: Option<String>,
}

/// The directory that owns a user's password, such as `ActiveDirectory`.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct DelegatedAuthority {
    pub id: Option<String>,
    pub name: Option<String>,
}

impl Object for SystemUser {
    const COLLECTION: &'static str = "systemusers";

    fn id(&self) -> Result<ObjectId, Error> {
        object_id([&self.id, &self.other_id], Self::COLLECTION)
    }
}

impl SystemUser {
    /// `STAGED`, `ACTIVATED` or `SUSPENDED`: `state` first, else from the older `suspended`. `None` where
    /// JumpCloud says neither.
    pub fn state(&self) -> Option<&str> {
        let from_suspended = |suspended: bool| if suspended { "SUSPENDED" } else { "ACTIVATED" };
        self.state.as_deref().or(self.suspended.map(from_suspended))
    }

    /// The outside directory that manages the user, in words, where there is one.
    pub fn directory(&self) -> Option<&str> {
        let source = self.external_source_type.as_deref().filter(|source| !source.is_empty());
        let authority = self.delegated_authority.as_ref();
        let managed = self.externally_managed == Some(true);
        authority
            .map(|owner| owner.name.as_deref().unwrap_or("an outside directory"))
            .or(source)
            .or(managed.then_some("an outside directory"))
    }
}

/// A device: `system` in API v1.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct System {
    #[serde(rename(deserialize = "_id"))]
    id: Option<String>,
    #[serde(rename(deserialize = "id"), skip_serializing)]
    other_id: Option<String>,
    /// As the agent reports it; not unique.
    pub hostname: Option<String>,
    /// As an administrator named it; not unique.
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub os: Option<String>,
    pub os_family: Option<String>,
    pub version: Option<String>,
    pub os_version_detail: Option<OsVersionDetail>,
    pub arch: Option<String>,
    /// Whether the agent is connected; says nothing about the power.
    #[serde(rename(serialize = "online"))]
    pub active: Option<bool>,
    /// Stamped when the agent disconnects.
    pub last_contact: Option<String>,
    pub serial_number: Option<String>,
    pub hw_vendor: Option<String>,
    pub network_interfaces: Option<Vec<NetworkInterface>>,
    #[serde(rename(deserialize = "remoteIP", serialize = "remote_ip"))]
    pub remote_ip: Option<String>,
    pub agent_version: Option<String>,
    #[serde(rename(serialize = "disk_encryption"))]
    pub fde: Option<Fde>,
    pub mdm: Option<Mdm>,
    #[serde(rename(serialize = "mfa_allowed"))]
    pub allow_multi_factor_authentication: Option<bool>,
    pub policy_stats: Option<PolicyStats>,
    pub built_in_commands: Option<Vec<BuiltInCommand>>,
    #[serde(rename(serialize = "owner"))]
    pub primary_system_user: Option<PrimarySystemUser>,
    pub created: Option<String>,
}

/// The operating system in detail.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct OsVersionDetail {
    pub os_name: Option<String>,
    pub version: Option<String>,
    pub version_name: Option<String>,
}

/// One address of a device.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct NetworkInterface {
    pub name: Option<String>,
    pub family: Option<String>,
    pub address: Option<String>,
    pub internal: Option<bool>,
}

/// Disk encryption: whether it is on and whether a recovery key is escrowed, never the key.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct Fde {
    pub active: Option<bool>,
    pub key_present: Option<bool>,
}

/// Mobile device management.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct Mdm {
    pub vendor: Option<String>,
    pub dep: Option<bool>,
    pub user_approved: Option<bool>,
    pub lost_mode_status: Option<String>,
}

/// How many policies apply and how they fare.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct PolicyStats {
    pub total: Option<u64>,
    pub success: Option<u64>,
    pub failed: Option<u64>,
    pub pending: Option<u64>,
}

/// A security command that the device takes: `erase`, `lock`, `restart`, `shutdown`.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct BuiltInCommand {
    pub name: Option<String>,
}

/// The user that a device belongs to.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct PrimarySystemUser {
    pub id: Option<String>,
}

impl Object for System {
    const COLLECTION: &'static str = "systems";

    fn id(&self) -> Result<ObjectId, Error> {
        object_id([&self.id, &self.other_id], Self::COLLECTION)
    }
}

/// The kinds of operating system that the playbooks tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OsKind {
    Windows,
    MacOs,
    Linux,
    /// Phones, tablets, and what JumpCloud does not name.
    Other,
}

impl System {
    /// From `osFamily` where it is known, else from `os`, which names the distribution on Linux.
    pub fn os_kind(&self) -> OsKind {
        const LINUX: [&str; 18] = [
            "linux", "ubuntu", "debian", "centos", "red hat", "redhat", "rhel", "fedora", "amazon", "rocky", "alma",
            "oracle", "suse", "sles", "mint", "kali", "pop!_os", "raspbian",
        ];
        let family = self.os_family.as_deref().unwrap_or_default().to_lowercase();
        let os = self.os.as_deref().unwrap_or_default().to_lowercase();
        match (family.as_str(), os.as_str()) {
            ("windows", _) => OsKind::Windows,
            ("darwin" | "macos", _) => OsKind::MacOs,
            ("linux", _) => OsKind::Linux,
            (_, os) if os.starts_with("windows") => OsKind::Windows,
            (_, os) if os.starts_with("mac") || os.starts_with("darwin") => OsKind::MacOs,
            (_, os) if LINUX.iter().any(|name| os.contains(name)) => OsKind::Linux,
            _ => OsKind::Other,
        }
    }

    /// Windows Home, which JumpCloud cannot log a suspended user out of.
    pub fn is_windows_home(&self) -> bool {
        let detail = self.os_version_detail.as_ref().and_then(|detail| detail.os_name.as_deref());
        let names = [self.version.as_deref(), detail].into_iter().flatten();
        self.os_kind() == OsKind::Windows && names.into_iter().any(|name| name.to_lowercase().contains("home"))
    }

    /// The name to show: the host name, else the display name, else "unnamed".
    pub fn name(&self) -> &str {
        self.hostname.as_deref().or(self.display_name.as_deref()).unwrap_or("unnamed")
    }
}

/// A node of API v2's graph: something that a user or system is bound to or a member of.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
pub struct GraphObject {
    pub id: Option<String>,
    #[serde(rename(deserialize = "compiledAttributes"))]
    compiled_attributes: Option<Value>,
}

impl GraphObject {
    /// A group's name; JumpCloud gives it here only for groups that LDAP exports.
    pub fn group_name(&self) -> Option<&str> {
        self.compiled_attributes.as_ref()?.pointer("/ldapGroups/0/name")?.as_str()
    }
}

/// `None` for a field of another type than its documentation says, and for the empty text that stands for "not set".
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.filter(|value| value != "").and_then(|value| serde_json::from_value(value).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_odd_field_does_not_hide_the_others() {
        let user: SystemUser = serde_json::from_value(json!({
            "_id": "5f0c1b2a3d4e5f6071829301", "id": "5f0c1b2a3d4e5f6071829301", "username": "jsmith",
            "employeeIdentifier": null, "manager": {"not": "text"}, "account_locked": "no", "state": "STAGED",
        }))
        .unwrap();
        assert_eq!(user.username.as_deref(), Some("jsmith"));
        assert_eq!(user.state(), Some("STAGED"));
        assert_eq!((user.manager, user.account_locked), (None, None));
    }

    #[test]
    fn state_goes_before_suspended() {
        let state = |value: Value| serde_json::from_value::<SystemUser>(value).unwrap().state().map(str::to_owned);
        assert_eq!(state(json!({"state": "ACTIVATED", "suspended": true})).as_deref(), Some("ACTIVATED"));
        assert_eq!(state(json!({"suspended": true})).as_deref(), Some("SUSPENDED"));
        assert_eq!(state(json!({"suspended": false})).as_deref(), Some("ACTIVATED"));
        assert_eq!(state(json!({})), None);
    }

    #[test]
    fn secrets_of_a_system_are_not_read() {
        let system: System = serde_json::from_value(json!({
            "_id": "633f3f295482343ff32add41", "hostname": "Computer123", "systemToken": "SECRET", "active": true,
            "fde": {"active": true, "keyPresent": true, "key": "SECRET"}, "usernameHashes": ["SECRET"],
        }))
        .unwrap();
        let facts = serde_json::to_value(&system).unwrap();
        assert_eq!(
            facts,
            json!({
                "id": "633f3f295482343ff32add41", "hostname": "Computer123", "online": true,
                "disk_encryption": {"active": true, "key_present": true},
            })
        );
    }

    #[test]
    fn operating_systems_are_told_apart() {
        let kind = |family: &str, os: &str| {
            System { os_family: Some(family.into()), os: Some(os.into()), ..Default::default() }.os_kind()
        };
        assert_eq!(kind("", "Windows"), OsKind::Windows);
        assert_eq!(kind("", "Mac OS X"), OsKind::MacOs);
        assert_eq!(kind("darwin", "Windows"), OsKind::MacOs);
        assert_eq!(kind("", "Ubuntu"), OsKind::Linux);
        assert_eq!(kind("", "Amazon Linux"), OsKind::Linux);
        assert_eq!(kind("", "iOS"), OsKind::Other);
        assert_eq!(kind("", ""), OsKind::Other);
    }
}
