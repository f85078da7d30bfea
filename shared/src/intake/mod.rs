//! From an event's JSON to checked [`Work`].
//!
//! `json` reads it, `envelope` opens what AWS puts around an alert, `formats` knows where each kind of finding names its target,
//! `target` reads it there with what `names` and `principal` know of names and `trust` of whose count, `direct` is the strict form
//! for everything that is written for us.
//! `whether` it is acted on: `state` (is it an open finding), `time` (how old), `dry_run`. `severity` says how bad it is.

mod bounds;
mod direct;
mod dry_run;
mod envelope;
mod formats;
mod json;
mod names;
mod principal;
mod severity;
mod state;
mod target;
mod time;
mod trust;
mod whether;

use aws_lambda_events::sqs::SqsMessage;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

#[cfg(test)]
pub(crate) use self::formats::reference;
use self::{
    envelope::{Alert, Envelope},
    formats::{Parsed, first},
    json::Json,
    target::{Path, Place, Places},
    trust::Trust,
    whether::{ignored, times},
};
use crate::{
    error::{
        Error,
        ErrorType::{InvalidInput, Unsupported},
    },
    outcome::{Candidate, Ignored, Outcome, OutcomeTarget, Status},
    request::{DIRECT, Name, RequestInfo, Takes, Target, TargetType},
    text::removed,
    vars::{self, Vars, misconfigured},
};

/// So many targets of one alert a question is answered about.
const MAX_ASKED: usize = 100;

/// How alerts are read; from the function's environment.
pub struct Settings {
    /// `TARGET_PATHS`: used instead of the built-in lists.
    target_paths: Option<Vec<Place>>,
    /// `ACT_ON_LOGS`; only with `target_paths`.
    act_on_logs: bool,
    /// `MAX_EVENT_AGE_SECONDS`.
    max_age: TimeDelta,
    /// `JUMPCLOUD_SELF`, in lower case.
    own: Vec<String>,
    /// `MAX_TARGETS_PER_ALERT`.
    max_targets: usize,
    trust: Trust,
}

