//! The road of everything that changes something: look up, read, plan, protect, dry run, admit, apply, settle, verify.
//!
//! A playbook fills in a [`Command`]. Its plan gets a [`Reader`], which leads to no write; its `apply` gets a [`Writer`],
//! which this file alone takes out of the session, after a guard has admitted the change.

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::{
    devices::Devices,
    plan_hash::plan_hash,
    protect,
    run::{Playbook, Run},
    target::{LookUp, Named, Resolved, look_up_with},
    verify::{self, Answer, Verdict},
};
use crate::{
    error::{
        Effect, Error,
        ErrorType::{OutcomeUnknown, PlanChanged, Protected},
    },
    guard::{About, Admission, Change, Guard, Protection, Settled, Sighting, Unsettled},
    ids::ObjectId,
    jumpcloud::{Reader, Session, Writer},
    outcome::{Advisory, Judgement, Outcome, Pending, Rule, Ruling, Status, Undo},
    request::{RequestInfo, TargetType},
};

/// Reads, and says what is to be done.
pub type PlanFn<T> = for<'a> fn(&'a Reader<'a>, &'a Resolved<T>) -> LocalBoxFuture<'a, Result<Plan, Error>>;
/// Sends a change, and gives JumpCloud's answer.
pub type ApplyFn<T> = for<'a> fn(&'a Writer<'a>, &'a Resolved<T>) -> LocalBoxFuture<'a, Result<Answer<T>, Error>>;

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
    /// A change, in words.
    Change {
        /// After "would": "suspend jsmith; is ACTIVATED".
        would: String,
        /// A sentence for when it was done: "Suspended jsmith; was ACTIVATED."
        did: String,
        /// How to take it back, where that is possible.
        undo: Option<Undo>,
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

    fn run<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async {
            let guard = self.guard.as_ref().map_err(Clone::clone)?;
            let reader = run.session.reader();
            let read = async |id: &ObjectId| {
                let (playbook, time_left) = (self.command.name, reader.time_left());
                guard.read(&About { playbook, target_type: T::TYPE, id, time_left }).await
            };
            let (found, known) = match look_up_with::<T, _>(reader, run.target, read).await? {
                (LookUp::One(found), Some(known)) => (found, known),
                (not_one, _) => return Err(not_one.refused(run.target)),
            };
            let own = found.target.clone();
            let road = Road { command: &self.command, guard, session: run.session, found: &found, info: run.info };
            let outcome = run.once.run(found.id.clone(), run.session.dry_run(), road.go(known)).await?;
            Ok(Outcome { target: own, ..outcome })
        })
    }
}

/// One run of a command, from the object that was read.
struct Road<'a, T: 'static, G> {
    command: &'a Command<T>,
    guard: &'a G,
    session: &'a Session<'a>,
    found: &'a Resolved<T>,
    info: &'a RequestInfo,
}

