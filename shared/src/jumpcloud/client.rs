//! The connection to one JumpCloud organization, and what one invocation does with it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::credentials::{Credential, Credentials};
use crate::{
    error::{Error, ErrorType::Internal},
    http::CONNECT_TIMEOUT,
};

/// The connection to one JumpCloud organization: its credentials, its hosts, its connections. One per process and organization.
#[derive(Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) credentials: Arc<dyn Credentials>,
    pub(super) suspend_with: SuspendWith,
}

/// The call that suspends a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SuspendWith {
    /// `PUT /systemusers/{id}`: documented, and its answer shows the new state. Its scopes (`users.properties.update` is the
    /// smallest) also allow to change addresses and passwords.
    #[default]
    Put,
    /// `POST /systemusers/{id}/state/suspend`: the scope `users.state.suspend` is enough. What it answers is not documented.
    State,
}

impl SuspendWith {
    /// `put` or `state`, whatever the case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "put" => Some(Self::Put),
            "state" => Some(Self::State),
            _ => None,
        }
    }
}

impl Client {
    /// The credentials go with every request to their hosts. `http` must not follow redirects.
    pub fn new(http: reqwest::Client, credentials: Arc<dyn Credentials>) -> Self {
        Self { http, credentials, suspend_with: SuspendWith::default() }
    }

    /// The same, which suspends users so.
    pub fn suspending_with(self, suspend_with: SuspendWith) -> Self {
        Self { suspend_with, ..self }
    }

    /// Gets the credentials and opens the connection concurrently, so that the first invocation finds both. What
    /// fails here is tried again, and then reported, by the invocation.
    pub async fn warm_up(&self) {
        let expected = &self.credentials.expected_hosts().api;
        let (key, ()) = tokio::join!(self.credentials.current(), self.connect(expected));
        match key {
            Ok(key) if key.hosts().api != *expected => self.connect(&key.hosts().api).await, // the secret named another place
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(
                    error_type = error.error_type.name(),
                    "there were no credentials for JumpCloud during init"
                );
            }
        }
    }

    /// Opens a connection, without the key: it may not be there yet, and the answer (a redirect to the login page) does not
    /// matter.
    async fn connect(&self, api: &str) {
        let _ = self.http.head(api).timeout(CONNECT_TIMEOUT).send().await;
    }

    /// The calls of one invocation. With `dry_run` nothing but reads can be sent.
    pub fn session(&self, deadline: Instant, dry_run: bool) -> Session<'_> {
        Session { reader: Reader { client: self, deadline, traffic: Mutex::default() }, dry_run }
    }
}

/// The calls of one invocation: its deadline, its dry run, its count. Whoever holds it decides who may read and who may
/// write; a [`Reader`] leads to no [`Writer`].
#[derive(Debug)]
pub struct Session<'a> {
    reader: Reader<'a>,
    dry_run: bool,
}

impl<'a> Session<'a> {
    /// Reads.
    pub fn reader(&self) -> &Reader<'a> {
        &self.reader
    }

    /// Reads and changes.
    ///
    /// # Errors
    /// `Internal` in a dry run: nobody should have come this far.
    pub fn writer(&self) -> Result<Writer<'_>, Error> {
        if self.dry_run {
            return Err(
                Internal.error("a dry run was about to change something; it was stopped and nothing was changed")
            );
        }
        Ok(Writer { reader: &self.reader })
    }

    /// Whether nothing but reads can be sent.
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }
}

/// The calls that change nothing.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(super) client: &'a Client,
    pub(super) deadline: Instant,
    traffic: Mutex<Traffic>,
}

impl Reader<'_> {
    /// The organization that calls are made for, where the credentials name one.
    pub async fn organization(&self) -> Result<Option<String>, Error> {
        Ok(self.in_time(self.client.credentials.current()).await?.org_id().map(str::to_owned))
    }

    /// What calls are made with, and where they go.
    pub async fn credential(&self) -> Result<Credential, Error> {
        self.in_time(self.client.credentials.current()).await
    }

    /// What was sent so far.
    pub fn traffic(&self) -> Traffic {
        self.count().clone()
    }

    /// What is left of the invocation's time.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(super) fn count(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The calls that change something; reads too, through [`Writer::reader`].
#[derive(Debug)]
pub struct Writer<'a> {
    reader: &'a Reader<'a>,
}

impl<'a> Writer<'a> {
    /// Reads.
    pub fn reader(&self) -> &'a Reader<'a> {
        self.reader
    }
}

/// What was sent to JumpCloud in one invocation.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Requests, repeated ones included.
    pub calls: u32,
    /// Those that were answered with 429.
    pub throttled: u32,
    /// How long each took that ended.
    pub latencies_ms: Vec<u64>,
}
