//! What a new user does: the README's two commands in a new clone, with an empty Cargo home and an empty target directory, and
//! nothing before them.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    scratch::Scratch,
    sh::{Result, Run, command, failed, root},
};

/// `keep` is an empty folder, where `cargo` and `target` are left for the steps after this one.
pub(crate) fn run(keep: Option<&Path>) -> Result {
    match keep {
        Some(folder) => try_out(&folder.canonicalize().map_err(failed(folder))?),
        None => try_out(Scratch::new()?.path()),
    }
}

fn try_out(folder: &Path) -> Result {
    let user = User::new(folder)?;
    let readme = user.clone.join("README.md");
    let readme = fs::read_to_string(&readme).map_err(failed(&readme))?;
    user.quietly(command("bash").args(["-c", try_it(&readme)?]))?;
    // A green run shows test names and results only.
    match logged(&user.quietly(command("cargo").arg("test"))?) {
        Some(line) => Err(format!("{line}\ncargo test printed log lines into the terminal")),
        None => Ok(()),
    }
}

/// Who has nothing but a new clone, and Cargo's settings for this machine.
struct User<'a> {
    folder: &'a Path,
    clone: PathBuf,
    home: PathBuf,
}

impl<'a> User<'a> {
    fn new(folder: &'a Path) -> Result<Self> {
        let user = Self { folder, clone: folder.join("clone"), home: folder.join("cargo") };
        command("git").args(["clone", "--quiet"]).arg(root()).arg(&user.clone).run()?;
        // Data of others that is no part of the repository; tests that need it look for it there.
        if let Ok(shared) = root().join("../shared").canonicalize() {
            symlink(shared, folder.join("shared")).map_err(failed(folder))?;
        }
        fs::create_dir(&user.home).map_err(failed(&user.home))?;
        // Where this machine gets its crates from is its own affair.
        for name in ["config.toml", "credentials.toml"] {
            let config = cargo_home()?.join(name);
            if config.is_file() {
                fs::copy(&config, user.home.join(name)).map_err(failed(&config))?;
            }
        }
        Ok(user)
    }

    /// Runs the command in the clone and gives what it wrote to stdout. What it wrote is shown only when it fails.
    fn quietly(&self, command: &mut Command) -> Result<String> {
        command.current_dir(&self.clone).env("CARGO_HOME", &self.home);
        command.env("CARGO_TARGET_DIR", self.folder.join("target"));
        let written = ["output", "errors"].map(|name| self.folder.join(name));
        let [output, errors] = written.each_ref().map(|path| File::create(path).map_err(failed(path)));
        let done = command.stdout(output?).stderr(errors?).run();
        let [output, errors] = written.map(|path| fs::read(path).unwrap_or_default());
        let output = String::from_utf8_lossy(&output).into_owned();
        match done {
            Ok(()) => Ok(output),
            Err(error) => Err(format!("{output}{}\n{error}", String::from_utf8_lossy(&errors))),
        }
    }
}

/// Cargo's own folder on this machine.
fn cargo_home() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    home.ok_or_else(|| "neither CARGO_HOME nor HOME is set".to_owned())
}

/// The lines of "Try it" that are indented must be a playbook's command and `cargo test`. Gives the first.
fn try_it(readme: &str) -> Result<&str> {
    let section = readme.lines().skip_while(|line| *line != "## Try it").skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let commands: Vec<&str> = section.filter_map(|line| line.strip_prefix("    ")).collect();
    match commands[..] {
        [playbook, "cargo test"] => Ok(playbook),
        _ => Err(r#"the README's section "Try it" does not have a playbook's command and `cargo test`, and no other"#
            .to_owned()),
    }
}

/// The first line that is a log line, which are JSON.
fn logged(output: &str) -> Option<&str> {
    output.lines().find(|line| line.starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_exactly_two_commands_to_try() {
        let readme =
            |commands: &str| format!("# Title\n\n    other\n\n## Try it\n\n{commands}\n## Next\n\n    third\n");
        assert_eq!(try_it(&readme("    cargo playbook x\n    cargo test\n")), Ok("cargo playbook x"));
        for commands in
            ["", "    cargo test\n", "    cargo test\n    cargo playbook x\n", "    a\n    b\n    cargo test\n"]
        {
            assert!(try_it(&readme(commands)).is_err(), "{commands}");
        }
        try_it(include_str!("../../README.md")).expect("this README has them");
    }

    #[test]
    fn a_log_line_is_found() {
        assert_eq!(logged("running 2 tests\n{\"level\":\"INFO\"}\nok"), Some("{\"level\":\"INFO\"}"));
        assert_eq!(logged("running 2 tests\ntest a ... ok {}"), None);
    }

    #[test]
    fn what_a_failed_command_wrote_is_shown() {
        let scratch = Scratch::new().expect("a folder");
        let folder = scratch.path();
        let user = User { folder, clone: folder.to_owned(), home: folder.join("cargo") };
        let shell = |script: &str| user.quietly(command("sh").args(["-c", script]));
        assert_eq!(shell("echo out; echo err >&2"), Ok("out\n".to_owned()));
        let error = shell("echo out; echo err >&2; exit 1").expect_err("it fails");
        assert!(error.starts_with("out\nerr\n"), "{error}");
    }
}
