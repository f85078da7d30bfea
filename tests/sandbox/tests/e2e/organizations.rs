//! Several organizations in one deployment: whose an event is, and that nothing of one reaches another.

use sandbox::{
    events::{batch, record},
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::{API_KEY, ORG_ID, Tenant},
};
use serde_json::{Value, json};

use crate::{ANY_AGE, error_type, runs};

/// The other organization's id.
pub(crate) const OTHER: &str = "60259a2ad81e1a474d4e7c99";
/// The other organization's key.
const OTHER_KEY: &str = "jca_other_fedcba9876543210";
const PATTERN: (&str, &str) = ("JUMPCLOUD_SECRET_ID", "jumpcloud/{organization}/key");
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:findings";
const ACCOUNT: &str = "123456789012";
const OTHER_ACCOUNT: &str = "210987654321";

/// `acme` and `globex`: each a tenant of its own with its own key, and the secrets that lead there.
pub(crate) struct Two {
    /// That of `acme`, the secrets and the guard table of both.
    pub(crate) rehearsal: Rehearsal,
    pub(crate) other: Tenant,
}

impl Two {
    pub(crate) async fn start() -> Self {
        let two = Self { rehearsal: Rehearsal::start().await, other: Tenant::start().await };
        two.other.set_key(OTHER_KEY);
        two.set_key("acme", API_KEY);
        two.set_key("globex", OTHER_KEY);
        two
    }

    /// The tenant of an organization.
    pub(crate) fn tenant(&self, alias: &str) -> &Tenant {
        if alias == "acme" { &self.rehearsal.tenant } else { &self.other }
    }

    /// What the secret of an organization holds from now on.
    pub(crate) fn set_key(&self, alias: &str, key: &str) {
        let secret = json!({"api_key": key, "api_url": self.tenant(alias).url()});
        self.rehearsal.secrets.put(&format!("jumpcloud/{alias}/key"), &secret.to_string());
    }

