//! The closed set of errors that a playbook ends with.

use std::fmt;

/// The `errorType` of a failed invocation: what Step Functions retries and catches on.
///
/// One variant for each thing that a caller would do differently. The names are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The event does not say what to do.
    InvalidInput,
    /// No user matches the target.
    UserNotFound,
    /// No host matches the target.
    HostNotFound,
    /// More than one user matches; the candidates are in the message.
    AmbiguousUser,
    /// More than one host matches; the candidates are in the message.
    AmbiguousHost,
    /// JumpCloud cannot do this to this target.
    Unsupported,
    /// The target is one that automation must not touch.
    Protected,
    /// The alert is too old to act on.
    StaleEvent,
    /// JumpCloud does not know the API key.
    Unauthorized,
    /// JumpCloud knows the key and refuses the call.
    Forbidden,
    /// Secrets Manager did not give the API key.
    SecretUnavailable,
    /// JumpCloud asked to slow down; surely nothing was done.
    RateLimited,
    /// JumpCloud did not answer or answered with a fault; surely nothing was done.
    JumpCloudUnavailable,
    /// A change was sent and no answer came: look before doing anything again.
    OutcomeUnknown,
    /// The function's time ran out before anything was sent.
    DeadlineExceeded,
    /// JumpCloud answered something that its contract does not allow.
    UnexpectedResponse,
    /// Our defect, or a function that was deployed with a broken environment.
    Internal,
}

impl ErrorType {
    /// An error of this type. `message` says what happened, why, and what to do next; it must hold neither a
    /// secret nor the payload.
    pub fn error(self, message: impl Into<String>) -> Error {
        Error { error_type: self, message: message.into() }
    }

    /// Whether somebody has to look at it, however it was asked: the key, the stack, JumpCloud's contract or this code is
    /// wrong, or a change has to be looked up. All others say something about the question, or pass by themselves.
    ///
    /// Alarms and the rollback of a deployment depend on it. No `_` here: each new error needs its answer.
    pub(crate) fn is_unexpected(self) -> bool {
        match self {
            Self::Unauthorized
            | Self::Forbidden
            | Self::SecretUnavailable
            | Self::OutcomeUnknown
            | Self::UnexpectedResponse
            | Self::Internal => true,
            Self::InvalidInput
            | Self::UserNotFound
            | Self::HostNotFound
            | Self::AmbiguousUser
            | Self::AmbiguousHost
            | Self::Unsupported
            | Self::Protected
            | Self::StaleEvent
            | Self::RateLimited
            | Self::JumpCloudUnavailable
            | Self::DeadlineExceeded => false,
        }
    }
}

/// Why an invocation failed. `Debug` prints what `Display` prints: the runtime logs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// The stable name.
    pub error_type: ErrorType,
    /// What happened, why, what to do next.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.error_type, self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::ErrorType::{self, *};

    const ALL: [ErrorType; 17] = [
        InvalidInput,
        UserNotFound,
        HostNotFound,
        AmbiguousUser,
        AmbiguousHost,
        Unsupported,
        Protected,
        StaleEvent,
        Unauthorized,
        Forbidden,
        SecretUnavailable,
        RateLimited,
        JumpCloudUnavailable,
        OutcomeUnknown,
        DeadlineExceeded,
        UnexpectedResponse,
        Internal,
    ];

    #[test]
    fn the_readme_documents_every_name() {
        let readme = include_str!("../../README.md");
        for error_type in ALL {
            assert!(readme.contains(&format!("`{error_type:?}`")), "{error_type:?}");
        }
        assert_eq!(Internal as usize, ALL.len() - 1, "Internal is the last of them, and none is missing here");
    }
}
