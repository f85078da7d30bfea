//! The ways in that lead over a user's devices.

use super::{devices::Devices, words::counted};
use crate::{
    error::ErrorType,
    ids::ObjectId,
    jumpcloud::{LocalAccount, Object, System, SystemUser, UserState},
    outcome::{
        Access,
        AccessState::{self, Closed, Open, Unknown},
        WayIn,
    },
};

/// When the data was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before a suspension that was held back: what it would not close is given.
    Planned,
    /// While this invocation suspended the user: the devices cannot have reported it yet.
    Changed,
    /// In a state that may be there for long.
    Found,
}

/// A part that not every playbook reads.
#[derive(Default)]
pub(super) enum Reading<T> {
    /// Nobody asked for it.
    #[default]
    NotRead,
    Failed(ErrorType),
    Read(T),
}

/// What an advisory and a way in say in the same words: the fact, and what to do.
pub(super) type Words = (String, &'static str);

pub(super) const REMOTE_SESSIONS: &str = "A remote session on a device is not ended by the suspension; it ends when the user logs out, switches or the device reboots.";

pub(super) fn windows_home(host: &System) -> Words {
    let fact = format!(
        "{} runs Windows Home: the user is not logged out there until the account is locked, switched or the host is rebooted.",
        host.name()
    );
    (fact, "Shut the host down to be sure.")
}

pub(super) fn offline(host: &System) -> Words {
    let fact = format!("{} is offline: the suspension reaches it when it is back online.", host.name());
    (fact, "Keep it off the network, or look again when it is back.")
}

const NO_DEVICE: &str = "JumpCloud binds the user to no device.";

/// Also for a suspension that does not show yet.
pub(super) const RUN_DISABLE: &str = "Run Disable User; where that has just been done, look again.";

/// The name of the user's account on devices.
fn account(user: &SystemUser) -> Option<&str> {
    user.system_username.as_deref().or(user.username.as_deref())
}

/// What the agent reports of the user's account on `host`.
fn reported<'a>(user: &SystemUser, host: &'a System) -> Option<&'a LocalAccount> {
    let name = account(user)?;
    let accounts = host.user_metrics.as_ref()?;
    accounts.iter().find(|its| its.user_name.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(name)))
}

/// Rights on devices. A suspension leaves them granted.
pub(super) fn sudo(user: &SystemUser, devices: &Devices) -> Access {
    let binding = |host: &System| devices.bindings.get(&host.id().ok()?)?.sudo;
    let admin = |host: &System| reported(user, host)?.admin;
    let hosts: Vec<&str> = devices
        .systems
        .iter()
        .filter(|host| binding(host) == Some(true) || admin(host) == Some(true))
        .map(System::name)
        .collect();
    let everywhere = user.sudo == Some(true) || user.passwordless_sudo == Some(true);
    let stays = "a suspension leaves that granted, and a session that goes on has it";
    let to_do = "Take the right away before the user is enabled again.";
    if everywhere {
        return Access::new(
            WayIn::Sudo,
            Open,
            format!("The user is administrator on every device (sudo); {stays}."),
            to_do,
        );
    }
    if !hosts.is_empty() {
        return Access::new(
            WayIn::Sudo,
            Open,
            format!("The user is administrator on {}; {stays}.", some(&hosts)),
            to_do,
        );
    }
    let none = |host: &System| binding(host) == Some(false) && admin(host) == Some(false);
    if user.sudo == Some(false) && devices.problem.is_none() && devices.systems.iter().all(none) {
        let why = "The user has no administrator's right, neither on all devices nor on one that the user is bound to.";
        return Access::new(WayIn::Sudo, Closed, why, to_do);
    }
    let why = "No administrator's right is known; JumpCloud does not deny it for every device of the user.";
    Access::new(WayIn::Sudo, Unknown, why, "Look at the rights on the devices.")
}

