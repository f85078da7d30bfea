//! The form that is written for us: one flat object that names its target. Also inside of envelopes.
//!
//! Messages name the field and what it should be, never the value: they end in logs and tickets.

use serde_json::{Map, Value};

use super::{bounds, work::Wants};
use crate::{
    error::{Error, ErrorType::InvalidInput},
    ids::ObjectId,
    request::{By, HoldFor, Include, Name, Offline, RequestInfo, Takes, TargetType},
    text::{has_unsafe, is_unsafe},
};

/// The longest name or reason, in characters.
pub(super) const MAX_TEXT: usize = 256;

/// Field, camelCase spelling, meaning.
type TargetField = (&'static str, &'static str, By);

const USER_FIELDS: [TargetField; 4] = [
    ("username", "username", By::Username),
    ("email", "email", By::Email),
    ("user_id", "userId", By::UserId),
    ("user", "user", By::User),
];
const HOST_FIELDS: [TargetField; 3] =
    [("hostname", "hostname", By::Hostname), ("host_id", "hostId", By::HostId), ("host", "host", By::Host)];
const OPTIONS: [(&str, &str); 6] = [
    ("dry_run", "dryRun"),
    ("reason", "reason"),
    ("correlation", "correlation"),
    ("repeat", "repeat"),
    ("plan_hash", "planHash"),
    ("organization", "organization"),
];

/// The longest that Directory Insights keeps events.
const MAX_HOURS: u16 = 90 * 24;
/// A year. What is wanted for longer is wanted until somebody releases it.
const MAX_HOLD_HOURS: u16 = 366 * 24;

/// The optional fields of a playbook.
fn options(takes: Takes) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = [
        (("offline", "offline"), takes.offline),
        (("include", "include"), !takes.include.is_empty()),
        (("hours", "hours"), takes.include.contains(&Include::Events)),
        (("hold", "hold"), takes.hold),
        (("hold_hours", "holdHours"), takes.hold),
        (("release", "release"), takes.release),
    ];
    OPTIONS.into_iter().chain(own.into_iter().filter(|(_, taken)| *taken).map(|(name, _)| name))
}

fn target_fields(target_type: TargetType) -> &'static [TargetField] {
    match target_type {
        TargetType::User => &USER_FIELDS,
        TargetType::Host => &HOST_FIELDS,
    }
}

/// The names of a direct event's fields: those of which exactly one names the target, and the optional ones.
#[cfg(test)]
pub(crate) fn fields(target_type: TargetType, takes: Takes) -> [Vec<&'static str>; 2] {
    let targets = target_fields(target_type).iter().map(|(name, _, _)| *name).collect();
    [targets, options(takes).map(|(name, _)| name).collect()]
}

/// What a direct event says.
pub(super) struct Direct {
    /// Its source is the field's name; the caller adds the enclosing path.
    pub(super) name: Name,
    /// As it was named; the deployment says whether it is one.
    pub(super) organization: Option<String>,
    asked: RequestInfo,
}

impl Direct {
    /// `info` with what the event says about itself.
    pub(super) fn describe(&self, info: RequestInfo) -> RequestInfo {
        let RequestInfo { request_id, organization, dry_run, event_source, event_id, event_time, severity, .. } = info;
        let dry_run = dry_run || self.asked.dry_run;
        let asked = self.asked.clone();
        RequestInfo { request_id, organization, dry_run, event_source, event_id, event_time, severity, ..asked }
    }

    /// What only a person or a workflow may ask for: in an envelope it would be said by whatever raised the alert.
    pub(super) fn in_an_alert(self) -> Result<Self, Error> {
        let RequestInfo { repeat, plan_hash, hold, release, offline, .. } = &self.asked;
        if *repeat || plan_hash.is_some() || hold.is_some() || release.is_some() || *offline == Some(Offline::Cancel) {
            return Err(InvalidInput.error(
                "`repeat`, `plan_hash`, `hold`, `release` and `offline: cancel` are for direct events only; nothing was done",
            ));
        }
        Ok(self)
    }
}

