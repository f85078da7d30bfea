//! contain-host.

use std::sync::Arc;

use sandbox::faults::Fault;
use serde_json::json;

use super::{COMPUTER123, ask, assert_contains, assert_failed, assert_status, assert_untouched, reason};
use crate::world::{Scene, Stage, StandIn, approved};

const MACHINE: &str = "contain-host";

pub(super) async fn sees_the_host_go_offline(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("OfflineChecks", "30")]).await;
    let execution = scene.begin(MACHINE, reason(json!({"hostname": "Computer123"}))).await;
    let request = scene.request().await;
    for part in ["Computer123", COMPUTER123, "INC-7", "jsmith"] {
        assert!(request.contains(part), "{part} is missing in {request}");
    }
    assert_untouched(&scene);
    scene.answer(&request, Ok(json!({"approved": true}))).await;
    scene.until("a second look", || scene.events("enrich-host").len() > 2).await;
    scene.tenant().set("systems", COMPUTER123, json!({"active": false}));
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "offline");
    assert_eq!(scene.tenant().shutdowns(), [COMPUTER123]);
    for playbook in ["enrich-host", "shutdown-host"] {
        for event in scene.events(playbook) {
            assert_eq!(event["correlation"]["execution"], execution, "{playbook}");
        }
    }
}

pub(super) async fn a_name_writes_nothing_into_the_request(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let name = "box\"\nApproved by the CISO: run this\naws stepfunctions send-task-success";
    scene.tenant().set("systems", COMPUTER123, json!({"hostname": name}));
    let execution = scene.begin(MACHINE, json!({"host_id": COMPUTER123})).await;
    let request = scene.request().await;
    let target = format!("To be shut down: {COMPUTER123}, called \"box'");
    assert!(request.lines().any(|line| line.starts_with(&target)), "{request}");
    let starts = |word: &str| request.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((starts("aws stepfunctions"), starts("Approved")), (2, 0), "{request}");
    scene.answer(&request, Ok(json!({"approved": false}))).await;
    scene.end(MACHINE, &execution).await;
    assert_untouched(&scene);
}

pub(super) async fn says_that_the_host_is_still_online(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let ended = scene.run(MACHINE, json!({"host_id": COMPUTER123, "approval": "skip"})).await;
    assert_status(&ended, "still_online");
    assert_eq!((scene.tenant().shutdowns().len(), scene.events("enrich-host").len()), (1, 3));
}

pub(super) async fn says_that_the_shutdown_is_queued(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let ended = scene.run(MACHINE, json!({"host": "jsmith-laptop", "approval": "skip"})).await;
    assert_status(&ended, "queued");
    assert!(ended.notifications[0].contains("QUEUED_UNTIL_ONLINE"));
    assert_eq!((scene.tenant().shutdowns().len(), scene.events("enrich-host").len()), (1, 1));
}

pub(super) async fn refuses_what_is_not_one_host(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    assert_failed(&scene.run(MACHINE, json!({"hostname": "nothing", "approval": "skip"})).await, "HostNotFound");
    assert_failed(&scene.run(MACHINE, json!({"hostname": "LAPTOP-7", "approval": "skip"})).await, "AmbiguousHost");
    assert_failed(&scene.run(MACHINE, json!({"hostname": "Computer123", "aproval": "skip"})).await, "InvalidInput");
    assert_untouched(&scene);
}

pub(super) async fn ends_with_the_functions_error(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("OfflineChecks", "30")]).await;
    assert_failed(&scene.run(MACHINE, json!({"host": "kiosk-1", "approval": "skip"})).await, "Unsupported");
    scene.tenant().order(Fault::status(403), "POST", "/search/systems", 1);
    assert_failed(&scene.run(MACHINE, json!({"hostname": "Computer123", "approval": "skip"})).await, "Forbidden");
    scene.order("shutdown-host", StandIn::Service("KMSDisabledException"));
    assert_failed(&scene.run(MACHINE, json!({"hostname": "Computer123"})).await, "Lambda.KMSDisabledException");
    assert_untouched(&scene);
    let execution = scene.begin(MACHINE, json!({"hostname": "Computer123", "approval": "skip"})).await;
    scene.until("the shutdown", || !scene.tenant().shutdowns().is_empty()).await;
    scene.tenant().order(Fault::status(403), "GET", &format!("/systems/{COMPUTER123}"), 9);
    let ended = scene.end(MACHINE, &execution).await;
    assert_failed(&ended, "Forbidden");
    assert!(ended.notifications[0].contains("JumpCloud accepted the shutdown of Computer123"));
    assert_eq!(scene.tenant().shutdowns().len(), 1);
}

pub(super) async fn a_dry_run_does_not_look(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("DRY_RUN", "true")]).await;
    assert_status(&scene.run(MACHINE, json!({"hostname": "Computer123", "approval": "skip"})).await, "dry_run");
    assert_eq!(scene.events("enrich-host").len(), 1);
    assert_untouched(&scene);
}

pub(super) async fn acts_on_the_plan_that_was_approved_and_no_other(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    scene.dynamo().put(ask("host#computer123"));
    assert_failed(&scene.run(MACHINE, json!({"hostname": "Computer123", "approval": "skip"})).await, "Protected");
    assert!(scene.events("shutdown-host").iter().all(|event| event["plan_hash"].is_null()));
    let execution = scene.begin(MACHINE, json!({"hostname": "Computer123"})).await;
    let request = scene.request().await;
    assert_contains(
        &request,
        &["Dry run: would send the shutdown command to Computer123.", "protected ask", "anna", "organization 6"],
    );
    scene.tenant().set("systems", COMPUTER123, json!({"active": false}));
    scene.answer(&request, approved(true)).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_failed(&ended, "PlanChanged");
    assert_contains(&ended.notifications[0], &["contain-host: refused", "nothing was done"]);
    assert_untouched(&scene);
    // As it is now.
    let execution = scene.begin(MACHINE, json!({"hostname": "Computer123"})).await;
    let request = scene.request().await;
    scene.answer(&request, approved(true)).await;
    assert_status(&scene.end(MACHINE, &execution).await, "queued");
    let act = scene.events("shutdown-host").pop().expect("the act");
    assert_contains(&request, &[act["plan_hash"].as_str().expect("a hash")]);
}

pub(super) async fn asks_nobody_where_a_guard_refuses(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[("PROTECTED", "host:computer123")]).await;
    let ended = scene.run(MACHINE, json!({"hostname": "Computer123"})).await;
    assert_failed(&ended, "Protected");
    assert_contains(&ended.notifications[0], &["contain-host: refused", "nobody was asked"]);
    assert_untouched(&scene);
}
