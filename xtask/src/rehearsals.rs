//! The rehearsal tenant against what others made: JumpCloud's description, a client, an interpreter of state machines.

use std::path::{Path, PathBuf};

use crate::{
    scratch::Scratch,
    sh::{Result, Run, command, failed, root},
    venv::Venv,
};

/// JumpCloud's published description is not part of this repository.
pub(crate) fn descriptions() -> PathBuf {
    root().join("../shared/jumpcloud")
}

/// Whether the folder holds JumpCloud's description.
pub(crate) fn has_description(folder: &Path) -> bool {
    folder.join("openapi-v1.yaml").is_file()
}

/// The traffic of all playbooks, through a proxy that validates it.
pub(crate) fn conformance(folder: Option<&Path>) -> Result {
    let folder = folder.map_or_else(descriptions, Path::to_owned);
    if !has_description(&folder) {
        return Err(format!("there is no openapi-v1.yaml in {}", folder.display()));
    }
    let folder = folder.canonicalize().map_err(failed(&folder))?;
    let here = root().join("tests/conformance");
    let quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    command("npm").arg("ci").args(quiet).current_dir(&here).run()?;
    let newer = Scratch::new()?;
    let specs = ["openapi-v1.yaml", "openapi-v2.yaml"].map(|name| folder.join(name));
    command("node").arg("newer.js").args(specs).arg(newer.path()).current_dir(&here).run()?;
    let newer = ["v1.json", "v2.json", "insights.json"].map(|name| newer.path().join(name));
    let mut check = command("cargo");
    check.args(["run", "--quiet", "--package", "sandbox", "--bin", "conformance", "--"]);
    check.arg(here.join("node_modules/.bin/prism")).args(newer).run()
}

/// A JumpCloud client that others wrote drives the tenant.
pub(crate) fn foreign() -> Result {
    // Without its dependencies: they are a whole Salt.
    let venv = Venv::of("tests/foreign", &["--no-deps"])?;
    command(venv.python()).arg("tests/foreign/client_test.py").run()
}

/// Every state machine of workflows/ against the real functions and the tenant, or the scenarios that have `part` in their name.
/// With `write`, the definitions and the pages' pictures are written instead.
pub(crate) fn workflows(part: Option<&str>, write: bool) -> Result {
    let venv = Venv::of("tests/workflows", &[])?;
    let check = (!write).then_some("--check");
    command(venv.python()).arg("workflows/build").args(check).run()?;
    let option = if write { Some("--write") } else { part };
    let mut run = command("cargo");
    run.args(["run", "--quiet", "--package", "workflows", "--"]).arg(venv.python()).args(option).run()
}
