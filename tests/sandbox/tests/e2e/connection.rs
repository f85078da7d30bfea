//! `check-connection`: what it finds, and how it tells apart what can be wrong. It never writes.

use std::{collections::BTreeSet, time::Duration};

use sandbox::{
    dynamo::Trouble,
    faults::Fault,
    playbooks,
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::{API_KEY, ORG_ID, SERVICE_ACCOUNT, TOKEN_PATH},
};
use serde_json::{Value, json};

use crate::{error_type, run, runs};

const NAME: &str = "check-connection";
const SMALL: &str = "jca_small_0123456789";
const JSON: &str = "application/json; charset=utf-8";

/// The checks of a cold function, which has sent nothing but reads.
async fn checks(rehearsal: &Rehearsal, changes: &[(&'static str, &str)]) -> Value {
    let outcome = run(rehearsal, NAME, json!({}), changes).await.expect("an outcome, whatever is wrong");
    assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("succeeded"), &json!(false)));
    assert!(rehearsal.tenant.writes().is_empty());
    assert!(!outcome.to_string().contains(API_KEY), "{outcome}");
    outcome
}

/// The check of this name, for this playbook where it is about one.
fn check<'a>(outcome: &'a Value, name: &str, playbook: Option<&str>) -> &'a Value {
    let mut checks = outcome["checks"].as_array().expect("checks").iter();
    let found = checks.find(|check| check["check"] == name && check["playbook"].as_str() == playbook);
    found.unwrap_or_else(|| panic!("{name} {playbook:?} in {outcome:#}"))
}

/// Its state, and its cause or an empty text.
fn state<'a>(outcome: &'a Value, name: &str) -> (&'a str, &'a str) {
    let check = check(outcome, name, None);
    (check["state"].as_str().expect("a state"), check["cause"].as_str().unwrap_or_default())
}

/// The same of each playbook's reads.
fn reads(outcome: &Value) -> Vec<(&'static str, &str)> {
    let of = |name: &'static str| (name, check(outcome, "reads", Some(name))["state"].as_str().expect("a state"));
    playbooks::all().iter().map(|playbook| of(&playbook.name)).collect()
}

fn evidence<'a>(outcome: &'a Value, name: &str) -> &'a str {
    check(outcome, name, None)["evidence"].as_str().expect("words")
}

#[tokio::test]
async fn all_that_can_be_read_works_and_nothing_is_written() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function(NAME, &[]).await;
    // Nothing is answered before all of its round has arrived: a read that waited for another of its round never would.
    rehearsal.tenant.order(Fault::Until(2), "POST", "/search/", 2);
    for method in ["GET", "POST"] {
        rehearsal.tenant.order(Fault::Until(13), method, "", 13);
    }
    let event = json!({"reason": "INC-9", "correlation": {"a": 1}, "dry_run": true});
    let outcome = function.invoke(event, TIMEOUT).await.unwrap();
    assert_eq!(
        (&outcome["playbook"], &outcome["changed"], outcome["target"].is_null()),
        (&json!(NAME), &json!(false), true)
    );
    assert!(outcome["summary"].as_str().unwrap().starts_with("Everything that can be read works"), "{outcome}");
    for check in outcome["checks"].as_array().unwrap() {
        let expected = if check["check"] == "change" { "unknown" } else { "ok" };
        assert_eq!((&check["state"], check["do"].is_null()), (&json!(expected), expected == "ok"), "{check}");
    }
    let changing: Vec<_> = playbooks::all().iter().filter(|playbook| playbook.changes).collect();
    assert_eq!(outcome["checks"].as_array().unwrap().len(), 8 + playbooks::all().len() + changing.len());
    let disable = check(&outcome, "reads", Some("disable-user"));
    assert_eq!((&disable["needs"]["role"], &disable["needs"]["guide_scopes"]), (&json!("Manager"), &json!(["users"])));
    assert!(disable["needs"]["scopes"].to_string().contains("users.state.suspend"), "{disable}");
    assert!(evidence(&outcome, "organization").contains(ORG_ID));
    let markdown = outcome["markdown"].as_str().unwrap();
    assert!(
        markdown.contains("\n| reads of disable-user | ok | ") && markdown.contains("| guard table | ok |"),
        "{markdown}"
    );
    // Each read once, and no longer a chain than a search and what it found.
    let calls = rehearsal.tenant.calls();
    assert_eq!(
        (calls.len(), calls.iter().collect::<BTreeSet<_>>().len(), rehearsal.tenant.longest_chain()),
        (13, 13, 2),
        "{calls:?}"
    );
    assert!(rehearsal.tenant.writes().is_empty() && outcome["api_calls"] == 13);
    assert_eq!(BTreeSet::from_iter(rehearsal.dynamo.operations()), BTreeSet::from(["GetItem".to_owned()]));
    let run = runs(&function, 1).await.remove(0);
    assert!(run.get("audit").is_none() && run["JumpCloudLatency"].as_array().unwrap().len() == 13, "{run}");
}