/// Exactly one target; unknown fields are errors, for a misspelt `dryrun` must never act.
pub(super) fn decode(event: &Value, wants: Wants) -> Result<Direct, Error> {
    let fields = target_fields(wants.target_type);
    let object = event.as_object().ok_or_else(|| invalid("the event must be one JSON object", wants))?;
    if let Some(name) = object.keys().find(|name| !is_known(name, wants)) {
        return Err(invalid(&format!("unknown field `{}`", printable(name)), wants));
    }
    let mut targets = Vec::new();
    for (snake, camel, by) in fields {
        if let Some((name, value)) = field(object, snake, camel)? {
            targets.push((name, value, *by));
        }
    }
    let (name, value, by) = match targets.as_slice() {
        [target] => *target,
        [] => return Err(invalid("the event names no target", wants)),
        _ => return Err(invalid("the event names more than one target", wants)),
    };
    let line = |snake, camel| field(object, snake, camel)?.map(|(name, value)| text(name, value)).transpose();
    let correlation = object.get("correlation").cloned();
    correlation.as_ref().map_or(Ok(()), bounds::correlation)?;
    let include = include(object, wants.takes)?;
    let asked = RequestInfo {
        dry_run: flag(object, "dry_run", "dryRun")?,
        repeat: flag(object, "repeat", "repeat")?,
        reason: line("reason", "reason")?,
        plan_hash: line("plan_hash", "planHash")?,
        correlation,
        hold: hold(line("hold", "hold")?, object)?,
        release: line("release", "release")?,
        offline: offline(object)?,
        hours: hours(object, include.as_deref())?,
        include,
        ..RequestInfo::default()
    };
    let name = recognised(name, &text(name, value)?, by)?;
    Ok(Direct { name, organization: line("organization", "organization")?, asked })
}

