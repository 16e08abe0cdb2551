//! Errors of command-line arguments.

use std::path::PathBuf;

use finetune::study::StudyError;

/// Error of the arguments of a program; each names the argument or the file it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentsError {
    /// Arguments contradict each other, or one is missing.
    #[error("{0}")]
    Usage(String),
    /// A setting of `--set` or of the file of `--config` is unknown, or its value has another type.
    #[error(transparent)]
    Setting(#[from] StudyError),
    /// The file of `--config` is not valid JSON or TOML.
    #[error("{}: {problem}", path.display())]
    InvalidFile {
        /// Path of the file.
        path: PathBuf,
        /// Message with line and column.
        problem: String,
    },
    /// There is no model in a directory.
    #[error("{}: no model, expected a directory with config.json", path.display())]
    NoModel {
        /// The directory.
        path: PathBuf,
    },
    /// A model cannot be downloaded by its name.
    #[error(transparent)]
    Model(#[from] finetune::model::ModelError),
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl ArgumentsError {
    /// Creates the error of arguments that do not fit.
    pub fn usage(problem: impl Into<String>) -> Self {
        Self::Usage(problem.into())
    }

    /// Returns whether the command line or its settings cannot be understood, as opposed to a file
    /// that cannot be read.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Usage(_) | Self::Setting(_) | Self::InvalidFile { .. }
        )
    }
}
