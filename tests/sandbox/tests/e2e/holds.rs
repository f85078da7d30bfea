//! A containment lasts as long as anybody wants it: what ends one is not allowed to end another.

use std::collections::BTreeSet;

use sandbox::{
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
    seed::JSMITH,
};
use serde_json::{Value, json};

use crate::error_type;

/// What happens to a user, in some order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A containment begins; the third is for good and names no hold.
    Contain(usize),
    /// Its time is over.
    Release(usize),
    /// An administrator, in JumpCloud itself.
    Enable,
    /// The same.
    Suspend,
}

use Step::{Contain, Enable, Release, Suspend};

const STEPS: [Step; 7] = [Contain(0), Release(0), Contain(1), Release(1), Contain(2), Enable, Suspend];
const HOURS: [u16; 2] = [1, 24];

/// All orders in which each containment begins before its time is over.
fn orders() -> Vec<Vec<Step>> {
    fn extend(order: &[Step], orders: &mut Vec<Vec<Step>>) {
        if order.len() == STEPS.len() {
            return orders.push(order.to_vec());
        }
        for step in STEPS.into_iter().filter(|step| !order.contains(step)) {
            if let Release(which) = step
                && !order.contains(&Contain(which))
            {
                continue;
            }
            extend(&[order, &[step]].concat(), orders);
        }
    }
    let mut orders = Vec::new();
    extend(&[], &mut orders);
    orders
}

/// What must be true of the user, in other words than the ledger's.
#[derive(Default)]
struct Expected {
    suspended: bool,
    wanted: BTreeSet<usize>,
    /// Suspended by somebody else than us, for good.
    foreign: bool,
}

impl Expected {
    /// The status of the answer; `None` for what is done in JumpCloud itself.
    fn after(&mut self, step: Step) -> Option<&'static str> {
        match step {
            Enable => self.suspended = false,
            Suspend => {
                // JumpCloud's user says neither by whom nor since when it is suspended. Of one who is suspended already it
                // shows no difference; nor of one whom an administrator enabled and suspended again while we hold the user.
                self.foreign |= !self.suspended && self.wanted.is_empty();
                self.suspended = true;
            }
            Contain(which) if self.suspended => {
                self.foreign |= self.wanted.is_empty();
                self.wanted.insert(which);
                return Some("unchanged");
            }
            Contain(which) => {
                (self.suspended, self.foreign) = (true, false);
                self.wanted.insert(which);
                return Some("succeeded");
            }
            Release(which) => {
                self.wanted.remove(&which);
                let free = self.suspended && self.wanted.is_empty() && !self.foreign;
                self.suspended &= !free;
                return Some(if free { "succeeded" } else { "unchanged" });
            }
        }
        None
    }
}

