//! Pictures of the state machines for docs/workflows.md and the README, in Mermaid.

use std::{collections::HashMap, fmt::Write, path::PathBuf};

use serde_json::Value;

use crate::machines::{MACHINES, read, states};

/// The picture that the README shows.
const OVERVIEW: &str = "contain-user";

/// Compares the pictures of the pages with the definitions, or, with `write`, brings them up to date.
pub(crate) fn check(write: bool) -> Result<(), String> {
    let mut pictures = Vec::new();
    for name in MACHINES {
        let definition: Value = serde_json::from_str(&read(name)).map_err(|error| error.to_string())?;
        if name == OVERVIEW {
            pictures.push(("README.md", format!("overview of {name}"), overview(&definition)));
        }
        pictures.push(("docs/workflows.md", format!("picture of {name}"), draw(&definition)));
    }
    pictures.into_iter().try_for_each(|(page, mark, picture)| put(page, &mark, &picture, write))
}

/// Compares one picture of a page, or puts it there.
fn put(page: &str, mark: &str, picture: &str, write: bool) -> Result<(), String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let written = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let (start, end) = (format!("<!-- {mark} -->\n"), "<!-- end of picture -->");
    let (head, rest) = written.split_once(&start).ok_or(format!("{page} has no place for the {mark}"))?;
    let (_, tail) = rest.split_once(end).ok_or(format!("the place for the {mark} has no end"))?;
    let wanted = format!("{head}{start}```mermaid\n{picture}```\n{end}{tail}");
    match wanted == written {
        true => Ok(()),
        false if write => std::fs::write(&path, wanted).map_err(|error| error.to_string()),
        false => Err(format!("the {mark} in {page} is out of date; run cargo xtask workflows --write")),
    }
}

/// The calls and waits of the outermost level, and which follows which where nothing fails.
fn overview(definition: &Value) -> String {
    let states = definition["States"].as_object().into_iter().flatten();
    let shown = |state: &Value| matches!(state["Type"].as_str(), Some("Task" | "Wait" | "Map" | "Parallel"));
    let names: Vec<&str> = states.filter(|(_, state)| shown(state)).map(|(name, _)| name.as_str()).collect();
    let id = |name: &str| names.iter().position(|shown| *shown == name);
    let mut text = "flowchart LR\n".to_owned();
    for (index, name) in names.iter().enumerate() {
        let (mut open, mut seen, mut after) = (next(&definition["States"][name]), Vec::new(), Vec::new());
        while let Some(state) = open.pop() {
            match id(&state) {
                _ if seen.contains(&state) => continue,
                Some(index) => after.push(index),
                None => open.extend(next(&definition["States"][&state])),
            }
            seen.push(state);
        }
        after.sort_unstable();
        let after: Vec<String> = after.into_iter().map(|index| format!("s{index}")).collect();
        let arrow = if after.is_empty() { "" } else { " --> " };
        let _ = writeln!(text, "  s{index}[\"{name}\"]{arrow}{}", after.join(" & "));
    }
    text
}

/// The states that follow a state where nothing fails.
fn next(state: &Value) -> Vec<String> {
    let choices = state["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
    let names = choices.chain([&state["Default"], &state["Next"]]);
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A flowchart: diamonds choose, dotted lines are errors, frames are what Map and Parallel run.
fn draw(definition: &Value) -> String {
    let ids: HashMap<&str, String> =
        states(definition).into_iter().enumerate().map(|(index, (name, _))| (name, format!("s{index}"))).collect();
    let mut text = "flowchart TD\n".to_owned();
    chart(definition, &ids, 1, &mut text);
    text
}

fn chart(definition: &Value, ids: &HashMap<&str, String>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let mut line = |content: String| {
        let _ = writeln!(text, "{indent}{content}");
    };
    let states = definition["States"].as_object().into_iter().flatten();
    let mut inner = Vec::new();
    for (name, state) in states {
        let id = &ids[name.as_str()];
        line(match state["Type"].as_str().unwrap_or_default() {
            "Choice" => format!("{id}{{\"{name}\"}}"),
            "Task" => format!("{id}[[\"{name}\"]]"),
            "Succeed" | "Fail" => format!("{id}([\"{name}\"])"),
            _ => format!("{id}[\"{name}\"]"),
        });
        for choice in state["Choices"].as_array().into_iter().flatten() {
            line(format!("{id} --> {}", ids[choice["Next"].as_str().unwrap_or_default()]));
        }
        if let Some(next) = state["Default"].as_str() {
            line(format!("{id} -->|otherwise| {}", ids[next]));
        }
        if let Some(next) = state["Next"].as_str() {
            line(format!("{id} --> {}", ids[next]));
        }
        for catch in state["Catch"].as_array().into_iter().flatten() {
            line(format!("{id} -.-> {}", ids[catch["Next"].as_str().unwrap_or_default()]));
        }
        let parts = state["Branches"].as_array().into_iter().flatten().chain(state.get("ItemProcessor"));
        for part in parts {
            line(format!("{id} --- {}", ids[part["StartAt"].as_str().unwrap_or_default()]));
            inner.push((name, part));
        }
    }
    for (index, (name, part)) in inner.into_iter().enumerate() {
        let _ = writeln!(text, "{indent}subgraph {}p{index} [\"{name}\"]", ids[name.as_str()]);
        chart(part, ids, depth + 1, text);
        let _ = writeln!(text, "{indent}end");
    }
}
