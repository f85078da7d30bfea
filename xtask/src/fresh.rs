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
        Some(folder) => in_folder(&folder.canonicalize().map_err(failed(folder))?),
        None => in_folder(Scratch::new()?.path()),
    }
}

fn in_folder(folder: &Path) -> Result {
    let (clone, home) = (folder.join("clone"), folder.join("cargo"));
    command("git").args(["clone", "--quiet"]).arg(root()).arg(&clone).run()?;
    // Data of others that is no part of the repository; tests that need it look for it there.
    if let Ok(shared) = root().join("../shared").canonicalize() {
        symlink(shared, folder.join("shared")).map_err(failed(folder))?;
    }
    fs::create_dir(&home).map_err(failed(&home))?;
    // Where this machine gets its crates from is its own affair.
    for name in ["config.toml", "credentials.toml"] {
        let config = cargo_home()?.join(name);
        if config.is_file() {
            fs::copy(&config, home.join(name)).map_err(failed(&config))?;
        }
    }
    let readme = clone.join("README.md");
    let readme = fs::read_to_string(&readme).map_err(failed(&readme))?;
    let playbook = try_it(&readme)?;
    let ready = |mut command: Command| {
        command.current_dir(&clone).env("CARGO_HOME", &home).env("CARGO_TARGET_DIR", folder.join("target"));
        command
    };
    let mut first = command("bash");
    first.args(["-c", playbook]);
    quietly(&mut ready(first), folder)?;
    let mut second = command("cargo");
    second.arg("test");
    // A green run shows test names and results only.
    match logged(&quietly(&mut ready(second), folder)?) {
        Some(line) => Err(format!("{line}\ncargo test printed log lines into the terminal")),
        None => Ok(()),
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

/// Runs the command and gives what it wrote to stdout; what it wrote is shown only when it fails.
fn quietly(command: &mut Command, folder: &Path) -> Result<String> {
    let written = ["output", "errors"].map(|name| folder.join(name));
    let [output, errors] = written.each_ref().map(|path| File::create(path).map_err(failed(path)));
    let done = command.stdout(output?).stderr(errors?).run();
    let [output, errors] = written.map(|path| fs::read(path).unwrap_or_default());
    let output = String::from_utf8_lossy(&output).into_owned();
    done.map(|()| output.clone()).map_err(|error| format!("{output}{}\n{error}", String::from_utf8_lossy(&errors)))
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
        let shell = |script: &str| quietly(command("sh").args(["-c", script]), scratch.path());
        assert_eq!(shell("echo out; echo err >&2"), Ok("out\n".to_owned()));
        let error = shell("echo out; echo err >&2; exit 1").expect_err("it fails");
        assert!(error.starts_with("out\nerr\n"), "{error}");
    }
}
