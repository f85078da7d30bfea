//! Pictures of the state machines for docs/workflows.md, in Mermaid.

use std::{collections::HashMap, fmt::Write, path::PathBuf};

use serde_json::Value;

use crate::machines::{MACHINES, read, states};

/// Compares the page's pictures with the definitions, or, with `write`, brings them up to date.
pub(crate) fn check(write: bool) -> Result<(), String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/workflows.md");
    let page = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let mut wanted = page.clone();
    for name in MACHINES {
        let definition: Value = serde_json::from_str(&read(name)).map_err(|error| error.to_string())?;
        let (start, end) = (format!("<!-- picture of {name} -->\n"), "<!-- end of picture -->");
        let (head, rest) =
            wanted.split_once(&start).ok_or(format!("docs/workflows.md has no place for {name}'s picture"))?;
        let (_, tail) = rest.split_once(end).ok_or(format!("the place for {name}'s picture has no end"))?;
        wanted = format!("{head}{start}```mermaid\n{}```\n{end}{tail}", draw(&definition));
    }
    match wanted == page {
        true => Ok(()),
        false if write => std::fs::write(&path, wanted).map_err(|error| error.to_string()),
        false => Err("the pictures in docs/workflows.md are out of date; run tests/workflows/run --write".to_owned()),
    }
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
