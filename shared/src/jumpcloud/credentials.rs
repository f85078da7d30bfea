//! What a call to JumpCloud is signed with, and where it goes.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::hosts::Hosts;
use crate::error::Error;

/// Where the credentials of one organization come from. They may be asked for by several calls at a time.
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Those to use now.
    fn current(&self) -> BoxFuture<'_, Result<Credential, Error>>;
    /// Those to use after JumpCloud refused `refused`. Calls that were refused together share one renewal.
    fn renewed<'a>(&'a self, refused: &'a Credential) -> BoxFuture<'a, Result<Credential, Error>>;
    /// Where they most likely lead: known before they are, so that the connection can be opened meanwhile.
    fn expected_hosts(&self) -> &Hosts;
}

/// The organization that calls are made for, and where it is.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id, where the credentials name one.
    pub id: Option<String>,
    /// Its hosts.
    pub hosts: Hosts,
}

/// What proves to JumpCloud who asks, and for which organization. `Debug` does not show the secret. Each call clones it.
#[derive(Clone, Debug)]
pub struct Credential {
    secret: Arc<SecretString>,
    headers: Arc<HeaderMap>,
    /// What `secret` is, in words.
    what: &'static str,
    organization: Arc<Organization>,
    /// Tells one credential from its successor.
    pub generation: u64,
}

impl Credential {
    /// An API key. `None` where it holds characters that no header can carry.
    pub fn api_key(key: SecretString, organization: Organization, generation: u64) -> Option<Self> {
        let value = HeaderValue::from_str(key.expose_secret()).ok()?;
        let headers = headers(HeaderName::from_static("x-api-key"), value, &organization)?;
        let (secret, headers, organization) = (key.into(), headers.into(), organization.into());
        Some(Self { secret, headers, what: "API key", organization, generation })
    }

    /// The token that a service account got. `None` as above.
    pub(super) fn token(token: SecretString, organization: Organization, generation: u64) -> Option<Self> {
        let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
        let headers = headers(AUTHORIZATION, value, &organization)?;
        let (secret, headers, organization) = (token.into(), headers.into(), organization.into());
        Some(Self { secret, headers, what: "service account's token", organization, generation })
    }

    /// The headers that carry it.
    pub(super) fn headers(&self) -> HeaderMap {
        (*self.headers).clone()
    }

    /// What it is, in words.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Where the calls go that it is for; it goes nowhere else.
    pub fn hosts(&self) -> &Hosts {
        &self.organization.hosts
    }

    /// The organization that calls are made for, where the credential names one.
    pub fn org_id(&self) -> Option<&str> {
        self.organization.id.as_deref()
    }

    /// `text` without the secret, should somebody else's text repeat it.
    pub fn redact(&self, text: &str) -> String {
        text.replace(self.secret.expose_secret(), "[redacted]")
    }
}

fn headers(name: HeaderName, mut value: HeaderValue, organization: &Organization) -> Option<HeaderMap> {
    value.set_sensitive(true); // no HTTP log prints it
    let mut headers = HeaderMap::from_iter([(name, value)]);
    if let Some(id) = &organization.id {
        headers.insert(HeaderName::from_static("x-org-id"), HeaderValue::from_str(id).ok()?);
    }
    Some(headers)
}

#[cfg(test)]
pub(super) fn example(key: &str) -> Option<Credential> {
    let organization = Organization { id: Some("0123".to_owned()), hosts: Hosts::of(super::hosts::Region::Us) };
    Credential::api_key(key.into(), organization, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_shown() {
        let key = example("jca_bare").unwrap();
        let token = Credential::token("token_bare".into(), (*key.organization).clone(), 0).unwrap();
        assert!(!format!("{key:?} {token:?}").contains("_bare"));
        assert_eq!(key.redact("no user for jca_bare"), "no user for [redacted]");
        assert_eq!(token.redact("not token_bare"), "not [redacted]");
        assert_eq!((key.org_id(), token.org_id()), (Some("0123"), Some("0123")));
        assert!(example("a\nb").is_none());
    }
}
