//! A function without a target in JumpCloud: what sets the guard, and what checks the connection. Its runs begin and end as those
//! of the playbooks do.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    time::SystemTime,
};

use futures_util::FutureExt;
use lambda_runtime::{LambdaEvent, service_fn};
use reqwest::Client;
use serde_json::{Value, value::RawValue};
use tokio::time::Instant;

use super::{
    logging,
    record::{self, Ended, Recorder},
    time::deadline,
};
use crate::{
    error::Error,
    http,
    intake::{Arrival, Fields, Instruction},
    jumpcloud::Traffic,
    organizations::Organizations,
    outcome::Outcome,
    playbooks::defect,
    request::RequestInfo,
    vars::{self, Vars},
};

/// One event.
pub struct Asked<'a> {
    /// Who asked, and why.
    pub info: &'a RequestInfo,
    /// What for.
    pub fields: &'a Fields,
    /// When all calls must have ended.
    pub deadline: Instant,
}

/// What came of it.
pub struct Answered {
    /// What was asked for, in the words of the event, for the audit record; `None` where that is not clear.
    pub asked: Option<Value>,
    /// The calls to JumpCloud.
    pub traffic: Traffic,
    /// The answer.
    pub result: Result<Outcome, Error>,
}

/// A function that takes direct events only.
#[derive(Clone, Copy)]
pub(super) struct Service {
    pub(super) name: &'static str,
    /// Whether it changes something.
    pub(super) audited: bool,
}

/// Runs `name` as a Lambda function until Lambda ends the process: `build` makes of the variables what `answer` is given with
/// each event.
///
/// # Errors
/// As [`act`](super::act).
pub async fn administer<R>(
    name: &'static str,
    build: impl FnOnce(&Vars<'_>, Client) -> Result<R, Error>,
    answer: impl AsyncFn(&R, Asked<'_>) -> Answered,
) -> Result<(), lambda_runtime::Error> {
    serve(Service { name, audited: true }, build, answer).await
}

/// The same for any of them.
pub(super) async fn serve<R>(
    service: Service,
    build: impl FnOnce(&Vars<'_>, Client) -> Result<R, Error>,
    answer: impl AsyncFn(&R, Asked<'_>) -> Answered,
) -> Result<(), lambda_runtime::Error> {
    let var = |name: &str| env::var(name).ok();
    let vars = Vars(&var);
    logging::init(&vars);
    let rails = http::client().and_then(|http| Rails::new(service, &vars, build(&vars, http)?));
    let recorder = Recorder::new(service.name, service.audited, &vars, record::to_stdout);
    let handle = async |event| handle(event, &rails, &answer, &recorder).await;
    lambda_runtime::run(service_fn(handle)).await
}

/// What one process holds.
struct Rails<R> {
    rails: R,
    /// `DRY_RUN`.
    dry_run: bool,
    /// `None` where it is not clear which there are, and the function itself says so.
    organizations: Option<Organizations>,
}

impl<R> Rails<R> {
    fn new(service: Service, vars: &Vars<'_>, rails: R) -> Result<Self, Error> {
        let (dry_run, organizations) = (vars.flag(&vars::DRY_RUN), Organizations::from_vars(vars));
        Ok(match service.audited {
            true => Self { rails, dry_run: dry_run?, organizations: Some(organizations?) },
            // What only asks says itself what is wrong with a variable.
            false => Self { rails, dry_run: dry_run.unwrap_or(false), organizations: organizations.ok() },
        })
    }
}

async fn handle<R>(
    event: LambdaEvent<Box<RawValue>>,
    rails: &Result<Rails<R>, Error>,
    answer: &impl AsyncFn(&R, Asked<'_>) -> Answered,
    recorder: &Recorder,
) -> Result<Outcome, Error> {
    let start = Instant::now();
    let (event, context) = event.into_parts();
    let dry_run = rails.as_ref().is_ok_and(|rails| rails.dry_run);
    let arrival =
        Arrival { request_id: context.request_id.clone(), dry_run, now: SystemTime::now().into(), redriven: false };
    let read = match rails {
        Ok(Rails { organizations, .. }) => {
            let read =
                catch_unwind(AssertUnwindSafe(|| Instruction::read(event.get(), &arrival, organizations.as_ref())));
            read.unwrap_or_else(|_| Instruction { info: arrival.info(), fields: Err(defect()) })
        }
        Err(error) => Instruction { info: arrival.info(), fields: Err(error.clone()) },
    };
    let Instruction { info, fields } = read;
    let refused = |error| Answered { asked: None, traffic: Traffic::default(), result: Err(error) };
    let answered = match (rails, &fields) {
        (Err(error), _) | (Ok(_), Err(error)) => refused(error.clone()),
        (Ok(Rails { rails, .. }), Ok(fields)) => {
            let asked = Asked { info: &info, fields, deadline: deadline(&context) };
            AssertUnwindSafe(Box::pin(answer(rails, asked))).catch_unwind().await.unwrap_or_else(|_| refused(defect()))
        }
    };
    let Answered { asked, traffic, result } = answered;
    recorder.end(Ended { info, asked, traffic, start, result })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::error::ErrorType::{Internal, InvalidInput};

    static LINES: Mutex<Vec<Value>> = Mutex::new(Vec::new());

    fn keep(line: &str) {
        LINES.lock().unwrap().push(serde_json::from_str(line).unwrap());
    }

    #[tokio::test]
    async fn every_way_ends_in_one_audited_line_and_a_panic_says_nothing_of_its_own() {
        let recorder = Recorder::new("guard-rails", true, &Vars(&|_| None), keep);
        let answer = async |(): &(), asked: Asked<'_>| {
            assert!(!asked.fields.flag("panic").unwrap(), "SECRET");
            Answered {
                asked: Some("show".into()),
                traffic: Traffic::default(),
                result: Ok(Outcome::new(None, "Shown.")),
            }
        };
        let run = async |text: &str, rails: Result<((), bool), Error>| {
            let mut context = lambda_runtime::Context::default();
            context.request_id = "r-1".to_owned();
            let event = LambdaEvent::new(RawValue::from_string(text.to_owned()).unwrap(), context);
            let organizations = Organizations::from_vars(&Vars(&|_| None)).unwrap();
            let rails = rails.map(|((), dry_run)| Rails { rails: (), dry_run, organizations: Some(organizations) });
            handle(event, &rails, &answer, &recorder).await
        };
        let outcome = run(r#"{"reason": "INC-9"}"#, Ok(((), true))).await.unwrap();
        assert_eq!((outcome.playbook, outcome.request.dry_run), ("guard-rails", true));
        assert!(outcome.markdown.contains("Shown"));
        let error = run(r#"{"panic": true}"#, Ok(((), false))).await.unwrap_err();
        assert_eq!(error, defect());
        assert_eq!(run("[1e999]", Ok(((), false))).await.unwrap_err().error_type, InvalidInput);
        assert_eq!(run("{}", Err(Internal.error("misconfigured"))).await.unwrap_err().error_type, Internal);
        let lines = LINES.lock().unwrap();
        let results: Vec<_> = lines.iter().map(|line| line["audit"]["result"].as_str().unwrap()).collect();
        assert_eq!(results, ["succeeded", "Internal", "InvalidInput", "Internal"]);
        assert!(lines.iter().all(|line| line["request_id"] == "r-1" && line["audit"]["playbook"] == "guard-rails"));
        assert_eq!(lines[0]["audit"]["asked"], "show");
        assert!(!format!("{lines:?}").contains("SECRET"));
    }
}
