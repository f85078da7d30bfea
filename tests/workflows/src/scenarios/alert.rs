//! respond-to-alert.

use std::sync::Arc;

use sandbox::faults::Fault;
use serde_json::{Value, json};

use super::{COMPUTER123, JSMITH, assert_failed, assert_status, assert_untouched};
use crate::world::{Changes, Scene, Stage, StandIn, approved};

const MACHINE: &str = "respond-to-alert";
const ALL: [&str; 3] = [MACHINE, "contain-user", "contain-host"];
/// The samples are from one day.
pub(super) const ANY_AGE: Changes<'static> = &[("MAX_EVENT_AGE_SECONDS", "4000000000")];

fn sample(name: &str) -> Value {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a sample event")).expect("valid JSON")
}

/// The instances that the alerts' hosts are.
const INSTANCE: &str = "i-0123456789abcdef0";
const KIOSK: (&str, &str) = ("6140aa10bb20cc30dd40ee06", "i-0123456789abcdef6");

/// A GuardDuty finding about jsmith on Computer123.
pub(super) fn both(severity: f64) -> Value {
    let mut alert = sample("guardduty-user");
    alert["detail"]["severity"] = json!(severity);
    alert["detail"]["resource"]["instanceDetails"] = json!({"instanceId": INSTANCE});
    alert
}

/// A scene in which the hosts are EC2 instances.
async fn on_instances(stage: &Arc<Stage>, machines: &[&'static str], changes: Changes<'_>) -> Scene {
    let scene = Scene::start(stage, machines, changes).await;
    for (id, instance) in [(COMPUTER123, INSTANCE), KIOSK] {
        scene.tenant().set("systems", id, json!({"amazonInstanceID": instance}));
    }
    scene
}

fn sides(output: &Value) -> [&str; 2] {
    ["user", "host"].map(|side| output[side]["status"].as_str().expect("a status"))
}

pub(super) async fn starts_each_containment_once(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    let execution = scene.begin(MACHINE, both(8.0)).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["started", "started"]);
    assert!(scene.events("disable-user").iter().all(|event| event["detail"]["dry_run"] == true));
    assert_untouched(&scene);
    // One is approved, the other denied.
    for request in [scene.request().await, scene.request().await] {
        assert!(request.contains("Unusual console login was observed."), "{request}");
        scene.answer(&request, approved(request.contains("To be suspended"))).await;
    }
    let (users, hosts) = (scene.started("contain-user").await, scene.started("contain-host").await);
    assert_eq!((users.len(), hosts.len()), (1, 1));
    assert!(users[0].ends_with(":alert-7bf73129-1428-4cd3-a780-95db273d1602-user"), "{}", users[0]);
    let user = scene.end("contain-user", &users[0]).await;
    assert_eq!((&user.output["status"], &user.output["target"]["id"]), (&json!("succeeded"), &json!(JSMITH)));
    let host = scene.end("contain-host", &hosts[0]).await;
    assert_eq!((&host.output["status"], &host.output["target"]["id"]), (&json!("denied"), &json!(COMPUTER123)));
    assert_eq!(
        scene.events("disable-user")[1]["correlation"],
        json!({"execution": users[0], "caller": {"execution": execution}})
    );
    let lines = scene.lines().await;
    assert!(lines.iter().all(|line| line.contains(&execution)), "one query finds all of {lines:#?}");
    // Delivered again, after somebody enabled the user.
    scene.tenant().set("systemusers", JSMITH, json!({"state": "ACTIVATED", "suspended": false}));
    let ended = scene.run(MACHINE, both(8.0)).await;
    assert_eq!(sides(&ended.output), ["started_before", "started_before"]);
    assert_eq!((scene.started("contain-user").await.len(), scene.started("contain-host").await.len()), (1, 1));
    assert_eq!((scene.tenant().writes().len(), scene.tenant().shutdowns().len()), (1, 0));
}

