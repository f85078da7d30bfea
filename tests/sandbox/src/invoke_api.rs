//! Lambda's Invoke API for the local functions, for the AWS CLI and SDKs with an endpoint override.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use jumpcloud_playbooks::text::marked;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{lambda::Function, playbooks, serve::Listeners};

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

/// `POST /2015-03-31/functions/{name}/invocations`; the name is one under which Lambda knows the function.
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
    let Some(function) = playbooks::deployed(&name).map(|function| function.name.clone()) else {
        return refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", &format!("Function not found: {name}"));
    };
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
    let run = async move {
        let start = Instant::now();
        let answer = functions[&function].invoke(payload, TIMEOUT).await;
        eprintln!("{}", line(&function, &answer, start.elapsed()));
        answer
    };
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

/// An invocation in one line.
fn line(function: &str, answer: &Result<Value, Value>, took: Duration) -> String {
    let words = match answer {
        Ok(Value::Array(outcomes)) => format!("answered about {} targets", outcomes.len()),
        Ok(answer) if answer["batchItemFailures"].is_array() => {
            let kept = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
            format!("a batch, of which {kept} stay in the queue")
        }
        Ok(outcome) => format!("{}: {}", text(&outcome["status"]), text(&outcome["summary"])),
        Err(error) => format!("{}: {}", text(&error["errorType"]), text(&error["errorMessage"])),
    };
    let now = chrono::Utc::now().format("%H:%M:%S");
    format!("{now}  {function}  {}  ({} ms)", marked(&words), took.as_millis())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    (status, [("x-amzn-errortype", code)], axum::Json(json!({"Type": "User", "Message": message}))).into_response()
}
