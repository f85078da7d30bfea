//! The line that each run leaves in the log: metrics and the audit record.

use sandbox::{
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::{Value, json};

use crate::runs;

#[tokio::test]
async fn every_metric_that_is_announced_has_its_value_and_its_dimensions() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Status(429, Some("0".to_owned())), "POST", "/search/", 1);
    let function = rehearsal.function("enrich-user", &[]).await;
    function.invoke(json!({"username": "jsmith"}), TIMEOUT).await.unwrap();
    function.invoke(json!({"usrname": "jsmith", "correlation": "INC-7"}), TIMEOUT).await.unwrap_err();
    let runs = runs(&function, 2).await;
    for run in &runs {
        let metrics = run["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        for set in metrics {
            assert_eq!(set["Namespace"], "JumpCloudPlaybooks");
            let dimensions = set["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap());
            for dimension in dimensions {
                assert!(run[dimension.as_str().unwrap()].is_string(), "{dimension} in {run}");
            }
            for metric in set["Metrics"].as_array().unwrap() {
                let value = &run[metric["Name"].as_str().unwrap()];
                assert!(value.is_number() || value.is_array(), "{metric} in {run}");
            }
        }
    }
    let run = &runs[0];
    assert_eq!((&run["FunctionName"], &run["Outcome"]), (&json!("enrich-user"), &json!("succeeded")));
    assert_eq!((&run["JumpCloudThrottles"], &run["level"]), (&json!(1), &json!("INFO")));
    assert_eq!(run["JumpCloudLatency"].as_array().unwrap().len() as u64, run["JumpCloudCalls"].as_u64().unwrap());
    assert!(run.get("audit").is_none(), "a question is not audited: {run}");
    assert_eq!((&runs[1]["Outcome"], &runs[1]["level"]), (&json!("InvalidInput"), &json!("ERROR")));
    assert_eq!(runs[1]["correlation"], "INC-7", "what is refused is found as well");
}

#[tokio::test]
async fn the_audit_record_says_who_asked_what_before_and_after() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    let event = json!({"username": "jsmith", "reason": "INC-7", "correlation": {"execution": "arn:x"}});
    let outcome = function.invoke(event, TIMEOUT).await.unwrap();
    function.invoke(json!({"username": "nobody", "reason": "INC-8"}), TIMEOUT).await.unwrap_err();
    let long = "x".repeat(5000);
    function.invoke(json!({"username": "jsmith", "correlation": long}), TIMEOUT).await.unwrap_err();
    function.invoke(json!({"username": "jsmith", "dry_run": true}), TIMEOUT).await.unwrap();
    let runs = runs(&function, 4).await;
    let audit = &runs[0]["audit"];
    for (place, expected) in [
        ("/asked/name", json!("jsmith")),
        ("/request/request_id", outcome["request"]["request_id"].clone()),
        ("/request/reason", json!("INC-7")),
        ("/request/correlation", json!({"execution": "arn:x"})),
        ("/result", json!("succeeded")),
        ("/target", outcome["target"].clone()),
        ("/changed", json!(true)),
        ("/before", json!({"state": "ACTIVATED"})),
        ("/after", json!({"state": "SUSPENDED"})),
        ("/undo", outcome["undo"].clone()),
    ] {
        assert_eq!(audit.pointer(place), Some(&expected), "{place}");
    }
    let audit = &runs[1]["audit"];
    assert_eq!((&audit["result"], &audit["asked"]["name"]), (&json!("UserNotFound"), &json!("nobody")));
    let left_out = runs[2]["audit"]["request"]["correlation"]["left_out"].as_str().unwrap();
    assert!(left_out.contains("5002 bytes") && runs[2].to_string().len() < 4096, "{}", runs[2]);
    assert_eq!(runs[3]["audit"]["request"]["dry_run"], true);
}

#[tokio::test]
async fn each_record_of_a_batch_leaves_its_line_and_a_refused_one_too() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function("disable-user", &[]).await;
    let record = |id: &str, body: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": body, "attributes": {"SentTimestamp": chrono::Utc::now().timestamp_millis().to_string()}});
    let batch = json!({"Records": [record("good", r#"{"username": "jsmith"}"#), record("bad", "x")]});
    function.invoke(batch, TIMEOUT).await.unwrap();
    let mut results: Vec<(Value, Value)> = runs(&function, 2)
        .await
        .into_iter()
        .map(|run| (run["event_id"].clone(), run["audit"]["result"].clone()))
        .collect();
    results.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(results, [(json!("bad"), json!("InvalidInput")), (json!("good"), json!("succeeded"))]);
}
