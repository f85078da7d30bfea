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

use std::{collections::HashMap, sync::Arc};

use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

use self::target::{Named, Resolved};

use crate::{
    error::Error,
    jumpcloud::{Client, Listing, ObjectId, Session, System, SystemUser, Traffic},
    markdown,
    outcome::{Advisory, Outcome},
    request::{Request, RequestInfo, Target, TargetType},
    telemetry::Run,
};

/// A playbook, as data: each function's binary names one and so holds the code of no other.
#[derive(Clone, Copy)]
pub struct Playbook {
    /// Its name in outcomes, on the command line and as a binary.
    pub name: &'static str,
    /// What it does.
    pub action: Action,
}

/// What a playbook does, to a user or to a host.
#[derive(Clone, Copy)]
pub enum Action {
    /// A command, carried out once its one target is found.
    User(Act<SystemUser>),
    /// The same.
    Host(Act<System>),
    /// A question, which nobody and several answer too.
    AskUser(Ask),
    /// The same.
    AskHost(Ask),
}

/// Acts on what was found and says what happened.
pub type Act<T> = for<'a> fn(&'a Session<'a>, Resolved<T>) -> LocalBoxFuture<'a, Result<Outcome, Error>>;
/// Finds the target and says what is known of it.
pub type Ask = for<'a> fn(&'a Session<'a>, &'a Target) -> LocalBoxFuture<'a, Result<Outcome, Error>>;

impl Playbook {
    /// Whether it takes a user or a host.
    pub fn target_type(&self) -> TargetType {
        match self.action {
            Action::User(_) | Action::AskUser(_) => TargetType::User,
            Action::Host(_) | Action::AskHost(_) => TargetType::Host,
        }
    }

    /// Whether it changes anything.
    pub fn mutating(&self) -> bool {
        matches!(self.action, Action::User(_) | Action::Host(_))
    }
}

/// What was already done in this invocation: a second request for the same target finds the first's result, so
/// that two alerts in one batch do not shut a host down twice.
#[derive(Default)]
pub struct Done(Mutex<HashMap<(ObjectId, bool), Acted>>);

/// Empty while the first request is at work; the second waits for it.
type Acted = Arc<OnceCell<Result<Outcome, Error>>>;

impl Done {
    async fn once(
        &self,
        id: ObjectId,
        dry_run: bool,
        act: impl Future<Output = Result<Outcome, Error>>,
    ) -> Result<Outcome, Error> {
        let cell = self.0.lock().await.entry((id, dry_run)).or_default().clone();
        cell.get_or_init(|| act).await.clone()
    }
}

/// Runs `playbook` and completes its outcome. All calls end before `deadline`.
pub async fn run(
    playbook: &Playbook,
    client: &Client,
    request: Request,
    deadline: Instant,
    done: &Done,
) -> Result<Outcome, Error> {
    let start = Instant::now();
    let session = client.session(deadline, request.info.dry_run);
    let result = match playbook.action {
        Action::User(act) => perform(&session, &request.target, done, act).await,
        Action::Host(act) => perform(&session, &request.target, done, act).await,
        Action::AskUser(ask) | Action::AskHost(ask) => ask(&session, &request.target).await,
    };
    let duration_ms = start.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    complete(playbook, Some(&request.target), request.info, result, session.traffic(), duration_ms)
}

/// Fills in what an outcome says of its request and its run, and logs how the run ended.
pub fn complete(
    playbook: &Playbook,
    target: Option<&Target>,
    info: RequestInfo,
    result: Result<Outcome, Error>,
    traffic: Traffic,
    duration_ms: u64,
) -> Result<Outcome, Error> {
    let result = result.map(|mut outcome| {
        outcome.playbook = playbook.name;
        outcome.markdown = markdown::render(&outcome);
        outcome.api_calls = traffic.calls;
        outcome.duration_ms = duration_ms;
        outcome.request = info.clone();
        outcome
    });
    let mutating = playbook.mutating();
    Run { playbook: playbook.name, mutating, target, info: &info, result: result.as_ref(), traffic, duration_ms }.log();
    result
}

async fn perform<T: Named>(session: &Session<'_>, target: &Target, done: &Done, act: Act<T>) -> Result<Outcome, Error> {
    match target::look_up::<T>(session, target).await? {
        Err(candidates) => Err(target::refused::<T>(target, &candidates)),
        Ok(found) => {
            let own = found.target.clone();
            let outcome = done.once(found.id.clone(), session.dry_run(), act(session, found)).await?;
            Ok(Outcome { target: own, ..outcome })
        }
    }
}

/// The groups that a listing names, for Enrich, with their names; past the first 25 only where no call is needed.
async fn groups(
    session: &Session<'_>,
    listing: impl Future<Output = Result<Listing, Error>>,
) -> Result<Vec<Value>, Advisory> {
    let listing = listing.await.map_err(|error| {
        Advisory::new("GROUPS_UNKNOWN", format!("The groups could not be read ({:?}).", error.error_type))
    })?;
    let named = listing.objects.iter().enumerate().map(async |(index, group)| {
        let name = if index < 25 { session.group_name(group).await } else { group.ldap_name().map(str::to_owned) };
        json!({"id": group.id, "name": name})
    });
    Ok(join_all(named).await)
}

/// `1 device`, `3 devices`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
