//! contain-user.

use std::sync::Arc;

use sandbox::faults::Fault;
use serde_json::json;

use super::{
    BUILD_07, COMPUTER123, JSMITH, MGARCIA, ask, assert_contains, assert_failed, assert_failed_after, assert_status,
    assert_untouched, reason,
};
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
    assert_contains(&request, &["jsmith", JSMITH, "INC-7", "Computer123", "600 seconds", "123456789012"]);
    assert_contains(&request, &[&commands[0], &commands[1]]);
    let organization = scene.tenant().user("jsmith")["organization"].as_str().expect("an organization").to_owned();
    assert_contains(
        &request,
        &[&organization, "Dry run: would suspend jsmith", "protected pass", "switch pass", "limit pass"],
    );
    assert_untouched(&scene);
    scene.answer(&request, approved(true)).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "held");
    assert_contains(&ended.notifications[0], &["contain-user: succeeded", "SendTaskSuccess", &execution]);
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
    assert_eq!((scene.tenant().writes().len(), scene.tenant().shutdowns().len()), (1, 0));
    let step = &ended.output["steps"][1];
    assert_eq!((&step["before"]["state"], &step["after"]["state"]), (&json!("ACTIVATED"), &json!("SUSPENDED")));
    assert_eq!(step["undo"]["event"]["user_id"], JSMITH);
    assert_eq!(ended.output["execution"], execution);
    // After the enrichment only the id counts, and every call says which response it belongs to.
    let [plan, act] = &scene.events("disable-user")[..] else { panic!("a dry run and the act") };
    assert_eq!((&plan["dry_run"], &plan["plan_hash"]), (&json!(true), &json!(null)));
    assert_eq!((&act["user_id"], &act["dry_run"]), (&json!(JSMITH), &json!(null)));
    assert!(request.contains(act["plan_hash"].as_str().expect("a hash")), "the hash is the one that was shown");
    for event in [scene.events("enrich-user"), scene.events("disable-user")].concat() {
        assert_eq!((&event["correlation"]["execution"], &event["reason"]), (&json!(execution), &json!("INC-7")));
    }
}

pub(super) async fn shuts_the_devices_down(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    let ended = scene.run(MACHINE, input).await;
    assert_status(&ended, "held");
    assert_eq!((scene.tenant().shutdowns().len(), scene.events("shutdown-host").len()), (3, 3));
    assert_eq!(ended.output["hosts"].as_array().map(Vec::len), Some(3));
    assert!(ended.notifications[0].contains("JumpCloud accepted the shutdown of Computer123."));
    // Nothing to shut down is no failure.
    let ended = scene.run(MACHINE, json!({"username": "kpark", "approval": "skip", "shut_down_hosts": true})).await;
    assert_status(&ended, "held");
}

pub(super) async fn names_the_device_that_could_not_be_shut_down(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    scene.tenant().set("systems", BUILD_07, json!({"builtInCommands": [{"name": "lock", "type": "security"}]}));
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    let ended = scene.run(MACHINE, input).await;
    assert_failed_after(&ended, "Unsupported", 2);
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
    assert_failed_after(&scene.run(MACHINE, input).await, "OutcomeUnknown", 2);
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
    assert_status(&scene.run(MACHINE, input).await, "held");
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
    assert_status(&scene.run(MACHINE, input).await, "held");
    assert_eq!(scene.events("disable-user")[0]["reason"], "not given");
}

pub(super) async fn says_that_the_devices_cannot_be_read(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let target = json!({"type": "user", "id": JSMITH, "name": "jsmith"});
    let outcome = json!({"status": "succeeded", "summary": "Found.", "target": target, "advisories": [], "markdown": "",
        "user": {"devices": ["a device that is no object"]}});
    scene.order("enrich-user", StandIn::Outcome(outcome.clone()));
    let ended = scene.run(MACHINE, json!({"username": "jsmith", "shut_down_hosts": true})).await;
    assert_failed(&ended, "States.QueryEvaluationError");
    assert_untouched(&scene);
    scene.order("enrich-user", StandIn::Outcome(outcome));
    let input = json!({"username": "jsmith", "approval": "skip", "shut_down_hosts": true});
    let ended = scene.run(MACHINE, input).await;
    assert_failed_after(&ended, "States.QueryEvaluationError", 2);
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
    scene.order("disable-user", StandIn::Service("KMSDisabledException"));
    assert_failed(&scene.run(MACHINE, json!({"username": "jsmith"})).await, "Lambda.KMSDisabledException");
    assert_untouched(&scene);
}

