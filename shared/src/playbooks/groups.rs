//! The groups of a user or host, for Enrich.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{question::Part, words::counted};
use crate::{
    error::Error,
    jumpcloud::{Listing, Reader},
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
    Ok(Part { words: counted(groups.len(), "group"), value: Value::from(groups), advisories: Vec::new() })
}
