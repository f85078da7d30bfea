//! The holds of a target: in its change record, so that the change and who wants it are one write.

use chrono::{DateTime, Utc};
use jumpcloud_playbooks::{
    error::Error,
    guard::{Admission, Change},
    outcome::Hold,
};
use tokio::time::Instant;

use crate::{
    items::{Item, Step, change_key, on_condition},
    judge::{Known, in_progress, off},
    record::{KEPT, Record},
    setup::Ledger,
    switch::Mode,
    table::{Table, Trouble, Written, backoff, is_conflict, retried, unavailable},
};

impl Ledger {
    /// Writes what `change` does to the holds, where nothing is sent: the state is as wanted. What was begun and never
    /// settled may be somebody else's doing.
    pub(crate) async fn record_holds(
        &self,
        table: &Table,
        mut known: Known,
        change: &Change<'_>,
    ) -> Result<Admission<Vec<Hold>>, Error> {
        if let Some(switch) = known.switch(Mode::Off) {
            return Err(off(change.playbook, switch));
        }
        if let Some(switch) = known.switch(Mode::DryRun) {
            return Ok(Admission::DryRun(format!("switched to dry run {}", switch.set)));
        }
        let id = change.target.id.as_ref().ok_or_else(|| unavailable("the target has no id"))?;
        let key = change_key(self.organization(change.info.organization.as_ref())?, change.target.target_type, id);
        let until = Instant::now() + change.time_left;
        let mut tries = 0;
        loop {
            let now = Utc::now();
            if let Some(record) = known.record.as_ref().filter(|record| record.is_in_progress(now)) {
                return Err(in_progress(&record.when()));
            }
            let record = held(known.record.as_ref(), change, now);
            match retried(until, async || write(table, &key, (known.record.as_ref(), &record), until).await).await? {
                None => return Ok(Admission::Admitted(record.holds)),
                Some(there) => known.record = there.as_ref().map(Record::from_item).transpose()?,
            }
            // A lost answer that was written after all: the record is there as it was to be.
            if known.record.as_ref() == Some(&record) {
                return Ok(Admission::Admitted(record.holds));
            }
            backoff(tries, until).await?;
            tries += 1;
        }
    }
}

/// The record with the holds as they are to be.
fn held(before: Option<&Record>, change: &Change<'_>, now: DateTime<Utc>) -> Record {
    let mut record = before.cloned().unwrap_or_else(|| Record {
        status: "done".to_owned(),
        ..Record::begun(change, &format!("{:016x}", fastrand::u64(..)), now, Vec::new())
    });
    let ours = record.status == "done";
    record.holds =
        change.holding.when_unchanged(before.map(|record| record.holds.as_slice()).unwrap_or_default(), ours, now);
    record.expires = expiry(&record.holds, now).filter(|_| ours);
    record
}

/// When a settled record may go: not while somebody holds the target.
pub(crate) fn expiry(holds: &[Hold], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut last = now;
    for hold in holds {
        last = last.max(crate::record::time(hold.until.as_deref()?)?);
    }
    Some(last + KEPT)
}

/// `None` where it was written; else what is there instead of `before`.
async fn write(
    table: &Table,
    key: &Item,
    (before, record): (Option<&Record>, &Record),
    until: Instant,
) -> Result<Option<Option<Item>>, Trouble> {
    let when = Record::is_still(before);
    let step = on_condition(&table.name, key, Step::Put(record.item(key)), &when);
    let step = step.map_err(|_| Trouble::Fatal(unavailable("the transaction could not be built")))?;
    match table.transact(vec![step], until).await? {
        Written::Done => Ok(None),
        Written::Cancelled(reasons) if reasons.iter().any(is_conflict) => Err(Trouble::Again),
        Written::Cancelled(reasons) => Ok(Some(reasons.into_iter().next().and_then(|reason| reason.item))),
    }
}
