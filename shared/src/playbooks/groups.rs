//! The groups of a user or host, for Enrich.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{access::Basis, question::Part, words::counted};
use crate::{
    error::Error,
    jumpcloud::{GraphObject, Listing, Reader},
    outcome::{Advisory, AdvisoryCode},
};

/// Where the names have to be read one by one, those of at most this many groups are.
const MAX_NAMED: usize = 25;

/// The groups that `listing` names, with their names.
pub(super) async fn part(
    reader: &Reader<'_>,
    listing: impl Future<Output = Result<Listing, Error>>,
) -> Result<Part, Error> {
    let listing = listing.await?;
    let names = names(reader, &listing).await;
    let named = |group: &GraphObject| {
        let name = group.ldap_name().or_else(|| names.get(group.id.as_deref()?).map(String::as_str));
        json!({"id": group.id, "name": name})
    };
    let groups: Vec<Value> = listing.objects.iter().map(named).collect();
    let incomplete = listing.truncated.then(|| {
        Advisory::new(
            AdvisoryCode::GroupsIncomplete,
            "Not all groups are listed here: there are more than 1,000; see the Admin Portal.",
        )
    });
    Ok(Part {
        words: Some(counted(groups.len(), "group")),
        advisories: incomplete.into_iter().collect(),
        basis: Some(Basis::Groups(groups.len())),
        truncated: listing.truncated,
        ..Part::new(Value::from(groups))
    })
}

/// The names, by id, of the groups that have none in the listing. One list of them all; what that leaves out, because the key may
/// not list groups or the filter is not understood, is read one by one.
async fn names(reader: &Reader<'_>, listing: &Listing) -> HashMap<String, String> {
    let unnamed: Vec<&GraphObject> = listing.objects.iter().filter(|group| group.ldap_name().is_none()).collect();
    let mut names = match unnamed.as_slice() {
        [] | [_] => HashMap::new(),
        several => reader.group_names(several).await,
    };
    let left = unnamed.into_iter().filter(|group| group.id.as_ref().is_some_and(|id| !names.contains_key(id)));
    let read = left.take(MAX_NAMED).map(async |group| Some((group.id.clone()?, reader.group_name(group).await?)));
    let read = join_all(read).await;
    names.extend(read.into_iter().flatten());
    names
}
