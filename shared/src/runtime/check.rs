//! `check-connection` as a Lambda function. It answers what it finds, also where the configuration lets no other function run.

use lambda_runtime::Error as RuntimeError;
use reqwest::Client;
use tokio::time::Instant;

use super::{
    administer::{Answered, Asked, Service, serve},
    setup::Setup,
};
use crate::{
    checks::{Cause, Check, Subject, summary},
    error::{
        Error,
        ErrorType::{GuardUnavailable, Internal},
    },
    jumpcloud::Traffic,
    outcome::Outcome,
    playbooks::connection,
    vars::Vars,
};

/// The function's name.
const NAME: &str = "check-connection";

/// What one process holds.
struct Checked<G> {
    setup: Result<Setup, Error>,
    guard: Result<G, Error>,
}

/// Runs `check-connection` as a Lambda function: `guard` is what commands are behind, and `table` looks whether it can be read.
///
/// # Errors
/// As [`act`](super::act).
pub async fn check<G>(
    guard: impl FnOnce(&Vars<'_>, Client) -> Result<G, Error>,
    table: impl AsyncFn(&G, Instant) -> Check,
) -> Result<(), RuntimeError> {
    let build = |vars: &Vars<'_>, http: Client| {
        Ok(Checked { setup: Setup::from_vars(vars, http.clone()), guard: guard(vars, http) })
    };
    serve(Service { name: NAME, audited: false }, build, async |checked, asked| answer(checked, &table, asked).await)
        .await
}

async fn answer<G>(checked: &Checked<G>, table: &impl AsyncFn(&G, Instant) -> Check, asked: Asked<'_>) -> Answered {
    if let Err(error) = asked.fields.only_with_common(&[], "the event") {
        return Answered { asked: None, traffic: Traffic::default(), result: Err(error) };
    }
    let of_table = async {
        match &checked.guard {
            Ok(guard) => Some(table(guard, asked.deadline).await),
            Err(error) if error.error_type == GuardUnavailable => Some(Check::unknown(
                Subject::GuardTable,
                "GUARD_TABLE is not set: commands refuse to act without it.",
                "Set it where commands are deployed, to `none` to act without a table on purpose.",
            )),
            Err(_) => None, // a variable that is said below
        }
    };
    let client = checked.setup.as_ref().map_err(Clone::clone);
    let client = client.and_then(|setup| setup.clients.of(asked.info.organization.as_ref()));
    let of_jumpcloud = async {
        let Ok(client) = &client else { return (Vec::new(), Traffic::default()) };
        let session = client.session(asked.deadline, true);
        (connection::check(session.reader()).await, session.reader().traffic())
    };
    let (of_table, (of_jumpcloud, traffic)) = tokio::join!(of_table, of_jumpcloud);
    let checks: Vec<Check> = [configuration(client.as_ref().err(), checked.guard.as_ref().err())]
        .into_iter()
        .chain(of_jumpcloud)
        .chain(of_table)
        .collect();
    Answered {
        asked: None,
        traffic,
        result: Ok(Outcome { checks: checks.clone(), ..Outcome::new(None, summary(&checks)) }),
    }
}

/// A guard that is missing is a check of its own.
fn configuration(of_client: Option<&Error>, of_guard: Option<&Error>) -> Check {
    match of_client.or(of_guard.filter(|error| error.error_type == Internal)) {
        Some(error) => Check::failed(Subject::Configuration, Cause::Misconfigured, &error.message),
        None => Check::ok(Subject::Configuration, "Every variable of this function makes sense."),
    }
}
