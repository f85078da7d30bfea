//! From an event's JSON to checked [`Work`].
//!
//! `json` reads it, `envelope` opens what AWS puts around an alert, `formats` knows where each kind of finding names its target,
//! `target` reads it there, `direct` is the strict form for everything that is written for us.

mod direct;
mod envelope;
mod formats;
mod json;
mod target;

use aws_lambda_events::sqs::SqsMessage;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use self::{
    envelope::{Alert, Envelope},
    formats::{Parsed, first},
    json::Json,
    target::{Path, Place},
};
use crate::{
    error::{
        Error,
        ErrorType::{InvalidInput, StaleEvent},
    },
    outcome::{Candidate, Outcome, OutcomeTarget, Status},
    request::{DIRECT, RequestInfo, Target, TargetType},
    vars::{self, Vars},
};

/// How alerts are read; from the function's environment.
pub struct Settings {
    /// `TARGET_PATHS`: used instead of the built-in lists.
    target_paths: Option<Vec<Place>>,
    /// `MAX_EVENT_AGE_SECONDS`.
    max_age: TimeDelta,
    /// `JUMPCLOUD_SELF`, in lower case.
    own: Vec<String>,
}

/// What a playbook needs to say about itself to have its events read.
#[derive(Clone, Copy)]
pub struct Wants {
    /// Whether it takes a user or a host.
    pub target_type: TargetType,
    /// Whether it changes anything.
    pub mutating: bool,
}

/// What an invocation knows before it reads its event.
#[derive(Clone)]
pub struct Arrival {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// Whether the function makes dry runs only.
    pub dry_run: bool,
    /// When it began.
    pub now: DateTime<Utc>,
}

impl Arrival {
    /// What an invocation knows from its first line.
    pub fn info(&self) -> RequestInfo {
        RequestInfo { request_id: self.request_id.clone(), dry_run: self.dry_run, ..RequestInfo::default() }
    }
}

/// What an event asks for.
pub enum Intake {
    /// One thing.
    One(Box<Work>),
    /// The records of an SQS event.
    Batch(Vec<Record>),
}

/// Something to do, an answer that needs nothing to be done, or a refusal; and who asked.
pub struct Work {
    /// Who asked, and why; as far as it could be read.
    pub info: RequestInfo,
    /// What is asked for.
    pub todo: Result<Todo, Error>,
}

/// What is to be done.
pub enum Todo {
    /// The playbook, to this target.
    Run(Target),
    /// Nothing: the answer is known already.
    Answer(Box<Outcome>),
}

/// A record of a batch.
pub struct Record {
    /// What SQS calls it; empty where it did not say, which fails the whole batch.
    pub message_id: String,
    /// Its message group, in a FIFO queue.
    pub group: Option<String>,
    /// What it asks for; several things where its findings name several targets.
    pub work: Vec<Work>,
}

impl Settings {
    /// # Errors
    /// `Internal` for a variable that makes no sense: what it was meant to prevent is not known.
    pub fn from_vars(vars: &Vars<'_>) -> Result<Self, Error> {
        let target_paths = vars.parsed(&vars::TARGET_PATHS, |paths| {
            let place = |path: &str| Some(Place { at: Path::parse(path)?, fields: &[] });
            split_paths(paths).into_iter().map(place).collect()
        })?;
        let seconds = vars.parsed(&vars::MAX_EVENT_AGE_SECONDS, |seconds| seconds.parse::<u32>().ok())?;
        let own = vars.list(&vars::JUMPCLOUD_SELF);
        Ok(Self { target_paths, max_age: TimeDelta::seconds(i64::from(seconds.unwrap_or(3600))), own })
    }

    /// Reads an event of any shape. In a batch, what is wrong with one record is that record's error.
    pub fn read(&self, event: &str, wants: Wants, arrival: &Arrival) -> Intake {
        let refused = |info, error| Intake::One(Box::new(Work { info, todo: Err(error) }));
        let json = match Json::parse(event) {
            Ok(json) => json,
            Err(error) => return refused(arrival.info(), error),
        };
        let info = RequestInfo { request_id: arrival.request_id.clone(), dry_run: arrival.dry_run, ..json.origin() };
        let read = json.unambiguous().and_then(|event| self.open(event, wants, arrival));
        read.unwrap_or_else(|error| refused(info, error))
    }

