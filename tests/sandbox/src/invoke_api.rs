//! Lambda's Invoke API for the local functions, for the AWS CLI and SDKs with an endpoint override.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{lambda::Function, serve::Listeners};

/// Lambda's own limit.
const MAX_PAYLOAD: usize = 6 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

type Functions = Arc<HashMap<String, Function>>;

/// Answers on these ports until it fails.
///
/// # Errors
/// When connections cannot be accepted any more.
pub async fn serve(listeners: Listeners, functions: HashMap<String, Function>) -> Result<(), String> {
    let router = router(functions);
    let mut serving: JoinSet<_> = listeners
        .into_inner()
        .into_iter()
        .map(|listener| axum::serve(listener, router.clone()).into_future())
        .collect();
    match serving.join_next().await {
        Some(Ok(Err(error))) => Err(format!("The Invoke API ended: {error}.")),
        _ => Err("The Invoke API ended.".to_owned()),
    }
}

/// `POST /2015-03-31/functions/{name}/invocations`; the name may be an ARN or carry a qualifier.
fn router(functions: HashMap<String, Function>) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::max(MAX_PAYLOAD))
        .with_state(Arc::new(functions))
}

async fn invoke(
    State(functions): State<Functions>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let plain = name
        .rsplit_once(":function:")
        .map_or(name.as_str(), |(_, rest)| rest)
        .split(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    if !functions.contains_key(&plain) {
        return refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", &format!("Function not found: {plain}"));
    }
    let payload: Value = match serde_json::from_slice(if body.is_empty() { b"{}" } else { &body }) {
        Ok(payload) => payload,
        Err(error) => {
            return refused(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                &format!("Could not parse request body into json: {error}"),
            );
        }
    };
    let run = async move { functions[&plain].invoke(payload, TIMEOUT).await };
    match headers.get("x-amz-invocation-type").and_then(|value| value.to_str().ok()) {
        Some("Event") => {
            tokio::spawn(run);
            StatusCode::ACCEPTED.into_response()
        }
        Some("DryRun") => StatusCode::NO_CONTENT.into_response(),
        _ => match run.await {
            Ok(answer) => ([("x-amz-executed-version", "$LATEST")], axum::Json(answer)).into_response(),
            Err(error) => {
                ([("x-amz-executed-version", "$LATEST"), ("x-amz-function-error", "Unhandled")], axum::Json(error))
                    .into_response()
            }
        },
    }
}

fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    (status, [("x-amzn-errortype", code)], axum::Json(json!({"Type": "User", "Message": message}))).into_response()
}
