//! Objects in words.

use serde_json::{Value, json};

use crate::jumpcloud::{SystemUser, UserState};

/// `before` and `after` of a change of state.
pub(super) fn state(user: &SystemUser) -> Value {
    json!({"state": user.state()})
}

/// How a state reads in a sentence.
pub(super) fn shown(state: Option<&UserState>) -> &str {
    state.map_or("in a state that JumpCloud does not say", UserState::as_str)
}

/// `jsmith (jsmith@company.com)`.
pub(super) fn label(user: &SystemUser) -> String {
    match (user.username.as_deref(), user.email.as_deref()) {
        (Some(username), Some(email)) => format!("{username} ({email})"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "the user".to_owned(),
    }
}

/// `1 device`, `3 devices`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
