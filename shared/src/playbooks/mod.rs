//! The six playbooks: from a checked [`Request`] to an [`Outcome`].
//!
//! One file each. They speak JumpCloud through a [`Session`] and know nothing of events and Lambda.

mod advisories;
mod devices;
pub mod disable_user;
pub mod enable_user;
pub mod enrich_host;
pub mod enrich_user;
pub mod reset_password;
pub mod shutdown_host;
mod target;
mod user_state;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    error::Error,
    jumpcloud::{Client, Listing, Session},
    markdown,
    outcome::{Advisory, Outcome},
    request::{Request, Target, TargetType},
};

/// A playbook, as data: each function's binary names one and so holds the code of no other.
#[derive(Clone, Copy)]
pub struct Playbook {
    /// Its name in outcomes, on the command line and as a binary.
    pub name: &'static str,
    /// Whether it takes a user or a host.
    pub target_type: TargetType,
    /// Whether it changes anything.
    pub mutating: bool,
    /// What it does.
    pub action: Action,
}

/// Looks the target up, acts and says what happened.
pub type Action = for<'a> fn(&'a Session<'a>, &'a Target) -> BoxFuture<'a, Result<Outcome, Error>>;

/// Runs `playbook` and completes its outcome. All calls end before `deadline`.
pub async fn run(playbook: &Playbook, client: &Client, request: Request, deadline: Instant) -> Result<Outcome, Error> {
    let start = Instant::now();
    let session = client.session(deadline, request.info.dry_run);
    let result = (playbook.action)(&session, &request.target).await;
    let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(mut outcome) => {
            outcome.playbook = playbook.name;
            outcome.markdown = markdown::render(&outcome);
            outcome.request = request.info;
            outcome.api_calls = session.calls();
            outcome.duration_ms = duration_ms;
            tracing::info!(
                playbook = playbook.name,
                status = ?outcome.status,
                target_id = outcome.target.id.as_ref().map(|id| id.as_str()),
                changed = outcome.changed,
                api_calls = outcome.api_calls,
                duration_ms,
                "done"
            );
            Ok(outcome)
        }
        Err(error) => {
            tracing::error!(playbook = playbook.name, error_type = ?error.error_type, api_calls = session.calls(), duration_ms, "failed");
            Err(error)
        }
    }
}

/// The groups of a listing, for Enrich. JumpCloud names a group here only where LDAP exports it.
async fn groups(listing: impl Future<Output = Result<Listing, Error>>) -> Result<Vec<Value>, Advisory> {
    let listing = listing.await.map_err(|error| {
        Advisory::new("GROUPS_UNKNOWN", format!("The groups could not be read ({:?}).", error.error_type))
    })?;
    Ok(listing.objects.iter().map(|group| json!({"id": group.id, "name": group.group_name()})).collect())
}

/// `1 device`, `3 devices`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
