//! Whatever an envelope looks like, reading it ends in a request or a typed refusal.

use std::fs;

use chrono::DateTime;
use jumpcloud_playbooks::{
    error::ErrorType,
    intake::{Arrival, Intake, Settings, Todo, Wants, Work},
    request::TargetType,
    vars::Vars,
};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

fn samples() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/events");
    let files = fs::read_dir(folder).expect("the sample events").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&fs::read(file).expect("readable")).expect("valid JSON")).collect()
}

/// Puts `leaf` in the place of some node below `value`, or removes it, also inside of JSON text.
fn mutate(value: &mut Value, path: &[Index], leaf: &Option<Value>) {
    if let Value::String(text) = value
        && let Ok(mut inner) = serde_json::from_str::<Value>(text)
        && (inner.is_object() || inner.is_array())
    {
        mutate(&mut inner, path, leaf);
        *value = Value::String(inner.to_string());
        return;
    }
    let Some((index, rest)) = path.split_first() else {
        *value = leaf.clone().unwrap_or_default();
        return;
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(index.index(fields.len())).expect("within bounds").clone();
            if rest.is_empty() && leaf.is_none() {
                fields.remove(&name);
            } else {
                mutate(&mut fields[&name], rest, leaf);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let index = index.index(items.len());
            mutate(&mut items[index], rest, leaf);
        }
        other => *other = leaf.clone().unwrap_or_default(),
    }
}

fn leaf() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!([]))),
        Just(Some(json!({}))),
        any::<i64>().prop_map(|number| Some(json!(number))),
        "\\PC{0,12}".prop_map(|text| Some(json!(text))),
        Just(Some(json!("633f3f295482343ff32add41"))),
        Just(Some(json!([[[{"username": "x"}]]]))),
    ]
}

fn check(work: Work, event: &Value) -> Result<(), TestCaseError> {
    match work.todo {
        Err(error) => {
            let refused =
                matches!(error.error_type, ErrorType::InvalidInput | ErrorType::StaleEvent | ErrorType::Unsupported);
            prop_assert!(refused, "{}", error)
        }
        Ok(Todo::Answer(_)) => {}
        Ok(Todo::Run(target)) => {
            let text = event.to_string().to_lowercase();
            for name in target.names().chain(&target.bound_to).map(|name| &name.text) {
                let written = serde_json::to_string(name).unwrap_or_default().to_lowercase();
                prop_assert!(!name.is_empty() && name.len() <= 1024);
                // Escaped once for each text that it stands in.
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric());
                prop_assert!(!plain || text.contains(written.trim_matches('"')), "{} is not in the event", name);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn reading_is_total(
        sample in any::<Index>(),
        mutations in prop::collection::vec((prop::collection::vec(any::<Index>(), 1..9), leaf()), 0..4),
        user: bool,
        mutating: bool,
    ) {
        let samples = samples();
        let mut event = samples[sample.index(samples.len())].clone();
        for (path, leaf) in &mutations {
            mutate(&mut event, path, leaf);
        }
        let var = |name: &str| (name == "MAX_EVENT_AGE_SECONDS").then(|| "3600".to_owned());
        let settings = Settings::from_vars(&Vars(&var)).expect("valid settings");
        let now = DateTime::from_timestamp(1_795_465_000, 0).expect("a time");
        let wants = Wants { target_type: if user { TargetType::User } else { TargetType::Host }, mutating };
        let arrival = Arrival { request_id: "r-1".to_owned(), dry_run: false, now };
        match settings.read(&event.to_string(), wants, &arrival) {
            Intake::One(work) => check(*work, &event)?,
            Intake::Several(_) => prop_assert!(false, "one target is the most"),
            Intake::Batch(records) => {
                // None is lost.
                prop_assert_eq!(records.len(), event["Records"].as_array().map_or(0, Vec::len));
                for work in records.into_iter().flat_map(|record| record.work) {
                    prop_assert_eq!(&work.info.request_id, "r-1");
                    check(work, &event)?;
                }
            }
        }
    }
}
