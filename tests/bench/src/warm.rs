//! One invocation of a function that is warm, and the size of what is deployed.

use sandbox::seed::JSMITH;
use std::{fs, io::Write, time::Duration};

use flate2::{Compression, write::DeflateEncoder};
use sandbox::playbooks;
use serde_json::json;

use crate::{
    Bench,
    lambda::{Answered, Function},
    programs::Program,
    report::{Row, Section},
    world::{Call, World},
};

/// How often each measurement is repeated in a turn: an invocation is short.
const PER_RUN: usize = 5;

#[derive(Default)]
struct Times {
    cpu: Vec<f64>,
    wall: Vec<f64>,
    beyond: Vec<f64>,
    calls: Vec<f64>,
}

pub(crate) async fn warm(bench: &Bench) -> Section {
    let world = World::start().await;
    let programs: [Program; 4] = [
        bench.programs.rust("disable-user"),
        bench.programs.rust("enrich-user"),
        bench.programs.echo(),
        bench.programs.python(),
    ];
    let mut functions = Vec::new();
    for program in &programs {
        functions.push((Function::start(program, world.env(), None).await, Times::default()));
    }
    for run in 0..=bench.runs * PER_RUN {
        for (function, times) in &mut functions {
            world.set_state(JSMITH, "ACTIVATED");
            world.take_calls();
            let (_, answered) = function.succeed(&json!({"username": "jsmith"})).await;
            let calls = world.take_calls();
            if run > 0 {
                times.cpu.push(answered.until_idle.cpu.as_secs_f64() * 1e3);
                times.wall.push(answered.spent.wall.as_secs_f64() * 1e3);
                times.beyond.push(own_wall(&answered, &calls).as_secs_f64() * 1e3);
                times.calls.push(calls.len() as f64);
            }
        }
    }
    let rows = programs.iter().zip(functions).map(|(program, (_, times))| {
        Row::new(&program.name)
            .median("CPU ms", times.cpu)
            .median("wall ms", times.wall)
            .median("wall ms beyond the tenant's", times.beyond)
            .number("calls", times.calls[0])
    });
    let about = "One invocation of a warm process, `{\"username\": \"jsmith\"}`: the CPU time until it asks for the next \
                 event, the time to the answer, and that without the time in which the tenant was at work on a call. \
                 What is left is the function's own and the way over TLS and loopback.";
    Section::new("warm", about, rows.collect())
}

/// The part of an invocation in which no call was being answered.
pub(crate) fn own_wall(answered: &Answered, calls: &[Call]) -> Duration {
    let mut own = answered.to - answered.from;
    let mut covered_to = answered.from;
    for call in calls {
        own = own.saturating_sub(call.to.saturating_duration_since(call.from.max(covered_to)));
        covered_to = covered_to.max(call.to);
    }
    own
}

pub(crate) fn size(bench: &Bench) -> Section {
    let row = |program: &Program| {
        let binary = fs::read(&program.command[0]).expect("readable");
        let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
        zip.write_all(&binary).expect("into memory");
        let zipped = zip.finish().expect("into memory").len();
        Row::new(&program.name).number("binary MB", binary.len() as f64 / 1e6).number("zip MB", zipped as f64 / 1e6)
    };
    let mut rows: Vec<Row> =
        playbooks::functions().iter().map(|playbook| row(&bench.programs.rust(&playbook.name))).collect();
    rows.push(row(&bench.programs.echo()));
    Section::new("size", "What is deployed, in MB of a million bytes; the zip is deflated at the usual level.", rows)
}
