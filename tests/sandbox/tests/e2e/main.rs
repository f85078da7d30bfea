//! The real binaries, from event to outcome, against the rehearsal tenant.

mod actions;
mod answers;
mod environment;
mod errors;
mod leaks;
mod local;
mod shutdown;

use serde_json::Value;

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
