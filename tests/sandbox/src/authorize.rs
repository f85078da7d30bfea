//! Who may call the tenant: keys, tokens and organizations, as JumpCloud checks them. Then the route.

use axum::{
    body::Body,
    http::{HeaderValue, Response},
};
use serde_json::{Value, json};

use crate::{
    events_api,
    query::Query,
    replies::{error, json_reply, login, page},
    scopes,
    tenant::{Recorded, SERVICE_ACCOUNT, Shared, TOKEN, TOKEN_PATH, lock},
    v1::{self, Asked},
    v2,
};

/// The tenant's service account and its tokens.
pub(crate) struct Account {
    pub(crate) secret: String,
    /// How its tokens begin.
    pub(crate) token: String,
    pub(crate) life_in_seconds: u64,
    pub(crate) issued: usize,
    /// So many of the first are refused.
    pub(crate) revoked: usize,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            secret: SERVICE_ACCOUNT[1].to_owned(),
            token: TOKEN.to_owned(),
            life_in_seconds: 3600,
            issued: 0,
            revoked: 0,
        }
    }
}

impl Account {
    /// Whether this `Authorization` is that of HTTP Basic with the account's id and secret.
    fn knows(&self, authorization: &HeaderValue) -> bool {
        #[expect(clippy::disallowed_methods, reason = "only builds a request")]
        let request = reqwest::Client::new().post("http://tenant/").basic_auth(SERVICE_ACCOUNT[0], Some(&self.secret));
        request.build().expect("a request").headers().get("authorization") == Some(authorization)
    }

    fn gives(&mut self) -> String {
        self.issued += 1;
        self.numbered(self.issued)
    }

    fn accepts(&self, token: &str) -> bool {
        (self.revoked + 1..=self.issued).any(|number| self.numbered(number) == token)
    }

    fn numbered(&self, number: usize) -> String {
        format!("{}_{number}", self.token)
    }
}

/// Key and organization as JumpCloud checks them, then the route.
pub(crate) fn answer(shared: &Shared, request: &Recorded) -> Response<Body> {
    // A host of its own in JumpCloud, and the same keys and organizations.
    let insights = request.path.strip_prefix("/insights/directory/v1/");
    let Some(path) = request.path.strip_prefix("/api/").or(insights) else {
        return match request.path.as_str() {
            "/login" => page(),
            TOKEN_PATH if request.method == "POST" => token(&mut lock(&shared.account), request),
            _ => login(),
        };
    };
    let header =
        |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    let parts: Vec<&str> = path.split('/').collect();
    let who = match (header("x-api-key"), header("authorization").and_then(|value| value.strip_prefix("Bearer "))) {
        (Some(key), _) if key == *lock(&shared.key) || lock(&shared.scopes).contains_key(key) => key,
        (None, Some(token)) if lock(&shared.account).accepts(token) => {
            if parts[0] == "organizations" {
                return error(401, "service accounts are not allowed to access this endpoint");
            }
            SERVICE_ACCOUNT[0]
        }
        (None, None) => return login(), // not 401
        _ => {
            let body = json!({"error": "Unauthorized", "message": "Unauthorized: api key user not found"});
            return json_reply(401, &body);
        }
    };
    if let Some(granted) = lock(&shared.scopes).get(who) {
        let needed = scopes::needed(&request.method, &parts);
        if !granted.iter().any(|scope| needed.contains(scope)) {
            return error(403, "Forbidden");
        }
    }
    match header("x-org-id") {
        Some(_) if parts[0] == "organizations" => return error(403, "Forbidden"), // does not take one
        None if *lock(&shared.multi_tenant) => return error(401, "Unauthorized: no organization selected"),
        Some(org) if org.len() != 24 => return error(400, "Bad Request: malformed organization id"),
        Some(org) if org != *lock(&shared.id) && !lock(&shared.others).contains_key(org) => {
            return error(404, "organization not found");
        }
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
    let (mut first, mut others) = (lock(&shared.org), lock(&shared.others));
    let org = header("x-org-id").and_then(|id| others.get_mut(id)).unwrap_or(&mut first);
    let query = Query::parse(&request.query);
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
fn token(account: &mut Account, request: &Recorded) -> Response<Body> {
    let form = String::from_utf8_lossy(&request.body);
    let form = Query::parse(&form);
    let known = request.headers.get("authorization").is_some_and(|value| account.knows(value));
    match (form.get("grant_type"), form.get("scope")) {
        _ if !known => json_reply(401, &json!({"error": "invalid_client"})),
        (Some("client_credentials"), Some("api")) => {
            let (token, life) = (account.gives(), account.life_in_seconds);
            json_reply(200, &json!({"access_token": token, "token_type": "bearer", "expires_in": life}))
        }
        _ => json_reply(400, &json!({"error": "invalid_request"})),
    }
}
