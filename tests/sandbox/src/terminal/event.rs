//! What a person types: the name of a playbook and an event.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use serde_json::Value;
use strsim::damerau_levenshtein;

use crate::playbooks::{self, Playbook};

/// A name with more wrong characters is another word.
const MAX_TYPOS: usize = 3;

/// The playbook of that name, its own or its function's.
///
/// # Errors
/// In words, with the name that is meant where one is close.
pub fn playbook(name: &str) -> Result<&'static Playbook, String> {
    playbooks::deployed(name).ok_or_else(|| {
        let known = playbooks::names().into_iter().chain(["list", "serve", "replay"]);
        let distances = known.map(|known| (damerau_levenshtein(&name.to_lowercase(), known), known));
        let nearest = distances.min().filter(|(distance, _)| *distance <= MAX_TYPOS);
        let meant = nearest.map_or_else(String::new, |(_, known)| format!(" Do you mean {known}?"));
        format!("There is no playbook {name}.{meant} `cargo playbook list` names them all.")
    })
}

/// The event that `argument` is or leads to.
///
/// # Errors
/// In words.
pub fn read(argument: &str) -> Result<Value, String> {
    let text = match argument.strip_prefix('@') {
        Some(path) => {
            fs::read_to_string(path).map_err(|error| format!("The event's file {path} cannot be read: {error}."))?
        }
        None if argument == "-" => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| format!("Standard input cannot be read: {error}."))?;
            text
        }
        None if looks_like_a_path(argument) => {
            return Err(format!(
                "{argument} is a file's name, and the event's text is wanted. Write @{argument} to read the event from the file."
            ));
        }
        None => argument.to_owned(),
    };
    let example = r#"An event is one JSON object in single quotes, such as '{"username":"jsmith"}'; @file reads one from a file."#;
    serde_json::from_str(&text).map_err(|error| format!("The event is not JSON: {error}. {example}"))
}

fn looks_like_a_path(argument: &str) -> bool {
    let is_json = argument.trim_start().starts_with(['{', '[']);
    !is_json && (Path::new(argument).exists() || argument.ends_with(".json"))
}
