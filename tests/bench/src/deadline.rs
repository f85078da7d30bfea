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
    // Looked up once: the tenant looks through lists.
    let ended = users.iter().map(|(name, _)| (world.tenant.user(name)["state"] == "SUSPENDED", failed.contains(name)));
    let ended: Vec<(bool, bool)> = ended.collect();
    let count = |of: fn(&(bool, bool)) -> bool| ended.iter().filter(|end| of(end)).count() as f64;
    let row = Row::new(format!("disable-user, {RECORDS} records, {} s, 7.2 % of a CPU", TIMEOUT.as_secs()))
        .number("answered after s", answered.spent.wall.as_secs_f64())
        .number("CPU s", answered.spent.cpu.as_secs_f64())
        .number("changed", count(|(changed, _)| *changed))
        .number("reported as failed", failed.len() as f64)
        .number("changed and reported", count(|(changed, reported)| *changed && *reported))
        .number("neither", count(|(changed, reported)| !*changed && !*reported));
    let about = "One event to a cold function whose time is over before the records are. Changed and reported: their \
                 change was under way at the end; delivered again they are found suspended.";
    Section::new("deadline", about, vec![row])
}
