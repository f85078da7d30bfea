//! Runs the state machines of `workflows/` in moto's interpreter, against the real functions and the rehearsal tenant.
//!
//! Fails when a scenario fails, when a state or a transition was visited by none, when an input or a summary is not what its
//! schema says, and when the pages' pictures are not those of the definitions.

mod aws;
mod contract;
mod coverage;
mod diagram;
mod forwarder;
mod machines;
mod scenarios;
mod world;

use std::{
    net::TcpListener,
    process::{ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use sandbox::rehearsal::Rehearsal;
use tokio::{
    process::{Child, Command},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{aws::Aws, forwarder::Forwarder, world::Stage};

/// How long moto may take to come up.
const START: Duration = Duration::from_secs(60);
/// Scenarios at a time; they mostly wait.
const AT_A_TIME: usize = 6;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let python = arguments.next().expect("the Python that moto is installed for");
    let option = arguments.next().unwrap_or_default();
    let write = option == "--write";
    let drawn = diagram::check(write).and_then(|()| contract::check(write));
    if write || drawn.is_err() {
        println!("{}", drawn.as_ref().err().map_or("the pictures and schemas are up to date", String::as_str));
        return if drawn.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    machines::MACHINES.into_iter().for_each(machines::check);
    // Builds the binaries, before anything waits for an answer of theirs with a deadline.
    Rehearsal::start().await.function("enrich-user", &[]).await;
    let start = Instant::now();
    let (_moto, stage) = moto(&python).await;
    let failed = run(&stage, &option).await;
    // A part of the scenarios cannot visit everything.
    let complete = !option.is_empty() || coverage::report(&stage.histories.lock().expect("no panic under the lock"));
    println!("{failed} scenarios failed; {:.0?}", start.elapsed());
    if failed == 0 && complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// moto, and what it calls.
async fn moto(python: &str) -> (Child, Arc<Stage>) {
    #[expect(clippy::disallowed_methods, reason = "not JumpCloud's client: it talks to this machine only")]
    let http = reqwest::Client::new();
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("a free port").port();
    let url = format!("http://127.0.0.1:{port}");
    let (forwarder, forwarder_port) = Forwarder::start(http.clone(), url.clone()).await;
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/moto_server.py"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    // Where its state machines look for Lambda, SNS and Step Functions.
    command.env("MOTO_PORT", forwarder_port.to_string());
    command.env("AWS_ACCESS_KEY_ID", "rehearsal").env("AWS_SECRET_ACCESS_KEY", "rehearsal");
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().expect("moto starts");
    let aws = Aws::new(http, url);
    let deadline = Instant::now() + START;
    while let Err(error) = aws.execute_state_machines().await {
        assert!(Instant::now() < deadline, "moto does not come up: {error}");
        sleep(Duration::from_millis(100)).await;
    }
    (child, Arc::new(Stage::new(aws, forwarder)))
}

/// Runs the scenarios whose names contain `part` and returns how many failed.
async fn run(stage: &Arc<Stage>, part: &str) -> usize {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    for (name, scenario) in scenarios::all(stage).into_iter().filter(|(name, _)| name.contains(part)) {
        let places = places.clone();
        running.spawn(async move {
            let _place = places.acquire_owned().await;
            let start = Instant::now();
            let passed = tokio::spawn(scenario).await.is_ok();
            println!("{} {name} ({:.1?})", if passed { "ok    " } else { "FAILED" }, start.elapsed());
            passed
        });
    }
    running.join_all().await.into_iter().filter(|passed| !passed).count()
}
