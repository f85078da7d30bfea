//! Service accounts: the token beside the other calls, and what becomes of one that is not given.

use sandbox::{
    events,
    faults::Fault,
    playbooks,
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::{ORG_ID, SERVICE_ACCOUNT, TOKEN, TOKEN_PATH},
};
use serde_json::{Value, json};

use crate::error_type;

const JSON: &str = "application/json";

/// A tenant whose secret is the service account.
async fn rehearsal() -> Rehearsal {
    let rehearsal = Rehearsal::start().await;
    let [id, secret] = SERVICE_ACCOUNT;
    rehearsal.secrets.set(&json!({"client_id": id, "client_secret": secret, "org_id": ORG_ID}).to_string());
    rehearsal
}

fn event() -> Value {
    json!({"username": "jsmith"})
}

#[tokio::test]
async fn every_playbook_runs_on_a_token_and_asks_for_one_only() {
    for playbook in playbooks::all() {
        let rehearsal = rehearsal().await;
        rehearsal.tenant.require_org();
        let function = rehearsal.function(&playbook.name, &[]).await;
        for _ in 0..2 {
            let outcome = function.invoke(playbook.event.clone(), TIMEOUT).await.expect("an outcome");
            assert!(outcome["api_calls"].as_u64().is_some_and(|calls| calls > 0));
        }
        let requests = rehearsal.tenant.requests();
        let (token, calls): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.path == TOKEN_PATH);
        assert_eq!((token.len(), rehearsal.secrets.reads()), (1, 1), "{}", playbook.name);
        assert_eq!(token[0].headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(token[0].body, "grant_type=client_credentials&scope=api");
        assert_eq!(requests[0].path, TOKEN_PATH, "before the first call");
        for call in calls {
            assert_eq!(call.headers["authorization"], format!("Bearer {TOKEN}_1"));
            assert_eq!(call.headers["x-org-id"], ORG_ID);
            assert!(call.headers.get("x-api-key").is_none());
        }
        // What JumpCloud refuses to service accounts is not needed.
        assert!(requests.iter().all(|request| !request.path.starts_with("/api/organizations")), "{}", playbook.name);
    }
}

