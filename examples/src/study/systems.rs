//! Encoders and sparse baselines as one experiment.

use finetune::prelude::*;
use finetune::study::{
    EvalSplit, Experiment, FineTuningExperiment, Fold, StudyError, Trial, TrialDirectory,
    TrialScores,
};
use finetune_baseline::BaselineConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::baseline_scores;

/// Settings of a trial: an encoder or a sparse baseline.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SystemConfig {
    /// System of the trial (default: encoder).
    pub system: System,
    /// Settings of an encoder.
    pub encoder: FineTuningConfig,
    /// Settings of a baseline.
    pub baseline: BaselineConfig,
}

/// System that a trial trains.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// Fine-tuned encoder.
    #[default]
    Encoder,
    /// Bag of words with a linear classifier.
    Baseline,
}

/// Experiment that runs both encoders and sparse baselines on one dataset.
#[derive(Debug)]
pub struct Systems {
    /// Experiment of the encoder, with its own training and test rows.
    pub encoder: FineTuningExperiment,
    /// Rows of the baselines, for cross-validation.
    pub rows: Splits,
    /// Settings that a study starts from.
    pub defaults: SystemConfig,
}

impl Experiment for Systems {
    type Config = SystemConfig;
    type Error = StudyError;

    fn defaults(&self) -> SystemConfig {
        self.defaults.clone()
    }

    fn fingerprint(&self) -> Value {
        self.encoder.fingerprint()
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("encoder.train.seed")
    }

    fn check(&self, config: &SystemConfig, fold: Option<Fold>) -> Result<(), Self::Error> {
        // The folds of a baseline are of its own rows.
        let fold = fold.filter(|_| matches!(config.system, System::Encoder));
        self.encoder.check(&config.encoder, fold)
    }

    fn check_rows(
        &self,
        config: &SystemConfig,
        fold: Option<Fold>,
        rows: EvalSplit,
    ) -> Result<(), Self::Error> {
        match config.system {
            System::Encoder => self.encoder.check_rows(&config.encoder, fold, rows),
            System::Baseline => Ok(()),
        }
    }

    fn run(
        &self,
        trial: &Trial,
        config: &SystemConfig,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, Self::Error> {
        match config.system {
            System::Encoder => {
                self.encoder
                    .fine_tune(&config.encoder, trial.fold, directory, callback)
            }
            System::Baseline => baseline_scores(&config.baseline, &self.rows, trial.fold)
                .map_err(|error| StudyError::Trial(error.into())),
        }
    }
}