/// What a playbook needs to say about itself to have its events read.
#[derive(Clone, Copy)]
pub struct Wants {
    /// Whether it takes a user or a host.
    pub target_type: TargetType,
    /// Whether it changes anything.
    pub mutating: bool,
    /// Whether it does so for a finding.
    pub takes_findings: bool,
    /// The fields of a direct event that not every playbook takes.
    pub takes: Takes,
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
    /// An alert with several targets, as many as are allowed.
    Several(Vec<Work>),
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
        let act_on_logs = vars.flag(&vars::ACT_ON_LOGS)?;
        if act_on_logs && target_paths.is_none() {
            return Err(misconfigured(
                vars::ACT_ON_LOGS.name,
                "needs TARGET_PATHS, which say where a log names its target",
            ));
        }
        let max_targets = vars.parsed(&vars::MAX_TARGETS_PER_ALERT, |number| {
            number.parse().ok().filter(|number| (1..=100).contains(number))
        })?;
        Ok(Self {
            target_paths,
            act_on_logs,
            max_age: TimeDelta::seconds(i64::from(seconds.unwrap_or(3600))),
            own,
            max_targets: max_targets.unwrap_or(1),
            trust: Trust::from_vars(vars)?,
        })
    }

    /// Reads an event of any shape. In a batch, what is wrong with one record is that record's error. Whatever comes out
    /// of it is safe (see `bounds`) to be shown.
    pub fn read(&self, event: &str, wants: Wants, arrival: &Arrival) -> Intake {
        match self.read_unfiltered(event, wants, arrival) {
            Intake::One(work) => Intake::One(Box::new(bounds::safe(*work))),
            Intake::Several(work) => Intake::Several(work.into_iter().map(bounds::safe).collect()),
            Intake::Batch(mut records) => {
                for record in &mut records {
                    record.work = record.work.drain(..).map(bounds::safe).collect();
                }
                Intake::Batch(records)
            }
        }
    }

    fn read_unfiltered(&self, event: &str, wants: Wants, arrival: &Arrival) -> Intake {
        let refused = |info, error| Intake::One(Box::new(refusal(info, error)));
        let json = match Json::parse(event) {
            Ok(json) => json,
            Err(error) => return refused(arrival.info(), error),
        };
        let info = RequestInfo { request_id: arrival.request_id.clone(), dry_run: arrival.dry_run, ..json.origin() };
        let read = json.unambiguous().and_then(|json| self.open(json, event.len(), wants, arrival));
        read.unwrap_or_else(|error| refused(info, error))
    }

    fn open(&self, event: Value, bytes: usize, wants: Wants, arrival: &Arrival) -> Result<Intake, Error> {
        match envelope::open(event)? {
            Envelope::Direct(event) => {
                let direct = direct::decode(&event, wants)?;
                let dry_run = arrival.dry_run | dry_run::asked(&event);
                let info = RequestInfo { event_source: DIRECT.to_owned(), dry_run, ..arrival.info() };
                let info = direct.describe(info);
                Ok(Intake::One(Box::new(to_run(Name { source: None, ..direct.name }.into(), info))))
            }
            Envelope::Alert(alert) => {
                bounds::bytes(bytes)?;
                let mut work = self.alert(alert, wants, arrival)?;
                match work.len() {
                    1 => Ok(Intake::One(Box::new(work.remove(0)))),
                    _ if wants.mutating => Ok(Intake::Several(work)),
                    _ => Ok(Intake::One(Box::new(several(work, wants)))),
                }
            }
            Envelope::Batch(event) => {
                let beside = event.as_object().into_iter().flatten().filter(|(name, _)| *name != "Records");
                let beside = beside.map(|(name, value)| (name.clone(), value.clone())).collect();
                let dry_run = arrival.dry_run | dry_run::asked(&Value::Object(beside));
                let arrival = Arrival { dry_run, ..arrival.clone() };
                let records = event["Records"].as_array().into_iter().flatten().enumerate();
                Ok(Intake::Batch(records.map(|(index, record)| self.record(index, record, wants, &arrival)).collect()))
            }
        }
    }

    fn record(&self, index: usize, record: &Value, wants: Wants, arrival: &Arrival) -> Record {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let fifo = text("eventSourceARN").ends_with(".fifo");
        let group = record["attributes"]["MessageGroupId"].as_str().filter(|_| fifo).map(str::to_owned);
        let work = SqsMessage::deserialize(record)
            .map_err(|_| InvalidInput.error("the record is not an SQS record"))
            .and_then(|message| {
                bounds::bytes(message.body.as_ref().map_or(0, String::len))?;
                envelope::open_message(index, message)
            })
            .map(|alert| Alert { dry_run: alert.dry_run | dry_run::asked(record), ..alert })
            .and_then(|alert| self.alert(alert, wants, arrival));
        let message_id = text("messageId");
        let work = work.unwrap_or_else(|error| {
            vec![refusal(RequestInfo { event_id: Some(message_id.clone()), ..arrival.info() }, error)]
        });
        Record { message_id, group, work }
    }

    fn alert(&self, alert: Alert, wants: Wants, arrival: &Arrival) -> Result<Vec<Work>, Error> {
        bounds::entries(&alert.body)?;
        let format = formats::recognise(&alert.body);
        let whole = vec![(String::new(), &alert.body)];
        let mut findings = format.map_or_else(|| whole.clone(), |format| format.findings(&alert.body));
        if let Some(reason) = self.set_aside(format, &mut findings, wants) {
            let all = format.map(|format| format.findings(&alert.body)).unwrap_or_default();
            let info = described(alert.info(arrival), format, all.get(..1).unwrap_or_default());
            return Ok(vec![ignored(info, wants, reason)]);
        }
        let all = findings.clone();
        let (findings, places) = match (self.paths_instead(wants.target_type, format), format) {
            (Some(places), None) if !direct::is_plain(&alert.body, wants) => {
                if !wants.takes_findings {
                    return Ok(vec![ignored(alert.info(arrival), wants, Ignored::NotForFindings)]);
                }
                self.take_unknown(wants)?;
                (whole, places)
            }
            (_, None) => return self.plain(&alert, wants, arrival).map(|work| vec![work]),
            (Some(places), Some(_)) => (whole, places),
            (None, Some(format)) => (findings, format.places()),
        };
        // A workflow's; the finding's id goes beside it.
        let correlation = alert.body.get("correlation").filter(|correlation| correlation.is_object());
        let most = if wants.mutating { self.max_targets } else { MAX_ASKED };
        let mut work: Vec<(Target, RequestInfo)> = Vec::new();
        for (path, finding) in findings {
            // Where TARGET_PATHS look at all of the alert, all its findings are meant.
            let of = if self.target_paths.is_some() { all.clone() } else { vec![(path.clone(), finding)] };
            let times = times(&alert, format, &of);
            let path = format!("{}{path}", alert.path);
            let target = match target::whom(finding, &path, places, wants.target_type, &self.trust) {
                Ok(Some(target)) => target,
                Ok(None) => continue,
                Err(error) if error.error_type == Unsupported && !wants.mutating => {
                    return Ok(vec![not_found(described(alert.info(arrival), format, &of), error.message, wants)]);
                }
                Err(error) => return Ok(vec![refusal(described(alert.info(arrival), format, &of), error)]),
            };
            if let Some((known, _)) = work.iter_mut().find(|(known, _)| target::share_a_name(known, &target)) {
                target::merge(known, target);
                continue;
            }
            let info = RequestInfo { correlation: correlation.cloned(), ..alert.info(arrival) };
            let info = described(info, format, &of);
            match self.fresh(&times, wants, arrival.now) {
                Ok(event_time) => work.push((target, RequestInfo { event_time, ..info })),
                Err(error) => return Ok(vec![refusal(info, error)]),
            }
            if work.len() > most {
                return Err(too_many(work.iter().map(|(target, _)| target), most));
            }
        }
        let mut work: Vec<Work> = work.into_iter().map(|(target, info)| to_run(target, info)).collect();
        if work.is_empty() {
            let nobody = format!(
                "the {} names no {}; nothing was done; looked at: {}; machine accounts and placeholders do not count",
                format.map_or("alert".to_owned(), |format| format!("{} finding", format.format.name)),
                wants.target_type.word(),
                places.looked_at(wants.target_type)
            );
            let info = RequestInfo { correlation: correlation.cloned(), ..alert.info(arrival) };
            let info = described(info, format, &all);
            work.push(match wants.mutating {
                true => refusal(info, InvalidInput.error(nobody)),
                false => not_found(info, nobody, wants),
            });
        }
        Ok(work)
    }

    /// A direct event in an envelope.
    fn plain(&self, alert: &Alert, wants: Wants, arrival: &Arrival) -> Result<Work, Error> {
        let direct = direct::decode(&alert.body, wants)?.without_consent()?;
        let times = &alert.times;
        let event_time = if direct.accept_stale { times.earliest() } else { self.fresh(times, wants, arrival.now)? };
        let info = direct.describe(RequestInfo { event_time, ..alert.info(arrival) });
        let source = direct.name.source.map(|field| format!("{}/{field}", alert.path));
        Ok(to_run(Name { source, ..direct.name }.into(), info))
    }

    /// `TARGET_PATHS`, as the places of this kind of target; the rest stays the format's.
    fn paths_instead<'a>(&'a self, target_type: TargetType, format: Option<&'a Parsed>) -> Option<Places<'a>> {
        let paths = self.target_paths.as_deref()?;
        let none = Places { users: &[], hosts: &[], accounts: &[], endpoint: false };
        let places = format.map_or(none, Parsed::places);
        Some(match target_type {
            TargetType::User => Places { users: paths, ..places },
            TargetType::Host => Places { hosts: paths, ..places },
        })
    }

    /// Whom or what each finding of `body` names, whatever its state and its age.
    ///
    /// # Errors
    /// `Unsupported` where no name counts; `InvalidInput` where a name cannot be read.
    pub fn whom(&self, body: &Value, target_type: TargetType) -> Result<Vec<Target>, Error> {
        let Some(format) = formats::recognise(body) else { return Ok(Vec::new()) };
        let whom = |(path, finding): (String, &Value)| {
            target::whom(finding, &path, format.places(), target_type, &self.trust).transpose()
        };
        format.findings(body).into_iter().filter_map(whom).collect()
    }
}

