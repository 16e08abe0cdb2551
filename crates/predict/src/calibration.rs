//! Calibration of a classifier: probabilities that mean what they say, and sets of classes with a
//! guaranteed coverage.

use finetune_eval::{EvalError, PredictionSetRule, fit_temperature};
use serde::{Deserialize, Serialize};

/// Calibration of a single-label classifier, fitted on held-out rows by
/// [`Predictor::fit_calibration`](crate::Predictor::fit_calibration) and saved beside the model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Number that logits are divided by before the softmax, above 0; see
    /// [`fit_temperature`].
    pub temperature: f64,
    /// Rule for sets of classes (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction_set: Option<PredictionSetRule>,
}

impl Calibration {
    /// Fits the temperature, and a rule for sets if a `coverage` in `(0, 1)` is given.
    ///
    /// Both are fitted on the same rows. That keeps the coverage in practice, as the temperature is one
    /// number.
    ///
    /// # Errors
    /// - As [`fit_temperature`] and [`PredictionSetRule::fit`].
    pub fn fit(
        logits: &[Vec<f32>],
        labels: &[usize],
        coverage: Option<f64>,
    ) -> Result<Self, EvalError> {
        let temperature = fit_temperature(logits, labels)?;
        let fit = |coverage| PredictionSetRule::fit(logits, labels, temperature, coverage);
        Ok(Self {
            temperature,
            prediction_set: coverage.map(fit).transpose()?,
        })
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] for the first that is not.
    pub fn validate(&self) -> Result<(), EvalError> {
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(EvalError::InvalidSetting {
                setting: "temperature",
                found: self.temperature.to_string(),
                expected: "above 0".to_string(),
            });
        }
        self.prediction_set
            .as_ref()
            .map_or(Ok(()), PredictionSetRule::validate)
    }

    /// Divides logits by the temperature.
    pub(crate) fn scale(&self, logits: &mut [f32]) {
        for logit in logits {
            *logit = (f64::from(*logit) / self.temperature) as f32;
        }
    }
}
