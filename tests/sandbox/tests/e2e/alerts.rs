//! Alerts as pipelines deliver them: who they are about, how old they are, who caused them.

use std::{collections::BTreeSet, fs, path::PathBuf};

use sandbox::{
    binaries,
    lambda::Function,
    playbooks,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::{Value, json};

use crate::{ANY_AGE, codes, error_type, run, sample, samples};

/// Whose names of the samples count besides.
const TRUST: [(&str, &str); 2] = [("TRUSTED_DOMAINS", "corp"), ("TRUSTED_ACCOUNTS", "123456789012")];

/// Each sample says in `_expect` what comes of it: playbook, target, where it stood, what sent it, the finding's id.
/// SQS is in `batches`.
#[tokio::test]
async fn each_format_names_its_target_and_where_it_stood() {
    let mut checked = 0;
    for (name, mut event) in samples() {
        let expected = event.as_object_mut().and_then(|event| event.remove("_expect")).unwrap_or_default();
        for expected in expected.as_array().into_iter().flatten() {
            let rehearsal = Rehearsal::start().await;
            let playbook = expected["playbook"].as_str().expect("a playbook");
            let outcome = run(&rehearsal, playbook, event.clone(), &[ANY_AGE, TRUST[0], TRUST[1]])
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            for field in ["name", "source"] {
                let given = if field == "name" { "target" } else { field };
                assert_eq!(outcome["target"][field], expected[given], "{name}");
            }
            assert!(outcome["target"]["id"].is_string(), "{name}");
            let request = &outcome["request"];
            assert_eq!(request["event_source"], expected["event_source"], "{name}");
            let time = request["event_time"].as_str().expect("a time");
            assert!(request["event_id"].is_string() && time.starts_with("2026-11-23T20:1"), "{name}: {request}");
            match expected.get("finding_id") {
                Some(id) => {
                    assert_eq!(request["correlation"], json!({"finding_id": id}), "{name}");
                    assert!(!request["reason"].as_str().expect("a title").is_empty(), "{name}");
                }
                None => assert_eq!(
                    (&request["correlation"], &request["reason"]),
                    (&json!({"ticket": "INC-7"}), &json!("Impossible travel"))
                ),
            }
            checked += 1;
        }
    }
    assert!(checked >= 20, "{checked}");
}

#[tokio::test]
async fn the_samples_that_name_nobody_or_several_are_refused() {
    let rehearsal = Rehearsal::start().await;
    for (name, playbook) in [
        ("cloudwatch-alarm", "disable-user"),
        ("cloudwatch-alarm", "enrich-host"),
        ("guardduty-role", "disable-user"),
        ("guardduty-host", "disable-user"),
        ("jumpcloud-alert-host", "disable-user"),
        ("securityhub-ocsf-host", "disable-user"),
        ("securityhub-asff-two-findings", "disable-user"),
        ("sns-plain", "shutdown-host"),
    ] {
        assert_eq!(error_type(run(&rehearsal, playbook, sample(name), &[ANY_AGE]).await), "InvalidInput", "{name}");
    }
    // A question about several is answered with their names.
    let outcome = run(&rehearsal, "enrich-user", sample("securityhub-asff-two-findings"), &[ANY_AGE]).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["candidates"][1]["name"]), (&json!("ambiguous"), &json!("adunn")));
    assert!(rehearsal.tenant.requests().is_empty());
    // One finding has one target.
    let error = run(&rehearsal, "disable-user", sample("securityhub-asff-two-users"), &[ANY_AGE]).await;
    assert_eq!(error_type(error), "AmbiguousUser");
    let outcome = run(&rehearsal, "enrich-user", sample("securityhub-asff-two-users"), &[ANY_AGE]).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["candidates"][1]["name"]), (&json!("ambiguous"), &json!("adunn")));
    assert_eq!(rehearsal.tenant.calls(), ["POST /search/systemusers"; 2]);
}

#[tokio::test]
async fn a_direct_event_has_no_age_and_no_source() {
    let rehearsal = Rehearsal::start().await;
    for (name, playbook) in [("direct-user", "disable-user"), ("direct-host", "shutdown-host")] {
        let outcome = run(&rehearsal, playbook, sample(name), &[("MAX_EVENT_AGE_SECONDS", "0")]).await.unwrap();
        assert_eq!((&outcome["request"]["event_source"], outcome["target"].get("source")), (&json!("direct"), None));
        assert!(outcome["request"].get("event_time").is_none());
    }
}

