//! What a call to JumpCloud is signed with.

use std::fmt;

use futures_util::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

/// Where credentials come from. They may be asked for by several calls at a time.
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Those to use now.
    fn current(&self) -> BoxFuture<'_, Result<Credential, Error>>;
    /// Those to use after JumpCloud refused `refused`. Calls that were refused together share one renewal.
    fn renewed<'a>(&'a self, refused: &'a Credential) -> BoxFuture<'a, Result<Credential, Error>>;
}

/// What proves to JumpCloud who asks, and for which organization. `Debug` does not show the secret.
#[derive(Clone, Debug)]
pub struct Credential {
    secret: SecretString,
    headers: HeaderMap,
    /// Tells one credential from its successor.
    pub generation: u64,
}

impl Credential {
    /// An administrator's API key. `None` where it holds characters that no header can carry.
    pub fn api_key(key: SecretString, org_id: Option<&str>, generation: u64) -> Option<Self> {
        let mut value = HeaderValue::from_str(key.expose_secret()).ok()?;
        value.set_sensitive(true); // no HTTP log prints it
        let mut headers = HeaderMap::from_iter([(HeaderName::from_static("x-api-key"), value)]);
        if let Some(org_id) = org_id {
            headers.insert(HeaderName::from_static("x-org-id"), HeaderValue::from_str(org_id).ok()?);
        }
        Some(Self { secret: key, headers, generation })
    }

    /// The headers that carry it.
    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// The organization that calls are made for, where the credential names one.
    pub fn org_id(&self) -> Option<&str> {
        self.headers.get("x-org-id")?.to_str().ok()
    }

    /// `text` without the secret, should somebody else's text repeat it.
    pub fn redact(&self, text: &str) -> String {
        text.replace(self.secret.expose_secret(), "[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_shown() {
        let key = Credential::api_key("jca_bare".into(), Some("0123"), 0).unwrap();
        assert!(!format!("{key:?}").contains("jca_bare"));
        assert_eq!(key.redact("no user for jca_bare"), "no user for [redacted]");
        assert_eq!(key.org_id(), Some("0123"));
        assert!(Credential::api_key("a\nb".into(), None, 0).is_none());
    }
}