#[tokio::test]
async fn the_one_string_of_jumpclouds_own_application_is_taken() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.secrets.set(&SERVICE_ACCOUNT.join(":"));
    assert_eq!(rehearsal.run("enrich-user", event()).await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn concurrent_records_share_a_token_and_its_successor() {
    let rehearsal = rehearsal().await;
    let function = rehearsal.function("enrich-user", &[("BATCH_CONCURRENCY", "8")]).await;
    let batch = || {
        let record = |number: usize| events::record(&format!("m-{number}"), event());
        events::batch((0..16).map(record))
    };
    let done = json!({"batchItemFailures": []});
    assert_eq!(function.invoke(batch(), TIMEOUT).await.unwrap(), done);
    assert_eq!(rehearsal.tenant.tokens(), 1);
    rehearsal.tenant.revoke_tokens();
    assert_eq!(function.invoke(batch(), TIMEOUT).await.unwrap(), done);
    assert_eq!(rehearsal.tenant.tokens(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_again_once() {
    let rehearsal = rehearsal().await;
    let function = rehearsal.function("disable-user", &[]).await;
    function.invoke(json!({"username": "jsmith", "dry_run": true}), TIMEOUT).await.unwrap();
    rehearsal.tenant.revoke_tokens();
    let outcome = function.invoke(event(), TIMEOUT).await.unwrap();
    assert_eq!((&outcome["status"], rehearsal.tenant.tokens()), (&json!("succeeded"), 2));
    // One that is refused as well is said, with where to look.
    rehearsal.tenant.order(Fault::status(401), "POST", "/search/", 9);
    let error = function.invoke(json!({"username": "adunn"}), TIMEOUT).await.unwrap_err();
    assert_eq!((&error["errorType"], rehearsal.tenant.tokens()), (&json!("Unauthorized"), 3));
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.contains("service account") && message.contains("region"), "{message}");
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_when_its_token_is_refused() {
    let rehearsal = rehearsal().await;
    let function = rehearsal.function("enrich-user", &[]).await;
    function.invoke(event(), TIMEOUT).await.unwrap();
    rehearsal.tenant.set_client_secret("rotated_0123456789");
    rehearsal.secrets.set(&format!("{}:rotated_0123456789", SERVICE_ACCOUNT[0]));
    rehearsal.tenant.revoke_tokens();
    assert_eq!(function.invoke(event(), TIMEOUT).await.unwrap()["status"], "succeeded");
    assert_eq!((rehearsal.secrets.reads(), rehearsal.tenant.tokens()), (2, 2));
}

#[tokio::test]
async fn why_there_is_no_token_has_its_name() {
    let refusal = |word: &str| json!({"error": word}).to_string();
    for (fault, expected, word) in [
        (Fault::Answer(401, JSON, refusal("invalid_client")), "Unauthorized", "client id or secret"),
        (Fault::Answer(400, JSON, refusal("invalid_client")), "Unauthorized", "client id or secret"),
        (Fault::status(302), "Unauthorized", "region"),
        (Fault::Answer(400, JSON, refusal("invalid_scope")), "UnexpectedResponse", "invalid_scope"),
        (Fault::status(403), "Forbidden", "may not use the API"),
        (Fault::status(404), "UnexpectedResponse", "region"),
        (Fault::status(429), "RateLimited", "slow down"),
        (Fault::Status(429, Some("3600".to_owned())), "RateLimited", "slow down"),
        (Fault::status(500), "JumpCloudUnavailable", "try again"),
        (Fault::status(503), "JumpCloudUnavailable", "try again"),
        (Fault::status(522), "JumpCloudUnavailable", "try again"),
        (Fault::CutBefore, "JumpCloudUnavailable", "did not answer"),
        (Fault::HtmlPage, "UnexpectedResponse", "no token"),
        (Fault::Malformed, "UnexpectedResponse", "no token"),
        (Fault::Oversized, "UnexpectedResponse", "no token"),
        (Fault::Answer(200, JSON, json!({"access_token": ""}).to_string()), "UnexpectedResponse", "no token"),
    ] {
        let rehearsal = rehearsal().await;
        rehearsal.tenant.order(fault.clone(), "POST", TOKEN_PATH, 999);
        let error = rehearsal.run("disable-user", event()).await.expect_err("no token");
        assert_eq!(error["errorType"], expected, "{fault:?}: {error}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(word) && message.contains("service account"), "{fault:?}: {message}");
        assert!(rehearsal.tenant.requests().iter().all(|request| request.path == TOKEN_PATH), "{fault:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_given_in_init_is_asked_for_again() {
    let rehearsal = rehearsal().await;
    rehearsal.tenant.order(Fault::status(500), "POST", TOKEN_PATH, 1);
    assert_eq!(rehearsal.run("enrich-user", event()).await.unwrap()["status"], "succeeded");
    // A fault that passes is repeated away.
    let rehearsal = self::rehearsal().await;
    rehearsal.tenant.order(Fault::status(503), "POST", TOKEN_PATH, 1);
    rehearsal.tenant.order(Fault::CutBefore, "POST", TOKEN_PATH, 1);
    assert_eq!(rehearsal.run("enrich-user", event()).await.unwrap()["status"], "succeeded");
    assert_eq!(rehearsal.tenant.tokens(), 1);
}

#[tokio::test]
async fn a_wrong_client_secret_stops_the_function_by_name() {
    let rehearsal = rehearsal().await;
    rehearsal.tenant.set_client_secret("another_0123456789");
    assert_eq!(error_type(rehearsal.run("disable-user", event()).await), "Unauthorized");
    assert!(rehearsal.tenant.writes().is_empty());
}
