//! What a function runs: a command behind its guard, or a question.

use futures_util::future::{LocalBoxFuture, ready};

use super::once::Once;
use crate::{
    error::Error,
    jumpcloud::Session,
    outcome::Outcome,
    request::{RequestInfo, Takes, Target, TargetType},
};

/// What a playbook is run with.
pub struct Run<'a> {
    /// The calls to JumpCloud.
    pub session: &'a Session<'a>,
    /// Whom or what it is about.
    pub target: &'a Target,
    /// Who asked, and why.
    pub info: &'a RequestInfo,
    /// What was already done in this invocation.
    pub once: &'a Once,
}

/// A command with its guard, or a question: what a function runs.
pub trait Playbook {
    /// Its name in outcomes, on the command line and as a binary.
    fn name(&self) -> &'static str;
    /// Whether it takes a user or a host.
    fn target_type(&self) -> TargetType;
    /// Whether it changes anything.
    fn mutating(&self) -> bool;
    /// Whether an alert may ask for it: not where it gives something back.
    fn takes_findings(&self) -> bool {
        true
    }
    /// Why it cannot run in this process, where that is so.
    fn ready(&self) -> Result<(), Error> {
        Ok(())
    }
    /// Opens the connections of its own.
    fn warm_up(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
    /// The fields of a direct event that it takes and not every playbook does.
    fn takes(&self) -> Takes {
        Takes::default()
    }
    /// Finds the target, and changes nothing: the step that comes of it does the rest. All calls of both end before the
    /// session's deadline.
    fn prepare<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>>;
}

/// What is left to do once the target is found.
pub type Step<'a> = LocalBoxFuture<'a, Result<Outcome, Error>>;
