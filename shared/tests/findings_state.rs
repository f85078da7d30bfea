//! What each real finding of `../shared/findings`, which is not part of this repository, is taken for.

use std::{collections::BTreeMap, fs, path::PathBuf};

use chrono::DateTime;
use jumpcloud_playbooks::{
    intake::{Arrival, Intake, Settings, Todo, Wants},
    request::{Takes, TargetType},
    vars::Vars,
};
use serde_json::Value;

/// The number that the sample's name begins with, and what becomes of it: `open`, a reason to ignore it, or `refused` where it
/// has none of the known formats and is no event written for us.
const EXPECTED: [(&str, &str, Option<&str>); 66] = [
    ("001", "refused", None),
    ("003", "open", Some("critical")),
    ("005", "open", Some("high")),
    ("007", "open", Some("low")),
    ("009", "open", Some("medium")),
    ("011", "refused", None),
    ("013", "refused", None),
    ("015", "refused", None),
    ("017", "refused", None),
    ("019", "refused", None),
    ("021", "refused", None),
    ("023", "refused", None),
    ("025", "refused", None),
    ("027", "refused", None),
    ("029", "refused", None),
    ("031", "refused", None),
    ("033", "refused", None),
    ("035", "refused", None),
    ("037", "refused", None),
    ("039", "refused", None),
    ("041", "refused", None),
    ("043", "refused", None),
    ("045", "log_line", None),
    ("047", "log_line", None),
    ("049", "log_line", None),
    ("051", "log_line", None),
    ("053", "open", Some("low")),
    ("055", "log_line", None),
    ("057", "log_line", None),
    ("059", "log_line", None),
    ("061", "log_line", None),
    ("063", "log_line", None),
    ("065", "state_unknown", Some("medium")),
    ("067", "compliance", Some("low")),
    ("069", "compliance", Some("info")),
    ("071", "compliance", Some("medium")),
    ("073", "compliance", Some("low")),
    ("075", "compliance", Some("medium")),
    ("077", "compliance", Some("medium")),
    ("079", "compliance", Some("medium")),
    ("081", "compliance", Some("info")),
    ("083", "log_line", Some("info")),
    ("085", "log_line", Some("info")),
    ("087", "log_line", Some("info")),
    ("089", "log_line", Some("info")),
    ("091", "log_line", Some("info")),
    ("093", "log_line", Some("info")),
    ("095", "log_line", Some("info")),
    ("097", "log_line", Some("info")),
    ("099", "log_line", Some("info")),
    ("101", "open", Some("low")),
    ("103", "log_line", Some("info")),
    ("105", "other_finding", Some("info")),
    ("107", "log_line", Some("info")),
    ("109", "log_line", Some("info")),
    ("111", "compliance", Some("medium")),
    ("113", "open", Some("low")),
    ("115", "other_finding", Some("medium")),
    ("117", "other_finding", Some("medium")),
    ("119", "log_line", Some("info")),
    ("121", "log_line", Some("info")),
    ("123", "log_line", Some("info")),
    ("125", "other_finding", None),
    ("127", "log_line", None),
    ("129", "log_line", Some("info")),
    ("131", "refused", None),
];

fn samples() -> Option<BTreeMap<String, String>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/findings"));
    let files = fs::read_dir(folder).ok()?.map(|entry| entry.expect("a file").path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    let number = |file: &PathBuf| file.file_name()?.to_str()?.get(..3).map(str::to_owned);
    Some(files.map(|file| (number(&file).expect("a number"), fs::read_to_string(&file).expect("text"))).collect())
}

/// `open`, a reason or `refused`; and the severity.
fn taken_for(event: &str, target_type: TargetType) -> (String, Option<String>) {
    let var = |name: &str| (name == "MAX_EVENT_AGE_SECONDS").then(|| "4000000000".to_owned());
    let settings = Settings::from_vars(&Vars(&var)).expect("valid settings");
    let now = DateTime::from_timestamp(1_795_465_000, 0).expect("a time");
    let wants = Wants { target_type, mutating: true, takes_findings: true, takes: Takes::default() };
    let arrival = Arrival { request_id: "r-1".to_owned(), dry_run: false, now, redriven: false };
    let Intake::One(work) = settings.read(event, wants, &arrival) else { panic!("no batch") };
    let severity = work.info.severity.map(|severity| format!("{severity:?}").to_lowercase());
    let taken = match work.todo {
        Ok(Todo::Run(_)) => "open".to_owned(),
        Ok(Todo::Answer(outcome)) => outcome.ignored.expect("a reason").name().to_owned(),
        // An open finding that names nobody, or several.
        Err(error) if error.message.contains("finding names no") || error.message.contains(" targets (") => {
            "open".to_owned()
        }
        Err(error) => {
            assert_eq!(error.error_type.name(), "InvalidInput", "{error}");
            "refused".to_owned()
        }
    };
    (taken, severity)
}

/// As EventBridge delivers it, where it is not wrapped already.
fn delivered(sample: &str) -> String {
    let body: Value = serde_json::from_str(sample).expect("JSON");
    if body.get("detail-type").is_some() {
        return sample.to_owned();
    }
    let security_hub = body.get("ProductArn").is_some();
    let detail = if security_hub { serde_json::json!({"findings": [body]}) } else { body };
    serde_json::json!({"detail-type": "Finding", "source": "company.findings", "time": "2026-11-23T20:15:00Z", "detail": detail})
        .to_string()
}

#[test]
fn each_real_finding_is_taken_for_what_it_is() {
    let Some(samples) = samples() else {
        eprintln!("NOT CHECKED against real findings: no ../shared/findings beside the checkout");
        return;
    };
    let mut found = BTreeMap::new();
    for (number, sample) in &samples {
        let event = delivered(sample);
        let taken = taken_for(&event, TargetType::User);
        // Whom it is about makes no difference to whether it is open.
        assert_eq!(taken.0, taken_for(&event, TargetType::Host).0, "{number}");
        found.insert(number.as_str(), taken);
    }
    let expected =
        EXPECTED.iter().map(|(number, taken, severity)| (*number, ((*taken).to_owned(), severity.map(str::to_owned))));
    assert_eq!(found, expected.collect::<BTreeMap<_, _>>());
}
