//! Enrich Host: what JumpCloud knows about a device.

use serde_json::{Value, json};

use super::{
    Action, Playbook, counted,
    devices::resolve,
    groups,
    target::{Resolved, look_up_with, not_one},
};
use crate::{
    error::Error,
    jumpcloud::{Object, ObjectId, Session, System, SystemUser},
    outcome::{Advisory, Outcome},
    request::Target,
};

/// A host's facts, with its users and groups.
pub const ENRICH_HOST: Playbook =
    Playbook { name: "enrich-host", action: Action::AskHost(|session, target| Box::pin(enrich(session, target))) };

async fn enrich(session: &Session<'_>, target: &Target) -> Result<Outcome, Error> {
    let around = async |id: &ObjectId| {
        let users = async { resolve::<SystemUser>(session, session.system_users(id).await?).await };
        tokio::join!(users, groups(session, session.system_memberof(id)))
    };
    let (found, (users, groups)) = match look_up_with::<System, _>(session, target, around).await? {
        Ok(found) => found,
        Err(candidates) => return Ok(not_one::<System>(target, candidates)),
    };
    let Resolved { object: host, target, .. } = found;
    let mut facts = serde_json::to_value(&host).unwrap_or_default();
    let mut advisories = Vec::new();
    let online = match host.active {
        Some(true) => "online",
        Some(false) => "offline",
        None => "of unknown connection",
    };
    let os = [host.os.as_deref(), host.version.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mut words = vec![format!("{} ({os}) is {online}", host.name())];
    match users {
        Ok((users, complete)) => {
            words.push(counted(users.len(), "user"));
            if !complete {
                advisories.push(Advisory::new("USERS_INCOMPLETE", "Not all users of the host are listed here: there are more than 1,000, or the key may not see them; see the Admin Portal."));
            }
            let owner = host.primary_system_user.as_ref().and_then(|owner| owner.id.as_deref());
            let owner =
                users.iter().find(|user| owner.is_some() && user.id().ok().as_ref().map(|id| id.as_str()) == owner);
            if let Some(owner) = owner {
                facts["owner"] = user_brief(owner);
            }
            facts["users"] = Value::from_iter(users.iter().map(user_brief));
        }
        Err(error) => advisories.push(Advisory::new(
            "USERS_UNKNOWN",
            format!("The host's users could not be read ({:?}).", error.error_type),
        )),
    }
    match groups {
        Ok(groups) => {
            words.push(counted(groups.len(), "group"));
            facts["groups"] = Value::from(groups);
        }
        Err(problem) => advisories.push(problem),
    }
    Ok(Outcome { host: Some(facts), advisories, ..Outcome::new(target, format!("{}.", words.join(", "))) })
}

fn user_brief(user: &SystemUser) -> Value {
    json!({"id": user.id().ok(), "username": user.username, "email": user.email, "state": user.state()})
}
