//! What a person sets: event by answer, in a storm, and with answers that are lost.

mod common;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use common::{Asked, ID, item, ledger, stored};
use futures_util::future::join_all;
use jumpcloud_playbooks::{
    error::Error,
    guard::Guard,
    intake::{Arrival, Instruction},
    organizations::Organizations,
    outcome::Outcome,
    runtime,
};
use ledger::{Ledger, rails, record::written};
use sandbox::dynamo::{Dynamo, Trouble};
use serde_json::{Value, json};
use tokio::time::Instant;

/// What `ledger` answers within this time.
async fn set_within(ledger: &Ledger, event: &Value, time_left: Duration) -> Result<Outcome, Error> {
    set_in(&common::organizations(&[]), ledger, event, time_left).await
}

/// The same where the deployment serves these.
async fn set_in(
    organizations: &Organizations,
    ledger: &Ledger,
    event: &Value,
    time_left: Duration,
) -> Result<Outcome, Error> {
    let request_id = format!("r-{:08x}", fastrand::u32(..));
    let arrival = Arrival { request_id, dry_run: false, now: Utc::now(), redriven: false };
    let Instruction { info, fields } = Instruction::read(&event.to_string(), &arrival, Some(organizations));
    let asked = runtime::Asked { info: &info, fields: &fields?, deadline: Instant::now() + time_left };
    let answered = rails::answer(ledger, asked).await;
    assert_eq!(
        answered.asked.is_some(),
        answered.result.as_ref().err().is_none_or(|error| error.error_type.name() != "InvalidInput")
    );
    answered.result
}

async fn set(ledger: &Ledger, event: Value) -> Value {
    json!(set_within(ledger, &event, Duration::from_secs(20)).await.expect("an outcome"))
}

async fn refused(ledger: &Ledger, event: Value) -> Error {
    set_within(ledger, &event, Duration::from_secs(20)).await.expect_err("a refusal")
}

/// `on` and a reason.
fn switch(mode: &str, playbook: &str) -> Value {
    json!({"switch": mode, "playbook": playbook, "reason": "INC-9", "by": "anna"})
}

fn undo(outcome: &Value) -> Value {
    assert_eq!(outcome["undo"]["playbook"], "guard-rails");
    outcome["undo"]["event"].clone()
}

