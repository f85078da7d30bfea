//! What the three user actions do, and what they leave alone.

use std::time::Duration;

use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{JSMITH, JSMITH_LAPTOP, MGARCIA},
};
use serde_json::{Value, json};

use crate::{codes, error_type};

/// The read before the change goes well.
const LOOK_UP: Fault = Fault::Slow(Duration::ZERO);

#[tokio::test]
async fn disable_suspends_reads_back_and_says_how_to_undo_it() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal
        .run("disable-user", json!({"username": "JSmith", "reason": "INC-7", "correlation": {"id": 7}}))
        .await
        .unwrap();

    assert_eq!(rehearsal.tenant.user("jsmith")["state"], "SUSPENDED");
    assert_eq!(outcome["playbook"], "disable-user");
    assert_eq!(
        (&outcome["status"], &outcome["changed"], &outcome["verified"]),
        (&json!("succeeded"), &json!(true), &json!(true))
    );
    assert_eq!(outcome["summary"], "Suspended jsmith (jsmith@company.com); was ACTIVATED.");
    assert_eq!(outcome["target"], json!({"type": "user", "id": JSMITH, "name": "jsmith", "matched_by": "username"}));
    assert_eq!(
        (&outcome["before"], &outcome["after"]),
        (&json!({"state": "ACTIVATED"}), &json!({"state": "SUSPENDED"}))
    );
    assert_eq!(outcome["undo"], json!({"playbook": "enable-user", "event": {"user_id": JSMITH}}));
    assert_eq!(codes(&outcome), ["WINDOWS_HOME_STAYS_LOGGED_IN", "DEVICE_OFFLINE", "REMOTE_SESSIONS_STAY"]);
    assert_eq!(outcome["advisories"][0]["host_id"], JSMITH_LAPTOP);
    assert_eq!(outcome["request"]["reason"], "INC-7");
    assert_eq!(outcome["request"]["correlation"], json!({"id": 7}));
    assert_eq!(outcome["request"]["event_source"], "direct");
    let markdown = outcome["markdown"].as_str().unwrap();
    for part in [
        "### disable-user",
        "Suspended jsmith (`jsmith@company.com`)",
        "Before: state `ACTIVATED`",
        "WINDOWS_HOME",
        "**Undo**",
    ] {
        assert!(markdown.contains(part), "{part} in {markdown}");
    }

    // Search, read by id, PUT, read-back, and the devices in two calls; not one more.
    let mut calls = rehearsal.tenant.calls();
    assert_eq!(calls[0], "POST /search/systemusers");
    calls.sort();
    assert_eq!(
        calls,
        [
            "GET /systemusers/{id}",
            "GET /systemusers/{id}",
            "GET /v2/users/{id}/systems",
            "POST /search/systems",
            "POST /search/systemusers",
            "PUT /systemusers/{id}"
        ]
    );
    assert_eq!(outcome["api_calls"], 6);

    let undo = rehearsal.run("enable-user", outcome["undo"]["event"].clone()).await.unwrap();
    assert_eq!((&undo["status"], &undo["before"]["state"]), (&json!("succeeded"), &json!("SUSPENDED")));
    assert_eq!(undo["target"]["matched_by"], "user_id");
    assert_eq!(rehearsal.tenant.user("jsmith")["state"], "ACTIVATED");
    assert_eq!(codes(&undo), ["RESEND_RESET_MAIL"]);
}

#[tokio::test]
async fn what_is_already_so_is_left_alone() {
    let rehearsal = Rehearsal::start().await;
    for (playbook, event) in [
        ("disable-user", json!({"username": "mgarcia"})),
        ("enable-user", json!({"email": "jsmith@company.com"})),
        ("reset-password", json!({"user": "tlocked"})),
    ] {
        let outcome = rehearsal.run(playbook, event).await.unwrap();
        assert_eq!(
            (&outcome["status"], &outcome["changed"], &outcome["undo"]),
            (&json!("unchanged"), &json!(false), &Value::Null),
            "{playbook}"
        );
        assert_eq!(outcome["after"], Value::Null);
    }
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn enable_says_what_still_keeps_the_user_out() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("enable-user", json!({"username": "tlocked"})).await.unwrap();
    assert_eq!(outcome["status"], "succeeded");
    assert_eq!(codes(&outcome), ["ACCOUNT_LOCKED", "PASSWORD_EXPIRED", "RESEND_RESET_MAIL"]);
    let body: Value = serde_json::from_slice(&rehearsal.tenant.writes()[0].body).unwrap();
    assert_eq!(body, json!({"state": "ACTIVATED", "suspended": false}));
}

#[tokio::test]
async fn enable_activates_a_staged_user_without_a_mail_and_without_undo() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("enable-user", json!({"username": "pnew"})).await.unwrap();
    assert_eq!((&outcome["before"], &outcome["after"]), (&json!({"state": "STAGED"}), &json!({"state": "ACTIVATED"})));
    assert_eq!((&outcome["verified"], &outcome["undo"]), (&json!(true), &Value::Null));
    assert_eq!(codes(&outcome), ["NOT_ACTIVATED", "NO_ACTIVATION_MAIL"]);
    let write = &rehearsal.tenant.writes()[0];
    assert!(write.path.ends_with("/state/activate"));
    assert_eq!(serde_json::from_slice::<Value>(&write.body).unwrap(), json!({"email": false}));
}

