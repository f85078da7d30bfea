//! Reset Password: expires the password, so that the user has to set a new one.

use serde_json::json;

use super::{
    advisories,
    command::{Command, Plan},
    devices,
    found::Resolved,
    verify::Answer,
    words::label,
};
use crate::{jumpcloud::SystemUser, request::Takes};

/// Expires a user's password. Cannot be undone: only the user can set a new one. How soon an expiry shows is not
/// documented, so one that was accepted and does not show yet is `accepted`.
pub const RESET_PASSWORD: Command<SystemUser> = Command {
    name: "reset-password",
    contains: true,
    takes: Takes::NONE,
    plan: |_, found, _| Box::pin(async { Ok(plan(found)) }),
    apply: |writer, found, _| Box::pin(async { writer.expire(&found.id).await.map(|()| Answer::Accepted) }),
    shows: Some(|user| user.password_expired == Some(true)),
    sighting: None,
    state: |user| json!({"password_expired": user.password_expired}),
    devices: devices::of_user,
    advise: |user, _, devices| advisories::password_expired(user, devices),
    access: |_, _, _| Vec::new(),
};

fn plan(found: &Resolved<SystemUser>) -> Plan {
    let name = label(&found.object);
    if found.object.password_expired == Some(true) {
        return Plan::Unchanged(format!("The password of {name} was already expired; nothing was changed."));
    }
    Plan::Change {
        would: format!("expire the password of {name}"),
        did: format!("Expired the password of {name}; a new one has to be set at the next login."),
        undo: None,
        channel: None,
    }
}
