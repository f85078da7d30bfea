//! The one list of playbooks that everything beside the functions is driven by: `tests/playbooks.json`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// A playbook as tests and the command line see it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// The function's name.
    pub name: String,
    /// Whether it changes anything.
    pub changes: bool,
    /// What it does.
    pub about: String,
    /// The fields of a direct event that name its target.
    pub takes: Vec<String>,
    /// What the seeded tenant answers with more than "nothing to do", and the outcome's status.
    pub event: Value,
    /// The status of that outcome.
    pub status: String,
    /// What is refused, and how.
    pub refused: Value,
    /// The `errorType` of that refusal.
    pub error: String,
}

static PLAYBOOKS: LazyLock<Vec<Playbook>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../playbooks.json")).expect("playbooks.json is valid"));

/// All of them.
pub fn all() -> &'static [Playbook] {
    &PLAYBOOKS
}

/// The playbook of that name.
pub fn named(name: &str) -> Option<&'static Playbook> {
    all().iter().find(|playbook| playbook.name == name)
}

/// The names of all.
pub fn names() -> Vec<&'static str> {
    all().iter().map(|playbook| playbook.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_function_is_in_the_list_and_in_the_template() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions");
        let entries = fs::read_dir(folder).expect("the functions").map(|entry| entry.expect("a folder").file_name());
        let mut functions: Vec<String> = entries.map(|name| name.into_string().expect("plain text")).collect();
        functions.sort();
        let mut listed = names();
        listed.sort_unstable();
        assert_eq!(functions, listed);
        let template = include_str!("../../../template.yaml");
        for name in listed {
            assert!(template.contains(&format!("CodeUri: functions/{name}\n")), "{name}");
        }
    }
}
