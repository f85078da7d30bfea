//! Starting other programs.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The error is a message for people: nobody decides anything by it.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository").to_owned()
}

/// A program that runs in the root, in the environment in which `cargo xtask` was called: a step must not pass or fail by what
/// `cargo run` adds to it.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    env::vars_os().map(|(name, _)| name).filter(|name| is_cargo_runs(&name.to_string_lossy())).for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// What `cargo run` sets for the program that it starts. The last is from `.cargo/config.toml`, which each Cargo reads for itself.
fn is_cargo_runs(name: &str) -> bool {
    let is_one_of_many = ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start));
    is_one_of_many || ["CARGO", "AWS_LC_SYS_NO_JITTER_ENTROPY"].contains(&name)
}

/// What is done with a command.
pub(crate) trait Run {
    /// Runs it to its end.
    ///
    /// # Errors
    /// When it does not start or does not succeed.
    fn run(&mut self) -> Result;

    /// The same, and gives what it wrote to stdout.
    ///
    /// # Errors
    /// When it does not start or does not succeed.
    fn read(&mut self) -> Result<String>;
}

impl Run for Command {
    fn run(&mut self) -> Result {
        let status = self.status().map_err(|error| format!("{} does not start: {error}", shown(self)))?;
        if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(self))) }
    }

    fn read(&mut self) -> Result<String> {
        let output = self.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| format!("{} does not start: {error}", shown(self)))?;
        if !output.status.success() {
            return Err(format!("{} failed: {}", shown(self), output.status));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("{} did not write UTF-8", shown(self)))
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let words: Vec<_> =
        [command.get_program()].into_iter().chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}

/// Whether the program is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The message of a file operation that failed.
pub(crate) fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_run_adds_is_removed_and_what_a_person_sets_is_kept() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "AWS_LC_SYS_NO_JITTER_ENTROPY"] {
            assert!(is_cargo_runs(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "RUSTUP_TOOLCHAIN", "PATH"] {
            assert!(!is_cargo_runs(name), "{name}");
        }
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = command("sh").args(["-c", "exit 3"]).run().expect_err("it fails");
        assert_eq!(error, "`sh -c exit 3` failed: exit status: 3");
        assert!(
            command("no-such-program")
                .run()
                .expect_err("it is not there")
                .starts_with("`no-such-program` does not start")
        );
    }
}