    pub(crate) async fn function(&self, playbook: &str, changes: &[(&'static str, &str)]) -> Function {
        let region = [PATTERN, ("JUMPCLOUD_API_URL", "http://127.0.0.1:9/api")]; // of none of them
        self.rehearsal.function(playbook, &[&region, changes].concat()).await
    }
}

fn state(tenant: &Tenant, username: &str) -> Value {
    tenant.user(username)["state"].clone()
}

fn eventbridge(account: &str, detail: &Value) -> Value {
    json!({"version": "0", "id": "e-1", "detail-type": "Alert", "source": "company.siem", "account": account, "detail": detail,
           "time": chrono::Utc::now().to_rfc3339(), "region": "us-east-1", "resources": []})
}

#[tokio::test]
async fn a_direct_event_reaches_the_organization_that_it_names_and_no_other() {
    let two = Two::start().await;
    let function = two.function("disable-user", &[]).await;
    let event = json!({"username": "jsmith", "organization": "globex"});
    let outcome = function.invoke(event, TIMEOUT).await.expect("an outcome");
    assert_eq!(
        (&outcome["status"], &outcome["request"]["organization"], &outcome["undo"]["event"]["organization"]),
        (&json!("succeeded"), &json!("globex"), &json!("globex"))
    );
    assert_eq!(
        (state(&two.other, "jsmith"), state(&two.rehearsal.tenant, "jsmith")),
        (json!("SUSPENDED"), json!("ACTIVATED"))
    );
    assert!(two.rehearsal.tenant.requests().is_empty());
    assert_eq!(two.rehearsal.secrets.read(), ["jumpcloud/globex/key"]);
    // The undo as it is gives back to the same.
    let enable = two.function("enable-user", &[]).await;
    enable.invoke(outcome["undo"]["event"].clone(), TIMEOUT).await.expect("an outcome");
    assert_eq!(state(&two.other, "jsmith"), "ACTIVATED");
    let line = &runs(&function, 1).await[0];
    assert_eq!(
        (&line["Organization"], &line["audit"]["request"]["organization"]),
        (&json!("globex"), &json!("globex"))
    );
}

#[tokio::test]
async fn a_direct_event_says_whose_it_is_and_only_where_there_are_several() {
    let two = Two::start().await;
    let listed = ("JUMPCLOUD_ORGS", "acme,globex");
    let pattern = two.function("disable-user", &[]).await;
    let list = two.function("disable-user", &[listed]).await;
    for (function, organization, expected) in [
        (&pattern, json!(null), "is missing"),
        (&pattern, json!("Globex"), "none that this function serves"),
        (&pattern, json!("*"), "none that this function serves"),
        (&pattern, json!("../globex"), "none that this function serves"),
        (&pattern, json!(["globex"]), "must be text"),
        (&list, json!("initech"), "give one of `acme`, `globex`"),
        (&list, json!(null), "give one of `acme`, `globex`"),
    ] {
        let event = json!({"username": "jsmith", "organization": organization});
        let error = function.invoke(event, TIMEOUT).await.expect_err("a refusal");
        assert_eq!(error["errorType"], "InvalidInput", "{error}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(expected) && !message.contains("initech"), "{message}");
    }
    // Who has no secret is not served, whatever an event says.
    let event = json!({"username": "jsmith", "organization": "initech"});
    let error = pattern.invoke(event, TIMEOUT).await.expect_err("no secret");
    assert_eq!(error["errorType"], "SecretUnavailable");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("(organization initech)"), "{error}");
    let one = two.rehearsal.function("disable-user", &[]).await;
    let event = json!({"username": "jsmith", "organization": "acme"});
    let error = one.invoke(event, TIMEOUT).await.expect_err("a refusal");
    assert!(error["errorMessage"].as_str().unwrap().contains("serves one organization"), "{error}");
    assert!(two.rehearsal.tenant.requests().is_empty() && two.other.requests().is_empty());
    assert_eq!(two.rehearsal.dynamo.items("globex#change"), Vec::<Value>::new());
}

#[tokio::test]
async fn the_connection_is_checked_of_the_organization_that_is_named() {
    let two = Two::start().await;
    two.set_key("globex", "jca_wrong_0123456789abcdef");
    let function = two.function("check-connection", &[]).await;
    for (organization, key) in [("acme", "ok"), ("globex", "failed")] {
        let outcome = function.invoke(json!({"organization": organization}), TIMEOUT).await.expect("an outcome");
        assert_eq!(outcome["request"]["organization"], organization);
        let checks = outcome["checks"].as_array().expect("checks");
        assert_eq!(
            checks.iter().find(|check| check["check"] == "key").expect("of the key")["state"],
            key,
            "{outcome:#}"
        );
    }
    // Of each its own; one that is refused is read again.
    assert_eq!(two.rehearsal.secrets.read(), ["jumpcloud/acme/key", "jumpcloud/globex/key", "jumpcloud/globex/key"]);
    for event in [json!({}), json!({"organization": "*"}), json!({"all_organizations": true})] {
        let error = function.invoke(event, TIMEOUT).await.expect_err("a refusal");
        assert_eq!(error["errorType"], "InvalidInput", "{error}");
    }
    // What is wrong with the list is what a check is for.
    let broken = two.function("check-connection", &[("ORGANIZATION_OF_ACCOUNT", "globex")]).await;
    for event in [json!({}), json!({"organization": "acme"})] {
        let outcome = broken.invoke(event, TIMEOUT).await.expect("an outcome");
        let configuration = &outcome["checks"][0];
        assert_eq!((&configuration["check"], &configuration["state"]), (&json!("configuration"), &json!("failed")));
        assert!(configuration["evidence"].as_str().unwrap().contains("ORGANIZATION_OF_ACCOUNT"), "{outcome:#}");
    }
}

#[tokio::test]
async fn an_alert_of_eventbridge_is_its_accounts_and_of_nobody_else() {
    let two = Two::start().await;
    let of = format!("{ACCOUNT}=acme,{OTHER_ACCOUNT}=globex");
    let function = two.function("disable-user", &[("ORGANIZATION_OF_ACCOUNT", &of)]).await;
    // What the content says is nobody's word.
    let inner = eventbridge(ACCOUNT, &json!({"username": "adunn"}));
    let outcome = function.invoke(eventbridge(OTHER_ACCOUNT, &inner), TIMEOUT).await.expect("an outcome");
    assert_eq!((&outcome["status"], &outcome["request"]["organization"]), (&json!("succeeded"), &json!("globex")));
    assert_eq!(
        (state(&two.other, "adunn"), state(&two.rehearsal.tenant, "adunn")),
        (json!("SUSPENDED"), json!("ACTIVATED"))
    );
    let own = eventbridge(ACCOUNT, &json!({"username": "jsmith", "organization": "acme"}));
    assert_eq!(function.invoke(own, TIMEOUT).await.expect("an outcome")["request"]["organization"], "acme");
    let calls = (two.rehearsal.tenant.requests().len(), two.other.requests().len());
    for (event, expected) in [
        (eventbridge("111122223333", &json!({"username": "svc-ldap", "account": ACCOUNT})), "Unsupported"),
        (eventbridge("111122223333", &eventbridge(ACCOUNT, &json!({"username": "svc-ldap"}))), "Unsupported"),
        (eventbridge("", &json!({"username": "svc-ldap"})), "Unsupported"),
        (eventbridge("globex", &json!({"username": "svc-ldap"})), "Unsupported"),
        (eventbridge(ACCOUNT, &json!({"username": "svc-ldap", "organization": "globex"})), "InvalidInput"),
        (eventbridge(ACCOUNT, &json!({"username": "svc-ldap", "organization": "GLOBEX"})), "InvalidInput"),
        (sns(&json!({"username": "svc-ldap"})), "Unsupported"),
        (sns(&eventbridge(ACCOUNT, &json!({"username": "svc-ldap"}))), "Unsupported"),
    ] {
        let error = function.invoke(event.clone(), TIMEOUT).await.expect_err("a refusal");
        assert_eq!(error["errorType"], expected, "{event}: {error}");
        if expected == "Unsupported" {
            assert!(error["errorMessage"].as_str().unwrap().contains("ORGANIZATION_OF_ACCOUNT"), "{error}");
        }
    }
    assert_eq!(calls, (two.rehearsal.tenant.requests().len(), two.other.requests().len()));
    let lines = runs(&function, 10).await;
    assert!(lines[2..].iter().all(|line| line["RefusedAlerts"] == 1), "{lines:?}");
    // Without the list there is no alert of anybody.
    let function = two.function("disable-user", &[]).await;
    assert_eq!(
        error_type(function.invoke(eventbridge(ACCOUNT, &json!({"username": "jsmith"})), TIMEOUT).await),
        "Unsupported"
    );
}

fn sns(message: &Value) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:a", "Sns": {
        "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:a", "Message": message.to_string(),
        "Timestamp": chrono::Utc::now().to_rfc3339(), "SignatureVersion": "1", "Signature": "x", "SigningCertUrl": "https://x",
        "UnsubscribeUrl": "https://x", "MessageAttributes": {}}}]})
}

