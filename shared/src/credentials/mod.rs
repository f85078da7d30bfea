//! The credentials for JumpCloud, from AWS Secrets Manager: an API key, or a service account and its token.

mod secret;

use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, timeout::TimeoutConfig},
    error::ProvideErrorMetadata,
};
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Mutex, time::Instant};

use self::secret::{Defaults, Secret, Signs, unavailable};
use crate::{
    error::{
        Error,
        ErrorType::{SecretUnavailable, Unauthorized},
    },
    http::for_aws,
    jumpcloud::{self, Credential, Hosts},
    organizations::{Alias, secret_id},
    vars::{self, Vars},
};

/// How long the secret is used before it is read again.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// The secret, and the credentials that it led to.
#[derive(Clone, Debug)]
struct Held {
    secret: SecretString,
    read_at: Instant,
    credential: Credential,
    /// When a new token is fetched; `None` for an API key.
    until: Option<Instant>,
}

impl Held {
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.read_at) < TIME_TO_LIVE
    }

    fn lasts(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// The last failure, and when it was known.
    failure: Option<(Instant, Error)>,
}

/// The credentials of one organization: reads the secret and keeps it for [`TIME_TO_LIVE`]; where it holds a service account,
/// fetches a token and keeps that until shortly before its end. Callers that wait for the same share it, or its failure.
#[derive(Debug)]
pub struct KeyStore {
    secrets_manager: Client,
    http: reqwest::Client,
    secret_id: String,
    /// Where the function serves several.
    alias: Option<Alias>,
    defaults: Defaults,
    expected: Hosts,
    state: Mutex<State>,
}

/// Where the secrets are, and what counts where one says nothing.
#[derive(Clone, Debug)]
pub struct Secrets {
    secrets_manager: Client,
    secret_id: String,
    defaults: Defaults,
}

impl Secrets {
    /// From the environment that Lambda gives: region and credentials are there, so `aws-config`'s chain of providers is
    /// not needed (1.4 MB and 1 ms less).
    ///
    /// # Errors
    /// `SecretUnavailable` where no secret is named, `Internal` for a variable that makes no sense.
    pub fn from_vars(vars: &Vars<'_>, http: reqwest::Client) -> Result<Self, Error> {
        let secret_id = vars.text(&vars::JUMPCLOUD_SECRET_ID).ok_or_else(|| {
            SecretUnavailable.error("JUMPCLOUD_SECRET_ID is not set; set it to the name or ARN of the secret")
        })?;
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(8)); // below the 10 s that init may take
        let [id, secret, token] = vars::AWS_CREDENTIALS.map(|name| vars.named(name));
        let credentials =
            Credentials::new(id.unwrap_or_default(), secret.unwrap_or_default(), token, None, "LambdaEnvironment");
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(for_aws(http))
            .region(vars.named(vars::AWS_REGION).map(Region::new))
            .timeout_config(timeouts.build())
            .credentials_provider(credentials);
        let endpoint = vars.url(&vars::AWS_ENDPOINT_URL_SECRETS_MANAGER)?; // its answers hold the key
        config.set_endpoint_url(endpoint.map(String::from));
        let defaults = Defaults::from_vars(vars)?;
        Ok(Self { secrets_manager: Client::from_conf(config.build()), secret_id, defaults })
    }

    /// The credentials of `alias`, whose id in `JUMPCLOUD_ORGS` this is; `http` fetches its tokens.
    pub fn of(&self, alias: &Alias, id: Option<&str>, http: reqwest::Client) -> KeyStore {
        let own = Self { secret_id: secret_id(&self.secret_id, alias), defaults: self.defaults.of(id), ..self.clone() };
        KeyStore { alias: Some(alias.clone()), ..own.of_one(http) }
    }

    /// The credentials of the one organization that there is.
    pub fn of_one(self, http: reqwest::Client) -> KeyStore {
        let Self { secrets_manager, secret_id, defaults } = self;
        let expected = defaults.hosts(None, None);
        KeyStore { secrets_manager, http, secret_id, alias: None, defaults, expected, state: Mutex::default() }
    }
}

impl KeyStore {
    /// Of the one organization that there is.
    ///
    /// # Errors
    /// As [`Secrets::from_vars`].
    pub fn from_vars(vars: &Vars<'_>, http: reqwest::Client) -> Result<Self, Error> {
        Ok(Secrets::from_vars(vars, http.clone())?.of_one(http))
    }

