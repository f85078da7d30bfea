//! Who may call the tenant: keys, tokens and organizations, as JumpCloud checks them. Then the route.

use axum::{body::Body, http::Response};
use serde_json::{Value, json};

use crate::{
    events_api,
    query::Query,
    replies::{error, json_reply, login, page},
    tenant::{ORG_ID, Recorded, Shared, lock},
    v1::{self, Asked},
    v2,
};

/// `client:secret` of the tenant's service account, as HTTP Basic has it.
const BASIC: &str = "Basic c2FfcmVoZWFyc2FsOnJlaGVhcnNhbF9zZWNyZXRfMDEyMzQ1Njc4OQ==";
/// The token that the service account gets.
const TOKEN: &str = "rehearsal_token_0123456789";

/// Key and organization as JumpCloud checks them, then the route.
pub(crate) fn answer(shared: &Shared, request: &Recorded) -> Response<Body> {
    // A host of its own in JumpCloud, and the same keys and organizations.
    let insights = request.path.strip_prefix("/insights/directory/v1/");
    let Some(path) = request.path.strip_prefix("/api/").or(insights) else {
        return match request.path.as_str() {
            "/login" => page(),
            "/oauth2/token" if request.method == "POST" => token(request),
            _ => login(),
        };
    };
    let header =
        |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    let parts: Vec<&str> = path.split('/').collect();
    match (header("x-api-key"), header("authorization").and_then(|value| value.strip_prefix("Bearer "))) {
        (Some(key), _) if key == *lock(&shared.key) => {}
        (None, Some(TOKEN)) if parts[0] == "organizations" => {
            return error(401, "service accounts are not allowed to access this endpoint");
        }
        (None, Some(TOKEN)) => {}
        (None, None) => return login(), // not 401
        _ => {
            let body = json!({"error": "Unauthorized", "message": "Unauthorized: api key user not found"});
            return json_reply(401, &body);
        }
    }
    match header("x-org-id") {
        Some(_) if parts[0] == "organizations" => return error(403, "Forbidden"), // does not take one
        None if *lock(&shared.multi_tenant) => return error(401, "Unauthorized: no organization selected"),
        Some(org) if org.len() != 24 => return error(400, "Bad Request: malformed organization id"),
        Some(org) if org != ORG_ID => return error(404, "organization not found"),
        _ => {}
    }
    let body = match request.body.as_ref() {
        b"" => Value::Null,
        _ if !header("content-type").is_some_and(|value| value.starts_with("application/json")) => {
            return error(415, "Unsupported Media Type");
        }
        body => match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(_) => return error(400, "Bad Request: the body is not JSON"),
        },
    };
    let (org, query) = (&mut lock(&shared.org), Query::parse(&request.query));
    match parts.as_slice() {
        _ if insights.is_some() => events_api::route(org, &request.method, path, &body),
        ["v2", parts @ ..] => v2::route(org, &Asked { method: &request.method, parts, query: &query, body: &body }),
        parts => v1::route(
            org,
            *lock(&shared.unknown_id),
            &Asked { method: &request.method, parts, query: &query, body: &body },
        ),
    }
}

/// `POST /oauth2/token`: client credentials, in the header only.
fn token(request: &Recorded) -> Response<Body> {
    let form = String::from_utf8_lossy(&request.body);
    let form = Query::parse(&form);
    let known = request.headers.get("authorization").is_some_and(|value| value == BASIC);
    match (form.get("grant_type"), form.get("scope")) {
        _ if !known => json_reply(401, &json!({"error": "invalid_client"})),
        (Some("client_credentials"), Some("api")) => {
            json_reply(200, &json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600}))
        }
        _ => json_reply(400, &json!({"error": "invalid_request"})),
    }
}

#[cfg(test)]
mod tests {
    use crate::tenant::SERVICE_ACCOUNT;

    #[test]
    fn the_basic_header_is_the_service_account() {
        #[expect(clippy::disallowed_methods, reason = "only builds a request")]
        let client = reqwest::Client::new();
        let [id, secret] = SERVICE_ACCOUNT;
        let request = client.post("http://tenant/").basic_auth(id, Some(secret)).build().unwrap();
        assert_eq!(request.headers()["authorization"], super::BASIC);
    }
}
