//! Settings of a fine-tuning run.

use serde::{Deserialize, Serialize};

use crate::{
    ActivationCacheConfig, ClassifierOverrides, LossConfig, TextConfig, TrainConfig, TrainError,
};

/// Settings of a fine-tuning run; the defaults follow common practice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FineTuningConfig {
    /// Cleaning, tokenization and padding of the texts.
    pub text: TextConfig,
    /// Pooling, head and adapters (default: those of the checkpoint).
    pub model: ClassifierOverrides,
    /// Training loss (default: cross entropy).
    pub loss: LossConfig,
    /// Names of additional built-in metrics, such as `roc_auc`, to evaluate on validation and test
    /// rows beside the default metrics of the task (default: none).
    pub metrics: Vec<String>,
    /// Hyperparameters of the training loop.
    pub train: TrainConfig,
    /// Cache of the activations of frozen encoder layers.
    pub activation_cache: ActivationCacheConfig,
}

impl FineTuningConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        self.model.validate()?;
        self.loss.validate()?;
        self.activation_cache.validate()?;
        self.train.validate()
    }

    /// Returns the names of all metrics in the settings, including the one that selects the best
    /// model.
    pub fn metric_names(&self) -> impl Iterator<Item = &str> {
        let selecting = self.train.evaluation.iter();
        let selecting = selecting.map(|evaluation| &evaluation.metric_for_best_model[..]);
        self.metrics.iter().map(String::as_str).chain(selecting)
    }
}