#[tokio::test]
async fn a_record_is_its_queues_whatever_is_in_it() {
    let two = Two::start().await;
    let of = format!("{ACCOUNT}=acme,{QUEUE}=globex");
    let function = two.function("disable-user", &[("ORGANIZATION_OF_ACCOUNT", &of)]).await;
    let in_queue = |id: &str, queue: &str, body: Value| {
        let mut record = record(id, body);
        record["eventSourceARN"] = json!(queue);
        record
    };
    let user = |name: &str| json!({"username": name});
    let elsewhere = format!("{QUEUE}-dlq");
    let records = [
        in_queue("plain", QUEUE, user("jsmith")),
        in_queue("nested", QUEUE, eventbridge(ACCOUNT, &user("adunn"))), // the account counts outside only
        in_queue("same", QUEUE, json!({"username": "kpark", "organization": "globex"})),
        in_queue("other", QUEUE, json!({"username": "svc-ldap", "organization": "acme"})),
        in_queue("unknown", &elsewhere, user("svc-ldap")),
        in_queue("unknown-nested", &elsewhere, eventbridge(ACCOUNT, &user("svc-ldap"))),
        in_queue("account", ACCOUNT, user("svc-ldap")), // no queue has such an ARN
        in_queue("none", "", user("svc-ldap")),
    ];
    let answer = function.invoke(batch(records), TIMEOUT).await.expect("a batch is answered");
    assert_eq!(answer, json!({"batchItemFailures": []}));
    for name in ["jsmith", "adunn", "kpark"] {
        assert_eq!(state(&two.other, name), "SUSPENDED", "{name}");
    }
    assert_eq!(state(&two.other, "svc-ldap"), "ACTIVATED");
    assert!(two.rehearsal.tenant.requests().is_empty());
    let lines = runs(&function, 8).await;
    let refused = lines.iter().filter(|line| line["RefusedAlerts"] == 1).count();
    assert_eq!(refused, 5, "{lines:?}");
}

