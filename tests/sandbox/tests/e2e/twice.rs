//! Never twice, by enumeration: real binaries against the guard table, interrupted at each of their requests.

use sandbox::{
    gate::{Fate, Gate},
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::{Value, json};

/// A tenant with a table, two environments behind gates, and one that is never interrupted.
struct World {
    rehearsal: Rehearsal,
    gates: [Gate; 2],
    environments: [Function; 2],
    healthy: Function,
    hosts: usize,
}

impl World {
    async fn start() -> Self {
        let rehearsal = Rehearsal::start().await;
        let gates = [Gate::start(&rehearsal).await, Gate::start(&rehearsal).await];
        let environments = [environment(&rehearsal, &gates[0]).await, environment(&rehearsal, &gates[1]).await];
        let healthy = rehearsal
            .function("shutdown-host", &[("MAX_TARGETS_PER_HOUR", "1000"), ("MAX_TARGETS_PER_DAY", "1000")])
            .await;
        let world = Self { rehearsal, gates, environments, healthy, hosts: 0 };
        for environment in &world.environments {
            warm(environment).await;
        }
        world
    }

    /// A host that nobody has touched. The sets of targets begin anew, so that no limit is in the way.
    fn host(&mut self) -> String {
        self.hosts += 1;
        let id = format!("6140aa10bb20cc30dd41{:04x}", self.hosts);
        let commands = json!([{"name": "shutdown", "type": "security"}]);
        self.rehearsal.tenant.add(
            "systems",
            json!({"_id": id, "id": id, "hostname": id, "os": "Windows", "active": true, "builtInCommands": commands}),
        );
        self.rehearsal.dynamo.delete("default#switch", "shutdown-host");
        id
    }

    /// How often the host was shut down.
    fn sent(&self, host: &str) -> usize {
        self.rehearsal.tenant.shutdowns().iter().filter(|id| *id == host).count()
    }

    fn record(&self, host: &str) -> Option<Value> {
        let sk = format!("host#{host}");
        self.rehearsal.dynamo.items("default#change").into_iter().find(|item| item["sk"]["S"] == sk)
    }

    /// The process behind a gate, new.
    async fn replace(&mut self, index: usize) {
        self.gates[index].open();
        self.environments[index] = environment(&self.rehearsal, &self.gates[index]).await;
        warm(&self.environments[index]).await;
    }

    /// What is asked for after everything: an alert is delivered again, and again after the deadline of all that was begun.
    /// At most one command in all; exactly one where no mark was left; where a mark was left, every answer says so.
    async fn check(&self, host: &str, case: &str) {
        let before = self.sent(host);
        assert!(before <= 1, "{case}: {before} commands");
        let mark = self.record(host).map(|record| record["status"]["S"].as_str().unwrap_or_default().to_owned());
        let again = self.healthy.invoke(alert(host, "again"), TIMEOUT).await;
        match mark.as_deref() {
            None => {
                assert_eq!((before, &again.as_ref().unwrap()["status"]), (0, &json!("accepted")), "{case}: {again:?}");
                assert_eq!(self.sent(host), 1, "{case}");
                return;
            }
            Some("done") => {
                let outcome = again.as_ref().expect("an outcome");
                assert_eq!((&outcome["status"], &outcome["changed"]), (&json!("unchanged"), &json!(false)), "{case}");
                assert!(outcome["pending"]["by"].is_string(), "{case}: {outcome}");
                assert_eq!(before, 1, "{case}: settled as done and never sent");
            }
            Some("begun") => {
                assert_eq!(again.as_ref().unwrap_err()["errorType"], "InProgress", "{case}: {again:?}");
                let mut record = self.record(host).expect("a record");
                record["deadline"]["N"] = json!("1");
                self.rehearsal.dynamo.put(record);
                let later = self.healthy.invoke(alert(host, "later"), TIMEOUT).await;
                assert_eq!(later.as_ref().unwrap_err()["errorType"], "OutcomeUnknown", "{case}: {later:?}");
            }
            _ => assert_eq!(again.as_ref().unwrap_err()["errorType"], "OutcomeUnknown", "{case}: {again:?}"),
        }
        assert_eq!(self.sent(host), before, "{case}: sent again");
        // Until a person decides.
        if before == 0 {
            let repeat = self.healthy.invoke(json!({"host_id": host, "repeat": true}), TIMEOUT).await;
            assert_eq!((&repeat.unwrap()["status"], self.sent(host)), (&json!("accepted"), 1), "{case}");
        }
    }
}

async fn environment(rehearsal: &Rehearsal, gate: &Gate) -> Function {
    let env = gate.env();
    let changes: Vec<(&'static str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let limits = [("MAX_TARGETS_PER_HOUR", "1000"), ("MAX_TARGETS_PER_DAY", "1000")];
    rehearsal.function("shutdown-host", &[&changes[..], &limits].concat()).await
}

/// Its connections are open afterwards.
async fn warm(environment: &Function) {
    let dry = json!({"host_id": "633f3f295482343ff32add41", "dry_run": true});
    environment.invoke(dry, TIMEOUT).await.expect("a dry run");
}

/// An alert of this id about a host, as EventBridge delivers it.
fn alert(host: &str, id: &str) -> Value {
    json!({"version": "0", "id": id, "detail-type": "Alert", "source": "test", "account": "123456789012", "region": "us-east-1",
        "time": "2026-11-24T12:00:00Z", "resources": [], "detail": {"host_id": host, "accept_stale": true}})
}

/// One delivery to an environment, until it is answered or its process is killed.
async fn deliver(environment: &Function, gate: &Gate, event: Value) -> Option<Result<Value, Value>> {
    tokio::select! {
        answer = environment.invoke(event, TIMEOUT) => Some(answer),
        () = gate.killed() => {
            environment.kill().await;
            None
        }
    }
}

/// Interrupted at the request of this number; whether there was one.
async fn interrupted(world: &mut World, number: usize, fate: Fate) -> bool {
    let host = world.host();
    world.gates[0].arm(false, Some((number, fate)));
    let answer = deliver(&world.environments[0], &world.gates[0], alert(&host, "first")).await;
    let passed = world.gates[0].passed();
    let case = format!("{fate:?} at {number} of {passed:?}: {answer:?}");
    // What was sent and given up is carried out after all.
    world.gates[0].late().await;
    world.gates[0].open();
    if passed.len() <= number {
        assert_eq!(answer.expect("not killed").expect("not interrupted")["status"], "accepted");
        return false;
    }
    // A green answer is true.
    if let Some(Ok(outcome)) = &answer {
        assert_eq!((&outcome["status"], world.sent(&host)), (&json!("accepted"), 1), "{case}");
    }
    world.check(&host, &case).await;
    if answer.is_none() {
        world.replace(0).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_at_each_request() {
    let mut world = World::start().await;
    let mut cases = 0;
    for fate in Fate::ALL {
        for number in 0.. {
            if !interrupted(&mut world, number, fate).await {
                break;
            }
            cases += 1;
        }
    }
    // Six requests: three reads, the admission, the command, the settlement; and what is sent again after a lost answer.
    assert!(cases >= 30, "{cases}");
    println!("never twice: {cases} interruptions of one environment");
}

/// Which environment goes next, at each request boundary.
type Schedule = Vec<usize>;

/// Runs two deliveries by `schedule`, and the first of both that can go on where that ends. `interrupt` is the request of
/// the first environment that meets its fate. The choices that there were.
async fn interleaved(
    world: &mut World,
    schedule: &[usize],
    ids: [&str; 2],
    fate: Option<(usize, Fate)>,
) -> Vec<(usize, bool)> {
    let host = world.host();
    let [first, second] = [0, 1].map(|index| (&world.environments[index], &world.gates[index]));
    first.1.arm(true, fate);
    second.1.arm(true, None);
    let mut choices = Vec::new();
    let mut answers: [Option<Option<Result<Value, Value>>>; 2] = [None, None];
    {
        let mut runs = [
            Box::pin(deliver(first.0, first.1, alert(&host, ids[0]))),
            Box::pin(deliver(second.0, second.1, alert(&host, ids[1]))),
        ];
        loop {
            // Until each either waits at its gate or is over.
            for index in 0..2 {
                if answers[index].is_none() {
                    tokio::select! {
                        biased;
                        answer = &mut runs[index] => answers[index] = Some(answer),
                        () = world.gates[index].waiting() => {}
                    }
                }
            }
            let open: Vec<usize> = (0..2).filter(|index| answers[*index].is_none()).collect();
            let Some(first) = open.first() else { break };
            let next = schedule.get(choices.len()).copied().filter(|next| open.contains(next)).unwrap_or(*first);
            choices.push((next, open.len() == 2));
            let (one, other) = runs.split_at_mut(1);
            let run = if next == 0 { &mut one[0] } else { &mut other[0] };
            // The run goes on while its request passes.
            tokio::select! {
                biased;
                answer = run => answers[next] = Some(answer),
                () = world.gates[next].step() => {}
            }
        }
    }
    world.gates[0].late().await;
    let case = format!("{schedule:?} {fate:?}: {answers:?}");
    let killed = matches!(answers[0], Some(None));
    let accepted =
        answers.iter().filter(|answer| matches!(answer, Some(Some(Ok(outcome))) if outcome["status"] == "accepted"));
    assert!(accepted.count() <= 1, "{case}");
    for gate in &world.gates {
        gate.open();
    }
    world.check(&host, &case).await;
    if killed {
        world.replace(0).await;
    }
    choices
}

/// The schedule after the one that led to `choices`, depth first; `None` after the last. The first choice stays.
fn next_schedule(choices: &[(usize, bool)]) -> Option<Schedule> {
    let last = choices.iter().rposition(|(choice, open)| *open && *choice == 0)?;
    let mut schedule: Schedule = choices[..last].iter().map(|(choice, _)| *choice).collect();
    schedule.push(1);
    Some(schedule)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_interleaving_of_two_environments() {
    let deliveries = [["one", "one"], ["one", "other"]];
    let runs = deliveries.map(|ids| {
        tokio::spawn(async move {
            let mut world = World::start().await;
            let (mut schedule, mut cases) = (Some(Schedule::new()), 0);
            while let Some(next) = schedule {
                let choices = interleaved(&mut world, &next, ids, None).await;
                schedule = next_schedule(&choices);
                cases += 1;
            }
            cases
        })
    });
    let mut cases = 0;
    for run in runs {
        cases += run.await.expect("no failed case");
    }
    println!("never twice: {cases} interleavings of two environments");
    assert!(cases > 100, "{cases}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_in_every_interleaving_of_the_writes() {
    // The reads of both are over; what is left of each is the admission, the command and the settlement.
    let mut world = World::start().await;
    let mut cases = 0;
    for fate in Fate::ALL {
        for number in 3..6 {
            let mut schedule = Some(vec![0, 0, 0, 1, 1, 1]);
            while let Some(next) = schedule.filter(|next| next.starts_with(&[0, 0, 0, 1, 1, 1])) {
                let choices = interleaved(&mut world, &next, ["one", "other"], Some((number, fate))).await;
                schedule = next_schedule(&choices);
                cases += 1;
            }
        }
    }
    println!("never twice: {cases} interruptions in interleavings of the writes of two environments");
    assert!(cases > 50, "{cases}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_deliveries_of_one_alert_to_eight_environments_are_one_command() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.dynamo.conflict_every(5);
    let host = "633f3f295482343ff32add41";
    let mut environments = Vec::new();
    for _ in 0..8 {
        environments.push(rehearsal.function("shutdown-host", &[]).await);
    }
    let deliveries = environments.iter().map(async |environment| {
        let mut answers = Vec::new();
        for _ in 0..25 {
            answers.push(environment.invoke(alert(host, "one"), TIMEOUT).await);
        }
        answers
    });
    let answers = futures_util::future::join_all(deliveries).await.concat();
    assert_eq!((answers.len(), rehearsal.tenant.shutdowns().len()), (200, 1));
    let accepted = answers.iter().filter(|answer| matches!(answer, Ok(outcome) if outcome["status"] == "accepted"));
    assert_eq!(accepted.count(), 1);
    for answer in &answers {
        match answer {
            Ok(outcome) => assert!(outcome["status"] == "accepted" || outcome["pending"].is_object(), "{outcome}"),
            Err(error) => assert_eq!(error["errorType"], "InProgress", "{error}"),
        }
    }
}
