//! The one HTTP client of a process, for JumpCloud and for AWS: one TLS stack, and one reading of the system's roots of
//! trust, which is a quarter of all work at start.

use std::{net::IpAddr, time::Duration};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use reqwest::{Client, Url, redirect::Policy};

use crate::error::{Error, ErrorType::Internal};

/// To open a connection, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Builds the client. Requests have no timeout of their own.
pub fn client() -> Result<Client, Error> {
    #[expect(clippy::disallowed_methods, reason = "the one place where the client is built")]
    let client = Client::builder()
        .user_agent(concat!("jumpcloud-playbooks/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none()) // the key must not follow a redirect
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(50)) // below the usual minute of a proxy
        .build();
    client.map_err(|error| Internal.error(format!("the HTTP client could not be built: {}", error.without_url())))
}

/// The URL in the variable `name`. The API key travels to or from it, so plain `http` is refused except to loopback and,
/// with `sam_local` (`sam local`'s container), to the machine that the container runs on.
pub fn checked_url(name: &str, value: &str, sam_local: bool) -> Result<Url, Error> {
    let refused = |why| Internal.error(format!("the function is misconfigured: {name} {why}"));
    let url = Url::parse(value).map_err(|_| refused("is not a URL"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let this_machine = loopback || (sam_local && host == "host.docker.internal");
    if url.scheme() != "https" && !(url.scheme() == "http" && this_machine) {
        return Err(refused("must be https (http only to loopback, and to host.docker.internal in `sam local`)"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refused("must hold neither a login nor a query"));
    }
    Ok(url)
}

/// Whether `sam local` runs this, by the value of `AWS_SAM_LOCAL`.
pub fn is_sam_local(value: Option<&str>) -> bool {
    value == Some("true")
}

/// `client` for the AWS SDK.
pub fn for_aws(client: Client) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(client));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // Whole in memory, as all requests are that need not stream.
            let request = request.map(|body| body.bytes().unwrap_or_default().to_vec());
            let request = request.try_into().map_err(|error: reqwest::Error| ConnectorError::user(error.into()))?;
            let response = client.execute(request).await.map_err(|error| match error {
                error if error.is_timeout() => ConnectorError::timeout(error.into()),
                error => ConnectorError::io(error.into()),
            })?;
            let response = http::Response::from(response).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_and_for_the_host_of_sam_local() {
        let accepted = |url: &str, sam_local| checked_url("URL", url, sam_local).is_ok();
        for url in ["https://a.example/api", "http://localhost:1/api", "http://127.0.0.1/api", "http://[::1]:1"] {
            assert!(accepted(url, false) && accepted(url, true), "{url}");
        }
        for url in ["http://host.docker.internal:9002/api", "http://HOST.DOCKER.INTERNAL"] {
            assert!(!accepted(url, false) && accepted(url, true), "{url}");
        }
        for url in [
            "http://console.jumpcloud.com/api",
            "http://host.docker.internal.example/api",
            "http://a.host.docker.internal/api",
            "http://host.docker.internal@192.0.2.1/api",
            "http://10.88.0.1:9002/api",
            "ftp://host.docker.internal/api",
        ] {
            assert!(!accepted(url, false) && !accepted(url, true), "{url}");
        }
    }

    #[test]
    fn only_the_word_true_is_sam_local() {
        assert!(is_sam_local(Some("true")));
        for value in [None, Some(""), Some("false"), Some("1"), Some("TRUE")] {
            assert!(!is_sam_local(value), "{value:?}");
        }
    }
}
