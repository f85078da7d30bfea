//! The guards as a person meets them: protected targets, consent, switches, limits, and what is said of them.

use std::collections::HashMap;

use sandbox::{
    dynamo::Trouble,
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::{Value, json};

use crate::error_type;

const JSMITH: &str = "5f0c1b2a3d4e5f6071829301";
const ADUNN: &str = "5f0c1b2a3d4e5f6071829306";
const COMPUTER123: &str = "633f3f295482343ff32add41";
const ENGINEERING: &str = "60f1e2d3c4b5a69788796a01";
const OFFICE_DEVICES: &str = "60f1e2d3c4b5a69788796a03";

fn entry(sk: &str, how: &str) -> Value {
    let text = |text: &str| json!({"S": text});
    json!({"pk": text("default#protected"), "sk": text(sk), "as": text(how), "who": text("anna"), "why": text("INC-9")})
}

/// Each guard's verdict.
fn verdicts(outcome: &Value) -> HashMap<String, String> {
    let guards = outcome["guards"].as_array().expect("guards").iter();
    let text = |guard: &'_ Value, name: &str| guard[name].as_str().expect("text").to_owned();
    guards.map(|guard| (text(guard, "rule"), text(guard, "verdict"))).collect()
}

#[tokio::test]
async fn nothing_protected_is_touched_however_it_is_named() {
    let user = [("disable-user", json!({"username": "jsmith"})), ("reset-password", json!({"user_id": JSMITH}))];
    let host = [("shutdown-host", json!({"hostname": "Computer123"}))];
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    // A user, a user of the host, its primary user, a host, a group of either.
    let (id, group, devices) =
        (format!("user#{JSMITH}"), format!("group#{ENGINEERING}"), format!("group#{OFFICE_DEVICES}"));
    let users = names(&[&id, "user#jsmith", "user#jsmith@company.com", &group]);
    let (own, other) = (format!("host#{COMPUTER123}"), format!("user#{ADUNN}"));
    let hosts = names(&[&own, "host#computer123", "host#computer123.local", &devices, "user#jsmith", &other, &group]);
    for (requests, entries) in [(&user[..], &users), (&host[..], &hosts)] {
        for sk in entries {
            let rehearsal = Rehearsal::start().await;
            rehearsal.dynamo.put(entry(sk, "never"));
            for (playbook, event) in requests {
                let error = rehearsal.run(playbook, event.clone()).await.unwrap_err();
                assert_eq!(error["errorType"], "Protected", "{playbook} {sk}: {error}");
                assert!(error["errorMessage"].as_str().unwrap().contains("anna"), "{error}");
                let dry = rehearsal.run(playbook, with(event, "dry_run", json!(true))).await.unwrap();
                assert_eq!(verdicts(&dry)["protected"], "refuse", "{playbook} {sk}");
            }
            assert!(rehearsal.tenant.writes().is_empty(), "{sk}");
            assert!(rehearsal.dynamo.items("default#change").is_empty());
        }
    }
    // The same in the environment; letting back in is never protected.
    let rehearsal = Rehearsal::start().await;
    for (name, value) in [("PROTECTED", "host:dc-1, user:JSmith"), ("JUMPCLOUD_SELF", "jsmith@company.com")] {
        let function = rehearsal.function("disable-user", &[(name, value)]).await;
        assert_eq!(error_type(function.invoke(json!({"user": "jsmith"}), TIMEOUT).await), "Protected", "{name}");
    }
    let function = rehearsal.function("enable-user", &[("PROTECTED", "user:mgarcia")]).await;
    assert_eq!(function.invoke(json!({"user": "mgarcia"}), TIMEOUT).await.unwrap()["status"], "succeeded");
    for value in ["jsmith", "user:", "group:engineering", "user:jsmith=sometimes", "team:x"] {
        let function = rehearsal.function("disable-user", &[("PROTECTED", value)]).await;
        assert_eq!(error_type(function.invoke(json!({"user": "adunn"}), TIMEOUT).await), "Internal", "{value}");
    }
}

fn with(event: &Value, field: &str, value: Value) -> Value {
    let mut event = event.clone();
    event[field] = value;
    event
}

#[tokio::test]
async fn who_is_not_named_by_an_entry_costs_no_call() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.run("shutdown-host", json!({"host_id": COMPUTER123})).await.unwrap();
    assert_eq!(rehearsal.tenant.calls(), ["GET /systems/{id}", "POST /systems/{id}/command/builtin/shutdown"]);
    // Two reads beside the read by id; admission and settlement.
    let mut operations = rehearsal.dynamo.operations();
    operations.retain(|operation| !operation.is_empty());
    operations.remove(0); // init
    operations[..2].sort();
    assert_eq!(operations, ["BatchGetItem", "Query", "TransactWriteItems", "TransactWriteItems"]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_whole_is_a_refusal() {
    for (path, request) in [
        ("/memberof", ("disable-user", json!({"username": "jsmith"}))),
        ("/memberof", ("shutdown-host", json!({"host_id": COMPUTER123}))),
        ("/users", ("shutdown-host", json!({"host_id": COMPUTER123}))),
        ("/search/systemusers", ("shutdown-host", json!({"host_id": COMPUTER123}))),
    ] {
        for fault in [
            Fault::status(403),
            Fault::status(404),
            Fault::Malformed,
            Fault::Answer(200, "application/json", "{}".to_owned()),
        ] {
            let rehearsal = Rehearsal::start().await;
            rehearsal.dynamo.put(entry("group#60f1e2d3c4b5a69788796aff", "never"));
            let (method, user) = if path.starts_with("/search") { ("POST", false) } else { ("GET", true) };
            assert!(user || request.0 == "shutdown-host");
            rehearsal.tenant.order(fault.clone(), method, path, 99);
            let error = rehearsal.run(request.0, request.1.clone()).await.unwrap_err();
            assert_eq!(error["errorType"], "GuardUnavailable", "{path} {fault:?}: {error}");
            assert!(rehearsal.tenant.writes().is_empty());
        }
    }
}

#[tokio::test]
async fn a_plan_that_changes_nothing_is_a_plan() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    let event = json!({"username": "mgarcia"});
    let dry = function.invoke(with(&event, "dry_run", json!(true)), TIMEOUT).await.unwrap();
    assert_eq!((&dry["status"], dry["plan_hash"].as_str().map(str::len)), (&json!("unchanged"), Some(64)));
    let seen = with(&event, "plan_hash", dry["plan_hash"].clone());
    assert_eq!(function.invoke(seen.clone(), TIMEOUT).await.unwrap()["status"], "unchanged");
    let id = dry["target"]["id"].as_str().unwrap();
    rehearsal.tenant.set("systemusers", id, json!({"state": "ACTIVATED", "suspended": false}));
    assert_eq!(error_type(function.invoke(seen, TIMEOUT).await), "PlanChanged");
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn consent_is_to_one_plan_by_a_direct_event() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.dynamo.put(entry("user#jsmith", "ask"));
    let function = rehearsal.function("disable-user", &[]).await;
    let event = json!({"username": "jsmith"});
    assert_eq!(error_type(function.invoke(event.clone(), TIMEOUT).await), "Protected");
    let dry = function.invoke(with(&event, "dry_run", json!(true)), TIMEOUT).await.unwrap();
    assert_eq!(verdicts(&dry)["protected"], "ask");
    let consent = with(&event, "plan_hash", dry["plan_hash"].clone());
    // Not by what raises alerts.
    let alert = json!({"version": "0", "id": "a", "detail-type": "Alert", "source": "test", "time": "2026-11-24T12:00:00Z", "account": "1", "region": "us-east-1", "resources": [], "detail": consent});
    assert_eq!(error_type(function.invoke(alert, TIMEOUT).await), "InvalidInput");
    // Not to another plan, be it of another playbook or with another device.
    let reset = rehearsal.function("reset-password", &[]).await;
    assert_eq!(error_type(reset.invoke(consent.clone(), TIMEOUT).await), "PlanChanged");
    rehearsal.tenant.bind(JSMITH, "6140aa10bb20cc30dd40ee03");
    assert_eq!(error_type(function.invoke(consent, TIMEOUT).await), "PlanChanged");
    assert!(rehearsal.tenant.writes().is_empty());
    let dry = function.invoke(with(&event, "dry_run", json!(true)), TIMEOUT).await.unwrap();
    let outcome = function.invoke(with(&event, "plan_hash", dry["plan_hash"].clone()), TIMEOUT).await.unwrap();
    assert_eq!(outcome["status"], "succeeded");
    // A host of many users.
    let rehearsal = Rehearsal::start().await;
    let event = json!({"host_id": COMPUTER123});
    for (most, expected) in [("1", "ask"), ("2", "pass")] {
        let function = rehearsal.function("shutdown-host", &[("MAX_USERS_OF_HOST", most)]).await;
        let dry = function.invoke(with(&event, "dry_run", json!(true)), TIMEOUT).await.unwrap();
        assert_eq!(verdicts(&dry)["protected"], expected);
    }
}

#[tokio::test]
async fn a_dry_run_reports_every_guard_and_counts_nothing() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.dynamo.put(entry("host#computer123", "never"));
    let switch = json!({"pk": {"S": "default#switch"}, "sk": {"S": "shutdown-host"}, "mode": {"S": "off"}, "latched": {"S": "2026-11-24T12:00:00Z"}});
    rehearsal.dynamo.put(switch.clone());
    let record = json!({"pk": {"S": "default#change"}, "sk": {"S": format!("host#{COMPUTER123}")}, "playbook": {"S": "shutdown-host"}, "attempt": {"S": "a"},
        "status": {"S": "done"}, "by": {"S": "finding f-1"}, "at": {"S": "2026-11-24T12:00:00Z"}, "deadline": {"N": "1"}});
    rehearsal.dynamo.put(record.clone());
    let function =
        rehearsal.function("shutdown-host", &[("DRY_RUN", "true"), ("MAX_EVENT_AGE_SECONDS", "4000000000")]).await;
    let finding = json!({"version": "0", "id": "a", "detail-type": "Alert", "source": "test", "time": "2026-11-24T12:00:00Z", "account": "1", "region": "us-east-1", "resources": [], "detail": {"host_id": COMPUTER123}});
    let outcome = function.invoke(finding, TIMEOUT).await.unwrap();
    let expected =
        HashMap::from(["protected", "pending", "switch", "limit"].map(|rule| (rule.to_owned(), "refuse".to_owned())));
    assert_eq!((&outcome["status"], verdicts(&outcome)), (&json!("dry_run"), expected), "{outcome}");
    let pending = &outcome["pending"];
    assert_eq!((&pending["since"], &pending["by"]), (&json!("2026-11-24T12:00:00.000Z"), &json!("finding f-1")));
    assert!(pending["seen"].is_string(), "it is online now");
    assert_eq!(outcome["plan_hash"].as_str().map(str::len), Some(64));
    // Nothing was written, not even that the host was seen.
    assert_eq!(
        (rehearsal.dynamo.items("default#switch"), rehearsal.dynamo.items("default#change")),
        (vec![switch], vec![record])
    );
    // A table that cannot be read is said, too.
    rehearsal.dynamo.order(Trouble::Error("AccessDeniedException"), "Query", 9);
    let outcome = function.invoke(json!({"host_id": COMPUTER123}), TIMEOUT).await.unwrap();
    assert!(verdicts(&outcome).values().all(|verdict| verdict == "unknown"), "{outcome}");
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn the_switch_makes_dry_runs_and_stops_with_the_next_invocation() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    let set = |mode: &str| {
        rehearsal.dynamo.put(json!({"pk": {"S": "default#switch"}, "sk": {"S": "*"}, "mode": {"S": mode}}))
    };
    let event = json!({"username": "jsmith"});
    set("dry-run");
    let outcome = function.invoke(event.clone(), TIMEOUT).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("dry_run"), &json!(false)));
    set("off");
    assert_eq!(error_type(function.invoke(event.clone(), TIMEOUT).await), "SwitchedOff");
    assert!(rehearsal.tenant.writes().is_empty());
    // Containment is stopped, and people can still be let back in.
    assert_eq!(rehearsal.run("enable-user", json!({"username": "mgarcia"})).await.unwrap()["status"], "succeeded");
    set("on");
    assert_eq!(function.invoke(event, TIMEOUT).await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn an_attempt_that_was_never_settled_claims_no_change() {
    let rehearsal = Rehearsal::start().await;
    let record = json!({"pk": {"S": "default#change"}, "sk": {"S": format!("user#{JSMITH}")}, "playbook": {"S": "disable-user"}, "attempt": {"S": "a"}, "status": {"S": "begun"},
        "by": {"S": "finding f-1"}, "at": {"S": "2026-11-24T12:00:00Z"}, "deadline": {"N": "1"}, "before": {"S": r#"{"state":"ACTIVATED"}"#}});
    rehearsal.dynamo.put(record.clone());
    rehearsal.tenant.set("systemusers", JSMITH, json!({"state": "SUSPENDED", "suspended": true}));
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("unchanged"), &Value::Null));
    assert_eq!((&outcome["before"]["state"], &outcome["undo"]), (&json!("ACTIVATED"), &Value::Null));
    assert!(outcome["summary"].as_str().unwrap().contains("finding f-1"), "{outcome}");
    // In another state the change is made from there; and another playbook's attempt is nobody's business.
    assert_eq!(rehearsal.run("enable-user", json!({"username": "jsmith"})).await.unwrap()["status"], "succeeded");
    rehearsal.dynamo.put(record);
    let outcome = rehearsal.run("enable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("unchanged"), &json!(false)));
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["before"]["state"]), (&json!("succeeded"), &json!("ACTIVATED")));
}

#[tokio::test]
async fn without_a_table_only_on_purpose_and_then_it_is_said() {
    let rehearsal = Rehearsal::start().await;
    let event = json!({"username": "jsmith"});
    let function = rehearsal.function("disable-user", &[("GUARD_TABLE", "")]).await;
    assert_eq!(error_type(function.invoke(event.clone(), TIMEOUT).await), "GuardUnavailable");
    for (name, value) in [("MAX_TARGETS_PER_HOUR", "0"), ("MAX_TARGETS_PER_DAY", "1001"), ("MAX_USERS_OF_HOST", "many")]
    {
        let function = rehearsal.function("disable-user", &[(name, value)]).await;
        assert_eq!(error_type(function.invoke(event.clone(), TIMEOUT).await), "Internal", "{name}");
    }
    assert!(rehearsal.tenant.requests().is_empty());
    let asked = rehearsal.function("disable-user", &[("GUARD_TABLE", "none"), ("PROTECTED", "user:jsmith=ask")]).await;
    assert_eq!(error_type(asked.invoke(event.clone(), TIMEOUT).await), "Unsupported");
    let function = rehearsal.function("disable-user", &[("GUARD_TABLE", "none")]).await;
    let outcome = function.invoke(event, TIMEOUT).await.unwrap();
    assert_eq!(outcome["status"], "succeeded");
    assert_eq!(
        verdicts(&outcome),
        HashMap::from(["pending", "switch", "limit"].map(|rule| (rule.to_owned(), "off".to_owned())))
    );
    assert!(rehearsal.dynamo.operations().is_empty());
}
