//! Which calls a playbook makes, which of them wait for which, and what the contract would allow.

use sandbox::seed::COMPUTER123;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    Bench,
    lambda::Function,
    report::{Row, Section},
    world::{Call, World},
};

/// Long against all else, so that what waits for what can be read from the times.
const DELAY: Duration = Duration::from_millis(40);

struct Scenario {
    playbook: &'static str,
    state: &'static str,
    event: Value,
    /// Calls, and how many of them one after another.
    minimum: (usize, usize),
    why: &'static str,
    /// Whether there is a guard table.
    table: bool,
}

impl Scenario {
    fn with_table(self) -> Self {
        Self { table: true, ..self }
    }
}

fn scenarios() -> Vec<Scenario> {
    let scenario =
        |playbook, state, event, minimum, why| Scenario { playbook, state, event, minimum, why, table: false };
    let user_id = |digits: &str| json!({"user_id": format!("5f0c1b2a3d4e5f60718293{digits}")});
    let enrich = "all needs the id, a user's scheduled state changes too; facts of the devices, and the name of each group without an LDAP name, need theirs";
    let enrich_id = "the id is given: all by it concurrently; then facts of the devices and names";
    let change = "a search leaves fields out, so the user that it finds is read by its id before the change; then it is read back; devices beside both";
    let change_id = "the change needs a look at the user first; then it is read back; devices beside both";
    let look = "one look; there is nothing to change";
    let found = "a search leaves fields out: what it finds is read by its id and judged on that";
    let dry = "what a search finds is read by its id; devices need the id, their facts need theirs";
    let local = "as by name, and a local account counts only if JumpCloud binds the user to the host: its host is searched beside the user, the binding read beside the user's read";
    let mac = "a Mac is shut down by its MDM, whose server and whose id of the Mac are looked up one after the other";
    let candidates = "a host of that name with another domain is a candidate, and only another search finds it";
    let kept = "the table is read beside the user's read, and the hold of who wants the user suspended is written beside the devices";
    let admitted = "the table is read beside the target's read; nothing is sent before the admission is written; what became of it is written beside the reading back, or after the command where nothing is read back";
    vec![
        scenario("enrich-user", "by name, 3 devices", json!({"username": "jsmith"}), (7, 3), enrich),
        scenario("enrich-user", "by id, 3 devices", user_id("01"), (6, 2), enrich_id),
        scenario(
            "enrich-user",
            "unknown id",
            user_id("ff"),
            (5, 2),
            "a 404 is confirmed by a search; devices, groups and state changes were asked for side by side",
        ),
        scenario("enrich-user", "nobody", json!({"username": "nobody"}), (1, 1), look),
        scenario("enrich-host", "by name", json!({"hostname": "Computer123"}), (6, 3), enrich),
        scenario("enrich-host", "by id", json!({"host_id": COMPUTER123}), (5, 2), enrich_id),
        scenario("enrich-host", "two of that name", json!({"hostname": "LAPTOP-7"}), (1, 1), look),
        scenario("disable-user", "active, by name", json!({"username": "jsmith"}), (6, 4), change),
        scenario("disable-user", "active, a finding's local account", local_account(), (8, 4), local),
        scenario("disable-user", "active, by id", user_id("01"), (5, 3), change_id),
        scenario("disable-user", "suspended, by name", json!({"username": "mgarcia"}), (4, 4), dry),
        scenario(
            "disable-user",
            "suspended, by id",
            user_id("02"),
            (3, 3),
            "a command reads nothing about a user before it is known to be one: an unknown id or an administrator would cost a call more",
        ),
        scenario("disable-user", "dry run, by name", json!({"username": "jsmith", "dry_run": true}), (4, 4), dry),
        scenario("disable-user", "administrator", json!({"username": "cadmin"}), (2, 2), found),
        scenario("disable-user", "nobody", json!({"username": "nobody"}), (1, 1), look),
        scenario("disable-user", "unknown id", user_id("ff"), (2, 2), "a 404 is confirmed by a search"),
        scenario("enable-user", "suspended, by name", json!({"username": "mgarcia"}), (4, 4), change),
        scenario("enable-user", "staged, by name", json!({"username": "pnew"}), (4, 4), change),
        scenario("enable-user", "active, by name", json!({"username": "jsmith"}), (2, 2), found),
        scenario("reset-password", "by name, 3 devices", json!({"username": "jsmith"}), (6, 4), change),
        scenario("reset-password", "by name, no devices", json!({"username": "pnew"}), (5, 4), change),
        scenario("reset-password", "administrator", json!({"username": "cadmin"}), (2, 2), found),
        scenario(
            "shutdown-host",
            "by name",
            json!({"hostname": "Computer123"}),
            (3, 3),
            "a search leaves fields out, so the host that it finds is read by its id before the command",
        ),
        scenario(
            "shutdown-host",
            "by id",
            json!({"host_id": COMPUTER123}),
            (2, 2),
            "the host is looked at before the command",
        ),
        scenario("shutdown-host", "macOS", json!({"hostname": "MacBook-Ana"}), (5, 5), mac),
        scenario("shutdown-host", "no such host", json!({"hostname": "nowhere"}), (2, 2), candidates),
        scenario("enrich-user", "by name, 3 devices, with the table", json!({"username": "jsmith"}), (7, 3), enrich)
            .with_table(),
        scenario("disable-user", "active, by name, with the table", json!({"username": "jsmith"}), (10, 5), admitted)
            .with_table(),
        scenario("disable-user", "suspended, by name, with the table", json!({"username": "mgarcia"}), (7, 4), kept)
            .with_table(),
        scenario("enable-user", "suspended, by name, with the table", json!({"username": "mgarcia"}), (8, 5), admitted)
            .with_table(),
        scenario(
            "reset-password",
            "by name, 3 devices, with the table",
            json!({"username": "jsmith"}),
            (10, 5),
            admitted,
        )
        .with_table(),
        scenario("shutdown-host", "by name, with the table", json!({"hostname": "Computer123"}), (7, 5), admitted)
            .with_table(),
    ]
}

