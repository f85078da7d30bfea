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
        let answers = [
            approved(false),
            Ok(json!({"approved": false})),
            Ok(json!({"approved": "true"})),
            Ok(json!("yes")),
            Ok(json!([true])),
            Ok(json!({})),
            Ok(Value::Null),
            Err("Whatever"),
        ];
        let mut executions = Vec::new();
        for answer in answers {
            executions.push(scene.begin(machine, input.clone()).await);
            scene.answer(&scene.request().await, answer).await;
        }
        for execution in executions {
            let ended = scene.end(machine, &execution).await;
            assert_eq!((ended.status.as_str(), &ended.output["status"]), ("SUCCEEDED", &json!("denied")));
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

pub(super) async fn an_answer_that_comes_too_late_does_nothing(stage: Arc<Stage>) {
    for (machine, input) in containments() {
        let scene = Scene::start(&stage, &[machine], &[("ApprovalTimeoutSeconds", "2")]).await;
        let execution = scene.begin(machine, input).await;
        let request = scene.request().await;
        let ended = scene.end(machine, &execution).await;
        assert_status(&ended, "expired");
        super::assert_contains(&ended.notifications[0], &["an answer that comes later does nothing", &execution]);
        scene.answer_late(&request, approved(true)).await;
        assert_untouched(&scene);
    }
}
