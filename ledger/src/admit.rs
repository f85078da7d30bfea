//! Admission: one transaction that checks the switches, counts the target and writes the mark, or does nothing.
//!
//! It is optimistic: its conditions are what was read before. Where one does not hold, the answer has the item that is there;
//! with that it is judged again, until it is admitted, refused, or the time is up.

use std::time::Duration;

use aws_sdk_dynamodb::{error::BuildError, types::TransactWriteItem};
use chrono::{DateTime, Utc};
use jumpcloud_playbooks::{
    error::{Error, ErrorType::DeadlineExceeded},
    guard::{Admission, Change, Settled},
};
use tokio::time::Instant;

use crate::{
    items::{Item, Step, When, change_key, number, on_condition, set, text},
    judge::{Known, Verdict, target},
    record::{Record, written},
    setup::Ledger,
    switch::{Counted, Entry},
    table::{Table, Trouble, Written, backoff, is_conflict, unavailable},
};

/// Kept back from the invocation's time for the change itself.
const TIME_TO_ACT: Duration = Duration::from_millis(500);

/// What was admitted, to be settled.
pub struct Ticket {
    /// The mark.
    pub(crate) record: Record,
    /// What was there before it.
    pub(crate) before: Option<Record>,
    pub(crate) key: Item,
    /// The playbook's own switch, and the hour and day in which the target was counted.
    pub(crate) counted: Option<(Item, [Entry; 2])>,
    /// Whether the state decides what comes next, so that the record may go one day.
    pub(crate) state_decides: bool,
}

impl Ledger {
    pub(crate) async fn admission(
        &self,
        table: &Table,
        known: Known,
        change: &Change<'_>,
    ) -> Result<Admission<Option<Ticket>>, Error> {
        let time_left = change.time_left.checked_sub(TIME_TO_ACT).ok_or_else(|| {
            DeadlineExceeded.error("the function's time ran out before the guard table was asked; nothing was done; try again or raise the function's timeout")
        })?;
        let id = change.target.id.as_ref().ok_or_else(|| unavailable("the target has no id"))?;
        let key = change_key(self.organization(change.info.organization.as_ref())?, change.target.target_type, id);
        let request = Request { ledger: self, table, change, key, until: Instant::now() + time_left };
        request.admit(known).await
    }
}

/// One request for admission.
struct Request<'a> {
    ledger: &'a Ledger,
    table: &'a Table,
    change: &'a Change<'a>,
    /// Of the change record.
    key: Item,
    until: Instant,
}

