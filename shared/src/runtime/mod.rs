//! A playbook as a Lambda function. Every invocation, every record of a batch, every refusal and every panic begins and ends
//! in `Recorder::end`, which leaves exactly one line in the log.

mod administer;
mod batch;
mod check;
mod clients;
mod fit;
mod logging;
mod record;
mod setup;
mod time;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_lambda_events::sqs::SqsBatchResponse;
use futures_util::{FutureExt, future::ready};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

pub use self::{
    administer::{Answered, Asked, administer},
    check::check,
};
use self::{
    record::{Ended, Recorder},
    setup::Setup,
    time::{deadline, times},
};
use crate::{
    error::Error,
    guard::Guard,
    http,
    intake::{Arrival, Intake, Record, Todo, Wants, Work},
    jumpcloud::{Client, Session},
    outcome::Outcome,
    playbooks::{Named, Once, Playbook, Run, Step, command::Command, defect, question::Question},
    vars::Vars,
};

/// Lambda begins an init again that takes more than 10 s.
const TIME_FOR_INIT: Duration = Duration::from_secs(9);

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
    guard: impl FnOnce(&Vars<'_>, reqwest::Client) -> Result<G, Error>,
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

async fn serve(playbook: &dyn Playbook, http: Result<reqwest::Client, Error>) -> Result<(), lambda_runtime::Error> {
    let var = |name: &str| env::var(name).ok();
    let vars = Vars(&var);
    logging::init(&vars);
    let function = Function::new(playbook, &vars, http, record::to_stdout);
    if let Ok(setup) = &function.setup {
        let ready = async { tokio::join!(setup.clients.warm_up(), playbook.warm_up()) };
        let _ = timeout(TIME_FOR_INIT, ready).await; // what is not ready is tried again, and reported, by the invocation
    }
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}

/// What a function answers.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Outcome(Box<Outcome>),
    /// To an alert with several targets.
    Outcomes(Vec<Outcome>),
    Batch(SqsBatchResponse),
}

/// One process.
struct Function<'a> {
    playbook: &'a dyn Playbook,
    setup: Result<Setup, Error>,
    recorder: Recorder,
}

/// One invocation.
struct Invocation<'a> {
    function: &'a Function<'a>,
    setup: &'a Setup,
    deadline: Instant,
    once: Once,
}

impl<'a> Function<'a> {
    fn new(playbook: &'a dyn Playbook, vars: &Vars<'_>, http: Result<reqwest::Client, Error>, log: fn(&str)) -> Self {
        let recorder = Recorder::new(playbook.name(), playbook.mutating(), vars, log);
        let setup = playbook.ready().and(http).and_then(|http| Setup::from_vars(vars, http));
        Self { playbook, setup, recorder }
    }

    async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Error> {
        let (event, context) = event.into_parts();
        let arrival = |dry_run| Arrival {
            request_id: context.request_id.clone(),
            dry_run,
            now: SystemTime::now().into(),
            redriven: false,
        };
        let setup = match &self.setup {
            Ok(setup) => setup,
            Err(error) => {
                let info = arrival(false).info();
                let refused = Ended::before_it_began(info, error.clone());
                return self.recorder.end(refused).map(|outcome| Answer::Outcome(Box::new(outcome)));
            }
        };
        let wants = Wants {
            target_type: self.playbook.target_type(),
            mutating: self.playbook.mutating(),
            takes_findings: self.playbook.takes_findings(),
            takes: self.playbook.takes(),
        };
        let arrival = arrival(setup.dry_run);
        let read = catch_unwind(AssertUnwindSafe(|| setup.settings.read(event.get(), wants, &arrival)));
        let intake = read.unwrap_or_else(|_| Intake::One(Box::new(Work { info: arrival.info(), todo: Err(defect()) })));
        let mut invocation = Invocation { function: self, setup, deadline: deadline(&context), once: Once::default() };
        match intake {
            Intake::One(work) => invocation.finish(*work).await.map(|outcome| Answer::Outcome(Box::new(outcome))),
            Intake::Several(work) => all_or_error(invocation.finish_all(work).await).map(Answer::Outcomes),
            Intake::Batch(records) => {
                let start = Instant::now();
                let (last_begin, end) = times(records.len(), invocation.deadline.saturating_duration_since(start));
                invocation.deadline = start + end;
                let (invocation, in_time) = (&invocation, || start.elapsed() < last_begin);
                let batch = batch::process(records, setup.concurrency, in_time, |record| invocation.record(record));
                Ok(Answer::Batch(batch.await))
            }
        }
    }
}

