//! Whether an alert is acted on at all: only an open finding, only in time, and never where a dry run is asked for.

use sandbox::{
    events::record,
    rehearsal::{Rehearsal, TIMEOUT},
    seed::OTHER_ADMIN,
};
use serde_json::{Value, json};

use crate::{ANY_AGE, error_type, run, runs, sample};

/// The domain of the samples' users.
const CORP: (&str, &str) = ("TRUSTED_DOMAINS", "corp");

/// The sample with `value` at `pointer`, which may be new in its object.
fn changed(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = sample(name);
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    event.pointer_mut(parent).expect("the parent")[field] = value;
    event
}

/// The sample inside SNS, its message changed.
fn changed_message(name: &str, field: &str, value: Value) -> Value {
    let mut event = sample(name);
    let message = &mut event["Records"][0]["Sns"]["Message"];
    let mut finding: Value = serde_json::from_str(message.as_str().expect("text")).expect("JSON");
    finding[field] = value;
    *message = json!(finding.to_string());
    event
}

#[tokio::test]
async fn what_is_no_open_finding_is_ignored_with_its_reason_and_without_a_call() {
    let rehearsal = Rehearsal::start().await;
    let asff = |pointer: &str, value| changed("securityhub-asff-user", &format!("/detail/findings/0{pointer}"), value);
    let ocsf = |pointer: &str, value| changed("securityhub-ocsf-user", &format!("/detail/findings/0{pointer}"), value);
    let guardduty = |pointer: &str, value| changed("guardduty-user", &format!("/detail{pointer}"), value);
    for (event, reason) in [
        (asff("/Workflow/Status", json!("SUPPRESSED")), "suppressed"),
        (asff("/Workflow/Status", json!("RESOLVED")), "resolved"),
        (asff("/Workflow/Status", json!("NOTIFIED")), "handled"),
        (asff("/Workflow", json!(null)), "state_unknown"),
        (asff("/RecordState", json!("ARCHIVED")), "archived"),
        (asff("/Compliance", json!({"Status": "FAILED"})), "compliance"),
        (asff("/VerificationState", json!("BENIGN_POSITIVE")), "benign"),
        (asff("/Title", json!("[SAMPLE] Unusual console login")), "sample"),
        (ocsf("/class_uid", json!(3002)), "log_line"),
        (ocsf("/class_uid", json!(2003)), "compliance"),
        (ocsf("/class_uid", json!(2002)), "other_finding"),
        (ocsf("/status_id", json!(3)), "suppressed"),
        (ocsf("/activity_id", json!(3)), "resolved"),
        (guardduty("/service/archived", json!(true)), "archived"),
        (guardduty("/service/additionalInfo", json!({"sample": true})), "sample"),
        (guardduty("/title", json!("[SAMPLE] Unusual console login was observed.")), "sample"),
        (
            changed("crowdstrike-stream", "/detail/metadata/eventType", json!("RemoteResponseSessionStartEvent")),
            "log_line",
        ),
        (changed("crowdstrike-stream", "/detail/metadata/eventType", json!("UserActivityAuditEvent")), "log_line"),
        (changed_message("crowdstrike-alert", "status", json!("closed")), "resolved"),
        (changed_message("crowdstrike-alert", "status", json!(null)), "state_unknown"),
        (changed_message("ecs-dotted", "kibana.alert.workflow_status", json!("closed")), "resolved"),
        (changed_message("ecs-dotted", "kibana.alert.workflow_status", json!("acknowledged")), "handled"),
        (changed_message("ecs-dotted", "kibana.alert.workflow_status", json!(null)), "log_line"),
        (sample("jumpcloud-user"), "log_line"),
        (sample("jumpcloud-webhook"), "log_line"),
        (changed("jumpcloud-alert-user", "/detail/data/status", json!("Resolved")), "resolved"),
    ] {
        let outcome = run(&rehearsal, "disable-user", event.clone(), &[ANY_AGE, CORP]).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{reason}: {error} for {event}"));
        assert_eq!(
            (&outcome["status"], &outcome["ignored"], &outcome["changed"], &outcome["api_calls"]),
            (&json!("ignored"), &json!(reason), &json!(false), &json!(0)),
            "{event}"
        );
        // A question is answered all the same.
        let answer = run(&rehearsal, "enrich-user", event.clone(), &[CORP]).await.unwrap();
        assert_eq!((&answer["status"], &answer["target"]["name"]), (&json!("succeeded"), &json!("jsmith")), "{event}");
    }
    assert!(rehearsal.tenant.writes().is_empty());
    // Of several, the open ones count.
    let mut event = sample("securityhub-asff-user");
    let mut over = event["detail"]["findings"][0].clone();
    over["Workflow"]["Status"] = json!("SUPPRESSED");
    over["Resources"] = json!([{"Details": {"AwsIamUser": {"UserName": "mgarcia"}}}]);
    event["detail"]["findings"].as_array_mut().unwrap().push(over);
    assert_eq!(run(&rehearsal, "disable-user", event, &[ANY_AGE]).await.unwrap()["target"]["name"], "jsmith");
    assert_eq!(rehearsal.tenant.writes().len(), 1);
}