impl Request<'_> {
    async fn admit(&self, mut known: Known) -> Result<Admission<Option<Ticket>>, Error> {
        let own = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        // Those whose answer was lost: one of them may have been made.
        let mut lost: Vec<Ticket> = Vec::new();
        let mut tries = 0;
        loop {
            let mark = known.record.as_ref().map(|record| &record.attempt);
            if let Some(index) = lost.iter().position(|ticket| Some(&ticket.record.attempt) == mark) {
                return Ok(Admission::Admitted(Some(lost.swap_remove(index))));
            }
            let now = Utc::now();
            let counted = match known.judge(self.change, self.ledger.limits, now) {
                Verdict::Pending(pending) => {
                    self.store_sighting(&known, now).await;
                    return Ok(Admission::Pending(pending));
                }
                Verdict::DryRun(why) => return Ok(Admission::DryRun(why)),
                Verdict::Refused(error) => return Err(error),
                Verdict::Latch(error) => {
                    self.latch(&known, now).await;
                    return Err(error);
                }
                Verdict::Admit(counted) => counted,
            };
            let ticket = self.ticket(&known, &format!("{own}-{tries}"), counted.as_ref(), now);
            let steps =
                self.steps(&known, counted, &ticket).map_err(|_| unavailable("the transaction could not be built"))?;
            let wait = match self.table.transact(steps, self.until).await {
                Ok(Written::Done) => return Ok(Admission::Admitted(self.change.marks.then_some(ticket))),
                Ok(Written::Cancelled(reasons)) => {
                    let conflict = reasons.iter().any(is_conflict);
                    known.learn(reasons)?;
                    conflict
                }
                Err(Trouble::Fatal(error)) => return Err(self.given_up(lost, error).await),
                Err(Trouble::Lost) => {
                    lost.extend(self.change.marks.then_some(ticket));
                    true
                }
                Err(Trouble::Again) => true,
            };
            if wait && let Err(error) = backoff(tries, self.until).await {
                return Err(self.given_up(lost, error).await);
            }
            tries += 1;
        }
    }

    /// The switches, in their order, then the mark.
    fn steps(
        &self,
        known: &Known,
        counted: Option<Counted>,
        ticket: &Ticket,
    ) -> Result<Vec<TransactWriteItem>, BuildError> {
        let (table, change) = (self.table.name.as_str(), self.change);
        const ON: &str = "(attribute_not_exists(#mode) OR #mode = :on)";
        let mut steps = Vec::new();
        let (own, others) = match known.switches.split_last() {
            Some((own, others)) => (Some(own), others),
            None => (None, [].as_slice()),
        };
        let on = vec![("on", text("on"))];
        for (key, _) in others {
            steps.push(on_condition(table, key, Step::Check, &When(ON, on.clone()))?);
        }
        if let Some((key, _)) = own {
            let (mut conditions, mut values) = (vec![ON.to_owned()], on);
            let mut step = Step::Check;
            if let Some(Counted::Within { hour, day, limits, allowance }) = counted {
                let id = target(change);
                values.extend([
                    ("target", text(id)),
                    ("set", set(&[id])),
                    ("hour", text(hour.of())),
                    ("day", text(day.of())),
                    ("hour_max", number(limits.hour.try_into().unwrap_or(i64::MAX))),
                    ("day_max", number(limits.day.try_into().unwrap_or(i64::MAX))),
                ]);
                if !change.info.is_direct() {
                    conditions.push("attribute_not_exists(#latched)".to_owned());
                }
                if let Some((targets, until)) = allowance {
                    conditions.push("#allow_targets = :allow_targets AND #allow_until = :allow_until".to_owned());
                    values.extend([("allow_targets", number(targets)), ("allow_until", number(until))]);
                }
                let (mut sets, mut adds) = (Vec::new(), Vec::new());
                for (name, entry) in [("hour", &hour), ("day", &day)] {
                    conditions.push(entry_condition(name, entry));
                    match entry {
                        Entry::There(_) => {}
                        Entry::Added(_) => adds.push(format!("#{name}_targets :set")),
                        Entry::First(_) => sets.push(format!("#{name} = :{name}, #{name}_targets = :set")),
                    }
                }
                let clause = |verb: &str, parts: &[String]| match parts {
                    [] => String::new(),
                    parts => format!("{verb} {} ", parts.join(", ")),
                };
                let update = clause("SET", &sets) + &clause("ADD", &adds);
                if !update.is_empty() {
                    step = Step::Update(update);
                }
            }
            steps.push(on_condition(table, key, step, &When(&conditions.join(" AND "), values))?);
        }
        let mark = if change.marks { Step::Put(ticket.record.item(&ticket.key)) } else { Step::Check };
        steps.push(on_condition(table, &ticket.key, mark, &Record::is_still(ticket.before.as_ref()))?);
        Ok(steps)
    }

    #[expect(clippy::too_many_arguments, reason = "all that the admission was judged by stands in its mark")]
    fn ticket(&self, known: &Known, attempt: &str, counted: Option<&Counted>, now: DateTime<Utc>) -> Ticket {
        let entries = match counted {
            Some(Counted::Within { hour, day, .. }) => Some([hour.clone(), day.clone()]),
            _ => None,
        };
        let names = entries.iter().flat_map(|[hour, day]| [("hour", hour), ("day", day)]);
        let names = names.filter(|(_, entry)| entry.counts()).map(|(name, _)| name.to_owned()).collect();
        let own = known.switches.last().map(|(key, _)| key.clone());
        let held = known.record.as_ref().map(|record| record.holds.as_slice()).unwrap_or_default();
        let holds = self.change.holding.when_changed(held, now);
        Ticket {
            record: Record { holds, ..Record::begun(self.change, attempt, now, names) },
            before: known.record.clone(),
            key: self.key.clone(),
            counted: own.zip(entries),
            state_decides: self.change.sighting.is_none(),
        }
    }

    /// Takes back a mark that may be there, although nothing will be sent.
    async fn given_up(&self, lost: Vec<Ticket>, error: Error) -> Error {
        for ticket in lost {
            self.table.settle(ticket, Settled::NotSent, TIME_TO_ACT).await;
        }
        error
    }

    /// From now on findings are refused. Not where a person has turned the playbook on since.
    async fn latch(&self, known: &Known, now: DateTime<Utc>) {
        let Some((key, switch)) = known.switches.last() else { return };
        let condition = match switch.epoch {
            Some(_) => "#epoch = :epoch AND attribute_not_exists(#latched)",
            None => "attribute_not_exists(#epoch) AND attribute_not_exists(#latched)",
        };
        let values = vec![("epoch", number(switch.epoch.unwrap_or_default())), ("now", text(written(now)))];
        self.table.update(key, "SET #latched = :now", &When(condition, values), self.until).await;
    }

    /// Remembers when the host was first seen online after the command was sent.
    async fn store_sighting(&self, known: &Known, now: DateTime<Utc>) {
        let (Some(record), Some(sighting)) = (&known.record, &self.change.sighting) else { return };
        let (Some(seen), None) = (record.sighted(sighting, now).0, record.seen) else { return };
        let values = vec![("seen", text(written(seen))), ("attempt", text(&record.attempt))];
        let when = When("#attempt = :attempt AND attribute_not_exists(#seen)", values);
        self.table.update(&self.key, "SET #seen = :seen", &when, self.until).await;
    }
}

/// That the count is as it was judged: never one more than the limit.
fn entry_condition(name: &str, entry: &Entry) -> String {
    match entry {
        Entry::There(_) => format!("#{name} = :{name} AND contains(#{name}_targets, :target)"),
        Entry::Added(_) => format!(
            "#{name} = :{name} AND (attribute_not_exists(#{name}_targets) OR (NOT contains(#{name}_targets, :target) AND size(#{name}_targets) < :{name}_max))"
        ),
        Entry::First(_) => format!("(attribute_not_exists(#{name}) OR #{name} < :{name})"),
    }
}
