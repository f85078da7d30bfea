//! The one HTTP client of a process, for JumpCloud and for AWS: one TLS stack, and one reading of the system's roots of
//! trust, which is a quarter of all work at start.

use std::time::Duration;

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use reqwest::{Client, redirect::Policy};

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