#[tokio::test]
async fn it_takes_direct_events_only_and_names_what_it_does_not_know() {
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function(NAME, &[]).await;
    let finding = json!({"version": "0", "id": "a", "detail-type": "Alert", "source": "test", "time": "2026-11-24T12:00:00Z",
        "account": "1", "region": "us-east-1", "resources": [], "detail": {"username": "jsmith"}});
    let batch = sandbox::events::batch([sandbox::events::record("m-1", "{}")]);
    for event in [finding, batch, json!({"username": "jsmith"}), json!({"switch": "off"}), json!([])] {
        let error = function.invoke(event.clone(), TIMEOUT).await.unwrap_err();
        assert_eq!(error["errorType"], "InvalidInput", "{event}");
        if event.get("username").is_some() {
            assert!(error["errorMessage"].as_str().unwrap().contains("`username`"), "{error}");
        }
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn small_scopes_are_told_by_playbook() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.secrets.set(&SERVICE_ACCOUNT.join(":"));
    rehearsal.tenant.grant(SERVICE_ACCOUNT[0], &["users.readonly"]);
    let outcome = checks(&rehearsal, &[]).await;
    assert!(
        evidence(&outcome, "secret").contains("service account") && !outcome.to_string().contains(SERVICE_ACCOUNT[1])
    );
    assert_eq!((state(&outcome, "key"), state(&outcome, "region")), (("ok", ""), ("ok", "")));
    let host = ["enrich-host", "shutdown-host"];
    let expected = playbooks::all().iter().map(|playbook| &*playbook.name);
    let expected: Vec<_> = expected.map(|name| (name, if host.contains(&name) { "failed" } else { "ok" })).collect();
    assert_eq!(reads(&outcome), expected);
    assert_eq!(outcome["summary"], "2 of 14 checks failed: reads of enrich-host, reads of shutdown-host.");
    let failed = check(&outcome, "reads", Some("enrich-host"));
    assert_eq!(failed["cause"], "role_or_scope");
    let words = failed["evidence"].as_str().unwrap();
    assert!(words.contains("1 of 2") && words.contains("POST /search/systems"), "{words}");
    // What only some runs need is named with them, and fails nothing.
    let disable = check(&outcome, "reads", Some("disable-user"));
    let words = disable["evidence"].as_str().unwrap();
    assert!(words.contains("GET /v2/users/{id}/memberof (where a group is protected): role or scope"), "{words}");
    assert_eq!((&disable["cause"], disable["do"].is_string()), (&json!("role_or_scope"), true));
    assert!(check(&outcome, "reads", Some("enable-user")).get("cause").is_none(), "it needs no more");
    // `/organizations`, which service accounts may not call, says nothing about a key.
    assert!(!rehearsal.tenant.calls().iter().any(|call| call.contains("organizations")));
}

/// The catalogue is what the checks judge by.
#[tokio::test]
async fn what_the_catalogue_says_is_always_needed_is_needed_and_enough() {
    let catalogue: Value = serde_json::from_str(include_str!("../../../../schemas/actions.json")).unwrap();
    for action in catalogue["actions"].as_array().unwrap() {
        let name = action["name"].as_str().unwrap();
        let scopes = action["jumpcloud_scopes"].as_array().unwrap().iter();
        let scopes: Vec<(&'static str, &str)> = scopes
            .map(|it| (&*it["scope"].as_str().unwrap().to_owned().leak(), it["when"].as_str().unwrap()))
            .collect();
        let event = &playbooks::named(name).unwrap().event;
        let ended = async |granted: Vec<&'static str>| {
            let rehearsal = Rehearsal::start().await;
            rehearsal.tenant.grant(SMALL, &granted);
            rehearsal.secrets.set(SMALL);
            rehearsal.run(name, event.clone()).await
        };
        // Of the reads those that are always needed; of the changes all, since which one it is depends on the user.
        let is_needed = |(scope, when): &(&str, &str)| *when == "always" || !scope.ends_with(".readonly");
        let needed: Vec<&'static str> =
            scopes.iter().filter(|scope| is_needed(scope)).map(|(scope, _)| *scope).collect();
        assert!(ended(needed.clone()).await.is_ok(), "{name} with {needed:?}");
        for (always, _) in scopes.iter().filter(|(_, when)| *when == "always") {
            let without = needed.iter().copied().filter(|scope| scope != always).collect();
            assert_eq!(error_type(ended(without).await), "Forbidden", "{name} without {always}");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_refused_ends_it_early_and_may_be_of_another_region() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.secrets.set("jca_of_another_region");
    let outcome = checks(&rehearsal, &[]).await;
    assert_eq!((state(&outcome, "key"), state(&outcome, "region")), (("failed", "key_or_region"), ("unknown", "")));
    let host = rehearsal.tenant.url().split('/').nth(2).unwrap().to_owned();
    assert!(evidence(&outcome, "key").contains(&host) && evidence(&outcome, "region").contains(&host), "{outcome}");
    assert!(reads(&outcome).iter().all(|(_, state)| *state == "failed") && !outcome.to_string().contains("jca_of"));
    // Both searches, and once more with the secret read again: no storm of refused calls.
    assert_eq!((rehearsal.tenant.requests().len(), rehearsal.secrets.reads()), (4, 2));
    // A redirect to the login page is the same.
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Redirect("/login".to_owned()), "POST", "/search/", 9);
    assert_eq!(state(&checks(&rehearsal, &[]).await, "key"), ("failed", "key_or_region"));
    // A key that was replaced is found with the same invocation.
    let rehearsal = Rehearsal::start().await;
    let function = rehearsal.function(NAME, &[]).await;
    function.invoke(json!({}), TIMEOUT).await.unwrap();
    rehearsal.tenant.set_key("jca_second");
    rehearsal.secrets.set("jca_second");
    assert_eq!(state(&function.invoke(json!({}), TIMEOUT).await.unwrap(), "key"), ("ok", ""));
}

#[tokio::test]
async fn a_service_account_is_refused_where_it_asks_for_its_token() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.secrets.set(&format!("{}:wrong_0123456789", SERVICE_ACCOUNT[0]));
    let outcome = checks(&rehearsal, &[]).await;
    assert_eq!((state(&outcome, "secret"), state(&outcome, "key")), (("ok", ""), ("failed", "key_or_region")));
    assert!(
        !outcome.to_string().contains("wrong_0123456789")
            && rehearsal.tenant.requests().iter().all(|sent| sent.path == TOKEN_PATH)
    );
}

#[tokio::test]
async fn what_answers_instead_of_jumpcloud_is_told_apart() {
    let page = "<!doctype html><title>Access denied</title>";
    for (fault, state_of_region, cause) in [
        (Fault::Answer(403, "text/html", page.to_owned()), "failed", "blocked"),
        (
            Fault::Answer(403, JSON, json!({"message": format!("no access for {API_KEY}")}).to_string()),
            "ok",
            "role_or_scope",
        ),
        (Fault::HtmlPage, "failed", "not_jumpcloud"),
        (Fault::Malformed, "failed", "not_jumpcloud"),
        (Fault::Answer(200, JSON, "[]".to_owned()), "failed", "not_jumpcloud"),
        (Fault::status(404), "failed", "not_found"),
        (Fault::status(429), "unknown", "rate_limited"),
        (Fault::status(500), "failed", "unavailable"),
        (Fault::status(503), "failed", "unavailable"),
        (Fault::status(400), "unknown", "refused"),
        (Fault::CutBefore, "failed", "not_reached"),
    ] {
        let rehearsal = Rehearsal::start().await;
        for method in ["POST", "GET"] {
            rehearsal.tenant.order(fault.clone(), method, "", 999);
        }
        let outcome = checks(&rehearsal, &[]).await;
        assert_eq!(state(&outcome, "region").0, state_of_region, "{fault:?}: {outcome:#}");
        for playbook in playbooks::all() {
            let reads = check(&outcome, "reads", Some(&playbook.name));
            assert_eq!((&reads["state"], &reads["cause"]), (&json!("failed"), &json!(cause)), "{fault:?}");
            assert!(reads["do"].is_string() && reads["evidence"].as_str().unwrap().contains("/search/"), "{reads}");
        }
        assert_ne!(state(&outcome, "key").0, if cause == "role_or_scope" { "failed" } else { "ok" }, "{fault:?}");
        assert_eq!((state(&outcome, "guard_table"), state(&outcome, "secret")), (("ok", ""), ("ok", "")), "{fault:?}");
    }
}

#[tokio::test]
async fn how_jumpcloud_is_not_reached_is_said() {
    let rehearsal = Rehearsal::start().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let tls = rehearsal.tenant.url().replace("http:", "https:");
    for (url, words) in [
        (format!("http://{closed}/api"), "refused"),
        ("https://console.invalid/api".to_owned(), "name could not be resolved"),
        (tls, "TLS failed"),
    ] {
        let outcome = checks(&rehearsal, &[("JUMPCLOUD_API_URL", &url)]).await;
        assert_eq!(state(&outcome, "region"), ("failed", "not_reached"), "{url}");
        assert!(evidence(&outcome, "region").contains(words), "{url}: {outcome:#}");
        assert_eq!(state(&outcome, "key"), ("unknown", ""));
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn an_answer_of_more_than_two_seconds_is_slow() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.order(Fault::Slow(Duration::from_millis(2001)), "GET", "/applemdms", 1);
    let outcome = checks(&rehearsal, &[]).await;
    assert_eq!(state(&outcome, "speed"), ("failed", "slow"));
    let words = evidence(&outcome, "speed");
    assert!(words.contains("GET /v2/applemdms") && words.contains("took 2"), "{words}");
    assert_eq!(outcome["summary"], "1 of 14 checks failed: speed.");
}

#[tokio::test]
async fn a_clock_that_differs_by_more_than_a_minute_is_said() {
    let rehearsal = Rehearsal::start().await;
    for (ahead, expected) in
        [(30, ("ok", "")), (-30, ("ok", "")), (90, ("failed", "clock_differs")), (-90, ("failed", "clock_differs"))]
    {
        rehearsal.tenant.clock_is_ahead(ahead);
        let outcome = checks(&rehearsal, &[]).await;
        assert_eq!(state(&outcome, "clock"), expected, "{ahead}");
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        assert_eq!(evidence(&outcome, "clock").contains(side), expected.0 == "failed", "{outcome:#}");
    }
}

#[tokio::test]
async fn the_organization_is_compared_with_that_of_what_was_read() {
    let rehearsal = Rehearsal::start().await;
    let configured = [("JUMPCLOUD_ORG_ID", ORG_ID)];
    assert_eq!(state(&checks(&rehearsal, &configured).await, "organization"), ("ok", ""));
    for collection in ["systemusers", "systems"] {
        rehearsal.tenant.clear(collection);
    }
    let outcome = checks(&rehearsal, &configured).await;
    assert_eq!(state(&outcome, "organization"), ("unknown", ""));
    assert!(
        reads(&outcome).iter().all(|(_, state)| *state == "unknown"),
        "there was nothing to ask about: {outcome:#}"
    );
    assert!(outcome["summary"].as_str().unwrap().starts_with("No check failed; not known: organization, reads of"));
    let other = "60259a2ad81e1a474d4e7c84";
    rehearsal.tenant.add("systemusers", json!({"_id": "5f0c1b2a3d4e5f60718293ff", "organization": other}));
    let outcome = checks(&rehearsal, &configured).await;
    assert_eq!(state(&outcome, "organization"), ("failed", "other_organization"));
    assert!(evidence(&outcome, "organization").contains(other));
    // The administrator of several who names none, and one that JumpCloud does not know.
    rehearsal.tenant.require_org();
    assert_eq!(state(&checks(&rehearsal, &[]).await, "key"), ("failed", "key_or_region"));
    assert_eq!(state(&checks(&rehearsal, &[("JUMPCLOUD_ORG_ID", other)]).await, "region"), ("failed", "not_found"));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_said_and_nothing_is_asked() {
    let rehearsal = Rehearsal::start().await;
    for (ordered, words) in [
        (Some("AccessDeniedException"), "secretsmanager:GetSecretValue"),
        (Some("ResourceNotFoundException"), "JUMPCLOUD_SECRET_ID"),
        (None, "empty"),
    ] {
        rehearsal.secrets.fail(ordered);
        rehearsal.secrets.set("");
        let outcome = checks(&rehearsal, &[]).await;
        assert_eq!(
            (state(&outcome, "secret"), state(&outcome, "key")),
            (("failed", "secret_unavailable"), ("unknown", ""))
        );
        assert!(evidence(&outcome, "secret").contains(words), "{outcome:#}");
        assert_eq!(state(&outcome, "guard_table"), ("ok", ""));
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

#[tokio::test]
async fn the_guard_table_is_readable_or_why_not() {
    for (code, expected) in [("ResourceNotFoundException", "table_missing"), ("AccessDeniedException", "no_permission")]
    {
        let rehearsal = Rehearsal::start().await;
        rehearsal.dynamo.order(Trouble::Error(code), "GetItem", 1);
        let outcome = checks(&rehearsal, &[]).await;
        assert_eq!(state(&outcome, "guard_table"), ("failed", expected));
        assert_eq!(
            (outcome["summary"].as_str().unwrap(), state(&outcome, "key")),
            ("1 of 14 checks failed: guard table.", ("ok", ""))
        );
    }
    let rehearsal = Rehearsal::start().await;
    let without = checks(&rehearsal, &[("GUARD_TABLE", "none")]).await;
    assert_eq!(state(&without, "guard_table"), ("ok", ""));
    assert!(evidence(&without, "guard_table").contains("on purpose"));
    assert_eq!(state(&checks(&rehearsal, &[("GUARD_TABLE", "")]).await, "guard_table"), ("unknown", ""));
    assert!(rehearsal.dynamo.operations().is_empty());
    // One that dropped a connection is asked again, one that is not there is said.
    rehearsal.dynamo.order(Trouble::CutBefore, "GetItem", 1);
    assert_eq!(state(&checks(&rehearsal, &[]).await, "guard_table"), ("ok", ""));
    rehearsal.dynamo.drop_table();
    assert_eq!(state(&checks(&rehearsal, &[]).await, "guard_table"), ("failed", "table_missing"));
}

#[tokio::test]
async fn a_variable_that_makes_no_sense_is_a_failed_check() {
    let rehearsal = Rehearsal::start().await;
    for (name, value) in [
        ("DRY_RUN", "yes"),
        ("JUMPCLOUD_REGION", "mars"),
        ("JUMPCLOUD_API_URL", "http://192.0.2.1/api"),
        ("JUMPCLOUD_SECRET_ID", ""),
        ("PROTECTED", "ceo"),
        ("MAX_TARGETS_PER_HOUR", "0"),
    ] {
        let outcome = checks(&rehearsal, &[(name, value)]).await;
        assert_eq!(state(&outcome, "configuration"), ("failed", "misconfigured"), "{name}");
        assert!(evidence(&outcome, "configuration").contains(name), "{outcome:#}");
        assert!(outcome["summary"].as_str().unwrap().contains("configuration"), "{outcome}");
    }
}
