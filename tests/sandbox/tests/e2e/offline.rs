//! Shutdown Host of a host that is offline, on purpose or not.

use sandbox::{
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{BUILD_07, COMPUTER123, IPAD_3, JSMITH_LAPTOP, MACBOOK_ANA},
};
use serde_json::{Value, json};

use crate::{codes, error_type, runs};

fn laptop(offline: &str) -> Value {
    json!({"host_id": JSMITH_LAPTOP, "offline": offline})
}

fn summary(outcome: &Value) -> &str {
    outcome["summary"].as_str().expect("a summary")
}

#[tokio::test]
async fn skip_sends_nothing_to_a_host_that_is_offline() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("shutdown-host", laptop("skip")).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["ignored"]), (&json!("ignored"), &json!("host_offline")));
    assert_eq!((&outcome["changed"], &outcome["request"]["offline"]), (&json!(false), &json!("skip")));
    assert!(summary(&outcome).contains("last contact: 2026-11-02T17:20:00.000Z"), "{outcome}");
    assert_eq!(codes(&outcome), [""; 0]);
    assert!(rehearsal.tenant.writes().is_empty());
    // Nor to one of which it is not known.
    rehearsal.tenant.set("systems", JSMITH_LAPTOP, json!({"active": null, "lastContact": null}));
    let outcome = rehearsal.run("shutdown-host", laptop("skip")).await.unwrap();
    assert_eq!(outcome["ignored"], "host_offline");
    assert!(summary(&outcome).contains("is not known to be online (last contact: not known)"), "{outcome}");
    // A Mac's MDM need not be asked for that.
    rehearsal.tenant.set("systems", MACBOOK_ANA, json!({"active": false}));
    let event = json!({"host_id": MACBOOK_ANA, "offline": "skip"});
    assert_eq!(rehearsal.run("shutdown-host", event).await.unwrap()["ignored"], "host_offline");
    assert!(rehearsal.tenant.writes().is_empty());
    assert!(!rehearsal.tenant.calls().iter().any(|call| call.contains("mdm")));
}

#[tokio::test]
async fn skip_hinders_nothing_where_the_host_is_online() {
    let rehearsal = Rehearsal::start().await;
    let event = json!({"host_id": COMPUTER123, "offline": "skip"});
    assert_eq!(rehearsal.run("shutdown-host", event).await.unwrap()["status"], "accepted");
    assert_eq!(rehearsal.tenant.shutdowns(), [COMPUTER123]);
    assert!(!rehearsal.tenant.calls().iter().any(|call| call.contains("queuedcommand")));
}

#[tokio::test]
async fn what_cannot_be_shut_down_at_all_is_said_before_it_is_skipped() {
    let rehearsal = Rehearsal::start().await;
    let event = json!({"host_id": IPAD_3, "offline": "skip"});
    assert_eq!(error_type(rehearsal.run("shutdown-host", event).await), "Unsupported");
}

#[tokio::test]
async fn queue_is_what_happens_without_a_word() {
    for event in [json!({"host_id": JSMITH_LAPTOP}), laptop("queue")] {
        let rehearsal = Rehearsal::start().await;
        let outcome = rehearsal.run("shutdown-host", event).await.unwrap();
        assert_eq!(outcome["status"], "accepted");
        assert_eq!(codes(&outcome), ["QUEUED_UNTIL_ONLINE"]);
        assert!(summary(&outcome).contains("offline (last contact: 2026-11-02T17:20:00.000Z)"), "{outcome}");
        assert!(summary(&outcome).contains("names none for it"), "{outcome}");
        assert_eq!(rehearsal.tenant.shutdowns(), [JSMITH_LAPTOP]);
    }
}

