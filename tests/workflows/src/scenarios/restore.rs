//! restore-user.

use std::sync::Arc;

use sandbox::faults::Fault;
use serde_json::json;

use super::{MGARCIA, assert_failed, assert_status, assert_untouched};
use crate::world::{Scene, Stage};

const MACHINE: &str = "restore-user";

pub(super) async fn says_what_still_keeps_the_user_out(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let execution = scene.begin(MACHINE, json!({"username": "tlocked", "reason": "INC-7"})).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "succeeded");
    for part in ["ACCOUNT_LOCKED", "PASSWORD_EXPIRED", "RESEND_RESET_MAIL"] {
        assert!(ended.output["summary"].as_str().is_some_and(|text| text.contains(part)), "{part}");
    }
    assert_eq!(scene.events("reset-password").len(), 0);
    assert_eq!(scene.events("enable-user")[0]["correlation"]["execution"], execution);
}

pub(super) async fn resets_the_password(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let ended = scene.run(MACHINE, json!({"username": "mgarcia", "reset_password": true})).await;
    assert_status(&ended, "succeeded");
    assert_eq!(scene.events("reset-password")[0]["user_id"], MGARCIA);
    let user = scene.tenant().user("mgarcia");
    assert_eq!((&user["state"], &user["password_expired"]), (&json!("ACTIVATED"), &json!(true)));
    assert_eq!(ended.output["steps"][1]["after"]["password_expired"], true);
}

pub(super) async fn ends_with_the_functions_error(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    assert_failed(&scene.run(MACHINE, json!({"username": "nobody"})).await, "UserNotFound");
    assert_failed(&scene.run(MACHINE, json!({"username": "mgarcia", "reset": true})).await, "InvalidInput");
    assert_untouched(&scene);
    scene.tenant().order(Fault::status(403), "POST", "/expire", 1);
    let ended = scene.run(MACHINE, json!({"username": "mgarcia", "reset_password": true})).await;
    assert_failed(&ended, "Forbidden");
    assert!(ended.notifications[0].contains("Activated mgarcia"), "what was done is said");
}
