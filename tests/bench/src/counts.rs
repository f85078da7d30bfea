//! Instructions and allocations, which do not depend on how busy the machine is.

use sandbox::seed::JSMITH;
use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    Bench,
    lambda::Function,
    report::{Row, Section},
    world::{World, scratch},
};

/// So many invocations, and twice as many: the difference is without start and end.
const INVOCATIONS: usize = 20;
/// The least of so many counts: at valgrind's pace one of two calls side by side may end before the other begins.
const RUNS: usize = 3;

pub(crate) async fn counts(bench: &Bench) -> Section {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let event = |name: &str| -> Value {
        let text = fs::read_to_string(events.join(name)).expect("a sample event");
        serde_json::from_str(&text).expect("JSON")
    };
    let by_name = json!({"username": "jsmith"});
    let cases = [
        ("nothing: the bare lambda_runtime", "echo", by_name.clone(), ""),
        ("decode a direct event, refuse it", "disable-user", json!({"username": "jsmith", "dryrun": true}), ""),
        // Samples are of a day that has passed, so what changes something refuses them after resolving.
        (
            "decode and resolve an OCSF finding, refuse it as old",
            "disable-user",
            event("securityhub-ocsf-user.json"),
            "",
        ),
        (
            "decode and resolve an ASFF finding, refuse it as old",
            "disable-user",
            event("securityhub-asff-user.json"),
            "",
        ),
        (
            "decode and resolve an ASFF finding with two users, encode them as the answer",
            "enrich-user",
            event("securityhub-asff-two-users.json"),
            "",
        ),
        ("disable-user, nobody of that name: 1 call", "disable-user", json!({"username": "nobody"}), ""),
        ("disable-user, already suspended: 3 calls", "disable-user", by_name.clone(), "SUSPENDED"),
        ("disable-user: 6 calls", "disable-user", by_name.clone(), "ACTIVATED"),
        ("enrich-user: 7 calls", "enrich-user", by_name, "ACTIVATED"),
    ];
    let mut rows = Vec::new();
    for (subject, program, event, state) in cases {
        let world = World::start().await;
        let mut counted = Vec::new();
        for invocations in [INVOCATIONS, 2 * INVOCATIONS] {
            let mut least = [f64::INFINITY; 3];
            for _ in 0..RUNS {
                let instructions = run(bench, &world, program, &event, state, invocations, "callgrind").await;
                let blocks = run(bench, &world, program, &event, state, invocations, "dhat").await;
                let counts = [instructions[0], blocks[1], blocks[0]];
                least = std::array::from_fn(|index| least[index].min(counts[index]));
            }
            counted.push(least);
        }
        let per = |index: usize| (counted[1][index] - counted[0][index]) / INVOCATIONS as f64;
        rows.push(
            Row::new(subject)
                .number("thousand instructions", per(0) / 1e3)
                .number("allocations", per(1))
                .number("KiB allocated", per(2) / 1024.0)
                .number("million instructions of start and end", (2.0 * counted[0][0] - counted[1][0]) / 1e6),
        );
    }
    let about = format!(
        "Per invocation, by valgrind's `callgrind` and `dhat`: (2N invocations - N invocations) / N, N = {INVOCATIONS}. \
         TLS with one root of trust, HTTP, the log and the runtime are included. Differences between the lines are what the steps cost. The \
         least of {RUNS} runs."
    );
    Section::new("counts", about, rows)
}

/// `[instructions]`, or `[bytes, blocks]` allocated.
#[expect(clippy::too_many_arguments, reason = "what is measured, and how")]
async fn run(
    bench: &Bench,
    world: &World,
    program: &str,
    event: &Value,
    state: &str,
    invocations: usize,
    tool: &str,
) -> Vec<f64> {
    let log = scratch().join("valgrind.log");
    let options = [
        "valgrind".to_owned(),
        format!("--tool={tool}"),
        format!("--{tool}-out-file=/dev/null"),
        format!("--log-file={}", log.display()),
    ];
    let program = bench.programs.rust(program).under(&options);
    // How many roots the machine has must not count.
    let mut function = Function::start(&program, &world.env_with_one_root(), None).await;
    for _ in 0..invocations {
        if !state.is_empty() {
            world.set_state(JSMITH, state);
        }
        function.invoke(event).await;
    }
    function.end().await;
    let log = fs::read_to_string(&log).expect("valgrind writes it");
    // "==7== Collected : 123" and "==7== Total:     1,234 bytes in 56 blocks"
    let line = log.lines().find(|line| line.contains("Collected :") || line.contains("Total:"));
    let line = line.unwrap_or_else(|| panic!("valgrind counted nothing:\n{log}"));
    let words = line.split_whitespace().skip(2).map(|word| word.replace(',', ""));
    words.filter_map(|word| word.parse().ok()).collect()
}
