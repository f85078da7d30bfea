//! The road of everything that changes something: look up, read, plan, protect, dry run, admit, apply, settle, verify.
//!
//! A playbook fills in a [`Command`]. Its plan gets a [`Reader`], which leads to no write; its `apply` gets a [`Writer`],
//! which this file alone takes out of the session, after a guard has admitted the change.

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::{
    channel::Channel,
    devices::Devices,
    run::{Playbook, Run, Step},
    target::{LookUp, Named, Resolved, look_up},
    verify::{self, Answer, Verdict},
};
use crate::{
    error::{Effect, Error, ErrorType::Protected},
    guard::{Change, Guard, Settled},
    ids::ObjectId,
    jumpcloud::{Reader, Session, Writer},
    outcome::{Advisory, Ignored, Outcome, Status, Undo},
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
    guard: G,
}

impl<T: Named> Command<T> {
    /// The command behind `guard`: the only way to run it.
    pub fn guarded<G: Guard>(self, guard: G) -> Guarded<T, G> {
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

    fn prepare<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>> {
        Box::pin(async move {
            let found = match look_up::<T>(run.session.reader(), run.target).await? {
                LookUp::One(found) => found,
                not_one => return Err(not_one.as_error(run.target)),
            };
            let step: Step<'a> = Box::pin(async move {
                let change = self.change(run.session, &found, run.info);
                let outcome = run.once.act(found.id.clone(), run.session.dry_run(), change).await?;
                Ok(Outcome { target: found.target, ..outcome })
            });
            Ok(step)
        })
    }
}

impl<T: Named, G: Guard> Guarded<T, G> {
    async fn change(&self, session: &Session<'_>, found: &Resolved<T>, info: &RequestInfo) -> Result<Outcome, Error> {
        let Command { plan, devices, advise, state, contains, .. } = self.command;
        let (reader, object) = (session.reader(), &found.object);
        let before = state(object);
        let draft = |summary, devices: &Devices| Outcome {
            before: Some(before.clone()),
            advisories: advise(object, object, devices),
            ..Outcome::new(found.target.clone(), summary).with_facts(T::TYPE, object.brief())
        };
        let (would, did, undo, channel) = match plan(reader, found, info).await? {
            Plan::Unchanged(summary) => {
                let devices = devices(reader, &found.id).await;
                return Ok(Outcome { status: Status::Unchanged, ..draft(summary, &devices) });
            }
            Plan::Skip(reason, summary) => {
                let (before, ignored) = (Some(before), Some(reason));
                let outcome = Outcome::new(found.target.clone(), summary).with_facts(T::TYPE, object.brief());
                return Ok(Outcome { status: Status::Ignored, ignored, before, ..outcome });
            }
            Plan::Change { would, did, undo, channel } => (would, did, undo, channel),
        };
        let by = channel.as_ref().map(Channel::name);
        if contains && let Some(why) = object.protected() {
            return Err(Protected.error(why));
        }
        if session.dry_run() {
            let devices = devices(reader, &found.id).await;
            let draft = draft(format!("Dry run: would {would}."), &devices);
            return Ok(Outcome { status: Status::DryRun, channel: by, ..draft });
        }
        let change = Change {
            playbook: self.command.name,
            contains,
            target: &found.target,
            before: &before,
            info,
            time_left: reader.time_left(),
        };
        let ticket = self.guard.admit(&change).await?;
        let (verdict, devices) =
            tokio::join!(self.apply(session, found, (ticket, channel.as_ref())), devices(reader, &found.id));
        let verdict = verdict?;
        let summary = verdict.summary(&would, did);
        let mut advisories: Vec<_> = verdict.doubt().into_iter().collect();
        let Verdict { status, changed, verified, now, .. } = verdict;
        let shown = now.as_ref().unwrap_or(object);
        advisories.extend(advise(object, shown, &devices));
        Ok(Outcome {
            status,
            changed,
            verified,
            advisories,
            before: Some(before.clone()),
            after: now.as_ref().map(state),
            undo: undo.filter(|_| changed == Some(true)),
            channel: by,
            ..Outcome::new(found.target.clone(), summary).with_facts(T::TYPE, shown.brief())
        })
    }

    /// Sends the change, tells the guard what became of it, and looks whether it shows.
    async fn apply(
        &self,
        session: &Session<'_>,
        found: &Resolved<T>,
        (ticket, channel): (G::Ticket, Option<&Channel>),
    ) -> Result<Verdict<T>, Error> {
        let writer = session.writer()?;
        let sent = (self.command.apply)(&writer, found, channel).await;
        let settled = match &sent {
            Ok(_) => Settled::Done,
            Err(error) if error.done == Effect::Unknown => Settled::Unknown,
            Err(_) => Settled::NotSent,
        };
        let look = verify::verify(session.reader(), &found.id, sent, self.command.shows);
        let ((), verdict) = tokio::join!(self.guard.settle(ticket, settled), look);
        verdict
    }
}
