//! What an event asks of the guard rails: exactly one thing.

use jumpcloud_playbooks::{
    error::{Error, ErrorType::InvalidInput},
    ids::ObjectId,
    intake::Fields,
    request::{RequestInfo, TargetType},
};
use serde_json::{Value, json};

use crate::{
    protected::{Entry, Kind},
    setup::{GIVES_BACK, PLAYBOOKS},
    switch::Mode,
};

/// The actions, and what may stand beside each.
pub(super) const ACTIONS: [(&str, &[&str]); 6] = [
    ("show", &["all_organizations"]),
    ("switch", &["playbook", "all_organizations"]),
    ("protect", &["as"]),
    ("unprotect", &[]),
    ("allow", &[]),
    ("forget", &[]),
];
/// As `MAX_TARGETS_PER_HOUR`.
pub(super) const MAX_TARGETS: i64 = 1000;
/// A week: an allowance for one planned response, not another limit.
pub(super) const MAX_HOURS: i64 = 168;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Say all that is in force.
    Show,
    /// Set a switch.
    Switch(Setting),
    /// Set a protected entry.
    Protect(Entry),
    /// Delete one.
    Unprotect(Entry),
    /// Raise the limits of a playbook; `None`: no longer.
    Allow {
        /// Whose.
        playbook: &'static str,
        /// To at least how many targets, and for how many hours.
        raise: Option<(i64, i64)>,
    },
    /// Delete the change record of a target.
    Forget(TargetType, ObjectId),
}

/// A setting of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// To this.
    pub(super) mode: Mode,
    /// Of this playbook; `None`: of all that take something away.
    pub(super) playbook: Option<&'static str>,
    /// For all organizations whose functions use the table.
    pub(super) everywhere: bool,
}

impl Action {
    /// # Errors
    /// `InvalidInput`, which names what is allowed.
    pub(super) fn read(fields: &Fields, info: &RequestInfo) -> Result<Self, Error> {
        let names = ACTIONS.map(|(name, _)| name);
        let all: Vec<&str> = ACTIONS.iter().flat_map(|(name, options)| [&[*name], *options].concat()).collect();
        fields.only_with_common(&all, "the event")?;
        let one_of = |what: &str| invalid(format!("{what}; give exactly one of {}", quoted(&names)));
        let name = match fields.given(&names)?.as_slice() {
            [name] => *name,
            [] => return Err(one_of("the event names no action")),
            _ => return Err(one_of("the event names more than one action")),
        };
        let options = ACTIONS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, options)| options);
        fields.only_with_common(&[&[name], options].concat(), &format!("an event with `{name}`"))?;
        let action = match name {
            "show" => match fields.flag("show")? {
                true => return Ok(Self::Show),
                false => return Err(invalid("`show` must be true")),
            },
            "switch" => switch(fields)?,
            "allow" => allow(&object(fields, "allow")?)?,
            "forget" => forget(&object(fields, "forget")?)?,
            "protect" => Self::Protect(entry(fields, "protect", ask(fields)?)?),
            _ => Self::Unprotect(entry(fields, "unprotect", false)?),
        };
        match info.reason {
            Some(_) => Ok(action),
            None => Err(invalid("`reason` is missing: whatever changes the guard rails needs one")),
        }
    }

    /// In the words of the event.
    pub(super) fn event(&self) -> Value {
        match self {
            Self::Show => json!({"show": true}),
            Self::Switch(Setting { mode, playbook, everywhere }) => {
                let mut event = json!({"switch": mode.word()});
                if let Some(playbook) = playbook {
                    event["playbook"] = json!(playbook);
                }
                if *everywhere {
                    event["all_organizations"] = json!(true);
                }
                event
            }
            Self::Protect(entry) => json!({"protect": named(entry), "as": how(entry.ask)}),
            Self::Unprotect(entry) => json!({"unprotect": named(entry)}),
            Self::Allow { playbook, raise: Some((targets, hours)) } => {
                json!({"allow": {"playbook": playbook, "targets": targets, "hours": hours}})
            }
            Self::Allow { playbook, raise: None } => json!({"allow": {"playbook": playbook, "targets": 0}}),
            Self::Forget(target_type, id) => json!({"forget": {(format!("{}_id", target_type.word())): id}}),
        }
    }
}

