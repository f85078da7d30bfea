//! contain-user.

use std::sync::Arc;

use sandbox::faults::Fault;
use serde_json::json;

use super::{BUILD_07, COMPUTER123, JSMITH, MGARCIA, assert_failed, assert_status, assert_untouched, reason};
use crate::world::{Scene, Stage, StandIn, approved};

const MACHINE: &str = "contain-user";

pub(super) async fn suspends_after_approval(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let execution = scene.begin(MACHINE, reason(json!({"email": "jsmith@company.com"}))).await;
    let request = scene.request().await;
    // Where the approver is and what is quoted by which shell does not matter to the commands.
    let commands = ["true", "false"].map(|answer| {
        format!("aws stepfunctions send-task-success --region us-east-1 --task-output {answer} --task-token ")
    });
    for part in ["jsmith", JSMITH, "INC-7", "Computer123", "600 seconds", "123456789012", &commands[0], &commands[1]] {
        assert!(request.contains(part), "{part} is missing in {request}");
    }
    assert_untouched(&scene);
    scene.answer(&request, approved(true)).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "succeeded");
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
    assert_eq!((scene.tenant().writes().len(), scene.tenant().shutdowns().len()), (1, 0));
    let step = &ended.output["steps"][1];
    assert_eq!((&step["before"]["state"], &step["after"]["state"]), (&json!("ACTIVATED"), &json!("SUSPENDED")));
    assert_eq!(step["undo"]["event"]["user_id"], JSMITH);
    assert_eq!(ended.output["execution"], execution);
    // After the enrichment only the id counts, and every call says which response it belongs to.
    assert_eq!(scene.events("disable-user")[0]["user_id"], JSMITH);
    for event in [scene.events("enrich-user"), scene.events("disable-user")].concat() {
        assert_eq!((&event["correlation"]["execution"], &event["reason"]), (&json!(execution), &json!("INC-7")));
    }
}

pub(super) async fn shuts_the_devices_down(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    let ended = scene.run(MACHINE, input).await;
    assert_status(&ended, "succeeded");
    assert_eq!((scene.tenant().shutdowns().len(), scene.events("shutdown-host").len()), (3, 3));
    assert_eq!(ended.output["hosts"].as_array().map(Vec::len), Some(3));
    assert!(ended.notifications[0].contains("JumpCloud accepted the shutdown of Computer123."));
    // Nothing to shut down is no failure.
    let ended = scene.run(MACHINE, json!({"username": "kpark", "approval": "skip", "shut_down_hosts": true})).await;
    assert_status(&ended, "succeeded");
}

pub(super) async fn names_the_device_that_could_not_be_shut_down(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    scene.tenant().set("systems", BUILD_07, json!({"builtInCommands": [{"name": "lock", "type": "security"}]}));
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    let ended = scene.run(MACHINE, input).await;
    assert_failed(&ended, "Unsupported");
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
    assert_eq!(scene.tenant().shutdowns().len(), 2);
    for part in
        ["Suspended jsmith", "enable-user", "accepted the shutdown of Computer123", "build-07 cannot be shut down"]
    {
        assert!(ended.notifications[0].contains(part), "{part} is missing in {}", ended.notifications[0]);
    }
}

pub(super) async fn does_not_repeat_a_shutdown_of_unknown_outcome(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    scene.tenant().order(Fault::CutAfter, "POST", &format!("{COMPUTER123}/command/builtin/shutdown"), 9);
    let input = json!({"username": "adunn", "approval": "skip", "shut_down_hosts": true});
    assert_failed(&scene.run(MACHINE, input).await, "OutcomeUnknown");
    assert_eq!((scene.tenant().shutdowns().len(), scene.events("shutdown-host").len()), (2, 2));
}

pub(super) async fn refuses_too_many_or_unknown_devices(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true, "max_hosts": 2});
    assert_failed(&scene.run(MACHINE, input).await, "Protected");
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    scene.tenant().order(Fault::status(403), "GET", "/systems", 1);
    assert_failed(&scene.run(MACHINE, input.clone()).await, "Protected");
    scene.tenant().bind(JSMITH, "6140aa10bb20cc30dd40eeff"); // which the key may not see
    assert_failed(&scene.run(MACHINE, input).await, "Protected");
    assert_untouched(&scene);
    // Without shutdowns the devices do not matter.
    let input = json!({"username": "jsmith", "approval": "skip", "max_hosts": 1});
    assert_status(&scene.run(MACHINE, input).await, "succeeded");
}

pub(super) async fn refuses_what_is_not_one_user(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    assert_failed(&scene.run(MACHINE, json!({"username": "nobody", "approval": "skip"})).await, "UserNotFound");
    assert_failed(&scene.run(MACHINE, json!({"user": "kim@company.com", "approval": "skip"})).await, "AmbiguousUser");
    assert_untouched(&scene);
}

