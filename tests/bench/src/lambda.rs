//! One function under a Runtime API that notes when each call arrived and what CPU time the function had had by then.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use sandbox::serve::{Cut, serve};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::{
        Mutex,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::JoinHandle,
    time::timeout,
};

use crate::{
    process::{Quota, cpu},
    programs::Program,
};

/// The longest that Lambda lets a function run; slower is broken here.
const TIMEOUT: Duration = Duration::from_secs(900);

/// A running function. Its process ends when this is dropped.
pub(crate) struct Function {
    _quota: Option<Quota>,
    process: Child,
    pid: u32,
    calls: UnboundedReceiver<Call>,
    events: UnboundedSender<Bytes>,
    server: JoinHandle<()>,
    /// As of the last arrival of `/next`.
    idle: Mark,
    /// From the start of the process to its first `/next`.
    pub(crate) start: Spent,
    started: Instant,
}

/// A call of the function to the Runtime API.
struct Call {
    kind: Kind,
    at: Instant,
    body: Bytes,
    /// The CPU time is read and the answer given only after this has been sent back.
    go_on: UnboundedSender<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Next,
    Answer,
    Error,
}

#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    cpu: Duration,
}

/// Time on the clock and on the CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// An answered invocation.
pub(crate) struct Answered {
    /// The outcome, or Lambda's `{"errorType", "errorMessage"}`.
    pub(crate) result: Result<Value, Value>,
    /// From the event to the answer.
    pub(crate) spent: Spent,
    /// When the event was handed out.
    pub(crate) from: Instant,
    /// When the answer arrived.
    pub(crate) to: Instant,
    /// From the start of the process to this answer, where the function was cold.
    pub(crate) since_start: Spent,
    /// From the event to the next `/next`.
    pub(crate) until_idle: Spent,
}

impl Function {
    /// Starts `program` with Lambda's variables and `env`, and nothing of this process's environment; returns at its
    /// first `/next`. `quota` is a share of one CPU.
    pub(crate) async fn start(program: &Program, env: &[(&'static str, String)], quota: Option<f64>) -> Self {
        Self::start_with(program, env, quota, TIMEOUT).await
    }

    /// The same with a timeout of its own for each invocation.
    pub(crate) async fn start_with(
        program: &Program,
        env: &[(&'static str, String)],
        quota: Option<f64>,
        timeout: Duration,
    ) -> Self {
        let (calls_in, mut calls) = unbounded_channel();
        let (events, events_out) = unbounded_channel::<Bytes>();
        let events_out = Arc::new(Mutex::new(events_out));
        let (address, server) =
            serve(0, move |request| answer(calls_in.clone(), events_out.clone(), timeout, request)).await;
        let mut command = Command::new(&program.command[0]);
        command.args(&program.command[1..]).env_clear().envs(env.iter().map(|(name, value)| (name, value)));
        command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        command.envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(program.stderr()).kill_on_drop(true);
        let started = Instant::now();
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.name));
        let pid = process.id().expect("it was just started");
        let quota = quota.map(|share| Quota::start(pid, share));
        let (call, first) = next_call(&mut calls, &mut process, pid).await;
        assert_eq!(call, Kind::Next, "{} failed in init: {:?}", program.name, first.1);
        let start = Spent { wall: first.0.at - started, cpu: first.0.cpu };
        Self { _quota: quota, process, pid, calls, events, server, idle: first.0, start, started }
    }

    /// One invocation; returns when the function asks for the next one.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Answered {
        let before = self.idle;
        let from = Instant::now();
        self.events.send(event.to_string().into()).expect("the Runtime API runs");
        let (kind, (answered, body)) = next_call(&mut self.calls, &mut self.process, self.pid).await;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let (next, (idle, _)) = next_call(&mut self.calls, &mut self.process, self.pid).await;
        assert_eq!(next, Kind::Next, "an answer is followed by the next invocation");
        self.idle = idle;
        // A thread takes its time with it when it ends, as the one that looks names up does after 10 s without work.
        Answered {
            result: if kind == Kind::Answer { Ok(body) } else { Err(body) },
            spent: Spent { wall: answered.at - from, cpu: answered.cpu.saturating_sub(before.cpu) },
            from,
            to: answered.at,
            since_start: Spent { wall: answered.at - self.started, cpu: answered.cpu },
            until_idle: Spent { wall: idle.at - from, cpu: idle.cpu.saturating_sub(before.cpu) },
        }
    }

    /// The same, where anything but an outcome is a defect of the benchmark or of the function.
    pub(crate) async fn succeed(&mut self, event: &Value) -> (Value, Answered) {
        let answered = self.invoke(event).await;
        match &answered.result {
            Ok(outcome) => (outcome.clone(), answered),
            Err(error) => panic!("an invocation failed: {error}"),
        }
    }

    /// The most memory that the process has held, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        sandbox::lambda::peak_kib(self.pid)
    }

    /// Ends the process in order, so that tools around it can write what they counted.
    pub(crate) async fn end(mut self) {
        let pid = nix::unistd::Pid::from_raw(self.pid.try_into().expect("a pid"));
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        timeout(Duration::from_secs(60), self.process.wait()).await.expect("it ends on SIGTERM").expect("waited for");
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next_call(calls: &mut UnboundedReceiver<Call>, process: &mut Child, pid: u32) -> (Kind, (Mark, Bytes)) {
    let call = tokio::select! {
        call = timeout(TIMEOUT, calls.recv()) => call.expect("the function calls in time").expect("the Runtime API runs"),
        status = process.wait() => panic!("the function ended: {status:?} (--logs shows why)"),
    };
    let mark = Mark { at: call.at, cpu: cpu(pid) };
    let _ = call.go_on.send(());
    (call.kind, (mark, call.body))
}

async fn answer(
    calls: UnboundedSender<Call>,
    events: Arc<Mutex<UnboundedReceiver<Bytes>>>,
    timeout: Duration,
    request: Request<Bytes>,
) -> Result<Response<Body>, Cut> {
    let at = Instant::now();
    let path = request.uri().path();
    let kind = match path.rsplit('/').next() {
        Some("next") => Kind::Next,
        Some("response") => Kind::Answer,
        _ => Kind::Error,
    };
    let (go_on, mut may_go_on) = unbounded_channel();
    calls.send(Call { kind, at, body: request.into_body(), go_on }).map_err(|_| Cut)?;
    may_go_on.recv().await.ok_or(Cut)?;
    if kind != Kind::Next {
        return Ok(Response::builder().status(202).body(Body::empty()).expect("a valid answer"));
    }
    let event = events.lock().await.recv().await.ok_or(Cut)?;
    let deadline = SystemTime::now() + timeout;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:bench");
    Ok(response.body(event.into()).expect("a valid answer"))
}
