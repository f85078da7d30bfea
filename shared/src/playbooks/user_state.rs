//! What the three user actions have in common: change a user and find out whether it changed.

use serde_json::{Value, json};

use crate::{
    error::{
        Error,
        ErrorType::{JumpCloudUnavailable, OutcomeUnknown, Protected, UnexpectedResponse},
    },
    jumpcloud::{Object, ObjectId, Session, SystemUser},
    outcome::Advisory,
};

/// What a change led to.
pub(super) struct Changed {
    /// Whether it was read back; `None` where it could not be read.
    pub(super) verified: Option<bool>,
    /// The user as read back, else as JumpCloud returned it from the change.
    pub(super) user: Option<SystemUser>,
}

/// Reads the user back after `written` and says whether the state is `wanted`.
///
/// `written` is the change's own answer, with the user where it carried one. A change whose answer was lost is
/// settled by what is read: done, or surely not done. Only when that fails too it stays `OutcomeUnknown`.
pub(super) async fn settle(
    session: &Session<'_>,
    id: &ObjectId,
    written: Result<Option<SystemUser>, Error>,
    wanted: &str,
) -> Result<Changed, Error> {
    let answer_lost = match &written {
        Err(error) if error.error_type == OutcomeUnknown => true,
        Err(error) => return Err(error.clone()),
        Ok(_) => false,
    };
    let returned = written.as_ref().ok().and_then(Option::clone).filter(|user| user.state().is_some());
    let read = session.get::<SystemUser>(id).await.ok().flatten().filter(|user| user.state().is_some());
    let Some(user) = read else {
        // A change that was answered is done, read back or not.
        return written.map(|_| Changed { verified: None, user: returned });
    };
    let verified = user.state() == Some(wanted);
    if !verified && answer_lost {
        return Err(JumpCloudUnavailable.error(format!(
            "JumpCloud did not answer the change, and the user read afterwards is {}: nothing was done; try again",
            shown(user.state())
        )));
    }
    if !verified && returned.is_some_and(|user| user.state() != Some(wanted)) {
        return Err(UnexpectedResponse.error(format!(
            "JumpCloud accepted the change and did not carry it out: the user is {}; look in the Admin Portal",
            shown(user.state())
        )));
    }
    Ok(Changed { verified: Some(verified), user: Some(user) })
}

impl Changed {
    /// What to add to the advisories when the state was not read back as wanted.
    pub(super) fn doubt(&self) -> Option<Advisory> {
        match self.verified {
            Some(true) => None,
            Some(false) => Some(Advisory::new(
                "NOT_VISIBLE_YET",
                "JumpCloud accepted the change, but a read right after it still showed the old state; look again.",
            )),
            None => Some(Advisory::new(
                "NOT_READ_BACK",
                "JumpCloud accepted the change, but the user could not be read back to check it; look again.",
            )),
        }
    }

    /// The same for the end of the summary.
    pub(super) fn caveat(&self) -> &'static str {
        match self.verified {
            Some(true) => "",
            Some(false) => " It does not show yet.",
            None => " It could not be read back.",
        }
    }

    /// `{"state": ...}`, where it is known.
    pub(super) fn after(&self) -> Option<Value> {
        self.user.as_ref().map(state)
    }
}

/// `before` and `after` of a change of state.
pub(super) fn state(user: &SystemUser) -> Value {
    json!({"state": user.state()})
}

/// How a state reads in a sentence.
pub(super) fn shown(state: Option<&str>) -> &str {
    state.unwrap_or("in a state that JumpCloud does not say")
}

/// `jsmith (jsmith@company.com)`.
pub(super) fn label(user: &SystemUser) -> String {
    match (user.username.as_deref(), user.email.as_deref()) {
        (Some(username), Some(email)) => format!("{username} ({email})"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "the user".to_owned(),
    }
}

/// The facts that an action's outcome shows of its user.
pub(super) fn brief(user: &SystemUser) -> Value {
    json!({
        "id": user.id().ok(),
        "username": user.username,
        "email": user.email,
        "state": user.state(),
        "activated": user.activated,
        "account_locked": user.account_locked,
        "password_expired": user.password_expired,
    })
}

/// Refuses users that are linked to a JumpCloud administrator: automation that can lock out administrators can
/// be used to do just that, and it would leave the administrator's own login as it is.
pub(super) fn refuse_administrators(user: &SystemUser) -> Result<(), Error> {
    match &user.admin {
        None => Ok(()),
        Some(admin) => Err(Protected.error(format!(
            "{} is linked to a JumpCloud administrator ({}); nothing was done; suspend the administrator in the Admin Portal first, then the user",
            label(user), admin.role_name.as_deref().unwrap_or("role not shown")
        ))),
    }
}