#[tokio::test]
async fn an_ignored_alert_is_acknowledged_and_audited() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    let body = changed("securityhub-asff-user", "/detail/findings/0/Workflow/Status", json!("SUPPRESSED")).to_string();
    let record = record("m-1", body);
    let answer = function.invoke(json!({"Records": [record]}), TIMEOUT).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let line = &runs(&function, 1).await[0];
    assert_eq!((&line["level"], &line["Outcome"]), (&json!("INFO"), &json!("ignored")));
    assert_eq!((&line["audit"]["result"], &line["audit"]["ignored"]), (&json!("ignored"), &json!("suppressed")));
    assert_eq!(line["audit"]["request"]["severity"], "high");
    assert!(line["audit"]["request"]["correlation"]["finding_id"].is_string());
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn enable_user_never_acts_on_a_finding() {
    let rehearsal = Rehearsal::start().await;
    for name in ["securityhub-asff-user", "jumpcloud-suspended", "jumpcloud-alert-user", "guardduty-user"] {
        let paths = [ANY_AGE, ("TARGET_PATHS", "$..username"), ("ACT_ON_LOGS", "true")];
        for settings in [&paths[..1], &paths] {
            let outcome = run(&rehearsal, "enable-user", sample(name), settings).await.unwrap();
            assert_eq!((&outcome["status"], &outcome["ignored"]), (&json!("ignored"), &json!("not_for_findings")));
        }
    }
    assert!(rehearsal.tenant.requests().is_empty());
    // What is written for it is no finding.
    assert_eq!(
        run(&rehearsal, "enable-user", sample("eventbridge-plain"), &[ANY_AGE]).await.unwrap()["status"],
        "unchanged"
    );
}

#[tokio::test]
async fn an_event_that_the_automation_caused_is_not_answered_with_another() {
    let rehearsal = Rehearsal::start().await;
    for own in [OTHER_ADMIN, "CAdmin@company.com", "other@company.com, cadmin@company.com"] {
        for playbook in ["disable-user", "enable-user", "enrich-user"] {
            let settings = [ANY_AGE, ("JUMPCLOUD_SELF", own)];
            let outcome = run(&rehearsal, playbook, sample("jumpcloud-suspended"), &settings).await.unwrap();
            assert_eq!(
                (&outcome["status"], &outcome["ignored"], &outcome["changed"], &outcome["api_calls"]),
                (&json!("ignored"), &json!("own_echo"), &json!(false), &json!(0))
            );
            assert!(outcome["summary"].as_str().unwrap().contains("automation itself"));
        }
    }
    // In a list, and as the reason of an alert.
    let mut list = sample("jumpcloud-webhook");
    list["Records"][0]["Sns"]["Message"] =
        json!(json!({"events": [sample("jumpcloud-suspended")["detail"]]}).to_string());
    let alert =
        changed("jumpcloud-alert-user", "/detail/data/di_event", sample("jumpcloud-suspended")["detail"].clone());
    for event in [list, alert.clone()] {
        let own = [ANY_AGE, ("JUMPCLOUD_SELF", "cadmin@company.com")];
        assert_eq!(run(&rehearsal, "disable-user", event, &own).await.unwrap()["ignored"], "own_echo");
    }
    assert!(rehearsal.tenant.requests().is_empty());
    let other = [ANY_AGE, ("JUMPCLOUD_SELF", "other@company.com")];
    let outcome = run(&rehearsal, "disable-user", alert, &other).await.unwrap();
    assert_eq!(outcome["target"]["name"], "mgarcia");
}

