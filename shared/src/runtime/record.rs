//! The line that each run leaves in the log: its metrics and, where something could be changed, the audit record.
//!
//! One JSON object on stdout, whatever the log's format and level: CloudWatch takes the metrics out of it by
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>,
//! and `audit` is what an export selects.

use std::io::{Write, stdout};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fit;
use crate::{
    error::{Error, ErrorType::SwitchedOff},
    jumpcloud::Traffic,
    outcome::{Outcome, Rule, Ruling, Status},
    request::{RequestInfo, Target},
    vars::{self, Vars},
};

const NAMESPACE: &str = "JumpCloudPlaybooks";
/// The most values that a metric may hold in one line.
const MAX_VALUES: usize = 100;

/// Whose lines they are, and where they go.
pub(super) struct Recorder {
    /// The playbook's name.
    playbook: &'static str,
    /// Whether it can change something: then each line holds the audit record.
    audited: bool,
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    function: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`.
    version: String,
    /// Takes the line of each run.
    log: fn(&str),
}

impl Recorder {
    pub(super) fn new(playbook: &'static str, audited: bool, vars: &Vars<'_>, log: fn(&str)) -> Self {
        let function = vars.named(vars::AWS_LAMBDA_FUNCTION_NAME).unwrap_or_else(|| playbook.to_owned());
        let version = vars.named(vars::AWS_LAMBDA_FUNCTION_VERSION).unwrap_or_else(|| "$LATEST".to_owned());
        Self { playbook, audited, function, version, log }
    }

    /// The one end of every run: completes an outcome, writes the line of the run, and gives the caller what it is answered
    /// with.
    pub(super) fn end(&self, ended: Ended) -> Result<Outcome, Error> {
        let ended = ended.complete(self.playbook);
        (self.log)(&ended.line(self, Utc::now()).to_string());
        ended.result
    }
}

/// What is known of a run when it ends.
pub(super) struct Ended {
    pub(super) info: RequestInfo,
    /// For what, as the audit record says it; `None` where the event never got as far as that.
    pub(super) asked: Option<Value>,
    pub(super) traffic: Traffic,
    pub(super) start: Instant,
    pub(super) result: Result<Outcome, Error>,
}

/// A target as it was asked for.
pub(super) fn asked(target: &Target) -> Value {
    let also: Vec<&str> = target.also.iter().map(|name| name.text.as_str()).collect();
    json!({"matched_by": target.name.by, "name": target.name.text, "also": also})
}

/// Writes `line` in one piece. A log that cannot be written is no reason to fail what was done.
pub(super) fn to_stdout(line: &str) {
    let _ = stdout().lock().write_all(format!("{line}\n").as_bytes());
}

impl Ended {
    /// A run that ended before it began.
    pub(super) fn before_it_began(info: RequestInfo, error: Error) -> Self {
        Self { info, asked: None, traffic: Traffic::default(), start: Instant::now(), result: Err(error) }
    }

    /// Fills in what an outcome says of its request and its run.
    fn complete(mut self, playbook: &'static str) -> Self {
        let duration_ms = self.duration_ms();
        if let Ok(outcome) = &mut self.result {
            outcome.playbook = playbook;
            outcome.api_calls = self.traffic.calls;
            outcome.duration_ms = duration_ms;
            outcome.request = self.info.clone();
            fit::finish(outcome);
        }
        self
    }

    fn duration_ms(&self) -> u64 {
        self.start.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }

    /// The line of the run.
    fn line(&self, recorder: &Recorder, now: DateTime<Utc>) -> Value {
        let latencies = self.traffic.latencies_ms.iter().take(MAX_VALUES).collect::<Vec<_>>();
        let error = self.result.as_ref().err();
        let count = |name: &str| json!({"Name": name, "Unit": "Count"});
        let milliseconds = |name: &str| json!({"Name": name, "Unit": "Milliseconds"});
        let target = self.result.as_ref().ok().and_then(|outcome| outcome.target.as_ref());
        let request = json!(self.info);
        let mut line = json!({
            // Without a time Lambda takes a line for INFO, whatever it is.
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "level": if self.result.is_ok() { "INFO" } else { "ERROR" },
            "message": if self.result.is_ok() { "done" } else { "failed" },
            "playbook": recorder.playbook,
            "target_id": target.and_then(|target| target.id.as_ref()),
            "request_id": request["request_id"],
            "event_id": request["event_id"],
            "correlation": request["correlation"],
            "error": error.map(|error| &error.message),
            "FunctionName": recorder.function,
            "Version": recorder.version,
            "Outcome": self.outcome(),
            "Switch": self.switch(),
            "Runs": 1,
            "UnexpectedRuns": u8::from(error.is_some_and(|error| error.error_type.is_unexpected())),
            "RefusedAlerts": u8::from(self.info.is_alert() && error.is_some_and(|error| !error.error_type.retry_helps())),
            "RunDuration": self.duration_ms(),
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
                            count("RefusedAlerts"),
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
        // A metric needs a number or at least one: a run that called nobody, or that looked for no holds, announces none.
        let mut announce = |metric: Value, value: Value| {
            line[metric["Name"].as_str().unwrap_or_default()] = value;
            if let Some(metrics) = line.pointer_mut("/_aws/CloudWatchMetrics/1/Metrics").and_then(Value::as_array_mut) {
                metrics.push(metric);
            }
        };
        if !latencies.is_empty() {
            announce(milliseconds("JumpCloudLatency"), json!(latencies));
        }
        if let Some(overdue) = self.overdue_holds() {
            announce(count("OverdueHolds"), json!(overdue));
        }
        if recorder.audited {
            line["audit"] = self.audit(recorder.playbook, request);
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

    /// What the switch is set to that held the run back. Not where a dry run was asked for.
    fn switch(&self) -> Option<&'static str> {
        let refuses = |outcome: &Outcome| {
            outcome.guards.iter().any(|guard| guard.rule == Rule::Switch && guard.verdict == Ruling::Refuse)
        };
        match &self.result {
            Err(error) if error.error_type == SwitchedOff => Some("off"),
            Ok(outcome) if outcome.status == Status::DryRun && !self.info.dry_run && refuses(outcome) => {
                Some("dry-run")
            }
            _ => None,
        }
    }

    /// How many holds nobody released after their time; `None` where the run did not look.
    fn overdue_holds(&self) -> Option<usize> {
        let rails = self.result.as_ref().ok()?.rails.as_ref()?;
        rails["overdue_holds"].as_array().map(Vec::len)
    }

    /// Who asked, for what, and what became of it. Names people, as an audit must; other lines do not.
    fn audit(&self, playbook: &str, request: Value) -> Value {
        let (outcome, error) = (self.result.as_ref().ok(), self.result.as_ref().err());
        json!({
            "playbook": playbook,
            "asked": self.asked,
            "request": request,
            "result": self.outcome(),
            "ignored": outcome.and_then(|outcome| outcome.ignored),
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::ErrorType::{self, *},
        outcome::Judgement,
    };

    fn line(error: ErrorType, latencies_ms: Vec<u64>) -> Value {
        let traffic = Traffic { latencies_ms, ..Traffic::default() };
        let ended = Ended { traffic, ..Ended::before_it_began(RequestInfo::default(), error.error("why")) };
        ended.line(&recorder(), DateTime::UNIX_EPOCH)
    }

    fn recorder() -> Recorder {
        let var = |name: &str| {
            let values = [(vars::AWS_LAMBDA_FUNCTION_NAME, "stack-x"), (vars::AWS_LAMBDA_FUNCTION_VERSION, "7")];
            values.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        Recorder::new("enrich-user", false, &Vars(&var), |_| {})
    }

    #[test]
    fn what_nobody_expects_counts_for_the_function_and_for_its_version() {
        let count = |error: ErrorType| line(error, Vec::new())["UnexpectedRuns"].clone();
        for error in [Internal, Unauthorized, Forbidden, SecretUnavailable, OutcomeUnknown, UnexpectedResponse] {
            assert_eq!(count(error), 1, "{error:?}");
        }
        for error in [InvalidInput, UserNotFound, AmbiguousHost, Protected, StaleEvent, RateLimited] {
            assert_eq!(count(error), 0, "{error:?}: a mistyped name is no fault of the version");
        }
        let line = line(Internal, Vec::new());
        assert_eq!((&line["FunctionName"], &line["Version"]), (&json!("stack-x"), &json!("7")));
        let sets = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let set = sets.iter().find(|set| set["Metrics"][0]["Name"] == "UnexpectedRuns").unwrap();
        assert_eq!(set["Dimensions"], json!([["FunctionName"], ["FunctionName", "Version"]]));
    }

    #[test]
    fn what_a_switch_held_back_says_so_and_a_dry_run_that_was_asked_for_does_not() {
        assert_eq!(line(SwitchedOff, Vec::new())["Switch"], "off");
        assert_eq!(line(LimitReached, Vec::new())["Switch"], Value::Null);
        let dry_run = |verdict, asked| {
            let guards = vec![Judgement::new(Rule::Switch, verdict, "why")];
            let outcome = Outcome { status: Status::DryRun, guards, ..Outcome::new(None, "summary") };
            let info = RequestInfo { dry_run: asked, ..RequestInfo::default() };
            let ended = Ended { result: Ok(outcome), ..Ended::before_it_began(info, Internal.error("why")) };
            ended.line(&recorder(), DateTime::UNIX_EPOCH)["Switch"].clone()
        };
        assert_eq!(dry_run(Ruling::Refuse, false), "dry-run");
        assert_eq!(dry_run(Ruling::Refuse, true), Value::Null);
        assert_eq!(dry_run(Ruling::Pass, false), Value::Null);
    }

    #[test]
    fn what_shows_the_guard_rails_counts_the_holds_that_are_overdue_and_nothing_else_does() {
        let line = |rails| {
            let result = Ok(Outcome { rails, ..Outcome::new(None, "summary") });
            let ended = Ended { result, ..Ended::before_it_began(RequestInfo::default(), Internal.error("why")) };
            ended.line(&recorder(), DateTime::UNIX_EPOCH)
        };
        assert!(!line(None).to_string().contains("OverdueHolds"));
        for holds in [json!([]), json!([{}])] {
            let shown = line(Some(json!({"overdue_holds": holds})));
            assert_eq!(shown["OverdueHolds"], holds.as_array().unwrap().len());
            let set = &shown["_aws"]["CloudWatchMetrics"][1];
            assert_eq!(set["Dimensions"], json!([["FunctionName"]]));
            assert!(set["Metrics"].to_string().contains(r#""Name":"OverdueHolds""#), "{set}");
        }
    }

    #[test]
    fn a_run_without_a_call_announces_no_latency() {
        let without = line(InvalidInput, Vec::new()).to_string();
        assert!(!without.contains("JumpCloudLatency"), "{without}");
        let with = line(InvalidInput, vec![3, 4]);
        assert_eq!(with["JumpCloudLatency"], json!([3, 4]));
        assert!(with["_aws"].to_string().contains(r#""Name":"JumpCloudLatency""#), "{with}");
    }
}
