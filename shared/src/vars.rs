//! The variables of a function's environment: each declared once, all read by one rule.

use crate::error::{Error, ErrorType::Internal};

/// A variable.
pub struct Var {
    /// Its name.
    pub name: &'static str,
    /// What it must be, for the message where it is not.
    pub must_be: &'static str,
}

macro_rules! variables {
    ($($(#[doc = $about:literal])* $name:ident, $must_be:literal;)*) => {
        $($(#[doc = $about])* pub const $name: Var = Var { name: stringify!($name), must_be: $must_be };)*

        /// All of ours.
        pub const ALL: &[&Var] = &[$(&$name,)*];
    };
}

variables! {
    /// Name or ARN of the secret; required.
    JUMPCLOUD_SECRET_ID, "the name or ARN of the secret";
    /// The v1 base of JumpCloud's API.
    JUMPCLOUD_API_URL, "the URL of JumpCloud's API";
    /// The organization, for the administrator of several, where the secret has none.
    JUMPCLOUD_ORG_ID, "an organization id";
    /// `true`: every invocation is a dry run.
    DRY_RUN, "true or false";
    /// Where alerts name their target, instead of the built-in places.
    TARGET_PATHS, "JSON Pointers or JSONPaths with commas between";
    /// Alerts older than this are refused by what changes something.
    MAX_EVENT_AGE_SECONDS, "a number of seconds";
    /// Ids or addresses of the administrators whose keys the automation uses.
    JUMPCLOUD_SELF, "ids or e-mail addresses with commas between";
    /// How many targets an alert may have for what changes something.
    MAX_TARGETS_PER_ALERT, "a number from 1 to 100";
    /// Windows domains whose accounts are JumpCloud's users.
    TRUSTED_DOMAINS, "domains with commas between";
    /// AWS accounts whose IAM users are JumpCloud's users.
    TRUSTED_ACCOUNTS, "AWS account ids (12 digits) with commas between";
    /// `false`: a login name beside a host counts where JumpCloud does not bind the user to that host, too.
    REQUIRE_BINDING, "true or false";
    /// How many records of a batch are worked on at a time.
    BATCH_CONCURRENCY, "a number from 1 to 100";
}

/// The environment: `std::env::var(..).ok()`, or a test's.
pub struct Vars<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl Vars<'_> {
    /// The value without surrounding white space; one that is empty counts as not set.
    pub fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value as `parse` reads it; `None` where it is not set.
    ///
    /// # Errors
    /// `Internal` where `parse` makes nothing of it: guessing could turn a protection off.
    pub fn parsed<T>(&self, var: &Var, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(text) = self.text(var.name) else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| misconfigured(var.name, &format!("must be {}", var.must_be)))
    }

    /// `true` or `false`, whatever the case; `false` where it is not set.
    pub fn flag(&self, var: &Var) -> Result<bool, Error> {
        let parse = |text: &str| text.to_ascii_lowercase().parse().ok();
        Ok(self.parsed(var, parse)?.unwrap_or(false))
    }

    /// The entries between commas, in lower case.
    pub fn list(&self, var: &Var) -> Vec<String> {
        let text = self.text(var.name).unwrap_or_default();
        text.split(',').map(|entry| entry.trim().to_lowercase()).filter(|entry| !entry.is_empty()).collect()
    }
}

/// A variable that makes no sense stops the function.
pub fn misconfigured(name: &str, why: &str) -> Error {
    Internal.error(format!("the function is misconfigured: {name} {why}; nothing was done"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_true_false_or_a_refusal() {
        for (value, expected) in [(None, false), (Some(""), false), (Some("false"), false), (Some(" TRUE "), true)] {
            let var = |_: &str| value.map(str::to_owned);
            assert_eq!(Vars(&var).flag(&DRY_RUN).unwrap(), expected);
        }
        let error = Vars(&|_: &str| Some("yes".to_owned())).flag(&DRY_RUN).unwrap_err();
        assert_eq!(error.error_type, Internal);
        assert!(error.message.contains("DRY_RUN must be true or false"), "{error}");
    }

    #[test]
    fn the_readme_has_a_row_for_every_variable() {
        let readme = include_str!("../../README.md");
        for var in ALL {
            let row = |line: &&str| line.starts_with('|') && line.contains(&format!("`{}`", var.name));
            assert!(readme.lines().any(|line| row(&line)), "{}", var.name);
        }
    }
}