#[tokio::test]
async fn what_waits_in_the_queue_is_said() {
    let rehearsal = Rehearsal::start().await;
    let workflow = |id: &str, system: &str, pending: u64| json!({"id": id, "command": "61c0ffee", "system": system, "pendingCount": pending});
    // On a page after the first, among those of others and one that is done.
    for number in 0..100 {
        rehearsal.tenant.add("workflows", workflow(&format!("other-{number}"), BUILD_07, 1));
    }
    rehearsal.tenant.add("workflows", workflow("wf-7", JSMITH_LAPTOP, 1));
    rehearsal.tenant.add("workflows", workflow("wf-8", JSMITH_LAPTOP, 0));
    let outcome = rehearsal.run("shutdown-host", laptop("queue")).await.unwrap();
    assert!(summary(&outcome).contains("already waiting there: 1 command (wf-7)"), "{outcome}");
    let dry = json!({"host_id": JSMITH_LAPTOP, "dry_run": true});
    assert!(summary(&rehearsal.run("shutdown-host", dry).await.unwrap()).contains("wf-7"));
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_keeps_nothing_from_being_sent() {
    for (fault, name) in [
        (Fault::status(403), "Forbidden"),
        (Fault::status(404), "UnexpectedResponse"),
        (Fault::Malformed, "UnexpectedResponse"),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(fault, "GET", "/queuedcommand", 9);
        let outcome = rehearsal.run("shutdown-host", laptop("queue")).await.unwrap();
        assert_eq!(outcome["status"], "accepted");
        assert!(summary(&outcome).contains(&format!("could not be read ({name})")), "{outcome}");
        assert_eq!(rehearsal.tenant.shutdowns(), [JSMITH_LAPTOP]);
    }
}

#[tokio::test]
async fn no_other_playbook_takes_it() {
    let rehearsal = Rehearsal::start().await;
    for (playbook, target) in [("enrich-host", "host"), ("disable-user", "user"), ("enrich-user", "user")] {
        let error = rehearsal.run(playbook, json!({target: "x", "offline": "skip"})).await.unwrap_err();
        assert_eq!(error["errorType"], "InvalidInput");
        assert!(error["errorMessage"].as_str().unwrap().starts_with("unknown field `offline`"), "{error}");
    }
    let error = rehearsal.run("shutdown-host", laptop("maybe")).await.unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("`queue`, `skip` or `cancel`"), "{error}");
    assert!(rehearsal.tenant.requests().is_empty());
}

fn waits(id: &str, command: &str, system: &str, pending: u64) -> Value {
    json!({"id": id, "command": command, "system": system, "pendingCount": pending})
}

fn called_back(rehearsal: &Rehearsal) -> Vec<String> {
    let writes = rehearsal.tenant.writes().into_iter();
    writes.filter(|write| write.path.contains("commandqueue")).map(|write| write.path).collect()
}

#[tokio::test]
async fn cancel_calls_back_the_shutdown_of_this_host_and_nothing_else() {
    let rehearsal = Rehearsal::start().await;
    let others = [
        waits("wf-saved", "61c0ffee61c0ffee61c0ffee", JSMITH_LAPTOP, 1),
        waits("wf-other", "shutdown", BUILD_07, 1),
        waits("wf-both", "shutdown", JSMITH_LAPTOP, 2),
        waits("wf-erase", "erase", JSMITH_LAPTOP, 1),
    ];
    assert_eq!(rehearsal.run("shutdown-host", laptop("queue")).await.unwrap()["status"], "accepted");
    for entry in others.into_iter().chain([waits("wf-1", "Shutdown", JSMITH_LAPTOP, 1)]) {
        rehearsal.tenant.add("workflows", entry);
    }
    let dry = json!({"host_id": JSMITH_LAPTOP, "offline": "cancel", "dry_run": true});
    let outcome = rehearsal.run("shutdown-host", dry).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["channel"]), (&json!("dry_run"), &json!("queue")));
    let outcome = rehearsal.run("shutdown-host", laptop("cancel")).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["channel"]), (&json!("accepted"), &json!("queue")));
    // What became of the shutdown is not known, and not called so.
    assert_eq!((&outcome["changed"], &outcome["undo"]), (&Value::Null, &Value::Null));
    assert!(
        summary(&outcome).contains("(wf-1)") && summary(&outcome).contains("may still be carried out"),
        "{outcome}"
    );
    assert_eq!(codes(&outcome), [""; 0]);
    assert_eq!(called_back(&rehearsal), ["/api/v2/commandqueue/wf-1"]);
    // So another one is not sent: the first may still come.
    let outcome = rehearsal.run("shutdown-host", laptop("queue")).await.unwrap();
    assert_eq!((&outcome["status"], outcome["pending"].is_object()), (&json!("unchanged"), true));
    assert_eq!(rehearsal.tenant.shutdowns(), [JSMITH_LAPTOP]);
}

