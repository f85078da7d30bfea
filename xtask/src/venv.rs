//! Virtual environments of Python: one per folder, of what its `requirements.txt` pins.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::sh::{Result, Run, command, failed, root};

/// What a folder's `requirements.txt` installs, ready to be started.
pub(crate) struct Venv {
    bin: PathBuf,
}

impl Venv {
    /// Makes `<folder>/.venv`, unless it holds what the folder's `requirements.txt` says. `options` are those of `pip install`.
    pub(crate) fn of(folder: &str, options: &[&str]) -> Result<Self> {
        let folder = root().join(folder);
        let (wanted, installed) = (folder.join("requirements.txt"), folder.join(".venv/installed"));
        let venv = Self { bin: folder.join(".venv/bin") };
        let text = fs::read(&wanted).map_err(failed(&wanted))?;
        if !fs::read(&installed).is_ok_and(|before| before == text) {
            command("python3").args(["-m", "venv", "--clear"]).arg(folder.join(".venv")).run()?;
            let mut pip = command(venv.program("pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(options);
            pip.arg("--requirement").arg(&wanted).run()?;
            // Written last: an installation that was interrupted is made again.
            fs::write(&installed, text).map_err(failed(&installed))?;
        }
        Ok(venv)
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// `PATH` with its programs in front.
    pub(crate) fn path(&self) -> Result<OsString> {
        path_with(&self.bin, &env::var_os("PATH").unwrap_or_default())
    }
}

fn path_with(first: &Path, path: &OsString) -> Result<OsString> {
    let folders = [first.to_owned()].into_iter().chain(env::split_paths(path));
    env::join_paths(folders).map_err(|error| format!("{}: {error}", first.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_programs_come_first() {
        assert_eq!(
            path_with(Path::new("/venv/bin"), &"/usr/bin:/bin".into()).expect("a path"),
            "/venv/bin:/usr/bin:/bin"
        );
    }
}
