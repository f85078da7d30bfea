//! A dry run sends nothing but reads, whatever it is asked and whatever JumpCloud answers.

mod common;

use std::time::Duration;

use common::{client, run};
use jumpcloud_playbooks::{
    error::ErrorType,
    guard::Unguarded,
    ids::ObjectId,
    jumpcloud::UserState,
    playbooks,
    request::{By, RequestInfo, Target, TargetType},
};
use proptest::{prelude::*, sample::select};
use sandbox::{
    faults::Fault,
    rehearsal::Rehearsal,
    seed::{COMPUTER123, JSMITH, PNEW},
};
use tokio::time::Instant;

fn user() -> impl Strategy<Value = Target> {
    let names = select(vec!["jsmith", "mgarcia", "pnew", "tlocked", "cadmin", "adunn", "svc-ldap", "kim@company.com"]);
    let names = prop_oneof![4 => names.prop_map(str::to_owned), 1 => "[ -~]{1,20}"];
    let named = (select(vec![By::Username, By::User]), names).prop_map(|(by, text)| Target::new(by, text));
    let ids = (1..=12u8).prop_map(|n| Target::new(By::UserId, format!("5f0c1b2a3d4e5f60718293{n:02x}")));
    prop_oneof![named, ids]
}

fn host() -> impl Strategy<Value = Target> {
    let names =
        select(vec!["Computer123", "jsmith-laptop", "build-07", "MacBook-Ana", "LAPTOP-7", "kiosk-1", "ipad-3"]);
    let names = prop_oneof![4 => names.prop_map(str::to_owned), 1 => "[ -~]{1,20}"];
    let ids = (1..=9u8).prop_map(|n| Target::new(By::HostId, format!("6140aa10bb20cc30dd40ee{n:02x}")));
    prop_oneof![names.prop_map(|text| Target::new(By::Host, text)), ids]
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
    fn playbooks_only_read(index in any::<proptest::sample::Index>(), user in user(), host in host(), fault in fault()) {
        let playbooks = playbooks::all(&Unguarded);
        let playbook = &*playbooks[index.index(playbooks.len())];
        let target = if playbook.target_type() == TargetType::User { user } else { host };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rehearsal = Rehearsal::start().await;
            if let Some((fault, method, path)) = fault {
                rehearsal.tenant.order(fault, method, path, 1);
            }
            let info = RequestInfo { dry_run: true, ..RequestInfo::default() };
            let result = run(&rehearsal, playbook, target, info).await;
            prop_assert!(rehearsal.tenant.writes().is_empty());
            match result {
                Ok(outcome) => prop_assert_eq!(outcome.changed, Some(false)),
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
    let user = ObjectId::parse(JSMITH).unwrap();
    let host = ObjectId::parse(COMPUTER123).unwrap();
    let session = client.session(Instant::now() + Duration::from_secs(20), true);
    assert_eq!(session.writer().unwrap_err().error_type, ErrorType::Internal);
    assert!(rehearsal.tenant.requests().is_empty());
    assert_eq!(session.reader().traffic().calls, 0);
    // All four changes need what was refused.
    let session = client.session(Instant::now() + Duration::from_secs(20), false);
    let writer = session.writer().unwrap();
    writer.put_state(&user, UserState::Suspended).await.unwrap();
    writer.activate(&ObjectId::parse(PNEW).unwrap()).await.unwrap();
    writer.expire(&user).await.unwrap();
    writer.shutdown(&host).await.unwrap();
    assert_eq!(rehearsal.tenant.writes().len(), 4);
}