#[tokio::test]
async fn what_nobody_acts_on_is_ignored_whosever_it_is() {
    let two = Two::start().await;
    let function = two.function("disable-user", &[ANY_AGE]).await;
    let closed = json!({"class_uid": 2004, "class_name": "Detection Finding", "status_id": 4, "status": "Resolved",
                        "metadata": {"uid": "f-1", "version": "1.1.0"}, "finding_info": {"uid": "f-1", "title": "t"}});
    let outcome = function.invoke(eventbridge(ACCOUNT, &closed), TIMEOUT).await.expect("an outcome");
    assert_eq!(outcome["status"], "ignored");
}

#[tokio::test]
async fn one_key_for_several_is_used_with_the_id_of_each() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.tenant.add_organization(OTHER);
    let orgs = format!("acme={ORG_ID},globex={OTHER}");
    let function = rehearsal.function("disable-user", &[("JUMPCLOUD_ORGS", &orgs)]).await;
    for (alias, id, name) in [("acme", ORG_ID, "jsmith"), ("globex", OTHER, "adunn"), ("acme", ORG_ID, "svc-ldap")] {
        let before = rehearsal.tenant.requests().len();
        let event = json!({"username": name, "organization": alias});
        let outcome = function.invoke(event, TIMEOUT).await.expect("an outcome");
        assert_eq!(outcome["status"], "succeeded");
        let requests = rehearsal.tenant.requests().split_off(before);
        assert!(requests.iter().all(|request| request.headers["x-org-id"] == id), "{alias}");
        let there = |organization| rehearsal.tenant.user_of(organization, name)["state"].clone();
        let (own, others) = (there(id), there(if id == OTHER { ORG_ID } else { OTHER }));
        assert_eq!((own, others), (json!("SUSPENDED"), json!("ACTIVATED")), "{name}");
    }
    // An id that the key does not lead to, and a secret that is another's.
    for (secret, orgs, expected) in [
        (API_KEY.to_owned(), "acme=60259a2ad81e1a474d4e7c00", "UnexpectedResponse"),
        (json!({"api_key": API_KEY, "org_id": OTHER}).to_string(), orgs.as_str(), "SecretUnavailable"),
    ] {
        rehearsal.secrets.set(&secret);
        let function = rehearsal.function("disable-user", &[("JUMPCLOUD_ORGS", orgs)]).await;
        let writes = rehearsal.tenant.writes().len();
        let error = function.invoke(json!({"username": "kpark", "organization": "acme"}), TIMEOUT).await.unwrap_err();
        assert_eq!((&error["errorType"], rehearsal.tenant.writes().len()), (&json!(expected), writes), "{error}");
    }
    let function = rehearsal.function("disable-user", &[("JUMPCLOUD_ORGS", &orgs)]).await;
    let event = json!({"username": "kpark", "organization": "globex"});
    assert_eq!(function.invoke(event, TIMEOUT).await.expect("the secret is its own")["status"], "succeeded");
}

