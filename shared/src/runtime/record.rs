//! The line that each run leaves in the log: its metrics and, where something could be changed, the audit record.
//!
//! One JSON object on stdout, whatever the log's format and level: CloudWatch takes the metrics out of it by
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>,
//! and `audit` is what an export selects.

use std::io::{Write, stdout};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};
use tokio::time::Instant;

use super::fit;
use crate::{
    error::{
        Effect, Error,
        ErrorType::{self, SwitchedOff},
    },
    ids::ObjectId,
    jumpcloud::Traffic,
    organizations::{Alias, Organizations},
    outcome::{Ignored, Outcome, OutcomeTarget, Rule, Ruling, Status, Undo},
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
    /// See [`metrics`].
    metrics: [Box<RawValue>; 3],
    /// The organizations that have metrics of their own, and those.
    own: Option<(Vec<Alias>, [Box<RawValue>; 3])>,
    /// Takes the line of each run.
    log: fn(&str),
}

impl Recorder {
    pub(super) fn new(playbook: &'static str, audited: bool, vars: &Vars<'_>, log: fn(&str)) -> Self {
        let function = vars.named(vars::AWS_LAMBDA_FUNCTION_NAME).unwrap_or_else(|| playbook.to_owned());
        let version = vars.named(vars::AWS_LAMBDA_FUNCTION_VERSION).unwrap_or_else(|| "$LATEST".to_owned());
        // Where it makes no sense, nothing is run for any.
        let named =
            Organizations::from_vars(vars).map(|organizations| organizations.named().into_iter().cloned().collect());
        let named: Vec<Alias> = named.unwrap_or_default();
        let own = (!named.is_empty()).then(|| (named, metrics(true)));
        Self { playbook, audited, function, version, metrics: metrics(false), own, log }
    }

    /// Of whoever the configuration names: what an event may name besides would be metrics without end.
    fn metrics(&self, organization: Option<&Alias>) -> &[Box<RawValue>; 3] {
        match (&self.own, organization) {
            (Some((named, metrics)), Some(alias)) if named.contains(alias) => metrics,
            _ => &self.metrics,
        }
    }

