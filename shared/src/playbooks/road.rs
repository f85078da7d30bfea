//! The road of everything that changes something, from the object that was read: plan, protect, dry run, admit, apply, settle,
//! verify. No playbook can leave out a step: it has no writer before [`Road::apply`].

use chrono::Utc;
use serde_json::Value;

use super::{
    access_devices::When,
    channel::Channel,
    command::{Command, Plan},
    devices::Devices,
    found::Resolved,
    named::Named,
    plan_hash::{Planned, plan_hash},
    protect,
    verify::{self, Answer, Verdict},
};
use crate::{
    error::{
        Effect, Error,
        ErrorType::{PlanChanged, Protected},
    },
    guard::{Admission, Change, Guard, Judged, Protection, Settled, Unsettled},
    jumpcloud::Session,
    organizations::Alias,
    outcome::{Judgement, Outcome, Pending, Rule, Ruling, Status},
    request::RequestInfo,
};

/// One run of a command.
pub(super) struct Road<'a, T: 'static, G> {
    pub(super) command: &'a Command<T>,
    pub(super) guard: &'a G,
    pub(super) session: &'a Session<'a>,
    pub(super) found: &'a Resolved<T>,
    pub(super) info: &'a RequestInfo,
}

impl<T: Named, G: Guard> Road<'_, T, G> {
    /// All of it. `known` is what the guard read beside the object.
    pub(super) async fn go(&self, known: Result<G::Known, Error>) -> Result<Outcome, Error> {
        let outcome = self.change(known).await?;
        let guards = if outcome.guards.is_empty() { self.guard.absent() } else { outcome.guards };
        Ok(Outcome { guards, ..outcome })
    }

    async fn change(&self, known: Result<G::Known, Error>) -> Result<Outcome, Error> {
        let Command { name, plan, advise, access, state, contains, .. } = *self.command;
        let (reader, object) = (self.session.reader(), &self.found.object);
        let before = state(object);
        let held = self.held(&known)?;
        let planned = plan(reader, self.found, self.info).await?;
        // What calls a command back takes nothing away. The plan says so, for it says what will be sent.
        let calls_back = matches!(planned, Plan::Change { channel: Some(Channel::Queue(_)), .. });
        let change = Change {
            playbook: name,
            contains: contains && !calls_back,
            marks: !calls_back,
            target: &self.found.target,
            before: &before,
            sighting: self.command.sighting.map(|sighting| sighting(object)),
            holding: self.holding(),
            info: self.info,
            time_left: reader.time_left(),
        };
        let (would, did, undo, channel) = match planned {
            Plan::Unchanged(summary) => {
                let outcome = self.unchanged(summary, &before, &known);
                return self.hold_only(outcome, &known, &change).await;
            }
            Plan::Skip(reason, summary) => {
                let (before, ignored) = (Some(before.clone()), Some(reason));
                let outcome = Outcome::new(self.found.target.clone(), summary).with_facts(T::TYPE, object.brief());
                return Ok(Outcome { status: Status::Ignored, ignored, before, ..outcome });
            }
            Plan::Change { would, did, undo, channel } => (would, did, undo, channel),
        };
        let by = channel.as_ref().map(Channel::name);
        if let Some(why) = self.still_held(&known, &change) {
            let outcome = async {
                let draft = self.draft(why, &before, &self.devices().await);
                Ok(Outcome { status: Status::Unchanged, ..draft })
            };
            return self.hold_only(outcome, &known, &change).await;
        }
        let protection = if calls_back { Ok(Protection::No) } else { self.protection(&known).await };
        let held_back = async |how: String| {
            let judged = self.judged(&known, &change, &protection);
            let outcome = self.dry_run(format!("Dry run{how}: would {would}."), &before, judged).await?;
            Ok(Outcome { channel: by, holds: held.clone(), ..outcome })
        };
        if self.session.dry_run() {
            return held_back(String::new()).await;
        }
        let devices = self.consent(&before, protection.as_ref().map_err(Clone::clone)?).await?;
        let ticket = match self.guard.admit(known.as_ref().map_err(Clone::clone)?, &change).await? {
            Admission::Admitted(ticket) => ticket,
            Admission::Pending(pending) => return Ok(self.pending(pending, &before).await),
            Admission::DryRun(why) => return held_back(format!(" ({why})")).await,
        };
        let devices = async {
            match devices {
                Some(devices) => devices,
                None => self.devices().await,
            }
        };
        let (verdict, devices) = tokio::join!(self.apply(ticket, channel.as_ref()), devices);
        let verdict = verdict?;
        let summary = self.said(verdict.summary(&would, did), &change, &held);
        let mut advisories: Vec<_> = verdict.doubt().into_iter().collect();
        let Verdict { status, changed, verified, now, .. } = verdict;
        let shown = now.as_ref().unwrap_or(object);
        if change.marks {
            advisories.extend(advise(object, shown, &devices));
        }
        Ok(Outcome {
            status,
            changed,
            verified,
            advisories,
            access: access(When::Changed, shown, &devices),
            before: Some(before.clone()),
            after: now.as_ref().map(state),
            undo: undo.filter(|_| changed == Some(true)),
            channel: by,
            holds: if self.guard.absent().is_empty() { change.holding.when_changed(&held, Utc::now()) } else { held },
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
            access: (self.command.access)(When::Found, object, devices),
            ..Outcome::new(self.found.target.clone(), summary).with_facts(T::TYPE, object.brief())
        }
    }

    /// The state is as wanted. Whether an attempt that was never settled brought it there is not known.
    async fn unchanged(
        &self,
        summary: String,
        before: &Value,
        known: &Result<G::Known, Error>,
    ) -> Result<Outcome, Error> {
        let known = match known {
            Err(_) if self.session.dry_run() => None,
            known => Some(known.as_ref().map_err(Clone::clone)?),
        };
        let unsettled = known.and_then(|known| self.guard.unsettled(known, self.command.name));
        let devices = self.devices().await;
        // The request that follows must find the target as it is now, or it would do something else than was looked at.
        let plan_hash = match self.session.dry_run() {
            true => self.plan_hash(before, &devices).await?,
            false => None,
        };
        Ok(match unsettled {
            None => Outcome { status: Status::Unchanged, plan_hash, ..self.draft(summary, before, &devices) },
            Some(Unsettled { before: then, when }) => {
                let summary = format!(
                    "{summary} An attempt of {when} was begun and its end is not known: it may be what brought the target there."
                );
                let then = then.unwrap_or_else(|| before.clone());
                Outcome { status: Status::Unchanged, changed: None, plan_hash, ..self.draft(summary, &then, &devices) }
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
    pub(super) async fn protection(&self, known: &Result<G::Known, Error>) -> Result<Protection, Error> {
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

    /// Refuses what is protected, and what needs consent and has none. A `plan_hash` is compared whether it is needed or not:
    /// the devices that were read for it come back.
    pub(super) async fn consent(&self, before: &Value, protection: &Protection) -> Result<Option<Devices>, Error> {
        match protection {
            Protection::Refused(error) => return Err(error.clone()),
            Protection::Ask(_) | Protection::No if self.info.plan_hash.is_some() => {}
            Protection::Ask(why) => {
                return Err(Protected.error(format!(
                    "{why}; nothing was done; this needs a person's consent: make a dry run, look at it, and send a direct event with its `plan_hash`"
                )));
            }
            Protection::No => return Ok(None),
        }
        let devices = self.devices().await;
        let hash = self.plan_hash(before, &devices).await?;
        if hash.is_none() || hash != self.info.plan_hash {
            return Err(PlanChanged.error(
                "what would be done now is not what the event's `plan_hash` stands for; nothing was done; make a dry run, look at it, and send its `plan_hash`",
            ));
        }
        Ok(Some(devices))
    }

    async fn plan_hash(&self, before: &Value, devices: &Devices) -> Result<Option<String>, Error> {
        let id = self.session.reader().organization().await?;
        let organization = self.info.organization.as_ref().map(Alias::as_str).or(id.as_deref());
        let planned = Planned { playbook: self.command.name, organization, target: &self.found.target, state: before };
        Ok(plan_hash(&planned, devices))
    }

    /// What all guards say, whichever of them refuses first.
    fn judged(
        &self,
        known: &Result<G::Known, Error>,
        change: &Change<'_>,
        protection: &Result<Protection, Error>,
    ) -> Judged {
        let mut judged = match known {
            Ok(known) => self.guard.judge(known, change),
            Err(error) => {
                let unknown = |rule| Judgement::new(rule, Ruling::Unknown, &error.message);
                Judged { guards: [Rule::Pending, Rule::Switch, Rule::Limit].map(unknown).to_vec(), pending: None }
            }
        };
        let (verdict, why) = match protection {
            Err(error) => (Ruling::Unknown, error.message.as_str()),
            Ok(Protection::No) => (Ruling::Pass, "no entry protects the target"),
            Ok(Protection::Ask(why)) => (Ruling::Ask, why.as_str()),
            Ok(Protection::Refused(error)) => (Ruling::Refuse, error.message.as_str()),
        };
        judged.guards.insert(0, Judgement::new(Rule::Protected, verdict, why));
        let has = |judged: &Judged, rule| judged.guards.iter().any(|judgement| judgement.rule == rule);
        let absent: Vec<_> = self.guard.absent().into_iter().filter(|off| !has(&judged, off.rule)).collect();
        judged.guards.extend(absent);
        judged
    }

    /// Everything was looked up and judged, and the change is held back.
    async fn dry_run(&self, summary: String, before: &Value, judged: Judged) -> Result<Outcome, Error> {
        let Judged { guards, pending } = judged;
        let devices = self.devices().await;
        let plan_hash = self.plan_hash(before, &devices).await?;
        let against = guards.iter().any(|judgement| matches!(judgement.verdict, Ruling::Refuse | Ruling::Unknown));
        let but = if against { " The guards would refuse it: see `guards`." } else { "" };
        let draft = self.draft(summary + but, before, &devices);
        let access = (self.command.access)(When::Planned, &self.found.object, &devices);
        Ok(Outcome { status: Status::DryRun, guards, access, pending, plan_hash, ..draft })
    }

    /// Sends the change, tells the guard what became of it, and looks whether it shows.
    async fn apply(&self, ticket: G::Ticket, channel: Option<&Channel>) -> Result<Verdict<T>, Error> {
        let reader = self.session.reader();
        let sent = match self.session.writer() {
            Ok(writer) => (self.command.apply)(&writer, self.found, channel).await,
            Err(error) => Err(error),
        };
        let known = match &sent {
            Ok(Answer::Undocumented) => None,
            Ok(_) => Some(Settled::Done),
            Err(error) if error.done == Effect::Unknown => None,
            Err(_) => Some(Settled::NotSent),
        };
        let look = verify::verify(reader, &self.found.id, sent, self.command.shows);
        let Some(settled) = known else {
            // Only what is read back can tell.
            let verdict = look.await;
            let seen = verdict.as_ref().is_ok_and(|verdict| verdict.changed == Some(true));
            let settled = if seen { Settled::Done } else { Settled::Unknown };
            self.guard.settle(ticket, settled, reader.time_left()).await;
            return verdict;
        };
        tokio::join!(self.guard.settle(ticket, settled, reader.time_left()), look).1
    }
}
