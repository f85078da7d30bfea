//! A dry run sends nothing but reads, whatever it is asked and whatever JumpCloud answers.

use std::{collections::HashMap, time::Duration};

use jumpcloud_playbooks::{
    credentials::KeyStore,
    error::ErrorType,
    http,
    jumpcloud::{Client, ObjectId},
    playbooks::{
        self, Done, Playbook, disable_user::DISABLE_USER, enable_user::ENABLE_USER, enrich_host::ENRICH_HOST,
        enrich_user::ENRICH_USER, reset_password::RESET_PASSWORD, shutdown_host::SHUTDOWN_HOST,
    },
    request::{By, Request, RequestInfo, Target, TargetType},
};
use proptest::{prelude::*, sample::select};
use sandbox::{faults::Fault, rehearsal::Rehearsal};
use tokio::time::Instant;

const PLAYBOOKS: [Playbook; 6] = [DISABLE_USER, ENABLE_USER, ENRICH_HOST, ENRICH_USER, RESET_PASSWORD, SHUTDOWN_HOST];

fn client(rehearsal: &Rehearsal) -> Client {
    let env: HashMap<&str, String> = rehearsal.env().into_iter().collect();
    let http = http::client().expect("a client");
    let keys = KeyStore::from_vars(|name| env.get(name).cloned(), http.clone()).expect("a complete environment");
    Client::new(&rehearsal.tenant.url(), http, keys, false).expect("a loopback URL")
}

fn user() -> impl Strategy<Value = Target> {
    let names = select(vec!["jsmith", "mgarcia", "pnew", "tlocked", "cadmin", "adunn", "svc-ldap", "kim@company.com"]);
    let names = prop_oneof![4 => names.prop_map(str::to_owned), 1 => "[ -~]{1,20}"];
    let named = (select(vec![By::Username, By::User]), names).prop_map(|(by, text)| Target { by, text, source: None });
    let ids = (1..=12u8).prop_map(|n| Target {
        by: By::UserId,
        text: format!("5f0c1b2a3d4e5f60718293{n:02x}"),
        source: None,
    });
    prop_oneof![named, ids]
}

fn host() -> impl Strategy<Value = Target> {
    let names =
        select(vec!["Computer123", "jsmith-laptop", "build-07", "MacBook-Ana", "LAPTOP-7", "kiosk-1", "ipad-3"]);
    let names = prop_oneof![4 => names.prop_map(str::to_owned), 1 => "[ -~]{1,20}"];
    let ids =
        (1..=9u8).prop_map(|n| Target { by: By::HostId, text: format!("6140aa10bb20cc30dd40ee{n:02x}"), source: None });
    prop_oneof![names.prop_map(|text| Target { by: By::Host, text, source: None }), ids]
}

fn fault() -> impl Strategy<Value = Option<(Fault, &'static str, &'static str)>> {
    let faults = vec![
        Fault::status(401),
        Fault::status(403),
        Fault::status(404),
        Fault::status(500),
        Fault::HtmlPage,
        Fault::Malformed,
    ];
    let paths = vec!["/search/", "/v2/", "/systemusers", "/systems"];
    proptest::option::of((select(faults), select(vec!["GET", "POST"]), select(paths)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn playbooks_only_read(index in 0..PLAYBOOKS.len(), user in user(), host in host(), fault in fault()) {
        let playbook = PLAYBOOKS[index];
        let target = if playbook.target_type() == TargetType::User { user } else { host };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rehearsal = Rehearsal::start().await;
            if let Some((fault, method, path)) = fault {
                rehearsal.tenant.order(fault, method, path, 1);
            }
            let request = Request { target, info: RequestInfo { dry_run: true, ..RequestInfo::default() } };
            let deadline = Instant::now() + Duration::from_secs(20);
            let result = playbooks::run(&playbook, &client(&rehearsal), request, deadline, &Done::default()).await;
            prop_assert!(rehearsal.tenant.writes().is_empty());
            match result {
                Ok(outcome) => prop_assert!(!outcome.changed),
                // The client's own guard was not needed: no playbook even tries.
                Err(error) => prop_assert_ne!(error.error_type, ErrorType::Internal),
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn the_client_itself_refuses_to_change_anything() {
    let rehearsal = Rehearsal::start().await;
    let client = client(&rehearsal);
    let session = client.session(Instant::now() + Duration::from_secs(20), true);
    let user = ObjectId::parse("5f0c1b2a3d4e5f6071829301").unwrap();
    let host = ObjectId::parse("633f3f295482343ff32add41").unwrap();
    for refused in [
        session.put_state(&user, "SUSPENDED").await.map(drop),
        session.activate(&user).await,
        session.expire(&user).await,
        session.shutdown(&host).await,
    ] {
        assert_eq!(refused.unwrap_err().error_type, ErrorType::Internal);
    }
    assert!(rehearsal.tenant.requests().is_empty());
    assert_eq!(session.traffic().calls, 0);
}