impl Invocation<'_> {
    /// Whether a record is done with: nothing in it is worth another delivery.
    async fn record(&self, record: Record) -> bool {
        let again = |result: &Result<_, Error>| result.as_ref().is_err_and(batch::is_worth_redelivery);
        !self.finish_all(record.work).await.iter().any(again)
    }

    /// Does what is to be done, whatever comes of it.
    async fn finish(&self, work: Work) -> Result<Outcome, Error> {
        self.finish_all(vec![work]).await.pop().unwrap_or_else(|| Err(defect()))
    }

    /// Does all of what one event asks for. Every target is found before the first is touched: where one is not, none is.
    async fn finish_all(&self, work: Vec<Work>) -> Vec<Result<Outcome, Error>> {
        let work: Vec<_> = work.into_iter().map(|work| self.with_client(work)).collect();
        let begun: Vec<_> = work.iter().map(|work| self.begin(work)).collect();
        let runs: Vec<_> =
            work.iter().zip(&begun).map(|((work, _), (_, session))| self.run_of(session.as_ref(), work)).collect();
        let mut steps = Vec::new();
        for ((work, _), run) in work.iter().zip(&runs) {
            steps.push(self.prepare(work, run.as_ref()).await);
        }
        let refusal = steps.iter().find_map(|step| step.as_ref().err().cloned()).filter(|_| steps.len() > 1);
        let mut results = Vec::new();
        for step in steps {
            results.push(match (step, &refusal) {
                (Ok(_), Some(refusal)) => Err(Error {
                    message: format!(
                        "another target of the same event was refused, so none was touched: {}",
                        refusal.message
                    ),
                    ..refusal.clone()
                }),
                (Ok(step), None) => AssertUnwindSafe(step).catch_unwind().await.unwrap_or_else(|_| Err(defect())),
                (Err(error), _) => Err(error),
            });
        }
        drop(runs);
        let mut ended = Vec::new();
        for (((work, _), (start, session)), result) in work.iter().zip(&begun).zip(results) {
            let asked = if let Ok(Todo::Run(target)) = &work.todo { Some(record::asked(target)) } else { None };
            let traffic = session.as_ref().map(|session| session.reader().traffic()).unwrap_or_default();
            let (info, start) = (work.info.clone(), *start);
            ended.push(self.function.recorder.end(Ended { info, asked, traffic, start, result }));
        }
        ended
    }

    /// `work` and, where a playbook is run for it, the client of its organization.
    fn with_client(&self, work: Work) -> (Work, Option<Arc<Client>>) {
        match &work.todo {
            Ok(Todo::Run(_)) => match self.setup.clients.of(work.info.organization.as_ref()) {
                Ok(client) => (work, Some(client)),
                Err(error) => (Work { todo: Err(error), ..work }, None),
            },
            Ok(Todo::Answer(_)) | Err(_) => (work, None),
        }
    }

    fn begin<'a>(&self, (work, client): &'a (Work, Option<Arc<Client>>)) -> (Instant, Option<Session<'a>>) {
        (Instant::now(), client.as_deref().map(|client| client.session(self.deadline, work.info.dry_run)))
    }

    /// What a playbook is run with, where it is.
    fn run_of<'a>(&'a self, session: Option<&'a Session<'a>>, work: &'a Work) -> Option<Run<'a>> {
        let (Some(session), Ok(Todo::Run(target))) = (session, &work.todo) else { return None };
        Some(Run { session, target, info: &work.info, once: &self.once })
    }

    async fn prepare<'a>(&'a self, work: &'a Work, run: Option<&'a Run<'a>>) -> Result<Step<'a>, Error> {
        match (&work.todo, run) {
            (Err(error), _) => Err(error.clone()),
            (Ok(_), Some(run)) => {
                let prepare = AssertUnwindSafe(async { self.function.playbook.prepare(run).await });
                prepare.catch_unwind().await.unwrap_or_else(|_| Err(defect()))
            }
            (Ok(Todo::Answer(outcome)), None) => Ok(Box::pin(ready(Ok((**outcome).clone())))),
            (Ok(Todo::Run(_)), None) => Err(defect()),
        }
    }
}

