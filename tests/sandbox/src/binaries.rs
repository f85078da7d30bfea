//! Building the functions' binaries.

use std::{
    collections::HashMap,
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

/// Builds the binaries of these packages and says where they are. Cargo's messages go to stderr.
///
/// # Panics
/// When Cargo fails: there is nothing to run then.
pub fn functions(names: &[&str]) -> HashMap<String, PathBuf> {
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--message-format=json-render-diagnostics"]);
    for name in names {
        command.args(["--package", name]);
    }
    let output = command.stderr(Stdio::inherit()).output().expect("cargo starts");
    assert!(output.status.success(), "cargo build failed");
    let messages =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let executables = messages.filter_map(|message| {
        Some((message["target"]["name"].as_str()?.to_owned(), message["executable"].as_str()?.into()))
    });
    executables.filter(|(name, _): &(String, PathBuf)| names.contains(&name.as_str())).collect()
}
