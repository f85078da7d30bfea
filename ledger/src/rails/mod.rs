//! What a person sets: switches, protected entries, allowances, and what is forgotten; and all of it, shown.
//!
//! `action` reads the event, `edit` makes of it one conditional write, `show` says what is in force. A write is tried until the
//! invocation's deadline: an `off` has to arrive while admissions are at work on the same item. Its condition is what people set,
//! never the counts, which go on meanwhile.

mod action;
mod edit;
#[cfg(test)]
mod schema;
mod show;
mod state;

use std::time::Duration;

use chrono::Utc;
use jumpcloud_playbooks::{
    error::{
        Error,
        ErrorType::{OutcomeUnknown, Unsupported},
    },
    jumpcloud::Traffic,
    outcome::{Outcome, Status},
    runtime::{Answered, Asked},
};
use tokio::time::Instant;

use self::{
    action::{Action, Setting},
    edit::{Edit, Hand, Plan},
    show::{Shown, Switches},
};
use crate::{
    items::{ALL, Item, When, on_condition, text_of},
    setup::{self, GIVES_BACK, Ledger},
    switch::Mode,
    table::{Table, Trouble, Written, backoff, is_conflict, unavailable},
};

/// The function's name.
pub const NAME: &str = "guard-rails";
/// A write is not begun with less than this left: what is cut off by the deadline is not known to have had no effect.
const TIME_TO_WRITE: Duration = Duration::from_millis(300);

/// Does what one event asks for.
pub async fn answer(ledger: &Ledger, asked: Asked<'_>) -> Answered {
    let traffic = Traffic::default();
    match Action::read(asked.fields, asked.info) {
        Ok(action) => Answered { asked: Some(action.event()), traffic, result: act(ledger, &action, &asked).await },
        Err(error) => Answered { asked: None, traffic, result: Err(error) },
    }
}

async fn act(ledger: &Ledger, action: &Action, asked: &Asked<'_>) -> Result<Outcome, Error> {
    let table = ledger.table.as_ref().ok_or_else(|| {
        Unsupported.error("GUARD_TABLE is `none`: this deployment has no guard table, and nothing that could be shown or set; nothing was done")
    })?;
    let organization = match ledger.organization(asked.info.organization.as_ref()) {
        Err(_) if asked.fields.flag("all_organizations")? => ALL, // of several, and so not about one
        one => one?,
    };
    if *action == Action::Show {
        return show::all(&Shown { ledger, table, until: asked.deadline }, organization).await;
    }
    let key = action.key(organization);
    let mut keys = show::keys(organization);
    if !keys.contains(&key) {
        keys.push(key.clone());
    }
    let items = table.get(&keys, asked.deadline).await?;
    let item = items.iter().find(|item| show::is_at(item, &key)).cloned();
    let hand = Hand { info: asked.info, now: Utc::now() };
    let request = Request { table, action, hand: &hand, key, until: asked.deadline };
    let outcome = request.outcome(item).await?;
    let remarks = remarks(ledger, action, &Switches::new(organization, &items));
    let summary = [&[outcome.summary], &remarks[..]].concat().join(" ");
    Ok(Outcome { summary, ..outcome })
}

/// One write.
struct Request<'a> {
    table: &'a Table,
    action: &'a Action,
    hand: &'a Hand<'a>,
    key: Item,
    until: Instant,
}