#[tokio::test]
async fn an_old_alert_is_refused_by_whatever_could_change_something() {
    let rehearsal = Rehearsal::start().await;
    let now = chrono::Utc::now();
    let hours_ago = |hours| (now - chrono::TimeDelta::hours(hours)).to_rfc3339();
    for (name, playbook) in [
        ("eventbridge-plain", "disable-user"),
        ("guardduty-host", "shutdown-host"),
        ("sns-plain", "reset-password"),
        ("jumpcloud-alert-user", "disable-user"),
    ] {
        let error = run(&rehearsal, playbook, sample(name), &[("MAX_EVENT_AGE_SECONDS", "1")]).await.unwrap_err();
        assert_eq!(error["errorType"], "StaleEvent", "{name}");
        assert!(error["errorMessage"].as_str().unwrap().contains("redrive queue"));
    }
    assert!(rehearsal.tenant.requests().is_empty());
    assert_eq!(
        run(&rehearsal, "enrich-user", sample("eventbridge-plain"), &[("MAX_EVENT_AGE_SECONDS", "1")]).await.unwrap()["status"],
        "succeeded"
    );

    // An hour by default, counted from the earliest time in any envelope.
    let mut event = sample("eventbridge-plain");
    event["time"] = json!(hours_ago(2));
    assert_eq!(error_type(run(&rehearsal, "disable-user", event.clone(), &[]).await), "StaleEvent");
    // Nothing in an alert makes it younger.
    event["detail"]["accept_stale"] = json!(true);
    assert_eq!(error_type(run(&rehearsal, "disable-user", event.clone(), &[]).await), "InvalidInput");
    event["detail"].as_object_mut().unwrap().remove("accept_stale");
    event["time"] = json!(hours_ago(0));
    assert_eq!(run(&rehearsal, "disable-user", event.clone(), &[]).await.unwrap()["status"], "succeeded");
    // No time at all may be any age.
    event.as_object_mut().unwrap().remove("time");
    assert_eq!(error_type(run(&rehearsal, "disable-user", event, &[]).await), "StaleEvent");
    // A fresh envelope around an old finding: a replay.
    let mut event = sample("guardduty-user");
    event["time"] = json!(hours_ago(0));
    event["detail"]["updatedAt"] = json!(hours_ago(48));
    assert_eq!(error_type(run(&rehearsal, "disable-user", event, &[]).await), "StaleEvent");
}

