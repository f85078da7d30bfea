//! The ledger as the playbooks' guard.

use std::time::Duration;

use chrono::Utc;
use jumpcloud_playbooks::{
    error::{
        Error,
        ErrorType::{GuardUnavailable, Protected as IsProtected, Unsupported},
    },
    guard::{About, Admission, Asks, Change, Guard, Judged, Protection, Settled, Subject, Unsettled},
    organizations::{Alias, Organizations, undecided},
    outcome::{Hold, Judgement, Rule, Ruling},
    playbooks::{
        disable_user::DISABLE_USER, enable_user::ENABLE_USER, reset_password::RESET_PASSWORD,
        shutdown_host::SHUTDOWN_HOST,
    },
    request::TargetType,
    vars::{self, Var, Vars, misconfigured},
};
use reqwest::Client;
use tokio::time::Instant;

use crate::{
    admit::Ticket,
    items::{ALL, Item, change_key, protected_pk, switch_key, text_of},
    judge::Known,
    protected::{self, Entry, Protected},
    record::Record,
    switch::{Limits, Switch},
    table::{Table, unavailable},
};

/// What the organization is called where none is configured.
pub const DEFAULT_ORGANIZATION: &str = "default";
/// `GUARD_TABLE` of a deployment without the table.
const NONE: &str = "none";
/// The one playbook that gives back: it has a switch of its own and no limit.
pub const GIVES_BACK: &str = ENABLE_USER.name;
/// The playbooks that take something away, and that one.
pub const PLAYBOOKS: [&str; 4] = [DISABLE_USER.name, RESET_PASSWORD.name, SHUTDOWN_HOST.name, GIVES_BACK];
/// For the connection, in init.
const TIME_TO_WARM_UP: Duration = Duration::from_secs(3);

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
    max_users: Option<usize>,
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

impl Guard for Ledger {
    type Known = Known;
    type Ticket = Option<Ticket>;

    async fn warm_up(&self) {
        if let Some(table) = &self.table
            && let Err(error) = table.get(&[switch_key(ALL, ALL)], Instant::now() + TIME_TO_WARM_UP).await
        {
            tracing::warn!(error = error.message, "the guard table could not be read during init");
        }
    }

    fn absent(&self) -> Vec<Judgement> {
        let off = |rule| Judgement::new(rule, Ruling::Off, "GUARD_TABLE is `none`: this deployment has no guard table");
        match self.table {
            Some(_) => Vec::new(),
            None => [Rule::Pending, Rule::Switch, Rule::Limit].map(off).to_vec(),
        }
    }

    async fn read(&self, about: &About<'_>) -> Result<Known, Error> {
        let mut known = Known { entries: self.entries.clone(), switches: Vec::new(), record: None };
        let Some(table) = &self.table else { return Ok(known) };
        let until = Instant::now() + about.time_left;
        let organization = self.organization(about.organization)?;
        let change = change_key(organization, about.target_type, about.id);
        let mut keys = switches(organization, about.playbook);
        keys.push(change.clone());
        let protected = protected_pk(organization);
        let (entries, items) = tokio::join!(table.query(&protected, until), table.get(&keys, until));
        let (entries, items) = (entries?, items?);
        keys.pop();
        for item in &entries {
            let entry = Entry::from_item(item);
            let sk = text_of(item, "sk").unwrap_or_default();
            known.entries.push(entry.ok_or_else(|| unavailable(&format!("the protected entry {sk} is damaged")))?);
        }
        let find =
            |key: &Item| items.iter().find(|item| ["pk", "sk"].iter().all(|name| item.get(*name) == key.get(*name)));
        known.record = find(&change).map(Record::from_item).transpose()?;
        known.switches = keys.into_iter().map(|key| (key.clone(), Switch::from_item(find(&key)))).collect();
        Ok(known)
    }

    fn asks(&self, known: &Known, target_type: TargetType) -> Asks {
        protected::asks(&known.entries, self.max_users, target_type)
    }

    fn protection(&self, known: &Known, subject: &Subject, target_type: TargetType) -> Protection {
        match protected::judge(&known.entries, self.max_users, subject, target_type) {
            Protected::No => Protection::No,
            Protected::Ask(why) if self.table.is_some() => Protection::Ask(why),
            Protected::Ask(why) => Protection::Refused(Unsupported.error(format!(
                "{why}; a person's consent needs the guard table, and GUARD_TABLE is `none`; nothing was done"
            ))),
            Protected::Never(why) => Protection::Refused(IsProtected.error(format!("{why}; nothing was done"))),
        }
    }

    fn unsettled(&self, known: &Known, playbook: &str) -> Option<Unsettled> {
        let record = known.record.as_ref().filter(|record| record.playbook == playbook && record.status != "done")?;
        Some(Unsettled { before: record.before.clone(), when: record.when() })
    }

    fn holds(&self, known: &Known) -> Option<Vec<Hold>> {
        self.table.as_ref()?;
        Some(known.record.as_ref().map(|record| record.holds.clone()).unwrap_or_default())
    }

    async fn keep_holds(&self, known: &Known, change: &Change<'_>) -> Result<Admission<Vec<Hold>>, Error> {
        match &self.table {
            Some(table) => self.record_holds(table, known.clone(), change).await,
            None => Ok(Admission::Admitted(Vec::new())),
        }
    }

    fn judge(&self, known: &Known, change: &Change<'_>) -> Judged {
        match self.table {
            Some(_) => known.each(change, self.limits, Utc::now()),
            None => Judged::default(),
        }
    }

    async fn admit(&self, known: &Known, change: &Change<'_>) -> Result<Admission<Option<Ticket>>, Error> {
        match &self.table {
            Some(table) => self.admission(table, known.clone(), change).await,
            None => Ok(Admission::Admitted(None)),
        }
    }

    async fn settle(&self, ticket: Option<Ticket>, result: Settled, time_left: Duration) {
        if let (Some(table), Some(ticket)) = (&self.table, ticket) {
            table.settle(ticket, result, time_left).await;
        }
    }
}
