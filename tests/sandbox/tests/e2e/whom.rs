//! Whom a finding is about: exactly the right one, or nobody.

use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{COMPUTER123, JSMITH, NOBODY, OTHER_ADMIN},
    tenant::ORG_ID,
};
use serde_json::{Value, json};

use crate::{error_type, run, sample};

/// Bound to jsmith in the rehearsal tenant, not to mgarcia.
const HOST: &str = "Computer123";

/// An OCSF finding of now, with these fields.
fn ocsf(fields: Value) -> Value {
    let mut event = sample("securityhub-ocsf-host");
    let now = chrono::Utc::now();
    event["time"] = json!(now.to_rfc3339());
    let finding = &mut event["detail"]["findings"][0];
    finding["time"] = json!(now.timestamp_millis());
    finding.as_object_mut().expect("a finding").remove("time_dt");
    for name in ["created_time", "created_time_dt"] {
        finding["finding_info"].as_object_mut().expect("finding_info").remove(name);
    }
    for name in ["actor", "device"] {
        finding.as_object_mut().expect("a finding").remove(name);
    }
    for (name, value) in fields.as_object().expect("fields") {
        finding[name] = value.clone();
    }
    event
}

/// A finding of another product, of now.
fn fresh(name: &str, time: &str) -> Value {
    let mut event = sample(name);
    let now = json!(chrono::Utc::now().to_rfc3339());
    event["time"] = now.clone();
    for time in [time, "/detail/createdAt", "/detail/data/di_event/timestamp"] {
        if let Some(time) = event.pointer_mut(time) {
            *time = now.clone();
        }
    }
    event
}

