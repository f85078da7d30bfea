//! Whether the table can be read, for `check-connection`.

use std::time::Duration;

use jumpcloud_playbooks::checks::{Cause, Check, Subject::GuardTable};
use tokio::time::Instant;

use crate::{
    items::{ALL, switch_key},
    setup::Ledger,
    table::advice,
};

/// A table that does not answer is not waited for any longer.
const TIME: Duration = Duration::from_secs(5);

impl Ledger {
    /// One consistent read, which changes nothing.
    pub async fn check(&self, until: Instant) -> Check {
        let Some(table) = &self.table else {
            return Check::ok(GuardTable, "GUARD_TABLE is `none`: commands act without a guard table, on purpose.");
        };
        let name = &table.name;
        match table.refusal(&switch_key(ALL, ALL), until.min(Instant::now() + TIME)).await {
            Ok(None) => Check::ok(GuardTable, format!("The table {name} can be read.")),
            Ok(Some(code)) => {
                let cause = match code.as_str() {
                    "ResourceNotFoundException" => Cause::TableMissing,
                    "AccessDeniedException" => Cause::NoPermission,
                    _ => Cause::Refused,
                };
                Check::failed(
                    GuardTable,
                    cause,
                    format!("The table {name} cannot be read ({code}): {}.", advice(&code)),
                )
            }
            Err(error) => Check::failed(GuardTable, Cause::NotReached, error.message),
        }
    }
}
