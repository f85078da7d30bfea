//! Which ways in a user still has, judged on what was read.
//!
//! `closed` needs data that says so: the documented effect of a state that was seen, a report of the device, a complete list. What was
//! not read, what JumpCloud leaves out and what its API cannot tell is `unknown`.

use super::{
    access_devices::{RUN_DISABLE, Reading, When, Words, device_sessions, each_device, sudo},
    devices::Devices,
    words::{counted, shown},
};
use crate::{
    ids::ObjectId,
    jumpcloud::{Listed, StateChange, SystemUser, UserState},
    outcome::{
        Access,
        AccessState::{Closed, Open, Unknown},
        WayIn,
    },
};

/// What Enrich User reads besides the devices.
#[derive(Default)]
pub(super) struct Besides {
    /// Of how many groups the user is a member.
    pub(super) groups: Reading<usize>,
    /// The hosts on which System Insights saw the user logged in, one for each session.
    pub(super) sessions: Reading<Vec<ObjectId>>,
    pub(super) changes: Reading<Listed<StateChange>>,
}

/// What a part of an answer is for the ways in.
pub enum Basis {
    /// The user's devices.
    Devices(Devices),
    /// See `Besides`.
    Groups(usize),
    /// See `Besides`.
    Sessions(Vec<ObjectId>),
    /// See `Besides`.
    Changes(Listed<StateChange>),
}

pub(super) const LDAP_BINDING: &str =
    "Applications bind to LDAP as this user: they stop working while it is suspended.";

pub(super) fn directory(user: &SystemUser) -> Option<Words> {
    let directory = user.directory()?;
    Some((format!("The user is managed by {directory}, which can change the state back."), "Change it there too."))
}

/// Every way in. In a plan, those that the suspension would leave open or cannot be told of.
pub(super) fn of_user(when: When, user: &SystemUser, devices: &Devices, besides: &Besides) -> Vec<Access> {
    let state = match when {
        When::Planned => Some(UserState::Suspended),
        When::Changed | When::Found => user.state(),
    };
    let state = state.as_ref();
    let mut ways = vec![
        password(state, user),
        sso_sessions(state),
        ldap_and_radius(state, user),
        ssh_keys(state, user),
        sudo(user, devices),
        groups(&besides.groups),
        administrator(user),
        outside_directory(user),
        state_changes(&besides.changes),
        device_sessions(devices, &besides.sessions),
    ];
    ways.extend(each_device(when, state, user, devices));
    ways.retain(|way| when != When::Planned || way.state != Closed);
    ways
}

/// The login with name and password: User Portal, console, and what asks them. JumpCloud documents that a user who is not active
/// reaches no resource.
fn password(state: Option<&UserState>, user: &SystemUser) -> Access {
    let (verdict, what) = match state {
        Some(UserState::Suspended | UserState::Staged) => (Closed, "which lets nobody log in"),
        Some(UserState::Activated) if user.account_locked == Some(true) => {
            (Open, "which lets the user log in; the account is locked after failed logins, which is no suspension")
        }
        Some(UserState::Activated) => (Open, "which lets the user log in"),
        Some(UserState::Other(_)) | None => (Unknown, "which does not tell whether the user may log in"),
    };
    Access::new(WayIn::Password, verdict, format!("The user is {}, {what}.", shown(state)), RUN_DISABLE)
}

fn is_active(state: Option<&UserState>) -> bool {
    state == Some(&UserState::Activated)
}

/// JumpCloud's API lists no session of a user and has no call that ends one.
fn sso_sessions(state: Option<&UserState>) -> Access {
    let to_do = "End the user's sessions in the applications themselves.";
    if is_active(state) {
        return Access::new(
            WayIn::SsoSessions,
            Open,
            "The user is ACTIVATED and can log in to applications; the API has no call that ends sessions.",
            RUN_DISABLE,
        );
    }
    let why = "The API neither shows nor ends the sessions that the user has in applications: they may go on.";
    Access::new(WayIn::SsoSessions, Unknown, why, to_do)
}