#[tokio::test]
async fn what_is_unclear_changes_nothing_and_is_told_what_is_allowed() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[]);
    for (event, says) in [
        (json!({}), "`show`, `switch`, `protect`, `unprotect`, `allow`, `forget`"),
        (json!({"reason": "x"}), "names no action"),
        (json!({"switch": null, "reason": "x"}), "names no action"),
        (json!({"swich": "off", "reason": "x"}), "`swich`"),
        (json!({"switch": "off", "reason": "x", "dryrun": true}), "`dryrun`"),
        (json!({"show": true, "switch": "off", "reason": "x"}), "more than one action"),
        (json!({"show": false}), "must be true"),
        (json!({"show": "yes"}), "true or false"),
        (json!({"show": true, "playbook": "disable-user"}), "`playbook`"),
        (json!({"switch": "OFF", "reason": "x"}), "`on`, `dry-run` or `off`"),
        (json!({"switch": true, "reason": "x"}), "must be text"),
        (json!({"switch": "off"}), "`reason` is missing"),
        (json!({"switch": "off", "reason": " "}), "`reason` is empty"),
        (json!({"switch": "off", "playbook": "enrich-user", "reason": "x"}), "`disable-user`"),
        (json!({"switch": "off", "all_organizations": "yes", "reason": "x"}), "true or false"),
        (json!({"switch": "off", "all_organizations": true, "allOrganizations": true, "reason": "x"}), "same field"),
        (json!({"protect": {"user": "ceo"}, "reason": "x"}), "`as`"),
        (json!({"protect": {"user": "ceo"}, "as": "sometimes", "reason": "x"}), "`never`"),
        (json!({"protect": {"user": "ceo"}, "as": "never"}), "`reason` is missing"),
        (json!({"protect": {"user": "ceo", "host": "x"}, "as": "never", "reason": "x"}), "exactly one of"),
        (json!({"protect": {"team": "x"}, "as": "never", "reason": "x"}), "`team`"),
        (json!({"protect": {}, "as": "never", "reason": "x"}), "exactly one of"),
        (json!({"protect": "ceo", "as": "never", "reason": "x"}), "must be an object"),
        (json!({"protect": {"group": "vips"}, "as": "never", "reason": "x"}), "24 hex digits"),
        (json!({"protect": {"user": "ceo\u{202e}"}, "as": "never", "reason": "x"}), "`user`"),
        (json!({"unprotect": {"user": "ceo"}, "as": "never", "reason": "x"}), "`as`"),
        (json!({"unprotect": {"user": "ceo"}}), "`reason` is missing"),
        (json!({"allow": {"playbook": "disable-user", "targets": 60}, "reason": "x"}), "`hours`"),
        (json!({"allow": {"playbook": "disable-user", "targets": 0, "hours": 1}, "reason": "x"}), "`targets` 0"),
        (json!({"allow": {"playbook": "disable-user", "targets": 1001, "hours": 1}, "reason": "x"}), "0 to 1000"),
        (json!({"allow": {"playbook": "disable-user", "targets": 6.5, "hours": 1}, "reason": "x"}), "whole number"),
        (json!({"allow": {"playbook": "disable-user", "targets": 6, "hours": 169}, "reason": "x"}), "1 to 168"),
        (
            json!({"allow": {"playbook": "enable-user", "targets": 6, "hours": 1}, "reason": "x"}),
            "`playbook` must be one",
        ),
        (json!({"allow": {"targets": 6, "hours": 1}, "reason": "x"}), "`playbook` must be one"),
        (json!({"forget": {"host": "x"}, "reason": "x"}), "`host`"),
        (json!({"forget": {"host_id": ID, "user_id": ID}, "reason": "x"}), "exactly one"),
        (json!({"forget": {"host_id": "x"}, "reason": "x"}), "24 hex digits"),
        (json!({"forget": {"host_id": ID}}), "`reason` is missing"),
    ] {
        let error = refused(&ledger, event.clone()).await;
        assert_eq!(error.error_type.name(), "InvalidInput", "{event}");
        assert!(error.message.contains(says), "{event}: {error}");
    }
    assert!(dynamo.operations().is_empty());
}

#[tokio::test]
async fn each_action_is_done_once_and_its_undo_takes_it_back() {
    let group = "60f1e2d3c4b5a69788796a01";
    for event in [
        switch("off", "disable-user"),
        switch("dry-run", "enable-user"),
        json!({"switch": "off", "reason": "INC-9"}),
        json!({"switch": "off", "allOrganizations": true, "reason": "INC-9"}),
        json!({"switch": "dry-run", "playbook": "shutdown-host", "all_organizations": true, "reason": "INC-9"}),
        json!({"protect": {"user": "CEO@company.com"}, "as": "never", "reason": "board"}),
        json!({"protect": {"host": "dc-01"}, "as": "ask", "reason": "board"}),
        json!({"protect": {"group": group}, "as": "ask", "reason": "board"}),
        json!({"allow": {"playbook": "disable-user", "targets": 60, "hours": 2}, "reason": "INC-9"}),
    ] {
        let dynamo = Dynamo::start().await;
        let ledger = ledger(&dynamo, &[]);
        let shown = async || set(&ledger, json!({"show": true})).await["rails"].clone();
        let before = shown().await;
        let mut dry = event.clone();
        dry["dry_run"] = json!(true);
        let dry = set(&ledger, dry).await;
        assert_eq!((&dry["status"], &dry["changed"]), (&json!("dry_run"), &json!(false)), "{event}");
        assert_eq!(shown().await, before, "{event}");
        let done = set(&ledger, event.clone()).await;
        assert_eq!((&done["status"], &done["changed"]), (&json!("succeeded"), &json!(true)), "{event}");
        assert!(done.get("target").is_none() && done["before"] == dry["before"], "{done}");
        let after = shown().await;
        assert_ne!(after, before, "{event}");
        if event.get("allow").is_none() {
            let again = set(&ledger, event.clone()).await;
            assert_eq!((&again["status"], &again["changed"]), (&json!("unchanged"), &json!(false)), "{event}");
            assert_eq!(shown().await, after);
        }
        let back = set(&ledger, undo(&done)).await;
        assert_eq!(back["status"], "succeeded", "{back}");
        // What is on because it was set so says by whom.
        let mut now = shown().await;
        if event.get("switch").is_some() {
            assert_eq!(now["switches"].as_array().unwrap().len(), 1);
            now["switches"] = json!([]);
        }
        assert_eq!(now, before, "{event}");
    }
}

