//! Never twice, by enumeration: real binaries against the guard table, interrupted at each of their requests.

use sandbox::{
    gate::Fate,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    ANY_AGE,
    interruptions::{World, alert, deliver},
};

/// The first requests of a delivery: the host, the protected entries, the switches with the record.
const READS: usize = 3;

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
/// the first environment that meets its fate. The choices that there were; with a fate, one for all reads.
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
    let mut choices: Vec<(usize, bool)> = Vec::new();
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
            let begins = !choices.iter().any(|(choice, _)| *choice == next);
            let requests = if begins && fate.is_some() { READS } else { 1 };
            choices.push((next, open.len() == 2));
            let (one, other) = runs.split_at_mut(1);
            let run = if next == 0 { &mut one[0] } else { &mut other[0] };
            let pass = async {
                for _ in 0..requests {
                    world.gates[next].waiting().await;
                    world.gates[next].step().await;
                }
            };
            // The run goes on while its requests pass.
            tokio::select! {
                biased;
                answer = run => answers[next] = Some(answer),
                () = pass => {}
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

/// The schedule after the one that led to `choices`, depth first; `None` after the last.
fn next_schedule(choices: &[(usize, bool)]) -> Option<Schedule> {
    let last = choices.iter().rposition(|(choice, open)| *open && *choice == 0)?;
    let mut schedule: Schedule = choices[..last].iter().map(|(choice, _)| *choice).collect();
    schedule.push(1);
    Some(schedule)
}

/// The cases of all `runs`, once none of them failed.
async fn counted(runs: [JoinHandle<i32>; 2]) -> i32 {
    let mut cases = 0;
    for run in runs {
        cases += run.await.expect("no failed case");
    }
    cases
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
    let cases = counted(runs).await;
    println!("never twice: {cases} interleavings of two environments");
    assert!(cases > 100, "{cases}");
}

/// Reads have no effect on others: an interruption at one is that of an environment alone, above, or another interleaving.
/// So all reads of a delivery are one step here, and each write is interrupted in each way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_at_each_write_in_every_interleaving() {
    let deliveries = [["one", "one"], ["one", "other"]];
    let runs = deliveries.map(|ids| {
        tokio::spawn(async move {
            let mut world = World::start().await;
            let mut cases = 0;
            for fate in Fate::ALL {
                for number in READS..READS + 3 {
                    let mut schedule = Some(Schedule::new());
                    while let Some(next) = schedule {
                        let choices = interleaved(&mut world, &next, ids, Some((number, fate))).await;
                        schedule = next_schedule(&choices);
                        cases += 1;
                    }
                }
            }
            cases
        })
    });
    let cases = counted(runs).await;
    println!("never twice: {cases} interruptions of writes in interleavings of two environments");
    assert!(cases > 300, "{cases}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_deliveries_of_one_alert_to_eight_environments_are_one_command() {
    let rehearsal = Rehearsal::start().await;
    rehearsal.dynamo.conflict_every(5);
    let host = "633f3f295482343ff32add41";
    let mut environments = Vec::new();
    for _ in 0..8 {
        environments.push(rehearsal.function("shutdown-host", &[ANY_AGE]).await);
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
