//! The contracts as JSON Schema, in `schemas/`. `cargo xtask docs` brings them up to date.

use std::{env, fs};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    error::{Effect, ErrorType},
    guard::Unguarded,
    intake::{self, COMMON},
    outcome::{Ignored, Outcome, OutcomeTarget, Status, Undo},
    playbooks::{self, Playbook, actions::ACTIONS},
    request::RequestInfo,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/");
/// Grows when a field goes, or means something else. A new field, status, error or code leaves it as it is.
const VERSION: u8 = 1;

impl JsonSchema for ErrorType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ErrorType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let types: Vec<Value> =
            Self::ALL.iter().map(|error| json!({"const": error.name(), "description": error.about()})).collect();
        Schema::from(Map::from_iter([
            ("type".to_owned(), json!("string")),
            ("description".to_owned(), json!("The name of an error, to retry and catch on.")),
            ("oneOf".to_owned(), json!(types)),
        ]))
    }
}

/// What Lambda gives the caller of a failed invocation.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is wanted")]
struct Failure {
    error_type: ErrorType,
    /// What happened, why, and what to do next: one line, without a secret and without the payload.
    #[schemars(length(min = 1), regex(pattern = r"^[^\u0000-\u001f\u007f]*$"))]
    error_message: String,
}

/// The result of a run: a status of an outcome or the name of an error.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is wanted")]
enum Ended {
    Outcome(Status),
    Failure(ErrorType),
}

/// `audit` in the log line of a run that may change something, as `runtime/record.rs` writes it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is wanted")]
struct Audit {
    playbook: String,
    /// For what, in the words of the event; `null` where it could not be read.
    asked: Value,
    /// Who asked, and why.
    request: RequestInfo,
    result: Ended,
    ignored: Option<Ignored>,
    target: Option<OutcomeTarget>,
    changed: Option<bool>,
    verified: Option<bool>,
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
    undo: Option<Undo>,
    /// The message of an error.
    error: Option<String>,
    /// Whether anything was done, for an error.
    done: Option<Effect>,
    /// What led to an error, where that has a name of its own.
    cause: Option<ErrorType>,
}

fn of<T: JsonSchema>(name: &str) -> Value {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    // The descriptions are the code's comments: Rust's words become JSON's.
    let text = schema.to_value().to_string().replace("`None`", "`null`").replace("[`Status::", "`status` [`");
    let text = text.replace("`Some(false)`", "`false`").replace("[`", "`").replace("`]", "`");
    with_id(name, serde_json::from_str(&text).expect("still JSON"))
}

fn with_id(name: &str, mut schema: Value) -> Value {
    schema["$id"] = json!(format!("urn:jumpcloud-playbooks:{name}:{VERSION}"));
    schema
}

/// The schema of a playbook's direct event.
fn input(playbook: &dyn Playbook) -> Value {
    let [targets, options] = intake::fields(playbook.target_type(), playbook.takes());
    let includes: Vec<Value> = playbook.takes().include.iter().map(|part| json!(part)).collect();
    let schema = |name: &str| match name {
        "include" => json!({"type": "array", "items": {"enum": includes}}),
        target if targets.contains(&target) && target.ends_with("_id") => {
            json!({"type": "string", "pattern": "^[0-9A-Fa-f]{24}$"})
        }
        target if targets.contains(&target) => json!({"type": "string", "minLength": 1, "maxLength": 256}),
        option => field(option),
    };
    let one: Vec<Value> = targets.iter().map(|name| json!({"required": [name]})).collect();
    let mut event = object(targets.iter().chain(&options).map(|name| ((*name).to_owned(), schema(name))).collect());
    event["oneOf"] = json!(one);
    event
}

