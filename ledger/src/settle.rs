//! Settlement: what became of a change that was admitted.

use std::time::Duration;

use chrono::Utc;
use jumpcloud_playbooks::guard::Settled;
use tokio::time::Instant;

use crate::{
    admit::Ticket,
    holds::expiry,
    items::{Item, Step, Values, When, number, on_condition, set, text},
    table::{Table, Trouble, Written, is_conflict, retried, unavailable},
};

/// Even where the change took all the time: what Lambda leaves for the answer.
const AT_LEAST: Duration = Duration::from_millis(200);

impl Table {
    /// Writes what became of it, on the condition that the mark is still ours. A failure leaves the mark, which then counts
    /// as unknown: that is what the next invocation must believe.
    pub(crate) async fn settle(&self, ticket: Ticket, result: Settled, time_left: Duration) {
        let until = Instant::now() + time_left.max(AT_LEAST);
        let status = match result {
            Settled::Done => "done",
            Settled::Unknown => "unknown",
            Settled::NotSent => return self.take_back(&ticket, until).await,
        };
        let expires = expiry(&ticket.record.holds, Utc::now()).filter(|_| ticket.state_decides);
        let values = vec![
            ("status", text(status)),
            ("attempt", text(&ticket.record.attempt)),
            ("expires", number(expires.unwrap_or_default().timestamp())),
        ];
        let update = match expires.is_some() {
            true => "SET #status = :status, #expires = :expires",
            false => "SET #status = :status",
        };
        self.update(&ticket.key, update, &When("#attempt = :attempt", values), until).await;
    }

    /// The record that was there before comes back, and the target leaves the sets that this change put it in.
    async fn take_back(&self, ticket: &Ticket, until: Instant) {
        let mine = When("#attempt = :attempt", vec![("attempt", text(&ticket.record.attempt))]);
        let step = || match &ticket.before {
            Some(before) => Step::Put(before.item(&ticket.key)),
            None => Step::Delete,
        };
        // The hour or the day may be over: then their sets are gone, too.
        let mut removals = removals(ticket);
        loop {
            let taken = retried(until, async || {
                let mut steps = vec![on_condition(&self.name, &ticket.key, step(), &mine)];
                if let Some((key, update, condition, values)) = removals.last() {
                    let when = When(condition, values.clone());
                    steps.push(on_condition(&self.name, key, Step::Update(update.clone()), &when));
                }
                let steps: Result<Vec<_>, _> = steps.into_iter().collect();
                let steps = steps.map_err(|_| Trouble::Fatal(unavailable("the transaction could not be built")))?;
                match self.transact(steps, until).await? {
                    Written::Cancelled(reasons) if reasons.iter().any(is_conflict) => Err(Trouble::Again),
                    Written::Cancelled(reasons) => {
                        let ours = reasons.first().is_none_or(|mark| mark.code() != Some("ConditionalCheckFailed"));
                        Ok(!ours)
                    }
                    Written::Done => Ok(true),
                }
            });
            match taken.await {
                Ok(true) => return,
                // Without the narrower removals only the mark is left to take back.
                Ok(false) if removals.pop().is_some() => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = error.message, "a mark in the guard table could not be taken back");
                    return;
                }
            }
        }
    }
}

type Removal = (Item, String, String, Values);

/// How the target leaves the sets; the last is tried first: both sets, then the day's, then none.
fn removals(ticket: &Ticket) -> Vec<Removal> {
    let Some((key, entries)) = &ticket.counted else { return Vec::new() };
    let id = ticket.key.get("sk").and_then(|sk| sk.as_s().ok()).and_then(|sk| sk.split('#').nth(1)).unwrap_or_default();
    let [hour, day] = entries;
    let values = vec![("set", set(&[id])), ("hour", text(hour.of())), ("day", text(day.of()))];
    let counted: Vec<&str> =
        [("hour", hour), ("day", day)].into_iter().filter(|(_, entry)| entry.counts()).map(|(name, _)| name).collect();
    let removal = |names: &[&str]| {
        let sets: Vec<String> = names.iter().map(|name| format!("#{name}_targets :set")).collect();
        let same: Vec<String> = names.iter().map(|name| format!("#{name} = :{name}")).collect();
        (key.clone(), format!("DELETE {}", sets.join(", ")), same.join(" AND "), values.clone())
    };
    match counted.as_slice() {
        [] => Vec::new(),
        [one] => vec![removal(&[one])],
        [first, rest @ ..] => vec![removal(rest), removal(&[&[*first], rest].concat())],
    }
}
