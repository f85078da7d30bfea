//! Which names count: whose accounts are JumpCloud's users.

use crate::{
    error::Error,
    vars::{self, Vars},
};

/// What the environment says about names that are not JumpCloud's own.
pub(super) struct Trust {
    /// `TRUSTED_DOMAINS`, in lower case.
    domains: Vec<String>,
    /// `TRUSTED_ACCOUNTS`.
    accounts: Vec<String>,
    /// `REQUIRE_BINDING`.
    pub(super) require_binding: bool,
}

/// Whether a name chooses its target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does.
    Counts,
    /// It does if JumpCloud binds the user to the finding's host.
    IfBound,
    /// It does not, for this reason; beside a name that counts it must lead to the same object.
    Untrusted(String),
}

impl Trust {
    /// # Errors
    /// `Internal` for a list that makes no sense: a misspelt entry must not be taken for trust in nobody.
    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Error> {
        let entries = |text: &str, fits: fn(&str) -> bool| {
            let entries: Vec<String> = text.split(',').map(|entry| entry.trim().to_lowercase()).collect();
            entries.iter().all(|entry| fits(entry)).then_some(entries)
        };
        let is_domain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' '))
        };
        let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let require = vars.parsed(&vars::REQUIRE_BINDING, |text| text.to_ascii_lowercase().parse().ok())?;
        Ok(Self {
            domains: vars.parsed(&vars::TRUSTED_DOMAINS, |text| entries(text, is_domain))?.unwrap_or_default(),
            accounts: vars.parsed(&vars::TRUSTED_ACCOUNTS, |text| entries(text, is_account))?.unwrap_or_default(),
            require_binding: require.unwrap_or(true),
        })
    }

    /// Whether accounts of this Windows domain are JumpCloud's users.
    pub(super) fn has_domain(&self, domain: &str) -> bool {
        self.domains.contains(&domain.to_lowercase())
    }

    /// An IAM user of these accounts: every one that the finding names, and there must be one.
    pub(super) fn iam_user(&self, name: &str, accounts: &[String]) -> Standing {
        match accounts {
            [_, ..] if accounts.iter().all(|account| self.accounts.contains(account)) => Standing::Counts,
            [] => {
                Standing::Untrusted(format!("{name} is an IAM user, and the finding does not say of which AWS account"))
            }
            several => Standing::Untrusted(format!(
                "{name} is an IAM user of the AWS account {}, which is not in TRUSTED_ACCOUNTS",
                several.join(", ")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorType::Internal;

    #[test]
    fn lists_that_make_no_sense_stop_the_function() {
        let trust = |name: &'static str, value: &'static str| {
            let var = |asked: &str| (asked == name).then(|| value.to_owned());
            Trust::from_vars(&Vars(&var)).map_err(|error| error.error_type)
        };
        assert!(trust("TRUSTED_DOMAINS", "CORP, corp.example.com").is_ok_and(|trust| trust.has_domain("Corp")));
        assert!(trust("REQUIRE_BINDING", "False").is_ok_and(|trust| !trust.require_binding));
        assert!(trust("", "").is_ok_and(|trust| trust.require_binding));
        for (name, value) in [
            ("TRUSTED_DOMAINS", "CORP\\"),
            ("TRUSTED_DOMAINS", "CORP,,X"),
            ("TRUSTED_DOMAINS", "*"),
            ("TRUSTED_ACCOUNTS", "1234"),
            ("TRUSTED_ACCOUNTS", "123456789012;123456789013"),
            ("REQUIRE_BINDING", "no"),
        ] {
            assert_eq!(trust(name, value).err(), Some(Internal), "{name} {value}");
        }
    }
}
