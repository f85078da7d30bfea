//! Each row of the error table, and what is repeated before it.

use std::time::{Duration, SystemTime};

use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{JSMITH, NOBODY},
};
use serde_json::json;

use crate::error_type;

async fn disable(rehearsal: &Rehearsal) -> Result<serde_json::Value, serde_json::Value> {
    rehearsal.run("disable-user", json!({"username": "jsmith"})).await
}

#[tokio::test]
async fn every_status_has_its_name() {
    let page = "<html>blocked</html>".to_owned();
    for (fault, expected, tries) in [
        (Fault::status(302), "Unauthorized", 1),
        (Fault::status(307), "Unauthorized", 1),
        (Fault::status(400), "UnexpectedResponse", 1),
        (Fault::status(401), "Unauthorized", 2),
        (Fault::status(402), "UnexpectedResponse", 1),
        (Fault::status(403), "Forbidden", 1),
        (Fault::Answer(403, "text/html", page.clone()), "Forbidden", 1),
        (Fault::status(404), "UnexpectedResponse", 1),
        (Fault::Answer(404, "text/html", page), "UnexpectedResponse", 1),
        (Fault::status(409), "UnexpectedResponse", 1),
        (Fault::status(422), "UnexpectedResponse", 1),
        (Fault::status(429), "RateLimited", 5),
        (Fault::status(500), "JumpCloudUnavailable", 1),
        (Fault::status(502), "JumpCloudUnavailable", 5),
        (Fault::status(503), "JumpCloudUnavailable", 5),
        (Fault::status(504), "JumpCloudUnavailable", 5),
        (Fault::CutBefore, "JumpCloudUnavailable", 21), // 16 could be connections that died in the freeze
        (Fault::HtmlPage, "UnexpectedResponse", 1),
        (Fault::Malformed, "UnexpectedResponse", 1),
        (Fault::Oversized, "UnexpectedResponse", 1),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(fault.clone(), "POST", "/search/", 99);
        assert_eq!(error_type(disable(&rehearsal).await), expected, "{fault:?}");
        assert_eq!(rehearsal.tenant.requests().len(), tries, "{fault:?}");
        assert!(rehearsal.tenant.writes().is_empty());
    }
}

#[tokio::test]
async fn passing_faults_are_repeated_away() {
    for (method, path) in [
        ("POST", "/search/systemusers"),
        ("PUT", "/systemusers/"),
        ("GET", "/systemusers/"),
        ("GET", "/v2/users/"),
        ("POST", "/search/systems"),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::status(503), method, path, 1);
        rehearsal.tenant.order(Fault::CutBefore, method, path, 1);
        rehearsal.tenant.order(Fault::status(429), method, path, 1);
        let outcome = disable(&rehearsal).await.unwrap();
        assert_eq!((&outcome["status"], &outcome["verified"]), (&json!("succeeded"), &json!(true)), "{method} {path}");
        assert_eq!(outcome["api_calls"], 6 + 3, "{method} {path}");
    }
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(503), "POST", "/expire", 2);
    assert_eq!(rehearsal.run("reset-password", json!({"username": "jsmith"})).await.unwrap()["verified"], true);
}

#[tokio::test]
async fn retry_after_is_honoured_in_both_forms_and_within_the_time_left() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    for value in ["1".to_owned(), date] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::Status(429, Some(value.clone())), "POST", "/search/systemusers", 1);
        let outcome = disable(&rehearsal).await.unwrap();
        assert!(outcome["duration_ms"].as_u64().unwrap() >= 900 || value != "1", "{outcome}");
    }
    // Longer than there is time, or than a function should sleep: said at once.
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Status(429, Some("3600".to_owned())), "POST", "/search/systemusers", 9);
    assert_eq!(error_type(disable(&rehearsal).await), "RateLimited");
    assert_eq!(rehearsal.tenant.requests().len(), 1);
}

#[tokio::test]
async fn when_the_time_is_up_before_anything_was_sent_it_is_deadline_exceeded() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Slow(Duration::from_secs(60)), "POST", "/search/", 9);
    let function = rehearsal.function("disable-user", &[]).await;
    let event = || json!({"username": "jsmith"});
    assert_eq!(error_type(function.invoke(event(), Duration::from_millis(900)).await), "DeadlineExceeded");
    // A change is not begun when there is no time left for its answer.
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    assert_eq!(error_type(function.invoke(event(), Duration::from_millis(700)).await), "DeadlineExceeded");
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn a_silent_secrets_manager_has_no_more_time_than_the_invocation() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    function.invoke(json!({"username": "jsmith", "dry_run": true}), sandbox::rehearsal::TIMEOUT).await.unwrap();
    rehearsal.tenant.set_key("jca_rotated");
    rehearsal.secrets.fall_silent();
    let answer = function.invoke(json!({"username": "jsmith"}), Duration::from_millis(1500)).await;
    assert_eq!(error_type(answer), "DeadlineExceeded");
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn nothing_listening_is_unavailable() {
    let rehearsal = Rehearsal::start().await;
    // Port 1 on loopback: nothing listens there.
    let function = rehearsal.function("disable-user", &[("JUMPCLOUD_API_URL", "http://127.0.0.1:1/api")]).await;
    let answer = function.invoke(json!({"username": "jsmith"}), sandbox::rehearsal::TIMEOUT).await;
    assert_eq!(error_type(answer), "JumpCloudUnavailable");
}

#[tokio::test]
async fn an_event_that_does_not_say_what_to_do_is_invalid_input() {
    let rehearsal = Rehearsal::start().await;
    for event in [
        json!(null),
        json!(7),
        json!([{"username": "jsmith"}]),
        json!({}),
        json!({"username": "jsmith", "dryrun": true}),
        json!({"hostname": "Computer123"}),
    ] {
        assert_eq!(error_type(rehearsal.run("disable-user", event).await), "InvalidInput");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn an_unknown_organization_is_not_an_unknown_user() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("enrich-user", &[("JUMPCLOUD_ORG_ID", NOBODY)]).await;
    for event in [json!({"user_id": JSMITH}), json!({"username": "jsmith"})] {
        assert_eq!(error_type(function.invoke(event, sandbox::rehearsal::TIMEOUT).await), "UnexpectedResponse");
    }
}
