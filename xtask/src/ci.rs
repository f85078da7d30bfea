//! The gate: every step, each as one would run it alone.

use std::{env, path::Path, process::Command, time::Instant};

use crate::{
    rehearsals,
    scratch::Scratch,
    sh::{Result, Run, command, is_installed},
};

/// In their order. `fresh` is first, so that no other step can have prepared anything.
const STEPS: [&[&str]; 9] = [
    &["fresh"],
    &["commits"],
    &["lint"],
    &["dependencies"],
    &["conformance"],
    &["foreign"],
    &["workflows"],
    &["acceptance"],
    &["bench", "--check"],
];

/// Prints the command of each step, for tests that ask what the gate runs.
pub(crate) fn list() {
    for step in STEPS {
        println!("{}", typed(step));
    }
}

/// Runs the steps until one fails.
pub(crate) fn run() -> Result {
    // What `fresh` downloads and builds serves the steps after it.
    let fresh = Scratch::new()?;
    // Asked for once: a step that builds xtask again puts another file in its place.
    let xtask = env::current_exe().map_err(|error| format!("xtask does not find itself: {error}"))?;
    let start = Instant::now();
    for step in STEPS {
        if step == ["conformance"] && !rehearsals::has_description(&rehearsals::descriptions()) {
            let folder = rehearsals::descriptions();
            eprintln!("NOT CHECKED against JumpCloud's description: no openapi-v1.yaml in {}", folder.display());
            continue;
        }
        println!("== {}", step[0]);
        let begun = Instant::now();
        if let Err(error) = prepared(&xtask, step, &fresh).and_then(|mut command| command.run()) {
            let seconds = begun.elapsed().as_secs();
            return Err(format!("{error}\n== {} FAILED after {seconds} s; alone: {}", step[0], typed(step)));
        }
        println!("== {}: {} s", step[0], begun.elapsed().as_secs());
    }
    println!("== the gate passed: {} s", start.elapsed().as_secs());
    Ok(())
}

fn typed(step: &[&str]) -> String {
    format!("cargo xtask {}", step.join(" "))
}

/// The step's command, in its environment.
fn prepared(xtask: &Path, step: &[&str], fresh: &Scratch) -> Result<Command> {
    let mut command = command(xtask);
    command.args(step);
    if step[0] == "fresh" {
        // A minute for the fuzz target of the intake.
        command.arg("--keep").arg(fresh.path()).env("INTAKE_FUZZ_SECONDS", "60");
        return Ok(command);
    }
    command.env("CARGO_HOME", fresh.path().join("cargo"));
    if ["acceptance", "bench"].contains(&step[0]) {
        // Release builds share nothing with those of the tests.
        command.env_remove("CARGO_TARGET_DIR");
    } else {
        command.env("CARGO_TARGET_DIR", fresh.path().join("target"));
    }
    if step[0] == "bench" {
        install("valgrind")?; // counts instructions
    }
    Ok(command)
}

/// Installs a program by its Debian package of the same name, unless it is there.
fn install(program: &str) -> Result {
    if is_installed(program) {
        return Ok(());
    }
    command("apt-get").args(["update", "-q"]).run()?;
    command("apt-get").args(["install", "-y", "-q", program]).run()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, ffi::OsStr};

    use super::*;

    #[test]
    fn fresh_is_first_and_release_builds_are_apart() {
        assert_eq!(STEPS[0], ["fresh"]);
        let fresh = Scratch::new().expect("a folder");
        for step in STEPS.iter().filter(|step| step[0] != "bench") {
            let command = prepared(Path::new("xtask"), step, &fresh).expect("a command");
            let set: HashMap<_, _> = command.get_envs().collect();
            let target = set.get(OsStr::new("CARGO_TARGET_DIR"));
            match step[0] {
                "fresh" => assert_eq!(set[OsStr::new("INTAKE_FUZZ_SECONDS")], Some(OsStr::new("60"))),
                "acceptance" => assert_eq!(target, Some(&None)),
                _ => assert_eq!(target, Some(&Some(fresh.path().join("target").as_os_str()))),
            }
        }
    }
}