/// `errorType` and message, and that nothing was written.
async fn refused(rehearsal: &Rehearsal, playbook: &str, event: Value, changes: &[(&'static str, &str)]) -> [String; 2] {
    let answer = run(rehearsal, playbook, event, changes).await;
    let message = answer.as_ref().err().map(|error| error["errorMessage"].to_string()).unwrap_or_default();
    assert!(rehearsal.tenant.writes().is_empty(), "{answer:?}");
    [error_type(answer), message]
}

#[tokio::test]
async fn what_looks_like_an_id_in_a_name_is_a_name() {
    let rehearsal = Rehearsal::start().await;
    let other = "6140aa10bb20cc30dd40ee0a";
    rehearsal.tenant.add(
        "systems",
        json!({"_id": other, "hostname": COMPUTER123, "os": "Windows", "active": true,
        "builtInCommands": [{"name": "shutdown", "type": "security"}]}),
    );
    let outcome =
        run(&rehearsal, "shutdown-host", ocsf(json!({"device": {"hostname": COMPUTER123}})), &[]).await.unwrap();
    assert_eq!(outcome["target"]["id"], other);
    assert_eq!(rehearsal.tenant.shutdowns(), [other]);
    let rehearsal = Rehearsal::start().await;
    for name in [JSMITH.to_owned(), format!("x\\{JSMITH}"), format!("{JSMITH}@box"), format!("CORP\\{JSMITH}")] {
        for changes in [&[][..], &[("TRUSTED_DOMAINS", "x,box,corp")]] {
            let [error, _] = refused(&rehearsal, "disable-user", ocsf(json!({"user": {"name": name}})), changes).await;
            assert!(matches!(error.as_str(), "UserNotFound" | "Unsupported"), "{name}: {error}");
        }
    }
    // Where ids stand, they are read; and direct events recognise them.
    let event = fresh("jumpcloud-alert-host", "/detail/data/timestamp");
    assert_eq!(run(&rehearsal, "shutdown-host", event, &[]).await.unwrap()["target"]["id"], COMPUTER123);
    assert_eq!(run(&rehearsal, "enrich-user", json!({"user": JSMITH}), &[]).await.unwrap()["target"]["name"], "jsmith");
}

#[tokio::test]
async fn all_names_of_a_finding_lead_to_one_object_in_one_search() {
    let rehearsal = Rehearsal::start().await;
    let both = ocsf(json!({"user": {"email_addr": "mgarcia@company.com", "name": "jsmith"}}));
    let [error, message] = refused(&rehearsal, "disable-user", both.clone(), &[]).await;
    assert_eq!(error, "AmbiguousUser");
    assert!(message.contains("mgarcia@company.com and jsmith") && message.contains(JSMITH), "{message}");
    assert_eq!(rehearsal.tenant.calls(), ["POST /search/systemusers"]);
    let outcome = run(&rehearsal, "enrich-user", both, &[]).await.unwrap();
    assert_eq!((&outcome["status"], outcome["candidates"].as_array().map(Vec::len)), (&json!("ambiguous"), Some(2)));
    // At two places; and one that leads nowhere.
    for event in [
        json!({"user": {"name": "mgarcia"}, "actor": {"user": {"name": "jsmith"}}}),
        json!({"user": {"email_addr": "jsmith@company.com", "name": "John Smith"}}),
        json!({"user": {"name": "jsmith"}, "actor": {"user": {"name": "ghost"}}}),
    ] {
        let [error, message] = refused(&rehearsal, "disable-user", ocsf(event), &[]).await;
        assert!(matches!(error.as_str(), "AmbiguousUser" | "UserNotFound"), "{error}: {message}");
        assert!(message.contains(" and ") && message.contains("jsmith"), "{message}");
    }
    // An id and a name of somebody else: what is read by the id says so.
    let mut event = fresh("jumpcloud-alert-user", "/detail/data/timestamp");
    event["detail"]["data"]["di_event"]["initiated_by"]["username"] = json!("mgarcia");
    assert_eq!(refused(&rehearsal, "disable-user", event, &[]).await[0], "UserNotFound");
    let [error, _] = refused(
        &rehearsal,
        "shutdown-host",
        ocsf(json!({"device": {"hostname": "kiosk-1", "instance_uid": "i-99999999"}})),
        &[],
    )
    .await;
    assert_eq!(error, "AmbiguousHost");
    // The same one by three names is one, by one search and one read.
    let before = rehearsal.tenant.calls().len();
    let event = ocsf(
        json!({"user": {"name": "JSMITH"}, "actor": {"user": {"email_addr": "jsmith@company.com", "name": "jsmith"}}}),
    );
    let outcome = run(&rehearsal, "disable-user", event, &[]).await.unwrap();
    assert_eq!((&outcome["target"]["name"], &outcome["status"]), (&json!("jsmith"), &json!("succeeded")));
    let calls = rehearsal.tenant.calls().split_off(before);
    assert_eq!(calls[..2], ["POST /search/systemusers", "GET /systemusers/{id}"], "{calls:?}");
}

#[tokio::test]
async fn a_local_name_does_not_choose_the_victim() {
    let rehearsal = Rehearsal::start().await;
    let laptop = json!({"hostname": "LAPTOP-9"});
    for (fields, named) in [
        (json!({"user": {"name": "EVIL\\jsmith"}}), "EVIL"),
        (json!({"user": {"name": "jsmith@evil"}}), "evil"),
        (json!({"user": {"name": "jsmith", "domain": "EVIL"}}), "EVIL"),
        (json!({"user": {"name": "EVIL\\jsmith"}, "device": {"hostname": HOST}}), "EVIL"),
        // A host that JumpCloud does not know, and one that it does not bind the user to.
        (json!({"user": {"name": "LAPTOP-9\\jsmith"}, "device": laptop}), "LAPTOP-9"),
        (json!({"user": {"name": "jsmith"}, "device": laptop}), "LAPTOP-9"),
        (json!({"user": {"name": "jsmith"}, "device": {"hostname": "MacBook-Ana"}}), "MacBook-Ana"),
        (json!({"user": {"name": "mgarcia"}, "device": {"hostname": HOST}}), HOST),
        (json!({"user": {"name": "mgarcia", "domain": "COMPUTER123"}, "device": {"hostname": HOST}}), HOST),
        // Two of that name, and an address that is nobody's name.
        (json!({"user": {"name": "adunn"}, "device": {"hostname": "LAPTOP-7"}}), "LAPTOP-7"),
        (json!({"user": {"name": "jsmith"}, "device": {"hostname": "ip-10-0-7-7.ec2.internal"}}), "jsmith"),
        (json!({"user": {"name": "jsmith", "type": "IAMUser"}}), "123456789012"),
        (json!({"user": {"name": "jsmith", "uid": "arn:aws:iam::444455556666:user/jsmith"}}), "444455556666"),
        (
            json!({"resources": [{"type": "AwsIamAccessKey", "data": "{\"AwsIamUser\":{\"UserName\":\"jsmith\"}}"}]}),
            "123456789012",
        ),
    ] {
        let [error, message] = refused(&rehearsal, "disable-user", ocsf(fields.clone()), &[]).await;
        let name = if fields["user"]["name"] == "adunn" {
            "adunn"
        } else if message.contains("mgarcia") {
            "mgarcia"
        } else {
            "jsmith"
        };
        assert_eq!(error, "Unsupported", "{fields}: {message}");
        assert!(message.contains(name) && message.contains(named), "{fields}: {message}");
        // A question about it is answered with nobody, for what asks next acts on the answer.
        let outcome = run(&rehearsal, "enrich-user", ocsf(fields.clone()), &[]).await.unwrap();
        assert_eq!((&outcome["status"], &outcome["target"]["id"]), (&json!("not_found"), &Value::Null), "{fields}");
    }
    let mut event = fresh("guardduty-iam-user", "/detail/updatedAt");
    assert_eq!(refused(&rehearsal, "disable-user", event.clone(), &[]).await[0], "Unsupported");
    event["detail"]["resource"]["accessKeyDetails"] = json!({"userName": "jsmith"});
    assert_eq!(refused(&rehearsal, "disable-user", event, &[]).await[0], "Unsupported");
    // Beside an address that counts it is no obstacle, but it must agree.
    let beside = |name: &str| ocsf(json!({"user": {"email_addr": "mgarcia@company.com", "name": name}}));
    let outcome = run(&rehearsal, "disable-user", beside("EVIL\\mgarcia"), &[]).await.unwrap();
    assert_eq!((&outcome["status"], &outcome["target"]["matched_by"]), (&json!("unchanged"), &json!("email")));
    assert_eq!(refused(&rehearsal, "disable-user", beside("EVIL\\jsmith"), &[]).await[0], "AmbiguousUser");
}

#[tokio::test]
async fn a_name_counts_where_it_is_trusted_or_bound() {
    let computer = json!({"hostname": HOST});
    let asff = |user| json!([{"type": "AwsIamAccessKey", "data": format!("{{\"AwsIamAccessKey\":{{\"PrincipalType\":\"AssumedRole\",\"PrincipalName\":\"AWSReservedSSO_x\",\"PrincipalId\":\"AROACKCEVSQ6C2EXAMPLE:{user}\"}}}}")}]);
    let binding = "GET /v2/users/{id}/systems";
    for (fields, changes, checked) in [
        (json!({"user": {"name": "CORP\\jsmith"}}), &[("TRUSTED_DOMAINS", "x, Corp")][..], false),
        (
            json!({"user": {"name": "jsmith", "domain": "corp"}, "device": {"hostname": "LAPTOP-9"}}),
            &[("TRUSTED_DOMAINS", "CORP")],
            false,
        ),
        (json!({"user": {"name": "jsmith", "type": "IAMUser"}}), &[("TRUSTED_ACCOUNTS", "123456789012")], false),
        (json!({"user": {"name": "jsmith"}}), &[], false),
        (json!({"user": {"name": "jsmith@company.com"}, "device": {"hostname": "LAPTOP-9"}}), &[], false),
        (
            json!({"user": {"name": "jsmith"}, "device": {"hostname": "LAPTOP-9"}}),
            &[("REQUIRE_BINDING", "false")],
            false,
        ),
        (json!({"user": {"name": "jsmith"}, "device": computer}), &[], true),
        (json!({"user": {"name": "jsmith"}, "device": {"hostname": "computer123.local"}}), &[], true),
        (json!({"user": {"name": "COMPUTER123\\jsmith"}, "device": computer}), &[], true),
        // The way out is for bare names: one with the host's name before it says that it is an account of that host.
        (json!({"user": {"name": "Computer123\\jsmith"}, "device": computer}), &[("REQUIRE_BINDING", "false")], true),
        (json!({"resources": asff("jsmith")}), &[], false),
        (json!({"resources": asff("jsmith@company.com"), "device": {"hostname": "LAPTOP-9"}}), &[], false),
    ] {
        let rehearsal = Rehearsal::start().await;
        let outcome = run(&rehearsal, "disable-user", ocsf(fields.clone()), changes)
            .await
            .unwrap_or_else(|error| panic!("{fields}: {error}"));
        assert_eq!(
            (&outcome["status"], &outcome["target"]["name"]),
            (&json!("succeeded"), &json!("jsmith")),
            "{fields}"
        );
        // The devices are read once for the advisories; what is local costs a search of the host and one more.
        let calls = rehearsal.tenant.calls();
        let count = |call: &str| calls.iter().filter(|made| *made == call).count();
        assert_eq!((count(binding), calls.len()), if checked { (2, 8) } else { (1, 6) }, "{fields}: {calls:?}");
    }
}

#[tokio::test]
async fn a_host_is_known_by_what_its_agent_reports() {
    let rehearsal = Rehearsal::start().await;
    let known = |id: &str, hostname: &str| {
        let commands = json!([{"name": "shutdown", "type": "security"}]);
        let host = json!({"_id": id, "hostname": hostname, "displayName": "Payroll", "os": "Windows", "active": true, "builtInCommands": commands});
        rehearsal.tenant.add("systems", host);
    };
    known("6140aa10bb20cc30dd40ee0b", "studio.local");
    known("6140aa10bb20cc30dd40ee0c", "till.corp.example.com");
    let device = |name: &str| ocsf(json!({"device": {"hostname": name}}));
    let writes = async |name: &str| {
        let answer = run(&rehearsal, "shutdown-host", device(name), &[]).await;
        answer
            .map(|outcome| outcome["target"]["name"].as_str().unwrap().to_owned())
            .map_err(|error| error["errorType"].to_string() + &error["errorMessage"].to_string())
    };
    // A `displayName` is typed by people.
    assert!(writes("Payroll").await.unwrap_err().contains("HostNotFound"));
    assert_eq!(writes("STUDIO").await.unwrap(), "studio.local");
    assert_eq!(writes("Studio.local").await.unwrap(), "studio.local");
    assert_eq!(writes("Computer123.local").await.unwrap(), "Computer123");
    // Another suffix is a candidate.
    for name in ["till", "TILL.local", "till.other.example.com"] {
        let error = writes(name).await.unwrap_err();
        assert!(error.contains("HostNotFound") && error.contains("6140aa10bb20cc30dd40ee0c"), "{error}");
        for event in [device(name), json!({"hostname": name})] {
            let outcome = run(&rehearsal, "enrich-host", event, &[]).await.unwrap();
            assert_eq!(
                (&outcome["status"], &outcome["candidates"][0]["name"]),
                (&json!("not_found"), &json!("till.corp.example.com"))
            );
        }
    }
    assert_eq!(writes("till.corp.example.com").await.unwrap(), "till.corp.example.com");
    // Both names of one host are two hosts.
    known("6140aa10bb20cc30dd40ee0d", "studio");
    assert!(writes("studio").await.unwrap_err().contains("AmbiguousHost"));
    assert!(writes("studio.local").await.unwrap_err().contains("AmbiguousHost"));
    // Direct events match both fields, and both spellings.
    let outcome = run(&rehearsal, "enrich-host", json!({"hostname": "lobby kiosk.local"}), &[]).await.unwrap();
    assert_eq!(outcome["target"]["name"], "kiosk-1");
    // An address of one network is nobody; the instance's id is the instance.
    let [error, _] =
        [error_type(run(&rehearsal, "shutdown-host", device("ip-10-0-7-7.ec2.internal"), &[]).await), String::new()];
    assert_eq!(error, "InvalidInput");
    let event = ocsf(json!({"device": {"hostname": "ip-10-0-7-7.ec2.internal", "instance_uid": "i-99999999"}}));
    let outcome = run(&rehearsal, "enrich-host", event, &[]).await.unwrap();
    assert_eq!(
        (&outcome["target"]["id"], &outcome["target"]["matched_by"]),
        (&json!("6140aa10bb20cc30dd40ee09"), &json!("instance_id"))
    );
}

#[tokio::test]
async fn the_people_of_identity_center_are_found_and_other_roles_are_nobody() {
    let rehearsal = Rehearsal::start().await;
    let finding = |role: &str, session: &str| {
        let mut event = fresh("guardduty-user", "/detail/updatedAt");
        event["detail"]["resource"]["accessKeyDetails"]["userName"] = json!(role);
        event["detail"]["resource"]["accessKeyDetails"]["principalId"] =
            json!(format!("AROACKCEVSQ6C2EXAMPLE:{session}"));
        event
    };
    for session in ["jsmith", "jsmith@company.com"] {
        let outcome =
            run(&rehearsal, "enrich-user", finding("AWSReservedSSO_Admin_0a1b2c", session), &[]).await.unwrap();
        assert_eq!(outcome["target"]["name"], "jsmith", "{session}");
    }
    for (role, session) in [("Admin", "jsmith"), ("jsmith", "AWSReservedSSO_x"), ("AWSReservedSSO", "jsmith")] {
        assert_eq!(refused(&rehearsal, "disable-user", finding(role, session), &[]).await[0], "InvalidInput", "{role}");
    }
}

#[tokio::test]
async fn what_a_search_finds_is_judged_by_what_is_read_by_its_id() {
    // A search leaves fields out: here the link to the administrator, whatever its form is.
    let bare = json!({"totalCount": 1, "results": [{"_id": JSMITH, "username": "jsmith", "state": "ACTIVATED"}]});
    for admin in [json!({"id": OTHER_ADMIN}), json!(true), json!("yes"), json!(7), json!({}), json!([])] {
        let rehearsal = Rehearsal::start().await;
        rehearsal.tenant.order(
            Fault::Answer(200, "application/json", bare.to_string()),
            "POST",
            "/search/systemusers",
            9,
        );
        rehearsal.tenant.set("systemusers", JSMITH, json!({"admin": admin}));
        let [error, _] = refused(&rehearsal, "disable-user", json!({"username": "jsmith"}), &[]).await;
        assert_eq!(error, "Protected", "{admin}");
    }
    // And the organization.
    let rehearsal = Rehearsal::start().await;
    let ours = [("JUMPCLOUD_ORG_ID", ORG_ID)];
    let dry = json!({"username": "jsmith", "dry_run": true});
    assert_eq!(run(&rehearsal, "disable-user", dry, &ours).await.unwrap()["status"], "dry_run");
    for (collection, id) in [("systemusers", JSMITH), ("systems", COMPUTER123)] {
        rehearsal.tenant.set(collection, id, json!({"organization": NOBODY}));
    }
    for (playbook, event) in [
        ("disable-user", json!({"username": "jsmith"})),
        ("disable-user", json!({"user_id": JSMITH})),
        ("enrich-user", json!({"user_id": JSMITH})),
        ("shutdown-host", json!({"hostname": HOST})),
    ] {
        let [error, message] = refused(&rehearsal, playbook, event, &ours).await;
        assert_eq!(error, "UnexpectedResponse");
        assert!(message.contains("another organization"), "{message}");
    }
}

#[tokio::test]
async fn more_names_than_one_search_takes_are_refused_without_one() {
    let rehearsal = Rehearsal::start().await;
    let evidence = |number: usize| json!({"actor": {"user": {"name": format!("user-{}", number % 200)}}});
    let many: Vec<Value> = (0..400).map(evidence).collect();
    let [error, message] = refused(&rehearsal, "disable-user", ocsf(json!({"evidences": many})), &[]).await;
    assert_eq!(error, "InvalidInput");
    assert!(message.contains("gives 200 names"), "{message}");
    assert!(rehearsal.tenant.requests().is_empty());
    // The same one often is one.
    let same = vec![json!({"actor": {"user": {"name": "jsmith"}}}); 500];
    let outcome = run(&rehearsal, "disable-user", ocsf(json!({"evidences": same})), &[]).await.unwrap();
    assert_eq!(outcome["target"]["name"], "jsmith");
}
