//! Macs are shut down through Apple MDM, or it is said why not.

#![expect(clippy::unwrap_used, reason = "a test ends where there is no answer")]

use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{APPLE_MDM, COMPUTER123, IPAD_3, MACBOOK_ANA, MACBOOK_ANA_IN_MDM},
};
use serde_json::{Value, json};

use crate::{codes, error_type};

fn mac() -> Value {
    json!({"host_id": MACBOOK_ANA})
}

/// The refusal of a shutdown that sent nothing.
async fn refused(rehearsal: &Rehearsal) -> String {
    let error = rehearsal.run("shutdown-host", mac()).await.unwrap_err();
    assert_eq!(error["errorType"], "Unsupported", "{error}");
    assert!(rehearsal.tenant.writes().is_empty());
    error["errorMessage"].as_str().unwrap().to_owned()
}

/// What Enrich Host says of a shutdown.
async fn fact(rehearsal: &Rehearsal, host_id: &str) -> Value {
    rehearsal.run("enrich-host", json!({"host_id": host_id})).await.unwrap()["host"]["shutdown"].clone()
}

#[tokio::test]
async fn a_mac_is_shut_down_through_apple_mdm() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("shutdown-host", mac()).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["channel"]), (&json!("accepted"), &json!("apple-mdm")));
    assert_eq!((&outcome["changed"], &outcome["verified"]), (&json!(true), &Value::Null));
    assert_eq!(rehearsal.tenant.mdm_shutdowns(), [MACBOOK_ANA_IN_MDM]);
    assert!(rehearsal.tenant.shutdowns().is_empty());
    assert_eq!(
        rehearsal.tenant.calls(),
        [
            "GET /systems/{id}",
            "GET /v2/applemdms",
            "GET /v2/applemdms/{id}/devices",
            "POST /v2/applemdms/{id}/devices/{id}/shutdown"
        ]
    );
    assert_eq!(rehearsal.tenant.writes()[0].body.as_ref(), b"{}");
    assert!(!outcome.to_string().contains("SECRET"), "{outcome}");
    let outcome = rehearsal.run("shutdown-host", json!({"host_id": COMPUTER123})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["channel"]), (&json!("accepted"), &json!("agent")));
}

#[tokio::test]
async fn a_dry_run_finds_the_way_and_sends_nothing() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("shutdown-host", json!({"host_id": MACBOOK_ANA, "dry_run": true})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["channel"]), (&json!("dry_run"), &json!("apple-mdm")));
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn a_mac_that_is_offline_says_what_is_not_known() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("systems", MACBOOK_ANA, json!({"active": false}));
    let outcome = rehearsal.run("shutdown-host", mac()).await.unwrap();
    assert_eq!(codes(&outcome), ["QUEUED_UNTIL_ONLINE"]);
    assert!(outcome["advisories"][0]["message"].as_str().unwrap().contains("not documented"), "{outcome}");
}

#[tokio::test]
async fn a_mac_that_is_not_known_to_be_of_automated_enrollment_is_said() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("mdm_devices", MACBOOK_ANA_IN_MDM, json!({"depRegistered": false}));
    let outcome = rehearsal.run("shutdown-host", mac()).await.unwrap();
    assert_eq!(outcome["status"], "accepted");
    assert!(outcome["summary"].as_str().unwrap().contains("Automated Device Enrollment"), "{outcome}");
}

#[tokio::test]
async fn a_mac_that_the_mdm_does_not_know_is_unsupported() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("mdm_devices", MACBOOK_ANA_IN_MDM, json!({"serialNumber": "C02OTHER"}));
    assert!(refused(&rehearsal).await.contains("not enrolled"));
    let fact = fact(&rehearsal, MACBOOK_ANA).await;
    assert_eq!(fact["channel"], Value::Null);
    assert!(fact["why"].as_str().unwrap().contains("not enrolled"), "{fact}");
}

