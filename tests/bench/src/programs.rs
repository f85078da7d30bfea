//! The measured programs.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

/// How a function's process is started.
#[derive(Clone)]
pub(crate) struct Program {
    /// As the tables show it.
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
    pub(crate) logs: bool,
}

/// Where the programs are.
pub(crate) struct Programs {
    /// Of Cargo's release binaries.
    pub(crate) release: PathBuf,
    /// An interpreter that has the packages of `python/requirements.txt`.
    pub(crate) python: PathBuf,
    /// Whether stderr of the programs is shown.
    pub(crate) logs: bool,
}

impl Program {
    pub(crate) fn stderr(&self) -> Stdio {
        if self.logs { Stdio::inherit() } else { Stdio::null() }
    }

    /// The same under a tool.
    pub(crate) fn under(&self, tool: &[String]) -> Self {
        Self { command: [tool, &self.command].concat(), ..self.clone() }
    }
}

impl Programs {
    /// A release binary.
    ///
    /// # Panics
    /// When it is not there: a table with a gap would look like a result.
    pub(crate) fn rust(&self, name: &str) -> Program {
        let binary = self.release.join(name);
        assert!(binary.is_file(), "{name} is not built for release; `cargo xtask bench` does that");
        Program { name: name.to_owned(), command: vec![text(&binary)], logs: self.logs }
    }

    /// The least that a Rust function can be.
    pub(crate) fn echo(&self) -> Program {
        Program { name: "bare lambda_runtime".to_owned(), ..self.rust("echo") }
    }

    /// `disable-user` as one would write it in Python.
    pub(crate) fn python(&self) -> Program {
        let code = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        // As the image's bootstrap does: the handler's folder is on the path and awslambdaric is the main module.
        let main = format!(
            "import sys; sys.path.insert(0, {:?}); sys.argv = ['awslambdaric', 'disable_user.handler']; \
             import runpy; runpy.run_module('awslambdaric', run_name='__main__', alter_sys=True)",
            text(&code)
        );
        // -B: Lambda's folder of code cannot be written to either.
        let command = vec![text(&self.python), "-B".to_owned(), "-c".to_owned(), main];
        Program { name: "Python (boto3, requests)".to_owned(), command, logs: self.logs }
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
