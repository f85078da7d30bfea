//! Enable User: lifts a suspension or activates a staged account.

use super::{
    advisories,
    command::{Command, Plan},
    devices,
    found::Resolved,
    verify::Answer,
    words::{label, shown, state},
};
use crate::{
    error::{Error, ErrorType::UnexpectedResponse},
    jumpcloud::{SystemUser, UserState},
    outcome::Undo,
    request::Takes,
};

/// Activates a user and says what still keeps the user out. Undone by Disable User, unless the user was STAGED.
pub const ENABLE_USER: Command<SystemUser> = Command {
    name: "enable-user",
    contains: false,
    takes: Takes { release: true, ..Takes::NONE },
    plan: |_, found, _| Box::pin(async { plan(found) }),
    apply: |writer, found, _| {
        Box::pin(async {
            match found.object.state() {
                Some(UserState::Staged) => writer.activate(&found.id).await.map(|()| Answer::Accepted),
                _ => Ok(Answer::of_put(writer.put_state(&found.id, UserState::Activated).await?)),
            }
        })
    },
    shows: Some(|user| user.state() == Some(UserState::Activated)),
    sighting: None,
    state,
    devices: devices::none,
    advise: |before, now, _| advisories::activated(now, before.state().as_ref()),
};

fn plan(found: &Resolved<SystemUser>) -> Result<Plan, Error> {
    let (name, before) = (label(&found.object), found.object.state());
    let was = shown(before.as_ref());
    match before {
        Some(UserState::Activated) => {
            Ok(Plan::Unchanged(format!("{name} was already ACTIVATED; nothing was changed.")))
        }
        Some(UserState::Suspended | UserState::Staged) => Ok(Plan::Change {
            would: format!("activate {name}; is {was}"),
            did: format!("Activated {name}; was {was}."),
            undo: (before == Some(UserState::Suspended)).then(|| Undo::user("disable-user", &found.id)),
            channel: None,
        }),
        Some(UserState::Other(_)) | None => Err(UnexpectedResponse.error(format!(
            "{name} is {was}, which Enable User does not know; nothing was done; look in the Admin Portal"
        ))),
    }
}
