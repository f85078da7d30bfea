//! Playbooks in this process, against a rehearsal tenant.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{collections::HashMap, sync::Arc, time::Duration};

use jumpcloud_playbooks::{
    credentials::KeyStore,
    error::Error,
    http,
    jumpcloud::Client,
    outcome::Outcome,
    playbooks::{Once, Playbook, Run},
    request::{RequestInfo, Target},
    vars::Vars,
};
use sandbox::rehearsal::Rehearsal;
use tokio::time::Instant;

/// A client for the rehearsal's tenant.
pub(crate) fn client(rehearsal: &Rehearsal) -> Client {
    let env: HashMap<&str, String> = rehearsal.env().into_iter().collect();
    let var = |name: &str| env.get(name).cloned();
    let http = http::client().expect("a client");
    let keys = KeyStore::from_vars(&Vars(&var), http.clone()).expect("a complete environment");
    Client::new(http, Arc::new(keys))
}

/// One run of `playbook`.
pub(crate) async fn run(
    rehearsal: &Rehearsal,
    playbook: &dyn Playbook,
    target: Target,
    info: RequestInfo,
) -> Result<Outcome, Error> {
    let client = client(rehearsal);
    let session = client.session(Instant::now() + Duration::from_secs(20), info.dry_run);
    playbook.prepare(&Run { session: &session, target: &target, info: &info, once: &Once::default() }).await?.await
}
