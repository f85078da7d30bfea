//! The closed set of errors that a playbook ends with.

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares the error types with what a caller has to know of each: its name, whether a retry helps, when it happens.
macro_rules! error_types {
    ($($name:ident, retry helps: $retry:literal, $about:literal;)*) => {
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

            /// When it happens, in words.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

error_types! {
    InvalidInput, retry helps: false, "The event does not say what to do.";
    UserNotFound, retry helps: false, "No user matches the target.";
    HostNotFound, retry helps: false, "No host matches the target.";
    AmbiguousUser, retry helps: false, "More than one user matches; the candidates are in the message.";
    AmbiguousHost, retry helps: false, "More than one host matches; the candidates are in the message.";
    Unsupported, retry helps: false, "JumpCloud cannot do this to this target.";
    Protected, retry helps: false, "The target is one that automation must not touch.";
    StaleEvent, retry helps: false, "The alert is too old to act on.";
    LimitReached, retry helps: false, "The playbook has reached its limit of targets; findings wait for a person.";
    SwitchedOff, retry helps: false, "The playbook is switched off.";
    PlanChanged, retry helps: false, "What would be done is no longer what the event's `plan_hash` stands for.";
    Unauthorized, retry helps: false, "JumpCloud does not know the API key.";
    Forbidden, retry helps: false, "JumpCloud knows the key and refuses the call.";
    SecretUnavailable, retry helps: true, "Secrets Manager did not give the API key.";
    GuardUnavailable, retry helps: true, "The guard table could not be read or written; nothing was done.";
    InProgress, retry helps: true, "Another invocation is at work on the target; nothing was done by this one.";
    RateLimited, retry helps: true, "JumpCloud asked to slow down; surely nothing was done.";
    JumpCloudUnavailable, retry helps: true, "JumpCloud did not answer or answered with a fault; surely nothing was done.";
    OutcomeUnknown, retry helps: false, "A change was sent and what became of it is not known: look before doing anything again.";
    DeadlineExceeded, retry helps: true, "The function's time ran out before anything was sent.";
    UnexpectedResponse, retry helps: false, "JumpCloud answered something that its contract does not allow.";
    Internal, retry helps: false, "Our defect, or a function that was deployed with a broken environment.";
}

impl ErrorType {
    /// An error of this type. `message` says what happened, why, and what to do next; it must hold neither a
    /// secret nor the payload.
    pub fn error(self, message: impl Into<String>) -> Error {
        let done = if self == Self::OutcomeUnknown { Effect::Unknown } else { Effect::Nothing };
        Error { error_type: self, message: message.into(), done, cause: None }
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
    fn the_readme_has_a_row_for_every_name_and_for_no_other() {
        let readme = include_str!("../../README.md");
        let table = readme.split("| errorType |").nth(1).expect("the table of errors");
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let cells = rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2));
        let mut documented: Vec<&str> = cells.collect();
        let mut names: Vec<&str> = ErrorType::ALL.iter().map(|error_type| error_type.name()).collect();
        documented.sort_unstable();
        names.sort_unstable();
        assert_eq!(documented, names);
    }

    #[test]
    fn only_an_unknown_outcome_leaves_the_effect_open() {
        for error_type in ErrorType::ALL {
            let unknown = error_type.error("").done == Effect::Unknown;
            assert_eq!(unknown, *error_type == ErrorType::OutcomeUnknown, "{error_type}");
            assert!(!(unknown && error_type.retry_helps()), "{error_type}");
        }
    }
}
