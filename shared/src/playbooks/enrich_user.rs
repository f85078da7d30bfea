//! Enrich User: what JumpCloud knows about a user.

use serde_json::{Value, json};

use super::{
    Action, Playbook, counted,
    devices::{self, brief},
    groups,
    target::{Resolved, look_up_with, not_one},
    user_state::{label, shown},
};
use crate::{
    error::Error,
    jumpcloud::{ObjectId, Session, SystemUser},
    outcome::Outcome,
    request::Target,
};

/// A user's facts, with devices and groups.
pub const ENRICH_USER: Playbook =
    Playbook { name: "enrich-user", action: Action::AskUser(|session, target| Box::pin(enrich(session, target))) };

async fn enrich(session: &Session<'_>, target: &Target) -> Result<Outcome, Error> {
    let around =
        async |id: &ObjectId| tokio::join!(devices::of_user(session, id), groups(session, session.user_memberof(id)));
    let (found, (devices, groups)) = match look_up_with::<SystemUser, _>(session, target, around).await? {
        Ok(found) => found,
        Err(candidates) => return Ok(not_one::<SystemUser>(target, candidates)),
    };
    let Resolved { object: user, target, .. } = found;
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
