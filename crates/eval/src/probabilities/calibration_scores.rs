//! Scores of probabilities that are to mean what they say.

use serde::{Deserialize, Serialize};

use super::{Binning, PredictedProbabilities, PredictionSetRule};
use crate::error::EvalError;
use crate::metric::Scores;

/// How far the probabilities of a model can be trusted, measured on labeled rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalibrationScores {
    /// Mean negative log-likelihood of the labels in nats ([`PredictedProbabilities::log_loss`]).
    pub log_loss: f64,
    /// Mean gap between confidence and accuracy in 15 bins, in `[0, 1]`
    /// ([`PredictedProbabilities::reliability`]).
    pub expected_calibration_error: f64,
    /// Scores of the sets of classes; `None` without a rule for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction_sets: Option<PredictionSetScores>,
}

/// Scores of sets of classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PredictionSetScores {
    /// Share of rows whose class is in their set.
    pub coverage: f64,
    /// Mean number of classes in a set.
    pub mean_size: f64,
    /// Share of rows whose set is of one class, which the model is sure of.
    pub sure: f64,
}

impl CalibrationScores {
    /// Computes the scores of probabilities, and of the sets that a rule makes of them.
    ///
    /// # Errors
    /// - [`EvalError::NoRows`] without rows.
    ///
    /// ```
    /// use finetune_eval::{CalibrationScores, PredictedProbabilities, PredictionSetRule};
    ///
    /// let rows = [[0.8, 0.2], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]];
    /// let predicted = PredictedProbabilities::from_slices(&[0, 1, 0, 1], &rows)?;
    /// let rule = PredictionSetRule { coverage: 0.75, threshold: 0.4 };
    /// let scores = CalibrationScores::new(&predicted, Some(&rule))?;
    /// let sets = scores.prediction_sets.unwrap();
    /// assert_eq!((sets.coverage, sets.mean_size, sets.sure), (0.75, 1.25, 0.75));
    /// # Ok::<(), finetune_eval::EvalError>(())
    /// ```
    pub fn new(
        predicted: &PredictedProbabilities,
        rule: Option<&PredictionSetRule>,
    ) -> Result<Self, EvalError> {
        let reliability = predicted.reliability(Binning::default())?;
        Ok(Self {
            log_loss: predicted.log_loss()?,
            expected_calibration_error: reliability.expected_calibration_error,
            prediction_sets: rule.map(|rule| PredictionSetScores::new(predicted, rule)),
        })
    }

    /// Returns the scores by name, as other metrics are: `expected_calibration_error`, and
    /// `prediction_set_coverage`, `prediction_set_size` and `sure` with a rule for sets.
    pub fn scores(&self) -> Scores {
        let mut scores = Scores::new();
        let error = self.expected_calibration_error;
        scores.insert("expected_calibration_error".to_string(), error);
        if let Some(sets) = &self.prediction_sets {
            scores.insert("prediction_set_coverage".to_string(), sets.coverage);
            scores.insert("prediction_set_size".to_string(), sets.mean_size);
            scores.insert("sure".to_string(), sets.sure);
        }
        scores
    }
}

impl PredictionSetScores {
    fn new(predicted: &PredictedProbabilities, rule: &PredictionSetRule) -> Self {
        let (mut covered, mut classes, mut sure) = (0, 0, 0);
        for (label, probabilities) in predicted.each_row() {
            let of_set = probabilities.iter().filter(|p| rule.contains(**p));
            let size = of_set.count();
            covered += usize::from(rule.contains(probabilities[label]));
            classes += size;
            sure += usize::from(size == 1);
        }
        let rows = predicted.rows() as f64;
        Self {
            coverage: covered as f64 / rows,
            mean_size: classes as f64 / rows,
            sure: sure as f64 / rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_names() {
        let predicted = PredictedProbabilities::from_slices(&[0], &[[0.75, 0.25]]).unwrap();
        let scores = CalibrationScores::new(&predicted, None).unwrap().scores();
        assert_eq!(scores.len(), 1);
        assert_eq!(scores["expected_calibration_error"], 0.25);
        let rule = PredictionSetRule {
            coverage: 0.5,
            threshold: 0.9,
        };
        let scores = CalibrationScores::new(&predicted, Some(&rule)).unwrap();
        // The set is empty: the model is not sure.
        let sets = scores.prediction_sets.unwrap();
        assert_eq!((sets.coverage, sets.mean_size, sets.sure), (0.0, 0.0, 0.0));
        assert_eq!(scores.scores().len(), 4);
    }
}
