//! Several organizations in one deployment: whose an event is, and that nothing of one reaches another.

use sandbox::{
    events::{batch, record},
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::{API_KEY, ORG_ID, Tenant},
};
use serde_json::{Value, json};

use crate::{error_type, runs};

/// The other organization's id.
const OTHER: &str = "60259a2ad81e1a474d4e7c99";
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
