//! The real binaries, from event to outcome, against the rehearsal tenant.

mod actions;
mod alerts;
mod answers;
mod batches;
mod environment;
mod errors;
mod guards;
mod interruptions;
mod leaks;
mod local;
mod safety;
mod shutdown;
mod telemetry;
mod twice;

use std::time::Duration;

use sandbox::lambda::Function;
use serde_json::Value;

/// A sample event.
fn sample(name: &str) -> Value {
    let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a sample event")).expect("valid JSON")
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
                return runs;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), lines).await.expect("the lines of the runs")
}