impl Alert {
    fn info(&self, arrival: &Arrival) -> RequestInfo {
        let dry_run = arrival.dry_run | self.dry_run;
        RequestInfo { event_source: self.source.clone(), event_id: self.id.clone(), dry_run, ..arrival.info() }
    }
}

fn to_run(target: Target, info: RequestInfo) -> Work {
    Work { info, todo: Ok(Todo::Run(target)) }
}

/// `info` with the finding's id, title and severity, where a person or a log query looks for them, if it is about one.
fn described(mut info: RequestInfo, format: Option<&Parsed>, findings: &[(String, &Value)]) -> RequestInfo {
    let (Some(format), [(_, finding)]) = (format.map(|parsed| parsed.format), findings) else { return info };
    let text = |pointers| first(finding, pointers).and_then(Value::as_str);
    if let Some(id) = text(format.id) {
        info.correlation.get_or_insert_with(|| json!({}))["finding_id"] = json!(id);
    }
    let shown = |title| removed(title).chars().take(direct::MAX_TEXT).collect();
    info.reason = text(format.title).map(shown);
    info.severity = (format.severity)(finding);
    info
}

/// The target of an answer for which none was looked up.
fn unlooked(wants: Wants) -> OutcomeTarget {
    let target_type = wants.target_type;
    OutcomeTarget { target_type, id: None, name: String::new(), matched_by: target_type.by_name(), source: None }
}

