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

        /// All of them.
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
    /// The guard's table; required where something is changed. `none` is the deliberate way without.
    GUARD_TABLE, "the name of the guard table, or none";
    /// What automation must not touch, beside the entries in the guard table.
    PROTECTED, "entries such as user:ceo@company.com, host:dc-01=ask or group:<id>, with commas between";
    /// How many distinct targets a playbook may take in an hour.
    MAX_TARGETS_PER_HOUR, "a number from 1 to 1000";
    /// The same for a day.
    MAX_TARGETS_PER_DAY, "a number from 1 to 1000";
    /// A host that more users are bound to directly is shut down only with a person's consent.
    MAX_USERS_OF_HOST, "a number from 1 to 1000";
    /// How many records of a batch are worked on at a time.
    BATCH_CONCURRENCY, "a number from 1 to 100";
    /// Where Secrets Manager is, instead of the region's own address.
    AWS_ENDPOINT_URL_SECRETS_MANAGER, "a URL";
    /// Where DynamoDB is, instead of the region's own address.
    AWS_ENDPOINT_URL_DYNAMODB, "a URL";
    /// From which level on log lines are written.
    AWS_LAMBDA_LOG_LEVEL, "a level";
    /// `JSON` or text.
    AWS_LAMBDA_LOG_FORMAT, "JSON or text";
}

/// What Lambda itself sets.
pub const AWS_REGION: &str = "AWS_REGION";
/// The same.
pub const AWS_LAMBDA_FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";
/// The credentials of the function's role: id, secret, session token.
pub const AWS_CREDENTIALS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The environment: `std::env::var(..).ok()`, or a test's.
pub struct Vars<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl Vars<'_> {
    /// The value without surrounding white space; one that is empty counts as not set.
    pub fn text(&self, var: &Var) -> Option<String> {
        self.named(var.name)
    }

    /// The same for what Lambda itself sets.
    pub fn named(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value as `parse` reads it; `None` where it is not set.
    ///
    /// # Errors
    /// `Internal` where `parse` makes nothing of it: guessing could turn a protection off.
    pub fn parsed<T>(&self, var: &Var, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(text) = self.text(var) else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| misconfigured(var.name, &format!("must be {}", var.must_be)))
    }

    /// `true` or `false`, whatever the case; `false` where it is not set.
    pub fn flag(&self, var: &Var) -> Result<bool, Error> {
        let parse = |text: &str| text.to_ascii_lowercase().parse().ok();
        Ok(self.parsed(var, parse)?.unwrap_or(false))
    }

    /// The entries between commas, in lower case.
    pub fn list(&self, var: &Var) -> Vec<String> {
        let text = self.text(var).unwrap_or_default();
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
    fn the_readme_has_a_row_for_every_variable_and_for_no_other() {
        let readme = include_str!("../../README.md");
        let table = readme.split("| variable | meaning |").nth(1).expect("the table of variables");
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let cells = rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2));
        let mut documented: Vec<&str> = cells.collect();
        let mut declared: Vec<&str> = ALL.iter().map(|var| var.name).collect();
        documented.sort_unstable();
        declared.sort_unstable();
        assert_eq!(documented, declared);
    }
}
