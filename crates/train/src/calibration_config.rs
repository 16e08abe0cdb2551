//! Calibration of a classifier at the end of training.

use finetune_data::{EncodedDataset, Labels, Target};
use finetune_eval::{EvalError, PredictionSetRule, Predictions};
use finetune_predict::Calibration;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::task::describe_labels;

/// Calibration of the probabilities of a single-label classifier on its validation rows, after training.
/// It is saved with the model, which then answers with calibrated probabilities; the report compares them
/// with those before on the test rows.
///
/// The best model was chosen on the same rows, so the calibration is slightly too sure. `finetune calibrate`
/// and [`Predictor::fit_calibration`](finetune_predict::Predictor::fit_calibration) take other ones.
///
/// ```
/// use finetune_train::{CalibrationConfig, FineTuningConfig};
///
/// let config: FineTuningConfig = serde_json::from_str(r#"{"calibration": {"coverage": 0.9}}"#)?;
/// assert_eq!(config.calibration, Some(CalibrationConfig { coverage: Some(0.9) }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalibrationConfig {
    /// Share of texts whose class is to be in their prediction set, in `(0, 1)` (default: no sets).
    pub coverage: Option<f64>,
}

impl CalibrationConfig {
    /// Checks that the coverage is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if it is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        let Some(coverage) = self.coverage else {
            return Ok(());
        };
        PredictionSetRule::check_coverage(coverage).map_err(|error| match error {
            EvalError::InvalidSetting {
                found, expected, ..
            } => TrainError::setting("calibration.coverage", found, expected),
            error => error.into(),
        })
    }

    /// Checks it against the labels of a task and the number of outputs of its model.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if there is no output for each of several classes, or no
    ///   validation rows.
    pub(crate) fn check(
        &self,
        target: &Target,
        outputs: usize,
        has_validation: bool,
    ) -> Result<(), TrainError> {
        let error = |found, expected| Err(TrainError::setting("calibration", found, expected));
        match target {
            Target::Classes(_) if outputs < 2 => error(
                "given for a model with one output".to_string(),
                "none, or an output for each class",
            ),
            Target::Classes(_) if !has_validation => error(
                "given without validation rows".to_string(),
                "none, or an evaluation on validation rows",
            ),
            Target::Classes(_) => Ok(()),
            target => error(
                format!("given for {}", describe_labels(target)),
                "none: it is for one class per row",
            ),
        }
    }

    /// Fits the calibration on predicted rows.
    pub(crate) fn fit(
        &self,
        data: &EncodedDataset,
        predictions: &Predictions,
    ) -> Result<Calibration, TrainError> {
        let Labels::Classes(labels) = data.labels.all()? else {
            return Err(TrainError::setting("validation labels", "none", "classes"));
        };
        Ok(Calibration::fit(
            &predictions.logits,
            &labels,
            self.coverage,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_outputs_for_classes_and_validation_rows() {
        let names = vec!["a".to_string(), "b".to_string()];
        let classes = Target::Classes(names.clone());
        let config = CalibrationConfig::default();
        assert!(config.check(&classes, 2, true).is_ok());
        for (target, outputs, has_validation, message) in [
            (
                &classes,
                1,
                true,
                "calibration is given for a model with one output",
            ),
            (
                &classes,
                2,
                false,
                "calibration is given without validation rows",
            ),
            (
                &Target::MultiLabel(names),
                2,
                true,
                "calibration is given for any of the classes a, b",
            ),
        ] {
            let error = config.check(target, outputs, has_validation).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let wide = CalibrationConfig {
            coverage: Some(1.0),
        };
        let error = wide.validate().unwrap_err().to_string();
        assert_eq!(error, "calibration.coverage is 1, expected in (0, 1)");
    }
}
