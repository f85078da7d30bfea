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
    built(names).expect("cargo build succeeds")
}

/// The same for a person.
///
/// # Errors
/// When Cargo fails; it has said why.
pub fn built(names: &[&str]) -> Result<HashMap<String, PathBuf>, String> {
    let executables = build(names)?.into_iter().filter_map(|artifact| {
        Some((artifact["target"]["name"].as_str()?.to_owned(), artifact["executable"].as_str()?.into()))
    });
    Ok(executables.filter(|(name, _): &(String, PathBuf)| names.contains(&name.as_str())).collect())
}

/// The folder of a library that `package` is built with. Works with what the build itself downloaded: `cargo
/// metadata` would ask for the packages of all platforms.
///
/// # Panics
/// When `package` does not depend on the library.
pub fn library_source(package: &str, library: &str) -> PathBuf {
    let artifact = build(&[package])
        .expect("cargo build succeeds")
        .into_iter()
        .find(|artifact| artifact["target"]["name"] == library);
    let manifest = artifact.and_then(|artifact| artifact["manifest_path"].as_str().map(PathBuf::from));
    manifest.and_then(|path| Some(path.parent()?.to_owned())).expect("a dependency of the package")
}

/// Cargo's messages about what it built.
fn build(packages: &[&str]) -> Result<Vec<Value>, String> {
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--message-format=json-render-diagnostics"]);
    for name in packages {
        command.args(["--package", name]);
    }
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("Cargo, which builds the functions, does not start: {error}."))?;
    if !output.status.success() {
        return Err("Cargo did not build the functions; why is in its words above. Nothing was run.".to_owned());
    }
    Ok(output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}
