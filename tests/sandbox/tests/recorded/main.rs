//! Recorded answers of the real API, and odd ones, replayed to the real binaries: each scenario ends as it expects.
//!
//! The scenarios are not part of this repository; they lie beside a checkout.

mod expect;
mod replay;

use std::{fs, io::Write, path::Path, sync::Arc};

use sandbox::{
    dynamo::Dynamo,
    rehearsal::{Rehearsal, TIMEOUT},
    serve::serve,
};
use serde_json::Value;
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
};

use crate::{expect::Run, replay::Replay};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/jumpcloud/recorded");
const SCENARIOS: usize = 78;
/// Each runs several processes.
const CONCURRENT: usize = 4;

/// Scenarios that do not end as they expect yet, and why. One that does must leave this list.
const PENDING: &[(&str, &str)] = &[];

#[tokio::test(flavor = "multi_thread")]
async fn each_scenario_ends_as_it_expects() {
    let folder = Path::new(FOLDER);
    if !folder.is_dir() {
        // Not captured by the test harness, so that a green run says what it did not check.
        writeln!(std::io::stderr().lock(), "\nNOT CHECKED against recorded answers of JumpCloud: no folder {FOLDER}\n")
            .unwrap();
        return;
    }
    let rehearsal = Arc::new(Rehearsal::start().await);
    let permits = Arc::new(Semaphore::new(CONCURRENT));
    let mut tasks = JoinSet::new();
    for entry in fs::read_dir(folder.join("scenarios")).expect("the scenarios") {
        let scenario = read(&entry.expect("an entry").path());
        let (rehearsal, permits) = (rehearsal.clone(), permits.clone());
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await.expect("an open semaphore");
            let id = scenario["id"].as_str().expect("an id").to_owned();
            let runs = play(&rehearsal, &scenario).await;
            let ended = expect::check(&id, scenario["expect"].as_str().expect("a phrase"), &runs);
            (id, ended.map_err(|why| format!("{why}\n  {runs:?}")))
        });
    }
    assert_eq!(tasks.len(), SCENARIOS);
    let mut problems = Vec::new();
    for (id, ended) in tasks.join_all().await {
        let pending = PENDING.iter().any(|(pending, _)| *pending == id);
        match ended {
            Ok(()) if pending => problems.push(format!("{id} ends as expected: take it off PENDING")),
            Err(why) if !pending => problems.push(format!("{id}: {why}")),
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("valid JSON")
}

/// Runs what the scenario says, each in a process of its own, against its answers.
async fn play(rehearsal: &Rehearsal, scenario: &Value) -> Vec<Run> {
    let replay = Arc::new(Mutex::new(Replay::new(scenario, |name| {
        read(&Path::new(FOLDER).join("objects").join(format!("{name}.json")))
    })));
    let shared = replay.clone();
    let (address, _server) = serve(0, move |request| {
        let replay = shared.clone();
        async move { Ok(replay.lock().await.answer(&request)) }
    })
    .await;
    let url = format!("http://{address}/api");
    let dynamo = Dynamo::start().await; // the scenarios share hosts
    let table = dynamo.env();
    let mut runs = Vec::new();
    for run in scenario["runs"].as_array().expect("a list") {
        let mut changes = vec![("JUMPCLOUD_API_URL", url.as_str())];
        changes.extend(table.iter().map(|(name, value)| (*name, value.as_str())));
        changes.extend(run[2]["org"].as_str().map(|org| ("JUMPCLOUD_ORG_ID", org)));
        let function = rehearsal.function(run[0].as_str().expect("a playbook"), &changes).await;
        replay.lock().await.begin();
        let answer = function.invoke(run[1].clone(), TIMEOUT).await;
        let (writes, objections) = replay.lock().await.end();
        runs.push(Run { answer, writes, objections, logs: function.logs() });
    }
    runs
}
