//! Enrich User: what JumpCloud knows about a user.

use serde_json::{Value, json};

use super::{
    Action, Playbook, counted,
    devices::{self, brief},
    groups,
    target::Resolved,
    user_state::{label, shown},
};
use crate::{
    error::Error,
    jumpcloud::{Session, SystemUser},
    outcome::Outcome,
};

/// A user's facts, with devices and groups.
pub const ENRICH_USER: Playbook = Playbook {
    name: "enrich-user",
    mutating: false,
    action: Action::User(|session, found| Box::pin(enrich(session, found))),
};

async fn enrich(session: &Session<'_>, found: Resolved<SystemUser>) -> Result<Outcome, Error> {
    let Resolved { object: user, id, target } = found;
    let (devices, groups) = tokio::join!(devices::of_user(session, &id), groups(session, session.user_memberof(&id)));
    let mut facts = serde_json::to_value(&user).unwrap_or_default();
    facts["state"] = json!(user.state());
    facts["devices"] = Value::from_iter(devices.systems.iter().map(brief));
    let mut advisories: Vec<_> = devices.problem.into_iter().collect();
    let mut words = vec![format!("{} is {}", label(&user), shown(user.state()))];
    words.extend((user.account_locked == Some(true)).then(|| "locked".to_owned()));
    words.extend((user.password_expired == Some(true)).then(|| "password expired".to_owned()));
    words.extend(user.admin.is_some().then(|| "linked to an administrator".to_owned()));
    words.extend(advisories.is_empty().then(|| counted(devices.systems.len(), "device")));
    match groups {
        Ok(groups) => {
            words.push(counted(groups.len(), "group"));
            facts["groups"] = Value::from(groups);
        }
        Err(problem) => advisories.push(problem),
    }
    Ok(Outcome { user: Some(facts), advisories, ..Outcome::new(target, format!("{}.", words.join(", "))) })
}
