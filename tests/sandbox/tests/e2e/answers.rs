//! What the two Enrich playbooks answer, and how a target is found.

use sandbox::{faults::Fault, rehearsal::Rehearsal};
use serde_json::{Value, json};

use crate::{codes, error_type};

const COMPUTER123: &str = "633f3f295482343ff32add41";

#[tokio::test]
async fn enrich_host_gives_facts_users_and_groups() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("enrich-host", json!({"hostname": "computer123"})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("succeeded"), &json!(false)));
    assert_eq!(
        outcome["target"],
        json!({"type": "host", "id": COMPUTER123, "name": "Computer123", "matched_by": "hostname"})
    );
    let host = &outcome["host"];
    for (pointer, expected) in [
        ("/id", json!(COMPUTER123)),
        ("/os", json!("Windows")),
        ("/version", json!("11 Pro")),
        ("/os_version_detail/os_name", json!("Windows 11 Pro")),
        ("/online", json!(true)),
        ("/last_contact", json!("2026-11-23T20:11:05.000Z")),
        ("/serial_number", json!("PF3XAMPL")),
        ("/network_interfaces/0/address", json!("192.0.2.19")),
        ("/remote_ip", json!("198.51.100.7")),
        ("/agent_version", json!("2.41.3")),
        ("/disk_encryption", json!({"active": true, "key_present": true})),
        ("/mdm/vendor", json!("internal")),
        ("/mfa_allowed", json!(true)),
        ("/policy_stats/failed", json!(1)),
        ("/built_in_commands/3/name", json!("shutdown")),
        ("/owner/username", json!("jsmith")),
        ("/users/1/username", json!("adunn")),
        ("/groups/0", json!({"id": "60f1e2d3c4b5a69788796a03", "name": "Office devices"})),
    ] {
        assert_eq!(host.pointer(pointer), Some(&expected), "{pointer}");
    }
    let mut calls = rehearsal.tenant.calls();
    calls.sort();
    assert_eq!(
        calls,
        [
            "GET /systems/{id}",
            "GET /v2/systemgroups/{id}",
            "GET /v2/systems/{id}/memberof",
            "GET /v2/systems/{id}/users",
            "POST /search/systems",
            "POST /search/systemusers"
        ]
    );
}

