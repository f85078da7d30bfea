//! Roles that may do little, and `SUSPEND_WITH`.

use std::time::Duration;

use sandbox::{
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::SERVICE_ACCOUNT,
};
use serde_json::{Value, json};

use crate::{error_type, run};

const JSON: &str = "application/json; charset=utf-8";
const STATE: [(&str, &str); 1] = [("SUSPEND_WITH", "state")];
const READ: [&str; 3] = ["users.readonly", "systems.readonly", "groups.readonly"];

fn event() -> Value {
    json!({"username": "jsmith"})
}

/// A tenant whose secret is a key with these scopes, and those to read.
async fn with_scopes(scopes: &[&'static str]) -> Rehearsal {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.grant("jca_small", &[&READ, scopes].concat());
    rehearsal.secrets.set("jca_small");
    rehearsal
}

#[tokio::test]
async fn each_playbook_runs_with_the_smallest_scopes_and_not_with_those_of_enrich() {
    for (playbook, event, scopes) in [
        ("enrich-user", event(), &[][..]),
        ("enrich-host", json!({"hostname": "Computer123"}), &[]),
        ("disable-user", event(), &["users.properties.update"]),
        ("enable-user", json!({"username": "mgarcia"}), &["users.properties.update"]),
        ("enable-user", json!({"username": "pnew"}), &["users.state.activate"]),
        ("reset-password", event(), &["users.password.expire"]),
        ("shutdown-host", json!({"hostname": "Computer123"}), &["systems.management"]),
    ] {
        let rehearsal = with_scopes(scopes).await;
        let outcome = rehearsal.run(playbook, event.clone()).await.expect("an outcome");
        assert!(["succeeded", "accepted"].map(Value::from).contains(&outcome["status"]), "{playbook}: {outcome}");
        if scopes.is_empty() {
            continue;
        }
        let rehearsal = with_scopes(&[]).await;
        let error = rehearsal.run(playbook, event).await.unwrap_err();
        assert_eq!(error["errorType"], "Forbidden", "{playbook}: {error}");
        assert!(error["errorMessage"].as_str().unwrap().contains("scope"), "{error}");
        assert_eq!(rehearsal.tenant.user("jsmith")["state"], "ACTIVATED");
        assert!(rehearsal.tenant.shutdowns().is_empty());
    }
}

#[tokio::test]
async fn state_suspends_with_the_one_scope_that_cannot_change_a_password() {
    let rehearsal = with_scopes(&["users.state.suspend"]).await;
    assert_eq!(error_type(rehearsal.run("disable-user", event()).await), "Forbidden");
    let outcome = run(&rehearsal, "disable-user", event(), &STATE).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("succeeded"), &json!(true)));
    assert_eq!((&outcome["verified"], &outcome["after"]["state"]), (&json!(true), &json!("SUSPENDED")));
    let writes = rehearsal.tenant.writes();
    let last = writes.last().unwrap();
    assert!(last.method == "POST" && last.path.ends_with("/state/suspend") && last.body.is_empty(), "{last:?}");
    assert_eq!(last.headers["content-type"], "application/json");
    // Again it is nothing to do, and the way back is PUT.
    assert_eq!(run(&rehearsal, "disable-user", event(), &STATE).await.unwrap()["status"], "unchanged");
    assert_eq!(error_type(run(&rehearsal, "enable-user", event(), &STATE).await), "Forbidden");
}

#[tokio::test]
async fn a_service_account_has_scopes_as_well() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.secrets.set(&SERVICE_ACCOUNT.join(":"));
    rehearsal.tenant.grant(SERVICE_ACCOUNT[0], &READ);
    assert_eq!(rehearsal.run("enrich-user", event()).await.unwrap()["status"], "succeeded");
    let error = rehearsal.run("disable-user", event()).await.unwrap_err();
    assert_eq!(error["errorType"], "Forbidden");
    assert!(error["errorMessage"].as_str().unwrap().contains("service account"), "{error}");
}

