//! What the secret holds: an API key or a service account, and the organization that it is for.

use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    error::{Error, ErrorType::SecretUnavailable},
    jumpcloud::{Hosts, Organization, Region, ServiceAccount},
    vars::{self, Vars, allowed_url},
};

/// What counts where the secret says nothing: the function's variables.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    org_id: Option<String>,
    /// Whether the secret may name no other than `org_id`.
    org_id_is_set: bool,
    api_url: Option<Url>,
    region: Option<Region>,
    sam_local: bool,
}

impl Defaults {
    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Error> {
        Ok(Self {
            org_id: vars.text(&vars::JUMPCLOUD_ORG_ID),
            org_id_is_set: false,
            api_url: vars.url(&vars::JUMPCLOUD_API_URL)?,
            region: vars.parsed(&vars::JUMPCLOUD_REGION, Region::parse)?,
            sam_local: vars.sam_local(),
        })
    }

    /// The same for the organization of `id` in `JUMPCLOUD_ORGS`: a secret that names another is another's.
    pub(super) fn of(&self, id: Option<&str>) -> Self {
        Self { org_id: id.map(str::to_owned), org_id_is_set: id.is_some(), ..self.clone() }
    }

    /// The hosts where the secret names no other: a URL goes before a region, and the secret's before the variable's.
    pub(super) fn hosts(&self, api_url: Option<&Url>, region: Option<Region>) -> Hosts {
        let region = region.or(self.region);
        match api_url.or(self.api_url.as_ref()) {
            Some(api_url) => Hosts::at(api_url, region),
            None => Hosts::of(region.unwrap_or(Region::Us)),
        }
    }
}

/// The secret, read.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) signs: Signs,
    pub(super) organization: Organization,
}

/// What calls are signed with.
#[derive(Debug)]
pub(super) enum Signs {
    ApiKey(SecretString),
    ServiceAccount(ServiceAccount),
}

/// The bare key; `client id:client secret`, as JumpCloud's own serverless applications store it; or JSON with `api_key`, or with
/// `client_id` and `client_secret`, and where they are wanted `org_id`, `region`, `api_url`.
pub(super) fn parse(secret: &str, defaults: &Defaults) -> Result<Secret, Error> {
    let secret = secret.trim();
    if !secret.starts_with('{') {
        let signs = match secret.split_once(':') {
            Some((id, secret)) => service_account(id, secret)?,
            None => api_key(secret)?,
        };
        return Ok(Secret { signs, organization: organization(None, defaults.hosts(None, None), defaults)? });
    }
    let fields: Value =
        serde_json::from_str(secret).map_err(|_| unavailable("starts like JSON and is not valid JSON"))?;
    let text = |name: &str| match &fields[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        _ => Err(unavailable(&format!("is JSON whose field `{name}` is not text"))),
    };
    let signs = match (text("api_key")?, text("client_id")?, text("client_secret")?) {
        (Some(key), None, None) => api_key(key)?,
        (None, Some(id), Some(secret)) => service_account(id, secret)?,
        _ => {
            return Err(unavailable(
                "is JSON and must have the text field `api_key`, or `client_id` and `client_secret`",
            ));
        }
    };
    let region = text("region")?
        .map(|region| Region::parse(region).ok_or_else(|| unavailable("holds a `region` that is not us, eu or in")));
    let api_url = text("api_url")?.map(|url| {
        allowed_url(url, defaults.sam_local).map_err(|why| unavailable(&format!("holds an `api_url` that {why}")))
    });
    let hosts = defaults.hosts(api_url.transpose()?.as_ref(), region.transpose()?);
    Ok(Secret { signs, organization: organization(text("org_id")?, hosts, defaults)? })
}

/// Whether a header can carry it: anything else would end in JumpCloud's "no key" answer, a redirect to its login page.
fn is_one_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn api_key(key: &str) -> Result<Signs, Error> {
    let why = "is empty or holds characters that no API key has; store the bare key again";
    is_one_word(key).then(|| Signs::ApiKey(key.into())).ok_or_else(|| unavailable(why))
}

fn service_account(id: &str, secret: &str) -> Result<Signs, Error> {
    if !is_one_word(id) || !is_one_word(secret) || id.contains(':') {
        return Err(unavailable(
            "holds a service account whose id or secret is empty or has characters that neither can have; store both again",
        ));
    }
    Ok(Signs::ServiceAccount(ServiceAccount { client_id: id.to_owned(), client_secret: secret.into() }))
}

fn organization(id: Option<&str>, hosts: Hosts, defaults: &Defaults) -> Result<Organization, Error> {
    if let (Some(own), Some(set), true) = (id, &defaults.org_id, defaults.org_id_is_set)
        && !own.eq_ignore_ascii_case(set)
    {
        return Err(unavailable(
            "names another organization id in `org_id` than JUMPCLOUD_ORGS does; correct one of them",
        ));
    }
    let id = id.or(defaults.org_id.as_deref()).map(str::to_owned);
    if id.as_deref().is_some_and(|id| !id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Err(unavailable("or JUMPCLOUD_ORG_ID holds an organization id that is not letters and digits"));
    }
    Ok(Organization { id, hosts })
}

