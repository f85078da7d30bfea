//! `cargo xtask`: the gate, each of its steps by its own name, and what writes generated files.

mod acceptance;
mod bench;
mod ci;
mod commits;
mod dependencies;
mod fresh;
mod rehearsals;
mod scratch;
mod sh;
mod source;
mod venv;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Checks, measures and writes what belongs to the repository. Times are those of two cores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The gate: every step below but `docs`, in one run (about an hour)
    Ci {
        /// Only prints the command of each step.
        #[arg(long)]
        list: bool,
    },
    /// The README's two commands in a new clone, as a new user runs them (about 20 minutes)
    Fresh {
        /// An empty folder that keeps Cargo's home and the target directory; without it, nothing is kept.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Subjects and bodies of the commits (a second)
    Commits,
    /// Format, clippy, and the documentation of the code (3 minutes)
    Lint,
    /// Which crates may be there: licences, advisories, duplicates, and what a function must not hold (10 seconds)
    Dependencies,
    /// The traffic of all playbooks against JumpCloud's published description (2 minutes; needs Node.js)
    Conformance {
        /// The folder with openapi-v1.yaml and openapi-v2.yaml of May 2023; without it, ../shared/jumpcloud.
        folder: Option<PathBuf>,
    },
    /// The rehearsal tenant as a JumpCloud client sees it that others wrote (a minute)
    Foreign,
    /// Every Step Functions workflow against the real functions and the rehearsal tenant (3 minutes)
    Workflows {
        /// A part of a scenario's name: only these scenarios run.
        part: Option<String>,
        /// Builds the definitions from workflows/source and brings the pages' pictures up to date; runs nothing.
        #[arg(long, conflicts_with = "part")]
        write: bool,
    },
    /// The SAM application: linted, scanned, built, and run under AWS's emulators (15 minutes; needs Java, npm and root)
    Acceptance,
    /// Measures the release binaries and writes docs/performance.md (10 minutes and a release build; needs valgrind)
    Bench(bench::Options),
    /// Writes what is generated: schemas, definitions, and parts of pages, without the figures of `bench` (5 minutes)
    Docs,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Ci { list: true } => {
            ci::list();
            Ok(())
        }
        Task::Ci { list: false } => ci::run(),
        Task::Fresh { keep } => fresh::run(keep.as_deref()),
        Task::Commits => commits::run(),
        Task::Lint => source::lint(),
        Task::Dependencies => dependencies::run(),
        Task::Conformance { folder } => rehearsals::conformance(folder.as_deref()),
        Task::Foreign => rehearsals::foreign(),
        Task::Workflows { part, write } => rehearsals::workflows(part.as_deref(), write),
        Task::Acceptance => acceptance::run(),
        Task::Bench(options) => bench::run(&options),
        Task::Docs => source::docs(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
