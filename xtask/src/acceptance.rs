//! The SAM application, as AWS would take it: linted, scanned, built, and its artifacts run under AWS's own emulator.

use std::{env::consts::ARCH, ffi::OsStr, fs::File, path::Path, process::Command};

use crate::{
    scratch::Scratch,
    sh::{self, Result, Run, failed, root},
    venv::Venv,
};

/// SAM resolves merge keys, and writes the template without them.
const EXPAND: &str = "import sys; from samcli.yamlhelper import *; print(yaml_dump(yaml_parse(sys.stdin.read())))";

pub(crate) fn run() -> Result {
    let venv = Venv::of("tests/acceptance", &[])?;
    let path = venv.path()?;
    let command = |program: &str| {
        let mut command = sh::command(program);
        command.env("PATH", &path).env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "us-east-1");
        command
    };
    command("sam").arg("validate").run()?;
    command("cfn-lint").arg("template.yaml").run()?;
    scan(&command)?;
    let unittest = ["-m", "unittest", "discover", "--start-directory", "tests/acceptance", "--pattern", "*_test.py"];
    command("python").args(unittest).run()?;
    // The machine's own architecture, so that the artifacts can be run; the default is arm64.
    let architecture = if ARCH == "aarch64" { "arm64" } else { ARCH };
    command("sam").args(["build", "--parameter-overrides", &format!("Architecture={architecture}")]).run()?;
    command("python").arg("tests/acceptance/run_artifacts.py").run()?;
    command("python").arg("tests/acceptance/run_guard.py").run()?;
    command("tests/acceptance/sam_local").run()
}

/// checkov does not know merge keys.
fn scan(command: &impl Fn(&str) -> Command) -> Result {
    let scratch = Scratch::new()?;
    let (template, expanded) = (root().join("template.yaml"), scratch.path().join("template.yaml"));
    let open = |path: &Path| File::open(path).map_err(failed(path));
    let create = |path: &Path| File::create(path).map_err(failed(path));
    command("python").args(["-c", EXPAND]).stdin(open(&template)?).stdout(create(&expanded)?).run()?;
    let options = ["--framework", "cloudformation", "--compact", "--quiet", "--skip-download"].map(OsStr::new);
    command("checkov").arg("--file").arg(&expanded).args(options).run()
}
