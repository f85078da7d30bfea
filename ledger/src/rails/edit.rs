//! What an action makes of the item that is there: nothing, or one conditional write.

use chrono::{DateTime, TimeDelta, Utc};
use jumpcloud_playbooks::{
    error::{Error, ErrorType::InProgress},
    guard::Sighting,
    outcome::{OutcomeTarget, Undo},
    request::{By, RequestInfo, TargetType},
};
use serde_json::{Value, json};

use super::{
    action::{Action, Setting, how},
    state::{allowance_state, entry_state, record_state, switch_state},
};
use crate::{
    items::{ALL, Item, Step, Values, change_key, key, number, protected_pk, switch_key, text, text_of},
    protected::Entry,
    record::{Record, Standing, written},
    switch::{Mode, Switch},
};

/// What is to be done to the item.
pub(super) enum Plan {
    /// Nothing: it is as wanted.
    Unchanged {
        /// In words.
        summary: String,
        /// What it says.
        state: Option<Value>,
    },
    /// A write.
    Change(Box<Edit>),
}

/// A write, and what is said of it.
pub(super) struct Edit {
    pub(super) step: Step,
    /// That the item is as it was read, as far as people set it: counts go on meanwhile.
    pub(super) condition: String,
    pub(super) values: Values,
    /// The attribute in which [`Hand::who`] shows that the write is ours; `None` where nothing stays.
    pub(super) mark: Option<&'static str>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    /// After "would".
    pub(super) would: String,
    /// A sentence for when it was done.
    pub(super) did: String,
    pub(super) undo: Option<Undo>,
}

/// Whose doing it is.
pub(super) struct Hand<'a> {
    pub(super) info: &'a RequestInfo,
    pub(super) now: DateTime<Utc>,
}

impl Hand<'_> {
    /// In the caller's words, and always the request.
    pub(super) fn who(&self) -> String {
        let request = format!("request {}", self.info.request_id);
        self.info.by.as_ref().map_or(request.clone(), |by| format!("{by} ({request})"))
    }

    fn why(&self) -> &str {
        self.info.reason.as_deref().unwrap_or_default()
    }

    fn undo(&self, action: &Action) -> Undo {
        let mut event = action.event();
        event["reason"] = json!(format!("takes back request {}", self.info.request_id));
        Undo::new(super::NAME, event)
    }
}

impl Action {
    /// The item that it is about.
    pub(super) fn key(&self, organization: &str) -> Item {
        match self {
            Self::Switch(Setting { playbook, everywhere, .. }) => {
                switch_key(if *everywhere { ALL } else { organization }, playbook.unwrap_or(ALL))
            }
            Self::Allow { playbook, .. } => switch_key(organization, playbook),
            Self::Protect(entry) | Self::Unprotect(entry) => key(protected_pk(organization), entry.sk()),
            Self::Forget(target_type, id) => change_key(organization, *target_type, id),
            Self::Show => Item::new(),
        }
    }

    /// Whom it is about, where that is one target.
    pub(super) fn target(&self, item: Option<&Item>) -> Option<OutcomeTarget> {
        let Self::Forget(target_type, id) = self else { return None };
        let name = item.and_then(|item| text_of(item, "name")).unwrap_or(id.as_str()).to_owned();
        let matched_by = if *target_type == TargetType::Host { By::HostId } else { By::UserId };
        Some(OutcomeTarget { target_type: *target_type, id: Some(id.clone()), name, matched_by, source: None })
    }

    /// What is to be done to `item`, which is at `key`.
    ///
    /// # Errors
    /// `InProgress` where the record to be forgotten is that of an invocation that is still at work.
    pub(super) fn plan(&self, key: &Item, item: Option<&Item>, hand: &Hand<'_>) -> Result<Plan, Error> {
        let nothing = Item::new();
        let found = item.unwrap_or(&nothing);
        Ok(match self {
            Self::Switch(setting) => setting.plan(found, hand),
            Self::Protect(entry) => protect(entry, key, found, hand),
            Self::Unprotect(entry) => unprotect(entry, found, hand),
            Self::Allow { playbook, raise } => allow(playbook, *raise, found, hand),
            Self::Forget(..) => forget(&self.target(item).map(label).unwrap_or_default(), found, hand)?,
            Self::Show => Plan::Unchanged { summary: String::new(), state: None },
        })
    }
}

impl Setting {
    /// What it is about, in words.
    pub(super) fn subject(&self) -> String {
        let what = self.playbook.unwrap_or("all playbooks that take something away");
        format!("{what}{}", if self.everywhere { " in all organizations" } else { "" })
    }

