//! What holds for every playbook of the list, whichever is added to it, and but for the calls for what sets the guard rails.

use sandbox::{
    playbooks::{self, Playbook},
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::API_KEY,
};
use serde_json::{Value, json};

use crate::{error_type, runs};

/// The event with another field.
fn with(playbook: &Playbook, field: &str, value: Value) -> Value {
    let mut event = playbook.event.clone();
    event[field] = value;
    event
}

#[tokio::test]
async fn each_does_what_the_list_says_and_leaves_one_line() {
    for playbook in playbooks::all() {
        let rehearsal = Rehearsal::start().await;
        let function = rehearsal.function(&playbook.name, &[]).await;
        let outcome = function.invoke(playbook.event.clone(), TIMEOUT).await.expect("an outcome");
        assert_eq!((&outcome["playbook"], &outcome["status"]), (&json!(playbook.name), &json!(playbook.status)));
        assert_eq!(rehearsal.tenant.writes().len(), usize::from(playbook.changes), "{}", playbook.name);
        assert_eq!(error_type(function.invoke(playbook.refused.clone(), TIMEOUT).await), playbook.error);
        assert_eq!(rehearsal.tenant.writes().len(), usize::from(playbook.changes), "{}", playbook.name);
        let runs = runs(&function, 2).await;
        assert_eq!(runs.len(), 2, "{}", playbook.name);
        assert!(runs.iter().all(|run| run.get("audit").is_some() == playbook.changes), "{}", playbook.name);
    }
}

#[tokio::test]
async fn a_dry_run_sends_nothing_but_reads() {
    for playbook in playbooks::functions() {
        let rehearsal = Rehearsal::start().await;
        let status = if playbook.changes { "dry_run" } else { &playbook.status };
        let asked = rehearsal.run(&playbook.name, with(playbook, "dry_run", json!(true))).await.expect("an outcome");
        assert_eq!((&asked["status"], &asked["changed"]), (&json!(status), &json!(false)), "{}", playbook.name);
        // The variable wins over an event that says otherwise.
        let function = rehearsal.function(&playbook.name, &[("DRY_RUN", "true")]).await;
        let forced = function.invoke(with(playbook, "dry_run", json!(false)), TIMEOUT).await.expect("an outcome");
        assert_eq!(forced["status"], status, "{}", playbook.name);
        assert!(rehearsal.tenant.writes().is_empty(), "{}", playbook.name);
    }
}

#[tokio::test]
async fn neither_key_nor_stored_secrets_come_out_at_any_level() {
    let rehearsal = Rehearsal::start().await;
    for playbook in playbooks::functions() {
        let talkative = [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "trace")];
        let function = rehearsal.function(&playbook.name, &talkative).await;
        let answer = function.invoke(playbook.event.clone(), TIMEOUT).await.expect("an outcome");
        runs(&function, 1).await;
        let out = format!("{answer}\n{}", function.logs());
        for secret in ["SECRET", API_KEY] {
            assert!(!out.contains(secret), "{}: {out}", playbook.name);
        }
    }
}

#[tokio::test]
async fn what_is_unclear_is_refused_without_a_call() {
    let rehearsal = Rehearsal::start().await;
    for playbook in playbooks::functions() {
        let function = rehearsal.function(&playbook.name, &[]).await;
        let unclear = [with(playbook, "dryrun", json!(true)), with(playbook, "dry_run", json!("yes")), json!(7)];
        // Nothing has to be said to what takes nothing.
        for event in unclear.into_iter().chain((!playbook.takes.is_empty()).then(|| json!({}))) {
            assert_eq!(error_type(function.invoke(event, TIMEOUT).await), "InvalidInput", "{}", playbook.name);
        }
    }
    assert!(rehearsal.tenant.requests().is_empty());
}