fn ldap_and_radius(state: Option<&UserState>, user: &SystemUser) -> Access {
    let binding = if user.ldap_binding_user == Some(true) { format!(" {LDAP_BINDING}") } else { String::new() };
    if is_active(state) {
        return Access::new(
            WayIn::LdapAndRadius,
            Open,
            format!("The user is ACTIVATED, and LDAP and RADIUS take the password where they are bound.{binding}"),
            RUN_DISABLE,
        );
    }
    let why = match state {
        Some(UserState::Suspended) => {
            "That a suspension ends connections which were opened before (VPN, Wi-Fi, LDAP) is not documented."
                .to_owned()
        }
        _ => format!("The user is {}; what LDAP and RADIUS make of that is not documented.", shown(state)),
    };
    let why = why + &binding;
    Access::new(
        WayIn::LdapAndRadius,
        Unknown,
        why,
        "End the user's connections at the VPN, the Wi-Fi and the applications.",
    )
}

/// JumpCloud knows the keys that it distributes, not those that were put on a device.
fn ssh_keys(state: Option<&UserState>, user: &SystemUser) -> Access {
    let to_do = "Remove the keys from the user, and from the account on each device.";
    let (verdict, why) = match user.ssh_keys {
        Some(0) => (
            Unknown,
            "JumpCloud holds no SSH key of the user; keys on the devices themselves are not known.".to_owned(),
        ),
        Some(count) if is_active(state) => {
            (Open, format!("JumpCloud holds {} of the user.", counted(count, "SSH key")))
        }
        Some(count) => (
            Unknown,
            format!(
                "JumpCloud holds {} of the user; when the devices stop taking them is not documented.",
                counted(count, "SSH key")
            ),
        ),
        None => (Unknown, "JumpCloud does not say whether the user has SSH keys.".to_owned()),
    };
    Access::new(WayIn::SshKeys, verdict, why, to_do)
}

/// Why a part is not known, and how to get to know it.
fn unread<T>(of: WayIn, what: &str, part: &Reading<T>, include: &str) -> Access {
    let why = match part {
        Reading::Failed(error) => format!("{what} could not be read ({error})."),
        Reading::NotRead | Reading::Read(_) => format!("{what} were not read."),
    };
    Access::new(of, Unknown, why, &format!("Enrich User reads them{include}."))
}

/// A suspension leaves the memberships.
fn groups(read: &Reading<usize>) -> Access {
    let Reading::Read(groups) = read else { return unread(WayIn::Groups, "The groups", read, "") };
    match *groups {
        0 => Access::new(WayIn::Groups, Closed, "The user is a member of no group.", ""),
        count => Access::new(
            WayIn::Groups,
            Open,
            format!(
                "The user is a member of {}; a suspension leaves what they grant in place.",
                counted(count, "group")
            ),
            "Remove the user from groups that grant too much.",
        ),
    }
}

/// An administrator logs in by an account of its own. That JumpCloud names none is no proof: an unlinked one may exist.
fn administrator(user: &SystemUser) -> Access {
    let to_do = "Suspend the administrator in the Admin Portal.";
    let Some(admin) = &user.admin else {
        let why = "JumpCloud shows no link to an administrator's account; one of the same person that is not linked is not known.";
        return Access::new(WayIn::Administrator, Unknown, why, "Look among the administrators in the Admin Portal.");
    };
    let role = admin.role_name.as_deref().unwrap_or("role not shown");
    let why = format!(
        "The user is linked to a JumpCloud administrator ({role}), whom a suspension of the user does not touch."
    );
    Access::new(WayIn::Administrator, Open, why, to_do)
}

fn outside_directory(user: &SystemUser) -> Access {
    if let Some((fact, to_do)) = directory(user) {
        return Access::new(WayIn::Directory, Open, fact, to_do);
    }
    let to_do = "Look in the directories that are connected to JumpCloud.";
    match (&user.restricted_fields, user.externally_managed) {
        (Some(fields), _) if !fields.is_empty() => {
            let owner =
                fields.iter().find_map(|field| field.directory_type.as_deref()).unwrap_or("an outside directory");
            let why = format!("{owner} is the master of some of the user's fields; whether of the state is not said.");
            Access::new(WayIn::Directory, Unknown, why, to_do)
        }
        (Some(_), Some(false)) => Access::new(
            WayIn::Directory,
            Closed,
            "JumpCloud says that the user is not managed from outside, and that no directory owns a field.",
            to_do,
        ),
        _ => Access::new(
            WayIn::Directory,
            Unknown,
            "JumpCloud names no directory that manages the user, and does not rule one out.",
            to_do,
        ),
    }
}

