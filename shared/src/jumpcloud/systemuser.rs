//! A user account: `systemuser` in API v1.

#![expect(missing_docs, reason = "most fields are JumpCloud's own and documented at https://docs.jumpcloud.com/api")]

use std::fmt;

use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};
use serde_json::{json, value::RawValue};
use serde_with::apply;

use super::{
    client::{Reader, SuspendWith, Writer},
    graph::Listing,
    list::Listed,
    model::{Object, PAGE, decode, lenient, object_id},
    retry::Effect,
    send::{Base, Request},
};
use crate::{error::Error, ids::ObjectId};

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
    /// The name on devices, where it is another.
    #[serde(rename(deserialize = "systemUsername"), skip_serializing)]
    pub system_username: Option<String>,
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
    /// How many SSH keys; never the keys.
    #[serde_with(skip_apply)]
    #[serde(rename(deserialize = "ssh_keys", serialize = "ssh_key_count"))]
    #[serde(default, deserialize_with = "counted", skip_serializing_if = "Option::is_none")]
    pub ssh_keys: Option<usize>,
    /// The JumpCloud administrator that this user is linked to: whatever is there and not null.
    #[serde_with(skip_apply)]
    #[serde(default, deserialize_with = "admin_link", skip_serializing_if = "Option::is_none")]
    pub admin: Option<AdminLink>,
    pub manager: Option<String>,
    pub department: Option<String>,
    #[serde(rename(deserialize = "jobTitle"))]
    pub job_title: Option<String>,
    pub company: Option<String>,
    pub location: Option<String>,
    #[serde(rename(deserialize = "employeeIdentifier"))]
    pub employee_identifier: Option<String>,
    #[serde(rename(deserialize = "employeeType"))]
    pub employee_type: Option<String>,
    /// Where the account comes from: the Admin Portal, a directory, an import.
    #[serde(rename(deserialize = "creationSource"))]
    pub creation_source: Option<String>,
    pub external_source_type: Option<String>,
    pub externally_managed: Option<bool>,
    /// The directory that the user's password belongs to.
    #[serde(rename(deserialize = "delegatedAuthority"))]
    pub delegated_authority: Option<DelegatedAuthority>,
    /// What another directory is the master of.
    #[serde(rename(deserialize = "restrictedFields"))]
    pub restricted_fields: Option<Vec<RestrictedField>>,
    pub ldap_binding_user: Option<bool>,
    pub samba_service_user: Option<bool>,
    pub created: Option<String>,
    /// The organization that it belongs to.
    pub organization: Option<String>,
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
    pub jc_go_status: Option<String>,
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
    pub role_names: Option<Vec<String>>,
}

/// A link in a form that is not known is a link all the same.
fn admin_link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AdminLink>, D::Error> {
    let text = <&RawValue>::deserialize(deserializer)?.get();
    Ok((text != "null").then(|| serde_json::from_str(text).unwrap_or_default()))
}

/// The number of a list's entries.
fn counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    Ok(lenient::<D, Vec<IgnoredAny>>(deserializer)?.map(|list| list.len()))
}

/// A field that only the directory `id` of this type changes.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct RestrictedField {
    pub field: Option<String>,
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub directory_type: Option<String>,
}

/// A change of state that JumpCloud will make by itself.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")],
)]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct StateChange {
    #[serde(rename(serialize = "job_id"))]
    pub scheduled_job_id: Option<String>,
    #[serde(rename(serialize = "date"))]
    pub scheduled_date: Option<String>,
    pub state: Option<String>,
    #[serde(skip_serializing)]
    system_user_id: Option<String>,
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

/// What a user account may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserState {
    /// Created, and not yet let in.
    Staged,
    /// May log in.
    Activated,
    /// May not log in.
    Suspended,
    /// One that JumpCloud has added since.
    Other(String),
}

impl UserState {
    fn parse(text: &str) -> Self {
        match text {
            "STAGED" => Self::Staged,
            "ACTIVATED" => Self::Activated,
            "SUSPENDED" => Self::Suspended,
            other => Self::Other(other.to_owned()),
        }
    }

    /// JumpCloud's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Staged => "STAGED",
            Self::Activated => "ACTIVATED",
            Self::Suspended => "SUSPENDED",
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for UserState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for UserState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Reader<'_> {
    /// `GET /v2/users/{id}/systems`: bound directly or through groups; entitled to, not logged in on.
    pub async fn user_systems(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.nodes(&format!("/v2/users/{}/systems", id.as_str())).await
    }

    /// `GET /v2/users/{id}/memberof`: the user's groups.
    pub async fn user_memberof(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.nodes(&format!("/v2/users/{}/memberof", id.as_str())).await
    }

