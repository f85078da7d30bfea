//! An answer for people: what happened, what else to know, how to take it back.

use serde_json::Value;

use super::{
    style::{Page, Tone, quoted},
    table,
};

/// What the answer to one event is printed with.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// It comes from JumpCloud itself.
    pub live: bool,
}

/// What a function answered: an outcome, a list of them, or an error.
pub fn answer(page: &mut Page, answer: &Result<Value, Value>, context: Context) {
    match answer {
        Ok(Value::Array(outcomes)) => {
            for one in outcomes {
                page.gap();
                outcome(page, one, context);
            }
        }
        Ok(one) => outcome(page, one, context),
        Err(error) => failure(page, error, context),
    }
}

fn outcome(page: &mut Page, outcome: &Value, context: Context) {
    let status = text(&outcome["status"]);
    let (tone, word) = status_word(status);
    let mut summary = text(&outcome["summary"]).to_owned();
    if let Some(would) = summary.strip_prefix("Dry run: ") {
        summary = capitalised(would);
    }
    if outcome["verified"] == true && outcome["changed"] == true {
        summary.push_str(" Verified.");
    }
    page.headed(tone, word, &summary);
    let candidate = |found: &Value| ["id", "name", "os"].map(|field| text(&found[field]).to_owned()).to_vec();
    let candidates: Vec<_> = list(&outcome["candidates"]).map(candidate).collect();
    if !candidates.is_empty() {
        page.line("");
        table::rows(page, &candidates);
    }
    for missing in list(&outcome["missing"]) {
        page.hanging("  ?  ", &format!("{} could not be read: {}", text(&missing["part"]), text(&missing["why"])));
    }
    for advisory in list(&outcome["advisories"]) {
        page.hanging("  !  ", text(&advisory["message"]));
    }
    for check in list(&outcome["checks"]) {
        let (head, sentence) = stated(check, "check", ("of", "playbook"));
        page.hanging(&head, sentence.trim_end());
    }
    guards(page, outcome);
    if is_answer(outcome) {
        for part in ["user", "host", "rails"] {
            if let Some(facts) = outcome[part].as_object() {
                page.line("");
                table::facts(page, facts);
            }
        }
    }
    // After a change only what it leaves open: how the others are closed, or why that is not known, is in the JSON.
    let shown = |way: &&Value| is_answer(outcome) || way["state"] == "open";
    section(page, "Ways in", list(&outcome["access"]).filter(shown), |way| stated(way, "way", ("on", "host")));
    section(page, "Held by", list(&outcome["holds"]), hold);
    for cut in list(&outcome["truncated"]) {
        page.hanging(
            "  ?  ",
            &format!("{} is longer than an answer may be: {} are given.", text(&cut["list"]), cut["shown"]),
        );
    }
    if let Some(undo) = outcome["undo"].as_object() {
        let live = if context.live { "--live " } else { "" };
        // One line, however long: it is to be pasted.
        page.line(&format!(
            "     Undo: cargo playbook {live}{} {}",
            text(&undo["playbook"]),
            quoted(&undo["event"].to_string())
        ));
    }
}

fn section<'a>(
    page: &mut Page,
    heading: &str,
    items: impl Iterator<Item = &'a Value>,
    item: impl Fn(&Value) -> (String, String),
) {
    for (number, one) in items.enumerate() {
        if number == 0 {
            page.line("");
            page.line(&format!("     {heading}"));
        }
        let (head, sentence) = item(one);
        page.hanging(&head, sentence.trim_end());
    }
}

/// The state of a thing by its `name`, what shows it and what to do; with what it is about, where it is about one.
fn stated(thing: &Value, name: &str, (preposition, about): (&str, &str)) -> (String, String) {
    let [state, name, about, evidence, to_do] =
        ["state", name, about, "evidence", "do"].map(|field| text(&thing[field]));
    let about = if about.is_empty() { String::new() } else { format!(" {preposition} {about}") };
    (format!("     {state:8}"), format!("{}{about}: {evidence} {to_do}", name.replace('_', " ")))
}

fn hold(hold: &Value) -> (String, String) {
    let [id, by, reason, from, until] = ["id", "by", "reason", "from", "until"].map(|field| text(&hold[field]));
    let until = if until.is_empty() { "for good".to_owned() } else { format!("until {until}") };
    let by = if by == id { String::new() } else { format!(" by {by}") };
    ("     ".to_owned(), format!("{id}{by}: from {from} {until}. {reason}"))
}

/// What the guards say, where that is more than that all is well and nothing was asked.
pub fn guards(page: &mut Page, outcome: &Value) {
    let rows = list(&outcome["guards"])
        .map(|guard| ["rule", "verdict", "why"].map(|field| text(&guard[field]).to_owned()).to_vec());
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        page.line("");
        page.line("     Guards");
        table::rows(page, &rows);
    }
    if let Some(hash) = outcome["plan_hash"].as_str() {
        page.line(&format!("     plan_hash {hash}"));
    }
}

