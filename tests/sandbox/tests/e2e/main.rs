//! The real binaries, from event to outcome, against the rehearsal tenant.

mod actions;
mod alerts;
mod answers;
mod batches;
mod environment;
mod errors;
mod leaks;
mod local;
mod shutdown;

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
