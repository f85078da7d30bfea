//! An outcome as Markdown, for a ticket or a war room.
//!
//! Names come from people and devices, so none of them may become a link, a heading or a mention.

use std::fmt::Write;

use serde_json::Value;

use crate::outcome::Outcome;

/// The most items of a list that are written out; the outcome's JSON has them all.
const MAX_ITEMS: usize = 25;

/// Summary, change, facts, advisories and undo.
pub(crate) fn render(outcome: &Outcome) -> String {
    let mut text = format!("### {}\n\n{}\n", outcome.playbook, escaped(&outcome.summary));
    for (label, value) in [("Before", &outcome.before), ("After", &outcome.after)] {
        if let Some(value) = value {
            let _ = write!(text, "\n- {label}: {}", inline(value));
        }
    }
    for (label, facts) in [("User", &outcome.user), ("Host", &outcome.host)] {
        if let Some(Value::Object(facts)) = facts {
            let _ = write!(text, "\n\n**{label}**\n");
            for (name, value) in facts {
                let _ = write!(text, "\n- {name}: ");
                match value.as_array().filter(|items| items.iter().any(Value::is_object)) {
                    Some(items) => list(&mut text, items),
                    None => text.push_str(&inline(value)),
                }
            }
        }
    }
    section(&mut text, "Candidates", outcome.candidates.iter().map(|candidate| code(&candidate.to_string())));
    section(
        &mut text,
        "Advisories",
        outcome.advisories.iter().map(|advisory| format!("{}: {}", advisory.code.name(), escaped(&advisory.message))),
    );
    let undo = outcome.undo.iter().filter_map(|undo| serde_json::to_value(undo).ok());
    section(
        &mut text,
        "Undo",
        undo.map(|undo| format!("{} with {}", inline(&undo["playbook"]), code(&undo["event"].to_string()))),
    );
    text.push('\n');
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (index, line) in lines.enumerate() {
        if index == 0 {
            let _ = write!(text, "\n\n**{title}**\n");
        }
        let _ = write!(text, "\n- {line}");
    }
}

fn list(text: &mut String, items: &[Value]) {
    let _ = write!(text, "{}", items.len());
    for item in items.iter().take(MAX_ITEMS) {
        let _ = write!(text, "\n  - {}", inline(item));
    }
    if items.len() > MAX_ITEMS {
        let _ = write!(text, "\n  - and {} more", items.len() - MAX_ITEMS);
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{name} {}", inline(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join("; "),
        Value::String(text) => code(text),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// As code, in which nothing is interpreted.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace(char::is_control, " "))
}

/// As text, with everything escaped that Markdown would interpret.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_markup() {
        assert_eq!(escaped("[x](http://y) _a_ <b>\n# c"), "\\[x\\](http://y) \\_a\\_ \\<b\\> \\# c");
        assert_eq!(code("a`b\nc"), "`a'b c`");
    }
}