impl<T: Named, G: Guard> Road<'_, T, G> {
    async fn go(&self, known: Result<G::Known, Error>) -> Result<Outcome, Error> {
        let outcome = self.change(known).await?;
        let guards = if outcome.guards.is_empty() { self.guard.absent() } else { outcome.guards };
        Ok(Outcome { guards, ..outcome })
    }

    async fn change(&self, known: Result<G::Known, Error>) -> Result<Outcome, Error> {
        let Command { name, plan, advise, state, contains, .. } = *self.command;
        let (reader, object) = (self.session.reader(), &self.found.object);
        let before = state(object);
        let (would, did, undo) = match plan(reader, self.found).await? {
            Plan::Unchanged(summary) => return self.unchanged(summary, before, known).await,
            Plan::Change { would, did, undo } => (would, did, undo),
        };
        let change = Change {
            playbook: name,
            contains,
            target: &self.found.target,
            before: &before,
            sighting: self.command.sighting.map(|sighting| sighting(object)),
            info: self.info,
            time_left: reader.time_left(),
        };
        let protection = self.protection(&known).await;
        if self.session.dry_run() {
            return self.dry_run(&would, &change, &known, protection, "").await;
        }
        let known = known?;
        let protection = protection?;
        // Read before only where the plan must be shown to be the one that a person has seen.
        let mut early = None;
        match &protection {
            Protection::Refused(error) => return Err(error.clone()),
            Protection::Ask(_) | Protection::No if self.info.plan_hash.is_some() => {
                early = Some(self.as_seen(&before).await?);
            }
            Protection::Ask(why) => return Err(ask(why)),
            Protection::No => {}
        }
        // The judgements are for the case that the switch makes this a dry run.
        let judged = self.guard.judge(&known, &change);
        let ticket = match self.guard.admit(known, &change).await? {
            Admission::Admitted(ticket) => ticket,
            Admission::Pending(pending) => return Ok(self.pending(pending, &before).await),
            Admission::DryRun(why) => return self.held_back(&would, &before, protection, judged, &why).await,
        };
        let devices = async {
            match early {
                Some(devices) => devices,
                None => self.devices().await,
            }
        };
        let (verdict, devices) = tokio::join!(self.apply(ticket), devices);
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
            ..Outcome::new(self.found.target.clone(), summary).with_facts(T::TYPE, shown.brief())
        })
    }

    async fn devices(&self) -> Devices {
        (self.command.devices)(self.session.reader(), &self.found.id).await
    }

    /// An outcome of a run that sent nothing.
    fn draft(&self, summary: String, before: &Value, devices: &Devices) -> Outcome {
        let object = &self.found.object;
        Outcome {
            before: Some(before.clone()),
            advisories: (self.command.advise)(object, object, devices),
            ..Outcome::new(self.found.target.clone(), summary).with_facts(T::TYPE, object.brief())
        }
    }

    /// The state is as wanted. Whether an attempt that was never settled brought it there is not known.
    async fn unchanged(
        &self,
        summary: String,
        before: Value,
        known: Result<G::Known, Error>,
    ) -> Result<Outcome, Error> {
        let known = match known {
            Err(_) if self.session.dry_run() => None,
            known => Some(known?),
        };
        let unsettled = known.and_then(|known| self.guard.unsettled(&known, self.command.name));
        let devices = self.devices().await;
        Ok(match unsettled {
            None => Outcome { status: Status::Unchanged, ..self.draft(summary, &before, &devices) },
            Some(Unsettled { before: then, when }) => {
                let summary = format!(
                    "{summary} An attempt of {when} was begun and its end is not known: it may be what brought the target there."
                );
                let then = then.unwrap_or(before);
                Outcome { status: Status::Unchanged, changed: None, ..self.draft(summary, &then, &devices) }
            }
        })
    }

    async fn pending(&self, pending: Pending, before: &Value) -> Outcome {
        let name = &self.found.target.name;
        let summary = format!(
            "The command was already sent to {name} at {} ({}) and may still be carried out; nothing was sent. To send it again, use `repeat`.",
            pending.since, pending.by
        );
        let draft = self.draft(summary, before, &self.devices().await);
        Outcome { status: Status::Unchanged, pending: Some(pending), ..draft }
    }

    /// Whether the target is protected, as an administrator's account or by an entry.
    async fn protection(&self, known: &Result<G::Known, Error>) -> Result<Protection, Error> {
        if !self.command.contains {
            return Ok(Protection::No);
        }
        if let Some(why) = self.found.object.protected() {
            return Ok(Protection::Refused(Protected.error(why)));
        }
        let known = known.as_ref().map_err(Clone::clone)?;
        let asks = self.guard.asks(known, T::TYPE);
        let subject = protect::subject(self.session.reader(), self.found, asks).await?;
        Ok(self.guard.protection(known, &subject, T::TYPE))
    }

    async fn plan_hash(&self, before: &Value, devices: &Devices) -> Result<Option<String>, Error> {
        let organization = self.session.reader().organization().await?;
        Ok(plan_hash(self.command.name, organization.as_deref(), &self.found.target, before, devices))
    }

    /// The devices, where the plan is still the one that the event's `plan_hash` stands for.
    async fn as_seen(&self, before: &Value) -> Result<Devices, Error> {
        let devices = self.devices().await;
        let hash = self.plan_hash(before, &devices).await?;
        if hash.is_some() && hash == self.info.plan_hash {
            return Ok(devices);
        }
        Err(PlanChanged.error(
            "what would be done now is not what the event's `plan_hash` stands for; nothing was done; make a dry run, look at it, and send its `plan_hash`",
        ))
    }

    async fn dry_run(
        &self,
        would: &str,
        change: &Change<'_>,
        known: &Result<G::Known, Error>,
        protection: Result<Protection, Error>,
        why: &str,
    ) -> Result<Outcome, Error> {
        let judged = match known {
            Ok(known) => self.guard.judge(known, change),
            Err(error) => {
                let unknown = |rule| Judgement::new(rule, Ruling::Unknown, &error.message);
                ([Rule::Pending, Rule::Switch, Rule::Limit].map(unknown).to_vec(), None)
            }
        };
        let protection = match protection {
            Ok(protection) => Ok(protection),
            Err(error) => Err(Judgement::new(Rule::Protected, Ruling::Unknown, error.message)),
        };
        self.held(would, change.before, protection, judged, why).await
    }

    async fn held_back(
        &self,
        would: &str,
        before: &Value,
        protection: Protection,
        judged: (Vec<Judgement>, Option<Pending>),
        why: &str,
    ) -> Result<Outcome, Error> {
        self.held(would, before, Ok(protection), judged, &format!(" ({why})")).await
    }

    /// Everything was looked up and judged, and the change is held back.
    async fn held(
        &self,
        would: &str,
        before: &Value,
        protection: Result<Protection, Judgement>,
        (mut guards, pending): (Vec<Judgement>, Option<Pending>),
        why: &str,
    ) -> Result<Outcome, Error> {
        let judgement = match protection {
            Err(unknown) => unknown,
            Ok(Protection::No) => Judgement::new(Rule::Protected, Ruling::Pass, "no entry protects the target"),
            Ok(Protection::Ask(why)) => Judgement::new(Rule::Protected, Ruling::Ask, why),
            Ok(Protection::Refused(error)) => Judgement::new(Rule::Protected, Ruling::Refuse, error.message),
        };
        guards.insert(0, judgement);
        for off in self.guard.absent() {
            if !guards.iter().any(|judgement| judgement.rule == off.rule) {
                guards.push(off);
            }
        }
        let devices = self.devices().await;
        let plan_hash = self.plan_hash(before, &devices).await?;
        let against = guards.iter().any(|judgement| matches!(judgement.verdict, Ruling::Refuse | Ruling::Unknown));
        let but = if against { " The guards would refuse it: see `guards`." } else { "" };
        let summary = format!("Dry run{why}: would {would}.{but}");
        let draft = self.draft(summary, before, &devices);
        Ok(Outcome { status: Status::DryRun, guards, pending, plan_hash, ..draft })
    }

    /// Sends the change, tells the guard what became of it, and looks whether it shows.
    async fn apply(&self, ticket: G::Ticket) -> Result<Verdict<T>, Error> {
        let reader = self.session.reader();
        let sent = match self.session.writer() {
            Ok(writer) => (self.command.apply)(&writer, self.found).await,
            Err(error) => Err(error),
        };
        let settled = match &sent {
            Ok(_) => Settled::Done,
            Err(error) if error.done == Effect::Unknown || error.error_type == OutcomeUnknown => Settled::Unknown,
            Err(_) => Settled::NotSent,
        };
        let settle = self.guard.settle(ticket, settled, reader.time_left());
        let look = verify::verify(reader, &self.found.id, sent, self.command.shows);
        let ((), verdict) = tokio::join!(settle, look);
        verdict
    }
}

fn ask(why: &str) -> Error {
    Protected.error(format!(
        "{why}; nothing was done; this needs a person's consent: make a dry run, look at it, and send a direct event with its `plan_hash`"
    ))
}
