//! A batch that is too large for its time, on the CPU that 128 MB get: it answers in time, and what it did not begin is
//! reported and untouched.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Bench,
    batch::{failed, record},
    lambda::Function,
    report::{Row, Section},
    world::World,
};

const RECORDS: usize = 10_000;
/// The template's timeout of a function.
const TIMEOUT: Duration = Duration::from_secs(60);
const QUOTA: f64 = 0.072;

pub(crate) async fn deadline(bench: &Bench) -> Section {
    let world = World::start().await;
    let users = world.add_users(RECORDS);
    let records: Vec<Value> = users.iter().map(|(name, id)| record(name, &json!({"user_id": id}))).collect();
    let event = json!({"Records": records});
    let program = bench.programs.rust("disable-user");
    let mut function = Function::start_with(&program, world.env(), Some(QUOTA), TIMEOUT).await;
    let (outcome, answered) = function.succeed(&event).await;
    let failed = failed(&outcome);
    let suspended = |name: &str| world.tenant.user(name)["state"] == "SUSPENDED";
    let changed = users.iter().filter(|(name, _)| suspended(name)).count();
    let both = users.iter().filter(|(name, _)| suspended(name) && failed.contains(name)).count();
    let neither = users.iter().filter(|(name, _)| !suspended(name) && !failed.contains(name)).count();
    let row = Row::new(format!("disable-user, {RECORDS} records, {} s, 7.2 % of a CPU", TIMEOUT.as_secs()))
        .number("answered after s", answered.spent.wall.as_secs_f64())
        .number("CPU s", answered.spent.cpu.as_secs_f64())
        .number("changed", changed as f64)
        .number("reported as failed", failed.len() as f64)
        .number("changed and reported", both as f64)
        .number("neither", neither as f64);
    let about = "One event to a cold function whose time is over before the records are. Changed and reported: their \
                 change was under way at the end; delivered again they are found suspended.";
    Section::new("deadline", about, vec![row])
}
