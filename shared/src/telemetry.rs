//! The line that each run leaves in the log: its metrics and, where something could be changed, the audit record.
//!
//! One JSON object on stdout, whatever the log's format and level: CloudWatch takes the metrics out of it by
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>,
//! and `audit` is what an export selects.

use std::{
    env,
    io::{Write, stdout},
    time::SystemTime,
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{
    error::Error,
    jumpcloud::Traffic,
    outcome::Outcome,
    request::{RequestInfo, Target},
};

const NAMESPACE: &str = "JumpCloudPlaybooks";
/// A metric may hold so many values in one line.
const MAX_VALUES: usize = 100;
/// A correlation is any JSON; longer ones stay out of the log, whose lines CloudWatch limits.
const MAX_CORRELATION: usize = 4096;

/// What is known of a run when it ends.
pub(crate) struct Run<'a> {
    pub(crate) playbook: &'a str,
    /// Whether the playbook can change something: then it is audited.
    pub(crate) mutating: bool,
    /// `None` where the event never got as far as naming one.
    pub(crate) target: Option<&'a Target>,
    pub(crate) info: &'a RequestInfo,
    pub(crate) result: Result<&'a Outcome, &'a Error>,
    pub(crate) traffic: Traffic,
    pub(crate) duration_ms: u64,
}

impl Run<'_> {
    /// Writes the line.
    pub(crate) fn log(self) {
        let function = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| self.playbook.to_owned());
        let version = env::var("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_else(|_| "$LATEST".to_owned());
        let mut line = self.line(&function, &version, SystemTime::now().into()).to_string();
        line.push('\n');
        // In one piece. A log that cannot be written is no reason to fail what was done.
        let _ = stdout().lock().write_all(line.as_bytes());
    }

    fn line(mut self, function: &str, version: &str, now: DateTime<Utc>) -> Value {
        self.traffic.latencies_ms.truncate(MAX_VALUES);
        let count = |name: &str| json!({"Name": name, "Unit": "Count"});
        let milliseconds = |name: &str| json!({"Name": name, "Unit": "Milliseconds"});
        let target_id = self.result.ok().and_then(|outcome| outcome.target.id.as_ref());
        let request = self.request();
        let mut line = json!({
            // Without a time Lambda takes a line for INFO, whatever it is.
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "level": if self.result.is_ok() { "INFO" } else { "ERROR" },
            "message": if self.result.is_ok() { "done" } else { "failed" },
            "playbook": self.playbook,
            "target_id": target_id,
            "request_id": request["request_id"],
            "event_id": request["event_id"],
            "correlation": request["correlation"],
            "error": self.result.err().map(|error| &error.message),
            "FunctionName": function,
            "Version": version,
            "Outcome": self.outcome(),
            "Runs": 1,
            "UnexpectedRuns": u8::from(self.result.is_err_and(|error| error.error_type.is_unexpected())),
            "RunDuration": self.duration_ms,
            "JumpCloudCalls": self.traffic.calls,
            "JumpCloudThrottles": self.traffic.throttled,
            "_aws": {
                "Timestamp": now.timestamp_millis(),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["FunctionName", "Outcome"]],
                        "Metrics": [count("Runs")],
                    },
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["FunctionName"]],
                        "Metrics": [
                            milliseconds("RunDuration"),
                            count("JumpCloudCalls"),
                            count("JumpCloudThrottles"),
                        ],
                    },
                    {
                        "Namespace": NAMESPACE,
                        // Of all versions for people, of each version for the deployment that tries it.
                        "Dimensions": [["FunctionName"], ["FunctionName", "Version"]],
                        "Metrics": [count("UnexpectedRuns")],
                    },
                ],
            },
        });
        // A metric needs a number or at least one: a run that called nobody announces none.
        if !self.traffic.latencies_ms.is_empty() {
            line["JumpCloudLatency"] = json!(self.traffic.latencies_ms);
            if let Some(metrics) = line.pointer_mut("/_aws/CloudWatchMetrics/1/Metrics").and_then(Value::as_array_mut) {
                metrics.push(milliseconds("JumpCloudLatency"));
            }
        }
        if self.mutating {
            line["audit"] = self.audit(request);
        }
        line
    }

    /// The status, or the name of the error: the two sets have no name in common.
    fn outcome(&self) -> Value {
        match self.result {
            Ok(outcome) => json!(outcome.status),
            Err(error) => json!(format!("{:?}", error.error_type)),
        }
    }

    /// Who asked, for what, and what became of it. Names people, as an audit must; other lines do not.
    fn audit(&self, request: Value) -> Value {
        let asked = self.target.map(|target| json!({"matched_by": target.by, "name": target.text}));
        let outcome = self.result.ok();
        json!({
            "playbook": self.playbook,
            "asked": asked,
            "request": request,
            "result": self.outcome(),
            "target": outcome.map(|outcome| &outcome.target),
            "changed": outcome.map(|outcome| outcome.changed),
            "verified": outcome.map(|outcome| outcome.verified),
            "before": outcome.map(|outcome| &outcome.before),
            "after": outcome.map(|outcome| &outcome.after),
            "undo": outcome.map(|outcome| &outcome.undo),
            "error": self.result.err().map(|error| &error.message),
        })
    }

    /// As outcomes repeat it, but for a long correlation.
    fn request(&self) -> Value {
        let mut request = json!(self.info);
        if let Some(correlation) = request.get_mut("correlation") {
            let length = correlation.to_string().len();
            if length > MAX_CORRELATION {
                *correlation = json!(format!("[{length} bytes, left out]"));
            }
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorType::{self, *};

    fn line(result: Result<&Outcome, &Error>, latencies_ms: Vec<u64>) -> Value {
        let traffic = Traffic { latencies_ms, ..Traffic::default() };
        let info = RequestInfo::default();
        let run = Run { playbook: "x", mutating: false, target: None, info: &info, result, traffic, duration_ms: 1 };
        run.line("stack-x", "7", SystemTime::UNIX_EPOCH.into())
    }

    #[test]
    fn what_nobody_expects_counts_for_the_function_and_for_its_version() {
        let count = |error: ErrorType| line(Err(&error.error("why")), Vec::new())["UnexpectedRuns"].clone();
        for error in [Internal, Unauthorized, Forbidden, SecretUnavailable, OutcomeUnknown, UnexpectedResponse] {
            assert_eq!(count(error), 1, "{error:?}");
        }
        for error in [InvalidInput, UserNotFound, AmbiguousHost, Protected, StaleEvent, RateLimited] {
            assert_eq!(count(error), 0, "{error:?}: a mistyped name is no fault of the version");
        }
        let line = line(Err(&Internal.error("why")), Vec::new());
        assert_eq!((&line["FunctionName"], &line["Version"]), (&json!("stack-x"), &json!("7")));
        let sets = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let set = sets.iter().find(|set| set["Metrics"][0]["Name"] == "UnexpectedRuns").unwrap();
        assert_eq!(set["Dimensions"], json!([["FunctionName"], ["FunctionName", "Version"]]));
    }

    #[test]
    fn a_run_without_a_call_announces_no_latency() {
        let without = line(Err(&InvalidInput.error("why")), Vec::new()).to_string();
        assert!(!without.contains("JumpCloudLatency"), "{without}");
        let with = line(Err(&InvalidInput.error("why")), vec![3, 4]);
        assert_eq!(with["JumpCloudLatency"], json!([3, 4]));
        assert!(with["_aws"].to_string().contains(r#""Name":"JumpCloudLatency""#), "{with}");
    }
}