async fn play(rehearsal: &Rehearsal, [disable, enable]: &[Function; 2], number: usize, order: &[Step]) {
    let (id, name) = (format!("{number:024x}"), format!("u{number}"));
    rehearsal.tenant.add("systemusers", json!({"_id": id, "username": name, "state": "ACTIVATED"}));
    rehearsal.dynamo.delete("default#switch", "disable-user"); // so that no limit is in the way
    let mut expected = Expected::default();
    for (index, step) in order.iter().enumerate() {
        let case = || format!("{order:?}, step {index}");
        let answer = match step {
            Enable => {
                rehearsal.tenant.set("systemusers", &id, json!({"state": "ACTIVATED", "suspended": false}));
                None
            }
            Suspend => {
                rehearsal.tenant.set("systemusers", &id, json!({"state": "SUSPENDED", "suspended": true}));
                None
            }
            Contain(2) => Some(disable.invoke(json!({"user_id": id}), TIMEOUT).await),
            Contain(which) => {
                let event = json!({"user_id": id, "hold": format!("c-{which}"), "hold_hours": HOURS[*which]});
                Some(disable.invoke(event, TIMEOUT).await)
            }
            Release(which) => {
                Some(enable.invoke(json!({"user_id": id, "release": format!("c-{which}")}), TIMEOUT).await)
            }
        };
        let status =
            answer.map(|answer| answer.unwrap_or_else(|error| panic!("{}: {error}", case()))["status"].clone());
        assert_eq!(status, expected.after(*step).map(Value::from), "{}", case());
        assert_eq!(rehearsal.tenant.user(&name)["state"] == "SUSPENDED", expected.suspended, "{}", case());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_containments_and_an_administrator_in_every_order() {
    let orders = orders();
    let count = orders.len();
    assert_eq!(count, 1260);
    let mut worlds = Vec::new();
    for orders in orders.chunks(count.div_ceil(2)).map(<[_]>::to_vec) {
        worlds.push(tokio::spawn(async move {
            let rehearsal = Rehearsal::start().await;
            let functions =
                [rehearsal.function("disable-user", &[]).await, rehearsal.function("enable-user", &[]).await];
            for (number, order) in orders.iter().enumerate() {
                play(&rehearsal, &functions, number, order).await;
            }
        }));
    }
    for world in worlds {
        world.await.expect("no failed order");
    }
    println!("holds: {count} orders of three containments and an administrator");
}

/// The ids of an outcome's holds.
fn ids(outcome: &Value) -> Vec<&str> {
    let holds = outcome["holds"].as_array().into_iter().flatten();
    holds.map(|hold| hold["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn a_person_decides_for_all_and_is_told_whom_that_ended() {
    let rehearsal = Rehearsal::start().await;
    let contain = json!({"username": "jsmith", "hold": "c-1", "hold_hours": 1, "reason": "INC-9"});
    let first = rehearsal.run("disable-user", contain.clone()).await.unwrap();
    assert_eq!((ids(&first), &first["holds"][0]["reason"]), (vec!["c-1"], &json!("INC-9")));
    assert!(first["summary"].as_str().unwrap().contains("Held by c-1"), "{first}");
    // Repeated, it holds once; a dry run tells and writes nothing.
    assert_eq!(ids(&rehearsal.run("disable-user", contain).await.unwrap()), ["c-1"]);
    let dry = json!({"username": "jsmith", "hold": "c-2", "dry_run": true});
    assert_eq!(ids(&rehearsal.run("disable-user", dry).await.unwrap()), ["c-1"]);
    // Another playbook's record of the same user keeps them.
    rehearsal.run("reset-password", json!({"username": "jsmith"})).await.unwrap();
    let second = rehearsal.run("disable-user", json!({"username": "jsmith", "hold": "c-2"})).await.unwrap();
    assert_eq!((ids(&second), &second["status"]), (vec!["c-1", "c-2"], &json!("unchanged")));
    let early = rehearsal.run("enable-user", json!({"username": "jsmith", "release": "c-1"})).await.unwrap();
    assert_eq!((&early["status"], &early["changed"], ids(&early)), (&json!("unchanged"), &json!(false), vec!["c-2"]));
    assert!(early["summary"].as_str().unwrap().contains("also held by c-2"), "{early}");
    assert_eq!(rehearsal.tenant.user("jsmith")["state"], "SUSPENDED");
    let twice = rehearsal.run("enable-user", json!({"username": "jsmith", "release": "c-1"})).await.unwrap();
    assert!(twice["summary"].as_str().unwrap().contains("not held by c-1"), "{twice}");
    let person = rehearsal.run("enable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((&person["status"], ids(&person)), (&json!("succeeded"), vec![]));
    assert!(person["summary"].as_str().unwrap().contains("Ended holds: c-2"), "{person}");
}

#[tokio::test]
async fn only_a_direct_event_and_only_a_table_can_hold() {
    let rehearsal = Rehearsal::start().await;
    let hold = json!({"username": "jsmith", "hold": "c-1"});
    let alert = json!({"version": "0", "id": "a", "detail-type": "Alert", "source": "test", "account": "1", "region": "us-east-1",
        "time": chrono::Utc::now().to_rfc3339(), "resources": [], "detail": hold});
    assert_eq!(error_type(rehearsal.run("disable-user", alert).await), "InvalidInput");
    for (playbook, event) in [
        ("disable-user", json!({"username": "jsmith", "hold_hours": 1})),
        ("disable-user", json!({"username": "jsmith", "hold": "c-1", "hold_hours": 0})),
        ("disable-user", json!({"username": "jsmith", "release": "c-1"})),
        ("enable-user", json!({"username": "jsmith", "hold": "c-1"})),
        ("reset-password", json!({"username": "jsmith", "hold": "c-1"})),
    ] {
        assert_eq!(error_type(rehearsal.run(playbook, event).await), "InvalidInput");
    }
    let without = rehearsal.function("disable-user", &[("GUARD_TABLE", "none")]).await;
    assert_eq!(error_type(without.invoke(hold.clone(), TIMEOUT).await), "Unsupported");
    // Who is protected and suspended already is not held, either.
    rehearsal.tenant.set("systemusers", JSMITH, json!({"state": "SUSPENDED", "suspended": true}));
    let text = |text: &str| json!({"S": text});
    rehearsal.dynamo.put(json!({"pk": text("default#protected"), "sk": text("user#jsmith"), "as": text("never")}));
    assert_eq!(error_type(rehearsal.run("disable-user", hold).await), "Protected");
    assert!(rehearsal.tenant.writes().is_empty() && rehearsal.dynamo.items("default#change").is_empty());
}
