//! respond-to-alert.

use sandbox::seed::OTHER_ADMIN;
use std::sync::Arc;

use sandbox::faults::Fault;
use serde_json::{Value, json};

use super::{COMPUTER123, JSMITH, assert_failed, assert_status, assert_untouched};
use crate::world::{Changes, Ended, Scene, Stage, StandIn, approved};

const MACHINE: &str = "respond-to-alert";
const ALL: [&str; 3] = [MACHINE, "contain-user", "contain-host"];
/// The samples are from one day.
pub(super) const ANY_AGE: Changes<'static> = &[("MAX_EVENT_AGE_SECONDS", "4000000000")];

fn sample(name: &str) -> Value {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("a sample event")).expect("valid JSON");
    event.as_object_mut().expect("an object").remove("_expect"); // what the sample says of itself
    event
}

/// The instances that the alerts' hosts are.
const INSTANCE: &str = "i-0123456789abcdef0";
const KIOSK: (&str, &str) = (sandbox::seed::KIOSK, "i-0123456789abcdef6");

/// A GuardDuty finding about jsmith on Computer123.
pub(super) fn both(severity: f64) -> Value {
    let mut alert = sample("guardduty-user");
    alert["detail"]["severity"] = json!(severity);
    alert["detail"]["resource"]["instanceDetails"] = json!({"instanceId": INSTANCE});
    alert
}

/// A scene in which the hosts are EC2 instances.
pub(super) async fn on_instances(stage: &Arc<Stage>, machines: &[&'static str], changes: Changes<'_>) -> Scene {
    let scene = Scene::start(stage, machines, changes).await;
    for (id, instance) in [(COMPUTER123, INSTANCE), KIOSK] {
        scene.tenant().set("systems", id, json!({"amazonInstanceID": instance}));
    }
    scene
}

fn sides(output: &Value) -> [&str; 2] {
    ["user", "host"].map(|side| output[side]["status"].as_str().expect("a status"))
}

#[track_caller]
fn assert_says(text: &Value, part: &str) {
    assert!(text.as_str().is_some_and(|text| text.contains(part)), "{part} is missing in {text}");
}

/// The summary says that neither side is acted on, and why.
#[track_caller]
fn assert_ignored(ended: &Ended, code: &str) {
    assert_status(ended, "ignored");
    for side in ["user", "host"] {
        assert_eq!((&ended.output[side]["status"], &ended.output[side]["ignored"]), (&json!("ignored"), &json!(code)));
        assert_says(&ended.output[side]["why"], "Ignored, nothing was done");
    }
    assert_says(&ended.output["markdown"], "Ignored, nothing was done");
}

pub(super) async fn starts_each_containment_once(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AskAgainHours", "2400")]).await;
    let execution = scene.begin(MACHINE, both(8.0)).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["started", "started"]);
    // The alert's, and the plan of what was started.
    let dry = |event: &Value| event["detail"]["dry_run"] == true || event["dry_run"] == true;
    assert!(scene.events("disable-user").iter().all(dry));
    assert_untouched(&scene);
    // One is approved, the other denied.
    for request in [scene.request().await, scene.request().await] {
        assert!(request.contains("Unusual console login was observed."), "{request}");
        scene.answer(&request, approved(request.contains("To be suspended"))).await;
    }
    let (users, hosts) = (scene.started("contain-user").await, scene.started("contain-host").await);
    assert_eq!((users.len(), hosts.len()), (1, 1));
    let (_, name) = users[0].rsplit_once(":finding-").expect("a name by the finding");
    assert!(name.len() == 40 && name.bytes().all(|c| c.is_ascii_hexdigit()), "{name}");
    let user = scene.end("contain-user", &users[0]).await;
    assert_eq!((&user.output["status"], &user.output["target"]["id"]), (&json!("held"), &json!(JSMITH)));
    let host = scene.end("contain-host", &hosts[0]).await;
    assert_eq!((&host.output["status"], &host.output["target"]["id"]), (&json!("denied"), &json!(COMPUTER123)));
    // The alert's dry run, the plan, the act.
    assert_eq!(
        scene.events("disable-user")[2]["correlation"],
        json!({"execution": users[0], "caller": {"execution": execution}})
    );
    let lines = scene.lines().await;
    assert!(lines.iter().all(|line| line.contains(&execution)), "one query finds all of {lines:#?}");
    // Delivered again, and as an update with an event id of its own, after somebody enabled the user.
    scene.tenant().set("systemusers", JSMITH, json!({"state": "ACTIVATED", "suspended": false}));
    for id in ["7bf73129-1428-4cd3-a780-95db273d1602", "update-1"] {
        let mut alert = both(8.0);
        alert["id"] = json!(id);
        let ended = scene.run(MACHINE, alert).await;
        assert_eq!(sides(&ended.output), ["started_before", "denied_before"]);
        assert_says(&ended.output["user"]["why"], &format!("{} (held)", users[0]));
        assert_says(&ended.output["host"]["why"], "The approval was denied at ");
        assert_says(&ended.output["markdown"], "asked for again 2400 hours after that at the earliest");
    }
    assert_eq!((scene.started("contain-user").await.len(), scene.started("contain-host").await.len()), (1, 1));
    assert_eq!((scene.tenant().writes().len(), scene.tenant().shutdowns().len()), (1, 0));
}

