//! What a function is configured with: right, or one error that every invocation is answered with.

use std::sync::Arc;

use crate::{
    credentials::KeyStore,
    error::Error,
    intake::Settings,
    jumpcloud::{Client, SuspendWith},
    vars::{self, Vars},
};

const DEFAULT_CONCURRENCY: usize = 8;

/// What one process holds: built once, lent to every invocation.
pub(super) struct Setup {
    pub(super) client: Client,
    pub(super) settings: Settings,
    /// `DRY_RUN`.
    pub(super) dry_run: bool,
    /// `BATCH_CONCURRENCY`.
    pub(super) concurrency: usize,
}

impl Setup {
    pub(super) fn from_vars(vars: &Vars<'_>, http: reqwest::Client) -> Result<Self, Error> {
        let keys = Arc::new(KeyStore::from_vars(vars, http.clone())?);
        let concurrency = vars.parsed(&vars::BATCH_CONCURRENCY, |number| {
            number.parse().ok().filter(|number| (1..=100).contains(number))
        })?;
        let suspend_with = vars.parsed(&vars::SUSPEND_WITH, SuspendWith::parse)?.unwrap_or_default();
        Ok(Self {
            client: Client::new(http, keys).suspending_with(suspend_with),
            settings: Settings::from_vars(vars)?,
            dry_run: vars.flag(&vars::DRY_RUN)?,
            concurrency: concurrency.unwrap_or(DEFAULT_CONCURRENCY),
        })
    }
}