#[tokio::test]
async fn who_and_why_are_kept() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[]);
    set(&ledger, switch("off", "disable-user")).await;
    let stored = stored(&dynamo, "default#switch", "disable-user");
    assert!(stored["who"]["S"].as_str().unwrap().starts_with("anna (request r-"), "{stored}");
    assert_eq!((&stored["mode"]["S"], &stored["why"]["S"]), (&json!("off"), &json!("INC-9")));
    let error = Asked::new("disable-user", ID).admit(&ledger).await.err().unwrap();
    assert!(error.message.contains("anna") && error.message.contains("INC-9"), "{error}");
    let outcome = set(&ledger, json!({"protect": {"user": "ceo"}, "as": "never", "reason": "board"})).await;
    assert!(outcome["after"]["who"].as_str().unwrap().starts_with("request r-"), "{outcome}");
}

#[tokio::test]
async fn an_off_for_all_leaves_enable_user_on_and_one_for_enable_user_leaves_the_others() {
    for (event, off) in [
        (json!({"switch": "off", "reason": "x"}), &["disable-user", "reset-password", "shutdown-host"][..]),
        (
            json!({"switch": "off", "all_organizations": true, "reason": "x"}),
            &["disable-user", "reset-password", "shutdown-host"],
        ),
        (switch("off", "enable-user"), &["enable-user"]),
        (switch("off", "reset-password"), &["reset-password"]),
    ] {
        let dynamo = Dynamo::start().await;
        let ledger = ledger(&dynamo, &[]);
        let outcome = set(&ledger, event.clone()).await;
        let said = outcome["summary"].as_str().unwrap().contains("Enable User goes on");
        assert_eq!(said, event.get("playbook").is_none(), "{outcome}");
        for playbook in common::PLAYBOOKS {
            let expected = if off.contains(&playbook) { "SwitchedOff" } else { "admitted" };
            assert_eq!(Asked::new(playbook, ID).verdict(&ledger).await, expected, "{event} {playbook}");
        }
        let shown = set(&ledger, json!({"show": true})).await;
        for playbook in shown["rails"]["playbooks"].as_array().unwrap() {
            let is_off = off.contains(&playbook["playbook"].as_str().unwrap());
            assert_eq!(playbook["switch"], if is_off { "off" } else { "on" }, "{event} {playbook}");
        }
    }
}

#[tokio::test]
async fn what_still_stops_a_playbook_is_said() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[("PROTECTED", "user:ceo")]);
    set(&ledger, json!({"switch": "off", "all_organizations": true, "reason": "x"})).await;
    let on = set(&ledger, switch("on", "disable-user")).await;
    assert!(
        on["summary"].as_str().unwrap().contains("All playbooks that take something away in all organizations is off"),
        "{on}"
    );
    set(&ledger, switch("off", "reset-password")).await;
    let on = set(&ledger, json!({"switch": "on", "all_organizations": true, "reason": "x"})).await;
    assert!(on["summary"].as_str().unwrap().contains("own switch of reset-password is off"), "{on}");
    let gone = set(&ledger, json!({"unprotect": {"user": "CEO"}, "reason": "x"})).await;
    assert_eq!(gone["status"], "unchanged");
    assert!(gone["summary"].as_str().unwrap().contains("the function's PROTECTED"), "{gone}");
}

/// A count that does not end while the test runs.
fn full(more: &[(&str, Value)]) -> Value {
    let full = json!(["a", "b"]);
    let attributes = [
        ("hour", json!("9999-12-31T23")),
        ("day", json!("9999-12-31")),
        ("hour_targets", full.clone()),
        ("day_targets", full),
    ];
    item("default#switch", "disable-user", &[&attributes, more].concat())
}

