//! The JumpCloud API key, from AWS Secrets Manager.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, timeout::TimeoutConfig},
    error::ProvideErrorMetadata,
};
use futures_util::future::BoxFuture;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    error::{Error, ErrorType::SecretUnavailable},
    http::for_aws,
    jumpcloud::{self, Credential},
    vars::{self, Vars},
};

/// How long a key is used before the secret is read again.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// The key that the secret holds, and when it was read.
#[derive(Clone, Debug)]
struct ApiKey {
    credential: Credential,
    read_at: Instant,
}

/// Two forms: the bare key, or `{"api_key": "...", "org_id": "..."}`.
fn parse(secret: &str, default_org: Option<&str>, generation: u64) -> Result<Credential, Error> {
    let secret = secret.trim();
    let (key, org_id) = if secret.starts_with('{') {
        let fields: serde_json::Value =
            serde_json::from_str(secret).map_err(|_| unavailable("starts like JSON and is not valid JSON"))?;
        let text = |name: &str| fields[name].as_str().map(str::trim).filter(|text| !text.is_empty());
        let key = text("api_key").ok_or_else(|| unavailable("is JSON without the text field `api_key`"))?;
        (key.to_owned(), text("org_id").map(str::to_owned))
    } else {
        (secret.to_owned(), None)
    };
    let org_id = org_id.or_else(|| default_org.map(str::to_owned));
    // Anything else would end in JumpCloud's "no key" answer, a redirect to its login page.
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unavailable("is empty or holds characters that no API key has; store the bare key again"));
    }
    if org_id.as_deref().is_some_and(|org| !org.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Err(unavailable("or JUMPCLOUD_ORG_ID holds an organization id that is not letters and digits"));
    }
    Credential::api_key(key.into(), org_id.as_deref(), generation)
        .ok_or_else(|| unavailable("holds characters that no API key has; store the bare key again"))
}

/// Reads the key and keeps it for [`TIME_TO_LIVE`].
#[derive(Debug)]
pub struct KeyStore {
    secrets_manager: Client,
    secret_id: String,
    default_org: Option<String>,
    cached: Mutex<Option<ApiKey>>,
}

impl KeyStore {
    /// From the environment that Lambda gives: region and credentials are there, so `aws-config`'s chain of providers is
    /// not needed (1.4 MB and 1 ms less).
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
        Ok(Self {
            secrets_manager: Client::from_conf(config.build()),
            secret_id,
            default_org: vars.text(&vars::JUMPCLOUD_ORG_ID),
            cached: Mutex::new(None),
        })
    }

    /// The key, read again when it is older than [`TIME_TO_LIVE`].
    async fn current_at(&self, now: Instant) -> Result<ApiKey, Error> {
        self.get(|key| now.duration_since(key.read_at) < TIME_TO_LIVE).await
    }

    async fn get(&self, usable: impl Fn(&ApiKey) -> bool) -> Result<ApiKey, Error> {
        let mut cached = self.cached.lock().await;
        if let Some(key) = cached.as_ref().filter(|key| usable(key)) {
            return Ok(key.clone());
        }
        let generation = cached.as_ref().map_or(0, |key| key.credential.generation + 1);
        let credential = self.read(generation).await?;
        Ok(cached.insert(ApiKey { credential, read_at: Instant::now() }).clone())
    }

    async fn read(&self, generation: u64) -> Result<Credential, Error> {
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
        let secret = answer.secret_string().ok_or_else(|| unavailable("is binary; store it as text"))?;
        parse(secret, self.default_org.as_deref(), generation)
    }
}

impl jumpcloud::Credentials for KeyStore {
    fn current(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(async { Ok(self.current_at(Instant::now()).await?.credential) })
    }

    fn renewed<'a>(&'a self, refused: &'a Credential) -> BoxFuture<'a, Result<Credential, Error>> {
        Box::pin(async { Ok(self.get(|key| key.credential.generation > refused.generation).await?.credential) })
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

fn unavailable(why: &str) -> Error {
    SecretUnavailable.error(format!("the secret in JUMPCLOUD_SECRET_ID {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpcloud::Credentials as _;

    fn shows(credential: &Credential, key: &str) -> bool {
        credential.redact(key) == "[redacted]"
    }

    #[test]
    fn both_forms_of_the_secret_are_read() {
        let bare = parse(" jca_bare\n", Some("0123"), 0).unwrap();
        assert!(shows(&bare, "jca_bare"));
        assert_eq!(bare.org_id(), Some("0123"));
        let json = parse(r#"{"api_key":"jca_json","org_id":"4567"}"#, Some("0123"), 0).unwrap();
        assert!(shows(&json, "jca_json"));
        assert_eq!(json.org_id(), Some("4567"));
    }

    #[test]
    fn a_secret_that_is_no_key_is_refused_without_repeating_it() {
        for secret in ["", "  ", "two words", "{\"api_key\":", r#"{"key":"s3cret"}"#, r#"{"api_key":7}"#, "ключ"] {
            let error = parse(secret, None, 0).unwrap_err();
            assert_eq!(error.error_type, SecretUnavailable, "{secret}");
            assert!(!error.message.contains("s3cret") && !error.message.contains("words"), "{error}");
        }
        assert!(parse("key", Some("a\r\nb"), 0).is_err());
    }

    #[tokio::test]
    async fn the_key_is_kept_for_its_time_to_live_and_shared() {
        let secrets = sandbox::secrets::Secrets::start("jca_first").await;
        let env = std::collections::HashMap::from(secrets.env());
        let var = |name: &str| env.get(name).cloned();
        let keys = KeyStore::from_vars(&Vars(&var), crate::http::client().unwrap()).unwrap();
        let first = keys.current_at(Instant::now()).await.unwrap();
        secrets.set("jca_second");
        let end = first.read_at + TIME_TO_LIVE;
        assert!(shows(&keys.current_at(end - Duration::from_millis(1)).await.unwrap().credential, "jca_first"));
        assert!(shows(&keys.current_at(end).await.unwrap().credential, "jca_second"));
        assert_eq!(secrets.reads(), 2);
        // Two calls that were refused with the same key lead to one read.
        let refused = keys.current().await.unwrap();
        let (one, other) = tokio::join!(keys.renewed(&refused), keys.renewed(&refused));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(secrets.reads(), 3);
    }
}