#[tokio::test]
async fn a_mac_that_is_not_enrolled_any_more_is_unsupported() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("mdm_devices", MACBOOK_ANA_IN_MDM, json!({"enrolled": false}));
    assert!(refused(&rehearsal).await.contains("not enrolled any more"));
}

#[tokio::test]
async fn a_mac_whose_enrolment_is_not_said_is_unsupported() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("mdm_devices", MACBOOK_ANA_IN_MDM, json!({"enrolled": null}));
    assert!(refused(&rehearsal).await.contains("does not say whether it is enrolled"));
}

#[tokio::test]
async fn two_devices_with_the_serial_number_are_unsupported() {
    let rehearsal = Rehearsal::start().await;
    let other = json!({"id": "61aa10bb20cc30dd40ee6009", "appleMdmId": APPLE_MDM, "serialNumber": "C02XAMPL", "enrolled": false});
    rehearsal.tenant.add("mdm_devices", other);
    assert!(refused(&rehearsal).await.contains("2 devices with its serial number"));
    assert_eq!(fact(&rehearsal, MACBOOK_ANA).await["channel"], Value::Null);
}

#[tokio::test]
async fn a_mac_without_a_serial_number_is_unsupported() {
    for number in [Value::Null, json!(""), json!(" ")] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.set("systems", MACBOOK_ANA, json!({"serialNumber": number}));
        assert!(refused(&rehearsal).await.contains("serial number"), "{number}");
        assert_eq!(rehearsal.tenant.calls(), ["GET /systems/{id}"]);
    }
}

#[tokio::test]
async fn without_an_mdm_a_mac_is_unsupported() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.clear("applemdms");
    assert!(refused(&rehearsal).await.contains("no Apple MDM"));
}

#[tokio::test]
async fn an_mdm_that_cannot_be_listed_is_unsupported() {
    for fault in [Fault::status(403), Fault::status(404), Fault::HtmlPage, Fault::Malformed] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(fault.clone(), "GET", "/applemdms", 9);
        assert!(refused(&rehearsal).await.contains("could not be read"), "{fault:?}");
        let outcome = rehearsal.run("enrich-host", mac()).await.unwrap();
        assert_eq!(codes(&outcome), ["SHUTDOWN_UNKNOWN"], "{fault:?}");
        assert_eq!(outcome["missing"][0]["part"], "shutdown");
        assert!(outcome["host"].get("shutdown").is_none() && outcome["host"]["users"].is_array());
    }
}

#[tokio::test]
async fn an_mdm_whose_devices_cannot_be_read_is_unsupported() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(403), "GET", "/devices", 9);
    assert!(refused(&rehearsal).await.contains("could not be read"));
}

#[tokio::test]
async fn an_id_that_could_lead_elsewhere_is_not_followed() {
    for (collection, id) in [("applemdms", APPLE_MDM), ("mdm_devices", MACBOOK_ANA_IN_MDM)] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.set(collection, id, json!({"id": "../systems"}));
        let error = error_type(rehearsal.run("shutdown-host", mac()).await);
        assert!(["Unsupported", "UnexpectedResponse"].contains(&error.as_str()), "{collection}: {error}");
        assert!(rehearsal.tenant.writes().is_empty());
    }
}

/// Nothing was sent, so the same request may succeed later.
#[tokio::test]
async fn an_mdm_that_does_not_answer_for_now_keeps_its_name() {
    for (status, expected) in [(503, "JumpCloudUnavailable"), (500, "JumpCloudUnavailable"), (429, "RateLimited")] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(Fault::status(status), "GET", "/applemdms", 99);
        assert_eq!(error_type(rehearsal.run("shutdown-host", mac()).await), expected);
        assert!(rehearsal.tenant.writes().is_empty());
    }
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(503), "GET", "/applemdms", 1);
    assert_eq!(rehearsal.run("shutdown-host", mac()).await.unwrap()["status"], "accepted");
}

