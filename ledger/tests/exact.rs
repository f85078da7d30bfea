//! The count, the latch and the mark, under concurrency and with answers that are lost.

mod common;

use std::time::Duration;

use common::{Asked, ID, item, ledger, stored, word};
use futures_util::future::join_all;
use jumpcloud_playbooks::guard::{Admission, Guard, Settled};
use sandbox::dynamo::{Dynamo, Trouble};
use serde_json::{Value, json};

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:024x}")).collect()
}

/// An item whose hour and day do not end while the test runs: another clock's, which goes on.
fn endless(more: &[(&str, Value)]) -> Value {
    let attributes = [&[("hour", json!("9999-12-31T23")), ("day", json!("9999-12-31"))], more].concat();
    item("default#switch", "disable-user", &attributes)
}

fn count(switch: &Value, set: &str) -> usize {
    switch[set]["SS"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_one_more_than_the_limit_and_then_findings_are_refused() {
    let dynamo = Dynamo::start().await;
    dynamo.conflict_every(3);
    dynamo.put(endless(&[]));
    let environments: Vec<_> = (0..50).map(|_| ledger(&dynamo, &[("MAX_TARGETS_PER_HOUR", "7")])).collect();
    // Two deliveries of each of a hundred targets.
    let ids = [ids(100), ids(100)].concat();
    let asked: Vec<Asked> = ids.iter().map(|id| Asked::new("disable-user", id)).collect();
    let runs = asked.iter().enumerate().map(|(number, asked)| asked.verdict(&environments[number % 50]));
    let verdicts = join_all(runs).await;
    let admitted: std::collections::HashSet<&String> =
        verdicts.iter().zip(&ids).filter(|(verdict, _)| *verdict == "admitted").map(|(_, id)| id).collect();
    assert_eq!(admitted.len(), 7, "{verdicts:?}");
    assert!(verdicts.iter().all(|verdict| verdict == "admitted" || verdict == "LimitReached"), "{verdicts:?}");
    let switch = stored(&dynamo, "default#switch", "disable-user");
    assert_eq!((count(&switch, "hour_targets"), count(&switch, "day_targets")), (7, 7));
    assert!(switch["latched"]["S"].is_string(), "{switch}");
    // The latch holds for findings although the next hour would have room; a person passes it.
    let mut next_hour = switch.clone();
    next_hour["hour"]["S"] = json!("2026-01-01T00");
    dynamo.put(next_hour);
    let finding = Asked::new("disable-user", ID);
    assert_eq!(finding.verdict(&environments[0]).await, "LimitReached");
    let person = Asked { direct: true, ..finding.clone() };
    assert_eq!(person.verdict(&environments[0]).await, "admitted");
    // Enable User lets all of them back in.
    for id in &ids[..20] {
        assert_eq!(Asked::new("enable-user", id).verdict(&environments[1]).await, "admitted");
    }
}

#[tokio::test]
async fn a_persons_on_is_not_undone_by_a_late_latch() {
    for epoch in [None, Some(4)] {
        let dynamo = Dynamo::start().await;
        let ledger = ledger(&dynamo, &[("MAX_TARGETS_PER_HOUR", "1")]);
        let on = |epoch: i64| endless(&[("mode", json!("on")), ("epoch", json!(epoch))]);
        dynamo.put(epoch.map_or_else(|| endless(&[]), on));
        assert_eq!(Asked::new("disable-user", &ids(1)[0]).verdict(&ledger).await, "admitted");
        let late = Asked::new("disable-user", ID);
        let known = late.read(&ledger).await.unwrap();
        dynamo.put(on(epoch.unwrap_or_default() + 1));
        let answer = late.with(async |change| ledger.admit(&known, change).await).await;
        assert_eq!(word(&answer), "LimitReached");
        let switch = stored(&dynamo, "default#switch", "disable-user");
        assert!(switch["latched"].is_null(), "{switch}");
        assert_eq!(late.verdict(&ledger).await, "admitted");
    }
}

#[tokio::test]
async fn what_was_not_sent_leaves_no_trace_but_that_of_an_earlier_change() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[]);
    dynamo.put(endless(&[]));
    let asked = Asked::new("disable-user", ID);
    let sk = format!("user#{ID}");
    let run = async |result| {
        let Ok(Admission::Admitted(ticket)) = asked.admit(&ledger).await else { panic!("not admitted") };
        ledger.settle(ticket, result, Duration::from_secs(5)).await;
        let switch = stored(&dynamo, "default#switch", "disable-user");
        (stored(&dynamo, "default#change", &sk), count(&switch, "hour_targets"), count(&switch, "day_targets"))
    };
    assert_eq!(run(Settled::NotSent).await, (Value::Null, 0, 0));
    let (done, hour, day) = run(Settled::Done).await;
    assert_eq!((&done["status"]["S"], hour, day), (&json!("done"), 1, 1));
    assert!(done["expires"]["N"].is_string());
    // Another attempt that sends nothing gives the record back, and the target stays counted.
    assert_eq!(run(Settled::NotSent).await, (done, 1, 1));
    // In another hour only the day has it already.
    let mut earlier = stored(&dynamo, "default#switch", "disable-user");
    earlier["hour"]["S"] = json!("2026-01-01T00");
    dynamo.put(earlier);
    let (_, hour, day) = run(Settled::NotSent).await;
    assert_eq!((hour, day), (0, 1));
}

