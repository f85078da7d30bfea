//! Several organizations and one table: what is kept for one says nothing of another.

mod common;

use common::{Asked, ID, item, ledger};
use jumpcloud_playbooks::organizations::Alias;
use sandbox::dynamo::Dynamo;
use serde_json::json;

const SEVERAL: (&str, &str) = ("JUMPCLOUD_SECRET_ID", "jumpcloud/{organization}/key");

fn of(alias: &str, playbook: &'static str) -> Asked {
    Asked { organization: Alias::parse(alias), ..Asked::new(playbook, ID) }
}

#[tokio::test]
async fn each_item_counts_in_its_organization_and_those_of_all_in_each() {
    for (pk, sk, attributes, verdict) in [
        ("acme#switch", "disable-user", vec![("mode", json!("off"))], "SwitchedOff"),
        ("acme#switch", "*", vec![("mode", json!("dry-run"))], "dry_run"),
        ("acme#switch", "disable-user", vec![("latched", json!("2026-11-24T12:00:00Z"))], "LimitReached"),
    ] {
        let dynamo = Dynamo::start().await;
        let ledger = ledger(&dynamo, &[SEVERAL]);
        dynamo.put(item(pk, sk, &attributes));
        for (alias, expected) in [("acme", verdict), ("globex", "admitted"), ("acme-2", "admitted")] {
            assert_eq!(of(alias, "disable-user").verdict(&ledger).await, expected, "{pk} {sk} {alias}");
        }
        dynamo.put(item("*#switch", sk, &[("mode", json!("off"))]));
        for alias in ["acme", "globex"] {
            assert_ne!(of(alias, "disable-user").verdict(&ledger).await, "admitted", "{alias}");
        }
    }
}

#[tokio::test]
async fn a_target_and_a_limit_of_one_are_not_those_of_another() {
    let dynamo = Dynamo::start().await;
    let ledger = ledger(&dynamo, &[SEVERAL, ("MAX_TARGETS_PER_HOUR", "1")]);
    for alias in ["acme", "globex"] {
        // The same id: pending in one, unknown in the other.
        assert_eq!(of(alias, "shutdown-host").verdict(&ledger).await, "admitted", "{alias}");
        assert_eq!(of(alias, "shutdown-host").verdict(&ledger).await, "InProgress", "{alias}");
        let another = Asked { id: "633f3f295482343ff32add42".to_owned(), ..of(alias, "shutdown-host") };
        assert_eq!(another.verdict(&ledger).await, "LimitReached", "{alias}");
        assert_eq!(dynamo.items(&format!("{alias}#change")).len(), 1);
    }
    assert_eq!(of("initech", "shutdown-host").verdict(&ledger).await, "admitted");
}

#[tokio::test]
async fn whose_a_change_is_is_never_guessed() {
    let dynamo = Dynamo::start().await;
    let (one, several) = (ledger(&dynamo, &[]), ledger(&dynamo, &[SEVERAL]));
    assert_eq!(Asked::new("disable-user", ID).verdict(&several).await, "Internal");
    assert_eq!(of("acme", "disable-user").verdict(&one).await, "Internal");
    assert_eq!(Asked::new("disable-user", ID).verdict(&one).await, "admitted");
    assert_eq!(dynamo.items("default#change").len(), 1);
}
