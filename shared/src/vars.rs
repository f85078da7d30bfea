//! The variables of a function's environment: each declared once, all read by one rule.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Error, ErrorType::Internal};

/// A variable.
pub struct Var {
    /// Its name.
    pub name: &'static str,
    /// What it means, for the reference.
    pub about: &'static str,
    /// What it must be, for the message where it is not.
    pub must_be: &'static str,
}

macro_rules! variables {
    ($($(#[doc = $about:literal])* $name:ident, $must_be:literal;)*) => {
        $(
            $(#[doc = $about])*
            pub const $name: Var =
                Var { name: stringify!($name), about: concat!($($about),*), must_be: $must_be };
        )*

        /// All of them.
        pub const ALL: &[&Var] = &[$(&$name,)*];
    };
}

variables! {
    /// name or ARN of the secret in Secrets Manager; required. With `{organization}` in it (`jumpcloud/{organization}/key`) the
    /// function serves several organizations, each with a secret of its own
    JUMPCLOUD_SECRET_ID, "the name or ARN of the secret";
    /// `us` (the default), `eu` or `in`, where the secret has none: which of JumpCloud's hosts are called
    JUMPCLOUD_REGION, "us, eu or in";
    /// API v1 at another address than the region's `https://console.jumpcloud.com/api`, where the secret has none. One of
    /// JumpCloud's consoles is that region's; of another host, `JUMPCLOUD_REGION` says where tokens come from, or, without
    /// it, the same host
    JUMPCLOUD_API_URL, "the URL of JumpCloud's API";
    /// organization id, for service accounts and the administrator of several, where the secret has none
    JUMPCLOUD_ORG_ID, "an organization id";
    /// the organizations that one function serves, by the aliases that events name them by: `alias=id`, or, where each has a
    /// secret of its own, `alias` alone. Without it and with `{organization}` in `JUMPCLOUD_SECRET_ID`, each alias is taken
    /// whose secret the role may read
    JUMPCLOUD_ORGS, "entries such as acme=633f3f295482343ff32add41, with commas between";
    /// with several organizations, whose an alert is: `123456789012=alias` for events of EventBridge that invoke the function
    /// directly, by their AWS account, `arn:aws:sqs:...=alias` for what comes from that queue; other alerts are refused
    ORGANIZATION_OF_ACCOUNT, "entries such as 123456789012=acme or arn:aws:sqs:us-east-1:123456789012:findings=acme, with commas between";
    /// default `put`; `state`: Disable User calls `POST .../state/suspend`, for which the scope `users.state.suspend` is enough;
    /// its answer is not documented, so only reading the user again says that it happened
    SUSPEND_WITH, "put or state";
    /// `true`: every invocation is a dry run
    DRY_RUN, "true or false";
    /// where alerts name their target, instead of the built-in places
    TARGET_PATHS, "JSON Pointers or JSONPaths with commas between";
    /// `true`: with `TARGET_PATHS`, log lines and forms of one's own are acted on too
    ACT_ON_LOGS, "true or false";
    /// default 3600; playbooks that change something refuse older alerts
    MAX_EVENT_AGE_SECONDS, "a number of seconds";
    /// ids or e-mail addresses of the administrators whose keys the automation uses
    JUMPCLOUD_SELF, "ids or e-mail addresses with commas between";
    /// default 1, at most 100; how many targets an alert may have for a playbook that changes something
    MAX_TARGETS_PER_ALERT, "a number from 1 to 100";
    /// ARN of the queue to which a person moves dead letters: what comes from it is acted on whatever its age
    REDRIVE_QUEUE, "the ARN of an SQS queue";
    /// Windows domains whose users are JumpCloud's users of the same name; default none
    TRUSTED_DOMAINS, "domains with commas between";
    /// AWS accounts whose IAM users are JumpCloud's users of the same name; default none
    TRUSTED_ACCOUNTS, "AWS account ids (12 digits) with commas between";
    /// default `true`; `false`: a login name beside a host counts without a binding
    REQUIRE_BINDING, "true or false";
    /// the guard table in DynamoDB; required for playbooks that change something; `none` runs without one, on purpose
    GUARD_TABLE, "the name of the guard table, or none";
    /// what automation must not touch, beside the entries in the guard table: `user:ceo@company.com`, `host:dc-01=ask`, `group:<id>`
    PROTECTED, "entries such as user:ceo@company.com, host:dc-01=ask or group:<id>, with commas between";
    /// default 10; how many distinct targets a playbook may take in an hour; Enable User has no limit
    MAX_TARGETS_PER_HOUR, "a number from 1 to 1000";
    /// default 40; the same for a day (UTC)
    MAX_TARGETS_PER_DAY, "a number from 1 to 1000";
    /// a host that more users are bound to directly is shut down only with a person's consent; default: not judged
    MAX_USERS_OF_HOST, "a number from 1 to 1000";
    /// default 8, at most 100; how many records of a batch are worked on concurrently
    BATCH_CONCURRENCY, "a number from 1 to 100";
    /// where Secrets Manager is, instead of the region's own address
    AWS_ENDPOINT_URL_SECRETS_MANAGER, "a URL";
    /// where DynamoDB is, instead of the region's own address
    AWS_ENDPOINT_URL_DYNAMODB, "a URL";
    /// Lambda's own: from which level on log lines are written
    AWS_LAMBDA_LOG_LEVEL, "a level";
    /// Lambda's own: `JSON` or text
    AWS_LAMBDA_LOG_FORMAT, "JSON or text";
}

/// What Lambda itself sets.
pub const AWS_REGION: &str = "AWS_REGION";
/// The same.
pub const AWS_LAMBDA_FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";
/// The same.
pub const AWS_LAMBDA_FUNCTION_VERSION: &str = "AWS_LAMBDA_FUNCTION_VERSION";
/// `true` in the container of `sam local`.
pub const AWS_SAM_LOCAL: &str = "AWS_SAM_LOCAL";
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

    /// The URL, as [`allowed_url`] wants it.
    ///
    /// # Errors
    /// `Internal` for any other.
    pub fn url(&self, var: &Var) -> Result<Option<Url>, Error> {
        let Some(text) = self.text(var) else { return Ok(None) };
        allowed_url(&text, self.sam_local()).map(Some).map_err(|why| misconfigured(var.name, why))
    }

    /// Whether this is the container of `sam local`.
    pub fn sam_local(&self) -> bool {
        self.named(AWS_SAM_LOCAL).as_deref() == Some("true")
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

/// A URL that the API key may travel to or from: plain `http` is refused except to loopback and, in `sam local`'s container, to
/// the machine that the container runs on. The error is what to say after the URL's name.
pub fn allowed_url(text: &str, sam_local: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let this_machine = loopback || (sam_local && host == "host.docker.internal");
    if url.scheme() != "https" && !(url.scheme() == "http" && this_machine) {
        return Err("must be https (http only to loopback, and to host.docker.internal in `sam local`)");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("must hold neither a login nor a query");
    }
    Ok(url)
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
    fn plain_http_is_for_loopback_and_for_the_host_of_sam_local() {
        let accepted = |url: &str, sam_local: &str| {
            let var = |name: &str| Some(if name == AWS_SAM_LOCAL { sam_local } else { url }.to_owned());
            Vars(&var).url(&JUMPCLOUD_API_URL).is_ok()
        };
        for url in ["https://a.example/api", "http://localhost:1/api", "http://127.0.0.1/api", "http://[::1]:1"] {
            assert!(accepted(url, "") && accepted(url, "true"), "{url}");
        }
        for url in ["http://host.docker.internal:9002/api", "http://HOST.DOCKER.INTERNAL"] {
            assert!(accepted(url, "true"), "{url}");
            for other in ["", "false", "1", "TRUE"] {
                assert!(!accepted(url, other), "{url} {other}");
            }
        }
        for url in [
            "http://console.jumpcloud.com/api",
            "http://host.docker.internal.example/api",
            "http://a.host.docker.internal/api",
            "http://host.docker.internal@192.0.2.1/api",
            "http://10.88.0.1:9002/api",
            "ftp://host.docker.internal/api",
        ] {
            assert!(!accepted(url, "") && !accepted(url, "true"), "{url}");
        }
    }
}
