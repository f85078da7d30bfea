//! What Enrich reads besides where it is asked to: events, sessions, scheduled changes.

#![expect(clippy::unwrap_used, reason = "a test ends where there is no answer")]

use chrono::{TimeDelta, Utc};
use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{BUILD_07, CADMIN, COMPUTER123, JSMITH, JSMITH_LAPTOP, MGARCIA},
};
use serde_json::{Value, json};

use crate::{codes, error_type};

/// A time so many minutes ago.
fn ago(minutes: i64) -> String {
    (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339()
}

/// A login on a device, which carries a name and no user's id.
fn login(minutes: i64, username: &str, success: bool) -> Value {
    json!({"id": format!("e-{minutes}"), "service": "systems", "event_type": "user_login_attempt", "timestamp": ago(minutes),
           "success": success, "username": username, "initiated_by": {"type": "user", "username": username},
           "system": {"id": COMPUTER123, "hostname": "Computer123"}, "geoip": {"region": "SECRET-place"}})
}

/// A change by an administrator.
fn change(minutes: i64, kind: &str, id: &str) -> Value {
    json!({"id": format!("c-{minutes}"), "service": "directory", "event_type": format!("{kind}_update"), "timestamp": ago(minutes),
           "initiated_by": {"type": "admin", "id": CADMIN, "email": "cadmin@company.com"}, "client_ip": "198.51.100.20",
           "resource": {"id": id, "type": kind}, "changes": [{"field": "sudo", "from": "SECRET-false", "to": "SECRET-true"}]})
}

async fn enrich(rehearsal: &Rehearsal, mut event: Value, include: Value) -> Value {
    event["include"] = include;
    let playbook = if event.get("host_id").is_some() { "enrich-host" } else { "enrich-user" };
    let outcome = rehearsal.run(playbook, event).await.unwrap();
    assert!(!outcome.to_string().contains("SECRET"), "{outcome}");
    outcome
}

/// The parts that are missing, each with the error's name.
fn missing(outcome: &Value) -> Vec<(&str, &str)> {
    let parts = outcome["missing"].as_array().map(Vec::as_slice).unwrap_or_default();
    parts.iter().map(|part| (part["part"].as_str().unwrap(), part["error"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn the_events_of_a_user_are_logins_failures_and_changes() {
    let rehearsal = Rehearsal::start().await;
    for event in [
        login(24 * 60 + 5, "jsmith", true), // too old
        change(300, "user", JSMITH),
        login(200, "JSmith", false),
        login(150, "adunn", false),
        json!({"service": "sso", "event_type": "sso_auth", "timestamp": ago(100), "success": true,
               "initiated_by": {"type": "user", "id": JSMITH}, "application": {"display_label": "Payroll"}}),
        json!({"service": "directory", "event_type": "user_login_attempt", "timestamp": ago(50), "success": false,
               "initiated_by": {"type": "user", "email": "jsmith@company.com"}, "error_message": "wrong password"}),
    ] {
        rehearsal.tenant.add("events", event);
    }
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["events"])).await;
    let kinds: Vec<_> =
        outcome["user"]["events"].as_array().unwrap().iter().map(|event| &event["event_type"]).collect();
    // The newest first, whatever order JumpCloud gives them in.
    assert_eq!(kinds, ["user_login_attempt", "sso_auth", "user_login_attempt", "user_update"]);
    assert_eq!(outcome["user"]["events"][3]["changes"], json!([{"field": "sudo"}]));
    assert!(
        outcome["summary"].as_str().unwrap().contains("4 events in 24 h (2 failed logins, 1 administrator's change)"),
        "{outcome}"
    );
    assert_eq!(codes(&outcome), [""; 0]);
    // What was not asked for is not there.
    assert!(outcome["user"].get("scheduled_state_changes").is_none() && outcome["user"].get("sessions").is_none());
    let mut event = json!({"user_id": JSMITH, "hours": 48});
    event["include"] = json!(["events"]);
    let outcome = rehearsal.run("enrich-user", event).await.unwrap();
    assert_eq!(outcome["user"]["events"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_events_of_a_host_are_those_on_it_and_to_it() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.add("events", login(30, "root", false));
    rehearsal.tenant.add("events", change(20, "system", COMPUTER123));
    rehearsal.tenant.add("events", change(10, "system", BUILD_07));
    let outcome = enrich(&rehearsal, json!({"host_id": COMPUTER123}), json!(["events"])).await;
    let events = outcome["host"]["events"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!((&events[0]["initiated_by"]["id"], &events[1]["username"]), (&json!(CADMIN), &json!("root")));
}

#[tokio::test]
async fn no_event_is_not_known_yet() {
    let rehearsal = Rehearsal::start().await;
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["events"])).await;
    assert_eq!(outcome["user"]["events"], json!([]));
    assert_eq!(codes(&outcome), ["EVENTS_MAY_LAG"]);
    assert_eq!(missing(&outcome), []);
}

#[tokio::test]
async fn events_are_paged_to_their_bound() {
    let rehearsal = Rehearsal::start().await;
    for _ in 0..1001 {
        rehearsal.tenant.add("events", json!({"service": "sso", "timestamp": ago(60), "initiated_by": {"id": JSMITH}}));
    }
    let pages = || rehearsal.tenant.requests().iter().filter(|request| request.path.ends_with("/events")).count();
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["events"])).await;
    assert_eq!((outcome["user"]["events"].as_array().unwrap().len(), pages()), (1001, 2));
    for _ in 0..1000 {
        rehearsal.tenant.add("events", json!({"service": "sso", "timestamp": ago(60), "initiated_by": {"id": JSMITH}}));
    }
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["events"])).await;
    assert_eq!(pages(), 4);
    assert_eq!(codes(&outcome), ["EVENTS_INCOMPLETE"]);
    assert_eq!(outcome["truncated"][0]["list"], "user.events");
}

