//! Past alerts as dry runs: what a deployment would have done.

mod report;
mod source;

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::Duration,
};

use serde_json::Value;

pub use self::{report::Report, source::alerts};
use super::records::runs;
use crate::lambda::Function;

/// Whatever an event says, and however old it is: a replay changes nothing, and is about the past.
pub const CHANGES: [(&str, &str); 2] = [("DRY_RUN", "true"), ("MAX_EVENT_AGE_SECONDS", "4000000000")];

/// A line of progress after this many alerts.
const PROGRESS_EVERY: usize = 250;

/// Runs all `alerts` through one function, whose variables are `env`, and reports what it would have done.
pub async fn replay(
    (name, binary): (&str, &Path),
    env: Vec<(&str, String)>,
    alerts: &[Value],
    (timeout, show_logs): (Duration, bool),
) -> report::OfPlaybook {
    let function = Function::start(binary, env, show_logs).await;
    let mut answers = Vec::new();
    for (number, alert) in alerts.iter().enumerate() {
        if number > 0 && number.is_multiple_of(PROGRESS_EVERY) && io::stderr().is_terminal() {
            eprintln!("{name}: {number} of {} replayed", alerts.len());
        }
        answers.push(function.invoke_by_id(alert.clone(), timeout).await);
    }
    let logs = function.stop().await;
    report::OfPlaybook::new(name, &answers, &runs(&logs))
}
