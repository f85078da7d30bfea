//! What is too long or cannot be read: said in the documented words, in time, and within what callers can take.

use sandbox::{
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{COMPUTER123, JSMITH},
};
use serde_json::{Value, json};

use crate::runs;

#[tokio::test]
async fn bytes_that_no_parser_takes_are_invalid_input_with_an_audit_line() {
    let rehearsal = Rehearsal::start().await;
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels)).into_bytes();
    for event in [
        deep(128),
        deep(100_000),
        b"1e999".to_vec(),
        br#"{"username": "jsmith", "correlation": 1e999}"#.to_vec(),
        br#"{"username": "\ud800"}"#.to_vec(),
        br#"{"username": "hunter2-SECRET", "username": "x"}"#.to_vec(),
    ] {
        let (kind, answer, logs) = rehearsal.raw("disable-user", event).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((kind.as_str(), &answer["errorType"]), ("error", &json!("InvalidInput")), "{answer}");
        assert!(answer["errorMessage"].as_str().unwrap().contains("nothing was done"), "{answer}");
        let audits: Vec<Value> = logs
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["audit"].is_object())
            .collect();
        assert_eq!(audits.len(), 1, "{logs}");
        assert_eq!(audits[0]["audit"]["result"], "InvalidInput");
        assert_eq!(audits[0]["request_id"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
        assert!(!logs.contains("hunter2") && !logs.contains("lambda_runtime::deserializer"), "{logs}");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn an_outcome_stays_below_what_step_functions_takes() {
    let rehearsal = Rehearsal::start().await;
    for number in 0..900 {
        let id = format!("{number:024x}");
        let name = format!("fleet-{number}-{}", "x".repeat(100));
        rehearsal.tenant.add(
            "systems",
            json!({"_id": id, "hostname": name, "os": "Windows", "version": "11 Home", "active": false}),
        );
        rehearsal.tenant.bind(JSMITH, &id);
    }
    for playbook in ["enrich-user", "reset-password", "disable-user"] {
        let outcome = rehearsal.run(playbook, json!({"user_id": JSMITH})).await.unwrap();
        assert!(outcome.to_string().len() <= 200_000, "{playbook}: {} bytes", outcome.to_string().len());
        let (list, given) = match playbook {
            "enrich-user" => ("user.devices", &outcome["user"]["devices"]),
            _ => ("advisories", &outcome["advisories"]),
        };
        let cuts = outcome["truncated"].as_array().unwrap();
        let cut = cuts.iter().find(|cut| cut["list"] == list).unwrap();
        assert_eq!((&cut["list"], cut["shown"].as_u64()), (&json!(list), Some(given.as_array().unwrap().len() as u64)));
        assert!(cut["total"].as_u64().unwrap() >= 900, "{cut}");
        // The ways in follow from the facts; those that are no device stay.
        let ways = outcome["access"].as_array().map(Vec::as_slice).unwrap_or_default();
        let cut_ways = cuts.iter().find(|cut| cut["list"] == "access").map(|cut| cut["shown"].as_u64().unwrap());
        assert_eq!(cut_ways, (playbook != "reset-password").then_some(ways.len() as u64), "{cuts:?}");
        let others = ways.iter().filter(|way| way.get("host_id").is_none()).count();
        assert_eq!(others, if playbook == "reset-password" { 0 } else { 10 });
        assert!(outcome["markdown"].as_str().unwrap().contains(&format!("{list}: the first {} of", cut["shown"])));
    }
    let outcome = rehearsal.run("enrich-user", json!({"user_id": JSMITH})).await.unwrap();
    assert_eq!(outcome["advisories"][0]["code"], "DEVICES_INCOMPLETE");
}

#[tokio::test]
async fn one_long_text_is_cut() {
    let rehearsal = Rehearsal::start().await;
    let id = COMPUTER123;
    rehearsal.tenant.set("systems", id, json!({"hostname": "h".repeat(400_000), "description": "ä".repeat(400_000)}));
    for playbook in ["enrich-host", "shutdown-host"] {
        let outcome = rehearsal.run(playbook, json!({"host_id": id})).await.unwrap();
        assert!(outcome.to_string().len() < 20_000, "{playbook}: {} bytes", outcome.to_string().len());
        assert!(outcome["target"]["name"].as_str().unwrap().ends_with("hhh…"));
    }
}

#[tokio::test]
async fn a_correlation_that_is_too_long_is_refused_before_anything_is_done() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    let event = json!({"username": "jsmith", "correlation": {"ticket": "x".repeat(5000)}});
    let error = function.invoke(event, TIMEOUT).await.unwrap_err();
    assert_eq!(error["errorType"], "InvalidInput");
    assert!(
        error["errorMessage"].as_str().unwrap().contains("`correlation` has 5013 bytes, more than 4096"),
        "{error}"
    );
    let run = runs(&function, 1).await.remove(0);
    assert!(run.to_string().len() < 4096, "{run}");
    assert!(rehearsal.tenant.requests().is_empty());
    let event = json!({"username": "jsmith", "correlation": {"ticket": "x".repeat(4000)}});
    let outcome = function.invoke(event.clone(), TIMEOUT).await.unwrap();
    assert_eq!(outcome["request"]["correlation"], event["correlation"]);
}

#[tokio::test]
async fn a_finding_with_thousands_of_names_is_refused_before_they_are_looked_at() {
    let rehearsal = Rehearsal::start().await;
    let name = |number: usize| json!({"user": {"name": format!("u{number}")}});
    let now = chrono::Utc::now();
    let detail = json!({"class_uid": 2004, "metadata": {"uid": "f"}, "time": now.timestamp_millis(),
                        "evidences": (0..32_000).map(name).collect::<Vec<_>>()});
    let event = json!({"source": "x", "detail-type": "Finding", "id": "e", "time": now.to_rfc3339(), "detail": detail});
    for playbook in ["enrich-user", "disable-user"] {
        let (_, error, _) = rehearsal.raw(playbook, event.to_string().into_bytes()).await;
        let error: Value = serde_json::from_str(&error).unwrap();
        assert_eq!(error["errorType"], "InvalidInput");
        assert!(error["errorMessage"].as_str().unwrap().contains("a list with more than 500 entries"), "{error}");
    }
    assert!(rehearsal.tenant.requests().is_empty());
}
