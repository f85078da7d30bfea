//! What stands between a plan and its first write.

use std::time::Duration;

use serde_json::Value;

use crate::{error::Error, outcome::OutcomeTarget, request::RequestInfo};

/// A change that is about to be made: planned, not protected, not a dry run.
pub struct Change<'a> {
    /// The playbook's name.
    pub playbook: &'static str,
    /// Whether it takes something away from the target; giving back is not limited.
    pub contains: bool,
    /// Whom or what it is made to; its id is known.
    pub target: &'a OutcomeTarget,
    /// The state that was read.
    pub before: &'a Value,
    /// Who asked, and why.
    pub info: &'a RequestInfo,
    /// What is left of the invocation's time.
    pub time_left: Duration,
}

/// What became of a change that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// JumpCloud answered that it was carried out or accepted.
    Done,
    /// It was sent, and what became of it is not known.
    Unknown,
    /// Surely nothing was sent.
    NotSent,
}

/// Decides whether a change may be made. One that cannot decide refuses.
#[expect(async_fn_in_trait, reason = "used in this workspace only, on one thread")]
pub trait Guard {
    /// What was admitted; given back with [`Guard::settle`].
    type Ticket;
    /// Admits `change` before its first write, or refuses it by name.
    async fn admit(&self, change: &Change<'_>) -> Result<Self::Ticket, Error>;
    /// Records what became of it.
    async fn settle(&self, ticket: Self::Ticket, result: Settled);
}

/// Admits everything.
#[derive(Clone)]
pub struct Unguarded;

impl Guard for Unguarded {
    type Ticket = ();

    async fn admit(&self, _: &Change<'_>) -> Result<(), Error> {
        Ok(())
    }

    async fn settle(&self, (): (), _: Settled) {}
}
