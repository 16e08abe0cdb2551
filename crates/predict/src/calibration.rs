//! Calibration of a classifier: probabilities that mean what they say, and sets of classes with a
//! guaranteed coverage.

use std::fmt;

use finetune_eval::{
    CalibrationScores, EvalError, PredictedProbabilities, PredictionSetRule, fit_temperature,
};
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

/// A calibration with the scores of the probabilities before and after it, on the same labeled rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalibrationReport {
    /// The calibration.
    #[serde(flatten)]
    pub calibration: Calibration,
    /// Number of rows that the scores are of.
    pub rows: usize,
    /// Scores of the probabilities as the model computes them.
    pub before: CalibrationScores,
    /// Scores of the calibrated probabilities, and of the sets of classes.
    pub after: CalibrationScores,
}

/// Leaves the probabilities as the model computes them.
impl Default for Calibration {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            prediction_set: None,
        }
    }
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

    /// Scores the calibrated probabilities on labeled rows.
    ///
    /// # Errors
    /// - [`EvalError::LengthMismatch`] without one label per row, [`EvalError::NoRows`] without rows.
    /// - [`EvalError::InvalidRow`] for a row with other than finite logits, or a label that is no class.
    pub fn scores(
        &self,
        logits: &[Vec<f32>],
        labels: &[usize],
    ) -> Result<CalibrationScores, EvalError> {
        let mut scaled = logits.to_vec();
        for row in &mut scaled {
            self.scale(row);
        }
        self.scores_of_scaled(&scaled, labels)
    }

    /// Scores as [`Self::scores`], from logits that [`Self::scale`] has divided.
    pub(crate) fn scores_of_scaled(
        &self,
        scaled: &[Vec<f32>],
        labels: &[usize],
    ) -> Result<CalibrationScores, EvalError> {
        let predicted = PredictedProbabilities::from_logits(labels, scaled)?;
        CalibrationScores::new(&predicted, self.prediction_set.as_ref())
    }

    /// Scores the probabilities before and after the calibration on labeled rows.
    ///
    /// # Errors
    /// - As [`Self::scores`].
    pub fn report(
        self,
        logits: &[Vec<f32>],
        labels: &[usize],
    ) -> Result<CalibrationReport, EvalError> {
        Ok(CalibrationReport {
            calibration: self,
            rows: labels.len(),
            before: Self::default().scores(logits, labels)?,
            after: self.scores(logits, labels)?,
        })
    }

    /// Divides logits by the temperature.
    pub(crate) fn scale(&self, logits: &mut [f32]) {
        for logit in logits {
            *logit = (f64::from(*logit) / self.temperature) as f32;
        }
    }
}

/// Formats the report as two or three sentences.
impl fmt::Display for CalibrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (&self.before, &self.after);
        write!(
            f,
            "Temperature {:.4}: expected calibration error {:.4}, before {:.4}; log loss {:.4}, before \
             {:.4}.",
            self.calibration.temperature,
            after.expected_calibration_error,
            before.expected_calibration_error,
            after.log_loss,
            before.log_loss,
        )?;
        let (Some(rule), Some(sets)) = (&self.calibration.prediction_set, &after.prediction_sets)
        else {
            return Ok(());
        };
        write!(
            f,
            " Sets for {:.1} %: the class of {:.1} % of {} rows is in its set, sets have {:.2} classes, and \
             {:.1} % are of one class.",
            100.0 * rule.coverage,
            100.0 * sets.coverage,
            self.rows,
            sets.mean_size,
            100.0 * sets.sure,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_compares_the_same_rows() {
        // Twice as sure as it should be: right in three of four rows of a confidence of 0.88.
        let logits = vec![
            vec![2.0, 0.0],
            vec![2.0, 0.0],
            vec![2.0, 0.0],
            vec![0.0, 2.0],
        ];
        let labels = [0, 0, 0, 0];
        let calibration = Calibration::fit(&logits, &labels, Some(0.7)).unwrap();
        assert!((calibration.temperature - 2.0 / 3f64.ln()).abs() < 1e-9);
        let report = calibration.report(&logits, &labels).unwrap();
        assert!((report.before.expected_calibration_error - 0.1308).abs() < 1e-4);
        assert!(report.after.expected_calibration_error < 1e-7);
        assert!(report.after.log_loss < report.before.log_loss);
        assert_eq!(report.before.prediction_sets, None);
        let text = report.to_string();
        assert!(text.contains("before 0.1308"), "{text}");
        assert!(text.contains("Sets for 70.0 %"), "{text}");
        // The default changes nothing.
        let same = Calibration::default().report(&logits, &labels).unwrap();
        assert_eq!(same.before, same.after);
        assert!(!same.to_string().contains("Sets"));
    }
}
