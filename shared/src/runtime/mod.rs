//! A playbook as a Lambda function. Every invocation, every record of a batch, every refusal and every panic begins and ends
//! in [`Invocation::finish`], which leaves exactly one line in the log.

mod batch;
mod logging;
mod record;
mod setup;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, SystemTime},
};

use aws_lambda_events::sqs::SqsBatchResponse;
use futures_util::FutureExt;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use reqwest::Client;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use self::{record::Ended, setup::Setup};
use crate::{
    error::Error,
    guard::Guard,
    http,
    intake::{Arrival, Intake, Record, Todo, Wants, Work},
    outcome::{Outcome, Status},
    playbooks::{Named, Once, Playbook, Run, command::Command, defect, question::Question},
    vars::{self, Vars},
};

/// Kept back from the invocation's time to return the answer.
const TIME_TO_ANSWER: Duration = Duration::from_millis(300);

/// Runs `command` as a Lambda function until Lambda ends the process, behind the guard that `guard` makes of the variables
/// and the process's HTTP client.
/// ```
/// # use jumpcloud_playbooks::{guard::Unguarded, playbooks::{disable_user::DISABLE_USER, enrich_user::ENRICH_USER}, runtime};
/// let _ = runtime::act(DISABLE_USER, |_, _| Ok(Unguarded));
/// ```
/// A question is no command, and a command is nothing without a guard:
/// ```compile_fail
/// # use jumpcloud_playbooks::{guard::Unguarded, playbooks::{disable_user::DISABLE_USER, enrich_user::ENRICH_USER}, runtime};
/// let _ = runtime::act(ENRICH_USER, |_, _| Ok(Unguarded));
/// ```
/// ```compile_fail
/// # use jumpcloud_playbooks::{guard::Unguarded, playbooks::{disable_user::DISABLE_USER, enrich_user::ENRICH_USER}, runtime};
/// let _ = runtime::answer(DISABLE_USER);
/// ```
///
/// # Errors
/// Only when the Runtime API cannot be reached. What fails in init is kept and answered to each invocation.
pub async fn act<T: Named, G: Guard>(
    command: Command<T>,
    guard: impl FnOnce(&Vars<'_>, Client) -> Result<G, Error>,
) -> Result<(), lambda_runtime::Error> {
    let http = http::client();
    let var = |name: &str| env::var(name).ok();
    let guard = http.clone().and_then(|http| guard(&Vars(&var), http));
    serve(&command.guarded_or(guard), http).await
}

/// Runs `question` as a Lambda function until Lambda ends the process.
///
/// # Errors
/// As [`act`].
pub async fn answer<T: Named>(question: Question<T>) -> Result<(), lambda_runtime::Error> {
    serve(&question, http::client()).await
}

async fn serve(playbook: &dyn Playbook, http: Result<Client, Error>) -> Result<(), lambda_runtime::Error> {
    let var = |name: &str| env::var(name).ok();
    let vars = Vars(&var);
    logging::init(&vars);
    let function = Function::new(playbook, &vars, http, record::to_stdout);
    if let Ok(setup) = &function.setup {
        tokio::join!(setup.client.warm_up(), playbook.warm_up());
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

/// One process.
struct Function<'a> {
    playbook: &'a dyn Playbook,
    setup: Result<Setup, Error>,
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    name: String,
    /// Takes the line of each run.
    log: fn(&str),
}

/// One invocation.
struct Invocation<'a> {
    function: &'a Function<'a>,
    setup: &'a Setup,
    deadline: Instant,
    once: Once,
}

impl<'a> Function<'a> {
    fn new(playbook: &'a dyn Playbook, vars: &Vars<'_>, http: Result<Client, Error>, log: fn(&str)) -> Self {
        let name = vars.named(vars::AWS_LAMBDA_FUNCTION_NAME).unwrap_or_else(|| playbook.name().to_owned());
        let setup = playbook.ready().and(http).and_then(|http| Setup::from_vars(vars, http));
        Self { playbook, setup, name, log }
    }

    async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Error> {
        let (event, context) = event.into_parts();
        let arrival =
            |dry_run| Arrival { request_id: context.request_id.clone(), dry_run, now: SystemTime::now().into() };
        let setup = match &self.setup {
            Ok(setup) => setup,
            Err(error) => {
                let info = arrival(false).info();
                let refused = Ended::refused(info, error.clone());
                return self.end(refused).map(|outcome| Answer::Outcome(Box::new(outcome)));
            }
        };
        let wants = Wants { target_type: self.playbook.target_type(), mutating: self.playbook.mutating() };
        let arrival = arrival(setup.dry_run);
        let read = catch_unwind(AssertUnwindSafe(|| setup.settings.read(event.get(), wants, &arrival)));
        let intake = read.unwrap_or_else(|_| Intake::One(Box::new(Work { info: arrival.info(), todo: Err(defect()) })));
        let invocation = Invocation { function: self, setup, deadline: deadline(&context), once: Once::default() };
        match intake {
            Intake::One(work) => invocation.finish(*work).await.map(|outcome| Answer::Outcome(Box::new(outcome))),
            Intake::Batch(records) => {
                let batch = batch::run(records, setup.concurrency, |record| invocation.record(record));
                Ok(Answer::Batch(batch.await))
            }
        }
    }
}

impl Invocation<'_> {
    /// Whether all of a record was done. A question without an answer (nobody of that name) is a failure here,
    /// where nobody reads the answer.
    async fn record(&self, record: Record) -> bool {
        for work in record.work {
            let result = self.finish(work).await;
            if !result.is_ok_and(|outcome| !matches!(outcome.status, Status::NotFound | Status::Ambiguous)) {
                return false;
            }
        }
        true
    }

    /// Does what is to be done, whatever comes of it.
    async fn finish(&self, Work { info, todo }: Work) -> Result<Outcome, Error> {
        let start = Instant::now();
        let session = self.setup.client.session(self.deadline, info.dry_run);
        let (target, result) = match todo {
            Err(error) => (None, Err(error)),
            Ok(Todo::Answer(outcome)) => (None, Ok(*outcome)),
            Ok(Todo::Run(target)) => {
                let run = Run { session: &session, target: &target, info: &info, once: &self.once };
                let run = AssertUnwindSafe(self.function.playbook.run(&run)).catch_unwind();
                let result = run.await.unwrap_or_else(|_| Err(defect()));
                (Some(target), result)
            }
        };
        self.function.end(Ended { info, target, traffic: session.reader().traffic(), start, result })
    }
}

