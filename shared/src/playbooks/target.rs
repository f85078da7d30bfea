//! Finding the one user or host that a request is about.
//!
//! All names that a finding gives its target are looked up in one search, and each must lead to the same object. A local
//! account of a host counts only where JumpCloud binds the user to that host.

use serde_json::{Value, json};

use super::{subject::Subject, words::label};
use crate::{
    error::{
        Error,
        ErrorType::{
            AmbiguousHost, AmbiguousUser, HostNotFound, Internal, UnexpectedResponse, Unsupported, UserNotFound,
        },
    },
    ids::ObjectId,
    jumpcloud::{Object, Reader, System, SystemUser},
    outcome::{Candidate, Outcome, OutcomeTarget, Status},
    request::{By, Name, Target, TargetType},
};

/// At most this many candidates are listed. Acting needs exactly one.
const MAX_CANDIDATES: usize = 10;

/// What the playbooks need of users and hosts alike.
pub trait Named: Object {
    /// Which of the two.
    const TYPE: TargetType;
    /// The fields that a name is looked for in.
    fn fields(by: By) -> Result<&'static [&'static str], Error>;
    /// The value of one of `fields`.
    fn field(&self, name: &str) -> Option<&str>;
    /// The name to show.
    fn name(&self) -> &str;
    /// The organization that it belongs to, where JumpCloud says so.
    fn organization(&self) -> Option<&str>;
    /// Whether it says in which state it is; an object that does not proves nothing.
    fn has_state(&self) -> bool;
    /// The facts that a command's outcome shows of it.
    fn brief(&self) -> Value;
    /// All that a protected entry can name it by: its id and names.
    fn names(&self) -> Vec<String>;
    /// Of a host, its primary user.
    fn owner(&self) -> Option<ObjectId>;
    /// Why automation must take nothing away from it, if so.
    fn protected(&self) -> Option<String>;
}

impl Named for SystemUser {
    const TYPE: TargetType = TargetType::User;

    fn fields(by: By) -> Result<&'static [&'static str], Error> {
        match by {
            By::Username => Ok(&["username"]),
            By::Email => Ok(&["email"]),
            By::User => Ok(&["username", "email"]),
            By::UserId | By::Hostname | By::Reported | By::InstanceId | By::HostId | By::Host => Err(wrong_kind()),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        if name == "email" { self.email.as_deref() } else { self.username.as_deref() }
    }

    fn name(&self) -> &str {
        self.username.as_deref().or(self.email.as_deref()).unwrap_or("unnamed")
    }

    fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    fn has_state(&self) -> bool {
        self.state().is_some()
    }

    fn brief(&self) -> Value {
        json!({
            "id": self.id().ok(),
            "username": self.username,
            "email": self.email,
            "state": self.state(),
            "activated": self.activated,
            "account_locked": self.account_locked,
            "password_expired": self.password_expired,
        })
    }

    fn names(&self) -> Vec<String> {
        let id = self.id().ok().map(|id| id.as_str().to_owned());
        [id, self.username.clone(), self.email.clone()].into_iter().flatten().collect()
    }

    fn owner(&self) -> Option<ObjectId> {
        None
    }

    /// Users that are linked to a JumpCloud administrator: automation that can lock out administrators can be used to do
    /// just that, and it would leave the administrator's own login as it is.
    fn protected(&self) -> Option<String> {
        let admin = self.admin.as_ref()?;
        Some(format!(
            "{} is linked to a JumpCloud administrator ({}); nothing was done; suspend the administrator in the Admin Portal first, then the user",
            label(self),
            admin.role_name.as_deref().unwrap_or("role not shown")
        ))
    }
}

impl Named for System {
    const TYPE: TargetType = TargetType::Host;

