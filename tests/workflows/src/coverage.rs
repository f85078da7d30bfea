//! Which states and transitions the executions went through.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::machines::{MACHINES, read, states};

/// From one state to another; by `machines::check` this says which Next, branch or Catch it was.
type Edges = BTreeSet<(String, String)>;

/// Prints the coverage of every machine and returns whether all of it was visited.
pub(crate) fn report(histories: &[(String, Vec<Value>)]) -> bool {
    let mut complete = true;
    for name in MACHINES {
        let definition: Value = serde_json::from_str(&read(name)).expect("valid JSON");
        let all: BTreeSet<String> = states(&definition).into_iter().map(|(state, _)| state.to_owned()).collect();
        let edges = edges(&definition);
        let (mut entered, mut taken) = (BTreeSet::new(), Edges::new());
        let own: Vec<_> = histories.iter().filter(|(machine, _)| machine == name).collect();
        for (_, history) in &own {
            visit(history, &mut entered, &mut taken);
        }
        let (missed, untaken): (Vec<_>, Vec<_>) =
            (all.difference(&entered).collect(), edges.difference(&taken).collect());
        println!(
            "{name}: {} executions, {} of {} states, {} of {} transitions",
            own.len(),
            all.len() - missed.len(),
            all.len(),
            edges.len() - untaken.len(),
            edges.len()
        );
        for state in &missed {
            println!("  never entered: {state}");
        }
        for (from, to) in &untaken {
            println!("  never taken: {from} -> {to}");
        }
        complete &= missed.is_empty() && untaken.is_empty();
    }
    complete
}

/// Every transition of a definition.
fn edges(definition: &Value) -> Edges {
    let mut edges = Edges::new();
    for (name, state) in states(definition) {
        let others = ["Choices", "Catch"].iter().filter_map(|list| state[list].as_array()).flatten();
        let targets = others.map(|other| &other["Next"]).chain([&state["Next"], &state["Default"]]);
        edges.extend(targets.filter_map(Value::as_str).map(|target| (name.to_owned(), target.to_owned())));
    }
    edges
}

/// A state was entered from the state that the chain of events behind it meets first.
fn visit(history: &[Value], entered: &mut BTreeSet<String>, taken: &mut Edges) {
    let by_id: HashMap<u64, &Value> = history.iter().filter_map(|event| Some((event["id"].as_u64()?, event))).collect();
    let named = |event: &Value, details: &str| event[details]["name"].as_str().map(str::to_owned);
    for event in history {
        let Some(name) = named(event, "stateEnteredEventDetails") else { continue };
        let mut before = event;
        while let Some(event) = before["previousEventId"].as_u64().and_then(|id| by_id.get(&id)) {
            before = event;
            if let Some(from) = named(before, "stateExitedEventDetails") {
                taken.insert((from, name.clone()));
                break;
            }
            if before.get("stateEnteredEventDetails").is_some() {
                break;
            }
        }
        entered.insert(name);
    }
}
