//! From the start of the process to its first `/next` and to its first answer.

use sandbox::seed::JSMITH;
use serde_json::json;

use crate::{
    Bench,
    lambda::{Function, Spent},
    programs::Program,
    report::{Row, Section},
    world::{World, roots},
};

/// What a function of 128 MB gets of a CPU outside of init: 128 of 1,769 MB.
const QUOTA: f64 = 0.072;
/// Python takes about ten seconds per start under it.
const RUNS_UNDER_QUOTA: usize = 5;

#[derive(Default)]
struct Times {
    next: Vec<Spent>,
    answer: Vec<Spent>,
    peak_kib: Vec<u64>,
}

pub(crate) async fn start(bench: &Bench) -> Section {
    let mut rows = measure(bench, None, bench.runs, "").await;
    let runs = bench.runs.min(RUNS_UNDER_QUOTA);
    rows.extend(measure(bench, Some(QUOTA), runs, ", 7.2 % of a CPU").await);
    let about = format!(
        "Process start to the first `/next`, the secret fetched and the connections to JumpCloud and the guard table \
         open (not for the bare runtime, which does neither), and on to the first answer: median [lowest-highest], in ms. Each turn starts \
         every program once; the first turn is dropped. Roots of trust read: {}. The quota is kept by SIGSTOP and \
         SIGCONT, 1.44 ms in each period of 20 ms, {runs} turns.",
        roots()
    );
    Section::new("start", about, rows)
}

async fn measure(bench: &Bench, quota: Option<f64>, runs: usize, suffix: &str) -> Vec<Row> {
    let world = World::start().await;
    let ours = bench.programs.rust("disable-user");
    let with_table = Program { name: "disable-user, guard table".to_owned(), ..ours.clone() };
    let one_root = Program { name: "disable-user, 1 root of trust".to_owned(), ..ours.clone() };
    let programs = [
        ours,
        with_table,
        one_root,
        bench.programs.rust("enrich-user"),
        bench.programs.echo(),
        bench.programs.python(),
    ];
    let (table, root) = (world.env_with_table(), world.env_with_one_root());
    let environments = [world.env(), &table, &root, world.env(), world.env(), world.env()];
    let mut times: [Times; 6] = Default::default();
    for run in 0..=runs {
        for ((program, env), times) in programs.iter().zip(environments).zip(&mut times) {
            world.set_state(JSMITH, "ACTIVATED");
            let mut function = Function::start(program, env, quota).await;
            let (_, answered) = function.succeed(&json!({"username": "jsmith"})).await;
            if run > 0 {
                times.next.push(function.start);
                times.answer.push(answered.since_start);
                times.peak_kib.push(function.peak_kib());
            }
        }
    }
    let rows = programs.iter().zip(times).map(|(program, times)| {
        let wall = |spent: &[Spent]| spent.iter().map(|spent| spent.wall.as_secs_f64() * 1e3).collect();
        let cpu = |spent: &[Spent]| spent.iter().map(|spent| spent.cpu.as_secs_f64() * 1e3).collect();
        Row::new(format!("{}{suffix}", program.name))
            .median("to next, CPU", cpu(&times.next))
            .median("to next, wall", wall(&times.next))
            .median("to answer, CPU", cpu(&times.answer))
            .median("to answer, wall", wall(&times.answer))
            .median("peak MiB", times.peak_kib.iter().map(|kib| *kib as f64 / 1024.0).collect())
    });
    rows.collect()
}
