//! A playbook as a Lambda function.

use std::{
    env,
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
use lambda_runtime::{
    Diagnostic, LambdaEvent, service_fn,
    tracing::subscriber::{self, filter, fmt, layer::SubscriberExt, util::SubscriberInitExt},
};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    credentials::KeyStore,
    error::{Error, ErrorType::Internal},
    intake,
    jumpcloud::Client,
    outcome::Outcome,
    playbooks::{self, Playbook},
};

const DEFAULT_API_URL: &str = "https://console.jumpcloud.com/api";
/// Kept back from the invocation's time to return the answer.
const TIME_TO_ANSWER: Duration = Duration::from_millis(300);

/// Runs `playbook` as a Lambda function until Lambda ends the process.
///
/// # Errors
/// Only when the Runtime API cannot be reached. What fails in init is kept and answered to each invocation.
pub async fn run(playbook: &Playbook) -> Result<(), lambda_runtime::Error> {
    init_logging();
    let function = Function::new(playbook, |name| env::var(name).ok());
    if let Ok(client) = &function.client {
        client.warm_up().await;
    }
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}

/// What one process holds: built once, lent to every invocation.
struct Function<'a> {
    playbook: &'a Playbook,
    client: Result<Client, Error>,
    dry_run: Result<bool, Error>,
}

impl<'a> Function<'a> {
    fn new(playbook: &'a Playbook, var: impl Fn(&str) -> Option<String>) -> Self {
        let url = var("JUMPCLOUD_API_URL").filter(|url| !url.is_empty());
        let client =
            KeyStore::from_vars(&var).and_then(|keys| Client::new(url.as_deref().unwrap_or(DEFAULT_API_URL), keys));
        Self { playbook, client, dry_run: dry_run(var("DRY_RUN").as_deref()) }
    }

    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Outcome, Error> {
        let work = AssertUnwindSafe(self.invoke(event)).catch_unwind();
        work.await.unwrap_or_else(|_| {
            Err(Internal.error("the function hit a defect of its own; what it was about to do may or may not have been done; look at the target and report the log"))
        })
    }

    async fn invoke(&self, event: LambdaEvent<Value>) -> Result<Outcome, Error> {
        let (payload, context) = event.into_parts();
        let mut request = intake::direct(&payload, self.playbook.target_type)?;
        let client = self.client.as_ref().map_err(Error::clone)?;
        request.info.dry_run |= self.dry_run.clone()?;
        request.info.request_id = context.request_id.clone();
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let deadline = Instant::now() + left.saturating_sub(TIME_TO_ANSWER);
        playbooks::run(self.playbook, client, request, deadline).await
    }
}

/// `DRY_RUN`. What is neither true nor false stops the function: somebody meant something by it.
fn dry_run(value: Option<&str>) -> Result<bool, Error> {
    match value.map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            Err(Internal.error("the function is misconfigured: DRY_RUN must be true or false; nothing was done"))
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Diagnostic { error_type: format!("{:?}", error.error_type), error_message: error.message }
    }
}

/// Log lines in Lambda's format and level, with a time: a JSON line without one counts as INFO whatever it is.
/// Libraries stay at WARN; below that some of them print requests.
fn init_logging() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(filter::LevelFilter::INFO);
    let targets = filter::Targets::new()
        .with_default(level.min(filter::LevelFilter::WARN))
        .with_target("lambda_runtime", level.min(filter::LevelFilter::INFO)) // the span with the request id
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let json = env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    let lines = fmt::layer().with_ansi(false);
    let registry = subscriber::registry().with(targets);
    if json {
        registry.with(lines.json().flatten_event(true).with_span_list(false)).init();
    } else {
        registry.with(lines).init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::TargetType;
    use serde_json::json;

    const DEFECT: Playbook = Playbook {
        name: "defect",
        target_type: TargetType::User,
        mutating: false,
        action: |_, _| Box::pin(async { panic!("SECRET") }),
    };

    #[tokio::test]
    async fn a_panic_is_internal_and_says_nothing_of_it() {
        let var = |name: &str| (name == "JUMPCLOUD_SECRET_ID").then(|| "jumpcloud".to_owned());
        let function = Function::new(&DEFECT, var);
        let mut context = lambda_runtime::Context::default();
        context.deadline = u64::MAX >> 20;
        let error = function.handle(LambdaEvent::new(json!({"user": "jsmith"}), context)).await.unwrap_err();
        assert_eq!(error.error_type, Internal);
        assert!(!error.to_string().contains("SECRET"));
    }

    #[test]
    fn dry_run_is_true_false_or_a_refusal() {
        for (value, expected) in [(None, false), (Some(""), false), (Some("false"), false), (Some("TRUE"), true)] {
            assert_eq!(dry_run(value).unwrap(), expected);
        }
        assert_eq!(dry_run(Some("yes")).unwrap_err().error_type, Internal);
    }
}
