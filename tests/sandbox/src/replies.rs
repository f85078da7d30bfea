//! The forms in which the tenant answers.

use axum::{body::Body, http::Response};
use serde_json::{Value, json};

pub(crate) fn reply(status: u16, content_type: &str, body: String) -> Response<Body> {
    Response::builder().status(status).header("content-type", content_type).body(body.into()).expect("a valid answer")
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Response<Body> {
    reply(status, "application/json; charset=utf-8", body.to_string())
}

/// An error body as it is seen: `{"message"}`. The description of 2023 promises `code` and `status`, too.
pub(crate) fn error(status: u16, message: &str) -> Response<Body> {
    json_reply(status, &json!({ "message": message }))
}

pub(crate) fn not_found() -> Response<Body> {
    error(404, "Not Found")
}

pub(crate) fn bad_request(why: &str) -> Response<Body> {
    error(400, &format!("Bad Request: {why}"))
}

/// What the state changes, expire, unlock and resetmfa answer: a string, documented as JSON or text. Clients that others
/// wrote take it as JSON only.
pub(crate) fn ok() -> Response<Body> {
    json_reply(200, &json!("OK"))
}

pub(crate) fn empty(status: u16) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).expect("a valid answer")
}

/// What JumpCloud answers where no key is sent: not 401.
pub(crate) fn login() -> Response<Body> {
    Response::builder().status(302).header("location", "/login").body(Body::empty()).expect("a valid answer")
}

pub(crate) fn page() -> Response<Body> {
    reply(200, "text/html; charset=utf-8", "<!doctype html><title>JumpCloud</title>".to_owned())
}