/// The list's default limit is one.
#[tokio::test]
async fn every_mdm_of_the_organization_is_asked() {
    let rehearsal = Rehearsal::start().await;
    let second = "61aa10bb20cc30dd40ee5002";
    rehearsal.tenant.add("applemdms", json!({"id": second, "name": "Second"}));
    rehearsal.tenant.set("mdm_devices", MACBOOK_ANA_IN_MDM, json!({"appleMdmId": second}));
    rehearsal.run("shutdown-host", mac()).await.unwrap();
    assert!(rehearsal.tenant.writes()[0].path.contains(second));
}

#[tokio::test]
async fn a_list_that_ignored_the_filter_chooses_no_device() {
    let rehearsal = Rehearsal::start().await;
    let devices: Vec<Value> = (0..100)
        .map(|number| json!({"id": format!("{number:024x}"), "serialNumber": format!("OTHER{number}"), "enrolled": true}))
        .collect();
    let page = |devices: &[Value]| Fault::Answer(200, "application/json", json!(devices).to_string());
    rehearsal.tenant.order(page(&devices), "GET", "/devices", 1);
    rehearsal.tenant.order(page(&devices[..1]), "GET", "/devices", 1);
    assert!(refused(&rehearsal).await.contains("not enrolled"));
    let mut pages = rehearsal.tenant.requests();
    pages.retain(|request| request.path.ends_with("/devices"));
    let queries: Vec<_> = pages.iter().map(|request| request.query.as_str()).collect();
    let filter = "filter=serialNumber:eq:C02XAMPL";
    assert_eq!(queries, [format!("limit=100&skip=0&{filter}"), format!("limit=100&skip=100&{filter}")]);
}

#[tokio::test]
async fn a_macs_shutdown_is_sent_once() {
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::StatusAfter(503), Fault::HtmlPage, Fault::StatusAfter(500)]
    {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(fault.clone(), "POST", "/shutdown", 9);
        assert_eq!(error_type(rehearsal.run("shutdown-host", mac()).await), "OutcomeUnknown", "{fault:?}");
        assert_eq!(rehearsal.tenant.writes().len(), 1, "{fault:?}");
    }
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(429), "POST", "/shutdown", 2);
    assert_eq!(rehearsal.run("shutdown-host", mac()).await.unwrap()["status"], "accepted");
    assert_eq!((rehearsal.tenant.writes().len(), rehearsal.tenant.mdm_shutdowns().len()), (3, 1));
}

#[tokio::test]
async fn phones_and_tablets_are_refused_by_name() {
    let rehearsal = Rehearsal::start().await;
    // Although they say that they take the command, or are enrolled.
    for (os, family) in [("iOS", "ios"), ("iPadOS", "ios"), ("Android", "android")] {
        let fields = json!({"os": os, "osFamily": family, "serialNumber": "IPAD0003"});
        rehearsal.tenant.set("systems", IPAD_3, fields);
        let error = rehearsal.run("shutdown-host", json!({"host_id": IPAD_3})).await.unwrap_err();
        assert_eq!(error["errorType"], "Unsupported");
        assert!(error["errorMessage"].as_str().unwrap().contains(&format!("it runs {os}")), "{error}");
        let fact = fact(&rehearsal, IPAD_3).await;
        assert!(fact["channel"].is_null() && fact["why"].as_str().unwrap().contains(os), "{fact}");
    }
    assert!(rehearsal.tenant.writes().is_empty());
    assert!(!rehearsal.tenant.calls().iter().any(|call| call.contains("applemdms")));
}

#[tokio::test]
async fn enrich_host_says_which_way_a_shutdown_would_take() {
    let rehearsal = Rehearsal::start().await;
    assert_eq!(fact(&rehearsal, COMPUTER123).await, json!({"channel": "agent"}));
    assert!(!rehearsal.tenant.calls().iter().any(|call| call.contains("applemdms")));
    assert_eq!(fact(&rehearsal, MACBOOK_ANA).await, json!({"channel": "apple-mdm"}));
    assert!(rehearsal.tenant.writes().is_empty());
}
