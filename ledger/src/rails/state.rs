//! What the items of the table say, for outcomes.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    items::{Item, number_of, text_of},
    record::written,
    switch::Switch,
};

/// What a switch item says.
pub(super) fn switch_state(item: &Item, now: DateTime<Utc>) -> Value {
    let switch = Switch::from_item(Some(item));
    let (hour, day) = switch.taken(now);
    let text = |name| text_of(item, name);
    json!({
        "switch": switch.mode.word(), "who": text("who"), "why": text("why"), "at": text("at"), "latched": switch.latched,
        "targets_this_hour": hour, "targets_this_day": day,
    })
}

/// What a protected entry says; `None` where there is none.
pub(super) fn entry_state(item: &Item) -> Option<Value> {
    let text = |name| text_of(item, name);
    let state = || json!({"as": text("as"), "who": text("who"), "why": text("why"), "at": text("at")});
    (!item.is_empty()).then(state)
}

/// The allowance that is in force.
pub(super) fn allowance_state(item: &Item, now: DateTime<Utc>) -> Option<Value> {
    let (targets, until) = Switch::from_item(Some(item)).allowance(now)?;
    let text = |name| text_of(item, name);
    Some(json!({"targets": targets, "until": written(until), "who": text("allow_who"), "why": text("allow_why")}))
}

/// What a change record says, be it damaged.
pub(super) fn record_state(item: &Item) -> Value {
    let text = |name| text_of(item, name);
    let deadline = number_of(item, "deadline").and_then(DateTime::from_timestamp_millis).map(written);
    json!({
        "playbook": text("playbook"), "name": text("name"), "status": text("status"), "at": text("at"), "by": text("by"),
        "reason": text("reason"), "deadline": deadline, "seen": text("seen"),
    })
}