#[tokio::test]
async fn cancel_is_neither_limited_nor_hindered_by_protection_and_obeys_the_switch() {
    let rehearsal = Rehearsal::start().await;
    let protected = format!("host:{JSMITH_LAPTOP}=never");
    let changes = [("MAX_TARGETS_PER_HOUR", "1"), ("PROTECTED", protected.as_str())];
    let function = rehearsal.function("shutdown-host", &changes).await;
    function.invoke(json!({"host_id": COMPUTER123}), TIMEOUT).await.expect("an outcome");
    rehearsal.tenant.add("workflows", waits("wf-1", "shutdown", JSMITH_LAPTOP, 1));
    let outcome = function.invoke(laptop("cancel"), TIMEOUT).await.expect("an outcome");
    assert_eq!(outcome["status"], "accepted", "{outcome}");
    // Nothing was remembered as sent to the host.
    assert!(!rehearsal.dynamo.items("default#change").iter().any(|item| item.to_string().contains(JSMITH_LAPTOP)));
    rehearsal.tenant.add("workflows", waits("wf-2", "shutdown", JSMITH_LAPTOP, 1));
    for (mode, expected) in [("off", "SwitchedOff"), ("dry-run", "dry_run")] {
        let switch = json!({"switch": mode, "reason": "INC-9"});
        rehearsal.run("guard-rails", switch).await.expect("an outcome");
        let ended = function.invoke(laptop("cancel"), TIMEOUT).await;
        let said = ended.map_or_else(|error| error["errorType"].clone(), |outcome| outcome["status"].clone());
        assert_eq!(said, expected);
    }
    assert_eq!(called_back(&rehearsal).len(), 1);
}

#[tokio::test]
async fn where_nothing_can_be_called_back_nothing_is_sent_and_why_is_said() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.add("workflows", waits("wf-saved", "61c0ffee61c0ffee61c0ffee", JSMITH_LAPTOP, 1));
    let outcome = rehearsal.run("shutdown-host", laptop("cancel")).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["ignored"]), (&json!("ignored"), &json!("nothing_queued")));
    assert!(summary(&outcome).contains("may still be carried out"), "{outcome}");
    let mac = json!({"host_id": MACBOOK_ANA, "offline": "cancel"});
    assert_eq!(error_type(rehearsal.run("shutdown-host", mac).await), "Unsupported");
    for id in ["wf/../1", "", "wf 1"] {
        rehearsal.tenant.clear("workflows");
        rehearsal.tenant.add("workflows", waits(id, "shutdown", JSMITH_LAPTOP, 1));
        assert_eq!(error_type(rehearsal.run("shutdown-host", laptop("cancel")).await), "UnexpectedResponse", "{id}");
    }
    rehearsal.tenant.order(Fault::status(403), "GET", "/queuedcommand", 1);
    assert_eq!(error_type(rehearsal.run("shutdown-host", laptop("cancel")).await), "Forbidden");
    // Only a person calls back, not what raises alerts.
    let body = json!({"host_id": JSMITH_LAPTOP, "offline": "cancel"}).to_string();
    let topic = sandbox::events::batch([sandbox::events::record("m-1", &body)]);
    let function = rehearsal.function("shutdown-host", &[]).await;
    function.invoke(topic, TIMEOUT).await.expect("an answer");
    assert_eq!(runs(&function, 1).await[0]["audit"]["result"], "InvalidInput");
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn what_was_called_back_meanwhile_is_called_back_and_a_lost_answer_is_asked_for_again() {
    let gone = Fault::Answer(404, "application/json", json!({"message": "not found"}).to_string());
    for fault in [gone, Fault::CutAfter, Fault::status(503)] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.add("workflows", waits("wf-1", "shutdown", JSMITH_LAPTOP, 1));
        rehearsal.tenant.order(fault, "DELETE", "/commandqueue", 1);
        let outcome = rehearsal.run("shutdown-host", laptop("cancel")).await.unwrap();
        assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("accepted"), &Value::Null));
    }
}