/// An alert that is refused, with what is known of its finding.
fn refusal(info: RequestInfo, error: Error) -> Work {
    Work { info, todo: Err(error) }
}

/// More targets than an alert may have.
fn too_many<'a>(targets: impl Iterator<Item = &'a Target>, most: usize) -> Error {
    let sources: Vec<&str> = targets.take(10).filter_map(|target| target.name.source.as_deref()).collect();
    InvalidInput.error(format!(
        "the alert names more targets ({}, ...) than the {most} that MAX_TARGETS_PER_ALERT or a question allows; nothing was done; send one finding per event",
        sources.join(", ")
    ))
}

/// The answer to a question about an alert that names nobody, or nobody who counts.
fn not_found(info: RequestInfo, why: String, wants: Wants) -> Work {
    let outcome = Outcome { status: Status::NotFound, ..Outcome::new(unlooked(wants), why) };
    Work { info, todo: Ok(Todo::Answer(Box::new(outcome))) }
}

/// A question about several targets is answered with their names.
fn several(work: Vec<Work>, wants: Wants) -> Work {
    let info = work.first().map(|work| work.info.clone()).unwrap_or_default();
    let targets = work.into_iter().filter_map(|work| match work.todo {
        Ok(Todo::Run(target)) => Some(target),
        _ => None,
    });
    let candidates: Vec<_> = targets.map(|target| Candidate { id: None, name: target.name.text }).collect();
    let summary = format!("The alert names {} targets; ask again with one of them.", candidates.len());
    let outcome = Outcome { status: Status::Ambiguous, candidates, ..Outcome::new(unlooked(wants), summary) };
    Work { info, todo: Ok(Todo::Answer(Box::new(outcome))) }
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
