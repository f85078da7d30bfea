//! Which ways in a user still has, as Disable User and Enrich User say it.

use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{BUILD_07, CADMIN, COMPUTER123, JSMITH, JSMITH_LAPTOP, MACBOOK_ANA, MGARCIA},
};
use serde_json::{Value, json};

use crate::{codes, error_type};

/// The ways with their states, a device by its name.
fn ways(outcome: &Value) -> Vec<(&str, &str)> {
    let name = |way: &'_ Value| -> Option<String> { Some(way["host"].as_str()?.to_owned()) };
    let ways = outcome["access"].as_array().expect("a list");
    ways.iter()
        .map(|way| {
            assert_eq!(way.get("do").is_none(), way["state"] == "closed", "{way}");
            assert!(way["evidence"].is_string() && name(way).is_some() == way["host_id"].is_string(), "{way}");
            (way["host"].as_str().or(way["way"].as_str()).expect("a way"), way["state"].as_str().expect("a state"))
        })
        .collect()
}

/// One of them.
fn way<'a>(outcome: &'a Value, name: &str) -> &'a Value {
    let ways = outcome["access"].as_array().expect("a list");
    ways.iter().find(|way| way["host"] == name || way["way"] == name).unwrap_or_else(|| panic!("no {name}: {outcome}"))
}

fn evidence<'a>(outcome: &'a Value, name: &str) -> (&'a str, &'a str) {
    let way = way(outcome, name);
    (way["state"].as_str().expect("a state"), way["evidence"].as_str().expect("evidence"))
}

fn answer(body: &Value) -> Fault {
    Fault::Answer(200, "application/json; charset=utf-8", body.to_string())
}

#[tokio::test]
async fn a_suspension_closes_the_password_and_says_what_it_leaves_open() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!(
        ways(&outcome),
        [
            ("password", "closed"),
            ("sso_sessions", "unknown"),
            ("ldap_and_radius", "unknown"),
            ("ssh_keys", "unknown"),
            ("sudo", "open"),
            ("groups", "unknown"),
            ("administrator", "unknown"),
            ("directory", "unknown"),
            ("state_changes", "unknown"),
            ("device_sessions", "unknown"),
            ("jsmith-laptop", "open"),
            ("build-07", "unknown"),
            ("Computer123", "unknown"),
        ]
    );
    let ids = ["jsmith-laptop", "build-07", "Computer123"].map(|name| way(&outcome, name)["host_id"].clone());
    assert_eq!(ids, [JSMITH_LAPTOP, BUILD_07, COMPUTER123].map(|id| json!(id)));
    // What an advisory says of the same is said in its words.
    let home = way(&outcome, "jsmith-laptop");
    let both = format!("{} {}", home["evidence"].as_str().unwrap(), home["do"].as_str().unwrap());
    assert_eq!(outcome["advisories"][0]["message"], both);
    // Nothing was read for it.
    assert_eq!(outcome["api_calls"], 6);
    let markdown = outcome["markdown"].as_str().unwrap();
    for part in [
        "**Ways in**\n\n| way | state | evidence | to do |\n|---|---|---|---|\n| password and console | closed |",
        "\n| SSO sessions | unknown |",
        "\n| device `jsmith-laptop` | open |",
    ] {
        assert!(markdown.contains(part), "{part} in {markdown}");
    }
    // Other playbooks say nothing of it.
    for (playbook, event) in [
        ("enable-user", json!({"username": "jsmith"})),
        ("reset-password", json!({"username": "jsmith"})),
        ("shutdown-host", json!({"hostname": "Computer123"})),
        ("enrich-host", json!({"hostname": "Computer123"})),
    ] {
        assert_eq!(rehearsal.run(playbook, event).await.unwrap().get("access"), None, "{playbook}");
    }
}

