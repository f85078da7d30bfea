//! Disable User: suspends an account.

use super::{
    advisories,
    command::{Command, Plan},
    devices,
    found::Resolved,
    verify::Answer,
    words::{label, shown, state},
};
use crate::{
    jumpcloud::{SystemUser, UserState},
    outcome::Undo,
    request::Takes,
};

/// Suspends a user. Undone by Enable User, unless the user was STAGED: there is no way back to that.
pub const DISABLE_USER: Command<SystemUser> = Command {
    name: "disable-user",
    contains: true,
    takes: Takes { hold: true, ..Takes::NONE },
    plan: |_, found, _| Box::pin(async { Ok(plan(found)) }),
    apply: |writer, found, _| Box::pin(async { Ok(Answer::of_put(writer.suspend(&found.id).await?)) }),
    shows: Some(|user| user.state() == Some(UserState::Suspended)),
    sighting: None,
    state,
    devices: devices::of_user,
    advise: |user, _, devices| advisories::suspended(user, devices),
};

fn plan(found: &Resolved<SystemUser>) -> Plan {
    let (name, before) = (label(&found.object), found.object.state());
    if before == Some(UserState::Suspended) {
        return Plan::Unchanged(format!("{name} was already SUSPENDED; nothing was changed."));
    }
    let was = shown(before.as_ref());
    Plan::Change {
        would: format!("suspend {name}; is {was}"),
        did: format!("Suspended {name}; was {was}."),
        undo: (before == Some(UserState::Activated)).then(|| Undo::user("enable-user", &found.id)),
        channel: None,
    }
}
