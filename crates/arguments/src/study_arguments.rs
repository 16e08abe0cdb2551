//! Command-line arguments of studies: what to do, and where.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

/// Command of a study program (default: `run`).
#[derive(Debug, Clone, Subcommand)]
pub enum StudyCommand {
    /// Run the pending trials and write the report
    Run,
    /// List the trials, one per line: number, ID, state, label
    List {
        /// List pending trials only
        #[arg(long = "pending")]
        missing: bool,
        /// Print one JSON object per line, with all settings
        #[arg(long)]
        json: bool,
    },
    /// Run one trial
    RunTrial {
        /// Number of the trial, as listed
        number: usize,
    },
    /// Write the report of the trials run so far
    Report,
}

/// Directory and execution settings of a study, accepted before or after the command.
#[derive(Debug, Clone, Args)]
pub struct StudyDirectoryArguments {
    /// Directory; a study in it is resumed [default: studies/NAME]
    #[arg(long = "study-dir", value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Trials to run at the same time
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub(crate) jobs: usize,
    /// Retry failed trials
    #[arg(long = "retry-failed", global = true)]
    pub(crate) retry: bool,
}

impl StudyDirectoryArguments {
    /// Creates the arguments of a study in `directory`, with one trial at a time.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: Some(directory.to_path_buf()),
            jobs: 1,
            retry: true,
        }
    }
}
