//! Disable User: suspends an account.

use super::{
    Action, Playbook, advisories, devices,
    target::Resolved,
    user_state::{brief, label, refuse_administrators, settle, shown, state},
};
use crate::{
    error::Error,
    jumpcloud::{Session, SystemUser},
    outcome::{Outcome, Status, Undo},
};

/// Suspends a user. Undone by Enable User, unless the user was STAGED: there is no way back to that.
pub const DISABLE_USER: Playbook =
    Playbook { name: "disable-user", action: Action::User(|session, found| Box::pin(disable(session, found))) };

async fn disable(session: &Session<'_>, found: Resolved<SystemUser>) -> Result<Outcome, Error> {
    let Resolved { object: user, id, target } = found;
    let before = user.state().map(str::to_owned);
    let name = label(&user);
    let outcome = |summary: String| Outcome {
        before: Some(state(&user)),
        user: Some(brief(&user)),
        ..Outcome::new(target, summary)
    };
    if before.as_deref() == Some("SUSPENDED") {
        let devices = devices::of_user(session, &id).await;
        let summary = format!("{name} was already SUSPENDED; nothing was changed.");
        return Ok(Outcome {
            status: Status::Unchanged,
            advisories: advisories::suspended(&user, &devices),
            ..outcome(summary)
        });
    }
    refuse_administrators(&user)?;
    if session.dry_run() {
        let devices = devices::of_user(session, &id).await;
        let summary = format!("Dry run: would suspend {name}; is {}.", shown(before.as_deref()));
        return Ok(Outcome {
            status: Status::DryRun,
            advisories: advisories::suspended(&user, &devices),
            ..outcome(summary)
        });
    }
    let suspend = async { settle(session, &id, session.put_state(&id, "SUSPENDED").await, "SUSPENDED").await };
    let (changed, devices) = tokio::join!(suspend, devices::of_user(session, &id));
    let changed = changed?;
    let mut advisories: Vec<_> = changed.doubt().into_iter().collect();
    advisories.extend(advisories::suspended(&user, &devices));
    Ok(Outcome {
        changed: true,
        verified: changed.verified,
        user: changed.user.as_ref().or(Some(&user)).map(brief),
        after: changed.after(),
        undo: (before.as_deref() == Some("ACTIVATED")).then(|| Undo::user("enable-user", &id)),
        advisories,
        ..outcome(format!("Suspended {name}; was {}.{}", shown(before.as_deref()), changed.caveat()))
    })
}