impl Request<'_> {
    async fn outcome(&self, mut item: Option<Item>) -> Result<Outcome, Error> {
        // What is to be said where a write was made whose answer was lost, and the attribute that shows it.
        let mut lost: Option<(Option<&'static str>, Outcome)> = None;
        let mut tries = 0;
        loop {
            let of = |summary| Outcome::new(self.action.target(item.as_ref()), summary);
            let Edit { step, condition, values, mark, before, after, would, did, undo } =
                match self.action.plan(&self.key, item.as_ref(), self.hand)? {
                    Plan::Change(edit) => *edit,
                    Plan::Unchanged { summary, state } => {
                        // After a lost answer: by that write or by somebody else.
                        let changed = if lost.is_some() { None } else { Some(false) };
                        let status = Status::Unchanged;
                        return Ok(Outcome { status, changed, before: state.clone(), after: state, ..of(summary) });
                    }
                };
            if self.hand.info.dry_run {
                let summary = format!("Dry run: would {would}.");
                return Ok(Outcome { status: Status::DryRun, before, ..of(summary) });
            }
            // Verified: the table's answer to a conditional write is that it is written.
            let (changed, verified) = (Some(true), Some(true));
            let done = Outcome { changed, verified, before, after, undo, ..of(did) };
            let step = on_condition(&self.table.name, &self.key, step, &When(&condition, values));
            let step = step.map_err(|_| unavailable("the write could not be built"))?;
            let wait = match self.table.transact(vec![step], self.until).await {
                Ok(Written::Done) => return Ok(done),
                Ok(Written::Cancelled(reasons)) if reasons.iter().any(is_conflict) => true,
                Ok(Written::Cancelled(reasons)) => {
                    item = reasons.into_iter().next().and_then(|reason| reason.item);
                    if let Some((Some(mark), done)) = &lost
                        && item.as_ref().and_then(|item| text_of(item, mark)) == Some(&self.hand.who())
                    {
                        return Ok(done.clone());
                    }
                    false
                }
                Err(Trouble::Lost) => {
                    lost = Some((mark, done));
                    true
                }
                Err(Trouble::Again) => true,
                Err(Trouble::Fatal(error)) => return Err(failed(&would, lost.is_some(), error)),
            };
            if wait && let Err(error) = backoff(tries, self.until - TIME_TO_WRITE).await {
                return Err(failed(&would, lost.is_some(), error));
            }
            tries += 1;
        }
    }
}

/// Why a write was given up.
fn failed(would: &str, lost: bool, error: Error) -> Error {
    if lost {
        return OutcomeUnknown.error(format!(
            "asked the guard table to {would}, and no answer came in time: whether that is in force now is not known; look with `show`, and send the event again, which does no harm"
        ));
    }
    Error { message: format!("could not {would}: {}", error.message), ..error }
}

/// What else counts, so that nobody takes the setting for more than it is.
fn remarks(ledger: &Ledger, action: &Action, switches: &Switches) -> Vec<String> {
    match action {
        Action::Switch(Setting { playbook: Some(playbook), .. }) => {
            let own = action.key(switches.organization());
            let others = setup::switches(switches.organization(), playbook).into_iter().filter(|key| *key != own);
            let stopped = others.filter_map(|key| switches.at(&key)).filter(|found| found.switch.mode != Mode::On);
            stopped.map(|found| format!("{} is {}.", found.subject(), found.said())).collect()
        }
        Action::Switch(Setting { mode, .. }) => {
            let containing = switches.of_playbooks().filter(|found| found.playbook != GIVES_BACK);
            let stopped = containing.clone().filter(|found| found.switch.mode != Mode::On);
            let mut remarks: Vec<String> = stopped
                .map(|found| format!("The own switch of {} is {}.", found.subject(), found.said()))
                .chain(containing.filter_map(latch))
                .collect();
            if *mode != Mode::On {
                remarks.push("Enable User goes on: it obeys only its own switch.".to_owned());
            }
            remarks
        }
        Action::Allow { playbook, .. } => {
            switches.of_playbooks().filter(|found| found.playbook == *playbook).filter_map(latch).collect()
        }
        Action::Protect(entry) | Action::Unprotect(entry) => {
            let same = ledger.entries.iter().filter(|other| other.kind == entry.kind && other.name == entry.name);
            same.map(|other| format!("It is also protected by {}, which only a deployment changes.", other.source))
                .collect()
        }
        Action::Forget(..) | Action::Show => Vec::new(),
    }
}

fn latch(found: &show::Found) -> Option<String> {
    let since = found.switch.latched.as_ref()?;
    let playbook = found.playbook;
    Some(format!(
        "{playbook} refuses findings since {since}, because its limit was reached, until {playbook} itself is switched on."
    ))
}