pub(super) async fn goes_on_after_throttling(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    // Longer than the function may wait, so that Step Functions has to.
    scene.tenant().order(Fault::Status(429, Some("3600".to_owned())), "PUT", "/systemusers", 2);
    assert_status(&scene.run(MACHINE, json!({"username": "jsmith", "approval": "skip"})).await, "held");
    assert_eq!(scene.events("disable-user").len(), 3);
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
}

pub(super) async fn leaves_a_user_alone_that_was_suspended_before(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let ended = scene.run(MACHINE, json!({"user_id": MGARCIA, "approval": "skip", "hours": 1})).await;
    assert_status(&ended, "not_enabled_again");
    assert_contains(&ended.notifications[0], &["contain-user: unchanged"]);
    assert_contains(&ended.notifications[1], &["also held by somebody else, for good"]);
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
    let (act, back) = (&scene.events("disable-user")[0], &scene.events("enable-user")[0]);
    let name = execution.rsplit(':').next();
    assert_eq!((act["hold"].as_str(), back["release"].as_str()), (name, name));
    assert_eq!(act["hold_hours"].as_u64(), Some(2));
}

pub(super) async fn enables_again_where_nobody_was_told(stage: Arc<Stage>) {
    let missing = ("NotificationTopic", "arn:aws:sns:us-east-1:123456789012:missing");
    let scene = Scene::start(&stage, &[MACHINE], &[missing]).await;
    let ended = scene.run(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 1})).await;
    assert_eq!((ended.status.as_str(), ended.error.as_str()), ("FAILED", "NobodyWasTold"));
    assert_eq!(scene.tenant().user("jsmith")["state"], "ACTIVATED");
}

pub(super) async fn does_not_enable_what_somebody_else_changed(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("HourSeconds", "6")]).await;
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 1})).await;
    // After the first look.
    scene.until("a look", || scene.events("enrich-user").len() == 2).await;
    scene.tenant().set("systemusers", JSMITH, json!({"state": "STAGED"}));
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "undone");
    assert_contains(&ended.notifications[1], &["is STAGED", "This execution enables nobody."]);
    assert_eq!((scene.events("enrich-user").len(), scene.events("enable-user").len()), (3, 0));
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
        let unknown = ended.notifications[0].contains("Whether that still holds is not known");
        assert_eq!(unknown, method == "GET", "{}", ended.notifications[0]);
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

pub(super) async fn shows_each_device_and_shuts_down_what_was_shown(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    scene.tenant().set("systems", BUILD_07, json!({"builtInCommands": [{"name": "lock", "type": "security"}]}));
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "shut_down_hosts": true})).await;
    let request = scene.request().await;
    let computer =
        format!("- {COMPUTER123}, called \"Computer123\": Dry run: would send the shutdown command to Computer123.");
    let build = format!("- {BUILD_07}, called \"build-07\": Unsupported: build-07 cannot be shut down");
    assert_contains(&request, &["devices to be shut down: 3", &computer, &build, "limit pass"]);
    let ways =
        request.split("Ways in that stay open").nth(1).expect("the ways in").split("Held:").next().expect("a part");
    assert_contains(ways, &["\n- sso_sessions, unknown: ", "\n- device on \"Computer123\", "]);
    scene.answer(&request, approved(true)).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_failed_after(&ended, "Unsupported", 2);
    // Three dry runs, and two devices with the hashes of theirs.
    let acts: Vec<_> = scene.events("shutdown-host").into_iter().filter(|event| event["dry_run"].is_null()).collect();
    assert_eq!((acts.len(), scene.events("shutdown-host").len(), scene.tenant().shutdowns().len()), (2, 5, 2));
    assert!(acts.iter().all(|act| act["plan_hash"].as_str().is_some_and(|hash| hash.len() == 64)), "{acts:?}");
}

pub(super) async fn acts_on_the_plan_that_was_approved_and_no_other(stage: Arc<Stage>) {
    // Another state, another list of devices.
    for change in ["state", "devices"] {
        let scene = Scene::start(&stage, &[MACHINE], &[]).await;
        let execution = scene.begin(MACHINE, json!({"username": "jsmith"})).await;
        let request = scene.request().await;
        match change {
            "state" => scene.tenant().set("systemusers", JSMITH, json!({"state": "STAGED"})),
            _ => scene.tenant().bind(JSMITH, "6140aa10bb20cc30dd40ee03"),
        }
        scene.answer(&request, approved(true)).await;
        let ended = scene.end(MACHINE, &execution).await;
        assert_failed(&ended, "PlanChanged");
        assert_contains(&ended.notifications[0], &["contain-user: refused", "nothing was done"]);
        assert_untouched(&scene);
    }
    // What needs a person's consent is done with the hash that the person was shown, and never without.
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    scene.dynamo().put(ask("user#jsmith"));
    assert_failed(&scene.run(MACHINE, json!({"username": "jsmith", "approval": "skip"})).await, "Protected");
    assert!(scene.events("disable-user").iter().all(|event| event["plan_hash"].is_null()));
    assert_untouched(&scene);
    let execution = scene.begin(MACHINE, json!({"username": "jsmith"})).await;
    let request = scene.request().await;
    assert_contains(&request, &["protected ask", "anna"]);
    scene.answer(&request, approved(true)).await;
    assert_status(&scene.end(MACHINE, &execution).await, "held");
}

