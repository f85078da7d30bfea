//! One finding acts on at most one object, every name in it agrees with that object, and one of them at least counts.
//!
//! Findings of all formats are filled with names of the rehearsal tenant's users and hosts, and of strangers. What may be done is
//! said here once more, in other words than the playbooks'.

mod common;

use std::{cell::Cell, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use common::client;
use jumpcloud_playbooks::{
    guard::Unguarded,
    intake::{Arrival, Intake, Settings, Todo, Wants, Work},
    playbooks::{self, Once, Run},
    request::{Takes, TargetType},
    vars::Vars,
};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use sandbox::{
    rehearsal::Rehearsal,
    seed::{BUILD_07, COMPUTER123, JSMITH, KIOSK, KPARK, MGARCIA, PNEW},
};
use serde_json::{Value, json};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    UserId,
    Email,
    Login,
    /// The session of a role of Identity Center.
    Session,
    IamUser,
    HostId,
    Hostname,
    Instance,
}

use Kind::{Email, HostId, Hostname, IamUser, Instance, Login, Session, UserId};

struct Format {
    base: Value,
    spots: Vec<(&'static str, Kind)>,
    /// Its login names are local accounts.
    endpoint: bool,
}

fn formats(now: DateTime<Utc>) -> Vec<Format> {
    let (text, number) = (now.to_rfc3339_opts(SecondsFormat::Millis, true), now.timestamp_millis());
    let format = |base, spots: &[_]| Format { base, spots: spots.to_vec(), endpoint: false };
    let endpoint = |format| Format { endpoint: true, ..format };
    let sso = "AWSReservedSSO_Admin_0a1b2c";
    let ocsf =
        json!({"class_uid": 2004, "category_uid": 2, "metadata": {}, "status": "New", "status_id": 1, "time": number});
    vec![
        format(
            ocsf.clone(),
            &[
                ("/user/email_addr", Email),
                ("/user/name", Login),
                ("/actor/user/name", Login),
                ("/evidences/0/actor/user/email_addr", Email),
                ("/device/hostname", Hostname),
                ("/device/instance_uid", Instance),
                ("/evidences/0/device/hostname", Hostname),
            ],
        ),
        format(
            json!({"findings": [ocsf]}),
            &[("/findings/0/user/name", Login), ("/findings/0/device/hostname", Hostname)],
        ),
        format(
            json!({"findings": [{
                "SchemaVersion": "2018-10-08", "ProductArn": "p", "CreatedAt": text, "UpdatedAt": text,
                "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE",
                "Resources": [
                    {"Details": {"AwsIamAccessKey": {"PrincipalType": "AssumedRole", "PrincipalName": sso}}},
                    {"Details": {"Other": {}}},
                    {"Type": "AwsEc2Instance"},
                ],
            }]}),
            &[
                ("/findings/0/Resources/0/Details/AwsIamAccessKey/PrincipalId", Session),
                ("/findings/0/Resources/1/Details/Other/userEmail", Email),
                ("/findings/0/Resources/1/Details/Other/userName", Login),
                ("/findings/0/Resources/1/Details/Other/hostname", Hostname),
                ("/findings/0/Resources/2/Id", Instance),
            ],
        ),
        format(
            json!({"service": {"detectorId": "d", "archived": false}, "createdAt": text, "updatedAt": text, "accountId": "123456789012",
                "resource": {"resourceType": "AccessKey", "accessKeyDetails": {"userType": "AssumedRole", "userName": sso}}}),
            &[("/resource/accessKeyDetails/principalId", Session), ("/resource/instanceDetails/instanceId", Instance)],
        ),
        format(
            json!({"service": {"detectorId": "d", "archived": false}, "createdAt": text, "updatedAt": text, "accountId": "123456789012",
                "resource": {"resourceType": "AccessKey", "accessKeyDetails": {"userType": "IAMUser"}}}),
            &[("/resource/accessKeyDetails/userName", IamUser)],
        ),
        endpoint(format(
            json!({"metadata": {"eventType": "EppDetectionSummaryEvent", "eventCreationTime": number}, "event": {}}),
            &[
                ("/event/UserPrincipal", Email),
                ("/event/UserName", Login),
                ("/event/Hostname", Hostname),
                ("/event/ComputerName", Hostname),
            ],
        )),
        endpoint(format(
            json!({"composite_id": "c", "timestamp": text, "status": "new", "device": {}}),
            &[("/user_principal", Email), ("/user_name", Login), ("/device/hostname", Hostname)],
        )),
        format(
            json!({"@timestamp": text, "event": {"kind": "signal"}, "kibana": {"alert": {"uuid": "u", "workflow_status": "open"}}}),
            &[
                ("/user/email", Email),
                ("/user/name", Login),
                ("/host/hostname", Hostname),
                ("/host/name", Hostname),
                ("/cloud/instance/id", Instance),
            ],
        ),
        format(
            json!({"@timestamp": text, "event.kind": "signal", "kibana.alert.uuid": "u", "kibana.alert.workflow_status": "open"}),
            &[("/user.email", Email), ("/user.name", Login), ("/host.hostname", Hostname), ("/host.name", Hostname)],
        ),
        format(
            json!({"event_type": "alert", "timestamp": text, "organization": "60259a2ad81e1a474d4e7c83", "service": "alerts",
                "initiated_by": {"type": "user"}, "resource": {"type": "user"}}),
            &[
                ("/initiated_by/id", UserId),
                ("/initiated_by/username", Login),
                ("/resource/id", UserId),
                ("/system/id", HostId),
                ("/system/hostname", Hostname),
            ],
        ),
    ]
}

/// Id, login name and address of the tenant's users, and the hosts that it binds them to, directly or through groups. Findings
/// are about the first three.
const USERS: [(&str, &str, &str, &[&str]); 6] = [
    (JSMITH, "jsmith", "jsmith@company.com", &["Computer123", "jsmith-laptop", "build-07"]),
    (MGARCIA, "mgarcia", "mgarcia@company.com", &["MacBook-Ana"]),
    ("5f0c1b2a3d4e5f6071829307", "svc-ldap", "svc-ldap@company.com", &[]),
    (PNEW, "pnew", "pnew@company.com", &[]),
    (KPARK, "kpark", "kim@company.com", &[]),
    ("5f0c1b2a3d4e5f607182930a", "j.smith", "j.smith+vpn@company.com", &["build-07"]),
];
/// Id, name and instance of the tenant's hosts. The fourth has been renamed to the first one's id.
const HOSTS: [(&str, &str, Option<&str>); 5] = [
    (COMPUTER123, "Computer123", Some("i-0123456789abcdef0")),
    (BUILD_07, "build-07", None),
    ("6140aa10bb20cc30dd40ee09", "ip-10-0-7-7.ec2.internal", Some("i-99999999")),
    ("6140aa10bb20cc30dd40ee0e", COMPUTER123, None),
    (KIOSK, "kiosk-1", None),
];

/// A name of `kind`: mostly one of the user and the host that the case is about.
fn name(kind: Kind, user: usize, host: usize) -> BoxedStrategy<String> {
    let (user_id, login, address, _) = USERS[user];
    let (host_id, hostname, instance) = HOSTS[host];
    let (own, others): (Vec<String>, &[&str]) = match kind {
        UserId => (vec![user_id.to_owned()], &[PNEW]),
        Email => (vec![address.to_owned(), address.to_uppercase()], &["pnew@company.com", "kim@company.com", "jsmith"]),
        Session => (
            vec![format!("AROACKCEVSQ6C2EXAMPLE:{login}"), format!("AROACKCEVSQ6C2EXAMPLE:{address}")],
            &["AROACKCEVSQ6C2EXAMPLE:pnew", "AROACKCEVSQ6C2EXAMPLE:i-99999999", "AIDACKCEVSQ6C2EXAMPLE"],
        ),
        IamUser => (vec![login.to_owned(), address.to_owned()], &["CORP\\jsmith"]),
        Login => (
            vec![
                login.to_owned(),
                login.to_uppercase(),
                address.to_owned(),
                format!("CORP\\{login}"),
                format!("EVIL\\{login}"),
                format!("{hostname}\\{login}"),
                format!("{login}@build-07"),
            ],
            &["pnew", "j.smith", "root", "-", JSMITH, "x\\5f0c1b2a3d4e5f6071829301"],
        ),
        HostId => (vec![host_id.to_owned()], &[KIOSK]),
        Hostname => (
            vec![hostname.to_owned(), hostname.to_lowercase(), format!("{hostname}.local")],
            &["LAPTOP-7", "LAPTOP-9", "ip-10-0-7-7", "John's laptop", "Computer123.corp.example.com", "kiosk-1"],
        ),
        Instance => (
            instance
                .map(|id| vec![id.to_owned(), format!("arn:aws:ec2:us-east-1:123456789012:instance/{id}")])
                .unwrap_or_default(),
            &["i-0123456789abcdef1", "4567890123456789"],
        ),
    };
    let others = select(others.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    if own.is_empty() { others.boxed() } else { prop_oneof![6 => select(own), 1 => others].boxed() }
}

/// A finding: the format, and what stands in each of its spots.
fn finding() -> impl Strategy<Value = (usize, Vec<Option<String>>)> {
    let count = formats(Utc::now()).len();
    (0..count, 0..3_usize, 0..4_usize).prop_flat_map(|(format, user, host)| {
        let spots = formats(Utc::now())[format].spots.clone();
        let filled = spots.into_iter().map(|(_, kind)| proptest::option::weighted(0.55, name(kind, user, host)));
        (Just(format), filled.collect::<Vec<_>>())
    })
}

fn put(value: &mut Value, pointer: &str, text: &str) {
    let mut node = value;
    for part in pointer.split('/').skip(1) {
        node = match part.parse::<usize>() {
            Ok(index) => {
                if !node.is_array() {
                    *node = json!([]);
                }
                let items = node.as_array_mut().expect("a list");
                items.resize(items.len().max(index + 1), json!({}));
                &mut items[index]
            }
            Err(_) => &mut node[part],
        };
    }
    *node = json!(text);
}

fn nobody(text: &str) -> bool {
    matches!(text, "root" | "-")
}

/// Domain and name.
fn split(text: &str) -> (Option<String>, String) {
    let (domain, name) = text.split_once('\\').map_or((None, text), |(domain, name)| (Some(domain), name));
    match name.split_once('@') {
        Some((name, host)) if !host.contains('.') => (Some(host.to_lowercase()), name.to_lowercase()),
        _ => (domain.map(str::to_lowercase), name.to_lowercase()),
    }
}

fn is_address(hostname: &str) -> bool {
    hostname.to_lowercase().starts_with("ip-10-0-7-7")
}

/// Whether the host carries the name; `None` where it is no name.
fn host_agrees(host: &Value, kind: Kind, text: &str) -> Option<bool> {
    let base = |name: &str| name.to_lowercase().trim_end_matches(".local").to_owned();
    match kind {
        HostId => Some(host["_id"] == text),
        Instance => text
            .contains("i-")
            .then(|| host["amazonInstanceID"].as_str().is_some_and(|instance| text.ends_with(instance))),
        Hostname if is_address(text) => None,
        Hostname => Some(base(host["hostname"].as_str().unwrap_or_default()) == base(text)),
        _ => None,
    }
}

/// Whether the user carries the name; `None` where it is no name.
fn user_agrees(user: &Value, kind: Kind, text: &str) -> Option<bool> {
    let is = |field: &str, text: &str| user[field].as_str().is_some_and(|value| value.eq_ignore_ascii_case(text));
    match kind {
        UserId => Some(user["_id"] == text),
        Session => text.strip_prefix("AROACKCEVSQ6C2EXAMPLE:").map(|name| is("username", name) || is("email", name)),
        Email | Login | IamUser if !nobody(text) => {
            let name = split(text).1;
            Some(is("username", &name) || is("email", &name))
        }
        _ => None,
    }
}

fn check(
    case: &[(Kind, &str)],
    endpoint: bool,
    (target_type, id): (TargetType, &str),
    rehearsal: &Rehearsal,
) -> Result<(), TestCaseError> {
    if target_type == TargetType::Host {
        let (_, hostname, _) = HOSTS.iter().find(|host| host.0 == id).copied().unwrap_or_default();
        let host = rehearsal.tenant.system(hostname);
        let agreed: Vec<bool> = case.iter().filter_map(|(kind, text)| host_agrees(&host, *kind, text)).collect();
        prop_assert!(!agreed.is_empty() && agreed.iter().all(|agrees| *agrees), "{:?} is not {}", case, host);
        return Ok(());
    }
    let (_, username, _, bound) = USERS.iter().find(|user| user.0 == id).copied().unwrap_or_default();
    let user = rehearsal.tenant.user(username);
    let agreed: Vec<bool> = case.iter().filter_map(|(kind, text)| user_agrees(&user, *kind, text)).collect();
    prop_assert!(!agreed.is_empty() && agreed.iter().all(|agrees| *agrees), "{:?} is not {}", case, user);
    // The host, where it is one that JumpCloud binds the user to.
    let beside =
        case.iter().any(|(kind, text)| matches!(kind, HostId | Hostname | Instance) && *text != "4567890123456789");
    let is_bound = bound.iter().map(|host| rehearsal.tenant.system(host)).any(|host| {
        let agreed: Vec<bool> = case.iter().filter_map(|(kind, text)| host_agrees(&host, *kind, text)).collect();
        !agreed.is_empty() && agreed.iter().all(|agrees| *agrees)
    });
    let counts = |(kind, text): &(Kind, &str)| match kind {
        UserId | Session => true,
        Email | Login if !nobody(text) => match split(text) {
            (Some(domain), _) if domain == "corp" => true,
            (Some(domain), _) => {
                let own = |(kind, text): &(Kind, &str)| {
                    *kind == Hostname && text.to_lowercase().trim_end_matches(".local") == domain
                };
                case.iter().any(own) && is_bound
            }
            (None, name) if name.contains('@') => true,
            (None, _) => {
                if beside || endpoint {
                    is_bound
                } else {
                    true
                }
            }
        },
        _ => false,
    };
    prop_assert!(case.iter().any(counts), "no name of {:?} counts, and {} was the target", case, username);
    Ok(())
}

#[test]
fn a_finding_is_about_one_object_or_nobody() {
    let (users, hosts) = (Cell::new(0), Cell::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let var = |name: &str| (name == "TRUSTED_DOMAINS").then(|| "CORP".to_owned());
    let settings = Settings::from_vars(&Vars(&var)).unwrap();
    let commands = playbooks::all(&Unguarded);
    let rehearsal = runtime.block_on(Rehearsal::start());
    let client = client(&rehearsal);
    rehearsal.tenant.set("systems", HOSTS[0].0, json!({"amazonInstanceID": HOSTS[0].2}));
    let renamed = json!({"_id": HOSTS[3].0, "hostname": HOSTS[3].1, "os": "Windows", "active": true,
        "builtInCommands": [{"name": "shutdown", "type": "security"}]});
    rehearsal.tenant.add("systems", renamed);
    let case = |(index, texts): (usize, Vec<Option<String>>)| {
        let now = Utc::now();
        let Format { mut base, spots, endpoint } = formats(now).swap_remove(index);
        let case: Vec<(Kind, &str)> =
            spots.iter().zip(&texts).filter_map(|((_, kind), text)| Some((*kind, text.as_deref()?))).collect();
        for ((pointer, _), text) in spots.iter().zip(&texts) {
            if let Some(text) = text {
                put(&mut base, pointer, text);
            }
        }
        let event =
            json!({"detail-type": "x", "source": "y", "id": "z", "time": now.to_rfc3339(), "detail": base}).to_string();
        for name in ["disable-user", "shutdown-host"] {
            let command = commands.iter().find(|command| command.name() == name).unwrap();
            let target_type = command.target_type();
            let arrival = Arrival { request_id: "r".to_owned(), dry_run: false, now, redriven: false };
            let wants = Wants { target_type, mutating: true, takes_findings: true, takes: Takes::default() };
            let Intake::One(work) = settings.read(&event, wants, &arrival) else {
                panic!("one finding is one request")
            };
            let Work { info, todo: Ok(Todo::Run(target)) } = *work else { continue };
            runtime.block_on(async {
                // As before the last case.
                for (id, ..) in USERS {
                    rehearsal.tenant.set("systemusers", id, json!({"state": "ACTIVATED", "suspended": false}));
                }
                let before = rehearsal.tenant.writes().len();
                let session = client.session(Instant::now() + Duration::from_secs(20), false);
                let run = Run { session: &session, target: &target, info: &info, once: &Once::default() };
                let result = async { command.prepare(&run).await?.await }.await;
                let writes = rehearsal.tenant.writes().split_off(before);
                let Ok(outcome) = result else {
                    prop_assert!(writes.is_empty(), "{:?}", case);
                    return Ok(());
                };
                let id =
                    outcome.target.and_then(|target| target.id).map(|id| id.as_str().to_owned()).unwrap_or_default();
                prop_assert!(writes.len() <= 1 && writes.iter().all(|write| write.path.contains(&id)), "{:?}", case);
                let acted = if target_type == TargetType::User { &users } else { &hosts };
                acted.set(acted.get() + 1);
                check(&case, endpoint, (target_type, &id), &rehearsal)
            })?;
        }
        Ok(())
    };
    TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })
        .run(&finding(), case)
        .unwrap();
    // Refusing everything would be no proof.
    assert!(users.get() > 20 && hosts.get() > 20, "{} users and {} hosts", users.get(), hosts.get());
}
