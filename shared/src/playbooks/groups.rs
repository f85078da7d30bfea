//! The groups of a user or host, for Enrich.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{question::Part, words::counted};
use crate::{
    error::Error,
    jumpcloud::{Listing, Reader},
    outcome::{Advisory, AdvisoryCode},
};

/// Past this number a group's name is given only where no call is needed for it.
const MAX_NAMED: usize = 25;

/// The groups that `listing` names, with their names.
pub(super) async fn part(
    reader: &Reader<'_>,
    listing: impl Future<Output = Result<Listing, Error>>,
) -> Result<Part, Error> {
    let listing = listing.await?;
    let named = listing.objects.iter().enumerate().map(async |(index, group)| {
        let name =
            if index < MAX_NAMED { reader.group_name(group).await } else { group.ldap_name().map(str::to_owned) };
        json!({"id": group.id, "name": name})
    });
    let groups: Vec<Value> = join_all(named).await;
    let incomplete = listing.truncated.then(|| {
        Advisory::new(
            AdvisoryCode::GroupsIncomplete,
            "Not all groups are listed here: there are more than 1,000; see the Admin Portal.",
        )
    });
    Ok(Part {
        words: Some(counted(groups.len(), "group")),
        advisories: incomplete.into_iter().collect(),
        truncated: listing.truncated,
        ..Part::new(Value::from(groups))
    })
}