/// Why there are no credentials.
pub(super) fn unavailable(why: &str) -> Error {
    SecretUnavailable.error(format!("the secret in JUMPCLOUD_SECRET_ID {why}"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::error::ErrorType::SecretUnavailable;

    fn defaults(vars: &[(&str, &str)]) -> Defaults {
        let var = |name: &str| Some(vars.iter().find(|(key, _)| *key == name)?.1.to_owned());
        Defaults::from_vars(&Vars(&var)).unwrap()
    }

    /// Who signs, as text; for an account its id and secret.
    fn signs(secret: &Secret) -> String {
        match &secret.signs {
            Signs::ApiKey(key) => key.expose_secret().to_owned(),
            Signs::ServiceAccount(account) => {
                format!("{}/{}", account.client_id, account.client_secret.expose_secret())
            }
        }
    }

    #[test]
    fn each_form_of_the_secret_is_read() {
        let own = json!({"api_key": "jca_json", "org_id": "4567"}).to_string();
        let account = json!({"client_id": "sa", "client_secret": "s:3", "org_id": "4567"}).to_string();
        for (secret, signed, org_id) in [
            (" jca_bare\n", "jca_bare", "0123"),
            (own.as_str(), "jca_json", "4567"),
            ("sa:s:3\n", "sa/s:3", "0123"),
            (account.as_str(), "sa/s:3", "4567"),
            (r#"{"api_key": "k", "org_id": null, "client_id": ""}"#, "k", "0123"),
        ] {
            let parsed = parse(secret, &defaults(&[("JUMPCLOUD_ORG_ID", "0123")])).unwrap();
            assert_eq!(
                (signs(&parsed).as_str(), parsed.organization.id.as_deref()),
                (signed, Some(org_id)),
                "{secret}"
            );
            assert!(!format!("{parsed:?}").contains("s:3") && !format!("{parsed:?}").contains("jca_"), "{secret}");
        }
    }

    #[test]
    fn a_secret_that_signs_nothing_is_refused_without_repeating_it() {
        for secret in [
            "",
            "  ",
            "two words",
            "{\"api_key\":",
            r#"{"key":"s3cret"}"#,
            r#"{"api_key":7}"#,
            "ключ",
            ":s3cret",
            "id:",
            "an id:s3cret",
            r#"{"client_id":"s3cret"}"#,
            r#"{"client_id":"a:b","client_secret":"s3cret"}"#,
            r#"{"api_key":"s3cret","client_id":"a","client_secret":"b"}"#,
            r#"{"api_key":"s3cret","org_id":7}"#,
            r#"{"api_key":"s3cret","org_id":"a\r\nb"}"#,
            r#"{"api_key":"s3cret","region":"us-east-1"}"#,
            r#"{"api_key":"s3cret","api_url":"http://console.jumpcloud.com/api"}"#,
            r#"{"api_key":"s3cret","api_url":"http://host.docker.internal/api"}"#,
        ] {
            let error = parse(secret, &defaults(&[])).unwrap_err();
            assert_eq!(error.error_type, SecretUnavailable, "{secret}");
            assert!(!error.message.contains("s3cret") && !error.message.contains("words"), "{error}");
        }
        assert!(parse("key", &defaults(&[("JUMPCLOUD_ORG_ID", "a\r\nb")])).is_err());
    }

    #[test]
    fn a_url_goes_before_a_region_and_the_secret_before_the_variables() {
        let eu = r#"{"api_key": "k", "region": "EU"}"#;
        let own = r#"{"api_key": "k", "region": "in", "api_url": "https://gateway.company.com/api"}"#;
        let console = r#"{"api_key": "k", "region": "us", "api_url": "https://console.eu.jumpcloud.com/api"}"#;
        let (url, region) = (("JUMPCLOUD_API_URL", "http://127.0.0.1:1/api"), ("JUMPCLOUD_REGION", "in"));
        for (secret, vars, api, token) in [
            ("k", &[][..], "https://console.jumpcloud.com/api", "https://admin-oauth.id.jumpcloud.com/oauth2/token"),
            (
                "k",
                &[region],
                "https://console.in.jumpcloud.com/api",
                "https://admin-oauth.id.in.jumpcloud.com/oauth2/token",
            ),
            (
                eu,
                &[region],
                "https://console.eu.jumpcloud.com/api",
                "https://admin-oauth.id.eu.jumpcloud.com/oauth2/token",
            ),
            ("k", &[url], "http://127.0.0.1:1/api", "http://127.0.0.1:1/oauth2/token"),
            (eu, &[url], "http://127.0.0.1:1/api", "https://admin-oauth.id.eu.jumpcloud.com/oauth2/token"),
            (own, &[url], "https://gateway.company.com/api", "https://admin-oauth.id.in.jumpcloud.com/oauth2/token"),
            (
                console,
                &[url],
                "https://console.eu.jumpcloud.com/api",
                "https://admin-oauth.id.eu.jumpcloud.com/oauth2/token",
            ),
        ] {
            let hosts = parse(secret, &defaults(vars)).unwrap().organization.hosts;
            assert_eq!((hosts.api.as_str(), hosts.token.as_str()), (api, token), "{secret} {vars:?}");
        }
        let var = |_: &str| Some("mars".to_owned());
        assert!(
            Vars(&var).parsed(&vars::JUMPCLOUD_REGION, Region::parse).unwrap_err().message.contains("us, eu or in")
        );
    }
}
