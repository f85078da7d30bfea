//! SQS: every record is done, or reported as failed; none is lost and none is done twice.

use std::time::Duration;

use sandbox::{
    events::{batch, record},
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{COMPUTER123, JSMITH, PNEW},
};
use serde_json::{Value, json};

use crate::{ANY_AGE, sample};

/// A batch of many targets is more than a playbook takes by itself.
const MANY: [(&str, &str); 2] = [("MAX_TARGETS_PER_HOUR", "1000"), ("MAX_TARGETS_PER_DAY", "1000")];

/// The ids of the failed records, in order.
fn failed(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"].as_array().expect("a list").iter();
    let mut failed: Vec<&str> =
        failures.map(|failure| failure["itemIdentifier"].as_str().expect("a message id")).collect();
    failed.sort();
    failed
}

async fn run(rehearsal: &Rehearsal, playbook: &str, records: Vec<Value>) -> Value {
    let function = rehearsal.function(playbook, &[]).await;
    function.invoke(batch(records), TIMEOUT).await.expect("a batch is answered")
}

#[tokio::test]
async fn each_sample_in_a_queue_reaches_its_target() {
    for name in
        ["sqs-plain", "sqs-sns", "sqs-eventbridge", "sqs-sns-eventbridge", "securitylake-ocsf-user", "ecs-nested"]
    {
        let rehearsal = Rehearsal::start().await;
        let function = rehearsal.function("disable-user", &[ANY_AGE, ("TRUSTED_DOMAINS", "CORP")]).await;
        assert_eq!(function.invoke(sample(name), TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}), "{name}");
        assert_eq!(rehearsal.tenant.user("jsmith")["state"], "SUSPENDED", "{name}");
    }
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("shutdown-host", &[ANY_AGE]).await;
    assert_eq!(function.invoke(sample("ecs-nested"), TIMEOUT).await.unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(rehearsal.tenant.shutdowns().len(), 1);
}

