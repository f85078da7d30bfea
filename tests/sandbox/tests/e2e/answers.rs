//! What the two Enrich playbooks answer, and how a target is found.

use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{BUILD_07, CADMIN, COMPUTER123, JSMITH, KIM, KPARK, LAPTOP_7, LAPTOP_7_TOO, MGARCIA, NOBODY, OTHER_ADMIN},
};
use serde_json::{Value, json};

use crate::{codes, error_type};

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
        ("/manager", json!(CADMIN)),
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
    assert_eq!(user["scheduled_state_changes"], json!([]));
    let outcome = rehearsal.run("enrich-user", json!({"username": "cadmin"})).await.unwrap();
    assert_eq!(outcome["user"]["admin"]["role_name"], "Administrator With Billing");
    let outcome = rehearsal.run("enrich-user", json!({"username": "adunn"})).await.unwrap();
    assert_eq!(outcome["user"]["delegated_authority"]["name"], "ActiveDirectory");
}

fn answer(body: Value) -> Fault {
    Fault::Answer(200, "application/json; charset=utf-8", body.to_string())
}

/// A node of a list as API v2 gives it, with the nodes of each way to it.
fn node(kind: &str, id: &str, sudo: Value, ways: &[&[(&str, &str)]]) -> Value {
    let hop =
        |(kind, id): &(&str, &str)| json!({"attributes": null, "to": {"attributes": null, "id": id, "type": kind}});
    let ways: Vec<Vec<Value>> = ways.iter().map(|way| way.iter().map(hop).collect()).collect();
    json!({"id": id, "type": kind, "compiledAttributes": {"sudo": sudo}, "paths": ways})
}

