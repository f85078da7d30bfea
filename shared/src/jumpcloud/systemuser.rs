//! A user account: `systemuser` in API v1.

#![expect(missing_docs, reason = "most fields are JumpCloud's own and documented at https://docs.jumpcloud.com/api")]

use serde::{Deserialize, Serialize};
use serde_with::apply;

use super::model::{Object, ObjectId, lenient, object_id};
use crate::error::Error;

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_odd_field_does_not_hide_the_others() {
        let user: SystemUser = serde_json::from_str(
            &json!({
                "_id": "5f0c1b2a3d4e5f6071829301", "id": "5f0c1b2a3d4e5f6071829301", "username": "jsmith",
                "employeeIdentifier": null, "manager": {"not": "text"}, "account_locked": "no", "state": "STAGED",
            })
            .to_string(),
        )
        .unwrap();
        assert_eq!(user.username.as_deref(), Some("jsmith"));
        assert_eq!(user.state(), Some("STAGED"));
        assert_eq!((user.manager, user.account_locked), (None, None));
    }

    #[test]
    fn state_goes_before_suspended() {
        let state =
            |value: Value| serde_json::from_str::<SystemUser>(&value.to_string()).unwrap().state().map(str::to_owned);
        assert_eq!(state(json!({"state": "ACTIVATED", "suspended": true})).as_deref(), Some("ACTIVATED"));
        assert_eq!(state(json!({"suspended": true})).as_deref(), Some("SUSPENDED"));
        assert_eq!(state(json!({"suspended": false})).as_deref(), Some("ACTIVATED"));
        assert_eq!(state(json!({})), None);
    }
}