    /// `GET /v2/bulk/userstates?userid={id}`: the changes of state that are scheduled.
    pub async fn state_changes(&self, id: &ObjectId) -> Result<Listed<StateChange>, Error> {
        let query = format!("&userid={}", id.as_str());
        let mut changes: Listed<StateChange> = self.list("/v2/bulk/userstates", &query, PAGE).await?;
        // Compared again, as everywhere: an answer that ignored the filter says nothing about this user.
        let own = |change: &StateChange| {
            change.system_user_id.as_deref().is_some_and(|its| ObjectId::parse(its).as_ref() == Some(id))
        };
        // One that names nobody may be this user's.
        changes.truncated |= changes.items.iter().any(|change| change.system_user_id.is_none());
        changes.items.retain(own);
        Ok(changes)
    }
}

impl Writer<'_> {
    /// Suspends a user, as the client was told to. The user as JumpCloud returns it; `None` proves nothing, and is all that
    /// [`SuspendWith::State`] gives, whatever it was answered with.
    pub async fn suspend(&self, id: &ObjectId) -> Result<Option<SystemUser>, Error> {
        match self.reader().client.suspend_with {
            SuspendWith::Put => self.put_state(id, UserState::Suspended).await,
            SuspendWith::State => {
                let path = format!("/systemusers/{}/state/suspend", id.as_str());
                let (base, effect) = (Base::Api, Effect::Repeatable);
                self.change(Request { method: Method::POST, base, path, body: None, effect }).await.map(|_| None)
            }
        }
    }

    /// `PUT /systemusers/{id}` with `state` and the older `suspended`, as JumpCloud's own module does. The
    /// user as JumpCloud returns it, where it does: another user, or one beside an undocumented status, proves nothing.
    pub async fn put_state(&self, id: &ObjectId, state: UserState) -> Result<Option<SystemUser>, Error> {
        let body = json!({"state": state, "suspended": state == UserState::Suspended});
        let path = format!("/systemusers/{}", id.as_str());
        let answer = self
            .change(Request {
                method: Method::PUT,
                base: Base::Api,
                path,
                body: Some(body),
                effect: Effect::Repeatable,
            })
            .await?;
        let user: Option<SystemUser> = answer.accepted().then(|| decode(&answer.body).ok()).flatten();
        Ok(user.filter(|user| user.id().is_ok_and(|its| its == *id)))
    }

    /// `POST /systemusers/{id}/state/activate`: STAGED to ACTIVATED, without the activation mail (an empty body
    /// would send one, and one more for each repetition).
    pub async fn activate(&self, id: &ObjectId) -> Result<(), Error> {
        let path = format!("/systemusers/{}/state/activate", id.as_str());
        self.command(path, Some(json!({"email": false})), Effect::Repeatable).await
    }

    /// `POST /systemusers/{id}/expire`: the password expires at once.
    pub async fn expire(&self, id: &ObjectId) -> Result<(), Error> {
        let path = format!("/systemusers/{}/expire", id.as_str());
        self.command(path, None, Effect::Repeatable).await
    }
}

impl SystemUser {
    /// `state` first, else from the older `suspended`. `None` where JumpCloud says neither.
    pub fn state(&self) -> Option<UserState> {
        let from_suspended = |suspended| if suspended { UserState::Suspended } else { UserState::Activated };
        self.state.as_deref().map(UserState::parse).or(self.suspended.map(from_suspended))
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
    use serde_json::Value;

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
        assert_eq!(user.state(), Some(UserState::Staged));
        assert_eq!((user.manager, user.account_locked), (None, None));
    }

    #[test]
    fn any_link_to_an_administrator_counts() {
        let linked = |value: Value| {
            serde_json::from_str::<SystemUser>(&json!({"admin": value}).to_string()).unwrap().admin.is_some()
        };
        for link in
            [json!({"id": "x"}), json!({}), json!(true), json!(false), json!("yes"), json!(""), json!(7), json!([])]
        {
            assert!(linked(link.clone()), "{link}");
        }
        assert!(!linked(Value::Null));
        assert!(serde_json::from_str::<SystemUser>("{}").unwrap().admin.is_none());
    }

    #[test]
    fn ssh_keys_are_counted_and_not_read() {
        let count = |keys: Value| {
            let user: SystemUser =
                serde_json::from_str(&json!({"ssh_keys": keys, "public_key": "SECRET"}).to_string()).unwrap();
            serde_json::to_value(&user).unwrap()
        };
        assert_eq!(count(json!([{"name": "a", "public_key": "SECRET"}, "SECRET"])), json!({"ssh_key_count": 2}));
        assert_eq!(count(json!([])), json!({"ssh_key_count": 0}));
        assert_eq!(count(json!("SECRET")), json!({}));
    }

    #[test]
    fn state_goes_before_suspended() {
        let state = |value: Value| serde_json::from_str::<SystemUser>(&value.to_string()).unwrap().state();
        assert_eq!(state(json!({"state": "ACTIVATED", "suspended": true})), Some(UserState::Activated));
        assert_eq!(state(json!({"suspended": true})), Some(UserState::Suspended));
        assert_eq!(state(json!({"suspended": false})), Some(UserState::Activated));
        assert_eq!(state(json!({"state": "LOCKED"})), Some(UserState::Other("LOCKED".to_owned())));
        assert_eq!(state(json!({})), None);
    }
}
