//! What a playbook fills in that changes something, and how it is led to its target.
//!
//! Its plan gets a [`Reader`], which leads to no write; its `apply` gets a [`Writer`], which `road.rs` alone takes out of the
//! session, after a guard has admitted the change.

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::{
    channel::Channel,
    devices::Devices,
    road::Road,
    run::{Playbook, Run, Step},
    subject::Subject,
    target::{LookUp, Named, Resolved, look_up_with},
    verify::Answer,
};
use crate::{
    error::Error,
    guard::{About, Guard, Sighting},
    ids::ObjectId,
    jumpcloud::{Reader, Writer},
    outcome::{Advisory, Ignored, Outcome, Undo},
    request::{RequestInfo, Takes, TargetType},
};

/// Reads, and says what is to be done.
pub type PlanFn<T> =
    for<'a> fn(&'a Reader<'a>, &'a Resolved<T>, &'a RequestInfo) -> LocalBoxFuture<'a, Result<Plan, Error>>;
/// Sends a change on the way that the plan found, and gives JumpCloud's answer.
pub type ApplyFn<T> =
    for<'a> fn(&'a Writer<'a>, &'a Resolved<T>, Option<&'a Channel>) -> LocalBoxFuture<'a, Result<Answer<T>, Error>>;

/// A playbook that changes something, as data: each function's binary names one and so holds the code of no other.
///
/// What a plan is given can read:
/// ```
/// async fn plan(reader: &jumpcloud_playbooks::jumpcloud::Reader<'_>, id: &jumpcloud_playbooks::ids::ObjectId) {
///     let _ = reader.user_systems(id).await;
/// }
/// ```
/// and does not lead to a write:
/// ```compile_fail
/// async fn plan(reader: &jumpcloud_playbooks::jumpcloud::Reader<'_>, id: &jumpcloud_playbooks::ids::ObjectId) {
///     let _ = reader.expire(id).await;
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Command<T: 'static> {
    /// Its name in outcomes, on the command line and as a binary.
    pub name: &'static str,
    /// Whether it takes something away from the target. Then protected targets are refused, and it is limited.
    pub contains: bool,
    /// The fields of a direct event that it takes and not every playbook does.
    pub takes: Takes,
    /// What is to be done to the object as it was read; cannot write.
    pub plan: PlanFn<T>,
    /// Sends the change.
    pub apply: ApplyFn<T>,
    /// Whether an object shows the new state. `None` where no object can.
    pub shows: Option<fn(&T) -> bool>,
    /// Where no object can: when it was online, from which the guard concludes whether the command still waits.
    pub sighting: Option<fn(&T) -> Sighting>,
    /// What `before` and `after` say of an object.
    pub state: fn(&T) -> Value,
    /// The devices that the advisories are about; read while the change is made.
    pub devices: for<'a> fn(&'a Reader<'a>, &'a ObjectId) -> LocalBoxFuture<'a, Devices>,
    /// What else to know, from the object before and now.
    pub advise: fn(&T, &T, &Devices) -> Vec<Advisory>,
}

/// What a command is about to do.
pub enum Plan {
    /// Nothing: the wanted state is there, as this sentence says.
    Unchanged(String),
    /// Nothing, because the event says so: the reason, and a sentence.
    Skip(Ignored, String),
    /// A change, in words.
    Change {
        /// After "would": "suspend jsmith; is ACTIVATED".
        would: String,
        /// A sentence for when it was done: "Suspended jsmith; was ACTIVATED."
        did: String,
        /// How to take it back, where that is possible.
        undo: Option<Undo>,
        /// The way of the command, where there are several.
        channel: Option<Channel>,
    },
}

/// A command and the guard that it passes.
pub struct Guarded<T: 'static, G> {
    command: Command<T>,
    /// Or why there is none.
    guard: Result<G, Error>,
}

impl<T: Named> Command<T> {
    /// The command behind `guard`: the only way to run it.
    pub fn guarded<G: Guard>(self, guard: G) -> Guarded<T, G> {
        self.guarded_or(Ok(guard))
    }

    /// The same where the guard may have failed to be built: then each request is answered with that.
    pub fn guarded_or<G: Guard>(self, guard: Result<G, Error>) -> Guarded<T, G> {
        Guarded { command: self, guard }
    }
}

impl<T: Named, G: Guard> Playbook for Guarded<T, G> {
    fn name(&self) -> &'static str {
        self.command.name
    }

    fn target_type(&self) -> TargetType {
        T::TYPE
    }

    fn mutating(&self) -> bool {
        true
    }

    fn takes_findings(&self) -> bool {
        self.command.contains
    }

    fn takes(&self) -> Takes {
        self.command.takes
    }

    fn ready(&self) -> Result<(), Error> {
        self.guard.as_ref().map(drop).map_err(Clone::clone)
    }

    fn warm_up(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            if let Ok(guard) = &self.guard {
                guard.warm_up().await;
            }
        })
    }

    fn prepare<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>> {
        Box::pin(async move {
            let guard = self.guard.as_ref().map_err(Clone::clone)?;
            let reader = run.session.reader();
            let read = async |subject: &Subject<'_, T>| {
                let (playbook, time_left) = (self.command.name, reader.time_left());
                guard.read(&About { playbook, target_type: T::TYPE, id: subject.id, time_left }).await
            };
            let (found, known) = match look_up_with::<T, _>(reader, run.target, read).await? {
                (LookUp::One(found), Some(known)) => (found, known),
                (not_one, _) => return Err(not_one.as_error(run.target)),
            };
            let step: Step<'a> = Box::pin(async move {
                let road = Road { command: &self.command, guard, session: run.session, found: &found, info: run.info };
                let outcome = run.once.act(found.id.clone(), run.session.dry_run(), road.go(known)).await?;
                Ok(Outcome { target: found.target, ..outcome })
            });
            Ok(step)
        })
    }
}