#[tokio::test]
async fn the_older_suspended_field_counts_where_there_is_no_state() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.set("systemusers", MGARCIA, json!({"state": null}));
    let outcome = rehearsal.run("disable-user", json!({"username": "mgarcia"})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["before"]["state"]), (&json!("unchanged"), &json!("SUSPENDED")));
    rehearsal.tenant.set("systemusers", MGARCIA, json!({"suspended": null}));
    assert_eq!(error_type(rehearsal.run("enable-user", json!({"username": "mgarcia"})).await), "UnexpectedResponse");
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn reset_expires_the_password_and_says_where_the_new_one_is_set() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("reset-password", json!({"email": "JSMITH@company.com"})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["verified"]), (&json!("succeeded"), &json!(true)));
    assert_eq!(
        (&outcome["before"], &outcome["after"]),
        (&json!({"password_expired": false}), &json!({"password_expired": true}))
    );
    assert_eq!(outcome["undo"], Value::Null);
    assert_eq!(
        codes(&outcome),
        [
            "NEW_PASSWORD_AT_LOGIN_WINDOW",
            "NEW_PASSWORD_AT_LOGIN_WINDOW",
            "NEW_PASSWORD_IN_USER_PORTAL",
            "SESSIONS_STAY",
            "MFA_WILL_BE_ASKED"
        ]
    );
    let write = &rehearsal.tenant.writes()[0];
    assert!(write.path.ends_with("/expire") && write.body.is_empty());
    assert_eq!(write.headers["content-length"], "0");

    let outcome = rehearsal.run("reset-password", json!({"username": "adunn"})).await.unwrap();
    assert_eq!(codes(&outcome)[0], "PASSWORD_OWNED_BY_DIRECTORY");
    assert!(outcome["advisories"][0]["message"].as_str().unwrap().contains("ActiveDirectory"));
    let outcome = rehearsal.run("reset-password", json!({"username": "svc-ldap"})).await.unwrap();
    assert_eq!(codes(&outcome), ["NEW_PASSWORD_IN_USER_PORTAL", "PASSWORD_NEVER_EXPIRES"]);
    let outcome = rehearsal.run("reset-password", json!({"username": "mgarcia"})).await.unwrap();
    assert!(codes(&outcome).contains(&"SUSPENDED_GETS_NO_MAIL"));
}

#[tokio::test]
async fn directories_and_ldap_are_mentioned_when_a_user_is_disabled() {
    let rehearsal = Rehearsal::start().await;
    let outcome = rehearsal.run("disable-user", json!({"username": "adunn"})).await.unwrap();
    assert!(codes(&outcome).contains(&"DIRECTORY_CAN_UNDO"));
    let outcome = rehearsal.run("disable-user", json!({"username": "svc-ldap"})).await.unwrap();
    assert_eq!(codes(&outcome), ["LDAP_BINDING_USER"]);
}

#[tokio::test]
async fn a_user_linked_to_an_administrator_is_protected() {
    let rehearsal = Rehearsal::start().await;
    for playbook in ["disable-user", "reset-password"] {
        let error = rehearsal.run(playbook, json!({"username": "cadmin"})).await.unwrap_err();
        assert_eq!(error["errorType"], "Protected");
        assert!(error["errorMessage"].as_str().unwrap().contains("Administrator With Billing"));
    }
    assert!(rehearsal.tenant.writes().is_empty());
}

