//! Measures the release binaries. `cargo xtask bench` builds what is needed and starts this.

mod batch;
mod calls;
mod counts;
mod deadline;
mod lambda;
mod limits;
mod plot;
mod process;
mod programs;
mod report;
mod start;
mod targets;
mod warm;
mod world;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use crate::{programs::Programs, report::Report};

/// In the order of the report.
const SECTIONS: [&str; 10] =
    ["start", "warm", "counts", "memory", "size", "crates", "calls", "batch", "growth", "deadline"];
/// What `--check` needs: nothing in them is a time.
const COUNTED: [&str; 4] = ["counts", "size", "crates", "calls"];

/// Measures the functions against the rehearsal tenant.
#[derive(Parser)]
struct Arguments {
    /// The sections to measure; without any, all of them.
    #[arg(value_parser = SECTIONS)]
    sections: Vec<String>,
    /// How often each measurement is made; one more at first is dropped.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Measures what can be counted, keeps nothing and fails where a limit of `limits.rs` is passed.
    #[arg(long)]
    check: bool,
    /// Shows what the functions write to stderr.
    #[arg(long)]
    logs: bool,
    /// The folder of the release binaries.
    #[arg(long)]
    release: PathBuf,
    /// The interpreter for the Python function.
    #[arg(long)]
    python: PathBuf,
    /// Where results are kept.
    #[arg(long)]
    results: PathBuf,
}

/// What the sections share.
struct Bench {
    programs: Programs,
    runs: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if arguments.check {
        arguments.sections = COUNTED.map(str::to_owned).to_vec();
    }
    let mut report = if arguments.check { Report::default() } else { Report::load(&arguments.results) };
    let programs = Programs { release: arguments.release, python: arguments.python, logs: arguments.logs };
    let bench = Bench { programs, runs: arguments.runs.max(1) };
    for name in SECTIONS {
        if !arguments.sections.is_empty() && !arguments.sections.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("measuring: {name}");
        let section = match name {
            "start" => start::start(&bench).await,
            "warm" => warm::warm(&bench).await,
            "counts" => counts::counts(&bench).await,
            "memory" => batch::memory(&bench).await,
            "size" => warm::size(&bench),
            "crates" => limits::crates(),
            "calls" => calls::calls(&bench).await,
            "batch" => batch::batch(&bench).await,
            "growth" => batch::growth(&bench).await,
            "deadline" => deadline::deadline(&bench).await,
            _ => unreachable!("every section is named above"),
        };
        print!("{}", section.markdown());
        report.set(section, &SECTIONS);
        if !arguments.check {
            report.save(&arguments.results); // after each: a later section that fails must not lose it
        }
    }
    let _ = std::fs::remove_dir_all(world::scratch());
    if arguments.check {
        let (section, kept) = limits::check(&report);
        print!("{}", section.markdown());
        return if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let Some(targets) = report.section("targets") {
        print!("{}", targets.markdown());
    }
    ExitCode::SUCCESS
}
