//! A playbook as a Lambda function.

use std::{
    env,
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use aws_lambda_events::sqs::SqsBatchResponse;
use futures_util::FutureExt;
use lambda_runtime::{
    Context, Diagnostic, LambdaEvent, service_fn,
    tracing::subscriber::{self, filter, fmt, layer::SubscriberExt, util::SubscriberInitExt},
};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    batch,
    credentials::KeyStore,
    error::{Error, ErrorType::Internal},
    http,
    intake::{Intake, Json, Record, Settings, Wants, Work},
    jumpcloud::{Client, Traffic},
    outcome::{Outcome, Status},
    playbooks::{self, Done, Playbook},
    request::RequestInfo,
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

/// What a function answers.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Outcome(Box<Outcome>),
    Batch(SqsBatchResponse),
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(Box::new(outcome))
    }
}

/// What one process holds: built once, lent to every invocation. A part that failed is kept and answered.
struct Function<'a> {
    playbook: &'a Playbook,
    client: Result<Client, Error>,
    settings: Result<Settings, Error>,
    /// `DRY_RUN`.
    dry_run: Result<bool, Error>,
    /// `BATCH_CONCURRENCY`.
    concurrency: Result<usize, Error>,
}

/// One invocation.
struct Invocation<'a> {
    function: &'a Function<'a>,
    client: &'a Client,
    dry_run: bool,
    concurrency: usize,
    request_id: String,
    deadline: Instant,
    done: Done,
}

impl<'a> Function<'a> {
    fn new(playbook: &'a Playbook, var: impl Fn(&str) -> Option<String>) -> Self {
        let url = var("JUMPCLOUD_API_URL").filter(|url| !url.is_empty());
        let sam_local = http::is_sam_local(var("AWS_SAM_LOCAL").as_deref());
        let client = http::client().and_then(|http| {
            let keys = KeyStore::from_vars(&var, http.clone())?;
            Client::new(url.as_deref().unwrap_or(DEFAULT_API_URL), http, keys, sam_local)
        });
        Self {
            playbook,
            client,
            settings: Settings::from_vars(&var),
            dry_run: dry_run(var("DRY_RUN").as_deref()),
            concurrency: concurrency(var("BATCH_CONCURRENCY").as_deref()),
        }
    }

    async fn handle(&self, event: LambdaEvent<Json>) -> Result<Answer, Error> {
        let (payload, context) = event.into_parts();
        let origin = RequestInfo { request_id: context.request_id.clone(), ..payload.origin() };
        let work = AssertUnwindSafe(self.invoke(payload, context, &origin)).catch_unwind();
        work.await.unwrap_or_else(|_| {
            let error = Internal.error("the function hit a defect of its own; what it was about to do may or may not have been done; look at the target and report the log");
            self.refuse(origin.clone(), error).map(Answer::from)
        })
    }

    async fn invoke(&self, payload: Json, context: Context, origin: &RequestInfo) -> Result<Answer, Error> {
        let (intake, invocation) = match self.prepare(payload, context) {
            Ok(prepared) => prepared,
            Err(error) => return self.refuse(origin.clone(), error).map(Answer::from),
        };
        match intake {
            Intake::One(work) => invocation.run(work).await.map(Answer::from),
            Intake::Batch(records) => {
                Ok(Answer::Batch(batch::run(records, invocation.concurrency, |record| invocation.record(record)).await))
            }
        }
    }

    /// Everything that can refuse an event before JumpCloud is asked.
    fn prepare(&self, payload: Json, context: Context) -> Result<(Intake, Invocation<'_>), Error> {
        let settings = self.settings.as_ref().map_err(Error::clone)?;
        let wants = Wants { target_type: self.playbook.target_type(), mutating: self.playbook.mutating() };
        let intake = settings.read(payload, wants, SystemTime::now().into())?;
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let invocation = Invocation {
            function: self,
            client: self.client.as_ref().map_err(Error::clone)?,
            dry_run: self.dry_run.clone()?,
            concurrency: self.concurrency.clone()?,
            request_id: context.request_id,
            deadline: Instant::now() + left.saturating_sub(TIME_TO_ANSWER),
            done: Done::default(),
        };
        Ok((intake, invocation))
    }

    /// An event that was refused before its playbook ran leaves its line in the log as well.
    fn refuse(&self, origin: RequestInfo, error: Error) -> Result<Outcome, Error> {
        playbooks::complete(self.playbook, None, origin, Err(error), Traffic::default(), 0)
    }
}

