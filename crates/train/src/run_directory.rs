//! The folder a run leaves behind.
//!
//! | file | what | when |
//! |---|---|---|
//! | `config.json` | every setting, resolved, and what the data were | before training |
//! | `metrics.jsonl` | a line per step, evaluation and epoch | while it trains |
//! | `checkpoints/` | what the run needs to go on ([`CheckpointDirectory`]) | while it trains |
//! | `snapshots/` | the model after chosen numbers of steps | while it trains |
//! | `predictions.jsonl` | a line per test row; of several tasks, `predictions/TASK.jsonl` | at the end |
//! | `model/` | the fine-tuned checkpoint with its tokenizer; of several tasks, `model/TASK/` | at the end |
//! | `report.json` | [`RunReport`](crate::RunReport) | last of all |
//!
//! Nothing in `metrics.jsonl` and `predictions.jsonl` depends on the clock: two runs with one seed
//! on one CPU, one of them killed and resumed, leave the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::TrainError;
use crate::checkpoints::CheckpointDirectory;

/// The places in a run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory(PathBuf);

impl RunDirectory {
    /// The run directory at `path`, whether it exists or not.
    pub fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// The first of `parent/name-1`, `parent/name-2`, … that does not exist yet, made now.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be made.
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

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `config.json`
    pub fn config(&self) -> PathBuf {
        self.0.join("config.json")
    }

    /// `metrics.jsonl`
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// The folder of the checkpoints, made if need be.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be made.
    pub fn checkpoints(&self) -> Result<CheckpointDirectory, TrainError> {
        CheckpointDirectory::new(&self.0.join("checkpoints"))
    }

    /// The folder of the model after so many steps.
    pub fn snapshot(&self, steps: usize) -> PathBuf {
        self.0.join(format!("snapshots/step-{steps}"))
    }

    /// `predictions.jsonl`
    pub fn predictions(&self) -> PathBuf {
        self.0.join("predictions.jsonl")
    }

    /// `predictions/TASK.jsonl`, of one of several tasks
    pub fn task_predictions(&self, task: &str) -> PathBuf {
        self.0.join(format!("predictions/{task}.jsonl"))
    }

    /// The folder of the trained model.
    pub fn model(&self) -> PathBuf {
        self.0.join("model")
    }

    /// `report.html`
    pub fn html_report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// `report.md`
    pub fn markdown_report(&self) -> PathBuf {
        self.0.join("report.md")
    }

    /// `report.json`
    pub fn report(&self) -> PathBuf {
        self.0.join("report.json")
    }
}
