//! Batches of SQS records: how many per second, how much memory, and whether all are done.

use sandbox::seed::JSMITH;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Bench,
    lambda::{Answered, Function},
    report::{Row, Section},
    world::World,
};

const RECORDS: usize = 300;
const RECORDS_PER_EVENT: usize = 100;
const LIMIT: f64 = 50.0;
/// Of one record: look, change, devices, reading back, facts of the devices.
const CALLS_PER_RECORD: usize = 5;
/// After so many deliveries a queue would move a record to its dead letters: it counts as lost.
const MAX_DELIVERIES: usize = 20;

pub(crate) async fn batch(bench: &Bench) -> Section {
    let mut rows = Vec::new();
    for (latency_ms, limit) in [(0, None), (20, None), (100, None), (20, Some(LIMIT))] {
        let world = World::with(Duration::from_millis(latency_ms), limit).await;
        let users = world.add_users(RECORDS);
        let mut function = Function::start(&bench.programs.rust("disable-user"), world.env(), None).await;
        let mut waiting: Vec<(usize, Value)> =
            users.iter().map(|(name, id)| (0, record(name, &json!({"user_id": id})))).collect();
        let mut lost = 0;
        let mut deliveries = 0;
        let mut cpu = Duration::ZERO;
        let start = Instant::now();
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(RECORDS_PER_EVENT));
            let delivered = std::mem::replace(&mut waiting, rest);
            deliveries += delivered.len();
            let records: Vec<&Value> = delivered.iter().map(|(_, record)| record).collect();
            let (outcome, answered) = function.succeed(&json!({"Records": records})).await;
            cpu += answered.spent.cpu;
            let failed = failed(&outcome);
            for (times, record) in delivered {
                match failed.contains(record["messageId"].as_str().expect("a text")) {
                    true if times + 1 < MAX_DELIVERIES => waiting.push((times + 1, record)),
                    true => lost += 1,
                    false => {}
                }
            }
        }
        let elapsed = start.elapsed().as_secs_f64();
        let undone = users.iter().filter(|(name, _)| world.tenant.user(name)["state"] != "SUSPENDED").count();
        let calls = world.take_calls();
        let throttled = calls.iter().filter(|call| call.throttled).count();
        let subject = match limit {
            None => format!("{latency_ms} ms"),
            Some(limit) => format!("{latency_ms} ms, at most {limit} requests/s"),
        };
        let mut row = Row::new(subject)
            .number("records/s", RECORDS as f64 / elapsed)
            .number("CPU ms per record", cpu.as_secs_f64() * 1e3 / RECORDS as f64)
            .number("calls per record", calls.len() as f64 / RECORDS as f64)
            .number("answered with 429", throttled as f64)
            .number("delivered again", (deliveries - RECORDS) as f64)
            .number("lost", (lost + undone) as f64);
        if let Some(limit) = limit {
            let share = |calls: usize| calls as f64 / (limit * elapsed) * 100.0;
            let accepted = calls.len() - throttled;
            row = row
                // A record that is delivered again after its change was made needs fewer calls.
                .number("goodput %", share(accepted.min(RECORDS * CALLS_PER_RECORD)))
                .number("limit used %", share(accepted));
        }
        rows.push(row);
    }
    let about = format!(
        "`disable-user`, {RECORDS} records for as many users, {RECORDS_PER_EVENT} per event, one event at a time, what \
         failed delivered again; named by id, by the time the tenant takes to answer. The limit is a bucket that holds one second's \
         requests, empty at first; 429 without `Retry-After`. Goodput: the {CALLS_PER_RECORD} calls that a record needs, \
         as a share of the limit; calls of tries that failed are not in it. Lost: not done, or in the dead letters."
    );
    Section::new("batch", about, rows)
}

