//! Finding the one user or host that a request is about.

use serde_json::{Value, json};

use crate::{
    error::{
        Error,
        ErrorType::{AmbiguousHost, AmbiguousUser, HostNotFound, Internal, UnexpectedResponse, UserNotFound},
    },
    jumpcloud::{Object, ObjectId, Session, System, SystemUser},
    outcome::{Candidate, Outcome, OutcomeTarget, Status},
    request::{By, Target, TargetType},
};

/// So many candidates are listed; one more than one is already too many to act.
const MAX_CANDIDATES: usize = 10;

/// What the playbooks need of users and hosts alike.
pub(super) trait Named: Object {
    const TYPE: TargetType;
    /// The fields that a name is looked for in.
    fn fields(by: By) -> Result<&'static [&'static str], Error>;
    /// The value of one of `fields`.
    fn field(&self, name: &str) -> Option<&str>;
    /// The name to show.
    fn name(&self) -> &str;
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
}

fn wrong_kind() -> Error {
    Internal.error("the target does not fit the playbook; nothing was done")
}

/// The one object found, and how.
pub(super) struct Resolved<T> {
    pub(super) object: T,
    pub(super) id: ObjectId,
    pub(super) target: OutcomeTarget,
}

/// What a look-up can end in.
pub(super) enum Lookup<T> {
    One(Box<Resolved<T>>),
    None,
    Several(Vec<Candidate>),
}

/// For Enrich: a question gets an answer, so nobody and several are outcomes.
pub(super) async fn find<T: Named>(
    session: &Session<'_>,
    target: &Target,
) -> Result<Result<Resolved<T>, Outcome>, Error> {
    let kind = if T::TYPE == TargetType::User { "user" } else { "host" };
    let outcome_target =
        OutcomeTarget { target_type: T::TYPE, id: None, name: target.text.clone(), matched_by: target.by };
    Ok(match look_up(session, target).await? {
        Lookup::One(resolved) => Ok(*resolved),
        Lookup::None => Err(Outcome {
            status: Status::NotFound,
            ..Outcome::new(outcome_target, format!("JumpCloud has no {kind} {}.", target.text))
        }),
        Lookup::Several(candidates) => {
            let summary =
                format!("{} {kind}s are called {}; ask again with one of their ids.", count(&candidates), target.text);
            Err(Outcome { status: Status::Ambiguous, candidates, ..Outcome::new(outcome_target, summary) })
        }
    })
}

/// For the others: a command is done to exactly one target or fails.
pub(super) async fn require<T: Named>(session: &Session<'_>, target: &Target) -> Result<Resolved<T>, Error> {
    let (kind, id_field, not_found, ambiguous) = match T::TYPE {
        TargetType::User => ("user", "user_id", UserNotFound, AmbiguousUser),
        TargetType::Host => ("host", "host_id", HostNotFound, AmbiguousHost),
    };
    match look_up(session, target).await? {
        Lookup::One(resolved) => Ok(*resolved),
        Lookup::None => Err(not_found.error(format!(
            "JumpCloud has no {kind} {}; nothing was done; check the spelling and the organization",
            target.text
        ))),
        Lookup::Several(candidates) => {
            let list: Vec<String> =
                candidates.iter().map(|candidate| format!("{} ({})", candidate.id.as_str(), candidate.name)).collect();
            Err(ambiguous.error(format!(
                "{} {kind}s are called {}; nothing was done; name one by `{id_field}`: {}",
                count(&candidates),
                target.text,
                list.join(", ")
            )))
        }
    }
}

fn count(candidates: &[Candidate]) -> String {
    let more = if candidates.len() == MAX_CANDIDATES { "or more " } else { "" };
    format!("{} {more}", candidates.len()).trim_end().to_owned()
}

async fn look_up<T: Named>(session: &Session<'_>, target: &Target) -> Result<Lookup<T>, Error> {
    if matches!(target.by, By::UserId | By::HostId) {
        let id = ObjectId::parse(&target.text).ok_or_else(wrong_kind)?;
        let object = session.get::<T>(&id).await?;
        return Ok(object.map_or(Lookup::None, |object| Lookup::One(Box::new(resolved(object, id, target.by)))));
    }
    let fields = T::fields(target.by)?;
    let found = session.search::<T>(exactly(fields, &target.text), MAX_CANDIDATES).await?;
    // Compared again: an answer that ignored the filter must not choose the target.
    let wanted = target.text.to_lowercase();
    let matches =
        |object: &T| fields.iter().any(|field| object.field(field).is_some_and(|value| value.to_lowercase() == wanted));
    let mut matching: Vec<T> = found.results.into_iter().filter(matches).collect();
    if matching.len() < 2 && !found.complete {
        return Err(UnexpectedResponse.error("JumpCloud's search answered with more than was asked for, so the target is not certain; nothing was changed"));
    }
    match matching.len() {
        0 => Ok(Lookup::None),
        1 => {
            let object = matching.remove(0);
            let id = object.id()?;
            Ok(Lookup::One(Box::new(resolved(object, id, target.by))))
        }
        _ => {
            let candidate = |object: &T| Ok(Candidate { id: object.id()?, name: object.name().to_owned() });
            Ok(Lookup::Several(matching.iter().map(candidate).collect::<Result<_, Error>>()?))
        }
    }
}

fn resolved<T: Named>(object: T, id: ObjectId, by: By) -> Resolved<T> {
    let target =
        OutcomeTarget { target_type: T::TYPE, id: Some(id.clone()), name: object.name().to_owned(), matched_by: by };
    Resolved { object, id, target }
}

/// A filter for `text` as a whole, whatever its case, in one of `fields`. `(?i)` is how JumpCloud's own module
/// asks; its plain filters are case-sensitive.
fn exactly(fields: &[&str], text: &str) -> Value {
    let mut pattern = String::from("(?i)(^");
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            pattern.push('\\'); // before punctuation it always means the character itself
        }
        pattern.push(c);
    }
    pattern.push_str("$)");
    json!({"or": fields.iter().map(|field| json!({*field: {"$regex": pattern}})).collect::<Vec<_>>()})
}