#[tokio::test]
async fn on_clears_the_latch_begins_a_new_count_and_is_not_undone_by_a_late_latch() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[("MAX_TARGETS_PER_HOUR", "2")]);
    dynamo.put(full(&[]));
    let finding = Asked::new("disable-user", ID);
    let late = finding.read(&ledger).await.unwrap();
    assert_eq!(finding.verdict(&ledger).await, "LimitReached");
    // The switch of all does not begin a new count, and says so.
    let all = set(&ledger, json!({"switch": "off", "reason": "x"})).await;
    assert!(all["summary"].as_str().unwrap().contains("until disable-user itself is switched on"), "{all}");
    set(&ledger, json!({"switch": "on", "reason": "x"})).await;
    assert_eq!(finding.verdict(&ledger).await, "LimitReached");
    let on = set(&ledger, switch("on", "disable-user")).await;
    assert_eq!((&on["status"], &on["undo"]), (&json!("succeeded"), &Value::Null));
    assert!(on["before"]["latched"].is_string() && on["before"]["targets_this_hour"] == 2, "{on}");
    let answer = finding.with(async |change| ledger.admit(&late, change).await).await;
    assert_eq!(common::word(&answer), "LimitReached");
    assert!(stored(&dynamo, "default#switch", "disable-user")["latched"].is_null());
    assert_eq!(finding.verdict(&ledger).await, "admitted");
    // An off keeps count and latch; its undo would not give them back.
    dynamo.put(full(&[("latched", json!("2026-11-24T12:00:00Z"))]));
    let off = set(&ledger, switch("off", "disable-user")).await;
    assert_eq!((&off["undo"], &off["before"]["latched"]), (&Value::Null, &json!("2026-11-24T12:00:00Z")));
    let kept = stored(&dynamo, "default#switch", "disable-user");
    assert!(kept["latched"]["S"].is_string() && kept["hour_targets"]["SS"].as_array().unwrap().len() == 2, "{kept}");
}

#[tokio::test]
async fn an_allowance_raises_the_limits_until_its_time() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[("MAX_TARGETS_PER_HOUR", "2"), ("MAX_TARGETS_PER_DAY", "2")]);
    dynamo.put(full(&[]));
    let person = Asked { direct: true, ..Asked::new("disable-user", ID) };
    assert_eq!(person.verdict(&ledger).await, "LimitReached");
    let event = json!({"allow": {"playbook": "disable-user", "targets": 3, "hours": 2}, "reason": "INC-9"});
    let done = set(&ledger, event.clone()).await;
    // A person passes the latch that the refusal left; that it holds for findings is said.
    assert!(done["summary"].as_str().unwrap().contains("refuses findings since"), "{done}");
    let until: DateTime<Utc> = done["after"]["until"].as_str().unwrap().parse().unwrap();
    assert!(until > Utc::now() + TimeDelta::minutes(119) && until <= Utc::now() + TimeDelta::hours(2));
    assert_eq!(person.verdict(&ledger).await, "admitted");
    assert_eq!(
        Asked { direct: true, ..Asked::new("disable-user", "633f3f295482343ff32add42") }.verdict(&ledger).await,
        "LimitReached"
    );
    let shown = set(&ledger, json!({"show": true})).await["rails"]["playbooks"][0].clone();
    assert_eq!((&shown["this_hour"], &shown["allowance"]["targets"]), (&json!({"targets": 3, "limit": 3}), &json!(3)));
    // One that replaces another is taken back to that, rounded down to whole hours.
    let more =
        set(&ledger, json!({"allow": {"playbook": "disable-user", "targets": 9, "hours": 9}, "reason": "x"})).await;
    assert_eq!(undo(&more)["allow"], json!({"playbook": "disable-user", "targets": 3, "hours": 1}));
    assert_eq!(set(&ledger, undo(&done)).await["status"], "succeeded");
    assert_eq!(set(&ledger, undo(&done)).await["status"], "unchanged");
    assert_eq!(
        Asked { direct: true, ..Asked::new("disable-user", "633f3f295482343ff32add42") }.verdict(&ledger).await,
        "LimitReached"
    );
    // Its time is over.
    dynamo.put(full(&[("allow_targets", json!(9)), ("allow_until", json!(Utc::now().timestamp() - 1))]));
    assert_eq!(
        Asked { direct: true, ..Asked::new("disable-user", "633f3f295482343ff32add42") }.verdict(&ledger).await,
        "LimitReached"
    );
    assert_eq!(set(&ledger, json!({"show": true})).await["rails"]["playbooks"][0]["allowance"], Value::Null);
}