/// At most five names, and how many more.
fn some(names: &[&str]) -> String {
    let more = names.len().saturating_sub(5);
    let first = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// Sessions that go on. JumpCloud's agent is not documented to end remote ones.
pub(super) fn device_sessions(devices: &Devices, read: &Reading<Vec<ObjectId>>) -> Access {
    let to_do = "Shut the devices down, or end the sessions on them.";
    if let Reading::Read(on) = read
        && !on.is_empty()
    {
        let is_on = |host: &&System| host.id().is_ok_and(|id| on.contains(&id));
        let names: Vec<&str> = devices.systems.iter().filter(is_on).map(System::name).collect();
        let names = if names.is_empty() { counted(on.len(), "session") } else { some(&names) };
        let why = format!("System Insights saw the user logged in ({names}) when it last looked.");
        return Access::new(WayIn::DeviceSessions, Open, why, to_do);
    }
    if devices.systems.is_empty() && devices.problem.is_none() {
        return Access::new(WayIn::DeviceSessions, Closed, NO_DEVICE, "");
    }
    let seen = match read {
        Reading::Read(_) => "System Insights saw no session when it last looked, which proves nothing.".to_owned(),
        Reading::NotRead => "Whether the user is logged in on a device was not read.".to_owned(),
        Reading::Failed(error) => format!("Whether the user is logged in on a device could not be read ({error})."),
    };
    Access::new(WayIn::DeviceSessions, Unknown, format!("{seen} {REMOTE_SESSIONS}"), to_do)
}

/// Logging in on each of the devices, the worst first, and on those that are not listed.
pub(super) fn each_device(when: When, state: Option<&UserState>, user: &SystemUser, devices: &Devices) -> Vec<Access> {
    let one = |host: &System| {
        let (verdict, (why, to_do)) = match state {
            Some(UserState::Activated) => {
                (Open, (format!("The user is ACTIVATED and bound to {}.", host.name()), RUN_DISABLE))
            }
            Some(UserState::Suspended) => suspended_on(when, user, host),
            _ => (
                Unknown,
                (
                    format!("What the user's state means for {} is not known.", host.name()),
                    "Look at the accounts on the device.",
                ),
            ),
        };
        let host_id = host.id().ok().map(|id| id.as_str().to_owned());
        let host = Some(host.name().to_owned());
        Access { host_id, host, ..Access::new(WayIn::Device, verdict, why, to_do) }
    };
    let mut ways: Vec<Access> = devices.systems.iter().map(one).collect();
    ways.sort_by_key(|way| way.state);
    match &devices.problem {
        Some(problem) => {
            let to_do = "Look at the user's devices in the Admin Portal.";
            ways.push(Access::new(WayIn::Device, Unknown, problem.message.clone(), to_do));
        }
        None if ways.is_empty() => ways.push(Access::new(WayIn::Device, Closed, NO_DEVICE, "")),
        None => {}
    }
    ways
}

/// Whether a suspended user can log in on `host`: not where its agent reports the account as suspended. A report is older than a
/// suspension of just now.
fn suspended_on(when: When, user: &SystemUser, host: &System) -> (AccessState, Words) {
    let name = host.name();
    let long_ago = when == When::Found;
    if let Some(os) = host.mobile_os() {
        let fact = format!("{name} runs {os}: that a suspension locks it is not documented.");
        return (Unknown, (fact, "Lock it through its MDM."));
    }
    if host.is_windows_home() {
        return (if long_ago { Unknown } else { Open }, windows_home(host));
    }
    let shut_down = "Shut the host down to be sure.";
    match reported(user, host).and_then(|account| account.suspended) {
        Some(true) => (Closed, (format!("The agent of {name} reports the account there as suspended."), "")),
        _ if host.active == Some(false) && !long_ago => (Open, offline(host)),
        Some(false) if long_ago => {
            (Open, (format!("The agent of {name} reports the account there as not suspended."), shut_down))
        }
        _ => (Unknown, (format!("The agent of {name} does not report the account there as suspended."), shut_down)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        jumpcloud::Binding,
        outcome::{Advisory, AdvisoryCode},
    };

    const ID: &str = "633f3f295482343ff32add41";

    fn user(fields: &Value) -> SystemUser {
        serde_json::from_str(&fields.to_string()).unwrap()
    }

    fn on(hosts: &[Value]) -> Devices {
        let systems = hosts.iter().map(|host| serde_json::from_str(&host.to_string()).unwrap()).collect();
        Devices { systems, ..Devices::default() }
    }

    fn host(fields: Value) -> Value {
        let mut host = json!({"_id": ID, "hostname": "h", "os": "Windows", "version": "11 Pro"});
        host.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        host
    }

    fn reports(suspended: Value) -> Value {
        json!([{"userName": "other", "suspended": true}, {"userName": "JSmith", "suspended": suspended}])
    }

    #[test]
    fn a_device_is_closed_only_where_it_reports_the_account_as_suspended() {
        let jsmith = user(&json!({"username": "jsmith"}));
        for (fields, planned, changed, found) in [
            (json!({}), Unknown, Unknown, Unknown),
            (json!({"active": true}), Unknown, Unknown, Unknown),
            (json!({"active": false}), Open, Open, Unknown),
            (json!({"active": true, "userMetrics": reports(json!(true))}), Closed, Closed, Closed),
            (json!({"active": false, "userMetrics": reports(json!(true))}), Closed, Closed, Closed),
            (json!({"active": true, "userMetrics": reports(json!(false))}), Unknown, Unknown, Open),
            (json!({"active": false, "userMetrics": reports(json!(false))}), Open, Open, Open),
            (json!({"active": true, "userMetrics": reports(json!(null))}), Unknown, Unknown, Unknown),
            (json!({"userMetrics": [{"userName": "other", "suspended": true}]}), Unknown, Unknown, Unknown),
            (json!({"userMetrics": [{"suspended": true}]}), Unknown, Unknown, Unknown),
            (json!({"version": "11 Home", "userMetrics": reports(json!(true))}), Open, Open, Unknown),
            (json!({"os": "iOS", "active": false, "userMetrics": reports(json!(true))}), Unknown, Unknown, Unknown),
        ] {
            for (when, expected) in [(When::Planned, planned), (When::Changed, changed), (When::Found, found)] {
                let ways = each_device(when, Some(&UserState::Suspended), &jsmith, &on(&[host(fields.clone())]));
                assert_eq!((ways.len(), ways[0].state), (1, expected), "{when:?} {fields}");
                assert_eq!((ways[0].host_id.as_deref(), ways[0].host.as_deref()), (Some(ID), Some("h")));
            }
            let state = |state: Option<UserState>| {
                let devices = on(&[host(fields.clone())]);
                each_device(When::Found, state.as_ref(), &jsmith, &devices)[0].state
            };
            assert_eq!(state(Some(UserState::Activated)), Open);
            for other in [Some(UserState::Staged), Some(UserState::Other("PAUSED".to_owned())), None] {
                assert_eq!(state(other), Unknown);
            }
        }
    }

    #[test]
    fn the_account_is_the_one_that_the_user_has_on_devices() {
        let devices = on(&[host(json!({"userMetrics": reports(json!(true))}))]);
        for (fields, expected) in [
            (json!({"username": "jsmith"}), Closed),
            (json!({"username": "jsmith", "systemUsername": "john"}), Unknown),
            (json!({"username": "john", "systemUsername": "jsmith"}), Closed),
            (json!({}), Unknown),
        ] {
            let ways = each_device(When::Found, Some(&UserState::Suspended), &user(&fields), &devices);
            assert_eq!(ways[0].state, expected, "{fields}");
        }
    }

    #[test]
    fn devices_that_are_not_listed_are_unknown_and_the_worst_come_first() {
        let suspended = Some(&UserState::Suspended);
        let jsmith = user(&json!({"username": "jsmith"}));
        let states = |devices: &Devices| -> Vec<AccessState> {
            each_device(When::Changed, suspended, &jsmith, devices).iter().map(|way| way.state).collect()
        };
        assert_eq!(states(&Devices::default()), [Closed]);
        assert_eq!(states(&Devices::unread(ErrorType::Forbidden)), [Unknown]);
        let closed = host(json!({"userMetrics": reports(json!(true))}));
        let mut devices = on(&[closed, host(json!({})), host(json!({"active": false}))]);
        assert_eq!(states(&devices), [Open, Unknown, Closed]);
        devices.problem = Some(Advisory::new(AdvisoryCode::DevicesIncomplete, "Not all."));
        assert_eq!(states(&devices), [Open, Unknown, Closed, Unknown]);
    }

    #[test]
    fn rights_are_ruled_out_only_where_every_device_denies_them() {
        let binding = |sudo| Binding { direct: None, through_groups: Vec::new(), sudo, sudo_without_password: None };
        let no_admin = json!([{"userName": "jsmith", "admin": false}]);
        let admin = json!([{"userName": "jsmith", "admin": true}]);
        for (global, bound, metrics, expected) in [
            (json!(true), Some(false), no_admin.clone(), Open),
            (json!(false), Some(true), no_admin.clone(), Open),
            (json!(false), Some(false), admin, Open),
            (json!(false), Some(false), no_admin.clone(), Closed),
            (json!(null), Some(false), no_admin.clone(), Unknown),
            (json!(false), None, no_admin, Unknown),
            (json!(false), Some(false), json!(null), Unknown),
        ] {
            let mut devices = on(&[host(json!({"userMetrics": metrics}))]);
            devices.bindings = HashMap::from([(ObjectId::parse(ID).unwrap(), binding(bound))]);
            let jsmith = user(&json!({"username": "jsmith", "sudo": global}));
            let way = sudo(&jsmith, &devices);
            assert_eq!(way.state, expected, "{global} {bound:?} {metrics}: {}", way.evidence);
            devices.problem = Some(Advisory::new(AdvisoryCode::DevicesIncomplete, "Not all."));
            assert_ne!(sudo(&jsmith, &devices).state, Closed);
        }
    }

    #[test]
    fn sessions_are_closed_only_where_there_is_no_device() {
        let bound = on(&[host(json!({}))]);
        let here = || Reading::Read(vec![ObjectId::parse(ID).unwrap()]);
        for (devices, read, expected) in [
            (&bound, Reading::NotRead, Unknown),
            (&bound, Reading::Failed(ErrorType::Unsupported), Unknown),
            (&bound, Reading::Read(Vec::new()), Unknown),
            (&bound, here(), Open),
            (&Devices::default(), here(), Open),
            (&Devices::default(), Reading::NotRead, Closed),
            (&Devices::unread(ErrorType::Forbidden), Reading::NotRead, Unknown),
        ] {
            let way = device_sessions(devices, &read);
            assert_eq!(way.state, expected, "{}", way.evidence);
        }
        assert!(device_sessions(&bound, &here()).evidence.contains("(h)"));
    }
}
