//! Fine-tuning of several checkpoints as an experiment: the encoder is a setting that a study can
//! vary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use finetune_train::{Callback, FineTuningConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::{Experiment, TrialScores};
use crate::fine_tuning_experiment::FineTuningExperiment;
use crate::model_fingerprint::{model_fingerprint, resumable_path};
use crate::trial::{Fold, Trial};
use crate::trial_directory::TrialDirectory;

/// Settings of a trial: the checkpoint and its fine-tuning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointTuningConfig {
    /// Name of one of the experiment's checkpoints.
    pub checkpoint: String,
    /// Fine-tuning settings.
    pub fine_tuning: FineTuningConfig,
}

/// Experiment whose trials fine-tune one of several checkpoints on one dataset.
///
/// A study varies the encoder by the setting `checkpoint`, beside the other settings:
///
/// ```
/// use finetune_study::StudyConfig;
///
/// let config = StudyConfig::from_toml(
///     r#"
///     name = "encoders and rates"
///
///     [[parameters]]
///     path = "checkpoint"
///     values = ["bert-base", "roberta-base"]
///
///     [[parameters]]
///     path = "fine_tuning.train.optimizer.learning_rate"
///     values = [2e-5, 5e-5]
///     "#,
/// )?;
/// assert_eq!(config.parameters.len(), 2);
/// # Ok::<(), finetune_study::StudyError>(())
/// ```
#[derive(Debug)]
pub struct CheckpointsExperiment {
    fine_tuning: FineTuningExperiment,
    /// Directory of each checkpoint by name.
    checkpoints: BTreeMap<String, PathBuf>,
    defaults: CheckpointTuningConfig,
    fingerprint: Value,
}

impl CheckpointsExperiment {
    /// Creates an experiment with directories of checkpoints by name, on the data, the device and
    /// the default settings of `fine_tuning`. The default checkpoint is the first by name.
    ///
    /// # Errors
    /// - [`StudyError::Io`] if a checkpoint cannot be read.
    /// - [`StudyError::InvalidSetting`] if there is no checkpoint.
    pub fn new(
        fine_tuning: FineTuningExperiment,
        checkpoints: BTreeMap<String, PathBuf>,
    ) -> Result<Self, StudyError> {
        let Some(first) = checkpoints.keys().next() else {
            return Err(StudyError::setting("checkpoints", 0, "at least 1"));
        };
        let defaults = CheckpointTuningConfig {
            checkpoint: first.clone(),
            fine_tuning: Experiment::defaults(&fine_tuning),
        };
        let mut fingerprint = Experiment::fingerprint(&fine_tuning);
        let (mut hashes, mut paths) = (serde_json::Map::new(), BTreeMap::new());
        for (name, directory) in checkpoints {
            hashes.insert(name.clone(), model_fingerprint(&directory)?);
            paths.insert(name, resumable_path(&directory)?);
        }
        fingerprint["model"] = hashes.into();
        Ok(Self {
            fine_tuning,
            checkpoints: paths,
            defaults,
            fingerprint,
        })
    }

    fn directory(&self, checkpoint: &str) -> Result<&Path, StudyError> {
        let directory = self.checkpoints.get(checkpoint).map(PathBuf::as_path);
        directory.ok_or_else(|| {
            let known: Vec<&str> = self.checkpoints.keys().map(String::as_str).collect();
            let expected = format!("one of {}", known.join(", "));
            StudyError::setting("checkpoint", checkpoint, expected)
        })
    }
}

impl Experiment for CheckpointsExperiment {
    type Config = CheckpointTuningConfig;
    type Error = StudyError;

    fn defaults(&self) -> CheckpointTuningConfig {
        self.defaults.clone()
    }

    fn fingerprint(&self) -> Value {
        self.fingerprint.clone()
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("fine_tuning.train.seed")
    }

    fn check(&self, config: &CheckpointTuningConfig, fold: Option<Fold>) -> Result<(), StudyError> {
        let model = self.directory(&config.checkpoint)?;
        self.fine_tuning
            .check_from(model, &config.fine_tuning, fold)
    }

    fn check_rows(
        &self,
        config: &CheckpointTuningConfig,
        fold: Option<Fold>,
        rows: EvalSplit,
    ) -> Result<(), StudyError> {
        self.fine_tuning.check_rows(&config.fine_tuning, fold, rows)
    }

    fn metrics(&self, config: &CheckpointTuningConfig, rows: EvalSplit) -> Option<Vec<String>> {
        self.fine_tuning.metrics(&config.fine_tuning, rows)
    }

    fn run(
        &self,
        trial: &Trial,
        config: &CheckpointTuningConfig,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        let model = self.directory(&config.checkpoint)?;
        self.fine_tuning
            .fine_tune_from(model, &config.fine_tuning, trial.fold, directory, callback)
    }
}