    /// The credentials to use at `now`: those that are held, if they last and JumpCloud did not refuse them or a successor.
    async fn get(&self, now: Instant, refused: Option<&Credential>) -> Result<Credential, Error> {
        let mut state = self.state.lock().await;
        if let Some((_, error)) = state.failure.as_ref().filter(|(at, _)| *at >= now) {
            return Err(error.clone()); // known while this call waited for it
        }
        let refuses = |held: &Held| refused.is_some_and(|refused| held.credential.generation <= refused.generation);
        let renew = state.held.as_ref().is_some_and(refuses);
        if let Some(held) = state.held.as_ref().filter(|held| !renew && held.is_fresh(now) && held.lasts(now)) {
            return Ok(held.credential.clone());
        }
        match self.replace(state.held.as_ref(), now, renew).await {
            Ok(held) => Ok(state.held.insert(held).credential.clone()),
            Err(error) => {
                let error = self.named(error);
                state.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// `error` with whose credentials it is about.
    fn named(&self, error: Error) -> Error {
        let Some(alias) = &self.alias else { return error };
        Error { message: format!("{} (organization {alias})", error.message), ..error }
    }

    /// What is held next. A token that came to its end needs only another one; a secret that is too old, or whose credentials
    /// were refused, is read again.
    async fn replace(&self, held: Option<&Held>, now: Instant, renew: bool) -> Result<Held, Error> {
        let generation = held.map_or(0, |held| held.credential.generation + 1);
        if let Some(held) = held.filter(|held| !renew && held.is_fresh(now)) {
            match self.sign_in(&held.secret, generation).await {
                Err(error) if error.error_type == Unauthorized => {} // it may have been replaced since it was read
                signed_in => return Ok(Held { read_at: held.read_at, ..signed_in? }),
            }
        }
        let secret = self.read().await?;
        let is_same = |held: &&Held| held.secret.expose_secret() == secret.expose_secret();
        match held.filter(is_same) {
            Some(held) if !renew && held.lasts(now) => Ok(Held { read_at: Instant::now(), ..held.clone() }),
            _ => self.sign_in(&secret, generation).await,
        }
    }

    /// The credentials that a secret leads to.
    async fn sign_in(&self, secret: &SecretString, generation: u64) -> Result<Held, Error> {
        let read_at = Instant::now();
        let Secret { signs, organization } = secret::parse(secret.expose_secret(), &self.defaults)?;
        let (credential, until) = match signs {
            Signs::ApiKey(key) => {
                let credential = Credential::api_key(key, organization, generation);
                (credential.ok_or_else(|| unavailable("holds characters that no API key has"))?, None)
            }
            Signs::ServiceAccount(account) => {
                let token = account.token(&self.http, &organization, generation).await?;
                (token.credential, Some(token.until))
            }
        };
        Ok(Held { secret: secret.clone(), read_at, credential, until })
    }

    async fn read(&self) -> Result<SecretString, Error> {
        let answer = self.secrets_manager.get_secret_value().secret_id(&self.secret_id).send().await;
        let answer = answer.map_err(|error| {
            // Never with its source: where the answer could not be parsed, that is the answer. Nor with a code that is none.
            let code = error.code().filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            tracing::debug!(code, "GetSecretValue failed");
            let why = match code {
                Some(code) => format!("could not be read: {code}; {}", advice(code)),
                None => "could not be read: Secrets Manager did not answer; check the function's network".to_owned(),
            };
            unavailable(&why)
        })?;
        answer.secret_string().map(SecretString::from).ok_or_else(|| unavailable("is binary; store it as text"))
    }
}

impl jumpcloud::Credentials for KeyStore {
    fn current(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(self.get(Instant::now(), None))
    }

    fn renewed<'a>(&'a self, refused: &'a Credential) -> BoxFuture<'a, Result<Credential, Error>> {
        Box::pin(self.get(Instant::now(), Some(refused)))
    }

    fn expected_hosts(&self) -> &Hosts {
        &self.expected
    }
}

fn advice(code: &str) -> &'static str {
    match code {
        "ResourceNotFoundException" => "check JUMPCLOUD_SECRET_ID, the region, and that the secret has a value",
        "AccessDeniedException" => "the function's role needs secretsmanager:GetSecretValue on it",
        "DecryptionFailure" => "the function's role needs kms:Decrypt on the secret's key",
        "ThrottlingException" | "InternalServiceError" => "try again",
        _ => "check the secret and the function's role",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use jumpcloud::Credentials as _;
    use sandbox::{rehearsal::Rehearsal, secrets::Secrets, tenant::SERVICE_ACCOUNT};

    use super::*;

    fn shows(credential: &Credential, key: &str) -> bool {
        credential.redact(key) == "[redacted]"
    }

    fn store(env: Vec<(&'static str, String)>) -> KeyStore {
        let env: HashMap<_, _> = env.into_iter().collect();
        let var = |name: &str| env.get(name).cloned();
        KeyStore::from_vars(&Vars(&var), crate::http::client().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_key_is_kept_for_its_time_to_live_and_shared() {
        let secrets = Secrets::start("jca_first").await;
        let keys = store(secrets.env().into());
        let start = Instant::now();
        assert!(shows(&keys.get(start, None).await.unwrap(), "jca_first"));
        secrets.set("jca_second");
        assert!(shows(&keys.get(start + TIME_TO_LIVE - Duration::from_secs(1), None).await.unwrap(), "jca_first"));
        assert!(shows(&keys.get(Instant::now() + TIME_TO_LIVE, None).await.unwrap(), "jca_second"));
        assert_eq!(secrets.reads(), 2);
        // Two calls that were refused with the same key lead to one read.
        let refused = keys.current().await.unwrap();
        let (one, other) = tokio::join!(keys.renewed(&refused), keys.renewed(&refused));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(secrets.reads(), 3);
        // Two calls that wait for a read that fails share its failure.
        secrets.fail(Some("AccessDeniedException"));
        let refused = one.unwrap();
        let (one, other) = tokio::join!(keys.renewed(&refused), keys.renewed(&refused));
        assert_eq!((one.unwrap_err(), secrets.reads()), (other.unwrap_err(), 4));
    }

    #[tokio::test]
    async fn a_token_is_fetched_once_and_again_a_minute_before_its_end() {
        let rehearsal = Rehearsal::start().await;
        rehearsal.secrets.set(&SERVICE_ACCOUNT.join(":"));
        rehearsal.tenant.tokens_last(3600);
        let keys = store(rehearsal.env());
        let start = Instant::now();
        let (one, other) = tokio::join!(keys.current(), keys.current());
        let first = one.unwrap();
        assert_eq!((first.generation, other.unwrap().generation, rehearsal.tenant.tokens()), (0, 0, 1));
        // A secret that is read again and is the same leads to the same token.
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(keys.get(at(3500), None).await.unwrap().generation, 0);
        assert_eq!((rehearsal.secrets.reads(), rehearsal.tenant.tokens()), (2, 1));
        assert_eq!((keys.get(at(3541), None).await.unwrap().generation, rehearsal.tenant.tokens()), (1, 2));
        // Refused together, renewed once; who was refused with the first, after that, has the second already.
        let second = keys.current().await.unwrap();
        let (one, other) = tokio::join!(keys.renewed(&second), keys.renewed(&second));
        assert_eq!((one.unwrap().generation, other.unwrap().generation, rehearsal.tenant.tokens()), (2, 2, 3));
        assert_eq!(keys.renewed(&first).await.unwrap().generation, 2);
        assert_eq!(rehearsal.tenant.tokens(), 3);
    }

    #[tokio::test]
    async fn a_token_that_is_refused_with_the_secret_that_is_held_reads_it_again() {
        let rehearsal = Rehearsal::start().await;
        let account = |secret: &str| format!("{}:{secret}", SERVICE_ACCOUNT[0]);
        rehearsal.secrets.set(&SERVICE_ACCOUNT.join(":"));
        rehearsal.tenant.tokens_last(120);
        let keys = store(rehearsal.env());
        keys.current().await.unwrap();
        rehearsal.tenant.set_client_secret("rotated_0123456789");
        rehearsal.secrets.set(&account("rotated_0123456789"));
        let later = Instant::now() + Duration::from_secs(61);
        assert_eq!(keys.get(later, None).await.unwrap().generation, 1);
        assert_eq!((rehearsal.secrets.reads(), rehearsal.tenant.tokens()), (2, 2));
        // Without a new secret it is said.
        rehearsal.tenant.set_client_secret("another_0123456789");
        let error = keys.renewed(&keys.current().await.unwrap()).await.unwrap_err();
        assert_eq!(error.error_type, Unauthorized);
    }

    #[tokio::test]
    async fn two_stores_in_a_process_have_their_own_secret_hosts_and_organization() {
        let (one, other) = (Rehearsal::start().await, Rehearsal::start().await);
        one.secrets.set(&SERVICE_ACCOUNT.join(":"));
        let organization = serde_json::json!({"api_key": "jca_other", "org_id": "4567", "api_url": other.tenant.url()});
        other.secrets.set(&organization.to_string());
        let (first, second) = (store(one.env()), store(other.secrets.env().into()));
        assert_eq!(second.expected_hosts(), &Hosts::of(crate::jumpcloud::Region::Us));
        let (first, second) = tokio::join!(first.current(), second.current());
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!((&first.hosts().api, first.org_id()), (&one.tenant.url(), None));
        assert_eq!((&second.hosts().api, second.org_id()), (&other.tenant.url(), Some("4567")));
        assert!(shows(&second, "jca_other") && !shows(&first, "jca_other"));
        assert_eq!((one.tenant.tokens(), other.tenant.tokens()), (1, 0));
    }
}