    fn open(&self, event: Value, wants: Wants, arrival: &Arrival) -> Result<Intake, Error> {
        match envelope::open(event)? {
            Envelope::Direct(event) => {
                let direct = direct::decode(&event, wants.target_type)?;
                let info = direct.describe(RequestInfo { event_source: DIRECT.to_owned(), ..arrival.info() });
                Ok(Intake::One(Box::new(run(Target { source: None, ..direct.target }, info))))
            }
            Envelope::Alert(alert) => {
                let mut work = self.alert(alert, wants, arrival)?;
                match work.len() {
                    1 => Ok(Intake::One(Box::new(work.remove(0)))),
                    _ => several(work, wants).map(Box::new).map(Intake::One),
                }
            }
            Envelope::Batch(event) => {
                let records = event["Records"].as_array().into_iter().flatten().enumerate();
                Ok(Intake::Batch(records.map(|(index, record)| self.record(index, record, wants, arrival)).collect()))
            }
        }
    }

    fn record(&self, index: usize, record: &Value, wants: Wants, arrival: &Arrival) -> Record {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let fifo = text("eventSourceARN").ends_with(".fifo");
        let group = record["attributes"]["MessageGroupId"].as_str().filter(|_| fifo).map(str::to_owned);
        let work = SqsMessage::deserialize(record)
            .map_err(|_| InvalidInput.error("the record is not an SQS record"))
            .and_then(|message| envelope::open_message(index, message))
            .and_then(|alert| self.alert(alert, wants, arrival));
        let message_id = text("messageId");
        let work = work.unwrap_or_else(|error| {
            vec![Work { info: RequestInfo { event_id: Some(message_id.clone()), ..arrival.info() }, todo: Err(error) }]
        });
        Record { message_id, group, work }
    }

    fn alert(&self, alert: Alert, wants: Wants, arrival: &Arrival) -> Result<Vec<Work>, Error> {
        let format = formats::recognise(&alert.body);
        let whole = vec![(String::new(), &alert.body)];
        let mut findings = format.map_or_else(|| whole.clone(), |format| format.findings(&alert.body));
        findings.retain(|(_, finding)| format.is_none() || !self.is_own_echo(finding));
        if findings.is_empty() {
            return Ok(vec![own_echo(alert.info(arrival), wants)]);
        }
        let (findings, places) = match (&self.target_paths, format) {
            (Some(paths), None) if !direct::is_plain(&alert.body, wants.target_type) => (whole, paths.as_slice()),
            (_, None) => return self.plain(&alert, wants, arrival).map(|work| vec![work]),
            (Some(paths), Some(_)) => (whole, paths.as_slice()),
            (None, Some(format)) => (findings, format.places(wants.target_type)),
        };
        // Whoever wrote it there: a dry run that is asked for is never ignored.
        let dry_run = arrival.dry_run | direct::dry_run_of(&alert.body)?;
        // A workflow's; the finding's id goes beside it.
        let correlation = alert.body.get("correlation").filter(|correlation| correlation.is_object());
        let mut work = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (path, finding) in findings {
            let mut times = alert.times.clone();
            times.extend(format.and_then(|format| time(first(finding, format.format.time)?)));
            for target in target::targets(finding, &format!("{}{path}", alert.path), places, wants.target_type)? {
                let name = target.text.to_lowercase();
                if !seen.contains(&name) {
                    seen.push(name);
                    let event_time = self.fresh(&times, wants, arrival.now)?;
                    let correlation = correlation.cloned();
                    let mut info = RequestInfo { dry_run, correlation, event_time, ..alert.info(arrival) };
                    if let Some(format) = format {
                        describe(&mut info, finding, format);
                    }
                    work.push(run(target, info));
                }
            }
        }
        if work.is_empty() {
            return Err(InvalidInput.error(format!(
                "the {} names no {}; nothing was done; looked at: {}; machine accounts and placeholders do not count",
                format.map_or("alert".to_owned(), |format| format!("{} finding", format.format.name)),
                wants.target_type.word(),
                target::looked_at(places)
            )));
        }
        Ok(work)
    }

    /// A direct event in an envelope.
    fn plain(&self, alert: &Alert, wants: Wants, arrival: &Arrival) -> Result<Work, Error> {
        let direct = direct::decode(&alert.body, wants.target_type)?.without_consent()?;
        let times = &alert.times;
        let event_time = if direct.accept_stale { earliest(times) } else { self.fresh(times, wants, arrival.now)? };
        let info = direct.describe(RequestInfo { event_time, ..alert.info(arrival) });
        let source = direct.target.source.map(|field| format!("{}/{field}", alert.path));
        Ok(run(Target { source, ..direct.target }, info))
    }

    /// Whether the automation itself caused this JumpCloud event.
    fn is_own_echo(&self, event: &Value) -> bool {
        let initiators = ["/initiated_by/id", "/initiated_by/email"].map(|pointer| event.pointer(pointer));
        let by = initiators.into_iter().flatten().filter_map(Value::as_str);
        by.map(str::to_lowercase).any(|by| self.own.contains(&by))
    }

