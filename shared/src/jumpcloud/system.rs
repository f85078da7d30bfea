//! A device: `system` in API v1.

#![expect(missing_docs, reason = "most fields are JumpCloud's own and documented at https://docs.jumpcloud.com/api")]

use serde::{Deserialize, Serialize};
use serde_with::apply;

use super::{
    client::{Reader, Writer},
    graph::Listing,
    model::{Object, lenient, object_id},
    retry::Effect,
};
use crate::{error::Error, ids::ObjectId};

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
    /// The EC2 instance that it is, where its agent says so.
    #[serde(rename(deserialize = "amazonInstanceID"))]
    pub amazon_instance_id: Option<String>,
    pub domain_info: Option<DomainInfo>,
    pub azure_ad_joined: Option<bool>,
    pub agent_version: Option<String>,
    #[serde(rename(serialize = "disk_encryption"))]
    pub fde: Option<Fde>,
    pub mdm: Option<Mdm>,
    /// Who or what enrolled it.
    pub provision_metadata: Option<ProvisionMetadata>,
    /// Whether System Insights has tables of it.
    pub system_insights: Option<SystemInsights>,
    pub allow_ssh_root_login: Option<bool>,
    pub allow_ssh_password_authentication: Option<bool>,
    pub ssh_root_enabled: Option<bool>,
    #[serde(rename(serialize = "mfa_allowed"))]
    pub allow_multi_factor_authentication: Option<bool>,
    pub policy_stats: Option<PolicyStats>,
    pub built_in_commands: Option<Vec<BuiltInCommand>>,
    /// The accounts on the device, as the agent reports them.
    #[serde(skip_serializing)]
    pub user_metrics: Option<Vec<LocalAccount>>,
    #[serde(skip_serializing)]
    primary_system_user: Option<PrimarySystemUser>,
    // The same in the form of JumpCloud's search.
    #[serde(rename(deserialize = "primarySystemUser._id"), skip_serializing)]
    owner_id: Option<String>,
    #[serde(rename(deserialize = "primarySystemUser.email"), skip_serializing)]
    owner_email: Option<String>,
    #[serde(rename(deserialize = "primarySystemUser.state"), skip_serializing)]
    owner_state: Option<String>,
    pub created: Option<String>,
    /// The organization that it belongs to.
    pub organization: Option<String>,
}

/// The operating system in detail.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct OsVersionDetail {
    pub os_name: Option<String>,
    pub distribution_name: Option<String>,
    pub release_name: Option<String>,
    pub version: Option<String>,
    pub version_name: Option<String>,
}

/// The Windows domain.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct DomainInfo {
    pub domain_name: Option<String>,
    pub part_of_domain: Option<bool>,
}

/// How the device came to be enrolled.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ProvisionMetadata {
    pub provisioner: Option<Provisioner>,
}

/// Who or what enrolled the device.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct Provisioner {
    #[serde(rename(serialize = "id"))]
    pub provisioner_id: Option<String>,
    /// `user`, `administrator`, ...
    #[serde(rename = "type")]
    pub provisioner_type: Option<String>,
}

/// System Insights: `enabled` or not.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct SystemInsights {
    pub state: Option<String>,
}

/// An account on the device. Whether JumpCloud manages it; its rights.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct LocalAccount {
    pub user_name: Option<String>,
    #[serde(skip_serializing)]
    pub admin: Option<bool>,
    pub managed: Option<bool>,
    pub suspended: Option<bool>,
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
    pub email: Option<String>,
    pub state: Option<String>,
}

impl Object for System {
    const COLLECTION: &'static str = "systems";

    fn id(&self) -> Result<ObjectId, Error> {
        object_id([&self.id, &self.other_id], Self::COLLECTION)
    }
}

impl Reader<'_> {
    /// `GET /v2/systems/{id}/users`: who may log in on the device.
    pub async fn system_users(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.nodes(&format!("/v2/systems/{}/users", id.as_str())).await
    }

    /// `GET /v2/systems/{id}/memberof`: the device's groups.
    pub async fn system_memberof(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.nodes(&format!("/v2/systems/{}/memberof", id.as_str())).await
    }
}