#[tokio::test]
async fn events_of_somebody_else_are_left_out() {
    let rehearsal = Rehearsal::start().await;
    let events = json!([login(5, "adunn", true), login(4, "jsmith", true)]).to_string();
    rehearsal.tenant.order(Fault::Answer(200, "application/json", events), "POST", "/events", 1);
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["events"])).await;
    assert_eq!(outcome["user"]["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn events_that_cannot_be_read_are_missing_alone() {
    for (fault, error) in [
        (Fault::status(403), "Forbidden"),
        (Fault::status(404), "UnexpectedResponse"),
        (Fault::status(500), "JumpCloudUnavailable"),
        (Fault::HtmlPage, "UnexpectedResponse"),
        (Fault::Malformed, "UnexpectedResponse"),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(fault.clone(), "POST", "/events", 9);
        let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["events", "sessions", "scheduled"])).await;
        assert_eq!(missing(&outcome), [("events", error)], "{fault:?}");
        assert_eq!(codes(&outcome), ["EVENTS_UNKNOWN"], "{fault:?}");
        assert!(outcome["user"].get("events").is_none());
        for part in ["devices", "groups", "sessions", "scheduled_state_changes"] {
            assert!(outcome["user"][part].is_array(), "{part}");
        }
    }
}

#[tokio::test]
async fn the_sessions_of_a_user_are_on_the_users_devices() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.add(
        "logged_in_users",
        json!({"system_id": JSMITH_LAPTOP, "user": "CORP\\JSmith", "type": "active", "collection_time": "2026-11-02T17:00:00.000Z"}),
    );
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["sessions"])).await;
    let sessions = outcome["user"]["sessions"].as_array().unwrap();
    let hosts: Vec<_> = sessions.iter().map(|session| session["hostname"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["Computer123", "build-07", "jsmith-laptop"]);
    assert_eq!((&sessions[1]["from"], &sessions[1]["since"]), (&json!("192.0.2.7"), &json!(1_764_000_200)));
    assert_eq!(codes(&outcome), [""; 0]);
}

#[tokio::test]
async fn the_sessions_of_a_host_are_everybodys() {
    let rehearsal = Rehearsal::start().await;
    let outcome = enrich(&rehearsal, json!({"host_id": COMPUTER123}), json!(["sessions"])).await;
    let users: Vec<_> =
        outcome["host"]["sessions"].as_array().unwrap().iter().map(|session| &session["user"]).collect();
    assert_eq!(users, ["jsmith", "adunn"]);
    assert!(outcome["summary"].as_str().unwrap().contains("2 sessions"), "{outcome}");
}

