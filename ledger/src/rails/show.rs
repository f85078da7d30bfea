//! All that is in force.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use jumpcloud_playbooks::{
    error::Error,
    guard::Sighting,
    outcome::{Hold, Outcome},
    playbooks::shutdown_host::SHUTDOWN_HOST,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    action::{how, named},
    state::{allowance_state, entry_state, record_state, switch_state},
};
use crate::{
    items::{ALL, Item, protected_pk, switch_key, text_of},
    protected::Entry,
    record::{Record, Standing},
    setup::{self, GIVES_BACK, Ledger, PLAYBOOKS, scopes},
    switch::{Mode, Switch},
    table::Table,
};

/// An execution releases its hold when the time is over; a hold that is left so long after it, nobody releases.
const RELEASED_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// A switch item, or the lack of one.
pub(super) struct Found {
    key: Item,
    item: Option<Item>,
    pub(super) organization: String,
    /// Or all of them.
    pub(super) playbook: &'static str,
    pub(super) switch: Switch,
}

impl Found {
    /// What it is the switch of.
    pub(super) fn subject(&self) -> String {
        let what = if self.playbook == ALL { "All playbooks that take something away" } else { self.playbook };
        format!("{what}{}", if self.organization == ALL { " in all organizations" } else { "" })
    }

    /// What it is set to, by whom.
    pub(super) fn said(&self) -> String {
        format!("{}, set {}", self.switch.mode.word(), self.switch.set)
    }
}

/// The switches that an organization's playbooks obey.
pub(super) struct Switches {
    organization: String,
    found: Vec<Found>,
}

impl Switches {
    /// Of what was read with [`keys`].
    pub(super) fn new(organization: &str, items: &[Item]) -> Self {
        let found = |(organization, playbook): (&str, &'static str)| {
            let key = switch_key(organization, playbook);
            let item = items.iter().find(|item| is_at(item, &key)).cloned();
            let switch = Switch::from_item(item.as_ref());
            Found { key, item, organization: organization.to_owned(), playbook, switch }
        };
        Self { organization: organization.to_owned(), found: places(organization).map(found).collect() }
    }

    /// Whose they are.
    pub(super) fn organization(&self) -> &str {
        &self.organization
    }

    /// The one at `key`.
    pub(super) fn at(&self, key: &Item) -> Option<&Found> {
        self.found.iter().find(|found| found.key == *key)
    }

    /// Those of single playbooks.
    pub(super) fn of_playbooks(&self) -> impl Iterator<Item = &Found> + Clone {
        self.found.iter().filter(|found| found.playbook != ALL)
    }
}

/// Organization and playbook of all switches.
fn places(organization: &str) -> impl Iterator<Item = (&str, &'static str)> {
    scopes(organization)
        .flat_map(|organization| [ALL].into_iter().chain(PLAYBOOKS).map(move |playbook| (organization, playbook)))
}

/// The keys of all switches.
pub(super) fn keys(organization: &str) -> Vec<Item> {
    places(organization).map(|(organization, playbook)| switch_key(organization, playbook)).collect()
}

/// Whether `item` is the one at `key`.
pub(super) fn is_at(item: &Item, key: &Item) -> bool {
    key.iter().all(|(name, value): (&String, &AttributeValue)| item.get(name) == Some(value))
}

/// What is shown, and until when it may be read.
pub(super) struct Shown<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) table: &'a Table,
    pub(super) until: Instant,
}

/// Everything, read as it is now: of an organization, or of all that the configuration names.
pub(super) async fn all(shown: &Shown<'_>, organization: &str) -> Result<Outcome, Error> {
    let (summary, mut rails) = of(shown, organization).await?;
    if organization == ALL {
        let (mut each, mut words) = (Vec::new(), vec![format!("In all organizations: {summary}")]);
        for alias in shown.ledger.organizations.named() {
            let (summary, mut its) = of(shown, alias.as_str()).await?;
            for list in ["holds", "overdue_holds"] {
                for hold in its[list].as_array_mut().into_iter().flatten() {
                    hold["organization"] = json!(alias);
                    if let Some(all) = rails[list].as_array_mut() {
                        all.push(hold.clone());
                    }
                }
            }
            words.push(format!("{alias}: {summary}"));
            each.push(its);
        }
        rails["organizations"] = json!(each);
        return Ok(Outcome { rails: Some(rails), ..Outcome::new(None, words.join(" ")) });
    }
    Ok(Outcome { rails: Some(rails), ..Outcome::new(None, summary) })
}