/// The outcomes for all targets of an alert, or the first error, which says how many of them were done.
fn all_or_error(results: Vec<Result<Outcome, Error>>) -> Result<Vec<Outcome>, Error> {
    let (count, done) = (results.len(), results.iter().filter(|result| result.is_ok()).count());
    results.into_iter().collect::<Result<_, _>>().map_err(|error| {
        let done =
            format!("of {count} targets of the alert {done} were done, each with its line in the log; of another: ");
        Error { message: format!("{done}{}", error.message), ..error }
    })
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
    use sandbox::rehearsal::Rehearsal;
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

        fn prepare<'a>(&'a self, _: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>> {
            Box::pin(async { panic!("SECRET") })
        }
    }

    #[tokio::test]
    async fn concurrent_invocations_of_two_organizations_share_nothing() {
        let (acme, globex) = (Rehearsal::start().await, sandbox::tenant::Tenant::start().await);
        let own = |alias: &str, request: &sandbox::tenant::Recorded| {
            request.headers["x-api-key"].to_str().is_ok_and(|key| key.starts_with(&format!("jca_{alias}")))
        };
        let rotate = |round: usize| {
            for (alias, tenant) in [("acme", &acme.tenant), ("globex", &globex)] {
                let key = format!("jca_{alias}_{round}");
                tenant.set_key(&key);
                let secret = json!({"api_key": key, "api_url": tenant.url()}).to_string();
                acme.secrets.put(&format!("jumpcloud/{alias}/key"), &secret);
            }
        };
        rotate(0);
        let mut env: HashMap<_, _> = acme.env().into_iter().collect();
        env.insert("JUMPCLOUD_SECRET_ID", "jumpcloud/{organization}/key".to_owned());
        let var = |name: &str| env.get(name).cloned();
        let question = crate::playbooks::enrich_user::ENRICH_USER;
        let function = Function::new(&question, &Vars(&var), http::client(), |_| {});
        let mut context = lambda_runtime::Context::default();
        context.deadline = u64::MAX >> 20;
        for round in 1..=4 {
            let run = async |number: usize| {
                let alias = ["acme", "globex"][number % 2];
                let event = json!({"user": "jsmith", "organization": alias}).to_string();
                let event = LambdaEvent::new(RawValue::from_string(event).unwrap(), context.clone());
                let answer = serde_json::to_value(function.handle(event).await.unwrap()).unwrap();
                assert_eq!(
                    (&answer["status"], &answer["request"]["organization"]),
                    (&json!("succeeded"), &json!(alias))
                );
            };
            futures_util::future::join_all((0..20).map(run)).await;
            rotate(round); // the keys that are held are refused
        }
        // Calls that were refused together share one renewal: each secret was read once for each key.
        assert_eq!(acme.secrets.reads(), 2 * 4);
        for (alias, tenant) in [("acme", &acme.tenant), ("globex", &globex)] {
            let requests = tenant.requests();
            assert!(requests.len() > 4 * 10 && requests.iter().all(|request| own(alias, request)), "{alias}");
        }
    }

    #[tokio::test]
    async fn every_way_ends_in_one_line_and_a_panic_says_nothing_of_its_own() {
        let rehearsal = Rehearsal::start().await;
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
        // In a batch neither that record nor a second one for the same user runs again: something may have been done.
        let record = |id: &str| sandbox::events::record(id, r#"{"user": "jsmith"}"#);
        let batch = sandbox::events::batch([record("m-1"), record("m-2")]).to_string();
        let answer = function.handle(event(batch)).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": []}));
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
