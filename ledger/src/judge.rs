//! What the guards say of a change, from what is known.

use aws_sdk_dynamodb::types::CancellationReason;
use chrono::{DateTime, Utc};
use jumpcloud_playbooks::{
    error::{
        Error,
        ErrorType::{InProgress, LimitReached, OutcomeUnknown, SwitchedOff},
    },
    guard::{Change, Judged},
    outcome::{Judgement, Pending, Rule, Ruling},
};

use crate::{
    items::Item,
    protected::Entry,
    record::{Record, Standing},
    switch::{Counted, Limits, Mode, Switch},
};

/// What is known of a target and of the playbook.
#[derive(Clone)]
pub struct Known {
    /// The protected entries.
    pub entries: Vec<Entry>,
    /// The switches in force, as keys and what they say: those of all playbooks first, the playbook's own last.
    pub switches: Vec<(Item, Switch)>,
    /// The target's change record.
    pub record: Option<Record>,
}

/// What stands against a change, or how it is made.
pub enum Verdict {
    /// It was sent and may still be carried out.
    Pending(Pending),
    /// The switch makes it a dry run.
    DryRun(String),
    /// It is refused.
    Refused(Error),
    /// It is refused for the limit alone.
    Latch(Error),
    /// It may be made; `None` where it is not limited.
    Admit(Option<Counted>),
}

impl Known {
    /// The playbook's own switch of this organization: it also counts.
    pub fn own(&self) -> Option<&Switch> {
        self.switches.last().map(|(_, switch)| switch)
    }

    /// Takes over the items that a cancelled transaction found: the switches, in their order, and the mark.
    ///
    /// # Errors
    /// `GuardUnavailable` where the record is damaged.
    pub fn learn(&mut self, reasons: Vec<CancellationReason>) -> Result<(), Error> {
        let found = |reason: CancellationReason| match reason.code() {
            Some("ConditionalCheckFailed") => Some(reason.item),
            _ => None,
        };
        let mut items = reasons.into_iter().map(found);
        for (_, switch) in &mut self.switches {
            if let Some(item) = items.next().flatten() {
                *switch = Switch::from_item(item.as_ref());
            }
        }
        if let Some(item) = items.next().flatten() {
            self.record = item.as_ref().map(Record::from_item).transpose()?;
        }
        Ok(())
    }

    fn standing(&self, change: &Change<'_>, now: DateTime<Utc>) -> Standing {
        match (&self.record, &change.sighting) {
            (Some(record), _) if !change.marks && record.is_in_progress(now) => Standing::InProgress,
            _ if !change.marks => Standing::Free, // what is pending stays so
            (Some(record), Some(sighting)) if !record.is_over(now) => record.standing(sighting, now),
            _ => Standing::Free, // the state decides
        }
    }

    /// The first thing that stands against `change`, in the order of the guards.
    pub fn judge(&self, change: &Change<'_>, limits: Limits, now: DateTime<Utc>) -> Verdict {
        let when = self.record.as_ref().map(Record::when).unwrap_or_default();
        match self.standing(change, now) {
            Standing::InProgress => return Verdict::Refused(in_progress(&when)),
            Standing::Pending(pending) if !change.info.repeat => return Verdict::Pending(pending),
            Standing::Unknown if !change.info.repeat => return Verdict::Refused(unknown(&when)),
            Standing::Free | Standing::Pending(_) | Standing::Unknown => {}
        }
        if let Some(switch) = self.switch(Mode::Off) {
            return Verdict::Refused(off(change.playbook, switch));
        }
        if let Some(switch) = self.switch(Mode::DryRun) {
            return Verdict::DryRun(format!("switched to dry run {}", switch.set));
        }
        let Some(own) = self.own().filter(|_| change.contains) else { return Verdict::Admit(None) };
        if let Some(since) = own.latched.as_ref().filter(|_| !change.info.is_direct()) {
            return Verdict::Refused(latched(change.playbook, since));
        }
        match own.count(target(change), limits, now) {
            Counted::Reached(most, per) => Verdict::Latch(reached(change.playbook, most, per)),
            within => Verdict::Admit(Some(within)),
        }
    }

