//! The source itself: what is checked in it, and what is written into it.

use crate::{
    rehearsals,
    sh::{Result, Run, command},
};

/// Format, lints, documentation.
pub(crate) fn lint() -> Result {
    command("cargo").args(["fmt", "--all", "--check"]).run()?;
    command("cargo").args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]).run()?;
    command("cargo").args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings").run()
}

/// Writes everything that follows from the code. The tests of the gate compare it.
pub(crate) fn docs() -> Result {
    let tests: [&[&str]; 3] = [
        // Schemas, and what pages say of errors, variables, formats and advisories.
        &["--package", "jumpcloud-playbooks", "--lib"],
        // The schema of what sets the guard rails, from that of what checks the connection.
        &["--package", "ledger", "--lib"],
        // The replay of the sample events in docs/terminal.md.
        &["--package", "sandbox", "--test", "e2e", "a_replay_of_the_sample_events"],
    ];
    for test in tests {
        command("cargo").args(["test", "--quiet", "--locked"]).args(test).env("WRITE_DOCS", "1").run()?;
    }
    rehearsals::workflows(None, true)
}