#[tokio::test]
async fn what_a_device_reports_of_the_account_closes_it() {
    let rehearsal = Rehearsal::start().await;
    let report = |suspended| json!({"userMetrics": [{"userName": "mgarcia", "admin": false, "suspended": suspended}]});
    for (suspended, expected) in [(json!(true), "closed"), (json!(false), "open"), (json!(null), "unknown")] {
        rehearsal.tenant.set("systems", MACBOOK_ANA, report(suspended));
        for playbook in ["disable-user", "enrich-user"] {
            let outcome = rehearsal.run(playbook, json!({"username": "mgarcia"})).await.unwrap();
            assert_eq!(evidence(&outcome, "MacBook-Ana").0, expected, "{playbook}");
            assert_eq!(evidence(&outcome, "password").0, "closed");
        }
    }
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn devices_that_cannot_be_read_are_unknown() {
    // Of a suspended user Enrich says that it does not know who wants that.
    for (playbook, expected) in
        [("disable-user", vec!["DEVICES_INCOMPLETE"]), ("enrich-user", vec!["DEVICES_INCOMPLETE", "HOLDS_NOT_SHOWN"])]
    {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::status(403), "GET", "/systems", 1);
        let outcome = rehearsal.run(playbook, json!({"username": "mgarcia"})).await.unwrap();
        let (state, words) = evidence(&outcome, "device");
        assert!(state == "unknown" && words.contains("could not be read (Forbidden)"), "{playbook}: {words}");
        assert_eq!((evidence(&outcome, "device_sessions").0, evidence(&outcome, "sudo").0), ("unknown", "unknown"));
        // One of the list that does not come with the others.
        let others = json!({"totalCount": 0, "results": []});
        rehearsal.tenant.order(answer(&others), "POST", "/search/systems", 1);
        let outcome = rehearsal.run(playbook, json!({"user_id": MGARCIA})).await.unwrap();
        assert_eq!((evidence(&outcome, "device").0, codes(&outcome)), ("unknown", expected.clone()));
        // Entries that name no device are no empty list.
        rehearsal.tenant.order(answer(&json!([{"type": "system"}, {"id": "x"}])), "GET", "/systems", 1);
        let outcome = rehearsal.run(playbook, json!({"user_id": MGARCIA})).await.unwrap();
        assert_eq!((evidence(&outcome, "device").0, codes(&outcome)), ("unknown", expected));
        // An empty list is one.
        rehearsal.tenant.order(answer(&json!([])), "GET", "/systems", 1);
        let outcome = rehearsal.run(playbook, json!({"user_id": MGARCIA})).await.unwrap();
        assert_eq!((evidence(&outcome, "device").0, evidence(&outcome, "device_sessions").0), ("closed", "closed"));
        assert_eq!(evidence(&outcome, "sudo").0, "closed");
    }
}

#[tokio::test]
async fn the_password_is_judged_on_the_user_as_read_back() {
    let rehearsal = Rehearsal::start().await;
    // JumpCloud returns the user suspended, and a read after it is behind.
    let mut suspended = rehearsal.tenant.user("jsmith");
    suspended["state"] = json!("SUSPENDED");
    rehearsal.tenant.order(answer(&suspended), "PUT", "/systemusers/", 1);
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((&outcome["verified"], evidence(&outcome, "password").0), (&json!(false), "open"));
    assert!(way(&outcome, "password")["do"].as_str().unwrap().contains("look again"), "{outcome}");
    assert!(outcome["access"].as_array().unwrap().iter().all(|way| way["state"] != "closed"), "{outcome}");
    // Where nothing can be said of it, nothing is: no answer, no outcome.
    rehearsal.tenant.order(Fault::CutBefore, "PUT", "/systemusers/", 9);
    assert_eq!(error_type(rehearsal.run("disable-user", json!({"username": "jsmith"})).await), "OutcomeUnknown");
}

#[tokio::test]
async fn a_dry_run_gives_what_would_stay_open() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set(
        "systems",
        COMPUTER123,
        json!({"userMetrics": [{"userName": "jsmith", "admin": false, "suspended": true}]}),
    );
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith", "dry_run": true})).await.unwrap();
    let found = ways(&outcome);
    assert!(found.iter().all(|(way, state)| *state != "closed" && *way != "password"), "{found:?}");
    for expected in [("sudo", "open"), ("sso_sessions", "unknown"), ("jsmith-laptop", "open"), ("build-07", "unknown")]
    {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    assert!(!found.iter().any(|(way, _)| *way == "Computer123"), "{found:?}");
    assert!(outcome["markdown"].as_str().unwrap().contains("**Ways in that would not be closed**"), "{outcome}");
    assert!(rehearsal.tenant.writes().is_empty());
    // Of a protected user, too.
    let outcome = rehearsal.run("disable-user", json!({"user_id": CADMIN, "dry_run": true})).await.unwrap();
    let (state, words) = evidence(&outcome, "administrator");
    assert!(state == "open" && words.contains("Administrator With Billing"), "{words}");
    // Nothing would be done: it is as it was found.
    let outcome = rehearsal.run("disable-user", json!({"user_id": MGARCIA, "dry_run": true})).await.unwrap();
    assert_eq!((&outcome["status"], evidence(&outcome, "password").0), (&json!("unchanged"), "closed"));
}

