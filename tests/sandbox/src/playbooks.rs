//! The one list of playbooks that everything beside the functions is driven by: `tests/playbooks.json`. `check-connection` and
//! `guard-rails` are no playbooks, and not in it: what holds for a playbook's target and its calls to JumpCloud says nothing of
//! them. They are the last of the [`functions`], for which everything else holds.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

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

impl Playbook {
    /// Whether it asks JumpCloud, and so needs the key.
    pub fn calls_jumpcloud(&self) -> bool {
        self.name != "guard-rails"
    }
}

static FUNCTIONS: LazyLock<Vec<Playbook>> = LazyLock::new(|| {
    let playbooks = serde_json::from_str::<Vec<Playbook>>(include_str!("../../playbooks.json"));
    playbooks.expect("playbooks.json is valid").into_iter().chain(without_target()).collect()
});

/// Those that are no playbooks.
fn without_target() -> [Playbook; 2] {
    [check_connection(), guard_rails()]
}

fn check_connection() -> Playbook {
    Playbook {
        name: "check-connection".to_owned(),
        changes: false,
        about: "checks what the deployment can reach and read".to_owned(),
        takes: Vec::new(),
        event: json!({}),
        status: "succeeded".to_owned(),
        refused: json!({"username": "jsmith"}),
        error: "InvalidInput".to_owned(),
    }
}

fn guard_rails() -> Playbook {
    Playbook {
        name: "guard-rails".to_owned(),
        changes: true,
        about: "shows and sets the guard rails".to_owned(),
        takes: ["show", "switch", "protect", "unprotect", "allow", "forget"].map(str::to_owned).into(),
        event: json!({"switch": "off", "playbook": "disable-user", "reason": "INC-9"}),
        status: "succeeded".to_owned(),
        refused: json!({"switch": "off"}),
        error: "InvalidInput".to_owned(),
    }
}

/// All playbooks.
pub fn all() -> &'static [Playbook] {
    &functions()[..functions().len() - without_target().len()]
}

/// All playbooks, what checks their connection, and what sets their guard rails.
pub fn functions() -> &'static [Playbook] {
    &FUNCTIONS
}

/// The function of that name.
pub fn named(name: &str) -> Option<&'static Playbook> {
    functions().iter().find(|function| function.name == name)
}

/// The function that is deployed by that name: its own, behind the name of its stack (`jumpcloud-playbooks-enrich-user`), with a
/// version or an alias (`:live`), or at the end of an ARN.
pub fn deployed(name: &str) -> Option<&'static Playbook> {
    let name = name.rsplit_once(":function:").map_or(name, |(_, name)| name);
    let name = name.split(':').next().unwrap_or_default();
    let is_behind_a_stack =
        |own: &str| name.strip_suffix(own).is_some_and(|stack| stack.len() > 1 && stack.ends_with('-'));
    named(name).or_else(|| functions().iter().find(|function| is_behind_a_stack(&function.name)))
}

/// The names of all functions.
pub fn names() -> Vec<&'static str> {
    functions().iter().map(|function| function.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_function_has_the_names_under_which_lambda_knows_it() {
        for name in [
            "enrich-user",
            "enrich-user:live",
            "jumpcloud-playbooks-enrich-user",
            "jumpcloud-playbooks-enrich-user:$LATEST",
            "arn:aws:lambda:us-east-1:123456789012:function:my-stack-enrich-user:live",
            "123456789012:function:enrich-user",
        ] {
            assert_eq!(deployed(name).map(|function| function.name.as_str()), Some("enrich-user"), "{name}");
        }
        for name in ["", "user", "delete-user", "-enrich-user", "my.enrich-user", "enrich-user-v2", ":live"] {
            assert!(deployed(name).is_none(), "{name}");
        }
    }

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
