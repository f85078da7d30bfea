//! Each variable of a function, and the secret.

use sandbox::{
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{JSMITH, NOBODY},
    tenant::{API_KEY, ORG_ID},
};
use serde_json::{Value, json};

use crate::{error_type, runs};

fn event() -> Value {
    json!({"username": "jsmith"})
}

#[tokio::test]
async fn the_secret_may_be_json_and_carry_the_organization() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.require_org();
    assert_eq!(error_type(rehearsal.run("enrich-user", event()).await), "Unauthorized");

    let function = rehearsal.function("enrich-user", &[("JUMPCLOUD_ORG_ID", ORG_ID)]).await;
    assert_eq!(function.invoke(event(), TIMEOUT).await.unwrap()["status"], "succeeded");

    rehearsal.secrets.set(&json!({"api_key": API_KEY, "org_id": ORG_ID}).to_string());
    let function = rehearsal.function("enrich-user", &[("JUMPCLOUD_ORG_ID", NOBODY)]).await;
    assert_eq!(function.invoke(event(), TIMEOUT).await.unwrap()["status"], "succeeded");
    let last = rehearsal.tenant.requests().pop().unwrap();
    assert_eq!(
        (&last.headers["x-api-key"], &last.headers["x-org-id"]),
        (&API_KEY.parse().unwrap(), &ORG_ID.parse().unwrap())
    );
}

#[tokio::test]
async fn without_an_organization_no_header_is_sent() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.run("enrich-user", event()).await.unwrap();
    assert!(rehearsal.tenant.requests().iter().all(|request| request.headers.get("x-org-id").is_none()));
}

#[tokio::test]
async fn the_secret_is_read_once_and_again_when_the_key_was_rotated() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("enrich-user", &[]).await;
    for _ in 0..3 {
        function.invoke(event(), TIMEOUT).await.unwrap();
    }
    assert_eq!(rehearsal.secrets.reads(), 1);
    rehearsal.tenant.set_key("jca_rotated");
    rehearsal.secrets.set("jca_rotated");
    let outcome = function.invoke(event(), TIMEOUT).await.unwrap();
    // The refused one and the seven that an answer takes.
    assert_eq!((&outcome["status"], &outcome["api_calls"]), (&json!("succeeded"), &json!(8)));
    assert_eq!(rehearsal.secrets.reads(), 2);
}

#[tokio::test]
async fn a_wrong_key_is_tried_twice_and_then_said() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set_key("jca_other");
    let error = rehearsal.run("enrich-user", event()).await.unwrap_err();
    assert_eq!(error["errorType"], "Unauthorized");
    assert!(error["errorMessage"].as_str().unwrap().contains("api key user not found"));
    assert_eq!((rehearsal.tenant.requests().len(), rehearsal.secrets.reads()), (2, 2));
}

#[tokio::test]
async fn a_secret_that_fails_in_init_is_answered_by_name_and_tried_again() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.secrets.fail(Some("AccessDeniedException"));
    let function = rehearsal.function("enrich-user", &[]).await;
    let error = function.invoke(event(), TIMEOUT).await.unwrap_err();
    assert_eq!(error["errorType"], "SecretUnavailable");
    assert!(error["errorMessage"].as_str().unwrap().contains("secretsmanager:GetSecretValue"));
    rehearsal.secrets.fail(None);
    assert_eq!(function.invoke(event(), TIMEOUT).await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn secrets_that_are_no_keys_are_unavailable() {
    let rehearsal = Rehearsal::start().await;
    for secret in ["", "{}", "{\"api_key\": \"\"}", "not a key"] {
        rehearsal.secrets.set(secret);
        assert_eq!(error_type(rehearsal.run("disable-user", event()).await), "SecretUnavailable");
    }
    rehearsal.secrets.set(API_KEY);
    for (name, value) in [("JUMPCLOUD_SECRET_ID", ""), ("JUMPCLOUD_SECRET_ID", "another")] {
        let function = rehearsal.function("disable-user", &[(name, value)]).await;
        assert_eq!(error_type(function.invoke(event(), TIMEOUT).await), "SecretUnavailable", "{name}={value}");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn the_key_goes_over_https_or_loopback_only() {
    let rehearsal = Rehearsal::start().await;
    for url in [
        "http://console.jumpcloud.com/api",
        "http://192.0.2.1/api",
        "ftp://127.0.0.1/api",
        "console.jumpcloud.com",
        "https://user:pass@console.jumpcloud.com/api",
        "https://console.jumpcloud.com/api?x=1",
    ] {
        let function = rehearsal.function("disable-user", &[("JUMPCLOUD_API_URL", url)]).await;
        let error = function.invoke(event(), TIMEOUT).await.unwrap_err();
        assert_eq!(error["errorType"], "Internal", "{url}");
        assert!(error["errorMessage"].as_str().unwrap().contains("JUMPCLOUD_API_URL"));
    }
    // Secrets Manager's answer holds the key.
    for url in ["http://secretsmanager.us-east-1.amazonaws.com", "http://host.docker.internal:9003", "secretsmanager"] {
        let function = rehearsal.function("disable-user", &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)]).await;
        let error = function.invoke(event(), TIMEOUT).await.unwrap_err();
        assert_eq!(error["errorType"], "Internal", "{url}");
        assert!(error["errorMessage"].as_str().unwrap().contains("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn a_dry_run_variable_that_is_not_clear_stops_the_function() {
    let rehearsal = Rehearsal::start().await;
    for value in ["yes", "1", "ture"] {
        let function = rehearsal.function("disable-user", &[("DRY_RUN", value)]).await;
        assert_eq!(error_type(function.invoke(event(), TIMEOUT).await), "Internal");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn log_lines_follow_lambdas_format_and_level() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("enrich-user", &[("AWS_LAMBDA_LOG_FORMAT", "JSON")]).await;
    function.invoke(event(), TIMEOUT).await.unwrap();
    let line = runs(&function, 1).await.remove(0);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        (&line["level"], &line["playbook"], &line["target_id"]),
        (&json!("INFO"), &json!("enrich-user"), &json!(JSMITH))
    );

    // Above INFO, what is left is the line of the run.
    let function = rehearsal.function("enrich-user", &[("AWS_LAMBDA_LOG_LEVEL", "ERROR")]).await;
    function.invoke(event(), TIMEOUT).await.unwrap();
    runs(&function, 1).await;
    assert_eq!(function.logs().lines().count(), 1);
}