#[tokio::test]
async fn target_paths_replace_the_lists() {
    let rehearsal = Rehearsal::start().await;
    let event = |detail: Value| {
        let mut event = sample("eventbridge-plain");
        event["detail"] = detail;
        event
    };
    let own = json!({"severity": 3, "who": {"login": "CORP\\jsmith"}, "others": [{"login": "jsmith"}]});
    for paths in ["/who/login", "$.who.login", "$.others[*].login,/who/login", "/missing, $..login"] {
        let changes = [("TARGET_PATHS", paths), TRUST[0]];
        let outcome = run(&rehearsal, "enrich-user", event(own.clone()), &changes).await.unwrap();
        assert_eq!(outcome["target"]["name"], "jsmith", "{paths}");
        assert!(outcome["target"]["source"].as_str().unwrap().starts_with("/detail/"), "{paths}");
    }
    let outcome = run(&rehearsal, "enrich-user", event(own.clone()), &[("TARGET_PATHS", "/missing")]).await.unwrap();
    assert_eq!(outcome["status"], "not_found");
    assert_eq!(
        error_type(run(&rehearsal, "enrich-user", event(own.clone()), &[("TARGET_PATHS", "who")]).await),
        "Internal"
    );
    let paths = [ANY_AGE, ("TARGET_PATHS", "/who/login"), ("ACT_ON_LOGS", "true")];
    assert_eq!(error_type(run(&rehearsal, "disable-user", event(own), &paths).await), "Unsupported");
    // An AWS principal at the end of a path.
    let session = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b2c/jsmith";
    let cloudtrail = json!({"eventName": "DeleteTrail", "userIdentity": {"type": "AssumedRole", "arn": session, "principalId": "AROACKCEVSQ6C2EXAMPLE:jsmith",
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "AWSReservedSSO_Admin_0a1b2c"}}}});
    for paths in ["/userIdentity", "/userIdentity/arn"] {
        let outcome =
            run(&rehearsal, "enrich-user", event(cloudtrail.clone()), &[("TARGET_PATHS", paths)]).await.unwrap();
        assert_eq!(outcome["target"]["name"], "jsmith", "{paths}");
    }
    // Of a known format too.
    let outcome = run(
        &rehearsal,
        "enrich-user",
        sample("guardduty-role"),
        &[("TARGET_PATHS", "/resource/accessKeyDetails/userName")],
    )
    .await
    .unwrap();
    assert_eq!(outcome["target"]["name"], "jsmith");
    // What is written for us stays strict, and a dry run is never overlooked.
    let paths = [ANY_AGE, ("TARGET_PATHS", "/username"), ("ACT_ON_LOGS", "true")];
    let outcome =
        run(&rehearsal, "disable-user", event(json!({"username": "jsmith", "dry_run": true})), &paths).await.unwrap();
    assert_eq!(outcome["status"], "dry_run");
    let outcome =
        run(&rehearsal, "disable-user", event(json!({"username": "jsmith", "severity": 3, "dryRun": true})), &paths)
            .await
            .unwrap();
    assert_eq!(outcome["status"], "dry_run");
    let outcome =
        run(&rehearsal, "disable-user", event(json!({"username": "jsmith", "dryrun": true})), &paths).await.unwrap();
    assert_eq!(outcome["status"], "dry_run");
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn options_and_strictness_of_a_plain_detail_are_those_of_a_direct_event() {
    let rehearsal = Rehearsal::start().await;
    let mut event = sample("eventbridge-plain");
    event["detail"]["dry_run"] = json!(true);
    let outcome = run(&rehearsal, "disable-user", event.clone(), &[ANY_AGE]).await.unwrap();
    assert_eq!((&outcome["status"], codes(&outcome).len()), (&json!("dry_run"), 3));
    event["detail"]["dryrun"] = json!(true);
    assert_eq!(error_type(run(&rehearsal, "disable-user", event, &[ANY_AGE]).await), "InvalidInput");
    // A finding to which a pipeline has added it is no order to act.
    let mut event = sample("guardduty-user");
    event["detail"]["dry_run"] = json!(true);
    event["detail"]["correlation"] = json!({"execution": "arn:x"});
    let outcome = run(&rehearsal, "disable-user", event.clone(), &[ANY_AGE]).await.unwrap();
    assert_eq!(outcome["status"], "dry_run");
    assert_eq!(outcome["request"]["correlation"], json!({"execution": "arn:x", "finding_id": event["detail"]["id"]}));
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn variables_that_make_no_sense_stop_the_function() {
    let rehearsal = Rehearsal::start().await;
    for variable in [("MAX_EVENT_AGE_SECONDS", "1h"), ("MAX_EVENT_AGE_SECONDS", "-1")] {
        assert_eq!(error_type(run(&rehearsal, "disable-user", sample("direct-user"), &[variable]).await), "Internal");
    }
    for variable in [("MAX_TARGETS_PER_ALERT", "0"), ("TRUSTED_ACCOUNTS", "all"), ("REQUIRE_BINDING", "maybe")] {
        assert_eq!(error_type(run(&rehearsal, "disable-user", sample("direct-user"), &[variable]).await), "Internal");
    }
    for value in ["0", "101", "many"] {
        assert_eq!(
            error_type(run(&rehearsal, "disable-user", sample("sqs-plain"), &[("BATCH_CONCURRENCY", value)]).await),
            "Internal"
        );
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

/// The events that AWS's own types are tested with, none of which is for us.
fn foreign_events() -> Vec<(String, Value)> {
    let folder = binaries::library_source("disable-user", "aws_lambda_events");
    let files = fs::read_dir(folder.join("src").join("fixtures")).expect("the fixtures");
    let files = files.map(|entry| entry.expect("a file").path());
    let read = |path: PathBuf| Some((path.display().to_string(), serde_json::from_slice(&fs::read(path).ok()?).ok()?));
    files.filter_map(read).collect()
}

#[tokio::test]
async fn foreign_events_end_in_a_typed_refusal_and_without_a_call() {
    let rehearsal = Rehearsal::start().await;
    let events = foreign_events();
    assert!(events.len() >= 165, "{}", events.len());
    let mut types = BTreeSet::new();
    for playbook in playbooks::functions() {
        let function: Function = rehearsal.function(&playbook.name, &[]).await;
        for (path, event) in &events {
            match function.invoke(event.clone(), TIMEOUT).await {
                // The records of a batch that is not for us would be refused each time: SQS is not to send them again.
                Ok(answer) => assert_eq!(answer, json!({"batchItemFailures": []}), "{path}"),
                error => _ = types.insert(error_type(error)),
            }
        }
    }
    assert_eq!(types, BTreeSet::from(["InvalidInput".to_owned()]));
    assert!(rehearsal.tenant.requests().is_empty());
}