pub(super) async fn chooses_by_severity(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    let guardduty = |severity: Value| ("guardduty-user", "/detail/severity", severity);
    let ocsf = |severity: Value| ("securityhub-ocsf-user", "/detail/findings/0/severity_id", severity);
    let asff = |severity: Value| ("securityhub-asff-user", "/detail/findings/0/Severity", severity);
    for (index, ((name, pointer, severity), severe)) in [
        (guardduty(json!(6.9)), false),
        (guardduty(json!("8")), false),
        (guardduty(json!(7)), true),
        (ocsf(json!(3)), false),
        (ocsf(json!(99)), false),
        (ocsf(json!(4)), true),
        (asff(json!({"Label": "MEDIUM"})), false),
        (asff(json!({})), false),
        (asff(json!({"Label": "CRITICAL"})), true),
        (asff(json!({"Normalized": 70})), true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut alert = sample(name);
        alert["id"] = json!(format!("alert-{index}"));
        *alert.pointer_mut(pointer).expect("a severity") = severity.clone();
        let ended = scene.run(MACHINE, alert).await;
        assert_status(&ended, "done");
        let expected = if severe { "started" } else { "reported" };
        assert_eq!(sides(&ended.output), [expected, "none"], "{name} {severity}");
    }
    assert_eq!(scene.started("contain-user").await.len(), 4);
    assert_untouched(&scene);
}

pub(super) async fn other_thresholds(stage: Arc<Stage>) {
    for (threshold, below, at) in [("MEDIUM", 3.9, 4.0), ("CRITICAL", 8.9, 9.0)] {
        let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AlertThreshold", threshold)]).await;
        assert_eq!(sides(&scene.run(MACHINE, both(below)).await.output), ["reported", "reported"]);
        assert_eq!(sides(&scene.run(MACHINE, both(at)).await.output), ["started", "started"]);
    }
}

pub(super) async fn does_not_contain_what_it_may_not(stage: Arc<Stage>) {
    // Alerts of another day.
    let scene = on_instances(&stage, &ALL, &[("MAX_EVENT_AGE_SECONDS", "60")]).await;
    let ended = scene.run(MACHINE, both(8.0)).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["refused", "refused"]);
    assert!(ended.notifications[0].contains("StaleEvent"));

    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    let mut alert = both(8.0);
    alert["detail"]["dry_run"] = json!(true);
    assert_eq!(sides(&scene.run(MACHINE, alert).await.output), ["reported", "reported"]);
    scene.tenant().set("systemusers", JSMITH, json!({"state": "SUSPENDED", "suspended": true}));
    let mut alert = both(8.0);
    alert["detail"]["resource"]["instanceDetails"]["instanceId"] = json!(KIOSK.1);
    assert_eq!(sides(&scene.run(MACHINE, alert).await.output), ["reported", "refused"]);
    assert_eq!((scene.started("contain-user").await.len(), scene.started("contain-host").await.len()), (0, 0));
}

pub(super) async fn reports_what_is_not_one_user(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    let execution = scene.begin(MACHINE, sample("securityhub-asff-two-users")).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "done");
    // Enrich Host refused it, for it names no host.
    assert!(scene.lines().await.iter().all(|line| line.contains(&execution)));
    assert_eq!(sides(&ended.output)[0], "reported");
    assert_eq!(ended.output["steps"][0]["status"], "ambiguous");
    assert_eq!(scene.started("contain-user").await.len(), 0);
    let mut alert = sample("guardduty-host");
    alert["detail"]["severity"] = json!(1);
    assert_eq!(sides(&scene.run(MACHINE, alert).await.output), ["none", "reported"]);
}

