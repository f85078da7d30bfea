//! The guard rails as a person sets them, in force with the next invocation of a function that runs already.

use sandbox::{
    dynamo::Trouble,
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::{Value, json};

use crate::{error_type, runs};

const JSMITH: &str = "5f0c1b2a3d4e5f6071829301";
const COMPUTER123: &str = "633f3f295482343ff32add41";

/// The functions of a stack, all running: `guard-rails` without a key, and nothing that leads to one.
struct Stack {
    rehearsal: Rehearsal,
    rails: Function,
}

impl Stack {
    async fn start() -> Self {
        let rehearsal = Rehearsal::start().await;
        let rails = rails(&rehearsal, &[]).await;
        Self { rehearsal, rails }
    }

    async fn set(&self, event: Value) -> Value {
        self.rails.invoke(event, TIMEOUT).await.expect("an outcome")
    }
}

async fn rails(rehearsal: &Rehearsal, changes: &[(&'static str, &str)]) -> Function {
    let without =
        ["JUMPCLOUD_SECRET_ID", "JUMPCLOUD_API_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"].map(|name| (name, ""));
    rehearsal.function("guard-rails", &[&without, changes].concat()).await
}

/// A finding about a user or a host.
fn finding(target: Value) -> Value {
    json!({"version": "0", "id": "a", "detail-type": "Alert", "source": "test", "time": chrono::Utc::now().to_rfc3339(), "account": "1",
        "region": "us-east-1", "resources": [], "detail": target})
}

#[tokio::test]
async fn off_and_dry_run_and_on_count_from_the_next_invocation() {
    let stack = Stack::start().await;
    let function = stack.rehearsal.function("disable-user", &[]).await;
    let event = json!({"username": "jsmith"});
    let mode = |mode: &str| json!({"switch": mode, "playbook": "disable-user", "reason": "INC-9", "by": "anna"});
    let off = stack.set(mode("off")).await;
    assert_eq!(
        (&off["playbook"], &off["status"], &off["changed"]),
        (&json!("guard-rails"), &json!("succeeded"), &json!(true))
    );
    let error = function.invoke(event.clone(), TIMEOUT).await.unwrap_err();
    assert_eq!(error["errorType"], "SwitchedOff");
    let words = error["errorMessage"].as_str().unwrap();
    assert!(words.contains("anna") && words.contains("INC-9"), "{words}");
    stack.set(mode("dry-run")).await;
    assert_eq!(function.invoke(event.clone(), TIMEOUT).await.unwrap()["status"], "dry_run");
    assert!(stack.rehearsal.tenant.writes().is_empty());
    stack.set(mode("on")).await;
    assert_eq!(function.invoke(event.clone(), TIMEOUT).await.unwrap()["status"], "succeeded");
    // An off for all does not lock out whom it has suspended.
    stack.set(json!({"switch": "off", "reason": "INC-9"})).await;
    assert_eq!(error_type(function.invoke(json!({"username": "adunn"}), TIMEOUT).await), "SwitchedOff");
    let enable = stack.rehearsal.function("enable-user", &[]).await;
    assert_eq!(enable.invoke(json!({"user_id": JSMITH}), TIMEOUT).await.unwrap()["status"], "succeeded");
    stack.set(json!({"switch": "off", "playbook": "enable-user", "reason": "INC-9"})).await;
    assert_eq!(error_type(enable.invoke(json!({"username": "mgarcia"}), TIMEOUT).await), "SwitchedOff");
}

#[tokio::test]
async fn on_after_the_latch_and_an_allowance_begin_anew() {
    let stack = Stack::start().await;
    let function = stack.rehearsal.function("disable-user", &[("MAX_TARGETS_PER_HOUR", "1")]).await;
    let [first, second, third] = ["jsmith", "adunn", "svc-ldap"].map(|name| finding(json!({"username": name})));
    assert_eq!(function.invoke(first.clone(), TIMEOUT).await.unwrap()["status"], "succeeded");
    assert_eq!(error_type(function.invoke(second.clone(), TIMEOUT).await), "LimitReached");
    // From now on for each finding.
    assert_eq!(error_type(function.invoke(third.clone(), TIMEOUT).await), "LimitReached");
    let on = stack.set(json!({"switch": "on", "playbook": "disable-user", "reason": "INC-9"})).await;
    assert!(on["before"]["latched"].is_string(), "{on}");
    assert_eq!(function.invoke(second, TIMEOUT).await.unwrap()["status"], "succeeded");
    stack.set(json!({"allow": {"playbook": "disable-user", "targets": 2, "hours": 1}, "reason": "INC-9"})).await;
    let event = json!({"username": "kpark"});
    let dry = function.invoke(json!({"username": "kpark", "dry_run": true}), TIMEOUT).await.unwrap();
    let limit = dry["guards"].as_array().unwrap().iter().find(|guard| guard["rule"] == "limit").unwrap();
    assert_eq!(limit["verdict"], "pass", "{limit}");
    // Its time is over.
    let mut item = stack.rehearsal.dynamo.items("default#switch").remove(0);
    item["allow_until"] = json!({"N": "1"});
    stack.rehearsal.dynamo.put(item);
    assert_eq!(error_type(function.invoke(event, TIMEOUT).await), "LimitReached");
}

#[tokio::test]
async fn protected_then_with_consent_then_not() {
    let stack = Stack::start().await;
    let function = stack.rehearsal.function("disable-user", &[]).await;
    let event = json!({"username": "jsmith"});
    let protect = |how: &str| json!({"protect": {"user": "JSmith@company.com"}, "as": how, "reason": "board"});
    stack.set(protect("never")).await;
    assert_eq!(error_type(function.invoke(event.clone(), TIMEOUT).await), "Protected");
    let ask = stack.set(protect("ask")).await;
    assert_eq!((&ask["before"]["as"], &ask["after"]["as"]), (&json!("never"), &json!("ask")));
    assert_eq!(error_type(function.invoke(event.clone(), TIMEOUT).await), "Protected");
    let dry = function.invoke(json!({"username": "jsmith", "dry_run": true}), TIMEOUT).await.unwrap();
    assert!(dry["guards"].to_string().contains(r#""verdict":"ask""#), "{dry}");
    // A group of the host's user, and the way back.
    let group = "60f1e2d3c4b5a69788796a01";
    stack.set(json!({"protect": {"group": group}, "as": "never", "reason": "board"})).await;
    let shutdown = stack.rehearsal.function("shutdown-host", &[]).await;
    assert_eq!(error_type(shutdown.invoke(json!({"host_id": COMPUTER123}), TIMEOUT).await), "Protected");
    for entry in [json!({"group": group}), json!({"user": "jsmith@company.com"})] {
        let gone = stack.set(json!({"unprotect": entry, "reason": "left the board"})).await;
        assert_eq!(gone["status"], "succeeded", "{gone}");
    }
    assert_eq!(function.invoke(event, TIMEOUT).await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn a_forgotten_shutdown_is_sent_again() {
    let stack = Stack::start().await;
    let function = stack.rehearsal.function("shutdown-host", &[]).await;
    let event = json!({"host_id": COMPUTER123});
    for sent in [1, 2] {
        assert_eq!(function.invoke(event.clone(), TIMEOUT).await.unwrap()["status"], "accepted");
        assert_eq!(function.invoke(event.clone(), TIMEOUT).await.unwrap()["status"], "unchanged");
        assert_eq!(stack.rehearsal.tenant.shutdowns().len(), sent);
        let shown = stack.set(json!({"show": true})).await;
        assert_eq!(shown["rails"]["changes"][0]["state"], "pending", "{shown}");
        let forgot = stack.set(json!({"forget": {"host_id": COMPUTER123}, "reason": "reinstalled"})).await;
        assert_eq!((&forgot["status"], &forgot["target"]["name"]), (&json!("succeeded"), &json!("Computer123")));
    }
}

#[tokio::test]
async fn every_run_leaves_one_audited_line_and_needs_neither_key_nor_jumpcloud() {
    let stack = Stack::start().await;
    let off = json!({"switch": "off", "playbook": "disable-user", "reason": "INC-9", "by": "anna", "correlation": {"execution": "e-1"}});
    let outcome = stack.set(off).await;
    let request = &outcome["request"];
    assert_eq!(
        (&request["by"], &request["reason"], &request["event_source"]),
        (&json!("anna"), &json!("INC-9"), &json!("direct"))
    );
    assert_eq!(outcome["api_calls"], 0);
    assert!(outcome["markdown"].as_str().unwrap().starts_with("### guard-rails\n"), "{outcome}");
    // The undo is an event that is accepted as it is.
    let undo = &outcome["undo"];
    assert_eq!(undo["playbook"], "guard-rails");
    assert_eq!(stack.set(undo["event"].clone()).await["after"]["switch"], "on");
    assert_eq!(stack.set(json!({"show": true, "dry_run": true})).await["status"], "succeeded");
    assert_eq!(error_type(stack.rails.invoke(json!({"switch": "off"}), TIMEOUT).await), "InvalidInput");
    let lines = runs(&stack.rails, 4).await;
    assert_eq!(lines.len(), 4);
    let audit = &lines[0]["audit"];
    assert_eq!(audit["asked"], json!({"switch": "off", "playbook": "disable-user"}));
    assert_eq!(
        (&audit["result"], &audit["before"]["switch"], &audit["after"]["switch"]),
        (&json!("succeeded"), &json!("on"), &json!("off"))
    );
    assert_eq!((&audit["request"]["by"], &audit["undo"]), (&json!("anna"), undo));
    assert_eq!(
        (&lines[0]["Outcome"], &lines[0]["UnexpectedRuns"], &lines[3]["Outcome"]),
        (&json!("succeeded"), &json!(0), &json!("InvalidInput"))
    );
    assert!(stack.rehearsal.tenant.requests().is_empty());
    // DRY_RUN of the function holds for it, too.
    let rails = rails(&stack.rehearsal, &[("DRY_RUN", "true")]).await;
    let dry = rails.invoke(json!({"switch": "off", "reason": "x", "dry_run": false}), TIMEOUT).await.unwrap();
    assert_eq!(dry["status"], "dry_run");
}

#[tokio::test]
async fn nothing_but_a_direct_event_sets_them() {
    let stack = Stack::start().await;
    let event = json!({"switch": "off", "reason": "INC-9"});
    let text = event.to_string();
    let sns = json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:a", "Sns": {
        "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:a", "Message": text, "Timestamp": "2026-11-24T12:00:00Z",
        "SignatureVersion": "1", "Signature": "x", "SigningCertUrl": "https://x", "UnsubscribeUrl": "https://x", "MessageAttributes": {}}}]});
    let sqs = sandbox::events::batch([sandbox::events::record("m-1", &text)]);
    for envelope in [finding(event), sns, sqs] {
        let error = stack.rails.invoke(envelope, TIMEOUT).await.unwrap_err();
        assert_eq!(error["errorType"], "InvalidInput");
        assert!(error["errorMessage"].as_str().unwrap().contains("direct events only"), "{error}");
    }
    for (name, sample) in crate::samples() {
        if name.starts_with("direct") {
            continue;
        }
        assert_eq!(error_type(stack.rails.invoke(sample, TIMEOUT).await), "InvalidInput", "{name}");
    }
    assert!(stack.rehearsal.dynamo.items("default#switch").is_empty());
}

#[tokio::test]
async fn a_table_that_is_away_is_said_and_one_that_is_slow_is_waited_for() {
    let stack = Stack::start().await;
    let event = json!({"switch": "off", "playbook": "disable-user", "reason": "INC-9"});
    for (trouble, times) in [(Trouble::Error("ThrottlingException"), 3), (Trouble::CutAfter, 1), (Trouble::Conflict, 4)]
    {
        stack.rehearsal.dynamo.order(trouble.clone(), "TransactWriteItems", times);
        let outcome = stack.set(event.clone()).await;
        assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("succeeded"), &json!(true)), "{trouble:?}");
        stack.set(json!({"switch": "on", "playbook": "disable-user", "reason": "INC-9"})).await;
    }
    stack.rehearsal.dynamo.drop_table();
    for event in [event.clone(), json!({"show": true})] {
        let error = stack.rails.invoke(event, TIMEOUT).await.unwrap_err();
        assert_eq!(error["errorType"], "GuardUnavailable");
        assert!(error["errorMessage"].as_str().unwrap().contains("nothing was done"), "{error}");
    }
    for (table, expected) in [("", "GuardUnavailable"), ("none", "Unsupported")] {
        let rails = rails(&stack.rehearsal, &[("GUARD_TABLE", table)]).await;
        assert_eq!(error_type(rails.invoke(event.clone(), TIMEOUT).await), expected);
    }
}
