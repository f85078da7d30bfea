//! The ledger as the playbooks' guard.

use std::time::Duration;

use chrono::Utc;
use jumpcloud_playbooks::{
    error::{
        Error,
        ErrorType::{Protected as IsProtected, Unsupported},
    },
    guard::{About, Admission, Asks, Change, Guard, Judged, Protection, Settled, Subject, Unsettled},
    outcome::{Hold, Judgement, Rule, Ruling},
    request::TargetType,
};
use tokio::time::Instant;

use crate::{
    admit::Ticket,
    items::{ALL, Item, change_key, protected_pk, switch_key, text_of},
    judge::Known,
    protected::{self, Entry, Protected},
    record::Record,
    setup::{Ledger, switches},
    switch::Switch,
    table::unavailable,
};

/// For the connection, in init.
const TIME_TO_WARM_UP: Duration = Duration::from_secs(3);

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