#[tokio::test]
async fn enrich_user_gives_facts_devices_and_groups() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("enrich-user", json!({"user": "jsmith@company.com"})).await.unwrap();
    assert_eq!(outcome["target"]["matched_by"], "user");
    let user = &outcome["user"];
    for (pointer, expected) in [
        ("/username", json!("jsmith")),
        ("/firstname", json!("John")),
        ("/state", json!("ACTIVATED")),
        ("/account_locked", json!(false)),
        ("/password_expired", json!(false)),
        ("/password_date", json!("2026-08-01T09:00:00.000Z")),
        ("/mfa/configured", json!(true)),
        ("/sudo", json!(true)),
        ("/department", json!("Engineering")),
        ("/manager", json!("5f0c1b2a3d4e5f6071829305")),
        ("/created", json!("2021-02-12T17:45:42.369Z")),
        ("/devices/2/hostname", json!("Computer123")),
        ("/devices/0/os", json!("Windows")),
        ("/devices/0/last_contact", json!("2026-11-02T17:20:00.000Z")),
        ("/groups/0/name", json!("Engineering")),
        ("/groups/1/name", json!("VPN users")),
    ] {
        assert_eq!(user.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert_eq!(outcome["summary"], "jsmith (jsmith@company.com) is ACTIVATED, 3 devices, 2 groups.");
    let outcome = rehearsal.run("enrich-user", json!({"username": "cadmin"})).await.unwrap();
    assert_eq!(outcome["user"]["admin"]["role_name"], "Administrator With Billing");
    let outcome = rehearsal.run("enrich-user", json!({"username": "adunn"})).await.unwrap();
    assert_eq!(outcome["user"]["delegated_authority"]["name"], "ActiveDirectory");
}

#[tokio::test]
async fn a_question_gets_an_answer_even_when_nobody_or_several_match() {
    let rehearsal = Rehearsal::start().await;
    for (playbook, event) in [
        ("enrich-user", json!({"username": "nobody"})),
        ("enrich-user", json!({"user_id": "0123456789abcdef01234567"})),
        ("enrich-host", json!({"host": "nowhere"})),
        ("enrich-host", json!({"host_id": "0123456789abcdef01234567"})),
        ("enrich-user", json!({"username": "jsmith@company.com"})),
        ("enrich-user", json!({"email": "kpark@company.com"})),
    ] {
        let outcome = rehearsal.run(playbook, event).await.unwrap();
        assert_eq!((&outcome["status"], &outcome["target"]["id"]), (&json!("not_found"), &Value::Null), "{playbook}");
    }
    let outcome = rehearsal.run("enrich-host", json!({"hostname": "Laptop-7"})).await.unwrap();
    assert_eq!(outcome["status"], "ambiguous");
    assert_eq!(
        outcome["candidates"],
        json!([{"id": "6140aa10bb20cc30dd40ee04", "name": "LAPTOP-7"}, {"id": "6140aa10bb20cc30dd40ee05", "name": "laptop-7"}])
    );
    let outcome = rehearsal.run("enrich-user", json!({"user": "kim@company.com"})).await.unwrap();
    assert_eq!(outcome["status"], "ambiguous");
    // With the field named there is one.
    let outcome = rehearsal.run("enrich-user", json!({"email": "kim@company.com"})).await.unwrap();
    assert_eq!(outcome["user"]["username"], "kpark");
}

#[tokio::test]
async fn a_command_to_nobody_or_to_several_fails_with_the_candidates() {
    let rehearsal = Rehearsal::start().await;
    for playbook in ["disable-user", "enable-user", "reset-password"] {
        assert_eq!(error_type(rehearsal.run(playbook, json!({"username": "nobody"})).await), "UserNotFound");
        let error = rehearsal.run(playbook, json!({"user": "kim@company.com"})).await.unwrap_err();
        assert_eq!(error["errorType"], "AmbiguousUser");
        for part in ["5f0c1b2a3d4e5f6071829308", "5f0c1b2a3d4e5f6071829309", "kpark", "`user_id`"] {
            assert!(error["errorMessage"].as_str().unwrap().contains(part), "{part} in {error}");
        }
    }
    assert_eq!(error_type(rehearsal.run("shutdown-host", json!({"host": "nowhere"})).await), "HostNotFound");
    let error = rehearsal.run("shutdown-host", json!({"host": "LAPTOP-7"})).await.unwrap_err();
    assert_eq!(error["errorType"], "AmbiguousHost");
    assert!(error["errorMessage"].as_str().unwrap().contains("6140aa10bb20cc30dd40ee05"));
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn the_display_name_of_one_host_and_the_hostname_of_another_are_two() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("systems", "6140aa10bb20cc30dd40ee02", json!({"displayName": "COMPUTER123"}));
    assert_eq!(error_type(rehearsal.run("shutdown-host", json!({"hostname": "Computer123"})).await), "AmbiguousHost");
    assert!(rehearsal.tenant.shutdowns().is_empty());
}

#[tokio::test]
async fn a_name_is_never_a_pattern() {
    let rehearsal = Rehearsal::start().await;
    for name in [
        ".*",
        "j.smith$",
        "jsmit.",
        "(jsmith|mgarcia)",
        "[a-z]+",
        "^jsmith",
        "jsmith|",
        "\\w+",
        "(?i)",
        "jsmith$)|(.*",
        "{\"$ne\": \"\"}",
    ] {
        assert_eq!(error_type(rehearsal.run("disable-user", json!({"user": name})).await), "UserNotFound", "{name}");
    }
    // A dot in a name is a dot: jxsmith stays.
    let outcome = rehearsal.run("disable-user", json!({"username": "J.Smith"})).await.unwrap();
    assert_eq!(outcome["target"]["name"], "j.smith");
    let outcome = rehearsal.run("disable-user", json!({"email": "j.smith+vpn@company.com"})).await.unwrap();
    assert_eq!(outcome["status"], "unchanged");
    let outcome = rehearsal.run("shutdown-host", json!({"hostname": "PC.with*meta(chars)"})).await.unwrap();
    assert_eq!(rehearsal.tenant.shutdowns(), [outcome["target"]["id"].as_str().unwrap()]);
    assert_eq!(rehearsal.tenant.user("jxsmith")["state"], "ACTIVATED");
}

#[tokio::test]
async fn an_id_is_checked_before_any_url_is_built() {
    let rehearsal = Rehearsal::start().await;
    for id in [
        "../systems",
        "633f3f295482343ff32add41/../x",
        "633f3f295482343ff32add4",
        "633f3f295482343ff32add4g",
        "633f3f295482343ff32add41?x=1",
        "%2e%2e",
    ] {
        assert_eq!(error_type(rehearsal.run("shutdown-host", json!({"host_id": id})).await), "InvalidInput", "{id}");
        assert_eq!(error_type(rehearsal.run("disable-user", json!({"user_id": id})).await), "InvalidInput", "{id}");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn a_search_that_answers_something_else_chooses_no_target() {
    let rehearsal = Rehearsal::start().await;
    let other = rehearsal.tenant.user("mgarcia");
    for (answer, expected) in [
        // Another user than the one searched for, and no sign of more.
        (json!({"results": [other], "totalCount": 1}), "UserNotFound"),
        // The filter was ignored: the first page of everybody.
        (json!({"results": [other], "totalCount": 5000}), "UnexpectedResponse"),
        (json!({"results": [rehearsal.tenant.user("jsmith")], "totalCount": 2}), "UnexpectedResponse"),
        (json!({"results": [{"username": "jsmith", "_id": "../x"}], "totalCount": 1}), "UnexpectedResponse"),
        (json!({"results": [{"username": "jsmith"}], "totalCount": 1}), "UnexpectedResponse"),
        (json!({"totalCount": 0}), "UnexpectedResponse"),
        (json!([]), "UnexpectedResponse"),
    ] {
        rehearsal.tenant.order(Fault::Answer(200, "application/json", answer.to_string()), "POST", "/search/", 1);
        assert_eq!(
            error_type(rehearsal.run("disable-user", json!({"username": "jsmith"})).await),
            expected,
            "{answer}"
        );
    }
    // The wrong object for an id.
    rehearsal.tenant.order(Fault::Answer(200, "application/json", other.to_string()), "GET", "/systemusers/", 1);
    assert_eq!(
        error_type(rehearsal.run("disable-user", json!({"user_id": "5f0c1b2a3d4e5f6071829301"})).await),
        "UnexpectedResponse"
    );
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_missing_from_the_answer_and_said() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(403), "GET", "/v2/", 9);
    let outcome = rehearsal.run("enrich-host", json!({"hostname": "Computer123"})).await.unwrap();
    assert_eq!(codes(&outcome), ["USERS_UNKNOWN", "GROUPS_UNKNOWN"]);
    assert!(outcome["host"].get("users").is_none());
    rehearsal.tenant.order(Fault::status(403), "GET", "/v2/", 9);
    let outcome = rehearsal.run("enrich-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!(codes(&outcome), ["DEVICES_UNKNOWN", "GROUPS_UNKNOWN"]);
}

#[tokio::test]
async fn long_lists_are_paged_to_the_end() {
    let rehearsal = Rehearsal::start().await;
    for number in 0..250 {
        let id = format!("{number:024x}");
        rehearsal.tenant.add("systems", json!({"_id": id, "hostname": format!("fleet-{number}"), "os": "Ubuntu"}));
        rehearsal.tenant.bind("5f0c1b2a3d4e5f6071829302", &id);
    }
    let outcome = rehearsal.run("enrich-user", json!({"username": "mgarcia"})).await.unwrap();
    assert_eq!(outcome["user"]["devices"].as_array().unwrap().len(), 251);
    assert_eq!(codes(&outcome), [""; 0]);
    for number in 250..1100 {
        rehearsal.tenant.bind("5f0c1b2a3d4e5f6071829302", &format!("{number:024x}"));
    }
    let outcome = rehearsal.run("enrich-user", json!({"username": "mgarcia"})).await.unwrap();
    assert_eq!(codes(&outcome), ["DEVICES_INCOMPLETE"]);
}