#[tokio::test]
async fn a_dry_run_reports_the_same_and_sends_nothing_but_reads() {
    let rehearsal = Rehearsal::start().await;
    for (playbook, event) in [
        ("disable-user", json!({"username": "jsmith"})),
        ("enable-user", json!({"username": "mgarcia"})),
        ("enable-user", json!({"username": "pnew"})),
        ("reset-password", json!({"username": "jsmith"})),
        ("shutdown-host", json!({"hostname": "Computer123"})),
        ("enrich-user", json!({"username": "jsmith"})),
        ("enrich-host", json!({"hostname": "Computer123"})),
    ] {
        let mut dry = event.clone();
        dry["dryRun"] = json!(true);
        let rehearsed = rehearsal.run(playbook, dry).await.unwrap();
        assert!(rehearsal.tenant.writes().is_empty(), "{playbook}");
        // The variable wins over an event that says otherwise.
        let function = rehearsal.function(playbook, &[("DRY_RUN", "true")]).await;
        let mut wet = event.clone();
        wet["dry_run"] = json!(false);
        let forced = function.invoke(wet, sandbox::rehearsal::TIMEOUT).await.unwrap();
        assert!(rehearsal.tenant.writes().is_empty(), "{playbook}");
        assert_eq!(rehearsed["status"], forced["status"]);

        let real = Rehearsal::start().await.run(playbook, event).await.unwrap();
        for same in ["target", "before"] {
            assert_eq!(rehearsed[same], real[same], "{playbook}");
        }
        let held_back = !playbook.starts_with("enrich");
        assert_eq!(
            rehearsed["status"],
            if held_back { json!("dry_run") } else { real["status"].clone() },
            "{playbook}"
        );
        assert_eq!(
            (&rehearsed["changed"], &rehearsed["after"], &rehearsed["undo"]),
            (&json!(false), &Value::Null, &Value::Null)
        );
        assert_eq!(rehearsed["request"]["dry_run"], true);
        assert_eq!(real["request"]["dry_run"], false);
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_settled_by_reading() {
    for (playbook, user) in
        [("disable-user", "jsmith"), ("enable-user", "mgarcia"), ("enable-user", "pnew"), ("reset-password", "jsmith")]
    {
        let rehearsal = Rehearsal::start().await;
        for method in ["PUT", "POST"] {
            for path in ["/systemusers/5", "/state/activate", "/expire"] {
                rehearsal.tenant.order(Fault::CutAfter, method, path, 9);
            }
        }
        let outcome = rehearsal.run(playbook, json!({"username": user})).await.unwrap();
        assert_eq!(
            (&outcome["status"], &outcome["verified"]),
            (&json!("succeeded"), &json!(true)),
            "{playbook} {user}"
        );
    }
}

#[tokio::test]
async fn a_change_that_may_have_been_carried_out_is_never_called_undone() {
    // It may still be carried out: not seeing it proves nothing.
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::CutBefore, "PUT", "/systemusers/", 9);
    let error = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap_err();
    assert_eq!(error["errorType"], "OutcomeUnknown");
    assert!(!error["errorMessage"].as_str().unwrap().contains("nothing was done"));

    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::CutAfter, "PUT", "/systemusers/", 9);
    rehearsal.tenant.order(LOOK_UP, "GET", "/systemusers/", 1);
    rehearsal.tenant.order(Fault::status(503), "GET", "/systemusers/", 99);
    assert_eq!(error_type(rehearsal.run("disable-user", json!({"username": "jsmith"})).await), "OutcomeUnknown");

    // How soon an expiry shows is not known: not seeing it proves nothing.
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::CutBefore, "POST", "/expire", 9);
    assert_eq!(error_type(rehearsal.run("reset-password", json!({"username": "jsmith"})).await), "OutcomeUnknown");
}

#[tokio::test]
async fn an_accepted_change_that_does_not_show_is_not_called_verified() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Ignored, "POST", "/expire", 1);
    let outcome = rehearsal.run("reset-password", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!(
        (&outcome["status"], &outcome["changed"], &outcome["verified"]),
        (&json!("accepted"), &Value::Null, &json!(false))
    );
    assert_eq!(codes(&outcome)[0], "NOT_VISIBLE_YET");
    assert!(outcome["summary"].as_str().unwrap().starts_with("JumpCloud accepted the request to expire"));

    // "OK" is not what JumpCloud documents for this change, and nothing shows that it happened.
    rehearsal.tenant.order(Fault::Ignored, "PUT", "/systemusers/", 1);
    assert_eq!(error_type(rehearsal.run("disable-user", json!({"username": "jsmith"})).await), "OutcomeUnknown");

    // JumpCloud returns the user suspended, and a read after it is behind.
    let mut suspended = rehearsal.tenant.user("jsmith");
    suspended["state"] = json!("SUSPENDED");
    rehearsal.tenant.order(Fault::Answer(200, "application/json", suspended.to_string()), "PUT", "/systemusers/", 1);
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("succeeded"), &json!(true)));
    assert_eq!((&outcome["verified"], &outcome["after"]["state"]), (&json!(false), &json!("ACTIVATED")));
    assert!(outcome["summary"].as_str().unwrap().ends_with("It does not show yet."));

    // JumpCloud returns the user unchanged, and it is.
    let unchanged = rehearsal.tenant.user("jsmith").to_string();
    rehearsal.tenant.order(Fault::Answer(200, "application/json", unchanged), "PUT", "/systemusers/", 1);
    assert_eq!(error_type(rehearsal.run("disable-user", json!({"username": "jsmith"})).await), "UnexpectedResponse");

    rehearsal.tenant.order(LOOK_UP, "GET", "/systemusers/", 1);
    rehearsal.tenant.order(Fault::status(500), "GET", "/systemusers/", 1);
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((&outcome["verified"], &outcome["after"]["state"]), (&Value::Null, &json!("SUSPENDED")));
    assert_eq!(codes(&outcome)[0], "NOT_READ_BACK");
}

#[tokio::test]
async fn devices_that_cannot_be_read_do_not_stop_the_action() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::status(403), "GET", "/v2/users/", 9);
    let outcome = rehearsal.run("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!(outcome["status"], "succeeded");
    assert_eq!(codes(&outcome), ["DEVICES_UNKNOWN"]);
}