    fn plan(&self, item: &Item, hand: &Hand<'_>) -> Plan {
        let (mode, there) = (self.mode, Switch::from_item(Some(item)));
        let (taken, subject) = (there.taken(hand.now), self.subject());
        let fresh = there.latched.is_none() && taken == (0, 0);
        let stored = text_of(item, "mode").is_none_or(|word| word == there.mode.word());
        if there.mode == mode && stored && (mode != Mode::On || fresh) {
            let summary = format!("The switch of {subject} is {} already.", mode.word());
            return Plan::Unchanged { summary, state: Some(switch_state(item, hand.now)) };
        }
        let (condition, mut values) = as_read(item, &[("mode", "mode_was"), ("at", "at_was"), ("epoch", "epoch_was")]);
        values.extend([("mode", text(mode.word())), ("who", text(hand.who())), ("why", text(hand.why()))]);
        values.push(("at", text(written(hand.now))));
        let mut update = "SET #mode = :mode, #who = :who, #why = :why, #at = :at".to_owned();
        if mode == Mode::On {
            update += ", #epoch = :epoch REMOVE #latched, #hour, #hour_targets, #day, #day_targets";
            values.push(("epoch", number(there.epoch.unwrap_or_default() + 1)));
        }
        let counted = if mode == Mode::On && !fresh { "; its latch is cleared, and a new count begins" } else { "" };
        let back = Action::Switch(Self { mode: there.mode, ..self.clone() });
        // Turning it on again would clear a latch that stood before.
        let undone = there.mode != mode && (there.mode != Mode::On || there.latched.is_none());
        let after = json!({"switch": mode.word(), "who": hand.who(), "why": hand.why(), "at": written(hand.now)});
        Plan::Change(Box::new(Edit {
            step: Step::Update(update),
            condition,
            values,
            mark: Some("who"),
            before: Some(switch_state(item, hand.now)),
            after: Some(after),
            would: format!("switch {subject} {}; is {}{counted}", mode.word(), there.mode.word()),
            did: format!("Switched {subject} {}; was {}{counted}.", mode.word(), there.mode.word()),
            undo: undone.then(|| hand.undo(&back)),
        }))
    }
}

fn protect(entry: &Entry, key: &Item, item: &Item, hand: &Hand<'_>) -> Plan {
    let wanted = how(entry.ask);
    let (state, there) = (entry_state(item), text_of(item, "as"));
    let label = format!("the {} {}", entry.kind.word(), entry.name);
    if there == Some(wanted) {
        let summary = format!("{} is protected already (`{wanted}`).", upper(&label));
        return Plan::Unchanged { summary, state };
    }
    let mut put = key.clone();
    for (name, value) in [("as", wanted), ("who", hand.who().as_str()), ("why", hand.why()), ("at", &written(hand.now))]
    {
        put.insert(name.to_owned(), text(value));
    }
    let (condition, values) = as_read(item, &[("as", "as_was"), ("at", "at_was"), ("who", "who_was")]);
    let was = there.map(|word| format!("; was `{word}`")).unwrap_or_default();
    let undo = match there {
        None if item.is_empty() => Some(Action::Unprotect(entry.clone())),
        Some(word @ ("never" | "ask")) => Some(Action::Protect(Entry { ask: word == "ask", ..entry.clone() })),
        _ => None,
    };
    Plan::Change(Box::new(Edit {
        after: entry_state(&put),
        step: Step::Put(put),
        condition,
        values,
        mark: Some("who"),
        before: state,
        would: format!("protect {label} (`{wanted}`){was}"),
        did: format!("Protected {label} (`{wanted}`){was}; whether JumpCloud has it was not looked up."),
        undo: undo.map(|action| hand.undo(&action)),
    }))
}

fn unprotect(entry: &Entry, item: &Item, hand: &Hand<'_>) -> Plan {
    let label = format!("the {} {}", entry.kind.word(), entry.name);
    if item.is_empty() {
        let summary = format!("The guard table has no entry that protects {label}.");
        return Plan::Unchanged { summary, state: None };
    }
    let (condition, values) = as_read(item, &[("as", "as_was"), ("at", "at_was"), ("who", "who_was")]);
    let there = text_of(item, "as").filter(|word| ["never", "ask"].contains(word));
    let back = there.map(|word| Action::Protect(Entry { ask: word == "ask", ..entry.clone() }));
    Plan::Change(Box::new(Edit {
        step: Step::Delete,
        condition,
        values,
        mark: None,
        before: entry_state(item),
        after: None,
        would: format!("delete the entry that protects {label}"),
        did: format!("Deleted the entry that protects {label}."),
        undo: back.map(|action| hand.undo(&action)),
    }))
}