fn object(properties: Map<String, Value>) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// The schema of a field that means the same in every event.
fn field(name: &str) -> Value {
    match name {
        "dry_run" => json!({"type": "boolean", "description": "Look everything up and change nothing."}),
        "repeat" => json!({"type": "boolean", "description": "Send a shutdown again that may have been sent before."}),
        "reason" => json!({"type": "string", "maxLength": 256, "description": "Why, for the audit record."}),
        "by" => json!({"type": "string", "maxLength": 256, "description": "Who asks, for the record."}),
        "correlation" => json!({"description": "The caller's own reference: any JSON of at most 4 KB, given back."}),
        "plan_hash" => json!({"type": "string", "description": "Consent to the plan of a dry run: its `plan_hash`."}),
        "organization" => json!({
            "type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$",
            "description": "The alias of the organization: required where the function serves several, an error where it serves one.",
        }),
        "offline" => {
            json!({"enum": ["queue", "skip", "cancel"], "description": "What to do about a host that is offline."})
        }
        "hours" => {
            json!({"type": "integer", "minimum": 1, "maximum": 2160, "description": "How far back events are read."})
        }
        "hold" => json!({"type": "string", "description": "The id of the hold that the containment becomes."}),
        "hold_hours" => json!({"type": "integer", "minimum": 1, "maximum": 8784}),
        "release" => json!({"type": "string", "description": "The id of the hold that is given up."}),
        other => panic!("the field {other} has no schema"),
    }
}

/// The schemas of all direct events but for that of `guard-rails`, which the ledger writes.
fn events() -> Vec<(String, Value)> {
    let mut events = vec![(
        "check-connection".to_owned(),
        object(COMMON.map(|name| (name.to_owned(), field(name))).into_iter().collect()),
    )];
    events.extend(
        playbooks::all(&Unguarded).iter().map(|playbook| (playbook.name().to_owned(), input(playbook.as_ref()))),
    );
    let described = |(name, mut event): (String, Value)| {
        event["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        (format!("events/{name}"), with_id(&format!("{name}-event"), event))
    };
    events.into_iter().map(described).collect()
}

fn actions() -> Value {
    let playbooks = playbooks::all(&Unguarded);
    let actions = playbooks.iter().map(|playbook| {
        let name = playbook.name();
        let action =
            ACTIONS.iter().find(|action| action.playbook == name).unwrap_or_else(|| panic!("{name} is no action"));
        assert_eq!(action.changes.is_some(), playbook.mutating(), "{name}");
        let scopes = action.scopes.iter().map(|(when, scope)| json!({"scope": scope, "when": when}));
        json!({
            "name": name,
            "target": playbook.target_type(),
            "changes": action.changes,
            "undo": action.undo.map(|undo| json!({"playbook": undo, "event": "the outcome's `undo.event`"})),
            "undo_note": action.undo_note,
            "acts_on_findings": playbook.takes_findings(),
            "jumpcloud_scopes": scopes.collect::<Vec<_>>(),
            "aws_permission": {"action": "lambda:InvokeFunction", "function": format!("<stack>-{name}:live")},
            "input": input(playbook.as_ref()),
            "output": "outcome.json",
            "errors": "error.json",
        })
    });
    json!({"version": VERSION, "actions": actions.collect::<Vec<_>>()})
}

#[test]
fn the_schemas_are_what_the_code_gives() {
    let contracts = [
        ("outcome", of::<Outcome>("outcome")),
        ("error", of::<Failure>("error")),
        ("audit", of::<Audit>("audit")),
        ("actions", actions()),
    ];
    let contracts = contracts.map(|(name, schema)| (name.to_owned(), schema));
    for (name, schema) in contracts.into_iter().chain(events()) {
        let path = format!("{FOLDER}{name}.json");
        let wanted = format!("{schema:#}\n");
        if fs::read_to_string(&path).is_ok_and(|written| written == wanted) {
            continue;
        }
        assert!(env::var_os("WRITE_DOCS").is_some(), "schemas/{name}.json is behind the code: cargo xtask docs");
        fs::write(path, wanted).expect("the schema can be written");
    }
}
