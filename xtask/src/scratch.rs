//! Folders for one run.

use std::{
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use crate::sh::{Result, Run, command};

/// Waits for the end of its input, which is the end of this process however it ends, and removes the folder. A key that
/// interrupts the run reaches it, too, and must not end it.
const REMOVE: &str = "trap '' HUP INT TERM; cat > /dev/null; rm -rf -- \"$1\"";

/// A folder that is removed when this is dropped, and when the process is interrupted or killed: it may hold gigabytes.
pub(crate) struct Scratch {
    path: PathBuf,
    remover: Child,
}

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        let path = PathBuf::from(command("mktemp").arg("-d").read()?.trim_end());
        let remover = command("sh").args(["-c", REMOVE, "sh"]).arg(&path).stdin(Stdio::piped()).spawn();
        Ok(Self { path, remover: remover.map_err(|error| format!("sh does not start: {error}"))? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        if let Err(error) = self.remover.wait() {
            eprintln!("{} may not be removed: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_gone_with_all_that_is_in_it() {
        let scratch = Scratch::new().expect("a folder");
        let path = scratch.path().to_owned();
        std::fs::create_dir(path.join("inner")).expect("writable");
        std::fs::write(path.join("inner/file"), "").expect("writable");
        drop(scratch);
        assert!(!path.exists());
    }
}
