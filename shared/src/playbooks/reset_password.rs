//! Reset Password: expires the password, so that the user has to set a new one.

use serde_json::{Value, json};

use super::{
    Action, Playbook, advisories, devices,
    target::Resolved,
    user_state::{Changed, brief, label, refuse_administrators},
};
use crate::{
    error::{Error, ErrorType::OutcomeUnknown},
    jumpcloud::{ObjectId, Session, SystemUser},
    outcome::{Outcome, Status},
};

/// Expires a user's password. Cannot be undone: only the user can set a new one.
pub const RESET_PASSWORD: Playbook =
    Playbook { name: "reset-password", action: Action::User(|session, found| Box::pin(reset(session, found))) };

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
    let (changed, devices) = tokio::join!(expire(session, &id), devices::of_user(session, &id));
    let changed = changed?;
    let mut advisories: Vec<_> = changed.doubt().into_iter().collect();
    advisories.extend(advisories::password_expired(&user, &devices));
    Ok(Outcome {
        changed: true,
        verified: changed.verified,
        user: changed.user.as_ref().or(Some(&user)).map(brief),
        after: changed.user.as_ref().map(state),
        advisories,
        ..outcome(format!(
            "Expired the password of {name}; a new one has to be set at the next login.{}",
            changed.caveat()
        ))
    })
}

/// Expires the password and reads the user back. How soon an expiry shows there is not documented, so what is read
/// can prove that it was done, but never that it was not.
async fn expire(session: &Session<'_>, id: &ObjectId) -> Result<Changed, Error> {
    let answer = session.expire(id).await;
    if let Err(error) = &answer
        && error.error_type != OutcomeUnknown
    {
        return Err(error.clone());
    }
    let user = session.get::<SystemUser>(id).await.ok().flatten();
    let verified = user.as_ref().and_then(|user| user.password_expired);
    match answer {
        Err(error) if verified != Some(true) => Err(error),
        _ => Ok(Changed { verified, user }),
    }
}

fn state(user: &SystemUser) -> Value {
    json!({"password_expired": user.password_expired})
}
