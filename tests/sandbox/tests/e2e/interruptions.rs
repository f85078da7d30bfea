//! Two environments that can be interrupted at each of their requests, and what must hold afterwards.

use sandbox::{
    gate::Gate,
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
};
use serde_json::{Value, json};

use crate::{ANY_AGE, error_type};

/// A tenant with a table, two environments behind gates, and one that is never interrupted.
pub(crate) struct World {
    rehearsal: Rehearsal,
    pub(crate) gates: [Gate; 2],
    pub(crate) environments: [Function; 2],
    healthy: Function,
    hosts: usize,
}

impl World {
    pub(crate) async fn start() -> Self {
        let rehearsal = Rehearsal::start().await;
        let gates = [Gate::start(&rehearsal).await, Gate::start(&rehearsal).await];
        let environments = [environment(&rehearsal, &gates[0]).await, environment(&rehearsal, &gates[1]).await];
        let healthy = rehearsal
            .function("shutdown-host", &[("MAX_TARGETS_PER_HOUR", "1000"), ("MAX_TARGETS_PER_DAY", "1000"), ANY_AGE])
            .await;
        let world = Self { rehearsal, gates, environments, healthy, hosts: 0 };
        for environment in &world.environments {
            warm(environment).await;
        }
        world
    }

    /// A host that nobody has touched. The sets of targets begin anew, so that no limit is in the way.
    pub(crate) fn host(&mut self) -> String {
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
    pub(crate) fn sent(&self, host: &str) -> usize {
        self.rehearsal.tenant.shutdowns().iter().filter(|id| *id == host).count()
    }

    fn record(&self, host: &str) -> Option<Value> {
        let sk = format!("host#{host}");
        self.rehearsal.dynamo.items("default#change").into_iter().find(|item| item["sk"]["S"] == sk)
    }

    /// The process behind a gate, new.
    pub(crate) async fn replace(&mut self, index: usize) {
        self.gates[index].open();
        self.environments[index] = environment(&self.rehearsal, &self.gates[index]).await;
        warm(&self.environments[index]).await;
    }

    /// What is asked for after everything: an alert is delivered again, and again after the deadline of all that was begun.
    /// At most one command in all; exactly one where no mark was left; where a mark was left, every answer says so.
    pub(crate) async fn check(&self, host: &str, case: &str) {
        let before = self.sent(host);
        assert!(before <= 1, "{case}: {before} commands");
        let mark = self.record(host).map(|record| record["status"]["S"].as_str().unwrap_or_default().to_owned());
        let again = self.healthy.invoke(alert(host, "again"), TIMEOUT).await;
        match mark.as_deref() {
            None => {
                assert_eq!(
                    (before, &again.as_ref().expect("an outcome")["status"]),
                    (0, &json!("accepted")),
                    "{case}: {again:?}"
                );
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
                assert_eq!(error_type(again.clone()), "InProgress", "{case}: {again:?}");
                let mut record = self.record(host).expect("a record");
                record["deadline"]["N"] = json!("1");
                self.rehearsal.dynamo.put(record);
                let later = self.healthy.invoke(alert(host, "later"), TIMEOUT).await;
                assert_eq!(error_type(later.clone()), "OutcomeUnknown", "{case}: {later:?}");
            }
            _ => assert_eq!(error_type(again.clone()), "OutcomeUnknown", "{case}: {again:?}"),
        }
        assert_eq!(self.sent(host), before, "{case}: sent again");
        // Until a person decides.
        if before == 0 {
            let repeat = self.healthy.invoke(json!({"host_id": host, "repeat": true}), TIMEOUT).await;
            assert_eq!((&repeat.expect("an outcome")["status"], self.sent(host)), (&json!("accepted"), 1), "{case}");
        }
    }
}

async fn environment(rehearsal: &Rehearsal, gate: &Gate) -> Function {
    let env = gate.env();
    let changes: Vec<(&'static str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let limits = [("MAX_TARGETS_PER_HOUR", "1000"), ("MAX_TARGETS_PER_DAY", "1000"), ANY_AGE];
    rehearsal.function("shutdown-host", &[&changes[..], &limits].concat()).await
}

/// Its connections are open afterwards.
async fn warm(environment: &Function) {
    let dry = json!({"host_id": "633f3f295482343ff32add41", "dry_run": true});
    environment.invoke(dry, TIMEOUT).await.expect("a dry run");
}

/// An alert of this id about a host, as EventBridge delivers it.
pub(crate) fn alert(host: &str, id: &str) -> Value {
    json!({"version": "0", "id": id, "detail-type": "Alert", "source": "test", "account": "123456789012", "region": "us-east-1",
        "time": "2026-11-24T12:00:00Z", "resources": [], "detail": {"host_id": host}})
}

/// One delivery to an environment, until it is answered or its process is killed.
pub(crate) async fn deliver(environment: &Function, gate: &Gate, event: Value) -> Option<Result<Value, Value>> {
    tokio::select! {
        answer = environment.invoke(event, TIMEOUT) => Some(answer),
        () = gate.killed() => {
            environment.kill().await;
            None
        }
    }
}
