//! Reset Password: expires the password, so that the user has to set a new one.

use serde_json::{Value, json};

use super::{
    Action, Playbook, advisories, devices,
    target::Resolved,
    user_state::{brief, label, refuse_administrators},
};
use crate::{
    error::{Error, ErrorType::OutcomeUnknown},
    jumpcloud::{ObjectId, Session, SystemUser},
    outcome::{Advisory, Outcome, Status},
};

/// Expires a user's password. Cannot be undone: only the user can set a new one.
pub const RESET_PASSWORD: Playbook = Playbook {
    name: "reset-password",
    mutating: true,
    action: Action::User(|session, found| Box::pin(reset(session, found))),
};

async fn reset(session: &Session<'_>, found: Resolved<SystemUser>) -> Result<Outcome, Error> {
    let Resolved { object: user, id, target } = found;
    let name = label(&user);
    let outcome = |summary: String| Outcome {
        before: Some(state(&user)),
        user: Some(brief(&user)),
        ..Outcome::new(target, summary)
    };
    if user.password_expired == Some(true) {
        let devices = devices::of_user(session, &id).await;
        let summary = format!("The password of {name} was already expired; nothing was changed.");
        return Ok(Outcome {
            status: Status::Unchanged,
            advisories: advisories::password_expired(&user, &devices),
            ..outcome(summary)
        });
    }
    refuse_administrators(&user)?;
    if session.dry_run() {
        let devices = devices::of_user(session, &id).await;
        let summary = format!("Dry run: would expire the password of {name}.");
        return Ok(Outcome {
            status: Status::DryRun,
            advisories: advisories::password_expired(&user, &devices),
            ..outcome(summary)
        });
    }
    let (expired, devices) = tokio::join!(expire(session, &id), devices::of_user(session, &id));
    let now = expired?;
    let verified = now.as_ref().and_then(|user| user.password_expired);
    let mut advisories = Vec::new();
    if verified != Some(true) {
        advisories.push(Advisory::new("NOT_VISIBLE_YET", "JumpCloud accepted the command, and the user does not show an expired password yet, or could not be read back; look again."));
    }
    advisories.extend(advisories::password_expired(&user, &devices));
    Ok(Outcome {
        changed: true,
        verified,
        user: now.as_ref().or(Some(&user)).map(brief),
        after: now.as_ref().map(state),
        advisories,
        ..outcome(format!(
            "Expired the password of {name}; a new one has to be set at the next login.{}",
            if verified == Some(true) { "" } else { " It does not show yet." }
        ))
    })
}

/// The user as read back. How soon an expiry shows there is not documented, so what is read can prove that it
/// was done, but never that it was not.
async fn expire(session: &Session<'_>, id: &ObjectId) -> Result<Option<SystemUser>, Error> {
    let answer = session.expire(id).await;
    if answer.as_ref().is_err_and(|error| error.error_type != OutcomeUnknown) {
        return answer.map(|()| None);
    }
    let now = session.get::<SystemUser>(id).await.ok().flatten();
    let shows = now.as_ref().is_some_and(|user| user.password_expired == Some(true));
    match answer {
        Err(error) if !shows => Err(error),
        _ => Ok(now),
    }
}

fn state(user: &SystemUser) -> Value {
    json!({"password_expired": user.password_expired})
}