impl Writer<'_> {
    /// `POST /systems/{id}/command/builtin/shutdown`: queues the command, which never expires and cannot be
    /// called back. Sent again only when it surely did not arrive.
    pub async fn shutdown(&self, id: &ObjectId) -> Result<(), Error> {
        let path = format!("/systems/{}/command/builtin/shutdown", id.as_str());
        self.command(path, None, Effect::Once).await
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

    /// The name of the operating system of a phone or tablet, which takes no shutdown.
    pub fn mobile_os(&self) -> Option<&'static str> {
        const MOBILE: [(&str, &str); 3] = [("ipados", "iPadOS"), ("ios", "iOS"), ("android", "Android")];
        let given = [&self.os, &self.os_family].map(|name| name.as_deref().unwrap_or_default().to_lowercase());
        let is = |prefix: &str| given.iter().any(|name| name.starts_with(prefix));
        MOBILE.into_iter().find(|(prefix, _)| is(prefix)).map(|(_, name)| name)
    }

    /// Windows Home, which JumpCloud cannot log a suspended user out of.
    pub fn is_windows_home(&self) -> bool {
        let detail = self.os_version_detail.as_ref().and_then(|detail| detail.os_name.as_deref());
        let names = [self.version.as_deref(), detail].into_iter().flatten();
        self.os_kind() == OsKind::Windows && names.into_iter().any(|name| name.to_lowercase().contains("home"))
    }

    /// The user that the device belongs to, from whichever of the two forms says so.
    pub fn owner(&self) -> Option<PrimarySystemUser> {
        let object = self.primary_system_user.clone().filter(|owner| owner.id.is_some());
        let owner = object.unwrap_or_else(|| PrimarySystemUser {
            id: self.owner_id.clone(),
            email: self.owner_email.clone(),
            state: self.owner_state.clone(),
        });
        owner.id.is_some().then_some(owner)
    }

    /// The accounts on the device that may do anything there, where the agent reports them.
    pub fn local_administrators(&self) -> Option<Vec<&LocalAccount>> {
        let accounts = self.user_metrics.as_ref()?;
        Some(accounts.iter().filter(|account| account.admin == Some(true)).collect())
    }

    /// The name to show: the host name, else the display name, else "unnamed".
    pub fn name(&self) -> &str {
        self.hostname.as_deref().or(self.display_name.as_deref()).unwrap_or("unnamed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_of_a_system_are_not_read() {
        let system: System = serde_json::from_str(
            &json!({
                "_id": "633f3f295482343ff32add41", "hostname": "Computer123", "systemToken": "SECRET", "active": true,
                "fde": {"active": true, "keyPresent": true, "key": "SECRET"}, "usernameHashes": ["SECRET"],
            })
            .to_string(),
        )
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
    fn the_owner_is_read_from_either_form() {
        let owner = |system: serde_json::Value| {
            serde_json::from_str::<System>(&system.to_string()).unwrap().owner().map(|owner| (owner.id, owner.email))
        };
        let id = || Some("6026bec6b8207255280d5981".to_owned());
        assert_eq!(owner(json!({"primarySystemUser": {"id": id()}})), Some((id(), None)));
        let dotted = json!({"primarySystemUser._id": id(), "primarySystemUser.email": "a@b.c"});
        assert_eq!(owner(dotted.clone()), Some((id(), Some("a@b.c".to_owned()))));
        let mut both = dotted;
        both["primarySystemUser"] = json!({"id": "6026bec6b8207255280d5982"});
        // Never one's id beside another's address.
        assert_eq!(owner(both), Some((Some("6026bec6b8207255280d5982".to_owned()), None)));
        assert_eq!(owner(json!({"primarySystemUser": null, "primarySystemUser._id": ""})), None);
    }

    #[test]
    fn phones_and_tablets_are_called_by_name() {
        let name = |family: &str, os: &str| {
            System { os_family: Some(family.into()), os: Some(os.into()), ..Default::default() }.mobile_os()
        };
        assert_eq!(name("ios", "iOS"), Some("iOS"));
        assert_eq!(name("ios", "iPadOS"), Some("iPadOS"));
        assert_eq!(name("", "Android 15"), Some("Android"));
        assert_eq!(name("android", ""), Some("Android"));
        for other in ["Windows", "Mac OS X", "Ubuntu", "ChromeOS", ""] {
            assert_eq!(name("", other), None, "{other}");
        }
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
