//! The definitions in `workflows/`: reading, filling in, and what each must keep to.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use serde_json::Value;

/// All of them.
pub(crate) const MACHINES: [&str; 4] = ["contain-user", "contain-host", "restore-user", "respond-to-alert"];

/// A definition as it stands in its file.
pub(crate) fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../workflows/{name}.asl.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What `template.yaml` fills in on AWS, with times that suit a test. The functions are those of the world `id`.
pub(crate) fn substitutions(id: &str) -> HashMap<&'static str, String> {
    let function = |playbook: &str| format!("arn:aws:lambda:us-east-1:123456789012:function:{id}-{playbook}:live");
    let machine = |name: &str| format!("arn:aws:states:us-east-1:123456789012:stateMachine:{id}-{name}");
    HashMap::from([
        ("EnrichUserFunction", function("enrich-user")),
        ("DisableUserFunction", function("disable-user")),
        ("EnableUserFunction", function("enable-user")),
        ("ResetPasswordFunction", function("reset-password")),
        ("EnrichHostFunction", function("enrich-host")),
        ("ShutdownHostFunction", function("shutdown-host")),
        ("ContainUserStateMachine", machine("contain-user")),
        ("ContainHostStateMachine", machine("contain-host")),
        ("HourSeconds", "1".to_owned()),
        ("ApprovalTimeoutSeconds", "30".to_owned()),
        ("OfflineCheckSeconds", "1".to_owned()),
        ("OfflineChecks", "2".to_owned()),
        ("AlertThreshold", "HIGH".to_owned()),
    ])
}

/// A definition with everything filled in.
pub(crate) fn load(name: &str, substitutions: &HashMap<&'static str, String>) -> String {
    let mut definition = read(name);
    for (name, value) in substitutions {
        definition = definition.replace(&format!("${{{name}}}"), value);
    }
    assert!(!definition.contains("${"), "{name} has a placeholder that nobody fills in");
    definition
}

/// The states of a definition, those inside of Map and Parallel too: name, state.
pub(crate) fn states(definition: &Value) -> Vec<(&str, &Value)> {
    let mut all = Vec::new();
    for (name, state) in definition["States"].as_object().into_iter().flatten() {
        all.push((name.as_str(), state));
        let inner = state["Branches"].as_array().into_iter().flatten().chain(state.get("ItemProcessor"));
        all.extend(inner.flat_map(states));
    }
    all
}

/// What happened in an execution, in a line per state and call.
pub(crate) fn readable(history: &[Value]) -> String {
    let mut text = String::new();
    for event in history {
        let kind = event["type"].as_str().unwrap_or_default();
        let details = event.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("EventDetails"));
        let Some((_, details)) = details else { continue };
        let said = match &details["name"] {
            Value::String(state) if kind.ends_with("StateEntered") => format!("-> {state}"),
            Value::String(_) => continue,
            _ => format!("   {kind} {details}"),
        };
        text.push('\n');
        text.extend(said.chars().take(2000));
    }
    text
}

/// AWS's own names for what goes wrong around an invocation.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>
const AWS_ERRORS: [&str; 9] = [
    "Lambda.Unknown",
    "Lambda.ResourceNotFoundException",
    "Lambda.ServiceException",
    "Lambda.SdkClientException",
    "Lambda.AWSLambdaException",
    "Lambda.TooManyRequestsException",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
];

/// What says that surely nothing was done.
const NOTHING_DONE: [&str; 5] =
    ["RateLimited", "JumpCloudUnavailable", "SecretUnavailable", "DeadlineExceeded", "Lambda.TooManyRequestsException"];

/// What every machine must keep to and no execution would show: every call of a function catches each documented name
/// once, a shutdown is repeated only where surely nothing was sent, and no two ways lead from one state to the same.
pub(crate) fn check(name: &str) {
    let definition: Value = serde_json::from_str(&read(name)).expect("valid JSON");
    let all = states(&definition);
    let unique: HashSet<&str> = all.iter().map(|(state, _)| *state).collect();
    assert_eq!(unique.len(), all.len(), "{name}: state names are unique");
    for (state, body) in all {
        let list = |key: &str| body[key].as_array().cloned().unwrap_or_default();
        let ways = [list("Choices"), list("Catch")].concat();
        let ways: Vec<&Value> = ways.iter().map(|way| &way["Next"]).chain([&body["Next"], &body["Default"]]).collect();
        let ways: Vec<&str> = ways.into_iter().filter_map(Value::as_str).collect();
        let targets: HashSet<&str> = ways.iter().copied().collect();
        assert_eq!(targets.len(), ways.len(), "{name}, {state}: two ways lead to the same state");
        if body["Resource"] != "arn:aws:states:::lambda:invoke" {
            continue;
        }
        let errors = |key: &str| -> Vec<String> {
            let names = list(key)
                .iter()
                .flat_map(|rule| rule["ErrorEquals"].as_array().cloned().unwrap_or_default())
                .collect::<Vec<_>>();
            names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (mut caught, mut known) = (errors("Catch"), documented());
        caught.sort();
        known.sort();
        assert_eq!(caught, known, "{name}, {state}: what is caught");
        let is_dry_run = body["Parameters"].get("Payload.$").is_some();
        if body["Parameters"]["FunctionName"] == "${ShutdownHostFunction}" && !is_dry_run {
            assert_eq!(errors("Retry"), NOTHING_DONE, "{name}, {state}: a shutdown is not sent twice");
        }
    }
}

/// The names in the README's table of errors, and AWS's.
fn documented() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let (_, section) = readme.split_once("## When it fails").expect("the section about errors");
    let (section, _) = section.split_once("\n## ").expect("a section behind it");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let ours = rows.flat_map(|row| row.split(',').map(|name| name.trim().trim_matches('`').to_owned()));
    ours.chain(AWS_ERRORS.map(str::to_owned)).collect()
}
