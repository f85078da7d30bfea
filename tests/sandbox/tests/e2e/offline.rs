//! Shutdown Host of a host that is offline, on purpose or not.

use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{BUILD_07, COMPUTER123, IPAD_3, JSMITH_LAPTOP, MACBOOK_ANA},
};
use serde_json::{Value, json};

use crate::{codes, error_type};

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
    assert!(error["errorMessage"].as_str().unwrap().contains("`queue` or `skip`"), "{error}");
    assert!(rehearsal.tenant.requests().is_empty());
}
