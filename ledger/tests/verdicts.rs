//! Guard by playbook by verdict.

mod common;

use chrono::{TimeDelta, Utc};
use common::{Asked, ID, PLAYBOOKS, item, ledger};
use jumpcloud_playbooks::{guard::Sighting, outcome::Ruling};
use ledger::record::written;
use sandbox::dynamo::Dynamo;
use serde_json::{Value, json};

/// For Enable User, for the other playbooks of users, for Shutdown Host.
type Expected = [&'static str; 3];
const ADMITTED: Expected = ["admitted"; 3];

fn expected(playbook: &str, expected: Expected) -> &'static str {
    match playbook {
        "enable-user" => expected[0],
        "shutdown-host" => expected[2],
        _ => expected[1],
    }
}

fn switch(pk: &str, sk: &str, mode: &str) -> Value {
    item(pk, sk, &[("mode", json!(mode)), ("who", json!("anna")), ("why", json!("INC-9"))])
}

fn full(hour_targets: usize, day_targets: usize, more: &[(&str, Value)]) -> impl Fn(&str) -> Vec<Value> + use<> {
    let ids = |count: usize| json!((0..count).map(|number| format!("{number:024x}")).collect::<Vec<_>>());
    let mut attributes = vec![
        // Another clock's, which goes on: the sets do not begin anew while the test runs.
        ("hour", json!("9999-12-31T23")),
        ("day", json!("9999-12-31")),
        ("hour_targets", ids(hour_targets)),
        ("day_targets", ids(day_targets)),
    ];
    attributes.extend_from_slice(more);
    let attributes: Vec<(String, Value)> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    move |playbook| {
        let attributes: Vec<(&str, Value)> =
            attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        vec![item("default#switch", playbook, &attributes)]
    }
}

/// The change record of the target, begun `minutes` ago by an invocation of a minute.
fn record(status: &'static str, minutes: i64, more: &'static [(&str, i64)]) -> impl Fn(&str) -> Vec<Value> + use<> {
    move |playbook| {
        let kind = if playbook == "shutdown-host" { "host" } else { "user" };
        let at = Utc::now() - TimeDelta::minutes(minutes);
        let mut attributes = vec![
            ("playbook", json!(playbook)),
            ("attempt", json!("another")),
            ("status", json!(status)),
            ("by", json!("finding f-0")),
            ("at", json!(written(at))),
            ("deadline", json!((at + TimeDelta::minutes(1)).timestamp_millis())),
        ];
        attributes.extend(
            more.iter().map(|(name, minutes)| (*name, json!(written(Utc::now() - TimeDelta::minutes(*minutes))))),
        );
        vec![item("default#change", &format!("{kind}#{ID}"), &attributes)]
    }
}

