//! Layout of a run directory.
//!
//! | file | what | when |
//! |---|---|---|
//! | `config.json` | all settings, resolved, and a summary of the data | before training |
//! | `metrics.jsonl` | line per step, evaluation and epoch | during training |
//! | `checkpoints/` | state for resuming the run ([`CheckpointDirectory`]) | during training |
//! | `snapshots/` | the model after chosen numbers of steps | during training |
//! | `predictions.jsonl` | line per test row (multi-task: `predictions/TASK.jsonl`) | at the end |
//! | `model/` | the trained model with its tokenizer and card (multi-task: `model/TASK/`) | at the end |
//! | `report.html`, `report.md` | the report as a page | at the end |
//! | `report.json` | [`RunReport`](crate::RunReport); marks the run as complete | last |
//!
//! `metrics.jsonl` and `predictions.jsonl` contain no times: two runs with the same seed on one CPU
//! write identical files, even if one of them is killed and resumed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::checkpoint_directory::CheckpointDirectory;
use crate::error::TrainError;

/// Paths of the files in a run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory(PathBuf);

impl RunDirectory {
    /// Creates the run directory for `path`, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// Creates the first of `parent/name-1`, `parent/name-2`, … that does not exist yet.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the directory cannot be created.
    pub fn next(parent: &Path, name: &str) -> Result<Self, TrainError> {
        fs::create_dir_all(parent).map_err(TrainError::io(parent))?;
        let mut number = 1u32;
        loop {
            let directory = parent.join(format!("{name}-{number}"));
            match fs::create_dir(&directory) {
                Ok(()) => return Ok(Self(directory)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(TrainError::io(directory)(error)),
            }
        }
    }

    /// Returns the path of the run directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of `config.json`.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.json")
    }

    /// Returns the path of `metrics.jsonl`.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// Returns the directory of checkpoints, and creates it if needed.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the directory cannot be created.
    pub fn checkpoints(&self) -> Result<CheckpointDirectory, TrainError> {
        CheckpointDirectory::new(&self.0.join("checkpoints"))
    }

    /// Returns the directory of the model snapshot after `steps` optimizer steps.
    pub fn snapshot(&self, steps: usize) -> PathBuf {
        self.0.join(format!("snapshots/step-{steps}"))
    }

    /// Returns the path of `predictions.jsonl`.
    pub fn predictions(&self) -> PathBuf {
        self.0.join("predictions.jsonl")
    }

    /// Returns the path of `predictions/TASK.jsonl`, for a multi-task run.
    pub fn task_predictions(&self, task: &str) -> PathBuf {
        self.0.join(format!("predictions/{task}.jsonl"))
    }

    /// Returns the directory of the trained model.
    pub fn model(&self) -> PathBuf {
        self.0.join("model")
    }

    /// Returns the path of `report.html`.
    pub fn html_report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// Returns the path of `report.md`.
    pub fn markdown_report(&self) -> PathBuf {
        self.0.join("report.md")
    }

    /// Returns the path of `report.json`.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.json")
    }
}
