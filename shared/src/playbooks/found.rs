//! What a look-up led to, and its words where that is not exactly one object.

use super::named::Named;
use crate::{
    error::{
        Error,
        ErrorType::{AmbiguousHost, AmbiguousUser, HostNotFound, Unsupported, UserNotFound},
    },
    ids::ObjectId,
    outcome::{Candidate, Outcome, OutcomeTarget, Status},
    request::{Target, TargetType},
};

/// At most this many candidates are listed. Acting needs exactly one.
pub(super) const MAX_CANDIDATES: usize = 10;

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

pub(super) fn either(target: &Target) -> String {
    target.names().map(|name| name.text.as_str()).collect::<Vec<_>>().join(" or ")
}

pub(super) fn all(target: &Target) -> String {
    target.names().map(|name| name.text.as_str()).collect::<Vec<_>>().join(" and ")
}

pub(super) fn several(kind: &str, candidates: &[Candidate], target: &Target) -> String {
    let more = if candidates.len() == MAX_CANDIDATES { "or more " } else { "" };
    let count = format!("{} {more}", candidates.len());
    if target.also.is_empty() {
        format!("{} {kind}s are called {}", count.trim_end(), target.name.text)
    } else {
        format!("{}, which must be names of one {kind}, lead to {}", all(target), count.trim_end())
    }
}

pub(super) fn apart(kind: &str, name: &str, target: &Target) -> String {
    format!(
        "{}, which must be names of one {kind}, are not: {name} does not lead to the {kind} of the others",
        all(target)
    )
}

pub(super) fn candidate<T: Named>(object: &T) -> Result<Candidate, Error> {
    Ok(Candidate { id: Some(object.id()?), name: object.name().to_owned(), os: object.os() })
}

pub(super) fn outcome_target<T: Named>(id: Option<ObjectId>, name: &str, target: &Target) -> OutcomeTarget {
    OutcomeTarget {
        target_type: T::TYPE,
        id,
        name: name.to_owned(),
        matched_by: target.name.by,
        source: target.name.source.clone(),
    }
}