#[tokio::test]
async fn log_lines_are_acted_on_only_where_both_variables_say_so() {
    let rehearsal = Rehearsal::start().await;
    const PATHS: (&str, &str) = ("TARGET_PATHS", "/initiated_by/username");
    const LOGS: (&str, &str) = ("ACT_ON_LOGS", "true");
    let login = sample("jumpcloud-user");
    for settings in [&[ANY_AGE][..], &[ANY_AGE, PATHS], &[ANY_AGE, PATHS, ("ACT_ON_LOGS", "false")]] {
        let outcome = run(&rehearsal, "disable-user", login.clone(), settings).await.unwrap();
        assert_eq!(outcome["ignored"], "log_line");
    }
    for settings in [&[ANY_AGE, LOGS][..], &[ANY_AGE, PATHS, ("ACT_ON_LOGS", "sometimes")]] {
        let error = run(&rehearsal, "disable-user", login.clone(), settings).await.unwrap_err();
        assert_eq!(error["errorType"], "Internal");
        assert!(error["errorMessage"].as_str().unwrap().contains("ACT_ON_LOGS"), "{error}");
    }
    // A form that no list knows may be a log line too.
    let own = changed("eventbridge-plain", "/detail", json!({"initiated_by": {"username": "jsmith"}, "level": 3}));
    let error = run(&rehearsal, "disable-user", own.clone(), &[ANY_AGE, PATHS]).await.unwrap_err();
    assert_eq!(error["errorType"], "InvalidInput");
    assert!(error["errorMessage"].as_str().unwrap().contains("ACT_ON_LOGS"), "{error}");
    assert!(rehearsal.tenant.requests().is_empty());
    for event in [login, own] {
        let rehearsal = Rehearsal::start().await;
        let outcome = run(&rehearsal, "disable-user", event, &[ANY_AGE, PATHS, LOGS]).await.unwrap();
        assert_eq!((&outcome["status"], &outcome["target"]["name"]), (&json!("succeeded"), &json!("jsmith")));
    }
    // A finding that is over stays over, and one of several that is over stops all that the paths look at.
    let paths = [ANY_AGE, LOGS, ("TARGET_PATHS", "$.findings[*].Resources[*].Details.AwsIamUser.UserName")];
    let mut event = sample("securityhub-asff-user");
    let mut over = event["detail"]["findings"][0].clone();
    over["Workflow"]["Status"] = json!("RESOLVED");
    event["detail"]["findings"].as_array_mut().unwrap().push(over);
    assert_eq!(run(&rehearsal, "disable-user", event, &paths).await.unwrap()["ignored"], "resolved");
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn a_dry_run_is_one_wherever_and_however_it_is_asked_for() {
    let rehearsal = Rehearsal::start().await;
    let attributes = |name: &str| {
        changed("sns-plain", "/Records/0/Sns/MessageAttributes", json!({name: {"Type": "String", "Value": "true"}}))
    };
    for event in [
        changed("eventbridge-plain", "/dry_run", json!(true)),
        changed("eventbridge-plain", "/DryRun", json!("true")),
        changed("guardduty-user", "/dryRun", json!(true)),
        changed("guardduty-user", "/detail/dry-run", json!("yes")),
        changed("guardduty-user", "/detail/service/dry_run", json!(null)),
        changed("securityhub-asff-user", "/detail/findings/0/dry_run", json!(true)),
        changed("securityhub-ocsf-user", "/detail/findings/0/finding_info/DRYRUN", json!(1)),
        changed("securityhub-ocsf-user", "/detail/dryrun", json!({})),
        changed_message("ecs-dotted", "dry_run", json!("TRUE")),
        attributes("dry_run"),
        attributes("DryRun"),
        changed("direct-user", "/correlation", json!({"dryRun": true})),
    ] {
        let outcome = run(&rehearsal, "disable-user", event.clone(), &[ANY_AGE, CORP]).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{error} for {event}"));
        assert_eq!((&outcome["status"], &outcome["request"]["dry_run"]), (&json!("dry_run"), &json!(true)), "{event}");
    }
    // In a queue: an attribute counts for its message, what stands beside the records for all of them.
    let record = |name: &str| record(name, json!({"username": name}));
    let mut asked = record("jsmith");
    asked["messageAttributes"] = json!({"dryRun": {"stringValue": "true", "dataType": "String"}});
    let function = rehearsal.function("disable-user", &[]).await;
    let done = json!({"batchItemFailures": []});
    let records = json!({"Records": [asked, record("adunn")]});
    assert_eq!(function.invoke(records, TIMEOUT).await.unwrap(), done);
    assert_eq!(rehearsal.tenant.user("jsmith")["state"], "ACTIVATED");
    assert_eq!(rehearsal.tenant.user("adunn")["state"], "SUSPENDED");
    let records = json!({"Records": [record("jsmith"), record("svc-ldap")], "Dry_Run": true});
    assert_eq!(function.invoke(records, TIMEOUT).await.unwrap(), done);
    // Inside of SNS inside of SQS.
    let mut event = sample("sqs-sns");
    let mut message: Value = serde_json::from_str(event["Records"][0]["body"].as_str().unwrap()).unwrap();
    message["MessageAttributes"] = json!({"dry-run": {"Type": "String", "Value": "true"}});
    event["Records"][0]["body"] = json!(message.to_string());
    let function = rehearsal.function("disable-user", &[ANY_AGE]).await;
    assert_eq!(function.invoke(event, TIMEOUT).await.unwrap(), done);
    assert_eq!(rehearsal.tenant.writes().len(), 1);
    // In what is written for us, what is unclear is refused.
    for event in [
        changed("direct-user", "/dryrun", json!(true)),
        changed("direct-user", "/dry_run", json!("true")),
        changed("eventbridge-plain", "/detail/dry-run", json!(true)),
    ] {
        assert_eq!(error_type(run(&rehearsal, "disable-user", event, &[ANY_AGE]).await), "InvalidInput");
    }
    assert_eq!(rehearsal.tenant.writes().len(), 1);
    // A clear no is none.
    let event = changed("guardduty-user", "/detail/dry_run", json!("false"));
    assert_eq!(run(&rehearsal, "disable-user", event, &[ANY_AGE]).await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn every_time_of_an_alert_counts_and_a_click_is_as_old_as_the_click() {
    let rehearsal = Rehearsal::start().await;
    let now = chrono::Utc::now();
    let ago = |minutes| (now - chrono::TimeDelta::minutes(minutes)).format("%Y-%m-%d %H:%M:%S%.9f").to_string();
    let finding = |created: Value, updated: Value| {
        let mut event = changed("securityhub-asff-user", "/time", json!(now.to_rfc3339()));
        event["detail"]["findings"][0]["CreatedAt"] = created;
        event["detail"]["findings"][0]["UpdatedAt"] = updated;
        event["detail"]["findings"][0]["UserDefinedFields"] = json!({"login": "jsmith"});
        event
    };
    let mut detection = changed("crowdstrike-stream", "/time", json!(now.to_rfc3339()));
    detection["detail"]["metadata"]["eventCreationTime"] = json!("2024-12-03 19:54:30.000000000");
    let mut ahead = sample("eventbridge-plain");
    ahead["time"] = json!((now + chrono::TimeDelta::minutes(6)).to_rfc3339());
    let mut unreadable = sample("eventbridge-plain");
    unreadable["time"] = json!("just now");
    let with_paths = [("TARGET_PATHS", "$.findings[*].UserDefinedFields.login")];
    for (event, settings) in [
        (finding(json!("2019-06-12T15:34:50.346Z"), json!(ago(0))), &[][..]),
        (finding(json!("2019-06-12T15:34:50.346Z"), json!(ago(0))), &with_paths),
        (finding(json!("2019-06-12T15:34:50.346Z"), json!("soon")), &[]),
        (finding(json!(ago(0)), json!("soon")), &[]),
        (finding(json!(ago(0)), json!(ago(-6))), &[]),
        (detection, &[]),
        (ahead, &[]),
        (unreadable, &[]),
    ] {
        assert_eq!(error_type(run(&rehearsal, "disable-user", event.clone(), settings).await), "StaleEvent", "{event}");
        // A question has no age.
        assert_eq!(run(&rehearsal, "enrich-user", event, settings).await.unwrap()["status"], "succeeded");
    }
    assert!(rehearsal.tenant.writes().is_empty());

    let old = finding(json!("2019-06-12T15:34:50.346Z"), json!("2019-06-12T15:34:50.346Z"));
    let mut click = old.clone();
    click["detail-type"] = json!("Security Hub Findings - Custom Action");
    let mut late = click.clone();
    late["time"] = json!(ago(61));
    // Only Security Hub's own word counts.
    let mut forged = click.clone();
    forged["source"] = json!("company.detections");
    for event in [old, late, forged] {
        assert_eq!(error_type(run(&rehearsal, "disable-user", event, &[]).await), "StaleEvent");
    }
    assert_eq!(run(&rehearsal, "disable-user", click, &[]).await.unwrap()["status"], "succeeded");
    // In time, in each form.
    let event = finding(json!(ago(50)), json!((now.timestamp() - 60).to_string()));
    assert_eq!(run(&rehearsal, "disable-user", event, &[]).await.unwrap()["status"], "unchanged");
}

#[tokio::test]
async fn severity_is_one_of_five_words_whatever_the_scale() {
    let rehearsal = Rehearsal::start().await;
    for (event, expected) in [
        (sample("crowdstrike-alert"), json!("high")),
        (changed("crowdstrike-stream", "/detail/event", json!({"UserName": "jsmith", "Severity": 10})), json!("info")),
        (sample("guardduty-user"), json!("high")),
        (sample("securityhub-asff-user"), json!("high")),
        (sample("securityhub-ocsf-user"), json!("high")),
        (sample("ecs-dotted"), json!("high")),
        (sample("jumpcloud-alert-user"), json!("high")),
        (sample("jumpcloud-user"), Value::Null),
        (sample("eventbridge-plain"), Value::Null),
        (sample("direct-user"), Value::Null),
    ] {
        let outcome = run(&rehearsal, "enrich-user", event.clone(), &[]).await.unwrap();
        assert_eq!(outcome["request"].get("severity"), Some(&expected), "{event}");
    }
}

#[tokio::test]
async fn a_question_about_an_alert_that_names_nobody_is_answered() {
    let rehearsal = Rehearsal::start().await;
    for (name, playbook) in [("guardduty-host", "enrich-user"), ("guardduty-user", "enrich-host")] {
        let outcome = run(&rehearsal, playbook, sample(name), &[]).await.unwrap();
        assert_eq!((&outcome["status"], &outcome["target"]["id"]), (&json!("not_found"), &Value::Null));
        assert_eq!(outcome["request"]["severity"], "high");
        assert!(outcome["summary"].as_str().unwrap().contains("looked at"));
    }
    assert!(rehearsal.tenant.requests().is_empty());
}