    /// The alert's time, unless it is too old to act on. Without a time it may be any age.
    fn fresh(&self, times: &[DateTime<Utc>], wants: Wants, now: DateTime<Utc>) -> Result<Option<String>, Error> {
        let oldest = times.iter().min();
        if wants.mutating {
            let refused = |why: String| {
                StaleEvent.error(format!("{why}; nothing was done; to act all the same send a direct event, or `accept_stale: true` in a plain one"))
            };
            let Some(oldest) = oldest else {
                return Err(refused("the alert does not say when it was raised".to_owned()));
            };
            let age = now.signed_duration_since(oldest);
            if age > self.max_age {
                return Err(refused(format!(
                    "the alert is {} s old, more than MAX_EVENT_AGE_SECONDS ({})",
                    age.num_seconds(),
                    self.max_age.num_seconds()
                )));
            }
        }
        Ok(earliest(times))
    }
}

impl Alert {
    fn info(&self, arrival: &Arrival) -> RequestInfo {
        RequestInfo { event_source: self.source.clone(), event_id: self.id.clone(), ..arrival.info() }
    }
}

fn run(target: Target, info: RequestInfo) -> Work {
    Work { info, todo: Ok(Todo::Run(target)) }
}

fn earliest(times: &[DateTime<Utc>]) -> Option<String> {
    times.iter().min().map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The finding's id and title, where a person or a log query looks for them.
fn describe(info: &mut RequestInfo, finding: &Value, format: &Parsed) {
    let text = |pointers| first(finding, pointers).and_then(Value::as_str);
    if let Some(id) = text(format.format.id) {
        info.correlation.get_or_insert_with(|| json!({}))["finding_id"] = json!(id);
    }
    let clean = |title: &str| title.chars().filter(|c| !c.is_control()).take(direct::MAX_TEXT).collect();
    info.reason = text(format.format.title).map(clean);
}

/// RFC 3339, or seconds or milliseconds since 1970.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()),
        Value::Number(number) => {
            let number = number.as_i64()?;
            if number > 100_000_000_000 {
                DateTime::from_timestamp_millis(number)
            } else {
                DateTime::from_timestamp(number, 0)
            }
        }
        _ => None,
    }
}

/// The target of an answer for which none was looked up.
fn unlooked(wants: Wants) -> OutcomeTarget {
    let target_type = wants.target_type;
    OutcomeTarget { target_type, id: None, name: String::new(), matched_by: target_type.by_name(), source: None }
}

fn own_echo(info: RequestInfo, wants: Wants) -> Work {
    let summary = "The event was caused by this automation itself (JUMPCLOUD_SELF); nothing was done.";
    let outcome = Outcome { status: Status::Unchanged, ..Outcome::new(unlooked(wants), summary) };
    Work { info, todo: Ok(Todo::Answer(Box::new(outcome))) }
}

/// Several targets in one event that has one answer: a question is answered with their names, a command refused.
fn several(work: Vec<Work>, wants: Wants) -> Result<Work, Error> {
    let info = work.first().map(|work| work.info.clone()).unwrap_or_default();
    let targets = work.into_iter().filter_map(|work| match work.todo {
        Ok(Todo::Run(target)) => Some(target),
        _ => None,
    });
    let targets: Vec<Target> = targets.collect();
    if wants.mutating {
        let sources: Vec<&str> = targets.iter().take(10).filter_map(|target| target.source.as_deref()).collect();
        return Err(InvalidInput.error(format!(
            "the alert names {} targets ({}); nothing was done; send one finding per event, or through SQS",
            targets.len(),
            sources.join(", ")
        )));
    }
    let summary = format!("The alert names {} targets; ask again with one of them.", targets.len());
    let candidates = targets.into_iter().map(|target| Candidate { id: None, name: target.text }).collect();
    let outcome = Outcome { status: Status::Ambiguous, candidates, ..Outcome::new(unlooked(wants), summary) };
    Ok(Work { info, todo: Ok(Todo::Answer(Box::new(outcome))) })
}

/// Splits at the commas outside of brackets and quotes.
fn split_paths(paths: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start, mut parts) = (0u32, None, 0, Vec::new());
    for (index, c) in paths.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if depth > 0 => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(paths[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(paths[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorType::Internal;

    #[test]
    fn target_paths_are_split_outside_of_brackets() {
        assert_eq!(
            split_paths("/a/b, $['c','d,e'][?@.f == 'g,h'] ,$.i"),
            ["/a/b", "$['c','d,e'][?@.f == 'g,h']", "$.i"]
        );
        let settings = |paths: &str| {
            let var = |name: &str| (name == "TARGET_PATHS").then(|| paths.to_owned());
            Settings::from_vars(&Vars(&var))
        };
        assert!(settings("/a,$.b").is_ok());
        for paths in ["a", "/a,", "$.a[", "$.a,b"] {
            assert_eq!(settings(paths).err().map(|error| error.error_type), Some(Internal), "{paths}");
        }
    }
}
