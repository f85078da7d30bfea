//! The line that each run leaves in the log: its metrics and, where something could be changed, the audit record.
//!
//! One JSON object on stdout, whatever the log's format and level: CloudWatch takes the metrics out of it by
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>,
//! and `audit` is what an export selects.

use std::io::{Write, stdout};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    error::Error,
    jumpcloud::Traffic,
    markdown,
    outcome::Outcome,
    playbooks::Playbook,
    request::{RequestInfo, Target},
};

const NAMESPACE: &str = "JumpCloudPlaybooks";
/// The most values that a metric may hold in one line.
const MAX_VALUES: usize = 100;
/// A correlation is any JSON; longer ones stay out of the log, whose lines CloudWatch limits.
const MAX_CORRELATION: usize = 4096;

/// What is known of a run when it ends.
pub(super) struct Ended {
    pub(super) info: RequestInfo,
    /// `None` where the event never got as far as naming one.
    pub(super) target: Option<Target>,
    pub(super) traffic: Traffic,
    pub(super) start: Instant,
    pub(super) result: Result<Outcome, Error>,
}

/// Writes `line` in one piece. A log that cannot be written is no reason to fail what was done.
pub(super) fn to_stdout(line: &str) {
    let _ = stdout().lock().write_all(format!("{line}\n").as_bytes());
}

impl Ended {
    /// A run that ended before it began.
    pub(super) fn refused(info: RequestInfo, error: Error) -> Self {
        Self { info, target: None, traffic: Traffic::default(), start: Instant::now(), result: Err(error) }
    }

    /// Fills in what an outcome says of its request and its run.
    pub(super) fn complete(mut self, playbook: &'static str) -> Self {
        let duration_ms = self.duration_ms();
        if let Ok(outcome) = &mut self.result {
            outcome.playbook = playbook;
            outcome.markdown = markdown::render(outcome);
            outcome.api_calls = self.traffic.calls;
            outcome.duration_ms = duration_ms;
            outcome.request = self.info.clone();
        }
        self
    }

    fn duration_ms(&self) -> u64 {
        self.start.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }

    /// The line of the run; with the audit record where `playbook` can change something.
    pub(super) fn line(&self, function: &str, playbook: &dyn Playbook, now: DateTime<Utc>) -> Value {
        let latencies = self.traffic.latencies_ms.iter().take(MAX_VALUES).collect::<Vec<_>>();
        let error = self.result.as_ref().err();
        let count = |name: &str| json!({"Name": name, "Unit": "Count"});
        let milliseconds = |name: &str| json!({"Name": name, "Unit": "Milliseconds"});
        let target_id = self.result.as_ref().ok().and_then(|outcome| outcome.target.id.as_ref());
        let request = self.request();
        let mut line = json!({
            // Without a time Lambda takes a line for INFO, whatever it is.
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "level": if self.result.is_ok() { "INFO" } else { "ERROR" },
            "message": if self.result.is_ok() { "done" } else { "failed" },
            "playbook": playbook.name(),
            "target_id": target_id,
            "request_id": request["request_id"],
            "event_id": request["event_id"],
            "correlation": request["correlation"],
            "error": error.map(|error| &error.message),
            "FunctionName": function,
            "Outcome": self.outcome(),
            "Runs": 1,
            "RunDuration": self.duration_ms(),
            "JumpCloudCalls": self.traffic.calls,
            "JumpCloudThrottles": self.traffic.throttled,
            "JumpCloudLatency": latencies,
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
                            milliseconds("JumpCloudLatency"),
                        ],
                    },
                ],
            },
        });
        if playbook.mutating() {
            line["audit"] = self.audit(playbook.name(), request);
        }
        line
    }

    /// The status, or the name of the error: the two sets have no name in common.
    fn outcome(&self) -> Value {
        match &self.result {
            Ok(outcome) => json!(outcome.status),
            Err(error) => json!(error.error_type),
        }
    }

    /// Who asked, for what, and what became of it. Names people, as an audit must; other lines do not.
    fn audit(&self, playbook: &str, request: Value) -> Value {
        let asked = self.target.as_ref().map(|target| {
            let also: Vec<&str> = target.also.iter().map(|name| name.text.as_str()).collect();
            json!({"matched_by": target.name.by, "name": target.name.text, "also": also})
        });
        let (outcome, error) = (self.result.as_ref().ok(), self.result.as_ref().err());
        json!({
            "playbook": playbook,
            "asked": asked,
            "request": request,
            "result": self.outcome(),
            "target": outcome.map(|outcome| &outcome.target),
            "changed": outcome.map(|outcome| outcome.changed),
            "verified": outcome.map(|outcome| outcome.verified),
            "before": outcome.map(|outcome| &outcome.before),
            "after": outcome.map(|outcome| &outcome.after),
            "undo": outcome.map(|outcome| &outcome.undo),
            "error": error.map(|error| &error.message),
            "done": error.map(|error| error.done),
            "cause": error.and_then(|error| error.cause),
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