fn switch(fields: &Fields) -> Result<Action, Error> {
    let word = fields.text("switch")?.unwrap_or_default();
    let mode = Mode::parse(&word).ok_or_else(|| invalid("`switch` must be `on`, `dry-run` or `off`"))?;
    let playbook = fields.text("playbook")?.map(|name| playbook(&name, &PLAYBOOKS)).transpose()?;
    Ok(Action::Switch(Setting { mode, playbook, everywhere: fields.flag("all_organizations")? }))
}

fn allow(fields: &Fields) -> Result<Action, Error> {
    fields.only(&["playbook", "targets", "hours"], "`allow`")?;
    let limited: Vec<&str> = PLAYBOOKS.into_iter().filter(|name| *name != GIVES_BACK).collect();
    let name = fields.text("playbook")?.unwrap_or_default();
    let playbook = playbook(&name, &limited)?;
    let targets = fields.number("targets", 0..=MAX_TARGETS)?;
    let hours = fields.number("hours", 1..=MAX_HOURS)?;
    let raise = match (targets, hours) {
        (Some(0), None) => None,
        (Some(targets), Some(hours)) if targets > 0 => Some((targets, hours)),
        _ => return Err(invalid("`allow` must have `targets` and `hours`, or `targets` 0, which ends an allowance")),
    };
    Ok(Action::Allow { playbook, raise })
}

fn forget(fields: &Fields) -> Result<Action, Error> {
    const IDS: [(&str, TargetType); 2] = [("host_id", TargetType::Host), ("user_id", TargetType::User)];
    fields.only(&IDS.map(|(name, _)| name), "`forget`")?;
    let given = fields.given(&IDS.map(|(name, _)| name))?;
    let one = IDS.into_iter().find(|(name, _)| given.as_slice() == [*name]);
    let (name, target_type) =
        one.ok_or_else(|| invalid("`forget` must have exactly one of `host_id` and `user_id`"))?;
    let id = fields.text(name)?.as_deref().and_then(ObjectId::parse);
    let id = id.ok_or_else(|| {
        invalid(format!("`{name}` must be a JumpCloud id: 24 hex digits, such as 633f3f295482343ff32add41"))
    })?;
    Ok(Action::Forget(target_type, id))
}

fn ask(fields: &Fields) -> Result<bool, Error> {
    match fields.text("as")?.as_deref() {
        Some("never") => Ok(false),
        Some("ask") => Ok(true),
        _ => Err(invalid("`as` must be `never`, or `ask` for what a person may consent to")),
    }
}

fn entry(fields: &Fields, name: &str, ask: bool) -> Result<Entry, Error> {
    let kinds = Kind::ALL.map(Kind::word);
    let fields = object(fields, name)?;
    fields.only(&kinds, &format!("`{name}`"))?;
    let [kind] = fields.given(&kinds)?[..] else {
        return Err(invalid(format!("`{name}` must have exactly one of {}", quoted(&kinds))));
    };
    let text = fields.text(kind)?.unwrap_or_default();
    Entry::new(kind, &text, ask, String::new()).ok_or_else(|| invalid("`group` must be a JumpCloud id: 24 hex digits"))
}

fn object(fields: &Fields, name: &str) -> Result<Fields, Error> {
    fields.object(name)?.ok_or_else(|| invalid(format!("`{name}` must be an object")))
}

fn playbook(name: &str, allowed: &[&'static str]) -> Result<&'static str, Error> {
    let found = allowed.iter().find(|known| **known == name).copied();
    found.ok_or_else(|| invalid(format!("`playbook` must be one of {}", quoted(allowed))))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn invalid(what: impl AsRef<str>) -> Error {
    InvalidInput.error(format!("{}; nothing was done", what.as_ref()))
}

/// What an entry names, in the words of the event.
pub(super) fn named(entry: &Entry) -> Value {
    json!({(entry.kind.word()): entry.name})
}

/// `never` or `ask`.
pub(super) fn how(ask: bool) -> &'static str {
    if ask { "ask" } else { "never" }
}