#[tokio::test]
async fn variables_that_contradict_each_other_stop_each_function() {
    let two = Two::start().await;
    for changes in [
        &[("JUMPCLOUD_ORGS", "acme")][..],
        &[("JUMPCLOUD_ORGS", "acme=1,acme=2")],
        &[PATTERN, ("JUMPCLOUD_ORG_ID", ORG_ID)],
        &[PATTERN, ("JUMPCLOUD_ORGS", "acme"), ("ORGANIZATION_OF_ACCOUNT", "123456789012=globex")],
        &[("ORGANIZATION_OF_ACCOUNT", "123456789012=acme")],
    ] {
        for playbook in ["disable-user", "enrich-user", "guard-rails"] {
            let function = two.rehearsal.function(playbook, changes).await;
            let event = json!({"username": "jsmith", "organization": "acme"});
            assert_eq!(error_type(function.invoke(event, TIMEOUT).await), "Internal", "{playbook} {changes:?}");
        }
    }
    assert!(two.rehearsal.tenant.requests().is_empty() && two.rehearsal.secrets.reads() == 0);
}

#[tokio::test]
async fn consent_to_a_plan_of_one_is_none_to_the_same_plan_of_another() {
    let two = Two::start().await;
    let rails = [("PROTECTED", "user:jsmith=ask")]; // of the stack, and so of all
    let function = two.function("disable-user", &rails).await;
    let event = |alias: &str, more: Value| {
        let mut event = json!({"username": "jsmith", "organization": alias});
        event.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        event
    };
    let hash = async |alias: &str| {
        function.invoke(event(alias, json!({"dry_run": true})), TIMEOUT).await.expect("a dry run")["plan_hash"].clone()
    };
    let (acme, globex) = (hash("acme").await, hash("globex").await);
    assert!(acme.is_string() && acme != globex);
    for alias in ["acme", "globex"] {
        assert_eq!(error_type(function.invoke(event(alias, json!({})), TIMEOUT).await), "Protected");
    }
    let given = function.invoke(event("globex", json!({"plan_hash": acme})), TIMEOUT).await;
    assert_eq!(error_type(given), "PlanChanged");
    let given = function.invoke(event("globex", json!({"plan_hash": globex})), TIMEOUT).await;
    assert_eq!(given.expect("consent")["status"], "succeeded");
    assert_eq!(state(&two.rehearsal.tenant, "jsmith"), "ACTIVATED");
}

