//! Finding the one user or host that a request is about.

use serde_json::{Value, json};

use super::words::label;
use crate::{
    error::{
        Error,
        ErrorType::{AmbiguousHost, AmbiguousUser, HostNotFound, Internal, UnexpectedResponse, UserNotFound},
    },
    ids::ObjectId,
    jumpcloud::{Object, Reader, System, SystemUser},
    outcome::{Candidate, Outcome, OutcomeTarget, Status},
    request::{By, Target, TargetType},
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
            By::UserId | By::Hostname | By::HostId | By::Host => Err(wrong_kind()),
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
            By::HostId | By::Username | By::Email | By::UserId | By::User => Err(wrong_kind()),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        if name == "hostname" { self.hostname.as_deref() } else { self.display_name.as_deref() }
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
        ObjectId::parse(self.primary_system_user.as_ref()?.id.as_deref()?)
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
    /// Nobody, or no host.
    Nobody,
    /// More than one; not all of them where there are many.
    Several(Vec<Candidate>),
}

impl<T: Named> LookUp<T> {
    /// Why a command is not carried out: it is done to exactly one target.
    pub(super) fn refused(&self, target: &Target) -> Error {
        let (id_field, not_found, ambiguous) = match T::TYPE {
            TargetType::User => ("user_id", UserNotFound, AmbiguousUser),
            TargetType::Host => ("host_id", HostNotFound, AmbiguousHost),
        };
        let (kind, name) = (T::TYPE.word(), &target.text);
        let Self::Several(candidates) = self else {
            return not_found.error(format!(
                "JumpCloud has no {kind} {name}; nothing was done; check the spelling and the organization"
            ));
        };
        let list: Vec<String> = candidates.iter().map(Candidate::to_string).collect();
        ambiguous.error(format!(
            "{} {kind}s are called {name}; nothing was done; name one by `{id_field}`: {}",
            count(candidates),
            list.join(", ")
        ))
    }

    /// The answer to a question about nobody, or about several.
    pub(super) fn not_one(self, target: &Target) -> Outcome {
        let (kind, name) = (T::TYPE.word(), &target.text);
        let (status, candidates, summary) = match self {
            Self::Several(candidates) => {
                let summary =
                    format!("{} {kind}s are called {name}; ask again with one of their ids.", count(&candidates));
                (Status::Ambiguous, candidates, summary)
            }
            Self::One(_) | Self::Nobody => (Status::NotFound, Vec::new(), format!("JumpCloud has no {kind} {name}.")),
        };
        let target = OutcomeTarget {
            target_type: T::TYPE,
            id: None,
            name: name.clone(),
            matched_by: target.by,
            source: target.source.clone(),
        };
        Outcome { status, candidates, ..Outcome::new(target, summary) }
    }
}

fn count(candidates: &[Candidate]) -> String {
    let more = if candidates.len() == MAX_CANDIDATES { "or more " } else { "" };
    format!("{} {more}", candidates.len()).trim_end().to_owned()
}

/// The one object that `target` names. `around` runs on its id concurrently with the read by id, which saves a round trip.
pub(super) async fn look_up_with<T: Named, R>(
    reader: &Reader<'_>,
    target: &Target,
    around: impl AsyncFn(&ObjectId) -> R,
) -> Result<(LookUp<T>, Option<R>), Error> {
    let id = match given_id(target)? {
        Some(id) => id,
        None => match search::<T>(reader, target).await? {
            Ok(id) => id,
            Err(not_one) => return Ok((not_one, None)),
        },
    };
    let (object, around) = tokio::join!(reader.get::<T>(&id), around(&id));
    let Some(object) = object? else { return Ok((LookUp::Nobody, None)) };
    let organization = reader.organization().await?;
    if let (Some(own), Some(its)) = (organization, object.organization())
        && !own.eq_ignore_ascii_case(its)
    {
        return Err(UnexpectedResponse.error(format!(
            "JumpCloud answered with a {} of another organization ({its}) than the configured one; nothing was done; check the organization id of the key",
            T::TYPE.word()
        )));
    }
    Ok((LookUp::One(resolved(object, id, target)), Some(around)))
}

/// The id of the one object that carries the name. Judged is what is read by that id: JumpCloud's search leaves
/// fields out.
async fn search<T: Named>(reader: &Reader<'_>, target: &Target) -> Result<Result<ObjectId, LookUp<T>>, Error> {
    let fields = T::fields(target.by)?;
    let found = reader.search::<T>(fields, &[&target.text], MAX_CANDIDATES).await?;
    // Compared again: an answer that ignored the filter must not choose the target.
    let wanted = target.text.to_lowercase();
    let matches =
        |object: &T| fields.iter().any(|field| object.field(field).is_some_and(|value| value.to_lowercase() == wanted));
    let matching: Vec<T> = found.results.into_iter().filter(matches).collect();
    if matching.len() < 2 && !found.complete {
        return Err(UnexpectedResponse.error("JumpCloud's search answered with more than was asked for, so the target is not certain; nothing was changed"));
    }
    match matching.as_slice() {
        [] => Ok(Err(LookUp::Nobody)),
        [object] => object.id().map(Ok),
        several => {
            let candidate = |object: &T| Ok(Candidate { id: Some(object.id()?), name: object.name().to_owned() });
            Ok(Err(LookUp::Several(several.iter().map(candidate).collect::<Result<_, Error>>()?)))
        }
    }
}

fn given_id(target: &Target) -> Result<Option<ObjectId>, Error> {
    match target.by {
        By::UserId | By::HostId => ObjectId::parse(&target.text).map(Some).ok_or_else(wrong_kind),
        By::Username | By::Email | By::User | By::Hostname | By::Host => Ok(None),
    }
}

fn resolved<T: Named>(object: T, id: ObjectId, target: &Target) -> Resolved<T> {
    let name = object.name().to_owned();
    let target = OutcomeTarget {
        target_type: T::TYPE,
        id: Some(id.clone()),
        name,
        matched_by: target.by,
        source: target.source.clone(),
    };
    Resolved { object, id, target }
}