/// In words and as facts.
async fn of(Shown { ledger, table, until }: &Shown<'_>, organization: &str) -> Result<(String, Value), Error> {
    let (ledger, until) = (*ledger, *until);
    let (keys, protected, changes) = (keys(organization), protected_pk(organization), format!("{organization}#change"));
    let (items, entries, records) =
        tokio::join!(table.get(&keys, until), table.query(&protected, until), table.query(&changes, until));
    let (items, entries, records, now) = (items?, entries?, records?, Utc::now());
    let switches = Switches::new(organization, &items);
    let playbooks = PLAYBOOKS.map(|playbook| in_force(ledger, &switches, playbook, now));
    let own = ledger.entries.iter().map(|entry| {
        let mut shown = named(entry);
        (shown["as"], shown["source"]) = (json!(how(entry.ask)), json!(entry.source));
        shown
    });
    let protected: Vec<Value> = own.chain(entries.iter().map(entry)).collect();
    let open: Vec<Value> = records.iter().filter_map(|item| open(item, now)).collect();
    let holds: Vec<Value> = records.iter().flat_map(|item| holds(item, |hold| hold.is_live(now))).collect();
    let is_overdue = |hold: &Hold| !hold.is_live(now - RELEASED_WITHIN);
    let overdue: Vec<Value> = records.iter().flat_map(|item| self::holds(item, is_overdue)).collect();
    let words = playbooks.iter().map(|playbook| {
        let text = |name: &str| playbook[name].as_str().unwrap_or_default();
        let latched = if playbook["latched"].is_null() { "" } else { " (refuses findings)" };
        format!("{} is {}{latched}", text("playbook"), text("switch"))
    });
    let summary = format!(
        "{}; protected entries: {}; changes that are not settled or still pending: {}; holds: {}; holds that are overdue: {}.",
        words.collect::<Vec<_>>().join(", "),
        protected.len(),
        open.len(),
        holds.len(),
        overdue.len()
    );
    let set = switches.found.iter().filter(|found| found.item.as_ref().is_some_and(|item| item.contains_key("mode")));
    let set = set.map(|found| {
        let text = |name| found.item.as_ref().and_then(|item| text_of(item, name));
        json!({
            "organization": found.organization, "playbook": found.playbook, "switch": found.switch.mode.word(),
            "who": text("who"), "why": text("why"), "at": text("at"),
        })
    });
    let rails = json!({
        "organization": organization, "playbooks": playbooks, "switches": set.collect::<Vec<_>>(), "protected": protected,
        "changes": open, "holds": holds, "overdue_holds": overdue,
    });
    Ok((summary, rails))
}

/// What a playbook obeys: the strictest of its switches, its count and its limits.
fn in_force(ledger: &Ledger, switches: &Switches, playbook: &'static str, now: DateTime<Utc>) -> Value {
    let obeyed: Vec<&Found> =
        setup::switches(&switches.organization, playbook).iter().filter_map(|key| switches.at(key)).collect();
    let is = |mode| obeyed.iter().any(|found| found.switch.mode == mode);
    let mode = [Mode::Off, Mode::DryRun].into_iter().find(|mode| is(*mode)).unwrap_or_default();
    let mut shown = json!({"playbook": playbook, "switch": mode.word()});
    let Some(own) = obeyed.last().filter(|_| playbook != GIVES_BACK) else { return shown };
    let nothing = Item::new();
    let item = own.item.as_ref().unwrap_or(&nothing);
    let (limits, state) = (own.switch.raised(ledger.limits, now), switch_state(item, now));
    shown["latched"] = state["latched"].clone();
    shown["this_hour"] = json!({"targets": state["targets_this_hour"], "limit": limits.hour});
    shown["this_day"] = json!({"targets": state["targets_this_day"], "limit": limits.day});
    shown["allowance"] = json!(allowance_state(item, now));
    shown
}

/// A protected entry of the table; one that makes no sense, for which every change is refused, is said to be damaged.
fn entry(item: &Item) -> Value {
    let mut shown = match Entry::from_item(item) {
        Some(entry) => named(&entry),
        None => json!({"damaged": text_of(item, "sk")}),
    };
    for (name, value) in entry_state(item).iter().filter_map(Value::as_object).flatten() {
        shown[name] = value.clone();
    }
    shown["source"] = json!("the guard table");
    shown
}

/// A change record that stands for something open.
fn open(item: &Item, now: DateTime<Utc>) -> Option<Value> {
    let (target_type, id) = whose(item);
    let state = match Record::from_item(item) {
        Err(_) => "damaged",
        Ok(record) if record.is_over(now) => return None,
        Ok(record) => match record.standing(&Sighting::default(), now) {
            Standing::InProgress => "in_progress",
            Standing::Unknown => "unknown",
            Standing::Pending(_) if record.playbook == SHUTDOWN_HOST.name => "pending",
            Standing::Pending(_) | Standing::Free => return None, // the user's state shows it
        },
    };
    let mut shown = json!({"type": target_type, "id": id, "state": state});
    for (name, value) in record_state(item).as_object().into_iter().flatten() {
        shown[name] = value.clone();
    }
    Some(shown)
}

/// Type and id of a change record's target.
fn whose(item: &Item) -> (&str, &str) {
    text_of(item, "sk").and_then(|sk| sk.split_once('#')).unwrap_or_default()
}

/// These holds of a change record. Those of a damaged one are not known: it is among the changes.
fn holds(item: &Item, these: impl Fn(&Hold) -> bool) -> Vec<Value> {
    let Ok(record) = Record::from_item(item) else { return Vec::new() };
    let (target_type, id) = whose(item);
    let holds = record.holds.iter().filter(|hold| these(hold));
    holds.map(|hold| json!({"type": target_type, "id": id, "name": record.name, "hold": hold})).collect()
}