    /// What each guard says, whatever those before it say.
    pub fn each(&self, change: &Change<'_>, limits: Limits, now: DateTime<Utc>) -> Judged {
        let when = self.record.as_ref().map(Record::when).unwrap_or_default();
        let repeat = change.info.repeat;
        let mut pending = None;
        let (verdict, why) = match self.standing(change, now) {
            Standing::Free => (Ruling::Pass, "nothing is pending".to_owned()),
            Standing::InProgress => (Ruling::Refuse, in_progress(&when).message),
            Standing::Unknown if !repeat => (Ruling::Refuse, unknown(&when).message),
            Standing::Unknown => (Ruling::Pass, format!("to be sent again, as asked; begun {when}")),
            Standing::Pending(before) => {
                pending = Some(before);
                let verdict = if repeat { Ruling::Pass } else { Ruling::Refuse };
                (verdict, format!("sent before and may still be carried out: {when}"))
            }
        };
        let mut guards = vec![Judgement::new(Rule::Pending, verdict, why)];
        let (verdict, why) = match (self.switch(Mode::Off), self.switch(Mode::DryRun)) {
            (Some(switch), _) => (Ruling::Refuse, off(change.playbook, switch).message),
            (None, Some(switch)) => (Ruling::Refuse, format!("switched to dry run {}", switch.set)),
            (None, None) => (Ruling::Pass, "on".to_owned()),
        };
        guards.push(Judgement::new(Rule::Switch, verdict, why));
        let own = self.own().filter(|_| change.contains);
        let latch = own.and_then(|own| own.latched.as_ref()).filter(|_| !change.info.is_direct());
        let (verdict, why) = match (latch, own.map(|own| own.count(target(change), limits, now))) {
            (Some(since), _) => (Ruling::Refuse, latched(change.playbook, since).message),
            (None, Some(Counted::Reached(most, per))) => (Ruling::Refuse, reached(change.playbook, most, per).message),
            (None, Some(Counted::Within { limits, .. })) => {
                (Ruling::Pass, format!("at most {} targets per hour and {} per day", limits.hour, limits.day))
            }
            (None, None) => (Ruling::Pass, "not limited".to_owned()),
        };
        guards.push(Judgement::new(Rule::Limit, verdict, why));
        Judged { guards, pending }
    }

    pub(crate) fn switch(&self, mode: Mode) -> Option<&Switch> {
        self.switches.iter().map(|(_, switch)| switch).find(|switch| switch.mode == mode)
    }
}

/// The target's id, as the sets hold it.
pub fn target<'a>(change: &Change<'a>) -> &'a str {
    change.target.id.as_ref().map(|id| id.as_str()).unwrap_or_default()
}

pub(crate) fn in_progress(when: &str) -> Error {
    InProgress.error(format!(
        "another invocation is at work on the target since {when}; nothing was done by this one; try again when that one must have ended"
    ))
}

fn unknown(when: &str) -> Error {
    let why = format!(
        "an attempt of {when} was begun, and whether its command was sent is not known; nothing was sent now; look at the target, then send `repeat: true` in a direct event, or `forget` the target"
    );
    // This invocation did nothing; what is unknown is what the other one did.
    OutcomeUnknown.error(why)
}

pub(crate) fn off(playbook: &str, switch: &Switch) -> Error {
    SwitchedOff.error(format!(
        "{playbook} is switched off {}; nothing was done; to act all the same, switch it on",
        switch.set
    ))
}

fn latched(playbook: &str, since: &str) -> Error {
    LimitReached.error(format!(
        "{playbook} reached its limit of targets at {since} and refuses findings until a person turns it on; nothing was done; a direct event is still accepted while the limit allows it"
    ))
}

fn reached(playbook: &str, most: usize, per: &str) -> Error {
    LimitReached.error(format!(
        "{playbook} has taken {most} targets this {per}, and no more are allowed; nothing was done; findings are refused until a person turns it on, which starts a new count"
    ))
}
