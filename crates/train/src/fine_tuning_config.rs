//! Every setting of a fine-tuning run.

use finetune_data::PairEncoding;
use serde::{Deserialize, Serialize};

use crate::{ActivationCache, LossConfig, TextConfig, TrainConfig, TrainError};

/// Settings of a fine-tuning run; the defaults are the field's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FineTuningConfig {
    /// From texts to batches.
    pub text: TextConfig,
    /// What is made small.
    pub loss: LossConfig,
    /// The training loop.
    pub train: TrainConfig,
    /// What the frozen part of the encoder computes, if there is one, is computed once and kept
    /// here.
    pub activations: ActivationCache,
}

impl FineTuningConfig {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        if self.text.encoding.pairs == PairEncoding::Separate {
            let expected = "joint: a classifier sees both texts of a pair in one row";
            return Err(TrainError::setting("encoding.pairs", "separate", expected));
        }
        self.loss.validate()?;
        self.activations.validate()?;
        self.train.validate()
    }
}
