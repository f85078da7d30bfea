//! Measures the release binaries against the rehearsal tenant: builds what the sections need and starts `tests/bench`.

use std::{fs, path::PathBuf};

use crate::{
    sh::{Result, Run, command, failed, is_installed, root},
    venv::Venv,
};

/// The sections of `tests/bench/src/main.rs`.
const SECTIONS: [&str; 10] =
    ["start", "warm", "counts", "memory", "size", "crates", "calls", "batch", "growth", "deadline"];
/// These are about every function.
const OF_ALL: [&str; 2] = ["size", "calls"];
/// These measure two of them: what is being tried out need not wait for all links.
const OF_TWO: [&str; 7] = ["start", "warm", "counts", "memory", "batch", "growth", "deadline"];
const TWO: [&str; 2] = ["enrich-user", "disable-user"];

/// What the benchmark takes.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// The sections to measure; without any, all of them.
    #[arg(value_parser = SECTIONS)]
    sections: Vec<String>,
    /// How often each measurement is made; one more at first is dropped.
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// Only counts and sizes, against the limits in tests/bench/src/limits.rs; writes nothing.
    #[arg(long)]
    check: bool,
    /// Shows what the functions write to stderr.
    #[arg(long)]
    logs: bool,
}

/// Which functions are measured.
#[derive(Debug, PartialEq)]
enum Functions {
    All,
    Two,
}

impl Options {
    fn has(&self, sections: &[&str]) -> bool {
        self.sections.iter().any(|section| sections.contains(&section.as_str()))
    }

    fn functions(&self) -> Functions {
        let two = !self.check && !self.has(&OF_ALL) && self.has(&OF_TWO);
        if two { Functions::Two } else { Functions::All }
    }

    /// Whether instructions are counted, by valgrind.
    fn counts(&self) -> bool {
        self.check || self.sections.is_empty() || self.has(&["counts"])
    }

    /// As the benchmark reads them.
    fn arguments(&self) -> Vec<String> {
        let runs = self.runs.iter().flat_map(|runs| ["--runs".to_owned(), runs.to_string()]);
        let flags = [(self.check, "--check"), (self.logs, "--logs")];
        let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
        runs.chain(flags).chain(self.sections.iter().cloned()).collect()
    }
}

pub(crate) fn run(options: &Options) -> Result {
    if options.counts() && !is_installed("valgrind") {
        return Err("the section counts needs valgrind".to_owned());
    }
    let python = if options.check {
        root().join("tests/bench/.venv/bin/python") // without the Python function
    } else {
        Venv::of("tests/bench", &[])?.python()
    };
    let functions = match options.functions() {
        Functions::Two => TWO.map(str::to_owned).to_vec(),
        Functions::All => all_functions()?,
    };
    // The functions apart from the harness: with it they would get its features of tokio.
    let packages = functions.iter().map(|name| format!("--package={name}"));
    command("cargo").args(["build", "--locked", "--release", "--package=echo"]).args(packages).run()?;
    // The harness is not measured; without the release profile's link step it is built in a tenth of the time.
    let profile = [r#"inherits="release""#, "lto=false", "codegen-units=16", "opt-level=2"];
    let profile = profile.into_iter().flat_map(|setting| ["--config".to_owned(), format!("profile.harness.{setting}")]);
    let harness = ["build", "--locked", "--package", "bench", "--profile", "harness"];
    command("cargo").args(harness).args(profile).run()?;
    let target = target_directory()?;
    let mut bench = command(target.join("harness/bench"));
    bench.arg("--release").arg(target.join("release")).arg("--python").arg(python);
    bench.arg("--results").arg(root().join("tests/bench/results")).args(options.arguments()).run()
}

fn all_functions() -> Result<Vec<String>> {
    let folder = root().join("functions");
    let entries =
        fs::read_dir(&folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>).map_err(failed(&folder))?;
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn target_directory() -> Result<PathBuf> {
    let metadata = command("cargo").args(["metadata", "--locked", "--no-deps", "--format-version", "1"]).read()?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target directory".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(sections: &[&str]) -> Options {
        Options { sections: sections.iter().map(|&name| name.to_owned()).collect(), ..Options::default() }
    }

    #[test]
    fn two_functions_are_enough_unless_a_section_is_about_all() {
        for section in OF_TWO {
            assert_eq!(options(&[section]).functions(), Functions::Two, "{section}");
            assert_eq!(options(&[section, "crates"]).functions(), Functions::Two, "{section}");
            assert_eq!(options(&[section, "size"]).functions(), Functions::All, "{section}");
            assert_eq!(Options { check: true, ..options(&[section]) }.functions(), Functions::All, "{section}");
        }
        for sections in [&[][..], &["crates"], &["calls"]] {
            assert_eq!(options(sections).functions(), Functions::All, "{sections:?}");
        }
    }

    #[test]
    fn valgrind_is_asked_for_only_where_instructions_are_counted() {
        assert!(options(&[]).counts());
        assert!(options(&["start", "counts"]).counts());
        assert!(Options { check: true, ..options(&["start"]) }.counts());
        for section in SECTIONS.iter().filter(|name| **name != "counts") {
            assert!(!options(&[section]).counts(), "{section}");
        }
    }

    #[test]
    fn the_benchmark_gets_what_was_given() {
        let given = Options { runs: Some(3), logs: true, ..options(&["start", "warm"]) };
        assert_eq!(given.arguments(), ["--runs", "3", "--logs", "start", "warm"]);
        assert_eq!(Options { check: true, ..options(&[]) }.arguments(), ["--check"]);
    }

    #[test]
    fn the_sections_are_those_of_the_benchmark() {
        let main = include_str!("../../tests/bench/src/main.rs");
        let (_, list) = main.split_once("const SECTIONS: [&str; 10] =").expect("the benchmark's list");
        let (list, _) = list.split_once(';').expect("its end");
        let named: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(named, SECTIONS);
    }
}
