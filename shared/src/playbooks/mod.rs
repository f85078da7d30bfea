//! The six playbooks: from a checked request to an [`Outcome`](crate::outcome::Outcome).
//!
//! One file each, which holds only what is its own. [`command`] owns the road of those that change something, [`question`] of
//! those that ask. They speak JumpCloud through a [`Session`] and know nothing of events and Lambda.

mod advisories;
pub mod command;
mod devices;
pub mod disable_user;
pub mod enable_user;
pub mod enrich_host;
pub mod enrich_user;
mod groups;
mod once;
pub mod question;
pub mod reset_password;
pub mod shutdown_host;
mod target;
mod users;
mod verify;

use futures_util::future::LocalBoxFuture;

pub(crate) use self::once::defect;
pub use self::{
    once::Once,
    target::{Named, Resolved},
};
use crate::{
    error::Error,
    guard::Guard,
    jumpcloud::Session,
    outcome::Outcome,
    request::{RequestInfo, Target, TargetType},
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
    /// Finds the target, and changes nothing: the step that comes of it does the rest. All calls of both end before the
    /// session's deadline.
    fn prepare<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>>;
}

/// What is left to do once the target is found.
pub type Step<'a> = LocalBoxFuture<'a, Result<Outcome, Error>>;

/// All of them, the commands with `guard`: for tests, since a function holds the code of one.
pub fn all<G: Guard + Clone + 'static>(guard: &G) -> Vec<Box<dyn Playbook>> {
    vec![
        Box::new(enrich_host::ENRICH_HOST),
        Box::new(enrich_user::ENRICH_USER),
        Box::new(enable_user::ENABLE_USER.guarded(guard.clone())),
        Box::new(disable_user::DISABLE_USER.guarded(guard.clone())),
        Box::new(reset_password::RESET_PASSWORD.guarded(guard.clone())),
        Box::new(shutdown_host::SHUTDOWN_HOST.guarded(guard.clone())),
    ]
}

/// `1 device`, `3 devices`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