#[tokio::test]
async fn the_rails_of_one_stop_nobody_else_and_those_of_all_stop_everybody() {
    let two = Two::start().await;
    let rails = two.function("guard-rails", &[("JUMPCLOUD_ORGS", "acme,globex")]).await;
    let set = async |event: Value| rails.invoke(event, TIMEOUT).await;
    let disable = two.function("disable-user", &[("MAX_TARGETS_PER_HOUR", "2")]).await;
    let run = async |alias: &str, name: &str| {
        let answer = disable.invoke(json!({"username": name, "organization": alias}), TIMEOUT).await;
        answer.map_or_else(|error| error["errorType"].clone(), |outcome| outcome["status"].clone())
    };
    let off = json!({"switch": "off", "playbook": "disable-user", "organization": "acme", "reason": "INC-9"});
    let outcome = set(off.clone()).await.expect("an outcome");
    assert_eq!(
        (&outcome["request"]["organization"], &outcome["undo"]["event"]["organization"]),
        (&json!("acme"), &json!("acme"))
    );
    assert_eq!(
        (run("acme", "jsmith").await, run("globex", "jsmith").await),
        (json!("SwitchedOff"), json!("succeeded"))
    );
    set(outcome["undo"]["event"].clone()).await.expect("an outcome");
    // A protected entry, and the count and latch of a limit.
    set(json!({"protect": {"user": "adunn"}, "as": "never", "organization": "globex", "reason": "board"}))
        .await
        .expect("an outcome");
    assert_eq!((run("globex", "adunn").await, run("acme", "adunn").await), (json!("Protected"), json!("succeeded")));
    assert_eq!((run("acme", "jsmith").await, run("acme", "kpark").await), (json!("succeeded"), json!("LimitReached")));
    assert_eq!(run("globex", "kpark").await, "succeeded");
    // Of all: whoever is stopped, it is everybody; and nobody has to be named.
    let everywhere = json!({"switch": "off", "all_organizations": true, "reason": "INC-9"});
    let outcome = set(everywhere).await.expect("an outcome");
    assert!(outcome["undo"]["event"].get("organization").is_none(), "{outcome}");
    for alias in ["acme", "globex"] {
        assert_eq!(run(alias, "svc-ldap").await, "SwitchedOff");
    }
    let shown = set(json!({"show": true, "all_organizations": true})).await.expect("an outcome");
    let each = shown["rails"]["organizations"].as_array().unwrap();
    assert_eq!(each.iter().map(|rails| &rails["organization"]).collect::<Vec<_>>(), ["acme", "globex"]);
    let targets = |index: usize| each[index]["playbooks"][0]["this_hour"]["targets"].clone();
    assert_eq!((targets(0), targets(1)), (json!(2), json!(2)), "{shown:#}");
    for event in [
        json!({"show": true}),
        json!({"show": true, "organization": "initech"}),
        json!({"switch": "on", "organization": "acme", "all_organizations": true, "reason": "x"}),
        json!({"protect": {"user": "x"}, "as": "never", "all_organizations": true, "reason": "x"}),
    ] {
        assert_eq!(error_type(set(event.clone()).await), "InvalidInput", "{event}");
    }
    // No record stands under another name, and the rails need no secret.
    assert!(two.rehearsal.dynamo.items("default#switch").is_empty());
    assert!(!two.rehearsal.secrets.read().iter().any(|name| !name.starts_with("jumpcloud/")));
    let before = two.rehearsal.secrets.reads();
    let cold = two.function("guard-rails", &[]).await;
    cold.invoke(json!({"show": true, "organization": "acme"}), TIMEOUT).await.expect("an outcome");
    assert_eq!(two.rehearsal.secrets.reads(), before);
}

#[tokio::test]
async fn a_hold_of_one_keeps_nobody_of_another() {
    let two = Two::start().await;
    let disable = two.function("disable-user", &[]).await;
    let enable = two.function("enable-user", &[]).await;
    for alias in ["acme", "globex"] {
        let event = json!({"username": "jsmith", "organization": alias, "hold": alias});
        disable.invoke(event, TIMEOUT).await.expect("an outcome");
    }
    let second = json!({"username": "jsmith", "organization": "acme", "hold": "INC-2"});
    disable.invoke(second, TIMEOUT).await.expect("an outcome");
    for (alias, release, state_after) in
        [("acme", "acme", "SUSPENDED"), ("globex", "acme", "SUSPENDED"), ("globex", "globex", "ACTIVATED")]
    {
        let event = json!({"username": "jsmith", "organization": alias, "release": release});
        enable.invoke(event, TIMEOUT).await.expect("an outcome");
        assert_eq!(state(two.tenant(alias), "jsmith"), state_after, "{alias} {release}");
    }
    assert_eq!(state(two.tenant("acme"), "jsmith"), "SUSPENDED");
}

#[tokio::test]
async fn whoever_names_many_organizations_does_not_use_up_the_memory() {
    let two = Two::start().await;
    let function = two.function("enrich-user", &[]).await;
    let ask = async |from: usize, to: usize| {
        for number in from..to {
            let (alias, url) = (format!("o{number}"), two.other.url());
            let secret = json!({"api_key": OTHER_KEY, "api_url": url});
            two.rehearsal.secrets.put(&format!("jumpcloud/{alias}/key"), &secret.to_string());
            let event = json!({"username": "jsmith", "organization": alias});
            assert_eq!(function.invoke(event, TIMEOUT).await.expect("an outcome")["status"], "succeeded");
        }
        function.peak_memory_mib().await
    };
    let (one, kept, more) = (ask(0, 1).await, ask(1, 32).await, ask(32, 200).await);
    assert!(more <= kept + 8 && more < 100, "{one} {kept} {more} MiB of 128");
}
