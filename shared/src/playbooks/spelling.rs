//! Whether an object has a name.

use super::named::{Named, wrong_kind};
use crate::{
    error::Error,
    ids::ObjectId,
    request::{By, Name},
};

pub(super) fn is_host_name(by: By) -> bool {
    matches!(by, By::Hostname | By::Host | By::Reported)
}

/// The texts that are this name: Macs report `NAME.local`, and alerts carry `NAME`, or the other way round.
pub(super) fn spellings(name: &Name) -> Vec<String> {
    let text = &name.text;
    let base = text.len().checked_sub(".local".len()).and_then(|end| text.split_at_checked(end));
    match base {
        _ if !is_host_name(name.by) => vec![text.clone()],
        Some((base, suffix)) if suffix.eq_ignore_ascii_case(".local") && !base.is_empty() => {
            vec![text.clone(), base.to_owned()]
        }
        _ => vec![text.clone(), format!("{text}.local")],
    }
}

/// Whether `object` has the name, whatever its case.
pub(super) fn carries<T: Named>(object: &T, name: &Name) -> Result<bool, Error> {
    let wanted: Vec<String> = spellings(name).iter().map(|text| text.to_lowercase()).collect();
    let has = |field: &&str| object.field(field).is_some_and(|value| wanted.contains(&value.to_lowercase()));
    Ok(T::fields(name.by)?.iter().any(has))
}

/// Whether `object` says that it has another name. One that does not say proves nothing.
pub(super) fn contradicts<T: Named>(object: &T, name: &Name) -> Result<bool, Error> {
    if let Some(id) = given_id(name)? {
        return Ok(object.id()? != id);
    }
    let says = T::fields(name.by)?.iter().all(|field| object.field(field).is_some());
    Ok(says && !carries(object, name)?)
}

pub(super) fn given_id(name: &Name) -> Result<Option<ObjectId>, Error> {
    match name.by {
        By::UserId | By::HostId => ObjectId::parse(&name.text).map(Some).ok_or_else(wrong_kind),
        By::Username | By::Email | By::User | By::Hostname | By::Reported | By::InstanceId | By::Host => Ok(None),
    }
}