fn allow(playbook: &'static str, raise: Option<(i64, i64)>, item: &Item, hand: &Hand<'_>) -> Plan {
    let there = Switch::from_item(Some(item)).allowance(hand.now);
    let state = allowance_state(item, hand.now);
    if raise.is_none() && there.is_none() {
        return Plan::Unchanged { summary: format!("{playbook} has no allowance."), state };
    }
    let stored = [("allow_targets", "targets_was"), ("allow_until", "until_was"), ("allow_who", "who_was")];
    let (condition, mut values) = as_read(item, &stored);
    let mut after = Item::new();
    let (update, would, did) = match raise {
        None => (
            "REMOVE #allow_targets, #allow_until, #allow_who, #allow_why",
            format!("end the allowance of {playbook}"),
            format!("Ended the allowance of {playbook}."),
        ),
        Some((targets, hours)) => {
            let until = hand.now + TimeDelta::hours(hours);
            let set = [
                ("allow_targets", number(targets)),
                ("allow_until", number(until.timestamp())),
                ("allow_who", text(hand.who())),
                ("allow_why", text(hand.why())),
            ];
            after.extend(set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            values.extend(set);
            let words = format!("{playbook} up to {targets} targets per hour and per day until {}", written(until));
            (
                "SET #allow_targets = :allow_targets, #allow_until = :allow_until, #allow_who = :allow_who, #allow_why = :allow_why",
                format!("allow {words}"),
                format!("Allowed {words}."),
            )
        }
    };
    // Whole hours, rounded down: never more than was allowed before.
    let left = there.map(|(targets, until)| (targets, (until - hand.now).num_hours()));
    let back = left.filter(|(targets, hours)| *targets > 0 && *hours > 0);
    let undo = (raise.is_some() || back.is_some()).then(|| hand.undo(&Action::Allow { playbook, raise: back }));
    Plan::Change(Box::new(Edit {
        step: Step::Update(update.to_owned()),
        condition,
        values,
        mark: raise.map(|_| "allow_who"),
        before: state,
        after: allowance_state(&after, hand.now),
        would,
        did,
        undo,
    }))
}

fn forget(label: &str, item: &Item, hand: &Hand<'_>) -> Result<Plan, Error> {
    if item.is_empty() {
        let summary = format!("The guard table has no change record of {label}.");
        return Ok(Plan::Unchanged { summary, state: None });
    }
    // A damaged one is what this is for.
    if let Ok(record) = Record::from_item(item)
        && record.standing(&Sighting::default(), hand.now) == Standing::InProgress
    {
        return Err(InProgress.error(format!(
            "an invocation is at work on {label} since {}; its record cannot be forgotten before it must have ended; nothing was done",
            record.when()
        )));
    }
    let (condition, values) = as_read(item, &[("attempt", "attempt_was"), ("status", "status_was")]);
    let said = text_of(item, "playbook").unwrap_or("a playbook");
    let when = text_of(item, "at").unwrap_or("a time that is not said");
    Ok(Plan::Change(Box::new(Edit {
        step: Step::Delete,
        condition,
        values,
        mark: None,
        before: Some(record_state(item)),
        after: None,
        would: format!("forget that {said} acted on {label} at {when}"),
        did: format!("Forgot that {said} acted on {label} at {when}: the next request is carried out."),
        undo: None,
    })))
}

/// The condition that these attributes are as they were read, each with the name of its value in it.
fn as_read(item: &Item, attributes: &[(&'static str, &'static str)]) -> (String, Values) {
    let mut conditions = Vec::new();
    let mut values = Values::new();
    for (name, was) in attributes {
        match item.get(*name) {
            Some(value) => {
                conditions.push(format!("#{name} = :{was}"));
                values.push((was, value.clone()));
            }
            None => conditions.push(format!("attribute_not_exists(#{name})")),
        }
    }
    (conditions.join(" AND "), values)
}

fn label(target: OutcomeTarget) -> String {
    match target.id {
        Some(id) if id.as_str() != target.name => {
            format!("the {} {} ({})", target.target_type.word(), target.name, id.as_str())
        }
        _ => format!("the {} {}", target.target_type.word(), target.name),
    }
}

fn upper(label: &str) -> String {
    let mut characters = label.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