#[tokio::test]
async fn a_lost_or_late_answer_does_not_lock_the_target_and_counts_once() {
    let late = Trouble::Late(Duration::from_millis(2500)); // more than an attempt waits
    let denied = Trouble::Error("ThrottlingException");
    let fault = Trouble::Error("InternalServerError");
    for trouble in [Trouble::CutBefore, Trouble::CutAfter, Trouble::Conflict, late, denied, fault] {
        for operation in ["BatchGetItem", "Query", "TransactWriteItems"] {
            if matches!(trouble, Trouble::Conflict) && operation != "TransactWriteItems" {
                continue;
            }
            let dynamo = Dynamo::start().await;
            let ledger = ledger(&dynamo, &[]);
            dynamo.order(trouble.clone(), operation, 2);
            let asked = Asked::new("shutdown-host", ID);
            let Ok(Admission::Admitted(ticket)) = asked.admit(&ledger).await else { panic!("{trouble:?} {operation}") };
            let switch = stored(&dynamo, "default#switch", "shutdown-host");
            assert_eq!(count(&switch, "hour_targets"), 1, "{trouble:?} {operation}");
            // The mark is ours: it can be taken back.
            ledger.settle(ticket, Settled::NotSent, Duration::from_secs(5)).await;
            assert!(dynamo.items("default#change").is_empty(), "{trouble:?} {operation}");
            assert_eq!(count(&stored(&dynamo, "default#switch", "shutdown-host"), "hour_targets"), 0);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_judged_is_refused() {
    let asked = Asked { time_left: Duration::from_millis(900), ..Asked::new("disable-user", ID) };
    for operation in ["BatchGetItem", "Query", "TransactWriteItems"] {
        for (trouble, word) in [
            (Trouble::Error("AccessDeniedException"), "the function's role"),
            (Trouble::Error("ResourceNotFoundException"), "check GUARD_TABLE"),
            (Trouble::Error("ValidationException"), "`pk`"),
            (Trouble::Error("SomethingNewException"), "SomethingNewException"),
            (Trouble::CutBefore, "did not answer in time"),
            (Trouble::Error("ThrottlingException"), "did not answer in time"),
        ] {
            let dynamo = Dynamo::start().await;
            let ledger = ledger(&dynamo, &[]);
            dynamo.order(trouble, operation, 999);
            let error = asked.admit(&ledger).await.err().expect("a refusal");
            assert_eq!(error.error_type.name(), "GuardUnavailable");
            assert!(error.message.contains(word) && error.message.contains("nothing was done"), "{error}");
        }
    }
    // Taken away under a running function.
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[]);
    let known = asked.read(&ledger).await.unwrap();
    dynamo.drop_table();
    assert_eq!(word(&asked.with(async |change| ledger.admit(&known, change).await).await), "GuardUnavailable");
    // A list that is not whole, a record that says nothing.
    for damaged in [
        item("default#protected", "user#ceo@company.com", &[("as", json!("sometimes"))]),
        item("default#protected", "users#ceo@company.com", &[("as", json!("never"))]),
        item("default#change", &format!("user#{ID}"), &[("status", json!("begun"))]),
    ] {
        let dynamo = Dynamo::start().await;
        dynamo.put(damaged);
        assert_eq!(asked.verdict(&common::ledger(&dynamo, &[])).await, "GuardUnavailable");
    }
}
