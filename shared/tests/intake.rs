//! Whatever an envelope looks like, reading it ends in a request or a typed refusal.

use sandbox::seed::COMPUTER123;
use std::{
    env, fs,
    time::{Duration, Instant},
};

use chrono::DateTime;
use jumpcloud_playbooks::{
    error::ErrorType,
    intake::{Arrival, Intake, Settings, Todo, Wants, Work},
    request::{Takes, TargetType},
    vars::Vars,
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};
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
        Just(Some(json!(COMPUTER123))),
        Just(Some(json!([[[{"username": "x"}]]]))),
    ]
}

/// One change to the text of an event: what no JSON library would write, and what people paste together.
#[derive(Clone, Debug)]
enum Edit {
    Remove(Index, Index),
    Insert(Index, String),
    Repeat(Index, Index),
    /// A piece of another sample.
    Splice(Index, Index, Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let any_index = any::<Index>;
    let text = prop_oneof![
        ".{0,8}",
        prop::sample::select(vec![
            "null",
            "{}",
            "[]",
            "true",
            "\"",
            "\\",
            "\\u0000",
            "\\ud800",
            "1e999",
            "-0",
            "99999999999999999999",
            "{\"a\":",
            "[[[[",
            "\"dry_run\":true,",
            "\"Records\":[",
            "\u{202e}",
            "\u{feff}",
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        (any_index(), any_index()).prop_map(|(at, to)| Edit::Remove(at, to)),
        (any_index(), text).prop_map(|(at, text)| Edit::Insert(at, text)),
        (any_index(), any_index()).prop_map(|(at, to)| Edit::Repeat(at, to)),
        (any_index(), any_index(), any_index(), any_index())
            .prop_map(|(at, sample, from, to)| Edit::Splice(at, sample, from, to)),
    ]
}

/// The piece of `text` between two places, at most 200 characters of it.
fn piece(text: &[char], from: Index, to: Index) -> Vec<char> {
    let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
    let (from, to) = (from.min(to), from.max(to));
    text[from..to.min(from + 200)].to_vec()
}

impl Edit {
    fn apply(&self, text: &mut Vec<char>, samples: &[String]) {
        let at = |index: &Index| index.index(text.len() + 1);
        match self {
            Self::Remove(from, to) => {
                let length = piece(text, *from, *to).len();
                let start = at(from).min(at(to));
                text.drain(start..start + length);
            }
            Self::Insert(index, new) => {
                let at = at(index);
                text.splice(at..at, new.chars());
            }
            Self::Repeat(from, to) => {
                let (at, new) = (at(to), piece(text, *from, *to));
                text.splice(at..at, new);
            }
            Self::Splice(index, sample, from, to) => {
                let sample: Vec<char> = samples[sample.index(samples.len())].chars().collect();
                let (at, new) = (at(index), piece(&sample, *from, *to));
                text.splice(at..at, new);
            }
        }
    }
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

fn read(event: &str, user: bool, mutating: bool) -> Intake {
    let var = |name: &str| (name == "MAX_EVENT_AGE_SECONDS").then(|| "3600".to_owned());
    let settings = Settings::from_vars(&Vars(&var)).expect("valid settings");
    let now = DateTime::from_timestamp(1_795_465_000, 0).expect("a time");
    let target_type = if user { TargetType::User } else { TargetType::Host };
    let wants = Wants { target_type, mutating, takes_findings: true, takes: Takes::default() };
    settings.read(event, wants, &Arrival { request_id: "r-1".to_owned(), dry_run: false, now, redriven: false })
}

/// All that an event asks for, in a batch or not.
fn work(intake: Intake) -> Vec<Work> {
    match intake {
        Intake::One(work) => vec![*work],
        Intake::Several(work) => work,
        Intake::Batch(records) => records.into_iter().flat_map(|record| record.work).collect(),
    }
}

/// Whether `event` has an object at the end of `path` into which a field could be put; puts it there, also inside of JSON text.
fn put(value: &mut Value, path: &[Index], name: &str, field: &Value) -> bool {
    if let Value::String(text) = value
        && let Ok(mut inner) = serde_json::from_str::<Value>(text)
        && inner.is_object()
    {
        let done = put(&mut inner, path, name, field);
        *value = Value::String(inner.to_string());
        return done;
    }
    match (path.split_first(), value) {
        (Some((index, rest)), Value::Object(fields)) if !fields.is_empty() => {
            let at = fields.keys().nth(index.index(fields.len())).expect("within bounds").clone();
            let deeper = put(&mut fields[&at], rest, name, field);
            deeper || fields.insert(name.to_owned(), field.clone()).is_none()
        }
        (Some((index, rest)), Value::Array(items)) if !items.is_empty() => {
            let index = index.index(items.len());
            put(&mut items[index], rest, name, field)
        }
        (None, Value::Object(fields)) => fields.insert(name.to_owned(), field.clone()).is_none(),
        _ => false,
    }
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
        match read(&event.to_string(), user, mutating) {
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

    /// The list of what is open is closed: with anything else in the place of the state, nothing is acted on.
    #[test]
    fn only_the_words_of_the_list_are_open(
        (name, pointer, open) in prop::sample::select(vec![
            ("securityhub-asff-user", "/detail/findings/0/Workflow/Status", json!("NEW")),
            ("securityhub-asff-user", "/detail/findings/0/RecordState", json!("ACTIVE")),
            ("securityhub-ocsf-user", "/detail/findings/0/class_uid", json!(2004)),
            ("securityhub-ocsf-host", "/detail/findings/0/status_id", json!(1)),
            ("guardduty-user", "/detail/service/archived", json!(false)),
            ("crowdstrike-stream", "/detail/metadata/eventType", json!("EppDetectionSummaryEvent")),
        ]),
        other in prop_oneof![
            leaf().prop_map(Option::unwrap_or_default),
            prop::sample::select(vec!["NEWS", "NOT NEW", "INACTIVE", "unknown", "closed", "true", "0", "20041", "-1"]).prop_map(Value::from),
        ],
        user: bool,
    ) {
        let file = format!("{}/../tests/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let mut event: Value = serde_json::from_slice(&fs::read(file).expect("a sample")).expect("valid JSON");
        let runs = |event: &Value| work(read(&event.to_string(), user, true)).iter().any(|work| matches!(work.todo, Ok(Todo::Run(_))));
        let state = event.pointer_mut(pointer).expect("the state");
        prop_assert_eq!(&*state, &open);
        *state = other.clone();
        // Where a second field says it as well, this one may be missing.
        prop_assert!(!runs(&event) || (other.is_null() && pointer.ends_with("status_id")), "{} {}", pointer, other);
    }

    /// Whoever asks for a dry run, wherever in an event: nothing is then acted on.
    #[test]
    fn a_dry_run_asked_for_anywhere_is_one(
        sample in any::<Index>(),
        path in prop::collection::vec(any::<Index>(), 0..9),
        name in prop::sample::select(vec!["dry_run", "dryRun", "DryRun", "dry-run", "DRY_RUN", "dryrun"]),
        field in prop::sample::select(vec![json!(true), json!("true"), json!("yes"), json!(1), json!(null), json!({}), json!([])]),
        user: bool,
    ) {
        let samples = samples();
        let mut event = samples[sample.index(samples.len())].clone();
        let batch = matches!(read(&event.to_string(), user, true), Intake::Batch(_));
        // In a batch a record is on its own: what one of them says counts for that one.
        let placed = match event.pointer_mut("/Records/0").filter(|_| batch) {
            Some(record) => {
                let placed = put(record, &path, name, &field);
                event["Records"].as_array_mut().expect("a list").truncate(1);
                placed
            }
            None => put(&mut event, &path, name, &field),
        };
        if placed {
            for work in work(read(&event.to_string(), user, true)) {
                prop_assert!(work.info.dry_run || !matches!(work.todo, Ok(Todo::Run(_))), "{}", event);
            }
        }
    }
}

/// Text that no sender would write. Two seconds; for longer `INTAKE_FUZZ_SECONDS`.
#[test]
fn no_text_makes_the_intake_panic_or_act_on_whom_it_does_not_name() {
    let seconds =
        env::var("INTAKE_FUZZ_SECONDS").ok().map_or(2, |seconds| seconds.parse().expect("a number of seconds"));
    let samples: Vec<String> = samples().iter().map(Value::to_string).collect();
    let start = Instant::now();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(500) });
    let event = (any::<Index>(), prop::collection::vec(edit(), 0..6), ".{0,40}", any::<[bool; 3]>());
    while start.elapsed() < Duration::from_secs(seconds) {
        let result = runner.run(&event, |(sample, edits, noise, [user, mutating, plain_noise])| {
            let mut text: Vec<char> = samples[sample.index(samples.len())].chars().collect();
            edits.iter().for_each(|edit| edit.apply(&mut text, &samples));
            let text: String = if plain_noise && edits.is_empty() { noise } else { text.into_iter().collect() };
            let event = serde_json::from_str(&text).unwrap_or(Value::String(text.clone()));
            work(read(&text, user, mutating)).into_iter().try_for_each(|work| check(work, &event))
        });
        result.unwrap_or_else(|error| panic!("{error}"));
    }
}