#[tokio::test]
async fn enrichment_judges_on_the_parts_that_were_read() {
    let rehearsal = Rehearsal::start().await;
    let enrich = async |include: Option<Value>| {
        let mut event = json!({"user_id": JSMITH});
        if let Some(include) = include {
            event["include"] = include;
        }
        rehearsal.run("enrich-user", event).await.unwrap()
    };
    let outcome = enrich(None).await;
    for (name, state, words) in [
        ("password", "open", "The user is ACTIVATED"),
        ("sso_sessions", "open", "no call that ends sessions"),
        ("ldap_and_radius", "open", "LDAP and RADIUS"),
        ("ssh_keys", "open", "1 SSH key"),
        ("sudo", "open", "on every device"),
        ("groups", "open", "2 groups"),
        ("state_changes", "closed", "No change of state"),
        ("device_sessions", "unknown", "was not read"),
        ("Computer123", "open", "bound to Computer123"),
    ] {
        let found = evidence(&outcome, name);
        assert!(found.0 == state && found.1.contains(words), "{name}: {found:?}");
    }
    // Not asked for is not read, and said.
    let outcome = enrich(Some(json!([]))).await;
    assert_eq!(evidence(&outcome, "state_changes"), ("unknown", "The scheduled changes of state were not read."));
    assert!(way(&outcome, "state_changes")["do"].as_str().unwrap().contains("`include`: `scheduled`"), "{outcome}");
    let outcome = enrich(Some(json!(["sessions"]))).await;
    let (state, words) = evidence(&outcome, "device_sessions");
    assert!(state == "open" && words.contains("(build-07, Computer123)"), "{words}");
    // What fails is not known, and everything else is.
    for (path, failed) in
        [("/memberof", "groups"), ("/bulk/userstates", "state_changes"), ("/systeminsights", "device_sessions")]
    {
        rehearsal.tenant.order(Fault::status(403), "GET", path, 1);
        let outcome = enrich(Some(json!(["scheduled", "sessions"]))).await;
        let (state, words) = evidence(&outcome, failed);
        assert!(state == "unknown" && words.contains("could not be read (Forbidden)"), "{failed}: {words}");
        for (name, state) in [("groups", "open"), ("state_changes", "closed"), ("device_sessions", "open")] {
            assert!(name == failed || evidence(&outcome, name).0 == state, "{failed}: {name}");
        }
    }
}

#[tokio::test]
async fn a_scheduled_activation_is_an_open_way_in() {
    let rehearsal = Rehearsal::start().await;
    let change = |state: &str, user: Value| json!({"scheduledJobId": "j", "scheduledDate": "2026-12-24T18:00:00Z", "state": state, "systemUserId": user});
    for (changes, expected) in [
        (json!([change("ACTIVATED", json!(MGARCIA))]), "open"),
        (json!([change("SUSPENDED", json!(MGARCIA))]), "closed"),
        (json!([change("ACTIVATED", json!(JSMITH))]), "closed"),
        (json!([change("ACTIVATED", Value::Null)]), "unknown"),
    ] {
        rehearsal.tenant.order(answer(&changes), "GET", "/bulk/userstates", 1);
        let outcome = rehearsal.run("enrich-user", json!({"user_id": MGARCIA})).await.unwrap();
        let (state, words) = evidence(&outcome, "state_changes");
        assert_eq!(state, expected, "{changes}: {words}");
        assert_eq!(words.contains("2026-12-24T18:00:00Z"), expected == "open", "{words}");
    }
}

#[tokio::test]
async fn a_directory_and_ldap_are_ways_in_by_the_words_of_their_advisories() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("disable-user", json!({"username": "adunn"})).await.unwrap();
    let directory = way(&outcome, "directory");
    let both = format!("{} {}", directory["evidence"].as_str().unwrap(), directory["do"].as_str().unwrap());
    let advisories = outcome["advisories"].as_array().unwrap();
    assert_eq!(directory["state"], "open");
    assert!(advisories.iter().any(|its| its["code"] == "DIRECTORY_CAN_UNDO" && its["message"] == both), "{outcome}");
    let outcome = rehearsal.run("disable-user", json!({"username": "svc-ldap"})).await.unwrap();
    let (state, words) = evidence(&outcome, "ldap_and_radius");
    assert!(state == "unknown" && words.ends_with(outcome["advisories"][0]["message"].as_str().unwrap()), "{words}");
}

#[tokio::test]
async fn no_name_of_a_device_ends_the_table() {
    let rehearsal = Rehearsal::start().await;
    let name = "a|b\n\n# x\n| y | `z` <@U1> [l](http://evil.example)";
    rehearsal.tenant.set("systems", MACBOOK_ANA, json!({"hostname": name}));
    let outcome = rehearsal.run("disable-user", json!({"username": "mgarcia"})).await.unwrap();
    let markdown = outcome["markdown"].as_str().unwrap();
    let rows: Vec<&str> = markdown.lines().filter(|line| line.starts_with("| device")).collect();
    assert_eq!((rows.len(), rows[0].matches('|').count()), (1, 5), "{markdown}");
    assert!(!markdown.lines().any(|line| line.starts_with("# ") || line.starts_with("| y")), "{markdown}");
}
