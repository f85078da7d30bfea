//! The definitions in `workflows/`: reading, filling in, and what each must keep to.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use serde_json::{Value, json};

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
        ("Partition", "aws".to_owned()),
        ("EnrichUserFunction", function("enrich-user")),
        ("DisableUserFunction", function("disable-user")),
        ("EnableUserFunction", function("enable-user")),
        ("ResetPasswordFunction", function("reset-password")),
        ("EnrichHostFunction", function("enrich-host")),
        ("ShutdownHostFunction", function("shutdown-host")),
        ("ContainUserStateMachine", machine("contain-user")),
        ("ContainHostStateMachine", machine("contain-host")),
        ("HourSeconds", "1".to_owned()),
        ("VerifyAfterSeconds", "1".to_owned()),
        ("AskAgainHours", "24".to_owned()),
        ("ApprovalTimeoutSeconds", "600".to_owned()),
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

/// Errors after which a function surely did nothing. A throttled invocation never started.
const NOTHING_DONE: [&str; 7] = [
    "RateLimited",
    "JumpCloudUnavailable",
    "SecretUnavailable",
    "GuardUnavailable",
    "InProgress",
    "DeadlineExceeded",
    "Lambda.TooManyRequestsException",
];

/// Errors after which it may have run: a call is only repeated if twice is the same as once.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception>
const MAY_HAVE_RUN: [&str; 5] = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "States.Timeout",
];

const SNS_TRANSIENT: [&str; 4] =
    ["SNS.InternalErrorException", "SNS.KMSThrottlingException", "SNS.SdkClientException", "SNS.ThrottledException"];

const STEP_FUNCTIONS_TRANSIENT: [&str; 5] = [
    "StepFunctions.AWSStepFunctionsException",
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.KmsThrottlingException",
    "StepFunctions.SdkClientException",
    "StepFunctions.ThrottlingException",
];

/// Names of AWS's SDK.
const DESCRIBE_TRANSIENT: [&str; 2] = ["Sfn.SfnException", "Sfn.SdkClientException"];

const CLOUDWATCH_TRANSIENT: [&str; 3] =
    ["CloudWatch.CloudWatchException", "CloudWatch.InternalServiceException", "CloudWatch.SdkClientException"];

/// What a task must repeat after, no more and no less. A task that gets a whole alert only asks or runs dry.
fn repeated(task: &Value) -> Vec<&'static str> {
    let payload = &task["Arguments"]["Payload"];
    let runs_for_real = payload.is_object() && payload["dry_run"] != true;
    match task["Resource"].as_str().and_then(|resource| resource.strip_prefix("arn:${Partition}:states:::")) {
        Some("lambda:invoke") if runs_for_real && task["Arguments"]["FunctionName"] == "${ShutdownHostFunction}" => {
            NOTHING_DONE.to_vec()
        }
        Some("lambda:invoke") => [&NOTHING_DONE[..], &MAY_HAVE_RUN].concat(),
        // Its time is the approver's.
        Some("sns:publish.waitForTaskToken") => SNS_TRANSIENT.to_vec(),
        Some("sns:publish") => [&SNS_TRANSIENT[..], &["States.Timeout"]].concat(),
        Some("aws-sdk:sfn:describeExecution") => [&DESCRIBE_TRANSIENT[..], &["States.Timeout"]].concat(),
        Some("aws-sdk:cloudwatch:putMetricData") => [&CLOUDWATCH_TRANSIENT[..], &["States.Timeout"]].concat(),
        Some("states:startExecution") => [&STEP_FUNCTIONS_TRANSIENT[..], &["States.Timeout"]].concat(),
        _ => panic!("{} is no known service", task["Resource"]),
    }
}

/// What every machine must keep to and no execution would show: it runs in every partition, everything is caught,
/// a shutdown is repeated only where surely nothing was sent, and no two ways lead from one state to the same.
pub(crate) fn check(name: &str) {
    let text = read(name);
    let definition: Value = serde_json::from_str(&text).expect("valid JSON");
    let documented = documented();
    let all = states(&definition);
    let unique: HashSet<&str> = all.iter().map(|(state, _)| *state).collect();
    assert_eq!(unique.len(), all.len(), "{name}: state names are unique");
    assert_eq!(definition["QueryLanguage"], "JSONata", "{name}");
    assert!(!text.contains("arn:aws"), "{name}: it runs in one partition only");
    assert!(!text.contains("$eval"), "{name}: AWS does not know $eval");
    for (state, body) in all {
        let list = |key: &str| body[key].as_array().cloned().unwrap_or_default();
        // `States.ALL` leaves this one out, so it may need a catcher beside it that leads to the same state.
        let is_size = |way: &Value| way["ErrorEquals"] == json!(["States.DataLimitExceeded"]);
        let ways: Vec<_> = [list("Choices"), list("Catch")].concat().into_iter().filter(|way| !is_size(way)).collect();
        let ways: Vec<&Value> = ways.iter().map(|way| &way["Next"]).chain([&body["Next"], &body["Default"]]).collect();
        let ways: Vec<&str> = ways.into_iter().filter_map(Value::as_str).collect();
        let targets: HashSet<&str> = ways.iter().copied().collect();
        assert_eq!(targets.len(), ways.len(), "{name}, {state}: two ways lead to the same state");
        let kind = body["Type"].as_str().unwrap_or_default();
        if ["Task", "Map", "Parallel"].contains(&kind) {
            let last = list("Catch").last().map(|catcher| catcher["ErrorEquals"].clone());
            assert_eq!(last, Some(json!(["States.ALL"])), "{name}, {state}: the last catcher");
        }
        if kind == "Task" {
            let errors = |rule: &Value| rule["ErrorEquals"].as_array().cloned().unwrap_or_default();
            let names: Vec<Value> = list("Retry").iter().flat_map(errors).collect();
            let names: HashSet<&str> = names.iter().filter_map(Value::as_str).collect();
            assert_eq!(names, repeated(body).into_iter().collect(), "{name}, {state}: what is repeated");
            for error in names.iter().filter(|error| !error.contains('.')) {
                assert!(documented.iter().any(|name| name == error), "{name}, {state}: {error} is no error of ours");
            }
        }
    }
}

/// The names in the README's table of errors.
fn documented() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let (_, section) = readme.split_once("## When it fails").expect("the section about errors");
    let (section, _) = section.split_once("\n## ").expect("a section behind it");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let ours = rows.flat_map(|row| row.split(',').map(|name| name.trim().trim_matches('`').to_owned()));
    ours.collect()
}