    fn fields(by: By) -> Result<&'static [&'static str], Error> {
        match by {
            By::Hostname | By::Host => Ok(&["hostname", "displayName"]),
            By::Reported => Ok(&["hostname"]),
            By::InstanceId => Ok(&["amazonInstanceID"]),
            By::HostId | By::Username | By::Email | By::UserId | By::User => Err(wrong_kind()),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        match name {
            "hostname" => self.hostname.as_deref(),
            "amazonInstanceID" => self.amazon_instance_id.as_deref(),
            _ => self.display_name.as_deref(),
        }
    }

    fn name(&self) -> &str {
        System::name(self)
    }

    fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    fn has_state(&self) -> bool {
        self.active.is_some()
    }

    fn brief(&self) -> Value {
        json!({
            "id": self.id().ok(),
            "hostname": self.hostname,
            "display_name": self.display_name,
            "os": self.os,
            "version": self.version,
            "online": self.active,
            "last_contact": self.last_contact,
        })
    }

    fn names(&self) -> Vec<String> {
        let id = self.id().ok().map(|id| id.as_str().to_owned());
        [id, self.hostname.clone(), self.display_name.clone()].into_iter().flatten().collect()
    }

    fn owner(&self) -> Option<ObjectId> {
        ObjectId::parse(System::owner(self)?.id.as_deref()?)
    }

    fn protected(&self) -> Option<String> {
        None
    }
}

fn wrong_kind() -> Error {
    Internal.error("the target does not fit the playbook; nothing was done")
}

/// The one object found, and how.
pub struct Resolved<T> {
    pub(super) object: T,
    pub(super) id: ObjectId,
    pub(super) target: OutcomeTarget,
}

/// What a look-up led to.
pub(super) enum LookUp<T> {
    /// Exactly one.
    One(Resolved<T>),
    /// Nobody, or no host. A host that is known under another domain is a candidate, no more.
    Nobody(Vec<Candidate>),
    /// More than one; not all of them where there are many.
    Several(Vec<Candidate>),
    /// This name does not lead to where the others do.
    Apart(String),
    /// A local account of a host that JumpCloud does not bind the user to, as this says.
    Unbound(String, Candidate),
}

impl<T: Named> LookUp<T> {
    /// Why a command is not carried out: it is done to exactly one target.
    pub(super) fn as_error(&self, target: &Target) -> Error {
        let (id_field, not_found, ambiguous) = match T::TYPE {
            TargetType::User => ("user_id", UserNotFound, AmbiguousUser),
            TargetType::Host => ("host_id", HostNotFound, AmbiguousHost),
        };
        let kind = T::TYPE.word();
        match self {
            Self::Several(candidates) => ambiguous.error(format!(
                "{}; nothing was done; name one by `{id_field}`: {}",
                several(kind, candidates, target),
                list(candidates)
            )),
            Self::Apart(name) => not_found.error(format!("{}; nothing was done", apart(kind, name, target))),
            Self::Unbound(why, candidate) => Unsupported.error(format!(
                "{why}; nothing was done; if {candidate} is meant, name it by `{id_field}` (REQUIRE_BINDING says whether a login name beside a host must be bound to it)"
            )),
            Self::Nobody(candidates) if !candidates.is_empty() => not_found.error(format!(
                "JumpCloud has no {kind} {}; nothing was done; of that name with another domain it has {}; if one is meant, name it by `{id_field}`",
                either(target),
                list(candidates)
            )),
            Self::One(_) | Self::Nobody(_) => not_found.error(format!(
                "JumpCloud has no {kind} {}; nothing was done; check the spelling and the organization",
                either(target)
            )),
        }
    }

