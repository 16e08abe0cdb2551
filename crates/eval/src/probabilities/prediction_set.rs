//! Conformal prediction: sets of classes that have the true one with a chosen probability.

use serde::{Deserialize, Serialize};

use super::temperature::check_rows;
use crate::error::EvalError;
use crate::predictions::softmax;
use crate::validate::check_share;

/// Rule that makes a set of classes of a row's probabilities: all with at least the probability
/// `threshold`.
///
/// It is split conformal prediction with the score `1 - probability` of the true class ([Sadinle et al.
/// 2019](https://arxiv.org/abs/1609.00451); `lac` in MAPIE). New rows of the same kind as the held-out
/// ones have their class in the set with at least the probability `coverage`, whatever the model. A set
/// may have several classes, or none: then no class is likely enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionSetRule {
    /// Share of rows whose class is to be in the set, in `(0, 1)`.
    pub coverage: f64,
    /// Minimum probability of a class in the set, in `[0, 1]`; 0 takes all classes.
    pub threshold: f64,
}

impl PredictionSetRule {
    /// Fits the threshold on held-out rows whose logits are divided by `temperature`. With too few rows
    /// for the coverage, all classes are in every set.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if the coverage is not in `(0, 1)`, or the temperature not above 0.
    /// - As [`fit_temperature`](crate::fit_temperature) for the rows.
    ///
    /// ```
    /// use finetune_eval::PredictionSetRule;
    ///
    /// let logits: Vec<[f32; 2]> = (0..99).map(|row| [row as f32 / 10.0, 0.0]).collect();
    /// let rule = PredictionSetRule::fit(&logits, &[0; 99], 1.0, 0.9)?;
    /// // 90 of 100 are to be covered: all rows but the nine least likely ones.
    /// assert!((rule.threshold - 1.0 / (1.0 + (-0.9f64).exp())).abs() < 1e-7);
    /// assert_eq!(rule.classes(&[0.6, 0.4]), [] as [usize; 0]);
    /// assert_eq!(rule.classes(&[0.8, 0.2]), [0]);
    /// # Ok::<(), finetune_eval::EvalError>(())
    /// ```
    pub fn fit(
        logits: &[impl AsRef<[f32]>],
        labels: &[usize],
        temperature: f64,
        coverage: f64,
    ) -> Result<Self, EvalError> {
        Self::check_coverage(coverage)?;
        if !(temperature > 0.0 && temperature.is_finite()) {
            return Err(EvalError::setting("temperature", temperature, "above 0"));
        }
        check_rows(logits, labels)?;
        let of_label = logits.iter().zip(labels).map(|(logits, label)| {
            let logits = logits.as_ref().iter();
            let scaled: Vec<f64> = logits
                .map(|logit| f64::from(*logit) / temperature)
                .collect();
            softmax(&scaled)[*label]
        });
        let mut of_label: Vec<f64> = of_label.collect();
        of_label.sort_by(f64::total_cmp);
        // Rows below the threshold: at most a share of 1 - coverage of one row more.
        let rows = of_label.len() as f64 + 1.0;
        let covered = (rows * coverage).ceil() as usize;
        let threshold = match of_label.len().checked_sub(covered) {
            Some(below) => of_label[below],
            None => 0.0,
        };
        Ok(Self {
            coverage,
            threshold,
        })
    }

    /// Returns whether a class of a probability is in the set.
    pub fn contains(&self, probability: f64) -> bool {
        probability >= self.threshold
    }

    /// Returns the classes in the set of a row, in their order.
    pub fn classes(&self, probabilities: &[f64]) -> Vec<usize> {
        let classes = 0..probabilities.len();
        classes
            .filter(|class| self.contains(probabilities[*class]))
            .collect()
    }

    /// Checks that both values are in their range.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] for the first that is not.
    pub fn validate(&self) -> Result<(), EvalError> {
        Self::check_coverage(self.coverage)?;
        match (0.0..=1.0).contains(&self.threshold) {
            true => Ok(()),
            false => Err(EvalError::setting("threshold", self.threshold, "in [0, 1]")),
        }
    }

    /// Checks that a coverage is in its range.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if it is not in `(0, 1)`.
    pub fn check_coverage(coverage: f64) -> Result<(), EvalError> {
        check_share("coverage", coverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_rows_take_all_classes() {
        let rule = PredictionSetRule::fit(&[[1.0, 0.0]; 8], &[0; 8], 1.0, 0.9).unwrap();
        assert_eq!(rule.threshold, 0.0);
        assert_eq!(rule.classes(&[1.0, 0.0]), [0, 1]);
        let rule = PredictionSetRule::fit(&[[1.0, 0.0]; 9], &[0; 9], 1.0, 0.9).unwrap();
        assert!(rule.threshold > 0.7);
    }

    #[test]
    fn settings_out_of_range_are_errors() {
        for coverage in [0.0, 1.0, f64::NAN] {
            let error = PredictionSetRule::fit(&[[1.0, 0.0]], &[0], 1.0, coverage).unwrap_err();
            assert!(error.to_string().starts_with("coverage is "), "{error}");
        }
        let error = PredictionSetRule::fit(&[[1.0, 0.0]], &[0], 0.0, 0.5).unwrap_err();
        assert_eq!(error.to_string(), "temperature is 0, expected above 0");
        let rule = PredictionSetRule {
            coverage: 0.9,
            threshold: 1.5,
        };
        assert_eq!(
            rule.validate().unwrap_err().to_string(),
            "threshold is 1.5, expected in [0, 1]"
        );
    }
}
