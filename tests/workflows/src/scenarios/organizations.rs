//! Several organizations: each call of a workflow is for the one that its input, or the alert's account, names.

use std::sync::Arc;

use sandbox::tenant::ORG_ID;
use serde_json::{Value, json};

use super::{JSMITH, alert::both, assert_failed, assert_status, assert_untouched, reason};
use crate::world::{Scene, Stage};

const PLAYBOOKS: [&str; 6] =
    ["enrich-user", "enrich-host", "disable-user", "enable-user", "reset-password", "shutdown-host"];

/// A scene whose functions serve several, of which `acme` is the tenant.
async fn several(stage: &Arc<Stage>, machines: &[&'static str], account: &str) -> Scene {
    let orgs = format!("acme={ORG_ID},globex=60259a2ad81e1a474d4e7c99");
    let of = format!("{account}=acme");
    let changes =
        [("JUMPCLOUD_ORGS", orgs.as_str()), ("ORGANIZATION_OF_ACCOUNT", &of), ("MAX_EVENT_AGE_SECONDS", "4000000000")];
    Scene::start(stage, machines, &changes).await
}

/// That the direct events so far are all for `acme`; their number.
#[track_caller]
fn assert_for_acme(scene: &Scene) -> usize {
    let events: Vec<Value> = PLAYBOOKS.iter().flat_map(|playbook| scene.events(playbook)).collect();
    let direct: Vec<_> = events.iter().filter(|event| event.get("detail").is_none()).collect();
    assert!(direct.iter().all(|event| event["organization"] == "acme"), "{direct:?}");
    direct.len()
}

pub(super) async fn each_call_names_it(stage: Arc<Stage>) {
    let scene = several(&stage, &["contain-user", "contain-host", "restore-user"], "123456789012").await;
    let acme = |input: Value| {
        let mut input = reason(input);
        input["organization"] = json!("acme");
        input
    };
    let contained = acme(json!({"user_id": JSMITH, "approval": "skip", "shut_down_hosts": true, "hours": 1}));
    let ended = scene.run("contain-user", contained).await;
    assert_status(&ended, "enabled_again");
    let host = acme(json!({"hostname": "build-07", "approval": "skip"}));
    assert_eq!(scene.run("contain-host", host).await.status, "SUCCEEDED");
    let restored = acme(json!({"username": "mgarcia", "reset_password": true}));
    assert_eq!(scene.run("restore-user", restored).await.status, "SUCCEEDED");
    assert!(assert_for_acme(&scene) > 10);
}

pub(super) async fn nobody_is_guessed(stage: Arc<Stage>) {
    let scene = several(&stage, &["contain-user"], "123456789012").await;
    let without = reason(json!({"user_id": JSMITH, "approval": "skip"}));
    assert_failed(&scene.run("contain-user", without).await, "InvalidInput");
    assert_untouched(&scene);
}

pub(super) async fn an_alert_is_its_accounts(stage: Arc<Stage>) {
    let alert = both(8.0);
    let account = alert["account"].as_str().expect("AWS says it");
    let scene = several(&stage, &["respond-to-alert", "contain-user", "contain-host"], account).await;
    let ended = scene.run("respond-to-alert", alert.clone()).await;
    assert_status(&ended, "done");
    assert_eq!(ended.output["user"]["status"], "started");
    // What was started asks for approval, and names the organization in each of its calls.
    let request = scene.request().await;
    scene.answer(&request, crate::world::approved(false)).await;
    let execution = ended.output["user"]["why"].as_str().expect("an execution").to_owned();
    scene.end("contain-user", &execution).await;
    assert!(assert_for_acme(&scene) >= 2);
    // Of another account it is nobody's.
    let mut stranger = alert;
    stranger["account"] = json!("111122223333");
    assert_failed(&scene.run("respond-to-alert", stranger).await, "Unsupported");
    assert_untouched(&scene);
}