    /// The answer to a question about nobody, or about several.
    pub(super) fn not_one(self, target: &Target) -> Outcome {
        let kind = T::TYPE.word();
        let (status, candidates, summary) = match self {
            Self::Several(candidates) => {
                let summary = format!("{}; ask again with one of their ids.", several(kind, &candidates, target));
                (Status::Ambiguous, candidates, summary)
            }
            Self::Apart(name) => (Status::NotFound, Vec::new(), format!("{}.", apart(kind, &name, target))),
            Self::Unbound(why, candidate) => (Status::NotFound, vec![candidate], format!("{why}.")),
            Self::Nobody(candidates) if !candidates.is_empty() => {
                let summary = format!(
                    "JumpCloud has no {kind} {}; of that name with another domain it has {}.",
                    either(target),
                    list(&candidates)
                );
                (Status::NotFound, candidates, summary)
            }
            Self::One(_) | Self::Nobody(_) => {
                (Status::NotFound, Vec::new(), format!("JumpCloud has no {kind} {}.", either(target)))
            }
        };
        Outcome { status, candidates, ..Outcome::new(outcome_target::<T>(None, &target.name.text, target), summary) }
    }
}

fn list(candidates: &[Candidate]) -> String {
    candidates.iter().map(Candidate::to_string).collect::<Vec<_>>().join(", ")
}

fn either(target: &Target) -> String {
    target.names().map(|name| name.text.as_str()).collect::<Vec<_>>().join(" or ")
}

fn all(target: &Target) -> String {
    target.names().map(|name| name.text.as_str()).collect::<Vec<_>>().join(" and ")
}

fn several(kind: &str, candidates: &[Candidate], target: &Target) -> String {
    let more = if candidates.len() == MAX_CANDIDATES { "or more " } else { "" };
    let count = format!("{} {more}", candidates.len());
    if target.also.is_empty() {
        format!("{} {kind}s are called {}", count.trim_end(), target.name.text)
    } else {
        format!("{}, which must be names of one {kind}, lead to {}", all(target), count.trim_end())
    }
}

fn apart(kind: &str, name: &str, target: &Target) -> String {
    format!(
        "{}, which must be names of one {kind}, are not: {name} does not lead to the {kind} of the others",
        all(target)
    )
}

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
                |(id, name): &(ObjectId, &Name)| Candidate { id: Some(id.clone()), name: name.text.clone() };
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

fn is_host_name(by: By) -> bool {
    matches!(by, By::Hostname | By::Host | By::Reported)
}

/// The texts that are this name: Macs report `NAME.local`, and alerts carry `NAME`, or the other way round.
fn spellings(name: &Name) -> Vec<String> {
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
fn carries<T: Named>(object: &T, name: &Name) -> Result<bool, Error> {
    let wanted: Vec<String> = spellings(name).iter().map(|text| text.to_lowercase()).collect();
    let has = |field: &&str| object.field(field).is_some_and(|value| wanted.contains(&value.to_lowercase()));
    Ok(T::fields(name.by)?.iter().any(has))
}

/// Whether `object` says that it has another name. One that does not say proves nothing.
fn contradicts<T: Named>(object: &T, name: &Name) -> Result<bool, Error> {
    if let Some(id) = given_id(name)? {
        return Ok(object.id()? != id);
    }
    let says = T::fields(name.by)?.iter().all(|field| object.field(field).is_some());
    Ok(says && !carries(object, name)?)
}

fn given_id(name: &Name) -> Result<Option<ObjectId>, Error> {
    match name.by {
        By::UserId | By::HostId => ObjectId::parse(&name.text).map(Some).ok_or_else(wrong_kind),
        By::Username | By::Email | By::User | By::Hostname | By::Reported | By::InstanceId | By::Host => Ok(None),
    }
}

fn candidate<T: Named>(object: &T) -> Result<Candidate, Error> {
    Ok(Candidate { id: Some(object.id()?), name: object.name().to_owned() })
}

fn outcome_target<T: Named>(id: Option<ObjectId>, name: &str, target: &Target) -> OutcomeTarget {
    OutcomeTarget {
        target_type: T::TYPE,
        id,
        name: name.to_owned(),
        matched_by: target.name.by,
        source: target.name.source.clone(),
    }
}
