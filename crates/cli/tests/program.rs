//! The program, and what it runs on.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Empty directory in which the program runs.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Starts the program with the words of the arguments; a word `{NAME}` is that file of the
    /// repository.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_finetune"));
        command.current_dir(self.0.path()).stdin(Stdio::null());
        for word in arguments.split_whitespace() {
            let file = word
                .strip_prefix('{')
                .and_then(|word| word.strip_suffix('}'));
            match file {
                Some(file) => command.arg(repository(file)),
                None => command.arg(word),
            };
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &str) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// Trains on some of the bundled customer messages into the directory `run`.
    pub(crate) fn train(&self, run: &str, more: &str) -> Ended {
        self.run(&format!(
            "train --train-file {{datasets/customer_messages/sample/train.csv}} --test-file \
             {{datasets/customer_messages/sample/test.csv}} --text-column message --label-column topic \
             --max-train-samples 40 --max-length 32 --run-dir {run} {more}"
        ))
    }
}

/// Output of the program.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the output of a program that has ended well.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.error);
        self.out
    }

    /// Returns the message of a program that has ended with a code.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.error);
        self.error
    }
}

/// Returns a path of the repository.
pub(crate) fn repository(path: impl AsRef<OsStr>) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(Path::new(path.as_ref()))
}