#[tokio::test]
async fn without_system_insights_sessions_are_not_known() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("systems", COMPUTER123, json!({"systemInsights": {"state": "disabled"}}));
    let outcome = enrich(&rehearsal, json!({"host_id": COMPUTER123}), json!(["sessions"])).await;
    assert_eq!(missing(&outcome), [("sessions", "Unsupported")]);
    assert_eq!(codes(&outcome), ["SESSIONS_UNKNOWN"]);
    // On one of three devices.
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["sessions"])).await;
    assert_eq!(codes(&outcome), ["SESSIONS_INCOMPLETE"]);
    assert_eq!(outcome["user"]["sessions"].as_array().unwrap().len(), 1);
    for id in [BUILD_07, JSMITH_LAPTOP] {
        rehearsal.tenant.set("systems", id, json!({"systemInsights": null}));
    }
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["sessions"])).await;
    assert_eq!(missing(&outcome), [("sessions", "Unsupported")]);
    // With them and nobody there is nobody.
    rehearsal.tenant.set("systems", COMPUTER123, json!({"systemInsights": {"state": "enabled"}}));
    rehearsal.tenant.clear("logged_in_users");
    let outcome = enrich(&rehearsal, json!({"host_id": COMPUTER123}), json!(["sessions"])).await;
    assert_eq!((&outcome["host"]["sessions"], missing(&outcome)), (&json!([]), vec![]));
}

#[tokio::test]
async fn sessions_that_cannot_be_read_are_missing_alone() {
    for event in [json!({"user_id": JSMITH}), json!({"host_id": COMPUTER123})] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::status(403), "GET", "/systeminsights", 9);
        let outcome = enrich(&rehearsal, event, json!(["sessions", "events"])).await;
        assert_eq!(missing(&outcome), [("sessions", "Forbidden")]);
        assert_eq!(codes(&outcome), ["EVENTS_MAY_LAG", "SESSIONS_UNKNOWN"]);
    }
}

#[tokio::test]
async fn sessions_are_shown_where_the_devices_could_not_be_resolved() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(403), "POST", "/search/systems", 9);
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["sessions"])).await;
    assert_eq!(missing(&outcome), [("devices", "Forbidden")]);
    assert_eq!(codes(&outcome), ["DEVICES_UNKNOWN", "SESSIONS_INCOMPLETE"]);
    assert_eq!(outcome["user"]["sessions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn scheduled_changes_are_read_by_default_and_to_the_end() {
    let rehearsal = Rehearsal::start().await;
    for number in 0..120 {
        rehearsal.tenant.add("userstates", json!({"scheduledJobId": format!("j-{number}"), "systemUserId": JSMITH, "state": "SUSPENDED", "scheduledDate": "2026-12-24T18:00:00Z"}));
    }
    rehearsal
        .tenant
        .add("userstates", json!({"scheduledJobId": "other", "systemUserId": MGARCIA, "state": "ACTIVATED"}));
    let outcome = rehearsal.run("enrich-user", json!({"user_id": JSMITH})).await.unwrap();
    assert_eq!(outcome["user"]["scheduled_state_changes"].as_array().unwrap().len(), 120);
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["scheduled"])).await;
    assert_eq!(outcome["user"]["scheduled_state_changes"][119]["job_id"], "j-119");
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!([])).await;
    assert!(outcome["user"].get("scheduled_state_changes").is_none());
}

#[tokio::test]
async fn scheduled_changes_that_cannot_be_read_are_missing_alone() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(403), "GET", "/bulk/userstates", 9);
    let outcome = enrich(&rehearsal, json!({"user_id": JSMITH}), json!(["scheduled", "sessions"])).await;
    assert_eq!(missing(&outcome), [("scheduled_state_changes", "Forbidden")]);
    assert!(outcome["user"]["sessions"].is_array());
}

