//! What the two containments have in common.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{assert_status, assert_untouched};
use crate::world::{Scene, Stage, approved};

const MISSING: &str = "arn:aws:sns:us-east-1:123456789012:missing";

fn containments() -> [(&'static str, Value); 2] {
    [("contain-user", json!({"username": "jsmith"})), ("contain-host", json!({"hostname": "Computer123"}))]
}

pub(super) async fn denied_or_expired_changes_nothing(stage: Arc<Stage>) {
    for (machine, input) in containments() {
        let scene = Scene::start(&stage, &[machine], &[]).await;
        for answer in [
            approved(false),
            Ok(json!({"approved": false})),
            Ok(json!({"approved": "true"})),
            Ok(json!("yes")),
            Ok(json!([true])),
            Ok(json!({})),
            Ok(Value::Null),
            Err("Whatever"),
        ] {
            let execution = scene.begin(machine, input.clone()).await;
            scene.answer(&scene.request().await, answer).await;
            assert_status(&scene.end(machine, &execution).await, "denied");
        }
        assert_untouched(&scene);
        let scene = Scene::start(&stage, &[machine], &[("ApprovalTimeoutSeconds", "2")]).await;
        let execution = scene.begin(machine, input).await;
        scene.request().await;
        let ended = scene.end(machine, &execution).await;
        assert_status(&ended, "expired");
        assert!(ended.notifications[0].contains("nothing was changed"));
        assert_untouched(&scene);
    }
}

pub(super) async fn fails_where_nobody_can_be_asked(stage: Arc<Stage>) {
    for (machine, input) in containments() {
        let scene = Scene::start(&stage, &[machine], &[("ApprovalTopic", MISSING)]).await;
        super::assert_failed(&scene.run(machine, input).await, "SNS.NotFoundException");
        assert_untouched(&scene);
    }
}
