//! How all four end, whatever happens: with a summary, or with an error that the alarm sees.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{assert_failed, assert_failed_after, assert_untouched};
use crate::world::{Scene, Stage, StandIn};

const MISSING: &str = "arn:aws:sns:us-east-1:123456789012:missing";

/// Every machine, an input with which it goes all the way, and the functions that it calls then.
fn machines() -> [(&'static str, Value, &'static [&'static str]); 4] {
    let user = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    let host = json!({"hostname": "Computer123", "approval": "skip"});
    let back = json!({"username": "mgarcia", "reset_password": true});
    let alert = super::alert::both(8.0);
    [
        ("contain-user", user, &["enrich-user", "disable-user", "shutdown-host"]),
        ("contain-host", host, &["enrich-host", "shutdown-host"]),
        ("restore-user", back, &["enable-user", "reset-password"]),
        ("respond-to-alert", alert, &["enrich-user", "enrich-host", "disable-user", "shutdown-host"]),
    ]
}

/// A world with the machine, and those that it starts.
async fn start(stage: &Arc<Stage>, machine: &'static str) -> Scene {
    let all = [machine, "contain-user", "contain-host"];
    let machines = if machine == "respond-to-alert" { &all[..] } else { &all[..1] };
    super::alert::on_instances(stage, machines, super::alert::ANY_AGE).await
}

pub(super) async fn refuses_what_is_no_object(stage: Arc<Stage>) {
    for (machine, ..) in machines() {
        let scene = Scene::start(&stage, &[machine], &[]).await;
        for input in [json!(["jsmith"]), json!("jsmith"), json!(7), Value::Null] {
            let ended = scene.run(machine, input).await;
            assert_failed(&ended, "InvalidInput");
            assert!(ended.cause.contains("nothing was done"), "{machine}: {}", ended.cause);
        }
        assert_untouched(&scene);
    }
}

pub(super) async fn says_an_error_that_nobody_expected(stage: Arc<Stage>) {
    for (machine, input, functions) in machines() {
        for function in functions {
            let scene = start(&stage, machine).await;
            scene.order(function, StandIn::Service("KMSDisabledException"));
            let ended = scene.run(machine, input.clone()).await;
            // A user that was suspended before a shutdown failed is looked at again.
            let summaries = if (machine, *function) == ("contain-user", "shutdown-host") { 2 } else { 1 };
            assert_failed_after(&ended, "Lambda.KMSDisabledException", summaries);
        }
    }
}

pub(super) async fn repeats_what_is_transient(stage: Arc<Stage>) {
    for error in [
        "ClientExecutionTimeoutException",
        "ServiceException",
        "AWSLambdaException",
        "SdkClientException",
        "TooManyRequestsException",
    ] {
        let scene = Scene::start(&stage, &["restore-user"], &[]).await;
        scene.order("enable-user", StandIn::Service(error));
        let ended = scene.run("restore-user", json!({"username": "mgarcia"})).await;
        super::assert_status(&ended, "succeeded");
        assert_eq!(scene.tenant().user("mgarcia")["state"], "ACTIVATED");
    }
    // The function may have run, and JumpCloud may have queued the shutdown.
    let input = json!({"hostname": "Computer123", "approval": "skip"});
    for error in ["ClientExecutionTimeoutException", "ServiceException", "AWSLambdaException", "SdkClientException"] {
        let scene = Scene::start(&stage, &["contain-host"], &[]).await;
        scene.order("shutdown-host", StandIn::Service(error));
        assert_failed(&scene.run("contain-host", input.clone()).await, &format!("Lambda.{error}"));
        assert_eq!(scene.events("shutdown-host").len(), 0, "{error}");
    }
    let scene = Scene::start(&stage, &["contain-host"], &[]).await;
    scene.order("shutdown-host", StandIn::Service("TooManyRequestsException"));
    super::assert_status(&scene.run("contain-host", input).await, "still_online");
    assert_eq!(scene.tenant().shutdowns().len(), 1);
}

pub(super) async fn cuts_a_report_that_is_too_long(stage: Arc<Stage>) {
    // As much as a function may answer; an execution may answer 256 KiB, a topic takes as much.
    let long = |kind: &str, id: &str| {
        json!({"status": "succeeded", "summary": "Found.", "advisories": [], "user": {"devices": []},
            "target": {"type": kind, "id": id, "name": "n"}, "markdown": "x".repeat(200_000),
            "request": {"dry_run": false, "severity": "high", "reason": null}})
    };
    for (machine, input, _) in machines().into_iter().filter(|(machine, ..)| *machine != "restore-user") {
        let scene = start(&stage, machine).await;
        scene.order("enrich-user", StandIn::Outcome(long("user", super::JSMITH)));
        scene.order("enrich-host", StandIn::Outcome(long("host", super::COMPUTER123)));
        let ended = scene.run(machine, input).await;
        assert_eq!((ended.status.as_str(), ended.error.as_str()), ("SUCCEEDED", ""), "{machine}: {}", ended.cause);
        let summaries = if machine == "contain-user" { 2 } else { 1 };
        assert_eq!(ended.notifications.len(), summaries, "{machine}");
    }
}

pub(super) async fn fails_where_nobody_was_told(stage: Arc<Stage>) {
    for (machine, input, _) in machines() {
        let scene = Scene::start(&stage, &[machine], &[("NotificationTopic", MISSING)]).await;
        let ended = scene.run(machine, input).await;
        assert_eq!((ended.status.as_str(), ended.error.as_str()), ("FAILED", "NobodyWasTold"), "{machine}");
        assert!(ended.cause.contains("SNS.NotFoundException"), "{}", ended.cause);
        // What happened is in the error at least.
        let said = match machine {
            "contain-user" => "Suspended jsmith",
            "contain-host" => "accepted the shutdown of Computer123",
            "restore-user" => "Activated mgarcia",
            _ => "User: ",
        };
        assert!(ended.cause.contains(said), "{said} is missing in {}", ended.cause);
    }
}
