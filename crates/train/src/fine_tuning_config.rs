//! Every setting of a fine-tuning run.

use serde::{Deserialize, Serialize};

use crate::{
    ActivationCacheConfig, ClassifierOverrides, LossConfig, TextConfig, TrainConfig, TrainError,
};

/// Settings of a fine-tuning run; the defaults are the field's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FineTuningConfig {
    /// From texts to batches.
    pub text: TextConfig,
    /// What stands on the encoder.
    pub model: ClassifierOverrides,
    /// What is made small.
    pub loss: LossConfig,
    /// Names of metrics to evaluate beside those that the task has by default, on validation and test
    /// rows: any built-in one that the task has, such as `roc_auc` (default: none).
    pub metrics: Vec<String>,
    /// The training loop.
    pub train: TrainConfig,
    /// What the frozen part of the encoder computes, if there is one, is computed once and kept
    /// here.
    pub activation_cache: ActivationCacheConfig,
}

impl FineTuningConfig {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        self.model.validate()?;
        self.loss.validate()?;
        self.activation_cache.validate()?;
        self.train.validate()
    }

    /// Returns the names of all metrics in the settings.
    pub fn metric_names(&self) -> impl Iterator<Item = &str> {
        let selecting = self.train.evaluation.iter();
        let selecting = selecting.map(|evaluation| &evaluation.metric_for_best_model[..]);
        self.metrics.iter().map(String::as_str).chain(selecting)
    }
}