/// A finding of now about a login name on a host.
fn local_account() -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let finding = json!({"class_uid": 2004, "metadata": {}, "status": "New", "status_id": 1, "time": now as u64,
        "user": {"name": "jsmith"}, "device": {"hostname": "Computer123"}});
    json!({"detail-type": "Findings Imported V2", "source": "aws.securityhub", "id": "f-1", "detail": {"findings": [finding]}})
}

pub(crate) async fn calls(bench: &Bench) -> Section {
    let mut rows = Vec::new();
    for Scenario { playbook, state, event, minimum, why, table } in scenarios() {
        let world = World::with(DELAY, None).await;
        let env = if table { world.env_with_table() } else { world.env().to_vec() };
        let mut function = Function::start(&bench.programs.rust(playbook), &env, None).await;
        world.take_calls(); // what opens connections in init
        function.invoke(&event).await;
        let calls = world.take_calls();
        let rounds = rounds(&calls);
        let shown: Vec<String> = rounds.iter().map(|calls| format!("`{}`", calls.join("` + `"))).collect();
        rows.push(
            Row::new(format!("{playbook}, {state}"))
                .number("calls", calls.len() as f64)
                .number("least calls", minimum.0 as f64)
                .number("one after another", rounds.len() as f64)
                .number("least one after another", minimum.1 as f64)
                .text("sequence", shown.join(" -> "))
                .text("why not fewer", why),
        );
    }
    let about = format!(
        "The calls of one invocation, from the tenant's and the guard table's record, each answered after {} ms. `+`: side by \
         side; `->`: waits for what is before it. The connections' opening in init and Secrets Manager are not counted.",
        DELAY.as_millis()
    );
    Section::new("calls", about, rows)
}

/// Calls by how many others each waited for, one after another: it began when those had ended.
fn rounds(calls: &[Call]) -> Vec<Vec<String>> {
    let mut rounds: Vec<Vec<String>> = Vec::new();
    let mut depths: Vec<usize> = Vec::new();
    for call in calls {
        let ended = calls.iter().zip(&depths).filter(|(other, _)| other.to <= call.from);
        let depth = ended.map(|(_, depth)| depth + 1).max().unwrap_or(0);
        depths.push(depth);
        rounds.resize(rounds.len().max(depth + 1), Vec::new());
        rounds[depth].push(call.name.clone());
    }
    for round in &mut rounds {
        round.sort(); // those side by side arrive in any order
    }
    rounds
}
