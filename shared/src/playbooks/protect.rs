//! What the entries for protected targets need to know of a target, read from JumpCloud where they ask for it.

use std::collections::HashSet;

use super::{found::Resolved, named::Named};
use crate::{
    error::{Error, ErrorType::GuardUnavailable},
    guard::{Asks, Named as Names, Subject},
    ids::ObjectId,
    jumpcloud::{Listing, Object, Reader, SystemUser},
    request::TargetType,
};

/// The target as the entries see it. What cannot be read whole is `GuardUnavailable`: a guard that cannot be judged refuses.
pub(super) async fn subject<T: Named>(reader: &Reader<'_>, found: &Resolved<T>, asks: Asks) -> Result<Subject, Error> {
    let mut target = Names { names: found.object.names(), groups: Vec::new() };
    let (groups, users) = tokio::join!(
        async {
            match (asks.groups, T::TYPE) {
                (false, _) => Ok(Vec::new()),
                (true, TargetType::User) => whole("groups", reader.user_memberof(&found.id).await),
                (true, TargetType::Host) => whole("groups", reader.system_memberof(&found.id).await),
            }
        },
        async {
            match asks.users && T::TYPE == TargetType::Host {
                true => users(reader, found, asks.groups).await.map(Some),
                false => Ok(None),
            }
        }
    );
    target.groups = groups?.iter().map(|id| id.as_str().to_owned()).collect();
    let (users, bound) = users?.unwrap_or_default();
    Ok(Subject { target, users, bound })
}

/// Those who are bound to the host directly and its primary user, with their names; and how many are bound.
async fn users<T: Named>(reader: &Reader<'_>, found: &Resolved<T>, groups: bool) -> Result<(Vec<Names>, usize), Error> {
    let listing = reader.system_users(&found.id).await.map_err(|error| unreadable("users", &error))?;
    let direct = Listing {
        truncated: listing.truncated,
        objects: listing.objects.into_iter().filter(|object| object.binding().direct != Some(false)).collect(),
    };
    let mut ids = whole("users", Ok(direct))?;
    let bound = ids.len();
    ids.extend(found.object.owner());
    let ids: HashSet<ObjectId> = ids.into_iter().collect();
    let ids: Vec<ObjectId> = ids.into_iter().collect();
    let users: Vec<SystemUser> = reader.get_many(&ids).await.map_err(|error| unreadable("users", &error))?;
    if users.len() != ids.len() {
        return Err(GuardUnavailable
            .error("the host has users that the key may not see, so whether one of them protects it is not known; nothing was done"));
    }
    let named = users.iter().map(async |user| {
        let id = user.id()?;
        let groups = match groups {
            true => whole("groups", reader.user_memberof(&id).await)?,
            false => Vec::new(),
        };
        Ok(Names { names: user.names(), groups: groups.iter().map(|id| id.as_str().to_owned()).collect() })
    });
    Ok((futures_util::future::try_join_all(named).await?, bound))
}

fn whole(what: &str, listing: Result<Listing, Error>) -> Result<Vec<ObjectId>, Error> {
    let listing = listing.map_err(|error| unreadable(what, &error))?;
    let ids = listing.ids();
    if listing.truncated {
        return Err(GuardUnavailable.error(format!("the target has more than 1,000 {what}, so not all of them could be checked against the protected entries; nothing was done")));
    }
    Ok(ids)
}

fn unreadable(what: &str, error: &Error) -> Error {
    let why = format!(
        "the {what} of the target, which protected entries ask for, could not be read ({}); nothing was done; {}",
        error.error_type, error.message
    );
    GuardUnavailable.error(why).caused_by(error.error_type)
}
