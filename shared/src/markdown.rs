//! An outcome as Markdown, for a ticket or a war room.
//!
//! Names come from people and devices, so none of them may become a link, a heading or a mention. Values are written as code. In
//! sentences every word is, that some renderer would turn into a link or a mention by itself: an address, a URL, a host's name.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    checks::Check,
    holds::in_words,
    outcome::{Access, Outcome, Status},
    text::removed,
};

/// The most items of a list that are written out; the outcome's JSON has them all.
const MAX_ITEMS: usize = 25;

/// Summary, change, facts, ways in, advisories and undo.
pub(crate) fn render(outcome: &Outcome) -> String {
    let mut text = format!("### {}\n\n{}\n", outcome.playbook, escaped(&outcome.summary));
    for (label, value) in [("Before", &outcome.before), ("After", &outcome.after)] {
        if let Some(value) = value {
            let _ = write!(text, "\n- {label}: {}", inline(value));
        }
    }
    for (label, facts) in [("User", &outcome.user), ("Host", &outcome.host), ("Guard rails", &outcome.rails)] {
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
    table(&mut text, outcome);
    checks(&mut text, &outcome.checks);
    section(&mut text, "Candidates", outcome.candidates.iter().map(|candidate| code(&candidate.to_string())));
    section(&mut text, "Held by", outcome.holds.iter().map(|hold| code(&in_words([hold]))));
    section(
        &mut text,
        "Advisories",
        outcome.advisories.iter().map(|advisory| format!("{}: {}", advisory.code.name(), escaped(&advisory.message))),
    );
    section(
        &mut text,
        "Cut",
        outcome.truncated.iter().map(|cut| {
            let of = cut.total.map_or_else(|| "more".to_owned(), |total| total.to_string());
            format!("{}: the first {} of {of}", cut.list, cut.shown)
        }),
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

/// The ways in, one a row.
fn table(text: &mut String, outcome: &Outcome) {
    let ways = &outcome.access;
    if ways.is_empty() {
        return;
    }
    let title = if outcome.status == Status::DryRun { "Ways in that would not be closed" } else { "Ways in" };
    let _ = write!(text, "\n\n**{title}**\n\n| way | state | evidence | to do |\n|---|---|---|---|");
    for Access { way, host, state, evidence, to_do, .. } in ways.iter().take(MAX_ITEMS) {
        let host = host.as_ref().map(|host| format!(" {}", code(&in_cell(host)))).unwrap_or_default();
        let to_do = to_do.as_deref().unwrap_or_default();
        let [evidence, to_do] = [evidence, to_do].map(|text| escaped(&in_cell(text)));
        let _ = write!(text, "\n| {}{host} | {} | {evidence} | {to_do} |", way.words(), state.name());
    }
    if ways.len() > MAX_ITEMS {
        let _ = write!(text, "\n\nand {} more", ways.len() - MAX_ITEMS);
    }
}

/// The checks, one a row.
fn checks(text: &mut String, checks: &[Check]) {
    if checks.is_empty() {
        return;
    }
    text.push_str("\n\n| check | state | evidence | to do |\n|---|---|---|---|");
    for check in checks {
        let state = check.cause.map_or_else(
            || check.state.name().to_owned(),
            |cause| format!("{} ({})", check.state.name(), cause.name().replace('_', " ")),
        );
        let [evidence, to_do] =
            [&check.evidence, check.to_do.as_deref().unwrap_or_default()].map(|text| escaped(&in_cell(text)));
        let _ = write!(text, "\n| {} | {state} | {evidence} | {to_do} |", check.words());
    }
}

/// Without what ends a cell, in code too.
fn in_cell(text: &str) -> String {
    text.replace('|', "¦")
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut count = 0;
    for line in lines {
        if count == 0 {
            let _ = write!(text, "\n\n**{title}**\n");
        }
        if count < MAX_ITEMS {
            let _ = write!(text, "\n- {line}");
        }
        count += 1;
    }
    if count > MAX_ITEMS {
        let _ = write!(text, "\n- and {} more", count - MAX_ITEMS);
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
        Value::Array(items) => {
            let more =
                items.len().checked_sub(MAX_ITEMS).filter(|more| *more > 0).map(|more| format!("and {more} more"));
            items.iter().take(MAX_ITEMS).map(inline).chain(more).collect::<Vec<_>>().join("; ")
        }
        Value::String(text) => code(text),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// As code, in which nothing is interpreted.
fn code(text: &str) -> String {
    match removed(text).replace('`', "'").trim() {
        "" => "` `".to_owned(), // two marks alone would begin a code of their own
        text => format!("`{text}`"),
    }
}

/// As a sentence that begins a line, with everything escaped that Markdown would interpret.
fn escaped(text: &str) -> String {
    let text = removed(text);
    let mut line = String::with_capacity(text.len() + 16);
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        push_word(&mut line, word);
    }
    // A list, a rule, or the underline of a heading.
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match line.as_bytes().get(digits) {
        Some(b'-' | b'+' | b'=') if digits == 0 => line.insert(0, '\\'),
        Some(b'.' | b')') if digits > 0 => line.insert(digits, '\\'),
        _ => {}
    }
    line
}

/// A word with its brackets and punctuation around it.
fn push_word(line: &mut String, word: &str) {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return line.push_str(word); // as most are
    }
    let inner = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '@');
    if !is_linked(inner) {
        for c in word.chars() {
            if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' | '&' | '$') {
                line.push('\\');
            }
            line.push(c);
        }
        return;
    }
    // Only what needs no escape stays outside.
    let plain = |c: char| matches!(c, '(' | ')' | ',' | '.' | ';' | ':' | '"' | '\'');
    let (inner, before) = (word.trim_start_matches(plain), word.len() - word.trim_start_matches(plain).len());
    let after = inner.len() - inner.trim_end_matches(plain).len();
    let (inner, end) = inner.split_at(inner.len() - after);
    let _ = write!(line, "{}{}{end}", &word[..before], code(inner));
}

/// Whether something in `word` may become a link or a mention: `@`, a scheme, or a dot before a letter, as in every domain.
fn is_linked(word: &str) -> bool {
    let domain = word.split('.').skip(1).any(|part| part.starts_with(char::is_alphabetic));
    domain || word.contains('@') || word.contains(":/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{AccessState, WayIn};

    #[test]
    fn a_name_cannot_become_markup() {
        assert_eq!(escaped("[x](y) _a_ <b>\n# c &#64; $d$"), "\\[x\\](y) \\_a\\_ \\<b\\>\\# c \\&\\#64; \\$d\\$");
        assert_eq!(code("a`b\nc"), "`a'bc`");
        assert_eq!(code("\u{202e}"), "` `");
        assert_eq!(code(""), "` `");
    }

    #[test]
    fn a_name_cannot_become_a_link_or_a_mention() {
        for (text, expected) in [
            ("jsmith (jsmith@company.com) is", "jsmith (`jsmith@company.com`) is"),
            ("see http://evil.example/x.", "see `http://evil.example/x`."),
            ("WWW.evil.example, x", "`WWW.evil.example`, x"),
            ("@channel", "`@channel`"),
            ("a/@org/team", "`a/@org/team`"),
            ("<!channel> <@U1>", "\\<\\!channel\\> `<@U1>`"),
            ("[c](javascript:x@y)", "`[c](javascript:x@y`)"),
            ("dc01.corp.example.com is", "`dc01.corp.example.com` is"),
            ("`@here`", "`'@here'`"),
            ("is offline: the command. Dry run.", "is offline: the command. Dry run."),
            ("Ubuntu 24.04 (10.0.26100)", "Ubuntu 24.04 (10.0.26100)"),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
    }

    #[test]
    fn a_host_cannot_end_its_cell_or_its_row() {
        let name = "a|b\n| x | `c` <@U1> evil.example|";
        let way = Access {
            way: WayIn::Device,
            host_id: None,
            host: Some(name.to_owned()),
            state: AccessState::Open,
            evidence: format!("{name} is offline"),
            to_do: None,
        };
        let outcome = Outcome { access: vec![way], ..Outcome::new(None, "x") };
        let text = render(&outcome);
        let row = text.lines().find(|line| line.starts_with("| device")).unwrap();
        assert_eq!(
            row,
            "| device `a¦b¦ x ¦ 'c' <@U1> evil.example¦` | open | a¦b¦ x ¦ \\`c\\` `<@U1>` `evil.example¦` is offline |  |"
        );
        assert!(text.contains("**Ways in**\n\n| way | state | evidence | to do |\n|---|---|---|---|\n"), "{text}");
    }

    #[test]
    fn a_sentence_cannot_become_a_heading_or_a_list() {
        for (text, expected) in [
            ("# x", "\\# x"),
            ("=== x", "\\=== x"),
            ("--- x", "\\--- x"),
            ("+ x", "\\+ x"),
            ("  - x", "\\- x"),
            ("1. x", "1\\. x"),
            ("12) x", "12\\) x"),
            ("> x", "\\> x"),
            ("5 devices", "5 devices"),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
    }
}