#[tokio::test]
async fn enrich_host_says_who_has_which_rights_and_by_which_way() {
    let rehearsal = Rehearsal::start().await;
    let (jsmith, adunn, group) = (JSMITH, "5f0c1b2a3d4e5f6071829306", "60f1e2d3c4b5a69788796a01");
    rehearsal.tenant.set(
        "systems",
        COMPUTER123,
        json!({"amazonInstanceID": "i-0123456789abcdef0", "domainInfo": {"domainName": "corp.example.com", "partOfDomain": true},
               "azureAdJoined": true, "allowSshRootLogin": true, "provisionMetadata": {"provisioner": {"provisionerId": jsmith, "type": "user"}},
               "osVersionDetail": {"osName": "Windows", "distributionName": "Windows 11 Pro", "releaseName": "24H2"},
               "primarySystemUser": null, "primarySystemUser._id": adunn, "primarySystemUser.email": "SECRET-not-needed",
               "userMetrics": [{"userName": "jsmith", "admin": false, "managed": true},
                               {"userName": "localadm", "admin": true, "managed": false, "suspended": false}]}),
    );
    let sudo = json!({"enabled": true, "withoutPassword": true});
    let users = json!([
        node("user", jsmith, sudo, &[&[("user", jsmith)], &[("user_group", group), ("user", jsmith)]]),
        node("user", adunn, Value::Null, &[&[("user_group", group), ("user", adunn)]]),
    ]);
    rehearsal.tenant.order(answer(users), "GET", "/users", 1);
    let outcome = rehearsal.run("enrich-host", json!({"hostname": "computer123"})).await.unwrap();
    let host = &outcome["host"];
    for (pointer, expected) in [
        ("/amazon_instance_id", json!("i-0123456789abcdef0")),
        ("/domain_info", json!({"domain_name": "corp.example.com", "part_of_domain": true})),
        ("/azure_ad_joined", json!(true)),
        ("/provision_metadata/provisioner", json!({"id": jsmith, "type": "user"})),
        ("/system_insights/state", json!("enabled")),
        ("/allow_ssh_root_login", json!(true)),
        ("/allow_ssh_password_authentication", json!(false)),
        ("/ssh_root_enabled", json!(false)),
        ("/os_version_detail/distribution_name", json!("Windows 11 Pro")),
        ("/local_administrators", json!([{"user_name": "localadm", "managed": false, "suspended": false}])),
        ("/owner/username", json!("adunn")),
        ("/users/0/global_sudo", json!(true)),
        ("/users/0/direct", json!(true)),
        ("/users/0/through_groups", json!([group])),
        ("/users/0/sudo", json!(true)),
        ("/users/0/sudo_without_password", json!(true)),
        ("/users/1/direct", json!(false)),
        ("/users/1/through_groups", json!([group])),
        ("/users/1/sudo", json!(null)),
    ] {
        assert_eq!(host.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert!(!outcome.to_string().contains("SECRET"), "{outcome}");
    // Where JumpCloud knows little, nothing is said about it.
    rehearsal.tenant.add("systems", json!({"_id": NOBODY, "hostname": "bare"}));
    let outcome = rehearsal.run("enrich-host", json!({"hostname": "bare"})).await.unwrap();
    assert_eq!(outcome["summary"], "bare is of unknown connection, 0 users, 0 groups.");
}

#[tokio::test]
async fn enrich_user_says_where_the_account_comes_from_and_what_will_happen_to_it() {
    let rehearsal = Rehearsal::start().await;
    let (jsmith, group) = (JSMITH, "60f1e2d3c4b5a69788796a01");
    rehearsal.tenant.set(
        "systemusers",
        jsmith,
        json!({"creationSource": "ADMINISTRATOR_INTERFACE", "employeeType": "full-time",
               "admin": {"id": OTHER_ADMIN, "roleName": "Manager", "roleNames": ["Manager", "Help Desk"]},
               "restrictedFields": [{"field": "password", "id": "5e0c1b2a3d4e5f6071829398", "type": "active_directory"}],
               "mfaEnrollment": {"overallStatus": "ENROLLED", "jcGoStatus": "NOT_ENROLLED"}}),
    );
    let sudo = json!({"enabled": true, "withoutPassword": false});
    let devices = json!([node("system", COMPUTER123, sudo, &[&[("user_group", group), ("system", COMPUTER123)]])]);
    rehearsal.tenant.order(answer(devices), "GET", "/systems", 1);
    let change = |user: &str| json!({"scheduledJobId": "j1", "scheduledDate": "2026-12-24T18:00:00Z", "state": "SUSPENDED", "systemUserId": user});
    let changes = json!([change(jsmith), change(MGARCIA)]);
    rehearsal.tenant.order(answer(changes), "GET", "/bulk/userstates", 1);
    let outcome = rehearsal.run("enrich-user", json!({"username": "jsmith"})).await.unwrap();
    let user = &outcome["user"];
    for (pointer, expected) in [
        ("/organization", json!("60259a2ad81e1a474d4e7c83")),
        ("/creation_source", json!("ADMINISTRATOR_INTERFACE")),
        ("/employee_type", json!("full-time")),
        ("/admin/role_names", json!(["Manager", "Help Desk"])),
        ("/restricted_fields/0/field", json!("password")),
        ("/mfa_enrollment/jc_go_status", json!("NOT_ENROLLED")),
        ("/ssh_key_count", json!(1)),
        ("/devices/0/direct", json!(false)),
        ("/devices/0/sudo", json!(true)),
        ("/scheduled_state_changes", json!([{"job_id": "j1", "date": "2026-12-24T18:00:00Z", "state": "SUSPENDED"}])),
    ] {
        assert_eq!(user.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert!(outcome["summary"].as_str().unwrap().contains("1 scheduled state change"), "{outcome}");
    let asked =
        rehearsal.tenant.requests().into_iter().find(|request| request.path.ends_with("/bulk/userstates")).unwrap();
    assert_eq!(asked.query, format!("limit=100&skip=0&userid={jsmith}"));
    // It may fail alone.
    rehearsal.tenant.order(Fault::status(403), "GET", "/bulk/userstates", 1);
    let outcome = rehearsal.run("enrich-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!(codes(&outcome), ["STATE_CHANGES_UNKNOWN"]);
    assert_eq!(outcome["user"]["devices"].as_array().unwrap().len(), 3);
    assert!(outcome["user"].get("scheduled_state_changes").is_none());
}

#[tokio::test]
async fn a_question_gets_an_answer_even_when_nobody_or_several_match() {
    let rehearsal = Rehearsal::start().await;
    for (playbook, event) in [
        ("enrich-user", json!({"username": "nobody"})),
        ("enrich-user", json!({"user_id": NOBODY})),
        ("enrich-host", json!({"host": "nowhere"})),
        ("enrich-host", json!({"host_id": NOBODY})),
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
        json!([
            {"id": LAPTOP_7, "name": "LAPTOP-7", "os": "Windows 10 Pro"},
            {"id": LAPTOP_7_TOO, "name": "laptop-7", "os": "Windows 11 Pro"}
        ])
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
        for part in [KIM, KPARK, "kpark", "`user_id`"] {
            assert!(error["errorMessage"].as_str().unwrap().contains(part), "{part} in {error}");
        }
    }
    assert_eq!(error_type(rehearsal.run("shutdown-host", json!({"host": "nowhere"})).await), "HostNotFound");
    let error = rehearsal.run("shutdown-host", json!({"host": "LAPTOP-7"})).await.unwrap_err();
    assert_eq!(error["errorType"], "AmbiguousHost");
    assert!(error["errorMessage"].as_str().unwrap().contains(LAPTOP_7_TOO));
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn the_display_name_of_one_host_and_the_hostname_of_another_are_two() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("systems", BUILD_07, json!({"displayName": "COMPUTER123"}));
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
    assert_eq!(error_type(rehearsal.run("disable-user", json!({"user_id": JSMITH})).await), "UnexpectedResponse");
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
    assert_eq!(codes(&outcome), ["DEVICES_UNKNOWN", "GROUPS_UNKNOWN", "STATE_CHANGES_UNKNOWN"]);
}

#[tokio::test]
async fn long_lists_are_paged_to_the_end() {
    let rehearsal = Rehearsal::start().await;
    for number in 0..250 {
        let id = format!("{number:024x}");
        rehearsal.tenant.add("systems", json!({"_id": id, "hostname": format!("fleet-{number}"), "os": "Ubuntu"}));
        rehearsal.tenant.bind(MGARCIA, &id);
    }
    let outcome = rehearsal.run("enrich-user", json!({"username": "mgarcia"})).await.unwrap();
    assert_eq!(outcome["user"]["devices"].as_array().unwrap().len(), 251);
    assert_eq!(codes(&outcome), ["HOLDS_NOT_SHOWN"]);
    for number in 250..1100 {
        rehearsal.tenant.bind(MGARCIA, &format!("{number:024x}"));
    }
    let outcome = rehearsal.run("enrich-user", json!({"username": "mgarcia"})).await.unwrap();
    assert_eq!(codes(&outcome), ["DEVICES_INCOMPLETE", "HOLDS_NOT_SHOWN"]);
}
