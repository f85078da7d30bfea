//! What the workflows promise, one function each. A scenario has its own tenant and its own copies of the machines.

mod alert;
mod approval;
mod ends;
mod holds;
mod host;
mod organizations;
mod restore;
mod user;

use sandbox::seed::{BUILD_07, COMPUTER123, JSMITH, MGARCIA};
use std::{future::Future, pin::Pin, sync::Arc};

use serde_json::{Value, json};

use crate::world::{Ended, Scene, Stage};

/// A scenario, not yet begun.
pub(crate) type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! scenarios {
    ($stage:ident, $($module:ident :: $name:ident),* $(,)?) => {
        vec![$((concat!(stringify!($module), "::", stringify!($name)), Box::pin($module::$name($stage.clone())) as Run)),*]
    };
}

/// All of them, with their names.
pub(crate) fn all(stage: &Arc<Stage>) -> Vec<(&'static str, Run)> {
    scenarios![
        stage,
        user::suspends_after_approval,
        user::shuts_the_devices_down,
        user::names_the_device_that_could_not_be_shut_down,
        user::does_not_repeat_a_shutdown_of_unknown_outcome,
        user::refuses_too_many_or_unknown_devices,
        user::refuses_what_is_not_one_user,
        user::refuses_wrong_input,
        user::takes_null_as_not_given,
        user::says_that_the_devices_cannot_be_read,
        user::ends_with_the_functions_error,
        user::goes_on_after_throttling,
        user::leaves_a_user_alone_that_was_suspended_before,
        user::enables_again_after_the_time,
        user::enables_again_where_nobody_was_told,
        user::does_not_enable_what_somebody_else_changed,
        user::fails_after_the_time,
        user::a_dry_run_changes_nothing,
        user::shows_each_device_and_shuts_down_what_was_shown,
        user::acts_on_the_plan_that_was_approved_and_no_other,
        user::asks_nobody_where_a_guard_refuses,
        user::says_which_guard_refused,
        user::a_name_writes_nothing_into_the_request,
        user::says_at_once_that_it_was_undone,
        user::fails_where_the_alarm_cannot_be_raised,
        user::looks_once_more_after_a_look_that_failed,
        holds::the_first_ones_timer_leaves_the_user_to_the_second,
        holds::the_timer_leaves_the_user_to_a_person,
        holds::the_approver_and_the_analyst_see_who_holds,
        holds::without_a_guard_table_it_goes_by_what_it_did_itself,
        host::sees_the_host_go_offline,
        host::a_name_writes_nothing_into_the_request,
        host::says_that_the_host_is_still_online,
        host::says_that_the_shutdown_is_queued,
        host::refuses_what_is_not_one_host,
        host::ends_with_the_functions_error,
        host::a_dry_run_does_not_look,
        host::acts_on_the_plan_that_was_approved_and_no_other,
        host::asks_nobody_where_a_guard_refuses,
        approval::denied_or_expired_changes_nothing,
        approval::fails_where_nobody_can_be_asked,
        approval::an_answer_that_comes_too_late_does_nothing,
        ends::refuses_what_is_no_object,
        ends::says_an_error_that_nobody_expected,
        ends::repeats_what_is_transient,
        ends::cuts_a_report_that_is_too_long,
        ends::fails_where_nobody_was_told,
        restore::says_what_still_keeps_the_user_out,
        restore::resets_the_password,
        restore::ends_with_the_functions_error,
        alert::starts_each_containment_once,
        alert::asks_again_only_after_a_while,
        alert::fails_where_the_earlier_one_cannot_be_read,
        alert::starts_nothing_that_a_guard_refuses,
        alert::chooses_by_severity,
        alert::other_thresholds,
        alert::acts_without_a_severity_only_where_any_will_do,
        alert::does_not_contain_what_it_may_not,
        alert::reports_what_is_not_one_user,
        alert::fails_loudly,
        alert::needs_no_title,
        alert::takes_the_largest_alert,
        alert::leaves_ones_own_echo_alone,
        alert::does_nothing_for_a_finding_that_is_over,
        alert::fails_where_a_function_cannot_read_the_alert,
        alert::says_that_an_answer_cannot_be_read,
        alert::refuses_what_is_no_alert,
        organizations::each_call_names_it,
        organizations::nobody_is_guessed,
        organizations::an_alert_is_its_accounts,
    ]
}

/// An execution that ended well, with this status and one summary sent.
#[track_caller]
fn assert_status(ended: &Ended, status: &str) {
    assert_eq!((ended.status.as_str(), ended.error.as_str()), ("SUCCEEDED", ""));
    assert_eq!(ended.output["status"], status);
    assert_eq!(ended.notifications.last().map(String::as_str), ended.output["markdown"].as_str());
}

/// An execution that failed with this error, which the summary names, in words.
#[track_caller]
fn assert_failed(ended: &Ended, error: &str) {
    assert_failed_after(ended, error, 1);
}

/// The same where so many summaries are sent: a containment that was begun is looked at again before the end.
#[track_caller]
fn assert_failed_after(ended: &Ended, error: &str, summaries: usize) {
    assert_eq!((ended.status.as_str(), ended.error.as_str()), ("FAILED", error));
    assert_eq!(ended.notifications.len(), summaries, "summaries");
    for text in &ended.notifications {
        assert!(text.contains(error), "{text}");
    }
    for text in ended.notifications.iter().chain([&ended.cause]) {
        assert!(!text.contains("errorMessage"), "{text} is in words");
    }
}

/// A text that contains all of these.
#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

/// An entry of the guard table that asks for consent to this.
fn ask(sk: &str) -> Value {
    let text = |text: &str| json!({"S": text});
    json!({"pk": text("default#protected"), "sk": text(sk), "as": text("ask"), "who": text("anna"), "why": text("INC-9")})
}

/// Nothing in JumpCloud was touched.
#[track_caller]
fn assert_untouched(scene: &Scene) {
    assert_eq!(scene.tenant().writes().len(), 0);
}

fn reason(input: Value) -> Value {
    let mut input = input;
    input["reason"] = json!("INC-7");
    input
}
