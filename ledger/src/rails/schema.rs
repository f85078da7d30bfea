//! What an event of `guard-rails` may say, as JSON Schema in `schemas/events/guard-rails.json`. `cargo xtask docs` writes it.

use std::{env, fs};

use jumpcloud_playbooks::{
    intake::{Arrival, Instruction},
    organizations::Organizations,
    vars::Vars,
};
use serde_json::{Map, Value, json};

use super::action::{ACTIONS, Action, MAX_HOURS, MAX_TARGETS};
use crate::{
    protected::Kind,
    setup::{GIVES_BACK, PLAYBOOKS},
    switch::Mode,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/events/");

/// The schema of an action's own field, or of one that may stand beside it.
fn field(name: &str) -> Value {
    let id = json!({"type": "string", "pattern": "^[0-9A-Fa-f]{24}$"});
    let one = |properties: Map<String, Value>| json!({"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1, "maxProperties": 1});
    let entry = || {
        let text = json!({"type": "string", "minLength": 1, "maxLength": 256});
        let of = |kind: Kind| (kind.word().to_owned(), if kind.word() == "group" { id.clone() } else { text.clone() });
        one(Kind::ALL.into_iter().map(of).collect())
    };
    match name {
        "show" => json!({"const": true, "description": "Say all that is in force."}),
        "switch" => json!({"enum": Mode::ALL.map(Mode::word), "description": "In force with the next invocation."}),
        "playbook" => json!({"enum": PLAYBOOKS, "description": "Left out: all that take something away."}),
        "all_organizations" => json!({"type": "boolean"}),
        "protect" | "unprotect" => entry(),
        "as" => json!({"enum": ["never", "ask"]}),
        "allow" => {
            let limited: Vec<&str> = PLAYBOOKS.into_iter().filter(|name| *name != GIVES_BACK).collect();
            let targets = |least: i64, most: i64| json!({"type": "integer", "minimum": least, "maximum": most});
            json!({
                "type": "object", "additionalProperties": false, "required": ["playbook", "targets"],
                "properties": {"playbook": {"enum": limited}, "targets": targets(0, MAX_TARGETS), "hours": targets(1, MAX_HOURS)},
                "if": {"properties": {"targets": {"const": 0}}},
                "then": {"not": {"required": ["hours"]}}, "else": {"required": ["hours"]},
                "description": "Raise the limits of a playbook for some hours; 0 targets ends that.",
            })
        }
        "forget" => one(["host_id", "user_id"].map(|name| (name.to_owned(), id.clone())).into_iter().collect()),
        other => panic!("the field {other} has no schema"),
    }
}

/// What every event may say is what one of `check-connection` may.
fn common() -> Map<String, Value> {
    let text = fs::read_to_string(format!("{FOLDER}check-connection.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    schema["properties"].as_object().cloned().expect("properties")
}

fn schema() -> Value {
    let event = |(name, options): (&str, &[&str])| {
        let own = [&[name], options].concat().into_iter().map(|name| (name.to_owned(), field(name)));
        let properties: Map<String, Value> = own.chain(common()).collect();
        let mut required = vec![name];
        required.extend(if name == "protect" { &["as"][..] } else { &[] });
        required.extend(if name == "show" { &[][..] } else { &["reason"] });
        json!({"type": "object", "properties": properties, "additionalProperties": false, "required": required})
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:jumpcloud-playbooks:guard-rails-event:1",
        "oneOf": ACTIONS.into_iter().map(event).collect::<Vec<_>>(),
    })
}

#[test]
fn the_schema_is_what_the_code_gives() {
    let (path, wanted) = (format!("{FOLDER}guard-rails.json"), format!("{:#}\n", schema()));
    if env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, &wanted).expect("the schema can be written");
    }
    assert_eq!(
        fs::read_to_string(path).unwrap_or_default(),
        wanted,
        "schemas/events is behind the code: cargo xtask docs"
    );
}

#[test]
fn the_schema_allows_what_is_read_and_nothing_else() {
    let id = "633f3f295482343ff32add41";
    let validator = jsonschema::validator_for(&schema()).expect("a valid schema");
    let organizations = Organizations::from_vars(&Vars(&|_| None)).expect("one organization");
    let arrival =
        Arrival { request_id: "r-1".to_owned(), dry_run: false, now: chrono::DateTime::UNIX_EPOCH, redriven: false };
    let mut read = 0;
    let cases = [
        json!({"show": true}),
        json!({"show": false}),
        json!({}),
        json!({"show": true, "switch": "off", "reason": "r"}),
        json!({"show": true, "as": "never"}),
        json!({"show": true, "correlation": {"a": 1}, "by": "anna", "dry_run": true}),
        json!({"switch": "off"}),
        json!({"switch": "off", "reason": "r"}),
        json!({"switch": "dry-run", "playbook": "enable-user", "reason": "r"}),
        json!({"switch": "off", "playbook": "enrich-user", "reason": "r"}),
        json!({"switch": "of", "reason": "r"}),
        json!({"protect": {"user": "ceo@company.com"}, "as": "never", "reason": "r"}),
        json!({"protect": {"user": "ceo@company.com"}, "reason": "r"}),
        json!({"protect": {"user": "ceo@company.com", "host": "h"}, "as": "ask", "reason": "r"}),
        json!({"protect": {"group": "board"}, "as": "ask", "reason": "r"}),
        json!({"protect": {"group": id}, "as": "ask", "reason": "r"}),
        json!({"protect": "ceo", "as": "ask", "reason": "r"}),
        json!({"unprotect": {"host": "h"}, "reason": "r"}),
        json!({"unprotect": {"host": "h"}, "as": "ask", "reason": "r"}),
        json!({"allow": {"playbook": "disable-user", "targets": 60, "hours": 2}, "reason": "r"}),
        json!({"allow": {"playbook": "disable-user", "targets": 60}, "reason": "r"}),
        json!({"allow": {"playbook": "disable-user", "targets": 0}, "reason": "r"}),
        json!({"allow": {"playbook": "disable-user", "targets": 0, "hours": 2}, "reason": "r"}),
        json!({"allow": {"playbook": "enable-user", "targets": 60, "hours": 2}, "reason": "r"}),
        json!({"allow": {"playbook": "disable-user", "targets": 1001, "hours": 2}, "reason": "r"}),
        json!({"allow": {"playbook": "disable-user", "targets": 60, "hours": 169}, "reason": "r"}),
        json!({"forget": {"host_id": id}, "reason": "r"}),
        json!({"forget": {"user_id": "jsmith"}, "reason": "r"}),
        json!({"forget": {"user_id": id, "host_id": id}, "reason": "r"}),
        json!({"forget": {}, "reason": "r"}),
        json!({"swich": "off", "reason": "r"}),
    ];
    for event in cases {
        let taken = Instruction::read(&event.to_string(), &arrival, Some(&organizations));
        let taken = taken.fields.and_then(|fields| Action::read(&fields, &taken.info)).is_ok();
        assert_eq!(validator.is_valid(&event), taken, "{event}");
        read += usize::from(taken);
    }
    assert_eq!(read, 10);
}