#[tokio::test]
async fn an_old_alert_is_acted_on_only_where_a_person_has_redriven_it() {
    let rehearsal = Rehearsal::start().await;
    let queue = sample("sqs-plain")["Records"][0]["eventSourceARN"].as_str().unwrap().to_owned();
    for (redrive_queue, state) in
        [("", "ACTIVATED"), ("arn:aws:sqs:us-east-1:123456789012:other", "ACTIVATED"), (&queue, "SUSPENDED")]
    {
        let function = rehearsal.function("disable-user", &[("REDRIVE_QUEUE", redrive_queue)]).await;
        // A refusal for its age would be the same each time: acknowledged, and told of.
        assert_eq!(failed(&function.invoke(sample("sqs-plain"), TIMEOUT).await.unwrap()), [""; 0]);
        assert_eq!(rehearsal.tenant.user("jsmith")["state"], state, "{redrive_queue}");
        let run = &crate::runs(&function, 1).await[0];
        assert_eq!(run["RefusedAlerts"], u8::from(state == "ACTIVATED"), "{run}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_record_is_that_records_refusal() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(429), "GET", &format!("/systemusers/{PNEW}"), 99);
    let function = rehearsal.function("disable-user", &[]).await;
    let answer = function
        .invoke(
            batch([
                record("late-1", json!({"username": "pnew"})), // throttled
                record("good-1", json!({"username": "jsmith"})),
                record("bad-text", "not JSON"),
                record("bad-empty", ""),
                record("bad-field", json!({"username": "adunn", "dryrun": true})),
                record("bad-twice", r#"{"username": "adunn", "username": "jsmith"}"#),
                record("bad-user", json!({"username": "nobody"})),
                record("bad-ambiguous", json!({"user": "kim@company.com"})),
                record("bad-protected", json!({"username": "cadmin"})),
                record("bad-number", 7),
                json!({"messageId": "bad-body", "eventSource": "aws:sqs", "body": {"username": "adunn"}}),
                json!({"messageId": "bad-time", "eventSource": "aws:sqs", "body": "{\"username\": \"adunn\"}"}),
                record("good-2", json!({"user": "svc-ldap"})),
            ]),
            TIMEOUT,
        )
        .await
        .unwrap();
    // Another delivery may help one of them. The others would be refused each time: each has its line, at ERROR, and is counted.
    assert_eq!(failed(&answer), ["late-1"]);
    let runs = crate::runs(&function, 13).await;
    let refused: Vec<&Value> = runs.iter().filter(|run| run["RefusedAlerts"] == 1).collect();
    assert_eq!(refused.len(), 10);
    assert!(refused.iter().all(|run| run["level"] == "ERROR" && run["event_id"].as_str().unwrap().starts_with("bad-")));
    assert_eq!(
        (&rehearsal.tenant.user("jsmith")["state"], &rehearsal.tenant.user("svc-ldap")["state"]),
        (&json!("SUSPENDED"), &json!("SUSPENDED"))
    );
    assert_eq!(rehearsal.tenant.user("adunn")["state"], "ACTIVATED");
}

#[tokio::test]
async fn what_a_person_must_put_right_stays_for_the_dead_letters() {
    let switch = |mode: &str| json!({"pk": {"S": "default#switch"}, "sk": {"S": "disable-user"}, "mode": {"S": mode}});
    let rehearsal = Rehearsal::start().await;
    rehearsal.dynamo.put(switch("off"));
    let record_of = |name: &str| record(name, json!({"username": name}));
    assert_eq!(failed(&run(&rehearsal, "disable-user", vec![record_of("jsmith")]).await), ["jsmith"]);
    rehearsal.dynamo.put(switch("on"));
    let one_an_hour =
        rehearsal.function("disable-user", &[("MAX_TARGETS_PER_HOUR", "1"), ("BATCH_CONCURRENCY", "1")]).await;
    let answer = one_an_hour.invoke(batch([record_of("jsmith"), record_of("adunn")]), TIMEOUT).await.unwrap();
    assert_eq!(failed(&answer), ["adunn"]);
    rehearsal.tenant.order(Fault::status(401), "POST", "/search/systemusers", 99);
    assert_eq!(failed(&run(&rehearsal, "enrich-user", vec![record_of("jsmith")]).await), ["jsmith"]);
    // A record without an id cannot be named; an empty one fails the whole batch.
    let nameless = json!({"eventSource": "aws:sqs", "body": json!({"username": "jsmith"}).to_string()});
    assert_eq!(failed(&run(&rehearsal, "enrich-user", vec![nameless]).await), [""]);
}

#[tokio::test]
async fn a_fifo_group_stops_at_its_first_failure() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[ANY_AGE]).await;
    let mut event = sample("sqs-fifo");
    event["Records"][1]["body"] = json!(json!({"user_id": PNEW}).to_string());
    rehearsal.tenant.order(Fault::status(429), "GET", &format!("/systemusers/{PNEW}"), 99);
    let answer = function.invoke(event.clone(), TIMEOUT).await.unwrap();
    let ids: Vec<&str> =
        event["Records"].as_array().unwrap().iter().filter_map(|record| record["messageId"].as_str()).collect();
    assert_eq!(failed(&answer), ids[1..]);
    assert_eq!(rehearsal.tenant.user("adunn")["state"], "ACTIVATED");
    // One that is refused for good does not hold up its group.
    assert_eq!(failed(&function.invoke(sample("sqs-fifo"), TIMEOUT).await.unwrap()), [""; 0]);
    assert_eq!(rehearsal.tenant.user("adunn")["state"], "SUSPENDED");
}

#[tokio::test]
async fn one_shutdown_for_one_host_however_it_is_named() {
    let rehearsal = Rehearsal::start().await;
    let names = [
        json!({"hostname": "Computer123"}),
        json!({"host_id": COMPUTER123}),
        json!({"host": "COMPUTER123"}),
        json!({"hostname": "computer123"}),
    ];
    let records = names.iter().enumerate().map(|(number, name)| record(&format!("m-{number}"), name)).collect();
    assert_eq!(failed(&run(&rehearsal, "shutdown-host", records).await), [""; 0]);
    assert_eq!(rehearsal.tenant.shutdowns().len(), 1);
    // Not even when nobody knows what became of it: SQS is not to send it again, and each of them says so.
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::CutAfter, "POST", "/shutdown", 9);
    let records: Vec<_> = names.iter().enumerate().map(|(number, name)| record(&format!("m-{number}"), name)).collect();
    let function = rehearsal.function("shutdown-host", &[]).await;
    assert_eq!(failed(&function.invoke(batch(records), TIMEOUT).await.unwrap()), [""; 0]);
    assert!(crate::runs(&function, 4).await.iter().all(|run| run["Outcome"] == "OutcomeUnknown"));
    assert_eq!(rehearsal.tenant.writes().len(), 1);
}

/// A record with two findings of today, about jsmith and about `second`.
fn two_findings(second: &str) -> Value {
    let mut event = sample("securityhub-asff-two-findings");
    let now = chrono::Utc::now().to_rfc3339();
    event["time"] = json!(now);
    for finding in event["detail"]["findings"].as_array_mut().expect("findings") {
        finding["CreatedAt"] = json!(now);
        finding["UpdatedAt"] = json!(now);
    }
    event["detail"]["findings"][1]["Resources"][0]["Details"]["AwsIamAccessKey"]["PrincipalId"] =
        json!(format!("AROACKCEVSQ6C2EXAMPLE:{second}"));
    record("m-1", event)
}

