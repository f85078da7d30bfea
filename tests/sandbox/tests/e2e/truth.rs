//! What is said afterwards is what happened, whatever JumpCloud answers.

use std::time::Duration;

use sandbox::{
    faults::Fault,
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{JSMITH, MACBOOK_ANA, MGARCIA},
    v1::UnknownId,
};
use serde_json::{Value, json};

use crate::{codes, error_type};

const JSON: &str = "application/json; charset=utf-8";

/// The read before the change goes well.
fn look_up(rehearsal: &Rehearsal) {
    rehearsal.tenant.order(Fault::Slow(Duration::ZERO), "GET", "/systemusers/", 1);
}

fn fits(outcome: &Value, status: &str, changed: &Value, verified: &Value) -> bool {
    outcome["status"] == status && outcome["changed"] == *changed && outcome["verified"] == *verified
}

#[tokio::test]
async fn a_change_that_is_carried_out_later_is_seen() {
    for status in [Some(504), Some(524), None] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::Late(status, Duration::from_millis(2500)), "PUT", "/systemusers/", 9);
        let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
        assert!(fits(&outcome, "succeeded", &json!(true), &json!(true)), "{status:?}: {outcome}");
        assert_eq!(outcome["after"]["state"], "SUSPENDED");
    }
}

#[tokio::test]
async fn a_change_that_never_shows_stays_unknown() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(500), "PUT", "/systemusers/", 9);
    let error = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap_err();
    assert_eq!(error["errorType"], "OutcomeUnknown");
    assert!(!error["errorMessage"].as_str().unwrap().contains("othing was"), "{error}");
    assert_eq!(rehearsal.tenant.writes().len(), 1);
}

#[tokio::test]
async fn a_look_that_fails_is_followed_by_the_next() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::StatusAfter(500), "PUT", "/systemusers/", 1);
    look_up(&rehearsal);
    rehearsal.tenant.order(Fault::status(500), "GET", "/systemusers/", 2);
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert!(fits(&outcome, "succeeded", &json!(true), &json!(true)), "{outcome}");
}

#[tokio::test]
async fn an_answer_without_the_new_state_is_no_suspension() {
    let user = |change: Value| {
        let mut user = json!({"_id": JSMITH, "id": JSMITH, "username": "jsmith", "state": "SUSPENDED"});
        user.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        user.to_string()
    };
    let another = MGARCIA;
    for (answer, expected) in [
        (Fault::Answer(200, JSON, json!({"message": "Internal Error"}).to_string()), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, json!({"error": "Unauthorized"}).to_string()), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, user(json!({"error": "not saved"}))), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, "null".to_owned()), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, String::new()), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, "{\"state\": \"SUSPEN".to_owned()), "OutcomeUnknown"),
        (Fault::HtmlPage, "OutcomeUnknown"),
        (Fault::Answer(204, JSON, String::new()), "OutcomeUnknown"),
        (Fault::Answer(207, JSON, user(json!({}))), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, user(json!({"_id": another, "id": another}))), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, user(json!({"_id": null, "id": null}))), "OutcomeUnknown"),
        (Fault::Answer(200, JSON, user(json!({"state": "ACTIVATED"}))), "UnexpectedResponse"),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(answer.clone(), "PUT", "/systemusers/", 1);
        let error = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.expect_err("no suspension");
        assert_eq!(error["errorType"], expected, "{answer:?}: {error}");
        assert!(!error["errorMessage"].as_str().unwrap().contains("othing was"), "{answer:?}: {error}");
        assert_eq!(rehearsal.tenant.user("jsmith")["state"], "ACTIVATED", "{answer:?}");
    }
}