impl Function<'_> {
    /// Completes an outcome, writes the line of the run, and gives the caller what it is answered with.
    fn end(&self, ended: Ended) -> Result<Outcome, Error> {
        let ended = ended.complete(self.playbook.name());
        (self.log)(&ended.line(&self.name, self.playbook, SystemTime::now().into()).to_string());
        ended.result
    }
}

/// When all calls must have ended.
fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(TIME_TO_ANSWER)
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Diagnostic { error_type: error.error_type.name().to_owned(), error_message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use super::*;
    use crate::{
        error::{Effect, ErrorType::Internal, ErrorType::InvalidInput},
        request::TargetType,
    };
    use futures_util::future::LocalBoxFuture;
    use serde_json::{Value, json};

    /// The lines of the runs in this module's test.
    static LINES: Mutex<Vec<Value>> = Mutex::new(Vec::new());

    fn keep(line: &str) {
        LINES.lock().unwrap().push(serde_json::from_str(line).unwrap());
    }

    struct Defect;

    impl Playbook for Defect {
        fn name(&self) -> &'static str {
            "defect"
        }

        fn target_type(&self) -> TargetType {
            TargetType::User
        }

        fn mutating(&self) -> bool {
            true
        }

        fn run<'a>(&'a self, _: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Outcome, Error>> {
            Box::pin(async { panic!("SECRET") })
        }
    }

    #[tokio::test]
    async fn every_way_ends_in_one_line_and_a_panic_says_nothing_of_its_own() {
        let rehearsal = sandbox::rehearsal::Rehearsal::start().await;
        let env: HashMap<_, _> = rehearsal.env().into_iter().collect();
        let var = |name: &str| env.get(name).cloned();
        let function = Function::new(&Defect, &Vars(&var), http::client(), keep);
        let mut context = lambda_runtime::Context::default();
        context.request_id = "r-1".to_owned();
        context.deadline = u64::MAX >> 20;
        let event = |text: String| LambdaEvent::new(RawValue::from_string(text).unwrap(), context.clone());
        let error = function.handle(event(json!({"user": "jsmith"}).to_string())).await.err().unwrap();
        assert_eq!((error.error_type, error.done), (Internal, Effect::Unknown));
        assert!(!error.to_string().contains("SECRET"));
        // In a batch it is that record's failure; a second record for the same user does not run, either.
        let record = |id: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": r#"{"user": "jsmith", "accept_stale": true}"#});
        let batch = json!({"Records": [record("m-1"), record("m-2")]}).to_string();
        let answer = function.handle(event(batch)).await.unwrap();
        let failed = |id: &str| json!({"itemIdentifier": id});
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": [failed("m-1"), failed("m-2")]}));
        // What cannot be read at all: too deep, a number out of range, half a character.
        for text in ["[".repeat(200) + &"]".repeat(200), "1e999".to_owned(), r#""\ud800""#.to_owned()] {
            assert_eq!(function.handle(event(text)).await.err().unwrap().error_type, InvalidInput);
        }
        let lines = LINES.lock().unwrap();
        let results: Vec<_> = lines.iter().map(|line| line["audit"]["result"].as_str().unwrap()).collect();
        assert_eq!(results, ["Internal", "Internal", "Internal", "InvalidInput", "InvalidInput", "InvalidInput"]);
        assert!(lines.iter().all(|line| line["request_id"] == "r-1"));
        assert!(!format!("{lines:?}").contains("SECRET"));
    }
}
