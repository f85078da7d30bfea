//! One event of any bytes: the Runtime API of [`lambda`](crate::lambda) takes JSON only.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use tokio::{process::Command, sync::mpsc, time::timeout};

use crate::serve::{Cut, serve};

/// Starts `binary` with Lambda's variables and `env`, gives it `event`, and ends it after its answer: the last part of the
/// path that it answered to (`response` or `error`), the answer, and all that it logged.
pub async fn invoke(
    binary: &Path,
    env: impl IntoIterator<Item = (&str, String)>,
    event: Vec<u8>,
) -> (String, String, String) {
    let (answers, mut answered) = mpsc::unbounded_channel();
    let given = Arc::new(AtomicBool::new(false));
    let event = Bytes::from(event);
    let (address, server) = serve(0, move |request: Request<Bytes>| {
        let (answers, given, event) = (answers.clone(), given.clone(), event.clone());
        async move {
            let kind = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            if kind != "next" {
                let answer = String::from_utf8_lossy(request.body()).into_owned();
                answers.send((kind, answer)).map_err(|_| Cut)?;
                return Ok(Response::builder().status(202).body(Body::empty()).expect("a valid answer"));
            }
            if given.swap(true, Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let response = Response::builder()
                .header("content-type", "application/json")
                .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                .header("lambda-runtime-deadline-ms", "4102444800000")
                .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:raw");
            Ok(response.body(Body::from(event)).expect("a valid answer"))
        }
    })
    .await;
    let process = Command::new(binary)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "raw"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ])
        .envs(env)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut process = process.expect("the function's binary starts");
    let answer = timeout(Duration::from_secs(30), answered.recv()).await;
    process.start_kill().expect("the function still runs");
    server.abort();
    let output = process.wait_with_output().await.expect("its log");
    let logs = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    let (kind, answer) = answer.ok().flatten().unwrap_or_else(|| panic!("no answer within 30 s:\n{logs}"));
    (kind, answer, logs)
}