#[tokio::test]
async fn a_record_has_as_many_targets_as_are_allowed_and_all_or_none_are_touched() {
    let rehearsal = Rehearsal::start().await;
    let two = rehearsal.function("disable-user", &[("MAX_TARGETS_PER_ALERT", "2")]).await;
    let one = rehearsal.function("disable-user", &[]).await;
    let answer = |function, record| {
        let function: &sandbox::lambda::Function = function;
        async move { function.invoke(json!({"Records": [record]}), TIMEOUT).await.unwrap() }
    };
    // More than one is refused before JumpCloud is asked.
    assert_eq!(failed(&answer(&one, two_findings("adunn")).await), [""; 0]);
    assert!(rehearsal.tenant.requests().is_empty());
    // Two findings about the same one have one target.
    assert_eq!(failed(&answer(&one, two_findings("jsmith")).await), [""; 0]);
    assert_eq!(rehearsal.tenant.writes().len(), 1);
    // The first is not touched where the second is not found.
    rehearsal.tenant.set("systemusers", JSMITH, json!({"state": "ACTIVATED", "suspended": false}));
    assert_eq!(failed(&answer(&two, two_findings("nobody")).await), [""; 0]);
    assert_eq!(rehearsal.tenant.user("jsmith")["state"], "ACTIVATED");
    let lines = crate::runs(&two, 2).await;
    let errors: Vec<&str> = lines.iter().map(|line| line["error"].as_str().unwrap()).collect();
    assert!(errors.iter().any(|error| error.starts_with("JumpCloud has no user nobody")), "{errors:?}");
    assert!(errors.iter().any(|error| error.starts_with("another target of the same event was refused")), "{errors:?}");
    // Both are found before the first is touched.
    let before = rehearsal.tenant.calls().len();
    assert_eq!(failed(&answer(&two, two_findings("adunn")).await), [""; 0]);
    let calls = rehearsal.tenant.calls().split_off(before);
    let first_write = calls.iter().position(|call| call.starts_with("PUT")).unwrap();
    let searches = calls[..first_write].iter().filter(|call| *call == "POST /search/systemusers").count();
    assert_eq!(searches, 2, "{calls:?}");
    for user in ["jsmith", "adunn"] {
        assert_eq!(rehearsal.tenant.user(user)["state"], "SUSPENDED");
    }
    // Outside of a queue there is one answer: a list.
    let event =
        two_findings("adunn")["body"].as_str().map(|body| serde_json::from_str::<Value>(body).unwrap()).unwrap();
    let outcomes = two.invoke(event, TIMEOUT).await.unwrap();
    let names: Vec<&Value> = outcomes.as_array().unwrap().iter().map(|outcome| &outcome["target"]["name"]).collect();
    assert_eq!(names, ["jsmith", "adunn"]);
}

#[tokio::test]
async fn when_the_time_runs_out_the_rest_is_reported_and_nothing_is_cut_off() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Slow(Duration::from_millis(400)), "POST", "/search/systemusers", 999);
    for number in 0..200 {
        rehearsal.tenant.add(
            "systemusers",
            json!({"_id": format!("{number:024x}"), "username": format!("u{number}"), "state": "ACTIVATED"}),
        );
    }
    let records = (0..200)
        .map(|number| record(&format!("m-{number}"), json!({"username": format!("u{number}")})))
        .collect::<Vec<_>>();
    let function = rehearsal.function("disable-user", &MANY).await;
    let answer = function.invoke(json!({"Records": records}), Duration::from_secs(5)).await.unwrap();
    let failed = failed(&answer);
    assert!((1..200).contains(&failed.len()), "{}", failed.len());
    for number in 0..200 {
        let suspended = rehearsal.tenant.user(&format!("u{number}"))["state"] == "SUSPENDED";
        assert_eq!(suspended, !failed.contains(&format!("m-{number}").as_str()), "u{number}");
    }
}

#[tokio::test]
async fn a_thousand_records_with_bad_throttled_and_cut_ones_lose_none() {
    let rehearsal = Rehearsal::start().await;
    let id = |number: usize| format!("{number:024x}");
    let mut expected = Vec::new();
    let mut records = Vec::new();
    for number in 0..1000 {
        let message = format!("m-{number:04}");
        let body = match number % 100 {
            1 => "not JSON".to_owned(),
            34 => json!({"user_id": id(number), "dryrun": true}).to_string(),
            67 => json!({"user_id": id(number + 5000)}).to_string(),
            _ => {
                rehearsal.tenant.add(
                    "systemusers",
                    json!({"_id": id(number), "username": format!("u{number}"), "state": "ACTIVATED"}),
                );
                json!({"user_id": id(number)}).to_string()
            }
        };
        let throttled = number % 200 == 99;
        if throttled {
            rehearsal.tenant.order(Fault::status(429), "GET", &format!("/systemusers/{}", id(number)), 99);
        }
        if throttled {
            expected.push(message.clone());
        }
        records.push(record(&message, body));
    }
    rehearsal.tenant.cut_every(100);
    let function = rehearsal.function("disable-user", &MANY).await;
    let answer = function.invoke(json!({"Records": records}), Duration::from_secs(300)).await.unwrap();
    assert_eq!(failed(&answer), expected);
    assert_eq!(expected.len(), 5);
    let suspended =
        (0..1000).filter(|number| rehearsal.tenant.user(&format!("u{number}"))["state"] == "SUSPENDED").count();
    assert_eq!(suspended, 965);
    assert!(function.peak_memory_mib().await < 100, "{} MiB", function.peak_memory_mib().await);
}