pub(super) async fn refuses_wrong_input(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    for (field, value) in [
        ("shutdown_hosts", json!(true)),
        ("shut_down_hosts", json!("yes")),
        ("max_hosts", json!("3")),
        ("max_hosts", json!(0)),
        ("approval", json!("none")),
        ("hours", json!(0)),
        ("reason", json!(7)),
    ] {
        let mut input = json!({"username": "jsmith", "approval": "skip"});
        input[field] = value;
        let ended = scene.run(MACHINE, input).await;
        assert_failed(&ended, "InvalidInput");
        assert!(ended.cause.contains(&format!("`{field}`")), "{field} is named in {}", ended.cause);
    }
    assert_eq!(scene.events("enrich-user").len(), 0);
    // None and two are for the function to refuse.
    assert_failed(&scene.run(MACHINE, json!({"approval": "skip"})).await, "InvalidInput");
    let two = json!({"username": "jsmith", "user_id": JSMITH, "approval": "skip"});
    assert_failed(&scene.run(MACHINE, two).await, "InvalidInput");
    assert_untouched(&scene);
}

pub(super) async fn takes_null_as_not_given(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let input = json!({
        "username": "jsmith", "email": null, "reason": null, "approval": "skip", "hours": null,
        // What links an execution to the one that started it, in AWS's console.
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:aws:states:us-east-1:123456789012:execution:a:b",
    });
    assert_status(&scene.run(MACHINE, input).await, "succeeded");
    assert_eq!(scene.events("disable-user")[0]["reason"], "not given");
}

pub(super) async fn says_that_the_devices_cannot_be_read(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let target = json!({"type": "user", "id": JSMITH, "name": "jsmith"});
    let outcome = json!({"status": "succeeded", "summary": "Found.", "target": target, "advisories": [], "markdown": "",
        "user": {"devices": ["a device that is no object"]}});
    scene.order("enrich-user", StandIn::Outcome(outcome));
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    let ended = scene.run(MACHINE, input).await;
    assert_failed(&ended, "States.QueryEvaluationError");
    assert!(ended.notifications[0].contains("Suspended jsmith"), "what was done is said");
    assert_eq!(scene.events("shutdown-host").len(), 0);
}

pub(super) async fn ends_with_the_functions_error(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    // A user that is linked to an administrator.
    let ended = scene.run(MACHINE, json!({"username": "cadmin", "approval": "skip"})).await;
    assert_failed(&ended, "Protected");
    scene.tenant().order(Fault::status(403), "POST", "/search/systemusers", 1);
    assert_failed(&scene.run(MACHINE, json!({"username": "jsmith", "approval": "skip"})).await, "Forbidden");
    assert_untouched(&scene);
}

pub(super) async fn goes_on_after_throttling(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    // Longer than the function may wait, so that Step Functions has to.
    scene.tenant().order(Fault::Status(429, Some("3600".to_owned())), "PUT", "/systemusers", 2);
    assert_status(&scene.run(MACHINE, json!({"username": "jsmith", "approval": "skip"})).await, "succeeded");
    assert_eq!(scene.events("disable-user").len(), 3);
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
}

pub(super) async fn leaves_a_user_alone_that_was_suspended_before(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let ended = scene.run(MACHINE, json!({"user_id": MGARCIA, "approval": "skip", "hours": 1})).await;
    assert_status(&ended, "unchanged");
    assert_eq!(scene.events("enable-user").len(), 0);
    assert_eq!(scene.tenant().user("mgarcia")["state"], "SUSPENDED");
    assert_untouched(&scene);
}

pub(super) async fn enables_again_after_the_time(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("HourSeconds", "2")]).await;
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 2})).await;
    // The analyst knows before the wait.
    assert!(scene.notification().await.contains("Suspended jsmith"));
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "enabled_again");
    assert_eq!(scene.tenant().user("jsmith")["state"], "ACTIVATED");
    assert_eq!(ended.output["steps"][2]["undo"]["playbook"], "disable-user");
}

pub(super) async fn enables_again_where_nobody_was_told(stage: Arc<Stage>) {
    let missing = ("NotificationTopic", "arn:aws:sns:us-east-1:123456789012:missing");
    let scene = Scene::start(&stage, &[MACHINE], &[missing]).await;
    let ended = scene.run(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 1})).await;
    assert_eq!((ended.status.as_str(), ended.error.as_str()), ("FAILED", "NobodyWasTold"));
    assert_eq!(scene.tenant().user("jsmith")["state"], "ACTIVATED");
}

pub(super) async fn does_not_enable_what_somebody_else_changed(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("HourSeconds", "3")]).await;
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 1})).await;
    scene.notification().await;
    scene.tenant().set("systemusers", JSMITH, json!({"state": "ACTIVATED", "suspended": false}));
    assert_status(&scene.end(MACHINE, &execution).await, "not_enabled_again");
    assert_eq!(scene.events("enable-user").len(), 0);
}

pub(super) async fn fails_after_the_time(stage: Arc<Stage>) {
    for (method, playbook) in [("GET", "enrich-user"), ("PUT", "enable-user")] {
        let scene = Scene::start(&stage, &[MACHINE], &[("HourSeconds", "3")]).await;
        let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 1})).await;
        scene.notification().await;
        scene.tenant().order(Fault::status(403), method, "/systemusers", 9);
        let ended = scene.end(MACHINE, &execution).await;
        assert_failed(&ended, "Forbidden");
        assert!(ended.notifications[0].contains("Suspended jsmith"), "what was done is said again");
        assert!(!scene.events(playbook).is_empty());
        assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
    }
}

pub(super) async fn a_dry_run_changes_nothing(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("DRY_RUN", "true")]).await;
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true, "hours": 1});
    assert_status(&scene.run(MACHINE, input).await, "dry_run");
    assert_eq!(scene.events("shutdown-host").len(), 3);
    assert_untouched(&scene);
}
