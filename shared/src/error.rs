//! The closed set of errors that a playbook ends with.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::text::{removed, shortened};

/// The longest message, in bytes: more than the ten longest candidates.
const MAX_MESSAGE: usize = 8192;

/// Declares the error types with what a caller has to know of each: its name, whether a retry helps, when it happens.
macro_rules! error_types {
    ($($name:ident, retry helps: $retry:literal, unexpected: $unexpected:literal, $about:literal;)*) => {
        /// The `errorType` of a failed invocation: what Step Functions retries and catches on.
        ///
        /// One variant for each thing that a caller would do differently. The names are part of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorType { $(#[doc = $about] $name,)* }

        impl ErrorType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Whether the same request may succeed later without anybody changing anything.
            pub fn retry_helps(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }

            /// Whether somebody has to look at it, however it was asked: the key, the stack, JumpCloud's contract or this
            /// code is wrong, or a change has to be looked up. All others say something about the question, or pass by
            /// themselves. Alarms and the rollback of a deployment depend on it.
            pub fn is_unexpected(self) -> bool {
                match self { $(Self::$name => $unexpected,)* }
            }

            /// When it happens, in words.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

error_types! {
    InvalidInput, retry helps: false, unexpected: false, "The event does not say what to do.";
    UserNotFound, retry helps: false, unexpected: false, "No user matches the target.";
    HostNotFound, retry helps: false, unexpected: false, "No host matches the target.";
    AmbiguousUser, retry helps: false, unexpected: false, "More than one user matches; the candidates are in the message.";
    AmbiguousHost, retry helps: false, unexpected: false, "More than one host matches; the candidates are in the message.";
    Unsupported, retry helps: false, unexpected: false, "JumpCloud cannot do this to this target, or the alert's name for it does not count.";
    Protected, retry helps: false, unexpected: false, "The target is one that automation must not touch.";
    StaleEvent, retry helps: false, unexpected: false, "The alert is too old to act on.";
    LimitReached, retry helps: false, unexpected: false, "The playbook has reached its limit of targets; findings wait until a person turns it on again.";
    SwitchedOff, retry helps: false, unexpected: false, "A person has switched the playbook off.";
    PlanChanged, retry helps: false, unexpected: false, "What would be done is no longer what the event's `plan_hash` stands for.";
    Unauthorized, retry helps: false, unexpected: true, "The API key or the service account is wrong, expired or of another region.";
    Forbidden, retry helps: false, unexpected: true, "The role or its scopes are too small, or JumpCloud blocks the address.";
    SecretUnavailable, retry helps: true, unexpected: true, "Secrets Manager did not give the secret, or it holds neither an API key nor a service account.";
    GuardUnavailable, retry helps: true, unexpected: true, "The guard table could not be read or written; nothing was done.";
    InProgress, retry helps: true, unexpected: false, "Another invocation is at work on the target; nothing was done by this one.";
    RateLimited, retry helps: true, unexpected: false, "JumpCloud asked to slow down; surely nothing was done.";
    JumpCloudUnavailable, retry helps: true, unexpected: false, "JumpCloud did not answer, or answered with a fault; surely nothing was done.";
    OutcomeUnknown, retry helps: false, unexpected: true, "A change was sent and what became of it is not known: look before doing anything again.";
    DeadlineExceeded, retry helps: true, unexpected: false, "The function's time ran out before anything was sent.";
    UnexpectedResponse, retry helps: false, unexpected: true, "JumpCloud answered something that its contract does not allow.";
    Internal, retry helps: false, unexpected: true, "Our defect, or a variable that makes no sense.";
}

impl ErrorType {
    /// An error of this type. `message` says what happened, why, and what to do next; it must hold neither a
    /// secret nor the payload. It is one line of bounded length, whatever it quotes.
    pub fn error(self, message: impl AsRef<str>) -> Error {
        let done = if self == Self::OutcomeUnknown { Effect::Unknown } else { Effect::Nothing };
        let message = shortened(&removed(message.as_ref()), MAX_MESSAGE).into_owned();
        Error { error_type: self, message, done, cause: None }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for ErrorType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a failed run did to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Surely nothing.
    Nothing,
    /// A change may have been carried out.
    Unknown,
}

/// Why a run failed. `Debug` prints what `Display` prints: the runtime logs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// The stable name.
    pub error_type: ErrorType,
    /// What happened, why, what to do next.
    pub message: String,
    /// Whether anything was done.
    pub done: Effect,
    /// What led to it, where that has a name of its own.
    pub cause: Option<ErrorType>,
}

impl Error {
    /// The same, where something may have been done.
    pub fn with_unknown_effect(self) -> Self {
        Self { done: Effect::Unknown, ..self }
    }

    /// The same, with what led to it.
    pub fn caused_by(self, cause: ErrorType) -> Self {
        Self { cause: Some(cause), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
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
    use super::*;

    #[test]
    fn only_an_unknown_outcome_leaves_the_effect_open() {
        for error_type in ErrorType::ALL {
            let unknown = error_type.error("").done == Effect::Unknown;
            assert_eq!(unknown, *error_type == ErrorType::OutcomeUnknown, "{error_type}");
            assert!(!(unknown && error_type.retry_helps()), "{error_type}");
        }
    }
}
