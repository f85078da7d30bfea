//! Shutdown Host: once, or not at all, or said that nobody knows.

use std::time::Duration;

use sandbox::{
    events,
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{BUILD_07, COMPUTER123, IPAD_3, JSMITH_LAPTOP, KIOSK},
};
use serde_json::{Value, json};

use crate::{codes, error_type};

#[tokio::test]
async fn an_accepted_shutdown_is_not_called_done() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("shutdown-host", json!({"hostname": "Computer123"})).await.unwrap();
    assert_eq!(
        (&outcome["status"], &outcome["changed"], &outcome["verified"]),
        (&json!("accepted"), &json!(true), &Value::Null)
    );
    assert_eq!(
        (&outcome["before"]["online"], &outcome["after"], &outcome["undo"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert_eq!(
        rehearsal.tenant.calls(),
        ["POST /search/systems", "GET /systems/{id}", "POST /systems/{id}/command/builtin/shutdown"]
    );
    assert!(rehearsal.tenant.writes()[0].body.is_empty());

    let outcome = rehearsal.run("shutdown-host", json!({"host": "John's laptop"})).await.unwrap();
    assert_eq!(codes(&outcome), ["QUEUED_UNTIL_ONLINE"]);
    assert!(outcome["summary"].as_str().unwrap().contains("offline"));
    let outcome = rehearsal.run("shutdown-host", json!({"host": "build-07"})).await.unwrap();
    assert_eq!(outcome["status"], "accepted");
    assert_eq!(rehearsal.tenant.shutdowns(), [COMPUTER123, JSMITH_LAPTOP, BUILD_07]);
}

#[tokio::test]
async fn what_cannot_be_shut_down_is_unsupported() {
    let rehearsal = Rehearsal::start().await;
    for host in ["kiosk-1", "ipad-3"] {
        rehearsal.tenant.set("systems", IPAD_3, json!({"builtInCommands": null}));
        assert_eq!(
            error_type(rehearsal.run("shutdown-host", json!({"hostname": host})).await),
            "Unsupported",
            "{host}"
        );
    }
    // Where the device does not say, the operating system decides.
    rehearsal.tenant.set("systems", KIOSK, json!({"builtInCommands": null}));
    assert_eq!(rehearsal.run("shutdown-host", json!({"hostname": "kiosk-1"})).await.unwrap()["status"], "accepted");
    assert_eq!(rehearsal.tenant.shutdowns().len(), 1);
}

#[tokio::test]
async fn it_is_sent_again_only_when_it_surely_did_not_arrive() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(429), "POST", "/shutdown", 2);
    let outcome = rehearsal.run("shutdown-host", json!({"host_id": COMPUTER123})).await.unwrap();
    assert_eq!(outcome["status"], "accepted");
    assert_eq!((rehearsal.tenant.writes().len(), rehearsal.tenant.shutdowns().len()), (3, 1));
}

#[tokio::test]
async fn after_an_unknown_outcome_it_is_not_sent_again() {
    for fault in [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::StatusAfter(500),
        Fault::StatusAfter(502),
        Fault::StatusAfter(503),
        Fault::StatusAfter(504),
        Fault::HtmlPage,
        Fault::Oversized,
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(fault.clone(), "POST", "/shutdown", 9);
        let error = rehearsal.run("shutdown-host", json!({"host_id": COMPUTER123})).await.unwrap_err();
        assert_eq!(error["errorType"], "OutcomeUnknown", "{fault:?}");
        assert!(error["errorMessage"].as_str().unwrap().contains("look at the target"));
        assert_eq!(rehearsal.tenant.writes().len(), 1, "{fault:?}");
    }
    // Nor when the time runs out over it.
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Slow(Duration::from_secs(60)), "POST", "/shutdown", 9);
    let function = rehearsal.function("shutdown-host", &[]).await;
    let answer = function.invoke(json!({"host_id": COMPUTER123}), Duration::from_secs(4)).await;
    assert_eq!(error_type(answer), "OutcomeUnknown");
    assert_eq!(rehearsal.tenant.writes().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_an_unknown_outcome() {
    for (status, expected) in [
        (400, "UnexpectedResponse"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "UnexpectedResponse"),
        (409, "UnexpectedResponse"),
        (302, "Unauthorized"),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::status(status), "POST", "/shutdown", 9);
        assert_eq!(
            error_type(rehearsal.run("shutdown-host", json!({"host_id": COMPUTER123})).await),
            expected,
            "{status}"
        );
        assert!(rehearsal.tenant.shutdowns().is_empty());
    }
}

/// The processor is frozen between invocations, and connections may die meanwhile without a word.
#[tokio::test]
async fn connections_that_died_in_the_freeze_are_replaced() {
    let rehearsal = Rehearsal::start().await;
    let hosts: Vec<String> = (0..16).map(|number| format!("6140aa10bb20cc30dd40ff{number:02}")).collect();
    let commands = json!([{"name": "shutdown", "type": "security"}]);
    for host in &hosts {
        rehearsal.tenant.add("systems", json!({"_id": host, "id": host, "hostname": host, "os": "Windows", "active": true, "builtInCommands": commands}));
    }
    let batch =
        |hosts: &[String]| events::batch(hosts.iter().map(|host| events::record(host, json!({"host_id": host}))));
    let function = rehearsal.function("shutdown-host", &[("MAX_TARGETS_PER_HOUR", "40")]).await;
    // Eight at a time, each on a connection of its own.
    rehearsal.tenant.order(Fault::Slow(Duration::from_millis(100)), "GET", "/systems/", 8);
    let done = json!({"batchItemFailures": []});
    assert_eq!(function.invoke(batch(&hosts[..8]), TIMEOUT).await.unwrap(), done);
    rehearsal.tenant.kill_connections();
    assert_eq!(function.invoke(json!({"host_id": COMPUTER123}), TIMEOUT).await.unwrap()["status"], "accepted");
    rehearsal.tenant.kill_connections();
    assert_eq!(function.invoke(batch(&hosts[8..]), TIMEOUT).await.unwrap(), done);
    let mut shut_down = rehearsal.tenant.shutdowns();
    shut_down.sort();
    assert_eq!(shut_down, [&hosts[..], &[COMPUTER123.to_owned()]].concat());
}