#[tokio::test]
async fn each_guard_says_the_same_of_a_dry_run_and_of_the_run() {
    let online = Sighting { online: true, last_contact: None };
    let none = Sighting::default;
    let later =
        |minutes| Sighting { online: false, last_contact: Some(written(Utc::now() - TimeDelta::minutes(minutes))) };
    type Items = Box<dyn Fn(&str) -> Vec<Value>>;
    let fixed = |item: Value| -> Items { Box::new(move |_: &str| vec![item.clone()]) };
    let own = |mode: &'static str| -> Items {
        Box::new(move |playbook: &str| vec![switch("default#switch", playbook, mode)])
    };
    let latched: Items = Box::new(full(1, 1, &[("latched", json!("2026-11-24T12:00:00Z"))]));
    let again: Items = Box::new(full(1, 1, &[("latched", json!("2026-11-24T12:00:00Z"))]));
    let allowed = [("allow_targets", json!(60)), ("allow_until", json!(Utc::now().timestamp() + 60))];
    let over = [("allow_targets", json!(60)), ("allow_until", json!(Utc::now().timestamp() - 1))];
    const DIRECT: [bool; 2] = [true, false];
    const REPEAT: [bool; 2] = [true, true];
    const FINDING: [bool; 2] = [false, false];
    // What is there, how the host looks, whether it is a direct event and a repetition, what is expected.
    let cases: Vec<(&str, Items, Sighting, [bool; 2], Expected)> = vec![
        ("nothing", Box::new(|_| Vec::new()), none(), FINDING, ADMITTED),
        ("all on", fixed(switch("default#switch", "*", "on")), none(), FINDING, ADMITTED),
        (
            "all off",
            fixed(switch("default#switch", "*", "off")),
            none(),
            DIRECT,
            ["admitted", "SwitchedOff", "SwitchedOff"],
        ),
        (
            "all of all off",
            fixed(switch("*#switch", "*", "off")),
            none(),
            DIRECT,
            ["admitted", "SwitchedOff", "SwitchedOff"],
        ),
        ("another's off", fixed(switch("other#switch", "*", "off")), none(), FINDING, ADMITTED),
        (
            "all dry",
            fixed(switch("default#switch", "*", "dry-run")),
            none(),
            FINDING,
            ["admitted", "dry_run", "dry_run"],
        ),
        ("own off", own("off"), none(), DIRECT, ["SwitchedOff"; 3]),
        ("own dry", own("dry-run"), none(), FINDING, ["dry_run"; 3]),
        ("own unclear", own("On"), none(), FINDING, ["SwitchedOff"; 3]),
        ("nine of ten", Box::new(full(9, 9, &[])), none(), FINDING, ADMITTED),
        ("ten of ten", Box::new(full(10, 10, &[])), none(), DIRECT, ["admitted", "LimitReached", "LimitReached"]),
        ("forty of a day", Box::new(full(1, 40, &[])), none(), FINDING, ["admitted", "LimitReached", "LimitReached"]),
        ("allowed", Box::new(full(10, 40, &allowed)), none(), FINDING, ADMITTED),
        (
            "no longer allowed",
            Box::new(full(10, 40, &over)),
            none(),
            FINDING,
            ["admitted", "LimitReached", "LimitReached"],
        ),
        ("latched", latched, none(), FINDING, ["admitted", "LimitReached", "LimitReached"]),
        ("a person passes", again, none(), DIRECT, ADMITTED),
        ("begun now", Box::new(record("begun", 0, &[])), none(), REPEAT, ["admitted", "admitted", "InProgress"]),
        (
            "begun before",
            Box::new(record("begun", 3, &[])),
            none(),
            FINDING,
            ["admitted", "admitted", "OutcomeUnknown"],
        ),
        ("begun, repeated", Box::new(record("begun", 3, &[])), none(), REPEAT, ADMITTED),
        (
            "unknown",
            Box::new(record("unknown", 999, &[])),
            online.clone(),
            FINDING,
            ["admitted", "admitted", "OutcomeUnknown"],
        ),
        ("unknown, repeated", Box::new(record("unknown", 3, &[])), none(), REPEAT, ADMITTED),
        ("done", Box::new(record("done", 999, &[])), none(), FINDING, ["admitted", "admitted", "pending"]),
        ("done, repeated", Box::new(record("done", 3, &[])), none(), REPEAT, ADMITTED),
        (
            "done, first seen",
            Box::new(record("done", 99, &[])),
            online.clone(),
            FINDING,
            ["admitted", "admitted", "pending"],
        ),
        (
            "seen just now",
            Box::new(record("done", 99, &[("seen", 9)])),
            online.clone(),
            FINDING,
            ["admitted", "admitted", "pending"],
        ),
        ("seen again", Box::new(record("done", 99, &[("seen", 11)])), online, FINDING, ADMITTED),
        (
            "contact before",
            Box::new(record("done", 99, &[("seen", 90)])),
            later(100),
            FINDING,
            ["admitted", "admitted", "pending"],
        ),
        ("contact after", Box::new(record("done", 99, &[("seen", 90)])), later(50), FINDING, ADMITTED),
    ];
    let mut count = 0;
    for (name, items, sighting, [direct, repeat], verdicts) in &cases {
        for playbook in PLAYBOOKS {
            let dynamo = Dynamo::start().await;
            items(playbook).into_iter().for_each(|item| dynamo.put(item));
            let ledger = ledger(&dynamo, &[]);
            let asked =
                Asked { direct: *direct, repeat: *repeat, sighting: sighting.clone(), ..Asked::new(playbook, ID) };
            let judged = asked.judged(&ledger).await;
            let writes =
                |dynamo: &Dynamo| dynamo.operations().iter().filter(|operation| operation.contains("Write")).count();
            assert_eq!(writes(&dynamo), 0, "{name}: {playbook}: a dry run neither counts nor records");
            let verdict = asked.verdict(&ledger).await;
            assert_eq!(verdict, expected(playbook, *verdicts), "{name}: {playbook}");
            let passes = judged.iter().all(|judgement| judgement.verdict == Ruling::Pass);
            assert_eq!((passes, judged.len()), (verdict == "admitted", 3), "{name}: {playbook}: {judged:?}");
            count += 1;
        }
    }
    println!("verdicts: {count} cases");
}

#[tokio::test]
async fn a_dry_run_names_every_guard_that_would_refuse() {
    let dynamo = Dynamo::start().await;
    record("unknown", 3, &[])("shutdown-host").into_iter().for_each(|item| dynamo.put(item));
    full(10, 10, &[("mode", json!("off"))])("shutdown-host").into_iter().for_each(|item| dynamo.put(item));
    let judged = Asked::new("shutdown-host", ID).judged(&ledger(&dynamo, &[])).await;
    assert!(judged.iter().all(|judgement| judgement.verdict == Ruling::Refuse), "{judged:?}");
}
