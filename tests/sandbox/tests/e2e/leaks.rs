//! What must not get out: keys, secrets of JumpCloud's objects, payloads.

use sandbox::{
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::API_KEY,
};
use serde_json::{Value, json};

use crate::runs;

/// Runs one invocation at the most talkative log level; everything that comes out of it.
async fn everything(rehearsal: &Rehearsal, playbook: &str, event: Value) -> String {
    let function = rehearsal.function(playbook, &[("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "trace")]).await;
    let answer = match function.invoke(event, TIMEOUT).await {
        Ok(answer) | Err(answer) => answer,
    };
    format!("{answer}\n{}", function.logs())
}

#[tokio::test]
async fn neither_key_nor_stored_secrets_come_out_of_any_playbook() {
    let rehearsal = Rehearsal::start().await;
    for (playbook, event) in [
        ("enrich-host", json!({"hostname": "Computer123"})),
        ("enrich-user", json!({"username": "jsmith"})),
        ("disable-user", json!({"username": "jsmith"})),
        ("enable-user", json!({"username": "jsmith"})),
        ("reset-password", json!({"username": "jsmith"})),
        ("shutdown-host", json!({"hostname": "Computer123"})),
    ] {
        let out = everything(&rehearsal, playbook, event).await;
        assert!(out.contains("done"), "the invocation left no trace: {out}");
        for secret in ["SECRET", API_KEY] {
            assert!(!out.contains(secret), "{playbook}: {out}");
        }
    }
}

#[tokio::test]
async fn a_payload_is_never_repeated_by_an_error_or_a_log() {
    let rehearsal = Rehearsal::start().await;
    for event in [
        json!({"username": "jsmith", "password": "hunter2-SECRET"}),
        json!({"username": {"x": "hunter2-SECRET"}}),
        json!("hunter2-SECRET"),
        json!({"username": "hunter2-SECRET\u{0}"}),
        json!({"username": "jsmith", "dry_run": "hunter2-SECRET"}),
        json!({"user_id": "hunter2-SECRET"}),
        json!({"username": "jsmith", "reason": ["hunter2-SECRET"]}),
        json!(["hunter2-SECRET"]),
    ] {
        let out = everything(&rehearsal, "disable-user", event).await;
        assert!(out.contains("InvalidInput"), "{out}");
        assert!(!out.contains("hunter2"), "{out}");
    }
    // A question's reason and target go back to the caller and nowhere else.
    let event = json!({"username": "jsmith", "reason": "hunter2"});
    let function = rehearsal.function("enrich-user", &[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
    function.invoke(event.clone(), TIMEOUT).await.unwrap();
    runs(&function, 1).await;
    let logs = function.logs();
    assert!(!logs.contains("hunter2") && !logs.contains("jsmith"), "{logs}");
    // A command's stand in the audit record and in no other line.
    let function = rehearsal.function("disable-user", &[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
    function.invoke(event, TIMEOUT).await.unwrap();
    runs(&function, 1).await;
    let logs = function.logs();
    let named: Vec<&str> = logs.lines().filter(|line| line.contains("hunter2") || line.contains("jsmith")).collect();
    assert!(matches!(named[..], [line] if line.contains("\"audit\":")), "{named:?}");
}

#[tokio::test]
async fn an_error_text_that_repeats_the_key_is_cleaned() {
    let rehearsal = Rehearsal::start().await;
    let body = json!({"message": format!("no access for {API_KEY}\r\nforged line")}).to_string();
    rehearsal.tenant.order(Fault::Answer(403, "application/json", body), "POST", "/search/", 1);
    let out = everything(&rehearsal, "disable-user", json!({"username": "jsmith"})).await;
    assert!(out.contains("[redacted]") && !out.contains(API_KEY), "{out}");
    assert!(!out.contains("\nforged"), "{out}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (rehearsal, elsewhere) = (Rehearsal::start().await, Rehearsal::start().await);
    let location = format!("{}/search/systemusers", elsewhere.tenant.url());
    rehearsal.tenant.order(Fault::Redirect(location), "POST", "/search/", 1);
    let out = everything(&rehearsal, "disable-user", json!({"username": "jsmith"})).await;
    assert!(out.contains("Unauthorized"), "{out}");
    assert!(elsewhere.tenant.requests().is_empty());
    assert_eq!(rehearsal.tenant.requests().len(), 1);
}

#[tokio::test]
async fn names_cannot_become_markup_in_a_ticket() {
    let rehearsal = Rehearsal::start().await;
    let name = "[click](http://evil.example) `x` <img src=x> *b*";
    rehearsal.tenant.set("systems", "6140aa10bb20cc30dd40ee02", json!({"hostname": name}));
    let outcome = rehearsal.run("enrich-host", json!({"host_id": "6140aa10bb20cc30dd40ee02"})).await.unwrap();
    let markdown = outcome["markdown"].as_str().unwrap();
    assert!(markdown.contains("\\[click\\]") && markdown.contains("\\<img"), "{markdown}");
    assert!(markdown.contains("`[click](http://evil.example) 'x' <img src=x> *b*`"), "{markdown}");
}
