//! What the guard is configured with, and how its playbooks, switches and organizations are called.

use jumpcloud_playbooks::{
    error::{Error, ErrorType::GuardUnavailable},
    organizations::{Alias, Organizations, undecided},
    playbooks::{
        disable_user::DISABLE_USER, enable_user::ENABLE_USER, reset_password::RESET_PASSWORD,
        shutdown_host::SHUTDOWN_HOST,
    },
    vars::{self, Var, Vars, misconfigured},
};
use reqwest::Client;

use crate::{
    items::{ALL, Item, switch_key},
    protected::{self, Entry},
    switch::Limits,
    table::Table,
};

/// What the organization is called where none is configured.
pub const DEFAULT_ORGANIZATION: &str = "default";
/// `GUARD_TABLE` of a deployment without the table.
const NONE: &str = "none";
/// The one playbook that gives back: it has a switch of its own and no limit.
pub const GIVES_BACK: &str = ENABLE_USER.name;
/// The playbooks that take something away, and that one.
pub const PLAYBOOKS: [&str; 4] = [DISABLE_USER.name, RESET_PASSWORD.name, SHUTDOWN_HOST.name, GIVES_BACK];
/// The guard.
#[derive(Clone)]
pub struct Ledger {
    /// `None` where the deployment has none on purpose.
    pub(crate) table: Option<Table>,
    pub(crate) organizations: Organizations,
    /// What the one is called, where there is one.
    one: String,
    pub(crate) limits: Limits,
    /// Of the environment.
    pub(crate) entries: Vec<Entry>,
    pub(crate) max_users: Option<usize>,
}

impl Ledger {
    /// From a function's environment.
    ///
    /// # Errors
    /// `GuardUnavailable` where no table is named, `Internal` for a variable that makes no sense.
    pub fn from_vars(vars: &Vars<'_>, http: Client) -> Result<Self, Error> {
        let name = vars.text(&vars::GUARD_TABLE).ok_or_else(|| {
            GuardUnavailable.error("GUARD_TABLE is not set; set it to the name of the guard table, or to `none` to act without one on purpose; nothing was done")
        })?;
        let number =
            |var: &Var| vars.parsed(var, |number| number.parse().ok().filter(|number| (1..=1000).contains(number)));
        Ok(Self {
            table: (name != NONE).then(|| Table::from_vars(vars, http, name)).transpose()?,
            organizations: Organizations::from_vars(vars)?,
            one: organization(vars)?,
            limits: Limits {
                hour: number(&vars::MAX_TARGETS_PER_HOUR)?.unwrap_or(10),
                day: number(&vars::MAX_TARGETS_PER_DAY)?.unwrap_or(40),
            },
            entries: protected::of_vars(vars)?,
            max_users: number(&vars::MAX_USERS_OF_HOST)?,
        })
    }

    /// What every key of an organization begins with.
    ///
    /// # Errors
    /// `Internal` where it was not decided which.
    pub(crate) fn organization<'a>(&'a self, alias: Option<&'a Alias>) -> Result<&'a str, Error> {
        match (alias, self.organizations.are_several()) {
            (Some(alias), true) => Ok(alias.as_str()),
            (None, false) => Ok(&self.one),
            (Some(_), false) | (None, true) => Err(undecided()),
        }
    }
}

/// The switches that `playbook` obeys in `organization`, its own last.
pub(crate) fn switches(organization: &str, playbook: &str) -> Vec<Item> {
    let whose = if playbook == GIVES_BACK { &[playbook][..] } else { &[ALL, playbook] };
    whose.iter().flat_map(|playbook| scopes(organization).map(move |scope| switch_key(scope, playbook))).collect()
}

/// Where what holds for `organization` is set: for all, and for it; which is one where all are meant.
pub(crate) fn scopes(organization: &str) -> impl Iterator<Item = &str> + Clone {
    [ALL, organization].into_iter().skip(usize::from(organization == ALL))
}

/// What a single organization is called.
///
/// # Errors
/// `Internal` where it could be mistaken for another key.
pub fn organization(vars: &Vars<'_>) -> Result<String, Error> {
    let name = vars.text(&vars::JUMPCLOUD_ORG_ID).unwrap_or_else(|| DEFAULT_ORGANIZATION.to_owned());
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Err(misconfigured(vars::JUMPCLOUD_ORG_ID.name, "must be letters and digits"));
    }
    Ok(name)
}
