//! The question before the real JumpCloud is changed. The target has been looked up by then, with the key, in a dry run.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
};

use serde_json::Value;

use super::{print::text, world::is_set};
use crate::playbooks::Playbook;

/// Whether the event or the deployment asks for a dry run in the one form that cannot be anything else. Where that is not sure,
/// a person is asked once too often.
pub fn is_surely_dry(event: &Value) -> bool {
    let deployed = env::var("DRY_RUN").is_ok_and(|value| value.trim() == "true");
    deployed || event["dry_run"] == true || event["dryRun"] == true
}

/// Whether `event` can change anything at all.
pub fn can_change(playbook: &Playbook, event: &Value) -> bool {
    playbook.changes && event.get("show").is_none() && !is_surely_dry(event)
}

/// That somebody is there to be asked.
///
/// # Errors
/// In words.
pub fn somebody_can_answer(playbook: &Playbook) -> Result<(), String> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    let place = if playbook.calls_jumpcloud() { "the real JumpCloud" } else { "the real guard table" };
    let name = &playbook.name;
    Err(format!(
        "{name} may change something in {place}, and standard input is no terminal to ask on. Add --yes to go on without a question."
    ))
}

/// The outcomes of a dry run that say that something would be changed.
pub fn changes(answer: &Value) -> Vec<&Value> {
    let outcomes = answer.as_array().map_or_else(|| vec![answer], |list| list.iter().collect());
    outcomes.into_iter().filter(|outcome| outcome["status"] == "dry_run").collect()
}

/// What is asked about these dry runs: "Suspend jsmith (jsmith@company.com) in ORG? [y/N] ".
pub fn question(dry_runs: &[&Value], place: &str) -> String {
    let planned = |outcome: &&Value| {
        let summary = text(&outcome["summary"]);
        let would = summary.split_once(" would ").map_or(summary, |(_, would)| would);
        let short = would.split("; ").next().unwrap_or(would).split(". ").next().unwrap_or(would).trim_end_matches('.');
        // A name with a full stop in it is not cut in two.
        if short.contains(text(&outcome["target"]["name"])) { short } else { would }.to_owned()
    };
    let all = dry_runs.iter().map(planned).collect::<Vec<_>>().join("; ");
    let mut all = all.chars();
    let first = all.next().map(char::to_uppercase).into_iter().flatten();
    format!("{} in {place}? [y/N] ", first.chain(all).collect::<String>())
}

/// The organization that was read, and the region that is configured.
pub fn place(organization: Option<&str>) -> String {
    let organization = organization.map(str::to_owned).or_else(|| env::var("JUMPCLOUD_ORG_ID").ok());
    let organization =
        organization.map_or_else(|| "the key's organization".to_owned(), |id| format!("organization {id}"));
    let named = |name: &str| env::var(name).ok().filter(|_| is_set(name));
    let region =
        named("JUMPCLOUD_API_URL").or_else(|| named("JUMPCLOUD_REGION").map(|region| format!("region {region}")));
    let key_is_bare = named("JUMPCLOUD_API_KEY").is_some_and(|key| !key.trim_start().starts_with('{'));
    match region.or_else(|| key_is_bare.then(|| "region us".to_owned())) {
        Some(region) => format!("{organization} ({region})"),
        None => organization,
    }
}

/// Asks on the terminal; anything but a yes is a no.
///
/// # Errors
/// Where the terminal cannot be read.
pub fn ask(question: &str) -> Result<bool, String> {
    let failed = |error: io::Error| format!("The terminal cannot be read: {error}. Nothing was done.");
    eprint!("{}", jumpcloud_playbooks::text::marked(question));
    io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_question_names_what_is_done_to_whom_and_where() {
        let dry_run =
            |summary: &str, name: &str| json!({"status": "dry_run", "summary": summary, "target": {"name": name}});
        let user = dry_run("Dry run: would suspend jsmith (jsmith@company.com); is ACTIVATED.", "jsmith");
        let host = dry_run("Dry run: would send the shutdown command to Dr. No. The host is online.", "Dr. No");
        let asked = |outcomes: &[&Value]| question(outcomes, "organization 1");
        assert_eq!(asked(&[&user]), "Suspend jsmith (jsmith@company.com) in organization 1? [y/N] ");
        assert!(asked(&[&host]).contains("to Dr. No"), "{}", asked(&[&host]));
        assert!(asked(&[&user, &user]).contains("; suspend jsmith"));
    }

    #[test]
    fn only_a_sure_dry_run_is_not_asked_about() {
        for event in [json!({"dry_run": true}), json!({"dryRun": true})] {
            assert!(is_surely_dry(&event));
        }
        for event in
            [json!({}), json!({"dry_run": "yes"}), json!({"dry_run": false}), json!({"detail": {"dry_run": true}})]
        {
            assert!(!is_surely_dry(&event), "{event}");
        }
    }
}