pub(super) async fn fails_loudly(stage: Arc<Stage>) {
    // A low severity, so that nothing else is called. Each look-up also searches for the other kind: users of a host,
    // devices of a user; that it fails is an advisory there.
    for (search, expected) in
        [("/search/systemusers", ["failed", "reported"]), ("/search/systems", ["reported", "failed"])]
    {
        let scene = on_instances(&stage, &ALL, ANY_AGE).await;
        scene.tenant().order(Fault::status(403), "POST", search, 9);
        let ended = scene.run(MACHINE, both(1.0)).await;
        assert_failed(&ended, "Forbidden");
        for (side, status) in ["User", "Host"].into_iter().zip(expected) {
            let said = format!("{side}: {status}");
            assert!(ended.notifications[0].contains(&said), "{said} is missing in {}", ended.notifications[0]);
        }
    }
    // A function that was deployed with a broken environment.
    let broken = [("disable-user:MAX_EVENT_AGE_SECONDS", "soon"), ("shutdown-host:MAX_EVENT_AGE_SECONDS", "soon")];
    let scene = on_instances(&stage, &ALL, &broken).await;
    assert_failed(&scene.run(MACHINE, both(8.0)).await, "Internal");
    // Functions and machines that are not there.
    let gone = ["EnrichUserFunction", "EnrichHostFunction"]
        .map(|name| (name, "arn:aws:lambda:us-east-1:123456789012:function:gone"));
    let scene = on_instances(&stage, &[MACHINE], &gone).await;
    assert_failed(&scene.run(MACHINE, both(1.0)).await, "Lambda.ResourceNotFoundException");
    let scene = on_instances(&stage, &[MACHINE], ANY_AGE).await;
    assert_failed(&scene.run(MACHINE, both(8.0)).await, "StepFunctions.StateMachineDoesNotExistException");
}

pub(super) async fn needs_no_title(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    let mut alert = both(8.0);
    for text in ["title", "description", "type"] {
        alert["detail"].as_object_mut().expect("an object").remove(text);
    }
    let ended = scene.run(MACHINE, alert).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["started", "started"]);
    assert!(scene.request().await.contains("Why: not given"));
}

pub(super) async fn takes_the_largest_alert(stage: Arc<Stage>) {
    const LIMIT: usize = 262_144; // of an input, and of what a state may pass on
    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    let mut alert = sample("securityhub-asff-user");
    alert["detail"]["findings"][0]["Note"] = json!("x".repeat(240_000));
    let ended = scene.run(MACHINE, alert.clone()).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["started", "none"]);
    // With the response's name it is too large for a function.
    let rest = LIMIT - alert.to_string().len();
    alert["detail"]["findings"][0]["Note"] = json!("x".repeat(240_000 + rest - 10));
    let ended = scene.run(MACHINE, alert).await;
    assert_failed(&ended, "States.DataLimitExceeded");
    assert_untouched(&scene);
}

pub(super) async fn leaves_ones_own_echo_alone(stage: Arc<Stage>) {
    let own = "5e0c1b2a3d4e5f6071829399";
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("JUMPCLOUD_SELF", own)]).await;
    // The second finding is; the first one counts.
    let mut alert = sample("securityhub-asff-user");
    let mut echo = sample("securityhub-asff-host")["detail"]["findings"][0].clone();
    echo["initiated_by"] = json!({"id": own});
    alert["detail"]["findings"].as_array_mut().expect("findings").push(echo);
    let ended = scene.run(MACHINE, alert).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["started", "none"]);
    // All of it is, however severe.
    let mut alert = sample("jumpcloud-suspended");
    alert["id"] = json!("another");
    alert["detail"]["severity"] = json!(9);
    let ended = scene.run(MACHINE, alert).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["reported", "reported"]);
    // Only the dry run says so.
    for (function, expected) in [("disable-user", ["reported", "started"]), ("shutdown-host", ["started", "reported"])]
    {
        let scene = on_instances(&stage, &ALL, ANY_AGE).await;
        scene.order(function, StandIn::Outcome(json!({"status": "unchanged", "summary": "Our own echo."})));
        let ended = scene.run(MACHINE, both(8.0)).await;
        assert_status(&ended, "done");
        assert_eq!(sides(&ended.output), expected);
    }
}

pub(super) async fn says_that_an_answer_cannot_be_read(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &[MACHINE], ANY_AGE).await;
    scene.order("enrich-user", StandIn::Outcome(json!({"status": "not_found"})));
    assert_failed(&scene.run(MACHINE, both(8.0)).await, "States.QueryEvaluationError");
}

pub(super) async fn refuses_what_is_no_alert(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &[MACHINE], &[]).await;
    for input in [
        json!({"username": "jsmith"}),
        json!({"id": "a1"}),
        json!({"id": "a1", "detail": "jsmith"}),
        json!({"id": "a1", "detail": ["jsmith"]}),
        json!({"id": 7, "detail": {"username": "jsmith"}}),
    ] {
        assert_failed(&scene.run(MACHINE, input).await, "InvalidInput");
    }
    assert_eq!(scene.events("enrich-user").len(), 0);
}