#[tokio::test]
async fn a_shutdown_is_accepted_only_on_an_answer_that_is_documented() {
    for (answer, accepted) in [
        (Fault::Answer(201, JSON, String::new()), true),
        (Fault::Answer(200, "text/plain", "OK".to_owned()), true),
        (Fault::Answer(204, JSON, String::new()), true),
        (Fault::Answer(200, JSON, json!({"error": "device is gone"}).to_string()), false),
        (Fault::Answer(200, "text/html", "<html></html>".to_owned()), false),
        (Fault::Answer(207, JSON, "{}".to_owned()), false),
        (Fault::status(520), false),
        (Fault::status(524), false),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(answer.clone(), "POST", "/shutdown", 9);
        let ended = rehearsal.run("shutdown-host", json!({"hostname": "Computer123"})).await;
        if accepted {
            assert_eq!(ended.unwrap()["status"], "accepted", "{answer:?}");
        } else {
            assert_eq!(error_type(ended), "OutcomeUnknown", "{answer:?}");
        }
        assert_eq!(rehearsal.tenant.writes().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn every_form_of_an_unknown_id_is_no_such_object() {
    let rehearsal = Rehearsal::start().await;
    let unknown = "ffffffffffffffffffffffff";
    for form in UnknownId::ALL {
        rehearsal.tenant.unknown_ids(form);
        for (playbook, event) in
            [("enrich-user", json!({"user_id": unknown})), ("enrich-host", json!({"host_id": unknown}))]
        {
            assert_eq!(rehearsal.run(playbook, event).await.unwrap()["status"], "not_found", "{form:?}");
        }
        for (playbook, event, expected) in [
            ("disable-user", json!({"user_id": unknown}), "UserNotFound"),
            ("shutdown-host", json!({"host_id": unknown}), "HostNotFound"),
        ] {
            assert_eq!(error_type(rehearsal.run(playbook, event).await), expected, "{form:?}");
        }
    }
    // A search confirms it; one that finds the object contradicts.
    for (status, body) in [(404, "{}"), (200, ""), (200, "null"), (204, "")] {
        rehearsal.tenant.order(Fault::Answer(status, JSON, body.to_owned()), "GET", "/systemusers/", 1);
        let ended = rehearsal.run("disable-user", json!({"user_id": JSMITH})).await;
        assert_eq!(error_type(ended), "UnexpectedResponse", "{status} {body}");
    }
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn what_stands_in_front_of_jumpcloud_is_repeated_on_reads_only() {
    for status in 520..=524 {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::status(status), "POST", "/search/", 1);
        rehearsal.tenant.order(Fault::status(status), "GET", "/systemusers/", 1);
        let outcome = rehearsal.run("enrich-user", json!({"username": "jsmith"})).await.unwrap();
        assert_eq!(outcome["status"], "succeeded", "{status}");
        // Nothing says whether it was carried out, so it is looked for.
        rehearsal.tenant.order(Fault::StatusAfter(status), "PUT", "/systemusers/", 9);
        let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
        assert!(fits(&outcome, "succeeded", &json!(true), &json!(true)), "{status}: {outcome}");
        assert_eq!(rehearsal.tenant.writes().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn lists_come_in_many_forms() {
    let device = json!({"id": MACBOOK_ANA, "type": "system", "compiledAttributes": null, "paths": [[]]});
    for (answer, devices, known) in [
        (Fault::Answer(200, JSON, "null".to_owned()), 0, true),
        (Fault::Answer(200, JSON, String::new()), 0, true),
        (Fault::Answer(204, JSON, String::new()), 0, true),
        (Fault::Answer(200, JSON, "[]".to_owned()), 0, true),
        (Fault::Answer(200, JSON, json!([device]).to_string()), 1, true),
        (Fault::Answer(200, JSON, json!({"results": [device], "totalCount": 1}).to_string()), 1, true),
        (Fault::Answer(200, JSON, json!({"data": [device]}).to_string()), 0, false),
        (Fault::Answer(200, "text/plain", "[]".to_owned()), 0, false),
        (Fault::Answer(404, JSON, "{}".to_owned()), 0, false),
    ] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(answer.clone(), "GET", "/v2/users/5f0c1b2a3d4e5f6071829301/systems", 1);
        let outcome = rehearsal.run("enrich-user", json!({"username": "jsmith"})).await.unwrap();
        let listed = outcome["user"]["devices"].as_array().map_or(0, Vec::len);
        assert_eq!((listed, codes(&outcome).is_empty()), (devices, known), "{answer:?}: {outcome}");
    }
}

#[tokio::test]
async fn requests_are_as_jumpclouds_own_clients_send_them() {
    let rehearsal = Rehearsal::start().await;
    for number in 0..150 {
        let id = format!("{number:024x}");
        rehearsal.tenant.add("systems", json!({"_id": id, "hostname": format!("fleet-{number}"), "os": "Ubuntu"}));
        rehearsal.tenant.bind(JSMITH, &id);
    }
    for (playbook, event) in [
        ("enrich-host", json!({"hostname": "Computer123"})),
        ("enrich-user", json!({"username": "jsmith"})),
        ("enrich-user", json!({"user_id": "ffffffffffffffffffffffff"})),
        ("disable-user", json!({"username": "jsmith"})),
        ("enable-user", json!({"username": "jsmith"})),
        ("enable-user", json!({"username": "pnew"})),
        ("reset-password", json!({"username": "jsmith"})),
        ("shutdown-host", json!({"hostname": "Computer123"})),
    ] {
        let function = rehearsal.function(playbook, &[]).await;
        function.invoke(event, TIMEOUT).await.unwrap();
    }
    let mut ids = 0;
    for request in rehearsal.tenant.requests() {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let in_query = request.query.split('&').find_map(|pair| pair.strip_prefix("limit=")?.parse().ok());
        assert!(body["limit"].as_u64().or(in_query).unwrap_or(0) <= 100, "{} {}", request.path, request.query);
        if request.method != "GET" {
            assert_eq!(request.headers["content-type"], "application/json", "{}", request.path);
        }
        for expression in body["filter"]["or"].as_array().into_iter().flatten() {
            if let Some(id) = expression.get("_id") {
                assert!(id["$eq"].is_string(), "{expression}");
                ids += 1;
            }
        }
    }
    assert!(ids > 150, "ids were searched for");
}
