//! Checkpoint settings and the directory of a run's checkpoints.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint_state::Checkpoint;
use crate::error::TrainError;
use crate::run_length::Interval;

/// Checkpoints and model snapshots written during a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointPolicy {
    /// Checkpoint interval (default: 1 epoch). With `None` no checkpoint is written, and a resumed
    /// run starts over.
    pub every: Option<Interval>,
    /// Maximum number of recent checkpoints to keep, at least 1 (default: 1; transformers keeps
    /// all).
    pub save_total_limit: usize,
    /// Optimizer steps after which the model is saved permanently, in the layout of Hugging Face
    /// checkpoints; each at least 1 (default: none).
    pub snapshot_steps: Vec<usize>,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self {
            every: Some(Interval::Epochs(1)),
            save_total_limit: 1,
            snapshot_steps: Vec::new(),
        }
    }
}

impl CheckpointPolicy {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is 0; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        if let Some(every) = self.every {
            every.validate("checkpoints.every")?;
        }
        for (setting, least) in [
            ("checkpoints.save_total_limit", Some(self.save_total_limit)),
            ("snapshot_steps", self.snapshot_steps.iter().copied().min()),
        ] {
            if least == Some(0) {
                return Err(TrainError::setting(setting, 0, "at least 1"));
            }
        }
        Ok(())
    }

    /// Checks that every snapshot step is within a run of `total_steps` steps.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if one is not; it names the last one.
    pub(crate) fn check(&self, total_steps: usize) -> Result<(), TrainError> {
        match self.snapshot_steps.iter().max() {
            Some(last) if *last > total_steps => {
                let expected = format!("at most the run's {total_steps} steps");
                Err(TrainError::setting("snapshot_steps", last, expected))
            }
            _ => Ok(()),
        }
    }
}

/// Directory of a run's checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointDirectory {
    directory: PathBuf,
}

impl CheckpointDirectory {
    /// Creates `directory` if it does not exist.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the directory cannot be created.
    pub fn new(directory: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(directory).map_err(TrainError::io(directory))?;
        Ok(Self {
            directory: directory.to_path_buf(),
        })
    }

    /// Returns the step and the path of the latest checkpoint, or `None` without checkpoints.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the directory cannot be read.
    pub fn latest(&self) -> Result<Option<(u64, PathBuf)>, TrainError> {
        Ok(self.all()?.pop())
    }

    /// Returns the step and the path of every checkpoint, latest last.
    fn all(&self) -> Result<Vec<(u64, PathBuf)>, TrainError> {
        let failed = || TrainError::io(&self.directory);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name();
            let step = name.to_str().and_then(|name| name.strip_prefix("step-"));
            if let Some(step) = step.and_then(|step| step.parse().ok()) {
                found.push((step, entry.path()));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Writes a checkpoint, and removes those that are no longer to be kept.
    pub(crate) fn write(
        &self,
        checkpoint: &Checkpoint,
        save_total_limit: usize,
    ) -> Result<PathBuf, TrainError> {
        let step = checkpoint.state.summary.steps;
        let path = self.directory.join(format!("step-{step:08}"));
        checkpoint.write(&path)?;
        self.remove_old(save_total_limit)?;
        Ok(path)
    }

    /// Removes all but the latest `save_total_limit` checkpoints.
    pub(crate) fn remove_old(&self, save_total_limit: usize) -> Result<(), TrainError> {
        let all = self.all()?;
        for (_, old) in &all[..all.len().saturating_sub(save_total_limit)] {
            fs::remove_dir_all(old).map_err(TrainError::io(old))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_one_with_most_steps() {
        let parent = tempfile::tempdir().unwrap();
        let directory = CheckpointDirectory::new(&parent.path().join("checkpoints")).unwrap();
        assert_eq!(directory.latest().unwrap(), None);
        for name in [
            "step-00000009",
            "step-100000000",
            "step-00000120",
            ".step-00000130.partial",
            "other",
        ] {
            fs::create_dir(directory.directory.join(name)).unwrap();
        }
        let (step, path) = directory.latest().unwrap().unwrap();
        assert_eq!(step, 100_000_000);
        assert!(path.ends_with("step-100000000"));

        directory.remove_old(2).unwrap();
        let left: Vec<u64> = directory
            .all()
            .unwrap()
            .into_iter()
            .map(|(step, _)| step)
            .collect();
        assert_eq!(left, [120, 100_000_000]);
        assert!(directory.directory.join("other").exists());
    }

    #[test]
    fn impossible_policies_are_named() {
        let policy = CheckpointPolicy::default;
        for (wrong, setting) in [
            (
                CheckpointPolicy {
                    every: Some(Interval::Steps(0)),
                    ..policy()
                },
                "checkpoints.every",
            ),
            (
                CheckpointPolicy {
                    save_total_limit: 0,
                    ..policy()
                },
                "checkpoints.save_total_limit",
            ),
            (
                CheckpointPolicy {
                    snapshot_steps: vec![5, 0],
                    ..policy()
                },
                "snapshot_steps",
            ),
        ] {
            let error = wrong.validate().unwrap_err().to_string();
            assert!(error.starts_with(setting), "{error}");
        }
    }
}