pub(super) async fn asks_nobody_where_a_guard_refuses(stage: Arc<Stage>) {
    for (variable, error) in [
        (("PROTECTED", "user:jsmith"), "Protected"),
        // A guard that cannot be judged refuses.
        (("GUARD_TABLE", "gone"), "GuardUnavailable"),
    ] {
        let scene = Scene::start(&stage, &[MACHINE], &[variable]).await;
        let ended = scene.run(MACHINE, json!({"username": "jsmith"})).await;
        assert_failed(&ended, error);
        assert_contains(&ended.notifications[0], &["nobody was asked"]);
        assert_untouched(&scene);
    }
}

pub(super) async fn says_which_guard_refused(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("MAX_TARGETS_PER_HOUR", "1")]).await;
    assert_status(&scene.run(MACHINE, json!({"username": "adunn", "approval": "skip"})).await, "held");
    for input in [json!({"username": "jsmith", "approval": "skip"}), json!({"username": "jsmith"})] {
        let ended = scene.run(MACHINE, input).await;
        assert_failed(&ended, "LimitReached");
        assert_contains(
            &ended.notifications[0],
            &["contain-user: refused", "has taken 1 targets this hour", "nothing was done"],
        );
    }
    assert_eq!(scene.tenant().writes().len(), 1);
}

pub(super) async fn a_name_writes_nothing_into_the_request(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let name = "js\"\nApproved by the CISO: run this\naws stepfunctions send-task-success";
    scene.tenant().set("systemusers", JSMITH, json!({"username": name}));
    scene.tenant().set("systems", COMPUTER123, json!({"hostname": name}));
    let execution = scene.begin(MACHINE, json!({"user_id": JSMITH, "shut_down_hosts": true})).await;
    let request = scene.request().await;
    assert_contains(&request, &[&format!("{JSMITH}, called \"js'"), &format!("{COMPUTER123}, called \"js'")]);
    let starts = |word: &str| request.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((starts("aws stepfunctions"), starts("Approved")), (2, 0), "{request}");
    scene.answer(&request, approved(false)).await;
    assert_status(&scene.end(MACHINE, &execution).await, "denied");
    assert_untouched(&scene);
}

/// Two minutes after the suspension, a look after five: a second stands for a minute.
const DIRECTORY: crate::world::Changes<'static> = &[("VerifyAfterSeconds", "5"), ("HourSeconds", "60")];

pub(super) async fn says_at_once_that_it_was_undone(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], DIRECTORY).await;
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip"})).await;
    assert_contains(&scene.notification().await, &["contain-user: succeeded"]);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    scene.tenant().set("systemusers", JSMITH, json!({"state": "ACTIVATED", "suspended": false}));
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "undone");
    assert_contains(&ended.notifications[0], &["Suspended jsmith", "was SUSPENDED and is ACTIVATED", "enable-user"]);
    assert!((scene.metric("ContainmentsUndone", MACHINE).await - 1.0).abs() < 0.1);
}

pub(super) async fn fails_where_the_alarm_cannot_be_raised(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], DIRECTORY).await;
    scene.order("PutMetricData", StandIn::Service("InternalServiceFault"));
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip"})).await;
    scene.notification().await;
    scene.tenant().set("systemusers", JSMITH, json!({"state": "ACTIVATED", "suspended": false}));
    let ended = scene.end(MACHINE, &execution).await;
    assert_eq!(ended.status, "FAILED");
    assert_contains(&ended.notifications[0], &["contain-user: undone", "could not be raised", &ended.error]);
}

pub(super) async fn looks_once_more_after_a_look_that_failed(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("HourSeconds", "3")]).await;
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip"})).await;
    scene.notification().await;
    scene.tenant().order(Fault::status(403), "GET", "/systemusers", 1);
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "held");
    assert_contains(&ended.notifications[0], &["The first look failed (Forbidden)"]);
    assert!(scene.metric("ContainmentsUndone", MACHINE).await.abs() < 0.1);
}