/// The hold and how long it is wanted; without `hold_hours` until it is released.
fn hold(id: Option<String>, object: &Map<String, Value>) -> Result<Option<HoldFor>, Error> {
    let hours = field(object, "hold_hours", "holdHours")?.map(|(_, value)| {
        value.as_u64().and_then(|hours| hours.try_into().ok()).filter(|hours| (1..=MAX_HOLD_HOURS).contains(hours))
    });
    match (id, hours) {
        (Some(id), None) => Ok(Some(HoldFor { id, hours: None })),
        (Some(id), Some(Some(hours))) => Ok(Some(HoldFor { id, hours: Some(hours) })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(InvalidInput.error("`hold_hours` goes with `hold`; nothing was done")),
        (Some(_), Some(None)) => {
            Err(InvalidInput
                .error(format!("`hold_hours` must be a number from 1 to {MAX_HOLD_HOURS}; nothing was done")))
        }
    }
}

fn offline(object: &Map<String, Value>) -> Result<Option<Offline>, Error> {
    match field(object, "offline", "offline")?.map(|(_, value)| value.as_str()) {
        None => Ok(None),
        Some(Some("queue")) => Ok(Some(Offline::Queue)),
        Some(Some("skip")) => Ok(Some(Offline::Skip)),
        Some(Some("cancel")) => Ok(Some(Offline::Cancel)),
        Some(_) => Err(InvalidInput.error("`offline` must be `queue`, `skip` or `cancel`; nothing was done")),
    }
}

/// What to read besides: each once, in any order.
fn include(object: &Map<String, Value>, takes: Takes) -> Result<Option<Vec<Include>>, Error> {
    let Some((_, value)) = field(object, "include", "include")? else { return Ok(None) };
    let name = |part: &Include| serde_json::to_value(part).unwrap_or_default();
    let refused = || {
        let names: Vec<String> = takes.include.iter().map(|part| name(part).to_string()).collect();
        InvalidInput.error(format!("`include` must be a list of {}; nothing was asked", names.join(", ")))
    };
    let mut parts = Vec::new();
    for wanted in value.as_array().ok_or_else(refused)? {
        let part = *takes.include.iter().find(|part| name(part) == *wanted).ok_or_else(refused)?;
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    Ok(Some(parts))
}

/// How far back; only where events are read, for elsewhere it would mean nothing.
fn hours(object: &Map<String, Value>, include: Option<&[Include]>) -> Result<Option<u16>, Error> {
    let Some((_, value)) = field(object, "hours", "hours")? else { return Ok(None) };
    if !include.is_some_and(|parts| parts.contains(&Include::Events)) {
        return Err(InvalidInput.error("`hours` is for `events` in `include`; nothing was asked"));
    }
    let hours = value.as_u64().and_then(|hours| hours.try_into().ok()).filter(|hours| (1..=MAX_HOURS).contains(hours));
    hours.map(Some).ok_or_else(|| InvalidInput.error(format!("`hours` must be a number from 1 to {MAX_HOURS}")))
}

/// Whether every field of `body` is one that [`decode`] knows: written for us, and so to be read strictly.
pub(super) fn is_plain(body: &Value, wants: Wants) -> bool {
    body.as_object().is_some_and(|object| object.keys().all(|name| is_known(name, wants)))
}

fn is_known(name: &str, wants: Wants) -> bool {
    let mut options = options(wants.takes);
    let is = |snake: &str, camel: &str| name == snake || name == camel;
    options.any(|(snake, camel)| is(snake, camel))
        || target_fields(wants.target_type).iter().any(|(snake, camel, _)| is(snake, camel))
}

/// A field that is true or false, and false where it is not there.
pub(super) fn flag(object: &Map<String, Value>, snake: &str, camel: &str) -> Result<bool, Error> {
    field(object, snake, camel)?;
    match object.get(snake).or(object.get(camel)) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        // Not even null: guessing could turn a dry run off.
        Some(_) => Err(InvalidInput.error(format!("`{snake}` must be true or false; nothing was done"))),
    }
}

/// The field under either spelling; null counts as absent, as Step Functions passes it for a missing path.
pub(super) fn field<'a, 'n>(
    object: &'a Map<String, Value>,
    snake: &'n str,
    camel: &'n str,
) -> Result<Option<(&'n str, &'a Value)>, Error> {
    let find = |name: &'n str| object.get(name).filter(|value| !value.is_null()).map(|value| (name, value));
    match (find(snake), find(camel)) {
        (Some(_), Some(_)) if snake != camel => {
            Err(InvalidInput.error(format!("`{snake}` and `{camel}` are the same field; give one of them")))
        }
        (found, other) => Ok(found.or(other)),
    }
}

/// `text` as the name of a target, called `name` in messages.
fn recognised(name: &str, text: &str, by: By) -> Result<Name, Error> {
    let is_id = ObjectId::parse(text).is_some();
    let by = match by {
        By::UserId | By::HostId if !is_id => {
            return Err(InvalidInput
                .error(format!("`{name}` must be a JumpCloud id: 24 hex digits, such as 633f3f295482343ff32add41")));
        }
        By::Email if !text.contains('@') => {
            return Err(
                InvalidInput.error(format!("`{name}` must be an e-mail address; for a user name use `username`"))
            );
        }
        By::User if is_id => By::UserId,
        By::Host if is_id => By::HostId,
        by => by,
    };
    Ok(Name { by, text: text.to_owned(), source: Some(name.to_owned()) })
}

/// Trimmed, not empty, not too long, no [unsafe](is_unsafe) characters: a target is taken as it is or not at all.
pub(super) fn text(name: &str, value: &Value) -> Result<String, Error> {
    let text = value.as_str().ok_or_else(|| InvalidInput.error(format!("`{name}` must be text")))?.trim();
    let wrong = if text.is_empty() {
        "is empty"
    } else if text.chars().count() > MAX_TEXT {
        "is longer than 256 characters"
    } else if has_unsafe(text) {
        "holds control characters, or characters that cannot be seen"
    } else {
        return Ok(text.to_owned());
    };
    Err(InvalidInput.error(format!("`{name}` {wrong}; give it as one short line of text")))
}

fn invalid(what: &str, wants: Wants) -> Error {
    let targets: Vec<String> = target_fields(wants.target_type).iter().map(|(name, ..)| format!("`{name}`")).collect();
    let options: Vec<String> = options(wants.takes).map(|(name, _)| format!("`{name}`")).collect();
    InvalidInput.error(format!(
        "{what}; give exactly one of {}, and optionally {}; nothing was done",
        targets.join(", "),
        options.join(", ")
    ))
}

/// A field's name as far as it can be shown.
pub(super) fn printable(name: &str) -> String {
    name.chars().filter(|c| !is_unsafe(*c)).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const ID: &str = "633f3f295482343ff32add41";

    /// As a playbook that takes none of the fields of few.
    fn decode(event: &Value, target_type: TargetType) -> Result<Direct, Error> {
        decode_with(event, target_type, Takes::default())
    }

    fn decode_with(event: &Value, target_type: TargetType, takes: Takes) -> Result<Direct, Error> {
        super::decode(event, Wants { target_type, mutating: false, takes_findings: true, takes })
    }

    #[test]
    fn fields_of_few_playbooks_are_known_to_those_only() {
        let include = &[Include::Events, Include::Sessions];
        let takes = Takes { offline: true, include, ..Takes::default() };
        let with = |fields: Value| {
            let mut event = json!({"host": "Computer123"});
            event.as_object_mut().unwrap().append(&mut fields.as_object().unwrap().clone());
            event
        };
        for (fields, offline, include, hours) in [
            (json!({}), None, None, None),
            (json!({"offline": null, "include": null, "hours": null}), None, None, None),
            (json!({"offline": "queue"}), Some(Offline::Queue), None, None),
            (json!({"offline": "skip", "include": []}), Some(Offline::Skip), Some(vec![]), None),
            (json!({"offline": "cancel"}), Some(Offline::Cancel), None, None),
            (
                json!({"include": ["sessions", "events", "sessions"], "hours": 2160}),
                None,
                Some(vec![Include::Sessions, Include::Events]),
                Some(2160),
            ),
        ] {
            let direct = decode_with(&with(fields.clone()), TargetType::Host, takes).unwrap();
            let info = direct.describe(RequestInfo::default());
            assert_eq!((info.offline, info.include, info.hours), (offline, include, hours), "{fields}");
        }
        for fields in [
            json!({"offline": "SECRET"}),
            json!({"offline": true}),
            json!({"include": "events"}),
            json!({"include": ["scheduled"]}),
            json!({"include": ["events", 7]}),
            json!({"hours": 24}),
            json!({"include": ["sessions"], "hours": 24}),
            json!({"include": ["events"], "hours": 0}),
            json!({"include": ["events"], "hours": 2161}),
            json!({"include": ["events"], "hours": 1.5}),
            json!({"include": ["events"], "hours": "24"}),
        ] {
            let error = decode_with(&with(fields.clone()), TargetType::Host, takes).err().unwrap();
            assert_eq!(error.error_type, InvalidInput, "{fields}");
            assert!(!error.message.contains("SECRET"), "{error}");
        }
        for field in ["offline", "include", "hours"] {
            let error = decode(&with(json!({field: null})), TargetType::Host).err().unwrap();
            assert!(error.message.starts_with(&format!("unknown field `{field}`")), "{error}");
            assert!(!error.message["unknown field".len() + field.len() + 3..].contains(field), "{error}");
        }
        let error = decode_with(&with(json!({"x": 1})), TargetType::Host, takes).err().unwrap();
        for field in ["`offline`", "`include`", "`hours`"] {
            assert!(error.message.contains(field), "{error}");
        }
    }

    #[test]
    fn every_target_field_is_read_in_both_spellings() {
        let by = |event: Value, target_type| decode(&event, target_type).unwrap().name.by;
        assert_eq!(by(json!({"username": "jsmith"}), TargetType::User), By::Username);
        assert_eq!(by(json!({"email": "jsmith@company.com"}), TargetType::User), By::Email);
        assert_eq!(by(json!({"user_id": ID}), TargetType::User), By::UserId);
        assert_eq!(by(json!({"userId": ID, "email": null}), TargetType::User), By::UserId);
        assert_eq!(by(json!({"user": ID}), TargetType::User), By::UserId);
        assert_eq!(by(json!({"user": "jsmith"}), TargetType::User), By::User);
        assert_eq!(by(json!({"hostname": ID}), TargetType::Host), By::Hostname);
        assert_eq!(by(json!({"hostId": ID}), TargetType::Host), By::HostId);
        assert_eq!(by(json!({"host": ID.to_uppercase()}), TargetType::Host), By::HostId);
        assert_eq!(by(json!({"host": "Computer123"}), TargetType::Host), By::Host);
    }

    #[test]
    fn options_are_read() {
        let event = json!({"username": " jsmith ", "dryRun": true, "reason": "INC-7", "correlation": {"a": [1]}});
        let direct = decode(&event, TargetType::User).unwrap();
        assert_eq!(direct.name.text, "jsmith");
        let info = direct.describe(RequestInfo::default());
        assert!(info.dry_run);
        assert_eq!(info.reason.as_deref(), Some("INC-7"));
        assert_eq!(info.correlation, Some(json!({"a": [1]})));
    }

    #[test]
    fn what_is_not_clear_is_refused_by_field_and_not_by_value() {
        let events = [
            json!([]),
            json!("SECRET"),
            json!({}),
            json!({"hostname": "SECRET"}),
            json!({"username": "SECRET", "email": "SECRET@x"}),
            json!({"username": 7}),
            json!({"username": null}),
            json!({"username": "SECRET", "dryrun": true}),
            json!({"username": "SECRET", "dry_run": "true"}),
            json!({"username": "SECRET", "dry_run": null}),
            json!({"username": "SECRET", "dry_run": true, "dryRun": false}),
            json!({"username": "SECRET\n"}).as_object().map(|_| json!({"username": "SEC\nRET"})).unwrap(),
            json!({"username": "SECRET\u{200b}"}),
            json!({"username": "SECRET\u{202e}x"}),
            json!({"username": "x", "reason": "SECRET\u{2028}x"}),
            json!({"username": "x", "correlation": "SECRET".repeat(700)}),
            json!({"username": "SECRET".repeat(50)}),
            json!({"username": "  "}),
            json!({"email": "SECRET"}),
            json!({"user_id": "SECRET"}),
            json!({"user_id": format!("{ID}/expire")}),
            json!({"username": "x", "reason": {"a": "SECRET"}}),
            json!({"username": "x", "url": "https://SECRET"}),
            json!({"username": "x", "accept_stale": true}),
            json!({"username": "x", "repeat": 1}),
        ];
        for event in events {
            let error = decode(&event, TargetType::User).err().unwrap();
            assert_eq!(error.error_type, InvalidInput, "{event}");
            assert!(!error.message.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn an_unknown_field_is_named_with_the_allowed_ones() {
        let error = decode(&json!({"username": "jsmith", "dryrun": true}), TargetType::User).err().unwrap();
        for name in
            ["`dryrun`", "`dry_run`", "`username`", "`email`", "`user_id`", "`user`", "`reason`", "`correlation`"]
        {
            assert!(error.message.contains(name), "{name} in {error}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
        ];
        let name = prop_oneof![
            3 => prop::sample::select(vec!["username", "email", "user_id", "userId", "user", "dry_run", "dryRun", "reason", "correlation"]).prop_map(str::to_owned),
            1 => ".{0,10}",
        ];
        leaf.prop_recursive(2, 16, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name.clone(), inner, 0..4).prop_map(|map| Value::from(Map::from_iter(map))),
            ]
        })
    }

    proptest! {
        /// Whatever comes in, a request comes out only for one clean target, and an error never repeats a value.
        #[test]
        fn decoding_is_total(event in any_json()) {
            match decode(&event, TargetType::User) {
                Ok(direct) => {
                    let object = event.as_object().unwrap();
                    let named: Vec<_> = USER_FIELDS.iter().flat_map(|(snake, camel, _)| [snake, camel])
                        .filter(|name| object.get(**name).is_some_and(|value| !value.is_null())).collect();
                    prop_assert!(named.iter().all(|name| object[**name].as_str().unwrap().trim() == direct.name.text));
                    prop_assert!(!direct.name.text.is_empty() && !direct.name.text.chars().any(char::is_control));
                    let dry_run = object.get("dry_run").or(object.get("dryRun"));
                    prop_assert_eq!(dry_run.unwrap_or(&Value::Bool(false)), &Value::Bool(direct.asked.dry_run));
                }
                Err(error) => prop_assert_eq!(error.error_type, InvalidInput),
            }
        }
    }
}