    /// The one end of every run: completes an outcome, writes the line of the run, and gives the caller what it is answered
    /// with.
    pub(super) fn end(&self, ended: Ended) -> Result<Outcome, Error> {
        let ended = ended.complete(self.playbook);
        (self.log)(&ended.line(self, Utc::now()));
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
            if let (Some(undo), Some(organization)) = (&mut outcome.undo, &self.info.organization) {
                undo.of(organization);
            }
            fit::finish(outcome);
        }
        self
    }

    fn duration_ms(&self) -> u64 {
        self.start.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }

    /// The line of the run, as JSON.
    fn line(&self, recorder: &Recorder, now: DateTime<Utc>) -> String {
        let latencies = &self.traffic.latencies_ms;
        let latencies = &latencies[..latencies.len().min(MAX_VALUES)];
        let (outcome, error) = (self.result.as_ref().ok(), self.result.as_ref().err());
        let target = outcome.and_then(|outcome| outcome.target.as_ref());
        let [without_latency, with_latency, with_holds] = recorder.metrics(self.info.organization.as_ref());
        let overdue_holds = self.overdue_holds();
        let line = Line {
            timestamp: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            level: if error.is_none() { "INFO" } else { "ERROR" },
            message: if error.is_none() { "done" } else { "failed" },
            playbook: recorder.playbook,
            organization: self.info.organization.as_ref(),
            target_id: target.and_then(|target| target.id.as_ref()),
            request_id: &self.info.request_id,
            event_id: self.info.event_id.as_deref(),
            correlation: self.info.correlation.as_ref(),
            error: error.map(|error| error.message.as_str()),
            function: &recorder.function,
            version: &recorder.version,
            outcome: self.outcome(),
            switch: self.switch(),
            runs: 1,
            unexpected_runs: error.is_some_and(|error| error.error_type.is_unexpected()).into(),
            refused_alerts: (self.info.is_alert() && error.is_some_and(|error| !error.error_type.retry_helps())).into(),
            run_duration: self.duration_ms(),
            calls: self.traffic.calls,
            throttles: self.traffic.throttled,
            aws: Embedded {
                timestamp: now.timestamp_millis(),
                metrics: match (latencies, overdue_holds) {
                    (_, Some(_)) => with_holds,
                    ([], None) => without_latency,
                    _ => with_latency,
                },
            },
            latencies,
            overdue_holds,
            audit: recorder.audited.then(|| self.audit(recorder.playbook)),
        };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// The status, or the name of the error: the two sets have no name in common.
    fn outcome(&self) -> End {
        match &self.result {
            Ok(outcome) => End::Status(outcome.status),
            Err(error) => End::Error(error.error_type),
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

    /// The audit record. Names people, as an audit must; other lines do not.
    fn audit(&self, playbook: &'static str) -> Audit<'_> {
        let (outcome, error) = (self.result.as_ref().ok(), self.result.as_ref().err());
        Audit {
            playbook,
            asked: self.asked.as_ref(),
            request: &self.info,
            result: self.outcome(),
            ignored: outcome.and_then(|outcome| outcome.ignored),
            target: outcome.and_then(|outcome| outcome.target.as_ref()),
            changed: outcome.and_then(|outcome| outcome.changed),
            verified: outcome.and_then(|outcome| outcome.verified),
            before: outcome.and_then(|outcome| outcome.before.as_ref()),
            after: outcome.and_then(|outcome| outcome.after.as_ref()),
            undo: outcome.and_then(|outcome| outcome.undo.as_ref()),
            error: error.map(|error| error.message.as_str()),
            done: error.map(|error| error.done),
            cause: error.and_then(|error| error.cause),
        }
    }
}

/// How a run ended.
#[derive(Serialize)]
#[serde(untagged)]
enum End {
    Status(Status),
    Error(ErrorType),
}

/// The line of a run. Written as it is, not as a [`Value`], which took a third of the instructions of a short run.
#[derive(Serialize)]
struct Line<'a> {
    /// Without a time Lambda takes a line for INFO, whatever it is.
    timestamp: String,
    level: &'static str,
    message: &'static str,
    playbook: &'static str,
    #[serde(rename = "Organization", skip_serializing_if = "Option::is_none")]
    organization: Option<&'a Alias>,
    target_id: Option<&'a ObjectId>,
    request_id: &'a str,
    event_id: Option<&'a str>,
    correlation: Option<&'a Value>,
    error: Option<&'a str>,
    #[serde(rename = "FunctionName")]
    function: &'a str,
    #[serde(rename = "Version")]
    version: &'a str,
    #[serde(rename = "Outcome")]
    outcome: End,
    #[serde(rename = "Switch")]
    switch: Option<&'static str>,
    #[serde(rename = "Runs")]
    runs: u8,
    #[serde(rename = "UnexpectedRuns")]
    unexpected_runs: u8,
    #[serde(rename = "RefusedAlerts")]
    refused_alerts: u8,
    #[serde(rename = "RunDuration")]
    run_duration: u64,
    #[serde(rename = "JumpCloudCalls")]
    calls: u32,
    #[serde(rename = "JumpCloudThrottles")]
    throttles: u32,
    #[serde(rename = "_aws")]
    aws: Embedded<'a>,
    /// A metric needs a number or at least one: a run that called nobody announces none.
    #[serde(rename = "JumpCloudLatency", skip_serializing_if = "<[u64]>::is_empty")]
    latencies: &'a [u64],
    #[serde(rename = "OverdueHolds", skip_serializing_if = "Option::is_none")]
    overdue_holds: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Audit<'a>>,
}

/// What CloudWatch takes the metrics by.
#[derive(Serialize)]
struct Embedded<'a> {
    #[serde(rename = "Timestamp")]
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    metrics: &'a RawValue,
}

/// Who asked, for what, and what became of it.
#[derive(Serialize)]
struct Audit<'a> {
    playbook: &'static str,
    asked: Option<&'a Value>,
    request: &'a RequestInfo,
    result: End,
    ignored: Option<Ignored>,
    target: Option<&'a OutcomeTarget>,
    changed: Option<bool>,
    verified: Option<bool>,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    undo: Option<&'a Undo>,
    error: Option<&'a str>,
    done: Option<Effect>,
    cause: Option<ErrorType>,
}