/// Denies what is asked for, and waits for the ends.
async fn deny(scene: &Scene, machines: &[(&str, usize)]) {
    for (machine, count) in machines {
        let executions = scene.started(machine).await;
        assert_eq!(executions.len(), *count, "{machine}");
    }
    for _ in machines {
        let request = scene.request().await;
        scene.answer(&request, approved(false)).await;
    }
    for (machine, _) in machines {
        for execution in scene.started(machine).await {
            scene.end(machine, &execution).await;
        }
    }
}

pub(super) async fn asks_again_only_after_a_while(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AskAgainHours", "0")]).await;
    for asked in 1..=3 {
        let ended = scene.run(MACHINE, both(8.0)).await;
        assert_eq!(sides(&ended.output), ["started", "started"], "{asked}");
        // While it is asked for, it is not asked for again.
        let during = scene.run(MACHINE, both(8.0)).await;
        assert_eq!(sides(&during.output), ["started_before", "started_before"], "{asked}");
        assert_says(&during.output["user"]["why"], "(RUNNING)");
        deny(&scene, &[("contain-user", asked), ("contain-host", asked)]).await;
    }
    assert_untouched(&scene);
}

pub(super) async fn fails_where_the_earlier_one_cannot_be_read(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    assert_eq!(sides(&scene.run(MACHINE, both(8.0)).await.output), ["started", "started"]);
    scene.order("DescribeExecution", StandIn::Service("ExecutionDoesNotExist"));
    let ended = scene.run(MACHINE, both(8.0)).await;
    assert_failed(&ended, "Sfn.ExecutionDoesNotExistException");
}

pub(super) async fn starts_nothing_that_a_guard_refuses(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("PROTECTED", "user:jsmith")]).await;
    let ended = scene.run(MACHINE, both(8.0)).await;
    assert_status(&ended, "done");
    // The host is protected through its user.
    assert_eq!(sides(&ended.output), ["refused", "refused"]);
    for side in ["user", "host"] {
        assert_says(&ended.output[side]["why"], "Protected: ");
        assert_says(&ended.output[side]["why"], "nobody was asked");
    }
    // A guard that cannot be judged refuses, and somebody must look.
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("GUARD_TABLE", "gone")]).await;
    let ended = scene.run(MACHINE, both(8.0)).await;
    assert_failed(&ended, "GuardUnavailable");
    // What a person must consent to is asked for.
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("PROTECTED", "user:jsmith=ask")]).await;
    assert_eq!(sides(&scene.run(MACHINE, both(8.0)).await.output), ["started", "started"]);
    assert_untouched(&scene);
}

