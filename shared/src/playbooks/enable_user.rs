//! Enable User: lifts a suspension or activates a staged account.

use super::{
    Action, Playbook, advisories,
    target::Resolved,
    user_state::{brief, label, settle, shown, state},
};
use crate::{
    error::{Error, ErrorType::UnexpectedResponse},
    jumpcloud::{Session, SystemUser},
    outcome::{Outcome, Status, Undo},
};

/// Activates a user and says what still keeps the user out. Undone by Disable User, unless the user was STAGED.
pub const ENABLE_USER: Playbook =
    Playbook { name: "enable-user", action: Action::User(|session, found| Box::pin(enable(session, found))) };

async fn enable(session: &Session<'_>, found: Resolved<SystemUser>) -> Result<Outcome, Error> {
    let Resolved { object: user, id, target } = found;
    let before = user.state().map(str::to_owned);
    let before = before.as_deref();
    let name = label(&user);
    let outcome = |summary: String| Outcome {
        before: Some(state(&user)),
        user: Some(brief(&user)),
        ..Outcome::new(target, summary)
    };
    if before == Some("ACTIVATED") {
        let summary = format!("{name} was already ACTIVATED; nothing was changed.");
        return Ok(Outcome {
            status: Status::Unchanged,
            advisories: advisories::activated(&user, before),
            ..outcome(summary)
        });
    }
    if !matches!(before, Some("SUSPENDED" | "STAGED")) {
        return Err(UnexpectedResponse.error(format!(
            "{name} is {}, which Enable User does not know; nothing was done; look in the Admin Portal",
            shown(before)
        )));
    }
    if session.dry_run() {
        let summary = format!("Dry run: would activate {name}; is {}.", shown(before));
        return Ok(Outcome {
            status: Status::DryRun,
            advisories: advisories::activated(&user, before),
            ..outcome(summary)
        });
    }
    let written = match before {
        Some("STAGED") => session.activate(&id).await.map(|()| None),
        _ => session.put_state(&id, "ACTIVATED").await,
    };
    let changed = settle(session, &id, written, "ACTIVATED").await?;
    let now = changed.user.as_ref().unwrap_or(&user);
    let mut advisories: Vec<_> = changed.doubt().into_iter().collect();
    advisories.extend(advisories::activated(now, before));
    Ok(Outcome {
        changed: true,
        verified: changed.verified,
        user: Some(brief(now)),
        after: changed.after(),
        undo: (before == Some("SUSPENDED")).then(|| Undo::user("disable-user", &id)),
        advisories,
        ..outcome(format!("Activated {name}; was {}.{}", shown(before), changed.caveat()))
    })
}