#[tokio::test]
async fn what_a_playbook_does_not_read_is_refused_by_name() {
    let rehearsal = Rehearsal::start().await;
    let error = rehearsal.run("enrich-host", json!({"host": "x", "include": ["scheduled"]})).await.unwrap_err();
    assert_eq!(error["errorType"], "InvalidInput");
    assert!(error["errorMessage"].as_str().unwrap().contains(r#""events", "sessions""#), "{error}");
    for event in [
        json!({"user": "x", "include": ["logins"]}),
        json!({"user": "x", "include": ["sessions"], "hours": 3}),
        json!({"user": "x", "include": ["events"], "hours": 2161}),
    ] {
        assert_eq!(error_type(rehearsal.run("enrich-user", event).await), "InvalidInput");
    }
    for playbook in ["disable-user", "reset-password", "enable-user"] {
        let error = rehearsal.run(playbook, json!({"user": "x", "include": ["events"]})).await.unwrap_err();
        assert!(error["errorMessage"].as_str().unwrap().starts_with("unknown field `include`"), "{error}");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

/// A user with 40 devices and 60 groups, none of which LDAP exports.
async fn large() -> Rehearsal {
    let rehearsal = Rehearsal::start().await;
    for number in 0..40 {
        let id = format!("{number:024x}");
        rehearsal.tenant.add("systems", json!({"_id": id, "hostname": format!("fleet-{number}"), "os": "Ubuntu", "systemInsights": {"state": "enabled"}}));
        rehearsal.tenant.bind(MGARCIA, &id);
        for account in ["mgarcia", "root", "other"] {
            rehearsal.tenant.add("logged_in_users", json!({"system_id": id, "user": account}));
        }
        rehearsal.tenant.add("events", login(number, "mgarcia", true));
    }
    for number in 0..59 {
        let group = json!({"id": format!("{:024x}", 4096 + number), "name": format!("Group {number}"), "type": "user_group", "attributes": null, "members": [MGARCIA]});
        rehearsal.tenant.add("groups", group);
    }
    rehearsal
}

const EVERYTHING: [&str; 3] = ["events", "sessions", "scheduled"];

/// Holds the calls of both rounds after the first `before` calls until each round is complete.
fn rounds(rehearsal: &Rehearsal, before: usize) {
    let first = [("GET", "/api/systemusers/"), ("GET", "/memberof"), ("GET", "/systems"), ("GET", "/bulk/userstates")];
    let second = [("POST", "/search/systems"), ("GET", "/usergroups"), ("GET", "/systeminsights"), ("POST", "/events")];
    for (calls, arrived) in [(first, before + 4), (second, before + 8)] {
        for (method, path) in calls {
            rehearsal.tenant.order(Fault::Until(arrived), method, path, 1);
        }
    }
}

#[tokio::test]
async fn everything_about_a_large_user_takes_a_page_of_each_and_three_rounds() {
    let rehearsal = large().await;
    // Nothing is answered before all of its round has arrived: a call that waited for another of its round never would.
    rounds(&rehearsal, 1);
    let outcome = enrich(&rehearsal, json!({"username": "mgarcia"}), json!(EVERYTHING)).await;
    let user = &outcome["user"];
    for (part, count) in [("devices", 41), ("groups", 60), ("sessions", 40), ("events", 40)] {
        assert_eq!(user[part].as_array().unwrap().len(), count, "{part}");
    }
    assert!(user["groups"].as_array().unwrap().iter().all(|group| group["name"].is_string()), "{user}");
    assert_eq!((missing(&outcome), &outcome["truncated"]), (vec![], &Value::Null));
    let mut calls = rehearsal.tenant.calls();
    calls.sort();
    assert_eq!(
        calls,
        [
            "GET /systemusers/{id}",
            "GET /v2/bulk/userstates",
            "GET /v2/systeminsights/logged_in_users",
            "GET /v2/usergroups",
            "GET /v2/users/{id}/memberof",
            "GET /v2/users/{id}/systems",
            "POST /insights/directory/v1/events",
            "POST /search/systems",
            "POST /search/systemusers",
        ]
    );
    assert_eq!(rehearsal.tenant.longest_chain(), 3);
}

#[tokio::test]
async fn by_id_it_takes_two_rounds() {
    let rehearsal = large().await;
    rounds(&rehearsal, 0);
    let outcome = enrich(&rehearsal, json!({"user_id": MGARCIA}), json!(EVERYTHING)).await;
    assert_eq!((missing(&outcome), &outcome["api_calls"]), (vec![], &json!(8)));
    assert_eq!(rehearsal.tenant.longest_chain(), 2);
}

/// The events need the user's names; all the rest is read before the user is.
#[tokio::test]
async fn only_the_events_wait_for_the_user() {
    let rehearsal = large().await;
    rehearsal.tenant.order(Fault::Until(8), "GET", "/api/systemusers/", 1);
    let outcome = enrich(&rehearsal, json!({"username": "mgarcia"}), json!(EVERYTHING)).await;
    assert_eq!((missing(&outcome), &outcome["api_calls"]), (vec![], &json!(9)));
    assert!(rehearsal.tenant.requests().last().unwrap().path.ends_with("/events"));
}

#[tokio::test]
async fn groups_that_cannot_be_listed_are_named_one_by_one() {
    let rehearsal = large().await;
    let others = json!([{"id": "60f1e2d3c4b5a69788796a01", "name": "Engineering"}]).to_string();
    for fault in [Fault::status(400), Fault::status(403), Fault::Answer(200, "application/json", others)] {
        rehearsal.tenant.order(fault, "GET", "/usergroups", 1);
        let outcome = enrich(&rehearsal, json!({"user_id": MGARCIA}), json!([])).await;
        let groups = outcome["user"]["groups"].as_array().unwrap();
        let named = groups.iter().filter(|group| group["name"].is_string()).count();
        assert_eq!((groups.len(), named), (60, 25));
    }
}