pub(super) async fn chooses_by_severity(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    let guardduty = |severity: Value| ("guardduty-user", "/detail/severity", severity, "/detail/id");
    let ocsf = |severity: Value| {
        ("securityhub-ocsf-user", "/detail/findings/0/severity_id", severity, "/detail/findings/0/finding_info/uid")
    };
    let asff =
        |severity: Value| ("securityhub-asff-user", "/detail/findings/0/Severity", severity, "/detail/findings/0/Id");
    let crowdstrike = |severity: Value| ("crowdstrike-stream", "/detail/event", severity, "/detail/event/CompositeId");
    let falcon =
        |severity: u32| json!({"CompositeId": "c", "UserPrincipal": "jsmith@company.com", "Severity": severity});
    for (index, ((name, pointer, severity, id), severe)) in [
        (guardduty(json!(6.9)), false),
        (guardduty(json!("often")), false),
        (guardduty(json!(7)), true),
        (ocsf(json!(3)), false),
        // Any other: the word counts, which is "High".
        (ocsf(json!(99)), true),
        (ocsf(json!(4)), true),
        (asff(json!({"Label": "MEDIUM"})), false),
        (asff(json!({"Label": "LOW", "Normalized": 90})), false),
        (asff(json!({})), false),
        (asff(json!({"Label": "CRITICAL"})), true),
        (asff(json!({"Normalized": 70})), true),
        // 1 to 100, where GuardDuty has 1 to 10.
        (crowdstrike(falcon(10)), false),
        (crowdstrike(falcon(59)), false),
        (crowdstrike(falcon(60)), true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut alert = sample(name);
        *alert.pointer_mut(pointer).expect("a severity") = severity.clone();
        *alert.pointer_mut(id).expect("an id") = json!(format!("finding-{index}"));
        let ended = scene.run(MACHINE, alert).await;
        assert_status(&ended, "done");
        let expected = if severe { "started" } else { "reported" };
        assert_eq!(sides(&ended.output), [expected, "none"], "{name} {severity}");
    }
    assert_eq!(scene.started("contain-user").await.len(), 6);
    assert_untouched(&scene);
}

pub(super) async fn other_thresholds(stage: Arc<Stage>) {
    for (threshold, below, at) in [("LOW", 0.9, 1.0), ("MEDIUM", 3.9, 4.0), ("CRITICAL", 8.9, 9.0)] {
        let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AlertThreshold", threshold)]).await;
        let ended = scene.run(MACHINE, both(below)).await;
        assert_eq!(sides(&ended.output), ["reported", "reported"]);
        for side in ["user", "host"] {
            assert_says(&ended.output[side]["why"], &format!(", below {threshold}."));
        }
        assert_eq!(sides(&scene.run(MACHINE, both(at)).await.output), ["started", "started"]);
    }
}

pub(super) async fn acts_without_a_severity_only_where_any_will_do(stage: Arc<Stage>) {
    let mut alert = both(8.0);
    alert["detail"].as_object_mut().expect("an object").remove("severity");
    for (threshold, expected) in [("LOW", "reported"), ("ANY", "started")] {
        let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AlertThreshold", threshold)]).await;
        let ended = scene.run(MACHINE, alert.clone()).await;
        assert_status(&ended, "done");
        assert_eq!(sides(&ended.output), [expected, expected], "{threshold}");
        if expected == "reported" {
            assert_says(&ended.output["user"]["why"], "the alert does not say how severe it is");
            assert_says(&ended.output["markdown"], "the alert does not say how severe it is");
        }
    }
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AlertThreshold", "ANY")]).await;
    assert_eq!(sides(&scene.run(MACHINE, both(0.5)).await.output), ["started", "started"]);
}

pub(super) async fn does_not_contain_what_it_may_not(stage: Arc<Stage>) {
    // Alerts of another day.
    let scene = on_instances(&stage, &ALL, &[("MAX_EVENT_AGE_SECONDS", "60")]).await;
    let ended = scene.run(MACHINE, both(8.0)).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["refused", "refused"]);
    assert!(ended.notifications[0].contains("StaleEvent"));

    let scene = on_instances(&stage, &ALL, ANY_AGE).await;
    for place in ["/detail/dry_run", "/detail/DryRun", "/dry-run"] {
        let (parent, name) = place.rsplit_once('/').expect("a pointer");
        let mut alert = both(8.0);
        alert.pointer_mut(parent).expect("an object")[name] = json!(true);
        let ended = scene.run(MACHINE, alert).await;
        assert_eq!(sides(&ended.output), ["reported", "reported"], "{place}");
        assert_says(&ended.output["user"]["why"], "Dry run: would suspend jsmith");
        assert_says(&ended.output["host"]["why"], "Nothing is started: a dry run was asked for.");
    }
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
    let mut alert = sample("securityhub-asff-host");
    let resources = &mut alert["detail"]["findings"][0]["Resources"];
    let mut another = resources[0].clone();
    another["Details"]["Other"]["hostname"] = json!("build-07");
    resources.as_array_mut().expect("resources").push(another);
    assert_eq!(sides(&scene.run(MACHINE, alert).await.output), ["none", "reported"]);
    assert_eq!(scene.started("contain-host").await.len(), 0);
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
    for text in ["title", "description"] {
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
    let own = OTHER_ADMIN;
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("JUMPCLOUD_SELF", own)]).await;
    // The second finding is; the first one counts.
    let mut alert = sample("securityhub-asff-user");
    let mut echo = sample("securityhub-asff-host")["detail"]["findings"][0].clone();
    echo["initiated_by"] = json!({"id": own});
    alert["detail"]["findings"].as_array_mut().expect("findings").push(echo);
    let ended = scene.run(MACHINE, alert).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["started", "none"]);
    // All of it is.
    let mut alert = sample("jumpcloud-suspended");
    alert["id"] = json!("another");
    let ended = scene.run(MACHINE, alert).await;
    assert_ignored(&ended, "own_echo");
    // Only the dry run says so.
    for (function, expected) in [("disable-user", ["ignored", "started"]), ("shutdown-host", ["started", "ignored"])] {
        let scene = on_instances(&stage, &ALL, ANY_AGE).await;
        let request = json!({"severity": "high", "reason": null});
        let echo = json!({"status": "ignored", "ignored": "own_echo", "summary": "Our own echo.", "request": request});
        scene.order(function, StandIn::Outcome(echo));
        let ended = scene.run(MACHINE, both(8.0)).await;
        assert_status(&ended, "done");
        assert_eq!(sides(&ended.output), expected);
    }
}

