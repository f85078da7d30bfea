//! The guard: counts and sizes that do not depend on how busy or fast the machine is, a tenth above what they were when
//! the limits were last set.

use std::process::Command;

use crate::report::{Report, Row, Section};

/// Section, subject, measure, limit.
const LIMITS: [(&str, &str, &str, f64); 12] = [
    ("counts", "decode a direct event, refuse it", "thousand instructions", 200.0),
    ("counts", "decode and resolve an OCSF finding, refuse it as old", "thousand instructions", 600.0),
    ("counts", "disable-user, nobody of that name: 1 call", "thousand instructions", 330.0),
    ("counts", "disable-user: 6 calls", "thousand instructions", 2400.0),
    ("counts", "disable-user: 6 calls", "allocations", 1520.0),
    ("counts", "disable-user: 6 calls", "million instructions of start and end", 22.7),
    ("counts", "enrich-user: 7 calls", "thousand instructions", 2550.0),
    ("size", "enrich-host", "binary MB", 5.71),
    ("size", "enrich-host", "zip MB", 2.63),
    // 6 is wanted. The path of Cargo's home stands in the binary some hundred times, and the gate's is a long one.
    ("size", "disable-user", "binary MB", 6.05),
    ("size", "shutdown-host", "binary MB", 6.05),
    ("crates", "disable-user", "crates", 194.0),
];

/// The crates that a function is built of.
pub(crate) fn crates() -> Section {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--package", "disable-user", "--edges", "normal,build", "--prefix", "none"]);
    cargo.args(["--target", "x86_64-unknown-linux-gnu", "--format", "{p}"]);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut crates: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    crates.sort_unstable();
    crates.dedup();
    let row = Row::new("disable-user").number("crates", crates.len() as f64);
    Section::new("crates", "What a function is built of, the tools of its build included.", vec![row])
}

/// Each of `LIMITS` and each state of `calls` beside its limit. Whether all are kept.
pub(crate) fn check(report: &Report) -> (Section, bool) {
    let measured = |section: &str, subject: &str, measure: &str| {
        report
            .find(section, subject, measure)
            .unwrap_or_else(|| panic!("{section}, {subject}: {measure} is not measured"))
    };
    let mut lines: Vec<(String, f64, f64)> = LIMITS
        .iter()
        .map(|(section, subject, measure, limit)| {
            (format!("{subject}: {measure}"), measured(section, subject, measure), *limit)
        })
        .collect();
    for row in &report.section("calls").expect("calls are counted").rows {
        for (measure, least) in [("calls", "least calls"), ("one after another", "least one after another")] {
            let value = |measure| measured("calls", &row.subject, measure);
            lines.push((format!("{}: {measure}", row.subject), value(measure), value(least)));
        }
    }
    let kept = lines.iter().all(|(_, value, limit)| value <= limit);
    let row = |(what, value, limit): (String, f64, f64)| {
        let row = Row::new(what).number("measured", value).number("limit", limit);
        if value > limit { row.text("", "TOO MUCH") } else { row }
    };
    (Section::new("limits", "Counts and sizes that CI guards.", lines.into_iter().map(row).collect()), kept)
}