/// Time and memory by the number of records in one event and by the number of a user's devices.
pub(crate) async fn growth(bench: &Bench) -> Section {
    let mut rows = Vec::new();
    for size in [1, 10, 100, 1_000, 10_000] {
        let (event, world, function, answered) = one_event(bench, size).await;
        rows.push(
            Row::new(format!("disable-user, {size} records"))
                .number("event KB", event.len() as f64 / 1e3)
                .number("wall ms", answered.spent.wall.as_secs_f64() * 1e3)
                .number("CPU ms", answered.spent.cpu.as_secs_f64() * 1e3)
                .number("CPU ms per record or device", answered.spent.cpu.as_secs_f64() * 1e3 / size as f64)
                .number("peak MiB", function.peak_kib() as f64 / 1024.0)
                .number("calls", world.take_calls().len() as f64),
        );
    }
    for playbook in ["enrich-user", "disable-user"] {
        for size in [1, 10, 100, 1_000] {
            rows.push(devices(bench, playbook, size).await);
        }
    }
    let about = "Records are of different users with one device each, by id, in one event to a cold function. Devices \
                 are of one user, read by a warm function: medians. The tenant's time is in the wall time, and with \
                 many objects it is most of it: the tenant looks through lists. The CPU time is the function's own.";
    Section::new("growth", about, rows)
}

async fn devices(bench: &Bench, playbook: &str, size: usize) -> Row {
    let world = World::start().await;
    let (name, id) = world.add_users(1).remove(0);
    world.add_devices(&id, size - 1); // one it has
    let mut function = Function::start(&bench.programs.rust(playbook), world.env(), None).await;
    let (mut wall, mut cpu, mut calls) = (Vec::new(), Vec::new(), 0);
    for run in 0..=bench.runs {
        world.set_state(&id, "ACTIVATED");
        world.take_calls();
        let (_, answered) = function.succeed(&json!({"username": name})).await;
        if run > 0 {
            wall.push(answered.spent.wall.as_secs_f64() * 1e3);
            cpu.push(answered.until_idle.cpu.as_secs_f64() * 1e3);
            calls = world.take_calls().len();
        }
    }
    let per = cpu.iter().map(|cpu| cpu / size as f64).collect();
    Row::new(format!("{playbook}, {size} devices"))
        .median("wall ms", wall)
        .median("CPU ms", cpu)
        .median("CPU ms per record or device", per)
        .number("peak MiB", function.peak_kib() as f64 / 1024.0)
        .number("calls", calls as f64)
}

/// Peak memory after one invocation and after ten thousand, and with ten thousand records in one event.
pub(crate) async fn memory(bench: &Bench) -> Section {
    const MANY: usize = 10_000;
    let mut rows = Vec::new();
    for playbook in ["disable-user", "enrich-user"] {
        let world = World::start().await;
        let mut function = Function::start(&bench.programs.rust(playbook), world.env(), None).await;
        let mut row = Row::new(playbook);
        for number in 1..=MANY {
            world.set_state(JSMITH, "ACTIVATED");
            function.succeed(&json!({"username": "jsmith"})).await;
            if matches!(number, 1 | 100 | MANY) {
                let measure = format!("peak MiB after {number}");
                row = row.number(&measure, function.peak_kib() as f64 / 1024.0);
            }
        }
        rows.push(row);
    }
    let (event, _world, function, _) = one_event(bench, MANY).await;
    let subject = format!("disable-user, one event of {MANY} records ({:.1} MB)", event.len() as f64 / 1e6);
    rows.push(Row::new(subject).number("peak MiB after 1", function.peak_kib() as f64 / 1024.0));
    let about =
        "Peak resident memory (VmHWM) after so many invocations of one process. Records are of different users.";
    Section::new("memory", about, rows)
}

/// A cold function after an event of so many records of different users, all of them done.
async fn one_event(bench: &Bench, size: usize) -> (String, World, Function, Answered) {
    let world = World::start().await;
    let users = world.add_users(size);
    let records: Vec<Value> = users.iter().map(|(name, id)| record(name, &json!({"user_id": id}))).collect();
    let event = json!({"Records": records});
    let mut function = Function::start(&bench.programs.rust("disable-user"), world.env(), None).await;
    let (outcome, answered) = function.succeed(&event).await;
    assert!(failed(&outcome).is_empty(), "a record failed without a reason to");
    (event.to_string(), world, function, answered)
}

pub(crate) fn record(message_id: &str, body: &Value) -> Value {
    json!({
        "messageId": message_id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body.to_string(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": sent_ms(),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": sent_ms(),
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:findings",
        "awsRegion": "us-east-1",
    })
}

/// Now: an old alert would be refused.
fn sent_ms() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_millis().to_string()
}

/// The message ids that a batch's answer reports as failed.
pub(crate) fn failed(outcome: &Value) -> HashSet<String> {
    let failures = outcome["batchItemFailures"].as_array().expect("the answer to a batch");
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().expect("a text").to_owned()).collect()
}