pub(super) async fn does_nothing_for_a_finding_that_is_over(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AlertThreshold", "ANY")]).await;
    for (pointer, value, code) in [
        ("/detail/service/archived", json!(true), "archived"),
        ("/detail/service/additionalInfo", json!({"sample": true}), "sample"),
        ("/detail/service/archived", json!(null), "state_unknown"),
    ] {
        let mut alert = both(9.0);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        alert.pointer_mut(parent).expect("an object")[name] = value;
        assert_ignored(&scene.run(MACHINE, alert).await, code);
    }
    let mut alert = sample("securityhub-asff-user");
    alert["detail"]["findings"][0]["Workflow"]["Status"] = json!("RESOLVED");
    let ended = scene.run(MACHINE, alert).await;
    assert_status(&ended, "ignored");
    assert_eq!(sides(&ended.output), ["ignored", "none"]);
    assert_eq!((scene.started("contain-user").await.len(), scene.started("contain-host").await.len()), (0, 0));
    // The finding about the user is open, the one about the host is not.
    let mut alert = sample("securityhub-asff-user");
    let mut over = sample("securityhub-asff-host")["detail"]["findings"][0].clone();
    over["RecordState"] = json!("ARCHIVED");
    alert["detail"]["findings"].as_array_mut().expect("findings").push(over);
    let ended = scene.run(MACHINE, alert).await;
    assert_status(&ended, "done");
    assert_eq!(sides(&ended.output), ["started", "refused"]);
    assert_eq!((scene.started("contain-user").await.len(), scene.started("contain-host").await.len()), (1, 0));
    assert_untouched(&scene);
}

pub(super) async fn fails_where_a_function_cannot_read_the_alert(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &ALL, &[ANY_AGE[0], ("AlertThreshold", "ANY")]).await;
    let mut alert = both(9.0);
    alert["detail"] = json!({"verdict": "malicious", "account": "jsmith"});
    let ended = scene.run(MACHINE, alert).await;
    assert_failed(&ended, "InvalidInput");
    assert_says(&json!(ended.cause), "unknown field");
    assert_untouched(&scene);
}

pub(super) async fn says_that_an_answer_cannot_be_read(stage: Arc<Stage>) {
    let scene = on_instances(&stage, &[MACHINE], ANY_AGE).await;
    let request = json!({"dry_run": false, "severity": "high", "reason": null});
    let answer = |status: &str| json!({"status": status, "markdown": "", "request": request});
    scene.order("enrich-user", StandIn::Outcome(answer("not_found")));
    assert_failed(&scene.run(MACHINE, both(8.0)).await, "States.QueryEvaluationError");
    for function in ["enrich-user", "enrich-host"] {
        scene.order(function, StandIn::Outcome(answer("perhaps")));
        let ended = scene.run(MACHINE, both(1.0)).await;
        assert_failed(&ended, "Internal");
        assert_says(&json!(ended.cause), "the status perhaps, which this workflow does not know");
        // Whether a dry run was asked for is not guessed.
        scene.order(function, StandIn::Outcome(json!({"status": "succeeded", "summary": "Found.", "markdown": ""})));
        assert_failed(&scene.run(MACHINE, both(1.0)).await, "States.QueryEvaluationError");
    }
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
