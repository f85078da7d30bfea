//! What an event asks for, and the answers for which nothing is looked up.

use chrono::{DateTime, Utc};

use crate::{
    error::Error,
    outcome::{Candidate, Ignored, Outcome, OutcomeTarget, Status},
    request::{RequestInfo, Takes, Target, TargetType},
};

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
    /// Whether the event comes from the redrive queue, where a person has put it: it may be of any age.
    pub redriven: bool,
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

pub(super) fn to_run(target: Target, info: RequestInfo) -> Work {
    Work { info, todo: Ok(Todo::Run(target)) }
}

/// The target of an answer for which none was looked up.
fn unlooked(wants: Wants) -> OutcomeTarget {
    let target_type = wants.target_type;
    OutcomeTarget { target_type, id: None, name: String::new(), matched_by: target_type.by_name(), source: None }
}

/// An alert that is refused, with what is known of its finding.
pub(super) fn refusal(info: RequestInfo, error: Error) -> Work {
    Work { info, todo: Err(error) }
}

/// An alert on which nothing is done.
pub(super) fn ignored(info: RequestInfo, wants: Wants, reason: Ignored) -> Work {
    Work { info, todo: Ok(Todo::Answer(Box::new(Outcome::ignored(unlooked(wants), reason)))) }
}

/// The answer to a question about an alert that names nobody, or nobody who counts.
pub(super) fn not_found(info: RequestInfo, why: String, wants: Wants) -> Work {
    let outcome = Outcome { status: Status::NotFound, ..Outcome::new(unlooked(wants), why) };
    Work { info, todo: Ok(Todo::Answer(Box::new(outcome))) }
}

/// A question about several targets is answered with their names.
pub(super) fn several(work: Vec<Work>, wants: Wants) -> Work {
    let info = work.first().map(|work| work.info.clone()).unwrap_or_default();
    let targets = work.into_iter().filter_map(|work| match work.todo {
        Ok(Todo::Run(target)) => Some(target),
        _ => None,
    });
    let candidates: Vec<_> = targets.map(|target| Candidate { id: None, name: target.name.text, os: None }).collect();
    let summary = format!("The alert names {} targets; ask again with one of them.", candidates.len());
    let outcome = Outcome { status: Status::Ambiguous, candidates, ..Outcome::new(unlooked(wants), summary) };
    Work { info, todo: Ok(Todo::Answer(Box::new(outcome))) }
}