/// A change record of a host, begun `minutes` ago by an invocation of a minute.
fn record(status: &str, minutes: i64) -> Value {
    let at = Utc::now() - TimeDelta::minutes(minutes);
    let attributes = [
        ("playbook", json!("shutdown-host")),
        ("name", json!("Computer123")),
        ("attempt", json!("another")),
        ("status", json!(status)),
        ("by", json!("finding f-0")),
        ("at", json!(written(at))),
        ("deadline", json!((at + TimeDelta::minutes(1)).timestamp_millis())),
    ];
    item("default#change", &format!("host#{ID}"), &attributes)
}

#[tokio::test]
async fn what_is_forgotten_is_sent_again_but_not_while_an_invocation_is_at_work() {
    let event = json!({"forget": {"hostId": ID.to_uppercase()}, "reason": "looked at it"});
    let damaged = item("default#change", &format!("host#{ID}"), &[("status", json!("sent"))]);
    for (there, before, state) in [
        (record("done", 5), "pending", Some("pending")),
        (record("begun", 5), "OutcomeUnknown", Some("unknown")),
        (record("unknown", 5), "OutcomeUnknown", Some("unknown")),
        (damaged, "GuardUnavailable", Some("damaged")),
        (record("begun", 0), "InProgress", Some("in_progress")),
    ] {
        let dynamo = Dynamo::start().await;
        let ledger = ledger(&dynamo, &[]);
        dynamo.put(there.clone());
        let asked = Asked::new("shutdown-host", ID);
        assert_eq!(asked.verdict(&ledger).await, before);
        let shown = set(&ledger, json!({"show": true})).await["rails"]["changes"][0].clone();
        assert_eq!((shown["state"].as_str(), &shown["id"]), (state, &json!(ID)), "{shown}");
        if before == "InProgress" {
            let error = refused(&ledger, event.clone()).await;
            assert_eq!(error.error_type.name(), "InProgress");
            assert!(error.message.contains("finding f-0"), "{error}");
            continue;
        }
        let done = set(&ledger, event.clone()).await;
        assert_eq!((&done["status"], &done["undo"], &done["after"]), (&json!("succeeded"), &Value::Null, &Value::Null));
        assert_eq!((&done["target"]["type"], &done["target"]["id"]), (&json!("host"), &json!(ID)));
        assert_eq!(done["before"]["status"], there["status"]["S"]);
        assert_eq!(set(&ledger, event.clone()).await["status"], "unchanged");
        assert_eq!(asked.verdict(&ledger).await, "admitted");
    }
    // What a user's state shows is not open.
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[]);
    let mut settled = record("done", 5);
    (settled["playbook"]["S"], settled["sk"]["S"]) = (json!("disable-user"), json!(format!("user#{ID}")));
    dynamo.put(settled);
    assert_eq!(set(&ledger, json!({"show": true})).await["rails"]["changes"], json!([]));
    assert_eq!(set(&ledger, json!({"forget": {"user_id": ID}, "reason": "x"})).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_off_arrives_in_a_storm_and_then_nothing_is_admitted() {
    let dynamo = Dynamo::start().await;
    dynamo.conflict_every(2);
    let limits = [("MAX_TARGETS_PER_HOUR", "1000"), ("MAX_TARGETS_PER_DAY", "1000")];
    let environments: Vec<_> = (0..50).map(|_| ledger(&dynamo, &limits)).collect();
    let landed = tokio::sync::OnceCell::new();
    let storm = environments.iter().enumerate().map(async |(number, environment)| {
        let (mut before, mut late) = (0, Vec::new());
        for target in 0..6 {
            let asked = Asked::new("disable-user", &format!("{:024x}", number * 6 + target));
            let after = landed.initialized();
            let verdict = asked.verdict(environment).await;
            if after {
                late.push(verdict);
            } else {
                before += usize::from(verdict == "admitted");
            }
        }
        (before, late)
    });
    let off = async {
        // In the middle of it.
        while dynamo.operations().len() < 150 {
            tokio::task::yield_now().await;
        }
        let outcome = set(&environments[0], switch("off", "disable-user")).await;
        landed.set(()).unwrap();
        outcome
    };
    let (outcome, storm) = tokio::join!(off, join_all(storm));
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("succeeded"), &json!(true)));
    let before: usize = storm.iter().map(|(before, _)| before).sum();
    let late: Vec<&String> = storm.iter().flat_map(|(_, late)| late).collect();
    assert!(before > 0 && !late.is_empty(), "{before} {}", late.len());
    assert!(late.iter().all(|verdict| *verdict == "SwitchedOff"), "{late:?}");
    // Exactly those that were admitted are counted: the setting left the count alone.
    let switch = stored(&dynamo, "default#switch", "disable-user");
    assert_eq!(switch["mode"]["S"], "off");
    assert!(switch["hour_targets"]["SS"].as_array().unwrap().len() >= before, "{switch}");
}