fn state_changes(read: &Reading<Listed<StateChange>>) -> Access {
    let what = "The scheduled changes of state";
    let include = " (`include`: `scheduled`)";
    let Reading::Read(changes) = read else { return unread(WayIn::StateChanges, what, read, include) };
    let to = |state: &'static str| move |change: &&StateChange| change.state.as_deref() == Some(state);
    if let Some(change) = changes.items.iter().find(to("ACTIVATED")) {
        let when = change.scheduled_date.as_deref().unwrap_or("a time that is not shown");
        let why = format!("JumpCloud will make the user ACTIVATED by itself at {when}.");
        return Access::new(WayIn::StateChanges, Open, why, "Cancel it in the Admin Portal.");
    }
    let to_do = "Look at the scheduled changes in the Admin Portal.";
    if changes.truncated || !changes.items.iter().all(|change| to("SUSPENDED")(&change)) {
        return Access::new(
            WayIn::StateChanges,
            Unknown,
            "Not every scheduled change of state could be understood.",
            to_do,
        );
    }
    Access::new(WayIn::StateChanges, Closed, "No change of state that lets the user in is scheduled.", to_do)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{error::ErrorType, outcome::AccessState};

    fn user(fields: &Value) -> SystemUser {
        serde_json::from_str(&fields.to_string()).unwrap()
    }

    fn judge(when: When, fields: &Value, besides: &Besides) -> Vec<Access> {
        of_user(when, &user(fields), &Devices::default(), besides)
    }

    fn verdict(ways: &[Access], way: WayIn) -> AccessState {
        ways.iter().find(|its| its.way == way).unwrap().state
    }

    fn changes(items: &[Value]) -> Reading<Listed<StateChange>> {
        let items = items.iter().map(|item| serde_json::from_str(&item.to_string()).unwrap()).collect();
        Reading::Read(Listed { items, truncated: false })
    }

    #[test]
    fn a_state_closes_and_opens_what_is_documented_and_no_more() {
        for (fields, expected) in [
            (json!({"state": "ACTIVATED"}), [Open, Open, Open, Open]),
            (json!({"state": "ACTIVATED", "account_locked": true}), [Open, Open, Open, Open]),
            (json!({"state": "ACTIVATED", "suspended": true}), [Open, Open, Open, Open]),
            (json!({"state": "SUSPENDED"}), [Closed, Unknown, Unknown, Unknown]),
            (json!({"suspended": true}), [Closed, Unknown, Unknown, Unknown]),
            (json!({"state": "STAGED"}), [Closed, Unknown, Unknown, Unknown]),
            (json!({"state": "PAUSED"}), [Unknown, Unknown, Unknown, Unknown]),
            (json!({"state": 7}), [Unknown, Unknown, Unknown, Unknown]),
            (json!({}), [Unknown, Unknown, Unknown, Unknown]),
        ] {
            let mut with_keys = fields.clone();
            with_keys["ssh_keys"] = json!(["SECRET"]);
            for when in [When::Found, When::Changed] {
                let ways = judge(when, &with_keys, &Besides::default());
                let found = [WayIn::Password, WayIn::SsoSessions, WayIn::LdapAndRadius, WayIn::SshKeys]
                    .map(|way| verdict(&ways, way));
                assert_eq!(found, expected, "{fields}");
            }
        }
    }

    #[test]
    fn what_jumpcloud_leaves_out_closes_nothing() {
        let ways = judge(When::Found, &json!({}), &Besides::default());
        let closed: Vec<WayIn> = ways.iter().filter(|way| way.state == Closed).map(|way| way.way).collect();
        // There, a complete list of no devices says so.
        assert_eq!(closed, [WayIn::DeviceSessions, WayIn::Device]);
        for keys in [json!([]), json!(null), json!("x")] {
            let ways = judge(When::Found, &json!({"state": "ACTIVATED", "ssh_keys": keys}), &Besides::default());
            assert_eq!(verdict(&ways, WayIn::SshKeys), Unknown, "{keys}");
        }
    }

    #[test]
    fn directories_and_administrators_are_open_where_they_are_named() {
        let field = json!([{"field": "password", "type": "active_directory"}]);
        for (fields, expected) in [
            (json!({"delegatedAuthority": {"name": "ActiveDirectory"}}), Open),
            (json!({"delegatedAuthority": {}, "externally_managed": false, "restrictedFields": []}), Open),
            (json!({"external_source_type": "active_directory"}), Open),
            (json!({"externally_managed": true}), Open),
            (json!({"externally_managed": false, "restrictedFields": field}), Unknown),
            (json!({"externally_managed": false}), Unknown),
            (json!({"restrictedFields": []}), Unknown),
            (json!({"externally_managed": false, "external_source_type": "", "restrictedFields": []}), Closed),
        ] {
            let ways = judge(When::Found, &fields, &Besides::default());
            assert_eq!(verdict(&ways, WayIn::Directory), expected, "{fields}");
        }
        for (fields, expected) in [
            (json!({"admin": {"roleName": "Manager"}}), Open),
            (json!({"admin": {}}), Open),
            (json!({"admin": "yes"}), Open),
            (json!({"admin": null}), Unknown),
            (json!({}), Unknown),
        ] {
            let ways = judge(When::Found, &fields, &Besides::default());
            assert_eq!(verdict(&ways, WayIn::Administrator), expected, "{fields}");
        }
    }

    #[test]
    fn a_list_closes_only_where_it_was_read_to_its_end() {
        let at = |state: Value| json!({"scheduledDate": "2026-12-24T18:00:00Z", "state": state});
        let cut = Reading::Read(Listed { items: Vec::new(), truncated: true });
        for (read, expected) in [
            (Reading::NotRead, Unknown),
            (Reading::Failed(ErrorType::Forbidden), Unknown),
            (cut, Unknown),
            (changes(&[]), Closed),
            (changes(&[at(json!("SUSPENDED"))]), Closed),
            (changes(&[at(json!("SUSPENDED")), at(json!("ACTIVATED"))]), Open),
            (changes(&[at(json!("PAUSED"))]), Unknown),
            (changes(&[at(json!(null))]), Unknown),
            (changes(&[at(json!("PAUSED")), json!({"state": "ACTIVATED"})]), Open),
        ] {
            let way = state_changes(&read);
            assert_eq!(way.state, expected, "{}", way.evidence);
        }
        for (read, expected, words) in [
            (Reading::NotRead, Unknown, "were not read"),
            (Reading::Failed(ErrorType::Forbidden), Unknown, "could not be read (Forbidden)"),
            (Reading::Read(0), Closed, "no group"),
            (Reading::Read(2), Open, "2 groups"),
        ] {
            let way = groups(&read);
            assert_eq!(way.state, expected);
            assert!(way.evidence.contains(words), "{}", way.evidence);
        }
    }

    #[test]
    fn a_plan_gives_what_the_suspension_would_not_close() {
        let fields = json!({"state": "ACTIVATED", "sudo": true});
        let planned = judge(When::Planned, &fields, &Besides::default());
        let ways: Vec<(WayIn, AccessState)> = planned.iter().map(|way| (way.way, way.state)).collect();
        let expected = [
            (WayIn::SsoSessions, Unknown),
            (WayIn::LdapAndRadius, Unknown),
            (WayIn::SshKeys, Unknown),
            (WayIn::Sudo, Open),
            (WayIn::Groups, Unknown),
            (WayIn::Administrator, Unknown),
            (WayIn::Directory, Unknown),
            (WayIn::StateChanges, Unknown),
        ];
        assert_eq!(ways, expected);
        // It is not SUSPENDED yet, and nothing says so.
        assert!(planned.iter().all(|way| !way.evidence.contains("is SUSPENDED")), "{planned:?}");
    }

    #[test]
    fn what_is_not_closed_says_what_to_do() {
        for state in ["ACTIVATED", "SUSPENDED", "STAGED", "PAUSED"] {
            for way in judge(When::Found, &json!({"state": state, "ldap_binding_user": true}), &Besides::default()) {
                assert_eq!(way.to_do.is_none(), way.state == Closed, "{way:?}");
                assert!(way.evidence.ends_with('.') && way.to_do.is_none_or(|to_do| to_do.ends_with('.')));
            }
        }
    }
}
