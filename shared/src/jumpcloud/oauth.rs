//! Service accounts: OAuth client credentials, exchanged for a token that is valid for about an hour.
//!
//! Source: JumpCloud's serverless applications and its command line. A service account may not call `/organizations`.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    credentials::{Credential, Organization},
    hosts::Hosts,
    retry::{self, Class, Effect, Next, Tries, retry_after},
    send::{class_of, read_body},
};
use crate::error::{
    Error,
    ErrorType::{Forbidden, JumpCloudUnavailable, RateLimited, Unauthorized, UnexpectedResponse},
};

/// For all tries together: a caller that waits longer has more use of an error.
const TIME: Duration = Duration::from_secs(6);
const TRY_TIMEOUT: Duration = Duration::from_secs(3);
/// Before its end a token is not used any more: what was sent with it may arrive late.
const MARGIN: Duration = Duration::from_secs(60);
/// What JumpCloud's own tools take where the answer does not say.
const LIFE_IN_SECONDS: u64 = 3600;
/// The words of RFC 6749 for a refusal. Nothing else of an answer is repeated: it may hold what was sent.
const REFUSALS: [&str; 6] = [
    "invalid_client",
    "unauthorized_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_request",
    "unsupported_grant_type",
];

/// A service account. `Debug` does not show its secret.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: SecretString,
}

/// A token, and until when it is used.
#[derive(Debug)]
pub struct Token {
    /// It.
    pub credential: Credential,
    /// A minute before its end.
    pub until: Instant,
}

struct Failure {
    error: Error,
    class: Class,
}

impl ServiceAccount {
    /// Fetches a token for `organization`, which becomes the credential of this `generation`.
    ///
    /// # Errors
    /// `Unauthorized` for a wrong client id or secret, `Forbidden` for a scope, `RateLimited`, `JumpCloudUnavailable` where
    /// there is no answer, `UnexpectedResponse`.
    pub async fn token(
        &self,
        http: &reqwest::Client,
        organization: &Organization,
        generation: u64,
    ) -> Result<Token, Error> {
        let end = Instant::now() + TIME;
        let mut tries = Tries::first(Effect::Read);
        loop {
            let start = Instant::now();
            let left = end - start;
            let failure = match self.try_once(http, &organization.hosts, left.min(TRY_TIMEOUT)).await {
                Ok((token, life)) => {
                    let credential = Credential::token(token, organization.clone(), generation).ok_or_else(no_token)?;
                    return Ok(Token { credential, until: start + (life - MARGIN.min(life / 2)) });
                }
                Err(failure) => failure,
            };
            let left = end.saturating_duration_since(Instant::now());
            match retry::next(failure.class, tries, left, fastrand::f64()) {
                Next::Reconnect if !left.is_zero() => tries.dead += 1,
                Next::Wait(wait) => {
                    sleep(wait).await;
                    tries.counted += 1;
                }
                _ => return Err(failure.error),
            }
        }
    }

    async fn try_once(
        &self,
        http: &reqwest::Client,
        hosts: &Hosts,
        timeout: Duration,
    ) -> Result<(SecretString, Duration), Failure> {
        let request = http
            .post(&hosts.token)
            .timeout(timeout)
            .basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials&scope=api");
        let host = Hosts::name(&hosts.token);
        let unanswered = |error: &reqwest::Error| {
            Failure {
            error: JumpCloudUnavailable
                .error(format!("{host} did not give the service account a token: it did not answer; nothing was changed by this call; try again, or check the function's network")),
            class: class_of(error),
        }
        };
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        tracing::debug!(status = status.as_u16(), "JumpCloud answered for a token");
        let body = match read_body(response).await {
            Ok(body) => body,
            Err(Some(error)) => return Err(unanswered(&error)),
            Err(None) => Vec::new(),
        };
        let fields: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            let token = fields["access_token"].as_str().filter(|token| !token.is_empty());
            let life = Duration::from_secs(fields["expires_in"].as_u64().unwrap_or(LIFE_IN_SECONDS));
            return token
                .map(|token| (token.into(), life))
                .ok_or_else(|| Failure { error: no_token(), class: Class::Failed });
        }
        let said = fields["error"].as_str().and_then(|said| REFUSALS.into_iter().find(|word| *word == said));
        let (error, class) = refusal(status, said, host);
        let class = match class {
            Class::Throttled(_) => Class::Throttled(retry_after(&headers)),
            class => class,
        };
        Err(Failure { error, class })
    }
}

fn refusal(status: StatusCode, said: Option<&str>, host: &str) -> (Error, Class) {
    let with = said.map_or_else(|| format!("status {status}"), |said| format!("status {status}, {said}"));
    let (error_type, why, class) = match status.as_u16() {
        300..=399 | 401 => (Unauthorized, WRONG_CLIENT, Class::Refused),
        400 if said.is_some_and(|said| REFUSALS[..3].contains(&said)) => (Unauthorized, WRONG_CLIENT, Class::Refused),
        403 => {
            (Forbidden, "the service account may not use the API, or JumpCloud blocks this IP address", Class::Refused)
        }
        429 => (RateLimited, "JumpCloud asks to slow down; try again later", Class::Throttled(None)),
        502..=504 | 520..=524 => {
            (JumpCloudUnavailable, "JumpCloud is not available; try again", Class::Unavailable(None))
        }
        500..=599 => (JumpCloudUnavailable, "JumpCloud failed; try again", Class::Failed),
        _ => (UnexpectedResponse, "check the service account and the region", Class::Refused),
    };
    let message =
        format!("{host} did not give the service account a token ({with}): {why}; nothing was changed by this call");
    (error_type.error(message), class)
}

const WRONG_CLIENT: &str =
    "its client id or secret is wrong, expired or replaced, or is of another region; check the secret and the region";

fn no_token() -> Error {
    UnexpectedResponse.error(
        "JumpCloud's answer to the service account holds no token; nothing was changed by this call; check the region and the API URL",
    )
}
