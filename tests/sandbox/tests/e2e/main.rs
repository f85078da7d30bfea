//! The real binaries, from event to outcome, against the rehearsal tenant.

mod access;
mod accounts;
mod actions;
mod alerts;
mod answers;
mod batches;
mod bounds;
mod connection;
mod depth;
mod environment;
mod errors;
mod guards;
mod holds;
mod interleaved;
mod interruptions;
mod leaks;
mod local;
mod macs;
mod offline;
mod organizations;
mod rails;
mod safety;
mod scopes;
mod shutdown;
mod states;
mod telemetry;
mod terminal;
mod truth;
mod twice;
mod whom;

use std::{fs, path::PathBuf, time::Duration};

use sandbox::{
    contract::check_audit,
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::Value;

/// Sample events are as old as they are.
const ANY_AGE: (&str, &str) = ("MAX_EVENT_AGE_SECONDS", "4000000000");

/// One invocation of a cold function with these changes to its variables.
async fn run(
    rehearsal: &Rehearsal,
    playbook: &str,
    event: Value,
    changes: &[(&'static str, &str)],
) -> Result<Value, Value> {
    rehearsal.function(playbook, changes).await.invoke(event, TIMEOUT).await
}

/// A sample event, without what it says to be expected of it.
fn sample(name: &str) -> Value {
    let (_, mut event) = samples().into_iter().find(|(found, _)| found == name).expect("a sample event");
    event.as_object_mut().expect("an object").remove("_expect");
    event
}

/// All sample events by name, as they are.
fn samples() -> Vec<(String, Value)> {
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../events")).expect("the sample events");
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, serde_json::from_slice(&fs::read(path).expect("readable")).expect("valid JSON"))
    };
    files.map(|entry| read(entry.expect("a file").path())).collect()
}

/// `errorType` of a failed invocation.
fn error_type(answer: Result<Value, Value>) -> String {
    let error = answer.expect_err("the invocation should have failed");
    error["errorType"].as_str().expect("a name").to_owned()
}

/// The codes of an outcome's advisories.
fn codes(outcome: &Value) -> Vec<&str> {
    outcome["advisories"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|advisory| advisory["code"].as_str().expect("a code"))
        .collect()
}

/// The lines of the runs so far, once there are `count` of them: a line may come after the answer.
async fn runs(function: &Function, count: usize) -> Vec<Value> {
    let lines = async {
        loop {
            let logs = function.logs();
            let lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let runs: Vec<Value> = lines.filter(|line| line["_aws"].is_object()).collect();
            if runs.len() >= count {
                runs.iter().for_each(check_audit);
                return runs;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), lines).await.expect("the lines of the runs")
}
