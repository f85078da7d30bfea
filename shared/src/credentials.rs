//! The JumpCloud API key, from AWS Secrets Manager.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, timeout::TimeoutConfig},
    error::{DisplayErrorContext, ProvideErrorMetadata},
};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    error::{Error, ErrorType::SecretUnavailable},
    http::{checked_url, for_aws, is_sam_local},
};

/// How long a key is used before the secret is read again.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(300);

const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";

/// What the secret holds: the key, and the organization it is for.
#[derive(Clone, Debug)]
pub struct ApiKey {
    key: SecretString,
    /// For `x-org-id`; `None` for the key of a single organization.
    pub org_id: Option<String>,
    read_at: Instant,
}

impl ApiKey {
    /// The value of `x-api-key`, marked sensitive so that no HTTP log prints it.
    pub fn header(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::from_str(self.key.expose_secret())
            .map_err(|_| unavailable("holds characters that no API key has; store the bare key again"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `text` without the key, should somebody else's text repeat it.
    pub fn redact(&self, text: &str) -> String {
        text.replace(self.key.expose_secret(), "[redacted]")
    }

    /// Two forms: the bare key, or `{"api_key": "...", "org_id": "..."}`.
    fn parse(secret: &str, default_org: Option<&str>) -> Result<Self, Error> {
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
        Ok(Self { key: key.into(), org_id, read_at: Instant::now() })
    }
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
    /// From the environment that Lambda gives, `var` being `std::env::var(..).ok()`: region and credentials are there, so `aws-config`'s chain of
    /// providers is not needed (1.4 MB and 1 ms less).
    pub fn from_vars(var: impl Fn(&str) -> Option<String>, http: reqwest::Client) -> Result<Self, Error> {
        let var = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        let secret_id = var("JUMPCLOUD_SECRET_ID").ok_or_else(|| {
            SecretUnavailable.error("JUMPCLOUD_SECRET_ID is not set; set it to the name or ARN of the secret")
        })?;
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(8)); // below the 10 s that init may take
        let credentials = Credentials::new(
            var("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            var("AWS_SECRET_ACCESS_KEY").unwrap_or_default(),
            var("AWS_SESSION_TOKEN"),
            None,
            "LambdaEnvironment",
        );
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(for_aws(http))
            .region(var("AWS_REGION").map(Region::new))
            .timeout_config(timeouts.build())
            .credentials_provider(credentials);
        if let Some(url) = var(ENDPOINT_URL) {
            // Its answers hold the key.
            checked_url(ENDPOINT_URL, &url, is_sam_local(var("AWS_SAM_LOCAL").as_deref()))?;
            config.set_endpoint_url(Some(url));
        }
        Ok(Self {
            secrets_manager: Client::from_conf(config.build()),
            secret_id,
            default_org: var("JUMPCLOUD_ORG_ID"),
            cached: Mutex::new(None),
        })
    }

    /// The key, read again when it is older than [`TIME_TO_LIVE`].
    pub async fn current(&self) -> Result<ApiKey, Error> {
        self.current_at(Instant::now()).await
    }

    async fn current_at(&self, now: Instant) -> Result<ApiKey, Error> {
        self.get(|key| now.duration_since(key.read_at) < TIME_TO_LIVE).await
    }

    /// The key to use after JumpCloud refused `refused`. Calls that were refused side by side share one read.
    pub async fn renewed(&self, refused: &ApiKey) -> Result<ApiKey, Error> {
        self.get(|key| key.read_at > refused.read_at).await
    }

    async fn get(&self, usable: impl Fn(&ApiKey) -> bool) -> Result<ApiKey, Error> {
        let mut cached = self.cached.lock().await;
        if let Some(key) = cached.as_ref().filter(|key| usable(key)) {
            return Ok(key.clone());
        }
        let key = self.read().await?;
        *cached = Some(key.clone());
        Ok(key)
    }

    async fn read(&self) -> Result<ApiKey, Error> {
        let answer = self.secrets_manager.get_secret_value().secret_id(&self.secret_id).send().await;
        let answer = answer.map_err(|error| {
            tracing::debug!(cause = %DisplayErrorContext(&error), "GetSecretValue failed");
            let why = match error.code() {
                Some(code) => format!("could not be read: {code}; {}", advice(code)),
                None => "could not be read: Secrets Manager did not answer; check the function's network".to_owned(),
            };
            unavailable(&why)
        })?;
        let secret = answer.secret_string().ok_or_else(|| unavailable("is binary; store it as text"))?;
        ApiKey::parse(secret, self.default_org.as_deref())
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

    #[test]
    fn both_forms_of_the_secret_are_read() {
        let bare = ApiKey::parse(" jca_bare\n", Some("0123")).unwrap();
        assert_eq!((bare.key.expose_secret(), bare.org_id.as_deref()), ("jca_bare", Some("0123")));
        let json = ApiKey::parse(r#"{"api_key":"jca_json","org_id":"4567"}"#, Some("0123")).unwrap();
        assert_eq!((json.key.expose_secret(), json.org_id.as_deref()), ("jca_json", Some("4567")));
    }

    #[test]
    fn a_secret_that_is_no_key_is_refused_without_repeating_it() {
        for secret in ["", "  ", "two words", "{\"api_key\":", r#"{"key":"s3cret"}"#, r#"{"api_key":7}"#, "ключ"] {
            let error = ApiKey::parse(secret, None).unwrap_err();
            assert_eq!(error.error_type, SecretUnavailable, "{secret}");
            assert!(!error.message.contains("s3cret") && !error.message.contains("words"), "{error}");
        }
        assert!(ApiKey::parse("key", Some("a\r\nb")).is_err());
    }

    #[tokio::test]
    async fn the_key_is_kept_for_its_time_to_live_and_shared() {
        let secrets = sandbox::secrets::Secrets::start("jca_first").await;
        let env = std::collections::HashMap::from(secrets.env());
        let keys = KeyStore::from_vars(|name| env.get(name).cloned(), crate::http::client().unwrap()).unwrap();
        let first = keys.current().await.unwrap();
        secrets.set("jca_second");
        let end = first.read_at + TIME_TO_LIVE;
        assert_eq!(keys.current_at(end - Duration::from_millis(1)).await.unwrap().key.expose_secret(), "jca_first");
        assert_eq!(keys.current_at(end).await.unwrap().key.expose_secret(), "jca_second");
        assert_eq!(secrets.reads(), 2);
        // Two calls that were refused with the same key lead to one read.
        let refused = keys.current().await.unwrap();
        let (one, other) = tokio::join!(keys.renewed(&refused), keys.renewed(&refused));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(secrets.reads(), 3);
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = ApiKey::parse("jca_bare", None).unwrap();
        assert!(!format!("{key:?} {:?}", key.header().unwrap()).contains("jca_bare"));
        assert_eq!(key.redact("no user for jca_bare"), "no user for [redacted]");
    }
}
