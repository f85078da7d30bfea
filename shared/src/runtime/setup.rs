//! What a function is configured with: right, or one error that every invocation is answered with.

use super::clients::Clients;
use crate::{
    error::Error,
    intake::Settings,
    vars::{self, Vars},
};

const DEFAULT_CONCURRENCY: usize = 8;

/// What one process holds: built once, lent to every invocation.
pub(super) struct Setup {
    pub(super) clients: Clients,
    pub(super) settings: Settings,
    /// `DRY_RUN`.
    pub(super) dry_run: bool,
    /// `BATCH_CONCURRENCY`.
    pub(super) concurrency: usize,
}

impl Setup {
    pub(super) fn from_vars(vars: &Vars<'_>, http: reqwest::Client) -> Result<Self, Error> {
        let concurrency = vars.parsed(&vars::BATCH_CONCURRENCY, |number| {
            number.parse().ok().filter(|number| (1..=100).contains(number))
        })?;
        Ok(Self {
            clients: Clients::from_vars(vars, http)?,
            settings: Settings::from_vars(vars)?,
            dry_run: vars.flag(&vars::DRY_RUN)?,
            concurrency: concurrency.unwrap_or(DEFAULT_CONCURRENCY),
        })
    }
}
