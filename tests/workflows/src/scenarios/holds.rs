//! contain-user, where others want the user suspended too.

use std::sync::Arc;

use serde_json::json;

use super::{JSMITH, assert_contains, assert_status};
use crate::world::{Changes, Scene, Stage, approved};

const MACHINE: &str = "contain-user";
/// An hour is long enough for something in between.
const HOURS: Changes<'static> = &[("HourSeconds", "3")];

pub(super) async fn the_first_ones_timer_leaves_the_user_to_the_second(stage: Arc<Stage>) {
    // The second is for longer. One for good is the next scenario: as executions, both would end at about the same time.
    let scene = Scene::start(&stage, &[MACHINE], HOURS).await;
    let first = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 1})).await;
    assert_contains(&scene.notification().await, &["contain-user: succeeded"]);
    let second = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 3})).await;
    assert_contains(&scene.notification().await, &["contain-user: unchanged"]);
    let ended = scene.end(MACHINE, &first).await;
    assert_status(&ended, "not_enabled_again");
    let name = second.rsplit(':').next().expect("a name");
    assert_contains(&ended.notifications[0], &["stays contained: also held by", name]);
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
    let ended = scene.end(MACHINE, &second).await;
    assert_status(&ended, "enabled_again");
    assert_eq!(scene.tenant().user("jsmith")["state"], "ACTIVATED");
}

pub(super) async fn the_timer_leaves_the_user_to_a_person(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], HOURS).await;
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "approval": "skip", "hours": 1})).await;
    scene.notification().await;
    let person = json!({"user_id": JSMITH, "reason": "left the company"});
    assert_eq!(scene.invoke("disable-user", person).await["status"], "unchanged");
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "not_enabled_again");
    assert_contains(&ended.notifications[0], &["stays contained: also held by", "for good"]);
    assert_eq!(scene.tenant().user("jsmith")["state"], "SUSPENDED");
}

pub(super) async fn the_approver_and_the_analyst_see_who_holds(stage: Arc<Stage>) {
    let scene = Scene::start(&stage, &[MACHINE], &[]).await;
    let other = json!({"user_id": JSMITH, "hold": "case-4", "hold_hours": 24});
    assert_eq!(scene.invoke("disable-user", other).await["status"], "succeeded");
    let execution = scene.begin(MACHINE, json!({"username": "jsmith", "hours": 1})).await;
    let request = scene.request().await;
    assert_contains(&request, &["\nHeld: case-4", ", until "]);
    scene.answer(&request, approved(true)).await;
    let ended = scene.end(MACHINE, &execution).await;
    assert_status(&ended, "not_enabled_again");
    let name = execution.rsplit(':').next().expect("a name");
    assert_contains(&ended.notifications[0], &["Held by", "`case-4", &format!("`{name} (")]);
    assert_eq!(ended.output["steps"][2]["holds"].as_array().map(Vec::len), Some(1));
}

pub(super) async fn without_a_guard_table_it_goes_by_what_it_did_itself(stage: Arc<Stage>) {
    let none: Changes<'_> = &[("GUARD_TABLE", "none"), ("KeepsHolds", "false")];
    let scene = Scene::start(&stage, &[MACHINE], none).await;
    let input = json!({"username": "jsmith", "approval": "skip", "hours": 1});
    let ended = scene.run(MACHINE, input.clone()).await;
    assert_status(&ended, "enabled_again");
    scene.tenant().set("systemusers", JSMITH, json!({"state": "SUSPENDED", "suspended": true}));
    assert_status(&scene.run(MACHINE, input).await, "held");
    assert_eq!(scene.events("enable-user").len(), 1);
}
