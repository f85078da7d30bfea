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
pub struct Resolved<T> {
    pub(super) object: T,
    pub(super) id: ObjectId,
    pub(super) target: OutcomeTarget,
}

/// Why a command is not carried out: it is done to exactly one target.
pub(super) fn refused<T: Named>(target: &Target, candidates: &[Candidate]) -> Error {
    let (id_field, not_found, ambiguous) = match T::TYPE {
        TargetType::User => ("user_id", UserNotFound, AmbiguousUser),
        TargetType::Host => ("host_id", HostNotFound, AmbiguousHost),
    };
    let (kind, name) = (T::TYPE.word(), &target.text);
    if candidates.is_empty() {
        let why = format!("JumpCloud has no {kind} {name}; nothing was done; check the spelling and the organization");
        return not_found.error(why);
    }
    let list: Vec<String> = candidates.iter().map(Candidate::to_string).collect();
    ambiguous.error(format!(
        "{} {kind}s are called {name}; nothing was done; name one by `{id_field}`: {}",
        count(candidates),
        list.join(", ")
    ))
}

/// The answer to a question about nobody, or about several.
pub(super) fn not_one<T: Named>(target: &Target, candidates: Vec<Candidate>) -> Outcome {
    let (kind, name) = (T::TYPE.word(), &target.text);
    let (status, summary) = match candidates.is_empty() {
        true => (Status::NotFound, format!("JumpCloud has no {kind} {name}.")),
        false => (
            Status::Ambiguous,
            format!("{} {kind}s are called {name}; ask again with one of their ids.", count(&candidates)),
        ),
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

fn count(candidates: &[Candidate]) -> String {
    let more = if candidates.len() == MAX_CANDIDATES { "or more " } else { "" };
    format!("{} {more}", candidates.len()).trim_end().to_owned()
}

/// The one object that `target` names, else all that it could mean: none, or several.
pub(super) async fn look_up<T: Named>(
    session: &Session<'_>,
    target: &Target,
) -> Result<Result<Resolved<T>, Vec<Candidate>>, Error> {
    if let Some(id) = given_id(target)? {
        let object = session.get::<T>(&id).await?;
        return Ok(object.map(|object| resolved(object, id, target)).ok_or_else(Vec::new));
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
    match matching.pop() {
        Some(object) if matching.is_empty() => {
            let id = object.id()?;
            Ok(Ok(resolved(object, id, target)))
        }
        last => {
            let candidate = |object: &T| Ok(Candidate { id: Some(object.id()?), name: object.name().to_owned() });
            Ok(Err(matching.iter().chain(&last).map(candidate).collect::<Result<_, Error>>()?))
        }
    }
}

/// The same with what `around` reads about it: side by side where the id is given, one round of calls less.
pub(super) async fn look_up_with<T: Named, R>(
    session: &Session<'_>,
    target: &Target,
    around: impl AsyncFn(&ObjectId) -> R,
) -> Result<Result<(Resolved<T>, R), Vec<Candidate>>, Error> {
    if let Some(id) = given_id(target)? {
        let (found, around) = tokio::join!(look_up(session, target), around(&id));
        return Ok(found?.map(|found| (found, around)));
    }
    Ok(match look_up::<T>(session, target).await? {
        Ok(found) => {
            let around = around(&found.id).await;
            Ok((found, around))
        }
        Err(candidates) => Err(candidates),
    })
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
