//! Where the audit records of changes to the real JumpCloud stay: no log group has them.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use serde_json::Value;

/// A file that is open, so that a change can be recorded before it is made.
pub struct Audit {
    file: File,
    path: PathBuf,
}

impl Audit {
    /// `jumpcloud-playbooks/audit.jsonl` in `XDG_STATE_HOME`, by default `~/.local/state`; for its owner only.
    ///
    /// # Errors
    /// In words, where it cannot be written: then nothing may be changed.
    pub fn open() -> Result<Self, String> {
        let folder = env::var_os("XDG_STATE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let folder = folder.or_else(|| Some(env::home_dir()?.join(".local/state")));
        let folder =
            folder.ok_or("There is no place for the audit record: set HOME or XDG_STATE_HOME. Nothing was done.")?;
        let path = folder.join("jumpcloud-playbooks/audit.jsonl");
        let open = || -> io::Result<File> {
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            OpenOptions::new().create(true).append(true).mode(0o600).open(&path)
        };
        match open() {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => {
                Err(format!("The audit record cannot be written to {}: {error}. Nothing was done.", path.display()))
            }
        }
    }

    /// Adds the lines of runs in `logs`, and says where they are. Where they cannot be written, they are on standard error.
    pub fn keep(mut self, logs: &str) {
        let is_audit = |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|line| line["audit"].is_object());
        let lines: String = logs.lines().filter(is_audit).map(|line| format!("{line}\n")).collect();
        match self.file.write_all(lines.as_bytes()) {
            Ok(()) if lines.is_empty() => eprintln!("The function left no audit record."),
            Ok(()) => eprintln!("Audit record: {}", self.path.display()),
            Err(error) => {
                eprint!("The audit record could not be written to {}: {error}.\n{lines}", self.path.display())
            }
        }
    }
}
