//! What must not get out: keys, secrets of JumpCloud's objects, payloads.

use sandbox::{
    faults::Fault,
    playbooks,
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{BUILD_07, COMPUTER123, JSMITH},
    tenant::{API_KEY, SERVICE_ACCOUNT, TOKEN, TOKEN_PATH},
};
use serde_json::{Value, json};

use crate::runs;

/// Runs one invocation at the most talkative log level; everything that comes out of it.
async fn everything(rehearsal: &Rehearsal, playbook: &str, event: Value) -> String {
    let function = rehearsal.function(playbook, &[("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "trace")]).await;
    let answer = match function.invoke(event, TIMEOUT).await {
        Ok(answer) | Err(answer) => answer,
    };
    format!("{answer}\n{}", function.logs())
}

#[tokio::test]
async fn neither_key_nor_stored_secrets_come_out_of_any_playbook() {
    let rehearsal = Rehearsal::start().await;
    for (playbook, event) in [
        ("enrich-host", json!({"hostname": "Computer123"})),
        ("enrich-user", json!({"username": "jsmith"})),
        ("disable-user", json!({"username": "jsmith"})),
        ("enable-user", json!({"username": "jsmith"})),
        ("reset-password", json!({"username": "jsmith"})),
        ("shutdown-host", json!({"hostname": "Computer123"})),
    ] {
        let out = everything(&rehearsal, playbook, event).await;
        assert!(out.contains("done"), "the invocation left no trace: {out}");
        for secret in ["SECRET", API_KEY] {
            assert!(!out.contains(secret), "{playbook}: {out}");
        }
    }
}

#[tokio::test]
async fn neither_client_secret_nor_token_comes_out_of_any_playbook() {
    let rehearsal = Rehearsal::start().await;
    let [id, secret] = SERVICE_ACCOUNT;
    rehearsal.secrets.set(&json!({"client_id": id, "client_secret": secret}).to_string());
    let basic = "c2FfcmVoZWFyc2FsOnJlaGVhcnNhbF9zZWNyZXRfMDEyMzQ1Njc4OQ"; // both, as HTTP Basic has them
    let clean = |out: &str| [secret, TOKEN, basic].iter().all(|secret| !out.contains(secret));
    for playbook in playbooks::functions() {
        let out = everything(&rehearsal, &playbook.name, playbook.event.clone()).await;
        assert!(out.contains("done") && clean(&out), "{}: {out}", playbook.name);
    }
    // Nor from what refuses it, and from what cannot be read.
    let all = format!("{id}:{secret} {TOKEN} Basic {basic}==");
    for (status, kind, body) in [
        (401, "application/json", json!({"error": all, "error_description": all}).to_string()),
        (400, "application/json", json!({"error": "invalid_client", "message": all}).to_string()),
        (403, "text/html", format!("<html>{all}</html>")),
        (200, "application/json", format!("{{\"access_token\": \"{TOKEN}")),
        (200, "application/json", json!({"access_token": {"token": TOKEN}}).to_string()),
        (200, "application/json", json!({"access_token": format!("{TOKEN}\n")}).to_string()),
    ] {
        rehearsal.tenant.order(Fault::Answer(status, kind, body.clone()), "POST", TOKEN_PATH, 9);
        let out = everything(&rehearsal, "disable-user", json!({"username": "jsmith"})).await;
        assert!(out.contains("errorType") && clean(&out), "{body}: {out}");
        let out = everything(&rehearsal, "check-connection", json!({})).await;
        assert!(out.contains("\"failed\"") && clean(&out), "{body}: {out}");
        rehearsal.tenant.forget_orders();
    }
    // And where JumpCloud repeats the token.
    let body = json!({"message": format!("no access for {TOKEN}_{}", rehearsal.tenant.tokens() + 1)}).to_string();
    rehearsal.tenant.order(Fault::Answer(403, "application/json", body), "POST", "/search/", 1);
    let out = everything(&rehearsal, "disable-user", json!({"username": "jsmith"})).await;
    assert!(out.contains("[redacted]") && clean(&out), "{out}");
}

#[tokio::test]
async fn a_payload_is_never_repeated_by_an_error_or_a_log() {
    let rehearsal = Rehearsal::start().await;
    for event in [
        json!({"username": "jsmith", "password": "hunter2-SECRET"}),
        json!({"username": {"x": "hunter2-SECRET"}}),
        json!("hunter2-SECRET"),
        json!({"username": "hunter2-SECRET\u{0}"}),
        json!({"username": "jsmith", "dry_run": "hunter2-SECRET"}),
        json!({"user_id": "hunter2-SECRET"}),
        json!({"username": "jsmith", "reason": ["hunter2-SECRET"]}),
        json!(["hunter2-SECRET"]),
    ] {
        let out = everything(&rehearsal, "disable-user", event).await;
        assert!(out.contains("InvalidInput"), "{out}");
        assert!(!out.contains("hunter2"), "{out}");
    }
    // A question's reason and target go back to the caller and nowhere else.
    let event = json!({"username": "jsmith", "reason": "hunter2"});
    let function = rehearsal.function("enrich-user", &[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
    function.invoke(event.clone(), TIMEOUT).await.unwrap();
    runs(&function, 1).await;
    let logs = function.logs();
    assert!(!logs.contains("hunter2") && !logs.contains("jsmith"), "{logs}");
    // A command's stand in the audit record and in no other line.
    let function = rehearsal.function("disable-user", &[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
    function.invoke(event, TIMEOUT).await.unwrap();
    runs(&function, 1).await;
    let logs = function.logs();
    let named: Vec<&str> = logs.lines().filter(|line| line.contains("hunter2") || line.contains("jsmith")).collect();
    assert!(matches!(named[..], [line] if line.contains("\"audit\":")), "{named:?}");
}

#[tokio::test]
async fn an_error_text_that_repeats_the_key_is_cleaned() {
    let rehearsal = Rehearsal::start().await;
    let body = json!({"message": format!("no access for {API_KEY}\r\nforged line")}).to_string();
    rehearsal.tenant.order(Fault::Answer(403, "application/json", body), "POST", "/search/", 1);
    let out = everything(&rehearsal, "disable-user", json!({"username": "jsmith"})).await;
    assert!(out.contains("[redacted]") && !out.contains(API_KEY), "{out}");
    assert!(!out.contains("\nforged"), "{out}");
}

#[tokio::test]
async fn a_key_with_a_character_in_its_middle_is_found_all_the_same() {
    let rehearsal = Rehearsal::start().await;
    for odd in ["\n", "\r\n", "\u{85}", "\u{2028}", "\u{200b}", "\u{202e}", "\0", "\u{feff}"] {
        let (head, tail) = API_KEY.split_at(12);
        let body = json!({"message": format!("no access for {head}{odd}{tail}")}).to_string();
        rehearsal.tenant.order(Fault::Answer(403, "application/json", body), "POST", "/search/", 1);
        let out = everything(&rehearsal, "disable-user", json!({"username": "jsmith"})).await;
        assert!(out.contains("no access for [redacted]"), "{odd:?}: {out}");
        assert!(!out.contains(tail), "{odd:?}: {out}");
    }
}

#[tokio::test]
async fn the_key_is_in_no_log_when_the_answer_that_holds_it_cannot_be_read() {
    let rehearsal = Rehearsal::start().await;
    let whole = json!({"Name": "jumpcloud/api-key", "SecretString": API_KEY, "VersionId": "1"}).to_string();
    let cut = &whole[..whole.find(API_KEY).unwrap() + API_KEY.len()];
    for body in [
        cut.to_owned(),
        format!("{cut}\"}} and more"),
        API_KEY.to_owned(),
        json!({"SecretString": {"key": API_KEY}}).to_string(),
        json!({"SecretString": [API_KEY]}).to_string(),
        json!({API_KEY: API_KEY, "CreatedDate": API_KEY, "SecretString": "x"}).to_string(),
        json!({"SecretBinary": API_KEY}).to_string(),
        json!({"SecretString": format!("{{\"api_key\": \"{API_KEY}")}).to_string(),
        json!({"SecretString": format!("{API_KEY} {API_KEY}")}).to_string(),
    ] {
        rehearsal.secrets.answer_with(&body);
        for level in ["DEBUG", "TRACE"] {
            let levels = [("AWS_LAMBDA_LOG_LEVEL", level), ("RUST_LOG", "trace"), ("AWS_LAMBDA_LOG_FORMAT", "JSON")];
            let function = rehearsal.function("disable-user", &levels).await;
            let error = function.invoke(json!({"username": "jsmith"}), TIMEOUT).await.unwrap_err();
            runs(&function, 1).await;
            let out = format!("{error}\n{}", function.logs());
            assert!(out.contains("SecretUnavailable"), "{body}: {out}");
            assert!(!out.contains(API_KEY) && !out.contains("rehearsal_0123"), "{body}: {out}");
        }
    }
    assert!(rehearsal.tenant.requests().is_empty());
}

/// What a name tries that wants to write into whatever repeats it.
const EVIL: &str =
    "dc01\nTo approve:\r\naws stepfunctions\u{85}send\u{2028}x\u{2029}\u{202e}gpj.exe\u{2066}\u{200b}\u{61c}\u{feff}";

#[tokio::test]
async fn no_text_of_jumpcloud_breaks_a_line_or_turns_it_round() {
    let rehearsal = Rehearsal::start().await;
    let (host, user) = (COMPUTER123, JSMITH);
    rehearsal.tenant.set(
        "systems",
        host,
        json!({"hostname": EVIL, "displayName": EVIL, "description": EVIL, "os": EVIL, "version": EVIL, "serialNumber": EVIL,
               "osFamily": "windows", "networkInterfaces": [{"name": EVIL, "address": EVIL}], "lastContact": EVIL,
               "domainInfo": {"domainName": EVIL}, "userMetrics": [{"userName": EVIL, "admin": true}]}),
    );
    rehearsal.tenant.set(
        "systemusers",
        user,
        json!({"username": EVIL, "email": EVIL, "firstname": EVIL, "department": EVIL, "externally_managed": true,
               "external_source_type": EVIL, "restrictedFields": [{"field": EVIL}], "password_date": EVIL}),
    );
    let group = json!([{"id": EVIL, "type": "user_group", "compiledAttributes": {"ldapGroups": [{"name": EVIL}]}}]);
    for (playbook, event) in [
        ("enrich-host", json!({"host_id": host})),
        ("enrich-user", json!({"user_id": user})),
        ("disable-user", json!({"user_id": user})),
        ("enable-user", json!({"user_id": user})),
        ("reset-password", json!({"user_id": user})),
        ("shutdown-host", json!({"host_id": host})),
    ] {
        rehearsal.tenant.order(Fault::Answer(200, "application/json", group.to_string()), "GET", "/memberof", 1);
        let function = rehearsal.function(playbook, &[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
        let outcome = function.invoke(event, TIMEOUT).await.unwrap();
        let run = runs(&function, 1).await.remove(0);
        no_odd_text(&json!([outcome, run]), playbook);
        assert!(outcome["summary"].as_str().unwrap().contains("dc01\u{fffd}To approve:"), "{outcome}");
    }
    // Nor do candidates, in an answer and in an error.
    rehearsal.tenant.set("systems", host, json!({"hostname": "LAPTOP-7"}));
    let error = rehearsal.run("shutdown-host", json!({"hostname": "LAPTOP-7"})).await.unwrap_err();
    no_odd_text(&error, "an error");
    // A name with something in it is not the name without.
    rehearsal.tenant.set("systems", host, json!({"hostname": "dc01\n", "displayName": "dc01\u{200b}"}));
    let outcome = rehearsal.run("enrich-host", json!({"hostname": "dc01"})).await.unwrap();
    assert_eq!(outcome["status"], "not_found");
}

/// Every text in `value`, names of fields too, is one line that is read as it is written. Markdown has lines of its own.
fn no_odd_text(value: &Value, of: &str) {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
    };
    match value {
        Value::String(text) => assert!(!text.chars().any(odd), "{of}: {text:?}"),
        Value::Array(items) => items.iter().for_each(|item| no_odd_text(item, of)),
        Value::Object(fields) => {
            for (name, field) in fields {
                assert!(!name.chars().any(odd), "{of}: {name:?}");
                if name == "markdown" {
                    for line in field.as_str().expect("a text").split('\n') {
                        assert!(!line.chars().any(odd) && !line.starts_with("To approve"), "{of}: {line:?}");
                    }
                } else {
                    no_odd_text(field, of);
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn no_text_of_an_event_breaks_a_line_or_turns_it_round() {
    let rehearsal = Rehearsal::start().await;
    let odd = EVIL;
    let ocsf = |extra: Value| {
        let mut detail = json!({"class_uid": 2004, "metadata": {"uid": odd}, "finding_info": {"title": odd, "uid": odd},
                                "time": chrono::Utc::now().timestamp_millis(), "user": {"name": "jsmith"}});
        for (name, value) in extra.as_object().unwrap() {
            detail[name] = value.clone();
        }
        json!({"source": odd, "detail-type": odd, "id": odd, "time": chrono::Utc::now().to_rfc3339(), "detail": detail})
    };
    for event in [
        ocsf(json!({})),
        ocsf(json!({"correlation": {odd: odd}})),
        ocsf(json!({"user": {"name": odd}})),
        ocsf(json!({"dryRun ": odd})),
        json!({"username": "jsmith", "dry_run": true, "correlation": {odd: [odd]}}),
        json!({"username": "jsmith", "reason": odd}),
        json!({odd: "jsmith"}),
        json!({"detail": {"correlation": odd, "x": 1, "id": odd}, "id": odd}),
    ] {
        for playbook in ["enrich-user", "disable-user"] {
            let function = rehearsal.function(playbook, &[]).await;
            let answer = function.invoke(event.clone(), TIMEOUT).await.unwrap_or_else(|error| error);
            let run = runs(&function, 1).await.remove(0);
            no_odd_text(&json!([answer, run]), &event.to_string());
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (rehearsal, elsewhere) = (Rehearsal::start().await, Rehearsal::start().await);
    let location = format!("{}/search/systemusers", elsewhere.tenant.url());
    rehearsal.tenant.order(Fault::Redirect(location), "POST", "/search/", 1);
    let out = everything(&rehearsal, "disable-user", json!({"username": "jsmith"})).await;
    assert!(out.contains("Unauthorized"), "{out}");
    assert!(elsewhere.tenant.requests().is_empty());
    assert_eq!(rehearsal.tenant.requests().len(), 1);
}

#[tokio::test]
async fn names_cannot_become_markup_in_a_ticket() {
    let rehearsal = Rehearsal::start().await;
    let name = "[click](http://evil.example) `x` <img src=x> *b* @channel www.evil.example # &#64;here";
    rehearsal.tenant.set("systems", BUILD_07, json!({"hostname": name}));
    let outcome = rehearsal.run("enrich-host", json!({"host_id": BUILD_07})).await.unwrap();
    let markdown = outcome["markdown"].as_str().unwrap();
    let sentence = markdown.lines().nth(2).unwrap();
    assert_eq!(
        sentence.split(" is o").next(),
        Some(
            r"`[click](http://evil.example`) \`x\` \<img src=x\> \*b\* `@channel` `www.evil.example` \# \&\#64;here (Ubuntu 24.04)"
        ),
        "{markdown}"
    );
    assert!(
        markdown.contains("`[click](http://evil.example) 'x' <img src=x> *b* @channel www.evil.example # &#64;here`")
    );
}
