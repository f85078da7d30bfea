//! What each workflow takes and what it ends with, as JSON Schema in `schemas/workflows/`. Every scenario's input and summary is
//! held against it.

use std::{fs, path::PathBuf};

use serde_json::{Map, Value, json};

use crate::machines::{MACHINES, read};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/");
/// Grows when a field goes, or means something else.
const VERSION: u8 = 1;
/// The fields that an input shares with the events of a playbook: the target's, and these.
const SHARED: [&str; 3] = ["reason", "organization", "correlation"];
/// Step Functions itself adds it to the input of an execution that another one starts.
const STARTED_BY: &str = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID";

/// Compares the schemas with what is here and the definitions, or, with `write`, brings them up to date.
pub(crate) fn check(write: bool) -> Result<(), String> {
    for machine in MACHINES {
        for (kind, schema) in [("input", input(machine)), ("summary", summary(machine))] {
            let path = PathBuf::from(format!("{FOLDER}workflows/{machine}-{kind}.json"));
            let wanted = format!("{schema:#}\n");
            match fs::read_to_string(&path).is_ok_and(|written| written == wanted) {
                true => {}
                false if write => fs::write(&path, wanted).map_err(|error| format!("{}: {error}", path.display()))?,
                false => {
                    return Err(format!(
                        "schemas/workflows/{machine}-{kind}.json is out of date; run cargo xtask docs"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Ends a scenario whose execution took an input that the schema refuses, or refused one that it allows, or whose summary is
/// another than it says. `allowed`: whether the workflow took the input; `None` where a function refused it.
pub(crate) fn hold(machine: &str, given: &Value, allowed: Option<bool>, output: &Value) {
    // `null` counts as not given.
    let mut given = given.clone();
    if let Some(fields) = given.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let wrong = errors(&input(machine), &given);
    if let Some(allowed) = allowed {
        assert_eq!(wrong.is_empty(), allowed, "{machine}'s input and its schema: {}\n{given:#}", wrong.join("; "));
    }
    if !output.is_null() {
        let wrong = errors(&summary(machine), output);
        assert!(wrong.is_empty(), "{machine}'s summary is not what its schema says: {}\n{output:#}", wrong.join("; "));
    }
}

fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a valid schema");
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn described(machine: &str, kind: &str, mut schema: Value) -> Value {
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$id"] = json!(format!("urn:jumpcloud-playbooks:{machine}-{kind}:{VERSION}"));
    schema
}

fn input(machine: &str) -> Value {
    let (playbook, own) = match machine {
        "respond-to-alert" => {
            let event = json!({
                "description": "An event as EventBridge sends it, with a finding in `detail`.",
                "type": "object", "required": ["id", "detail"],
                "properties": {"id": {"type": "string"}, "detail": {"type": "object"}},
            });
            return described(machine, "input", event);
        }
        "contain-user" => (
            "disable-user",
            json!({
                "shut_down_hosts": {"type": "boolean", "default": false, "description": "Shut the user's devices down as well."},
                "max_hosts": {"type": "number", "minimum": 1, "maximum": 100, "default": 3,
                    "description": "With more devices than that to be shut down nothing is done."},
                "approval": approval(),
                "hours": {"type": "number", "minimum": 1, "maximum": 720,
                    "description": "After so long the user is enabled again, unless somebody else holds it. Left out: for good."},
            }),
        ),
        "contain-host" => ("shutdown-host", json!({"approval": approval()})),
        "restore-user" => (
            "enable-user",
            json!({"reset_password": {"type": "boolean", "default": false, "description": "Expire the password as well."}}),
        ),
        other => panic!("{other} has no schema"),
    };
    let event = event_of(playbook);
    let targets: Vec<&Value> = event["oneOf"].as_array().into_iter().flatten().collect();
    let targets = targets.iter().filter_map(|one| one["required"][0].as_str());
    let shared = targets.chain(SHARED).map(|name| (name.to_owned(), event["properties"][name].clone()));
    let own = own.as_object().cloned().unwrap_or_default();
    let mut properties: Map<String, Value> = shared.chain(own).collect();
    let defaults = &definition(machine)["States"]["Read the input"]["Assign"]["defaults"];
    let mut known: Vec<&str> = defaults.as_object().expect("defaults").keys().map(String::as_str).collect();
    known.retain(|name| *name != STARTED_BY);
    known.sort_unstable();
    let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, known, "{machine} takes what its schema names");
    properties.insert(STARTED_BY.to_owned(), json!({"type": "string", "description": "Added by Step Functions."}));
    let schema = json!({
        "description": "`null` counts as left out.",
        "type": "object", "properties": properties, "additionalProperties": false, "oneOf": event["oneOf"],
    });
    described(machine, "input", schema)
}

fn approval() -> Value {
    json!({"enum": ["required", "skip"], "default": "required", "description": "Whether a person is asked first."})
}

fn summary(machine: &str) -> Value {
    let statuses: &[&str] = match machine {
        "contain-user" => &[
            "succeeded",
            "unchanged",
            "accepted",
            "dry_run",
            "held",
            "undone",
            "enabled_again",
            "not_enabled_again",
            "denied",
            "expired",
        ],
        "contain-host" => &["offline", "still_online", "queued", "unchanged", "dry_run", "denied", "expired"],
        "restore-user" => &["succeeded", "unchanged", "accepted", "dry_run"],
        "respond-to-alert" => &["done", "ignored"],
        other => panic!("{other} has no schema"),
    };
    let text = json!({"type": "string"});
    let mut properties = json!({
        "workflow": {"const": machine},
        "status": {"enum": statuses},
        "summary": {"type": "string", "minLength": 1, "description": "What happened, in words."},
        "execution": {"type": "string", "description": "The execution's ARN."},
        "reason": text,
        "steps": {"type": "array", "items": step(), "description": "What each playbook answered; the fields are those of outcome.json."},
        "markdown": {"type": "string", "description": "The same for a ticket. It is what is published."},
    });
    let own = match machine {
        "respond-to-alert" => json!({"user": side(), "host": side()}),
        "contain-user" => json!({"target": target(), "hosts": {"type": "array", "items": host()}}),
        _ => json!({"target": target()}),
    };
    let properties = properties.as_object_mut().expect("an object");
    properties.extend(own.as_object().cloned().unwrap_or_default());
    let required: Vec<&String> = properties.keys().collect();
    let schema = json!({
        "description": "The output of an execution that succeeded. One that failed has an error and a cause instead.",
        "type": "object", "required": required, "properties": properties, "additionalProperties": false,
    });
    described(machine, "summary", schema)
}

/// Not each field of an outcome is kept: an execution may hold 256 KiB.
fn step() -> Value {
    let mut statuses = outcome()["$defs"]["Status"]["oneOf"].as_array().cloned().expect("the statuses of an outcome");
    statuses.push(json!({"const": "not_done", "description": "The playbook was not called."}));
    json!({
        "type": "object", "required": ["status", "summary", "markdown"],
        "properties": {"status": {"oneOf": statuses}, "summary": {"type": "string"}, "markdown": {"type": "string"}, "target": target()},
    })
}

fn target() -> Value {
    json!({
        "type": ["object", "null"], "required": ["type", "id", "name"],
        "properties": {"type": {"enum": ["user", "host"]}, "id": {"type": ["string", "null"]}, "name": {"type": ["string", "null"]}},
    })
}

/// A device of the user. The shutdown of each is answered or failed, none is left out.
fn host() -> Value {
    let status = json!({"enum": ["accepted", "unchanged", "dry_run"]});
    json!({"type": "object", "required": ["status", "summary", "target"],
        "properties": {"status": status, "summary": {"type": "string"}, "target": target()}})
}

fn side() -> Value {
    let statuses = ["started", "started_before", "denied_before", "reported", "ignored", "refused", "none"];
    json!({
        "type": "object", "required": ["status", "why"], "additionalProperties": false,
        "properties": {"status": {"enum": statuses}, "why": {"type": "string", "minLength": 1}, "ignored": {"type": ["string", "null"]}},
    })
}

/// The schema of a playbook's direct event.
fn event_of(playbook: &str) -> Value {
    let catalogue = json_of("actions.json");
    let actions = catalogue["actions"].as_array().expect("actions");
    let action = actions.iter().find(|action| action["name"] == playbook);
    action.unwrap_or_else(|| panic!("{playbook} is no action"))["input"].clone()
}

fn outcome() -> Value {
    json_of("outcome.json")
}

fn json_of(file: &str) -> Value {
    let text = fs::read_to_string(format!("{FOLDER}{file}")).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).expect("a schema is JSON")
}

fn definition(machine: &str) -> Value {
    serde_json::from_str(&read(machine)).expect("a definition is JSON")
}
