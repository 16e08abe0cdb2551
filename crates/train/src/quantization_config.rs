//! Choice of the layers of a classifier that become 8-bit integers, at the end of training.

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{BatchSize, EncodedDataset, Target};
use finetune_eval::Thresholds;
use finetune_model::{Encoder, EncoderModel, Int8Config, SequenceClassifier};
use finetune_ops::{Int8Weight, Precision};
use finetune_predict::{Int8Report, Int8Rows, PredictError};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::loss::targets;

/// Choice, on the validation rows and after training, of the linear layers that prediction in 8-bit integers
/// leaves in floats: none, unless too much is lost. It is saved with the model and has an effect only where
/// that is predicted with in `int8`; the report compares both on the test rows.
///
/// The best model was chosen on the same rows. `finetune quantize` and
/// [`Predictor::fit_int8`](finetune_predict::Predictor::fit_int8) take other ones.
///
/// ```
/// use finetune_train::{FineTuningConfig, QuantizationConfig};
///
/// let config: FineTuningConfig = serde_json::from_str(r#"{"quantization": {"max_loss": 0.01}}"#)?;
/// let expected = QuantizationConfig { max_loss: 0.01, ..QuantizationConfig::default() };
/// assert_eq!(config.quantization, Some(expected));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantizationConfig {
    /// How much the main metric of the labels may fall, at least 0 (default: 0.004).
    pub max_loss: f64,
    /// Precision of the layers that stay in floats (default: f32).
    pub keep_precision: Precision,
}

impl Default for QuantizationConfig {
    fn default() -> Self {
        Self {
            max_loss: 0.004,
            keep_precision: Precision::F32,
        }
    }
}

impl QuantizationConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] for the first that is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        if self.max_loss.is_nan() || self.max_loss < 0.0 {
            let found = self.max_loss;
            return Err(TrainError::setting(
                "quantization.max_loss",
                found,
                "at least 0",
            ));
        }
        if self.keep_precision == Precision::Int8 {
            let setting = "quantization.keep_precision";
            return Err(TrainError::setting(setting, "int8", "f32, bf16 or f16"));
        }
        Ok(())
    }

    /// Checks it against the device, the labels and the rows of a task.
    ///
    /// # Errors
    /// - [`TrainError::Precision`] if the device has no products of integers.
    /// - [`TrainError::InvalidSetting`] if there are no labels or no validation rows.
    pub(crate) fn check(
        &self,
        device: &Device,
        target: &Target,
        has_validation: bool,
    ) -> Result<(), TrainError> {
        Int8Weight::check_device(&device.clone().without_autodiff())?;
        let found = match target {
            Target::Unlabeled | Target::TokenClasses(_) => {
                "given for rows without classes or scores"
            }
            _ if !has_validation => "given without validation rows",
            _ => return Ok(()),
        };
        let expected = "none, or an evaluation on labeled validation rows";
        Err(TrainError::setting("quantization", found, expected))
    }

    /// Chooses the layers on validation rows.
    pub(crate) fn fit(
        &self,
        model: &SequenceClassifier,
        rows: LabeledRows<'_>,
    ) -> Result<Int8Report, TrainError> {
        rows.compare(self.keep_precision, |rows| {
            rows.fit(&as_saved(model), self.max_loss)
        })
    }
}

/// Rows with labels, and how they are predicted.
#[derive(Debug)]
pub(crate) struct LabeledRows<'a> {
    pub(crate) data: &'a EncodedDataset,
    pub(crate) thresholds: Thresholds,
    pub(crate) batch_size: BatchSize,
}

impl LabeledRows<'_> {
    /// Returns what a choice costs on the rows.
    pub(crate) fn score(
        self,
        model: &SequenceClassifier,
        config: &Int8Config,
    ) -> Result<Int8Report, TrainError> {
        self.compare(config.keep_precision, |rows| {
            rows.score(&as_saved(model), config)
        })
    }

    fn compare(
        self,
        keep_precision: Precision,
        compare: impl FnOnce(&Int8Rows<'_>) -> Result<Int8Report, PredictError>,
    ) -> Result<Int8Report, TrainError> {
        let targets = targets(&self.data.labels.all()?, self.data.len());
        Ok(compare(&Int8Rows {
            data: self.data,
            targets: &targets,
            thresholds: self.thresholds,
            batch_size: self.batch_size,
            keep_precision,
        })?)
    }
}

/// The model as it is saved: outside any graph, and with its adapters merged.
fn as_saved(model: &SequenceClassifier) -> SequenceClassifier {
    model.valid().map_encoder(Encoder::merge_lora)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_labels_validation_rows_and_values_in_range() {
        let classes = Target::Classes(vec!["a".to_string(), "b".to_string()]);
        let config = QuantizationConfig::default();
        let device = Device::flex().autodiff();
        assert!(config.check(&device, &classes, true).is_ok());
        let message = |target, has_validation| {
            let error = config.check(&device, target, has_validation).unwrap_err();
            error.to_string()
        };
        let without_rows = message(&classes, false);
        assert!(
            without_rows.starts_with("quantization is given without validation rows"),
            "{without_rows}"
        );
        let without_labels = message(&Target::Unlabeled, true);
        assert!(
            without_labels.starts_with("quantization is given for rows without classes"),
            "{without_labels}"
        );
        for (json, message) in [
            (
                r#"{"max_loss": -0.1}"#,
                "quantization.max_loss is -0.1, expected at least 0",
            ),
            (
                r#"{"keep_precision": "int8"}"#,
                "quantization.keep_precision is int8, expected f32, bf16 or f16",
            ),
        ] {
            let config: QuantizationConfig = serde_json::from_str(json).unwrap();
            assert_eq!(config.validate().unwrap_err().to_string(), message);
        }
    }
}
