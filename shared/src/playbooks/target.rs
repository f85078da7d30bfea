//! Finding the one user or host that a request is about.
//!
//! All names that a finding gives its target are looked up in one search, and each must lead to the same object. A local
//! account of a host counts only where JumpCloud binds the user to that host.

use super::{
    found::{LookUp, MAX_CANDIDATES, Resolved, all, apart, candidate, either, outcome_target, several},
    named::Named,
    spelling::{carries, contradicts, given_id, is_host_name, spellings},
    subject::Subject,
};
use crate::{
    error::{Error, ErrorType::UnexpectedResponse},
    ids::ObjectId,
    jumpcloud::{Reader, System},
    outcome::Candidate,
    request::{Name, Target},
};

/// The one object that `target` names. `around` runs concurrently with the read by id, which saves a round trip.
pub(super) async fn look_up_with<T: Named, R>(
    reader: &Reader<'_>,
    target: &Target,
    around: impl AsyncFn(&Subject<'_, T>) -> R,
) -> Result<(LookUp<T>, Option<R>), Error> {
    let (found, host) = tokio::join!(find::<T>(reader, target), host(reader, &target.bound_to));
    let id = match found? {
        Search::Id(id) => id,
        Search::NotOne(not_one) => return Ok((not_one, None)),
    };
    let host = host?;
    let subject = Subject::new(reader, &id);
    let (_, unbound, around) = tokio::join!(subject.object(), unbound(reader, &id, &host, target), around(&subject));
    let Some(object) = subject.into_object()? else { return Ok((LookUp::Nobody(Vec::new()), None)) };
    let organization = reader.organization().await?;
    if let (Some(own), Some(its)) = (organization, object.organization())
        && !own.eq_ignore_ascii_case(its)
    {
        return Err(UnexpectedResponse.error(format!(
            "JumpCloud answered with a {} of another organization ({its}) than the configured one; nothing was done; check the organization id of the key",
            T::TYPE.word()
        )));
    }
    if let Some(why) = unbound? {
        return Ok((LookUp::Unbound(why, candidate(&object)?), None));
    }
    for name in target.names() {
        if contradicts(&object, name)? {
            return Ok((LookUp::Apart(name.text.clone()), None));
        }
    }
    let target = outcome_target::<T>(Some(id.clone()), object.name(), target);
    Ok((LookUp::One(Resolved { object, id, target }), Some(around)))
}

/// What names lead to, before it is read.
enum Search<T> {
    Id(ObjectId),
    NotOne(LookUp<T>),
}

/// The id of the object that the names lead to. Judged is what is read by that id: JumpCloud's search leaves fields out.
async fn find<T: Named>(reader: &Reader<'_>, target: &Target) -> Result<Search<T>, Error> {
    let mut given: Vec<(ObjectId, &Name)> = Vec::new();
    for name in target.names() {
        if let Some(id) = given_id(name)?
            && !given.iter().any(|(known, _)| *known == id)
        {
            given.push((id, name));
        }
    }
    match given.as_slice() {
        [] => search::<T>(reader, target).await,
        [(id, _)] => Ok(Search::Id(id.clone())),
        several => {
            let candidate =
                |(id, name): &(ObjectId, &Name)| Candidate { id: Some(id.clone()), name: name.text.clone(), os: None };
            Ok(Search::NotOne(LookUp::Several(several.iter().map(candidate).collect())))
        }
    }
}

async fn search<T: Named>(reader: &Reader<'_>, target: &Target) -> Result<Search<T>, Error> {
    let (mut fields, mut texts): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for name in target.names() {
        fields.extend(T::fields(name.by)?.iter().filter(|field| !fields.contains(*field)).collect::<Vec<_>>());
        texts.extend(spellings(name).into_iter().filter(|text| !texts.contains(text)).collect::<Vec<_>>());
    }
    let found = reader.search::<T>(&fields, &texts, MAX_CANDIDATES).await?;
    // Compared again: an answer that ignored the filter must not choose the target.
    let mut matching: Vec<T> = Vec::new();
    for object in found.results {
        for name in target.names() {
            if carries(&object, name)? {
                matching.push(object);
                break;
            }
        }
    }
    if matching.len() < 2 && !found.complete {
        return Err(UnexpectedResponse.error("JumpCloud's search answered with more than was asked for, so the target is not certain; nothing was changed"));
    }
    match matching.as_slice() {
        [] => Ok(Search::NotOne(LookUp::Nobody(elsewhere::<T>(reader, target).await?))),
        [object] => {
            for name in target.names() {
                if !carries(object, name)? {
                    return Ok(Search::NotOne(LookUp::Apart(name.text.clone())));
                }
            }
            object.id().map(Search::Id)
        }
        several => Ok(Search::NotOne(LookUp::Several(several.iter().map(candidate).collect::<Result<_, Error>>()?))),
    }
}

/// Hosts of the same first label: known under another domain, or one of them.
async fn elsewhere<T: Named>(reader: &Reader<'_>, target: &Target) -> Result<Vec<Candidate>, Error> {
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    let labels: Vec<String> =
        target.names().filter(|name| is_host_name(name.by)).map(|name| label(&name.text)).collect();
    if labels.is_empty() {
        return Ok(Vec::new());
    }
    let found = reader.search_labels::<T>("hostname", &labels, MAX_CANDIDATES).await?;
    let same = |object: &&T| object.field("hostname").is_some_and(|name| labels.contains(&label(name)));
    found.results.iter().filter(same).map(candidate).collect()
}

/// The host that a local account belongs to, or why there is none; `None` where no account is.
async fn host(reader: &Reader<'_>, names: &[Name]) -> Result<Option<Result<ObjectId, String>>, Error> {
    let [name, also @ ..] = names else { return Ok(None) };
    let target = Target { also: also.to_vec(), ..Target::from(name.clone()) };
    Ok(Some(match find::<System>(reader, &target).await? {
        Search::Id(id) => Ok(id),
        Search::NotOne(not_one) => Err(match not_one {
            LookUp::Several(candidates) => several("host", &candidates, &target),
            LookUp::Apart(name) => apart("host", &name, &target),
            LookUp::Nobody(_) | LookUp::One(_) | LookUp::Unbound(..) => {
                format!("JumpCloud has no host {}", either(&target))
            }
        }),
    }))
}

/// Why the user is not the local account of the host, if so.
async fn unbound(
    reader: &Reader<'_>,
    user: &ObjectId,
    host: &Option<Result<ObjectId, String>>,
    target: &Target,
) -> Result<Option<String>, Error> {
    let (name, of) = (all(target), target.bound_to.first().map_or("", |host| &host.text));
    match host {
        None => Ok(None),
        Some(Err(why)) => Ok(Some(format!("{name} is a local account of {of}, and {why}"))),
        Some(Ok(host)) => {
            let systems = reader.user_systems(user).await?;
            if systems.ids().contains(host) {
                return Ok(None);
            }
            let known = if systems.truncated { "is not known to bind" } else { "does not bind" };
            Ok(Some(format!(
                "{name} is a local account of {of}, and JumpCloud {known} the user of that name to that host"
            )))
        }
    }
}