fn events() -> Vec<Value> {
    vec![
        switch("off", "disable-user"),
        json!({"switch": "on", "playbook": "disable-user", "reason": "x"}),
        json!({"protect": {"user": "ceo"}, "as": "ask", "reason": "x"}),
        json!({"unprotect": {"user": "vip"}, "reason": "x"}),
        json!({"allow": {"playbook": "disable-user", "targets": 60, "hours": 2}, "reason": "x"}),
        json!({"forget": {"host_id": ID}, "reason": "x"}),
    ]
}

async fn world(changes: &[(&'static str, &str)]) -> (Dynamo, Ledger) {
    let dynamo = Dynamo::start().await;
    dynamo.put(full(&[("mode", json!("dry-run")), ("epoch", json!(3))]));
    dynamo.put(item("default#protected", "user#vip", &[("as", json!("never"))]));
    dynamo.put(record("unknown", 5));
    let ledger = ledger(&dynamo, changes);
    (dynamo, ledger)
}

#[tokio::test]
async fn a_lost_or_late_answer_is_asked_for_again_and_counts_once() {
    let late = Trouble::Late(Duration::from_millis(2500)); // more than an attempt waits
    let troubles = ["ThrottlingException", "InternalServerError"].map(Trouble::Error);
    for trouble in [Trouble::CutBefore, Trouble::CutAfter, Trouble::Conflict, late].into_iter().chain(troubles) {
        let slow = matches!(trouble, Trouble::Late(_));
        for event in events().into_iter().step_by(if slow { 3 } else { 1 }) {
            let (dynamo, ledger) = world(&[]).await;
            dynamo.order(trouble.clone(), "TransactWriteItems", if slow { 1 } else { 2 });
            dynamo.order(Trouble::CutAfter, "BatchGetItem", 1);
            let outcome = set(&ledger, event.clone()).await;
            let deleted = event.get("unprotect").or(event.get("forget")).is_some();
            let made = slow || matches!(trouble, Trouble::CutAfter);
            // Who deleted it cannot be seen where it is gone.
            let expected = if deleted && made { ("unchanged", Value::Null) } else { ("succeeded", json!(true)) };
            assert_eq!(
                (outcome["status"].as_str().unwrap(), outcome["changed"].clone()),
                expected,
                "{trouble:?} {event}"
            );
            if event["switch"] == "on" {
                let epoch = &stored(&dynamo, "default#switch", "disable-user")["epoch"]["N"];
                assert_eq!(epoch, "4", "{trouble:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_failed_is_said_and_never_rounded_up() {
    let cases = [
        ("BatchGetItem", Trouble::CutBefore, "GuardUnavailable"),
        ("BatchGetItem", Trouble::Error("AccessDeniedException"), "GuardUnavailable"),
        ("TransactWriteItems", Trouble::Error("AccessDeniedException"), "GuardUnavailable"),
        ("TransactWriteItems", Trouble::Error("ThrottlingException"), "GuardUnavailable"),
        ("TransactWriteItems", Trouble::Conflict, "GuardUnavailable"),
        ("TransactWriteItems", Trouble::CutBefore, "OutcomeUnknown"),
        ("TransactWriteItems", Trouble::CutAfter, "OutcomeUnknown"),
    ];
    // All at once: each takes the time that it has.
    let events = events();
    let cases = cases.iter().flat_map(|case| events.iter().map(move |event| (case, event)));
    let cases = cases.map(async |((operation, trouble, expected), event)| {
        let (dynamo, ledger) = world(&[]).await;
        dynamo.order(trouble.clone(), operation, 999);
        let error = set_within(&ledger, event, Duration::from_secs(4)).await.expect_err("a failure");
        assert_eq!(error.error_type.name(), *expected, "{operation} {trouble:?} {event}: {error}");
        assert_eq!(error.message.contains("nothing was done"), *expected == "GuardUnavailable", "{error}");
    });
    join_all(cases).await;
    let (dynamo, ledger) = world(&[]).await;
    dynamo.drop_table();
    for event in events.iter().cloned().chain([json!({"show": true})]) {
        let error = refused(&ledger, event).await;
        assert_eq!(error.error_type.name(), "GuardUnavailable");
        assert!(error.message.contains("check GUARD_TABLE"), "{error}");
    }
    let (_dynamo, ledger) = world(&[("GUARD_TABLE", "none")]).await;
    for event in events.into_iter().chain([json!({"show": true})]) {
        assert_eq!(refused(&ledger, event).await.error_type.name(), "Unsupported");
    }
}

#[tokio::test]
async fn a_setting_of_somebody_else_meanwhile_is_seen() {
    let (dynamo, ledger) = world(&[]).await;
    // Both read, one writes first; the other reads what that one wrote and goes on from there.
    let events = [switch("off", "disable-user"), switch("on", "disable-user")];
    let outcomes = join_all(events.map(|event| set(&ledger, event))).await;
    assert!(outcomes.iter().all(|outcome| outcome["status"] == "succeeded"), "{outcomes:?}");
    let last = stored(&dynamo, "default#switch", "disable-user")["mode"]["S"].clone();
    let first = if last == "off" { "on" } else { "off" };
    let of = |mode: &str| outcomes.iter().find(|outcome| outcome["after"]["switch"] == mode).unwrap();
    assert_eq!(of(first)["before"]["switch"], "dry-run");
    assert_eq!(of(last.as_str().unwrap())["before"]["switch"], first);
}

#[tokio::test]
async fn everything_is_shown_damaged_entries_too() {
    let (dynamo, ledger) = world(&[("PROTECTED", "host:dc-01=ask"), ("JUMPCLOUD_SELF", "bot@company.com")]).await;
    dynamo.put(item("default#protected", "users#x", &[("as", json!("never"))]));
    let outcome = set(&ledger, json!({"show": true})).await;
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("succeeded"), &json!(false)));
    let rails = &outcome["rails"];
    let protected = rails["protected"].as_array().unwrap();
    let named = |name: &str| protected.iter().find(|entry| entry.to_string().contains(name)).unwrap();
    assert_eq!((&named("dc-01")["as"], &named("bot@company.com")["user"]), (&json!("ask"), &json!("bot@company.com")));
    assert_eq!((&named("vip")["source"], &named("users#x")["damaged"]), (&json!("the guard table"), &json!("users#x")));
    assert_eq!(rails["playbooks"][0]["switch"], "dry-run");
    assert_eq!(rails["playbooks"][3], json!({"playbook": "enable-user", "switch": "on"}));
    assert_eq!(rails["changes"][0]["by"], "finding f-0");
}

#[tokio::test]
async fn a_hold_that_nobody_released_after_its_time_is_shown() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[]);
    let until = |minutes| (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let hold = |id: &str, until: Option<String>| json!({"id": id, "by": id, "reason": null, "from": "2026-01-01T00:00:00Z", "until": until});
    let holds = json!([hold("over", Some(until(16))), hold("just over", Some(until(14))), hold("for good", None)]);
    let mut held = record("done", 5);
    (held["sk"]["S"], held["holds"]["S"]) = (json!(format!("user#{ID}")), json!(holds.to_string()));
    dynamo.put(held);
    let shown = set(&ledger, json!({"show": true})).await;
    // Those whose time is not over, each with the user that it holds.
    let holds = shown["rails"]["holds"].as_array().unwrap();
    assert_eq!(holds.iter().map(|hold| &hold["hold"]["id"]).collect::<Vec<_>>(), ["for good"]);
    assert_eq!((&holds[0]["id"], holds[0]["name"].is_string()), (&json!(ID), true));
    let [overdue] = &shown["rails"]["overdue_holds"].as_array().unwrap()[..] else { panic!("one in {shown}") };
    assert_eq!((&overdue["type"], &overdue["id"]), (&json!("user"), &json!(ID)));
    assert_eq!(overdue["hold"]["id"], "over");
    assert!(shown["summary"].as_str().unwrap().ends_with("holds that are overdue: 1."), "{shown}");
}