#[tokio::test]
async fn the_read_back_alone_decides_what_state_did() {
    let done = |answer: Fault| async move {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(answer, "POST", "/state/suspend", 9);
        let ended = run(&rehearsal, "disable-user", event(), &STATE).await;
        (ended, rehearsal.tenant.writes().len())
    };
    // Whatever it answers without having done it, even the wanted state, is no suspension.
    let user = json!({"state": "SUSPENDED", "suspended": true}).to_string();
    for answer in [
        Fault::Ignored,
        Fault::Answer(200, JSON, user),
        Fault::Answer(200, JSON, "\"OK\"".to_owned()),
        Fault::Answer(204, JSON, String::new()),
        Fault::Answer(207, JSON, "{}".to_owned()),
        Fault::HtmlPage,
        Fault::status(500),
    ] {
        let (ended, writes) = done(answer.clone()).await;
        let error = ended.expect_err("no suspension");
        assert_eq!((&error["errorType"], writes), (&json!("OutcomeUnknown"), 1), "{answer:?}: {error}");
    }
    // What was done is seen, whatever it answers.
    for answer in
        [Fault::StatusAfter(500), Fault::StatusAfter(520), Fault::Late(Some(504), Duration::from_millis(1500))]
    {
        let outcome = done(answer.clone()).await.0.unwrap_or_else(|error| panic!("{answer:?}: {error}"));
        assert_eq!((&outcome["status"], &outcome["verified"]), (&json!("succeeded"), &json!(true)), "{answer:?}");
    }
    // Surely refused is said so.
    for (status, expected) in
        [(400, "UnexpectedResponse"), (403, "Forbidden"), (404, "UnexpectedResponse"), (429, "RateLimited")]
    {
        assert_eq!(error_type(done(Fault::status(status)).await.0), expected, "{status}");
    }
}

#[tokio::test]
async fn regions_and_ways_that_are_none_stop_the_function() {
    let rehearsal = Rehearsal::start().await;
    for (name, value) in [("SUSPEND_WITH", "patch"), ("JUMPCLOUD_REGION", "us-east-1")] {
        let error = run(&rehearsal, "disable-user", event(), &[(name, value)]).await.unwrap_err();
        assert_eq!(error["errorType"], "Internal", "{name}");
        assert!(error["errorMessage"].as_str().unwrap().contains(name), "{error}");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn a_secret_may_lead_elsewhere_and_a_named_url_goes_before_a_region() {
    let (expected, other) = (Rehearsal::start().await, Rehearsal::start().await);
    let secret = json!({"api_key": "jca_other", "region": "eu", "api_url": other.tenant.url()});
    other.tenant.set_key("jca_other");
    expected.secrets.set(&secret.to_string());
    let function = expected.function("enrich-user", &[("JUMPCLOUD_REGION", "in")]).await;
    assert_eq!(function.invoke(event(), TIMEOUT).await.unwrap()["status"], "succeeded");
    assert!(expected.tenant.requests().is_empty(), "no key went to the place that was only expected");
    // The variable's URL before the secret's region; what is refused there names the place.
    expected.secrets.set(&json!({"api_key": "jca_other", "region": "eu"}).to_string());
    let error = expected.run("enrich-user", event()).await.unwrap_err();
    let (message, url) = (error["errorMessage"].as_str().unwrap(), expected.tenant.url());
    let host = url.split('/').nth(2).unwrap();
    assert!(message.contains(host) && message.contains("region") && message.contains("API key"), "{message}");
    // Nor over plain http.
    for url in ["http://192.0.2.1/api", "http://host.docker.internal:9002/api"] {
        expected.secrets.set(&json!({"api_key": "jca_other", "api_url": url}).to_string());
        assert_eq!(error_type(expected.run("enrich-user", event()).await), "SecretUnavailable", "{url}");
    }
}