/// Whether the facts are what was asked for, and not only the state before a change.
fn is_answer(outcome: &Value) -> bool {
    outcome["before"].is_null() && outcome["after"].is_null()
}

fn failure(page: &mut Page, error: &Value, context: Context) {
    let (name, message) = (text(&error["errorType"]), text(&error["errorMessage"]));
    let (sentence, candidates) = without_candidates(message);
    let (tone, word) = status_word(name);
    page.headed(tone, word, &format!("{name}: {sentence}"));
    table::rows(page, &candidates);
    if let Some(advice) = advice(name, context) {
        page.hanging("     ", advice);
    }
}

/// What a newcomer does about it, where the message alone does not say.
fn advice(error_type: &str, context: Context) -> Option<&'static str> {
    Some(match error_type {
        "UserNotFound" | "HostNotFound" if !context.live => {
            "This was the rehearsal tenant. It has users such as jsmith, mgarcia and adunn, and hosts such as Computer123, build-07 and jsmith-laptop. --live asks the real JumpCloud."
        }
        "Unauthorized" if context.live => {
            "Look at JUMPCLOUD_API_KEY or the secret, and at JUMPCLOUD_REGION (us, eu or in)."
        }
        "JumpCloudUnavailable" if context.live => {
            "Look at this machine's network and at JUMPCLOUD_API_URL and JUMPCLOUD_REGION."
        }
        "Runtime.ExitError" | "Sandbox.NoAnswer" => "The function's own words come with --logs.",
        "Sandbox.Timedout" => {
            "Whether something was done is not known. --timeout gives it more seconds; its own words come with --logs."
        }
        _ => return None,
    })
}

/// The colour and the word for a status or an `errorType`: the two have no name in common.
pub fn status_word(name: &str) -> (Tone, &'static str) {
    match name {
        "succeeded" => (Tone::Good, "OK"),
        "unchanged" => (Tone::Good, "UNCHANGED"),
        "accepted" => (Tone::Warn, "ACCEPTED"),
        "dry_run" => (Tone::Quiet, "DRY RUN"),
        "ignored" => (Tone::Quiet, "IGNORED"),
        "not_found" => (Tone::Warn, "NOT FOUND"),
        "ambiguous" => (Tone::Warn, "AMBIGUOUS"),
        "OutcomeUnknown" | "Sandbox.Timedout" => (Tone::Bad, "UNKNOWN"),
        "InvalidInput" | "UserNotFound" | "HostNotFound" | "AmbiguousUser" | "AmbiguousHost" | "Unsupported"
        | "Protected" | "StaleEvent" | "LimitReached" | "SwitchedOff" | "PlanChanged" | "InProgress" => {
            (Tone::Bad, "REFUSED")
        }
        _ => (Tone::Bad, "FAILED"),
    }
}

/// A message and the candidates that it ends with, as rows: `24 hex digits (name), ...`, of hosts `24 hex digits (name; system)`.
fn without_candidates(message: &str) -> (&str, Vec<Vec<String>>) {
    let is_id = |id: &str| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let candidate = |text: &str| {
        let (id, name) = text.split_once(" (").filter(|(id, _)| is_id(id))?;
        let (name, os) = name.rsplit_once("; ").unwrap_or((name, ""));
        Some([id, name, os].map(str::to_owned).to_vec())
    };
    let split = || {
        let (sentence, list) = message.rsplit_once("`: ")?;
        let candidates = list.strip_suffix(')')?.split("), ").map(candidate).collect::<Option<Vec<_>>>()?;
        Some((&message[..=sentence.len()], candidates))
    };
    split().unwrap_or((message, Vec::new()))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A text, or nothing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_taken_off_a_message_only_where_all_of_them_can_be_read() {
        let ids = ["6140aa10bb20cc30dd40ee04", "6140aa10bb20cc30dd40ee05"];
        let message = format!(
            "2 hosts; name one by `host_id`: {} (LAPTOP-7 (old); Windows 10 Pro), {} (laptop-7)",
            ids[0], ids[1]
        );
        let rows = [[ids[0], "LAPTOP-7 (old)", "Windows 10 Pro"], [ids[1], "laptop-7", ""]];
        assert_eq!(
            without_candidates(&message),
            ("2 hosts; name one by `host_id`", rows.map(|row| row.map(str::to_owned).to_vec()).to_vec())
        );
        for other in ["no list", "name one by `host_id`: one (x)", "use `offline`: 6140aa10bb20cc30dd40ee04"] {
            assert_eq!(without_candidates(other), (other, Vec::new()));
        }
    }
}