/// The metrics of a line: without a call, with the latency of calls, and of what looked for holds, which calls nobody. Where
/// they are also those of one `organization`, that is another set of dimensions beside the others, on which alarms are.
fn metrics(organization: bool) -> [Box<RawValue>; 3] {
    let count = |name: &str| json!({"Name": name, "Unit": "Count"});
    let milliseconds = |name: &str| json!({"Name": name, "Unit": "Milliseconds"});
    let own =
        vec![milliseconds("RunDuration"), count("JumpCloudCalls"), count("JumpCloudThrottles"), count("RefusedAlerts")];
    [Vec::new(), vec![milliseconds("JumpCloudLatency")], vec![count("OverdueHolds")]].map(|more| {
        let own = [own.as_slice(), &more].concat();
        let mut metrics = json!([
            {"Namespace": NAMESPACE, "Dimensions": [["FunctionName", "Outcome"]], "Metrics": [count("Runs")]},
            {"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": own},
            // Of all versions for people, of each version for the deployment that tries it.
            {
                "Namespace": NAMESPACE,
                "Dimensions": [["FunctionName"], ["FunctionName", "Version"]],
                "Metrics": [count("UnexpectedRuns")],
            },
        ]);
        if let (true, Some(sets)) = (organization, metrics.as_array_mut()) {
            let counts = ["Runs", "UnexpectedRuns", "RefusedAlerts"].map(count);
            let dimensions = json!([["FunctionName", "Organization"]]);
            sets.push(json!({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": counts}));
        }
        to_raw_value(&metrics).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorType::*, outcome::Judgement};

    fn line(error: ErrorType, latencies_ms: Vec<u64>) -> Value {
        let traffic = Traffic { latencies_ms, ..Traffic::default() };
        let ended = Ended { traffic, ..Ended::before_it_began(RequestInfo::default(), error.error("why")) };
        parsed(&ended)
    }

    fn parsed(ended: &Ended) -> Value {
        serde_json::from_str(&ended.line(&recorder(), DateTime::UNIX_EPOCH)).unwrap()
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
            parsed(&ended)["Switch"].clone()
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
            parsed(&ended)
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
    fn an_organization_that_is_configured_has_counts_of_its_own_beside_those_that_alarms_watch() {
        let var = |name: &str| (name == "JUMPCLOUD_ORGS").then(|| "acme=633f3f295482343ff32add41".to_owned());
        let recorder = Recorder::new("enrich-user", false, &Vars(&var), |_| {});
        let sets = |alias: Option<&str>| {
            let info = RequestInfo { organization: alias.and_then(Alias::parse), ..RequestInfo::default() };
            let line = Ended::before_it_began(info, Internal.error("why")).line(&recorder, DateTime::UNIX_EPOCH);
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line.get("Organization").and_then(Value::as_str), alias);
            line["_aws"]["CloudWatchMetrics"].as_array().unwrap().clone()
        };
        let (without, with) = (sets(None), sets(Some("acme")));
        assert_eq!((&with[..without.len()], with.len()), (&without[..], without.len() + 1));
        assert_eq!(with[without.len()]["Dimensions"], json!([["FunctionName", "Organization"]]));
        assert_eq!(sets(Some("globex")), without, "an event may name what it likes");
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