impl Invocation<'_> {
    async fn run(&self, work: Work) -> Result<Outcome, Error> {
        match work {
            Work::Run(mut request) => {
                request.info.dry_run |= self.dry_run;
                request.info.request_id.clone_from(&self.request_id);
                playbooks::run(self.function.playbook, self.client, *request, self.deadline, &self.done).await
            }
            Work::Answer(mut outcome) => {
                let mut info = std::mem::take(&mut outcome.request);
                info.dry_run |= self.dry_run;
                info.request_id.clone_from(&self.request_id);
                playbooks::complete(self.function.playbook, None, info, Ok(*outcome), Traffic::default(), 0)
            }
        }
    }

    /// Whether all of a record was done. A question without an answer (nobody of that name) is a failure here,
    /// where nobody reads the answer.
    async fn record(&self, record: Record) -> bool {
        let work = match record.work {
            Ok(work) => work,
            Err(error) => {
                let origin = RequestInfo {
                    request_id: self.request_id.clone(),
                    event_id: Some(record.message_id),
                    ..RequestInfo::default()
                };
                return self.function.refuse(origin, error).is_ok();
            }
        };
        for work in work {
            let result = self.run(work).await;
            if !result.is_ok_and(|outcome| !matches!(outcome.status, Status::NotFound | Status::Ambiguous)) {
                return false;
            }
        }
        true
    }
}

/// `BATCH_CONCURRENCY`: how many records of a batch are worked on at a time.
fn concurrency(value: Option<&str>) -> Result<usize, Error> {
    match value.map(str::trim) {
        None | Some("") => Ok(8),
        Some(number) => number.parse().ok().filter(|number| (1..=100).contains(number)).ok_or_else(|| {
            Internal.error(
                "the function is misconfigured: BATCH_CONCURRENCY must be a number from 1 to 100; nothing was done",
            )
        }),
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
    // The usual hook prints the panic's message, which may hold anything.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(place, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbooks::Action;
    use serde_json::json;

    const DEFECT: Playbook =
        Playbook { name: "defect", action: Action::User(|_, _| Box::pin(async { panic!("SECRET") })) };

    #[tokio::test]
    async fn a_panic_is_internal_and_says_nothing_of_it() {
        let rehearsal = sandbox::rehearsal::Rehearsal::start().await;
        let env: std::collections::HashMap<_, _> = rehearsal.env().into_iter().collect();
        let function = Function::new(&DEFECT, |name| env.get(name).cloned());
        let mut context = lambda_runtime::Context::default();
        context.deadline = u64::MAX >> 20;
        let event = |payload: serde_json::Value| LambdaEvent::new(payload.into(), context.clone());
        let error = function.handle(event(json!({"user": "jsmith"}))).await.err().unwrap();
        assert_eq!(error.error_type, Internal);
        assert!(!error.to_string().contains("SECRET"));
        // In a batch it is that record's failure.
        let record = json!({"messageId": "m-1", "eventSource": "aws:sqs", "body": r#"{"user": "jsmith"}"#});
        let answer = function.handle(event(json!({"Records": [record]}))).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]}));
    }

    #[tokio::test]
    async fn the_host_of_a_container_is_trusted_in_sam_local_only() {
        let client = |name: &str, url: &str, sam_local: &str| {
            let vars = [("JUMPCLOUD_SECRET_ID", "jumpcloud/api-key"), ("AWS_SAM_LOCAL", sam_local), (name, url)];
            Function::new(&DEFECT, |name| vars.iter().find(|var| var.0 == name).map(|var| var.1.to_owned())).client
        };
        for (name, url) in [
            ("JUMPCLOUD_API_URL", "http://host.docker.internal:9002/api"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://host.docker.internal:9003"),
        ] {
            assert!(client(name, url, "true").is_ok(), "{name}");
            let error = client(name, url, "").err().unwrap();
            assert!(error.error_type == Internal && error.message.contains(name), "{error}");
        }
    }

    #[test]
    fn dry_run_is_true_false_or_a_refusal() {
        for (value, expected) in [(None, false), (Some(""), false), (Some("false"), false), (Some("TRUE"), true)] {
            assert_eq!(dry_run(value).unwrap(), expected);
        }
        assert_eq!(dry_run(Some("yes")).unwrap_err().error_type, Internal);
    }
}
