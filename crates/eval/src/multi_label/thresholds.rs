//! Decision thresholds of multi-label classification.

use serde::{Deserialize, Serialize};

use super::PredictedLabelSets;
use crate::error::EvalError;
use crate::ranking::BinaryRanking;

/// Minimum probability at which a class is predicted, in `[0, 1]` (default: 0.5). In JSON, a number,
/// or a list with one number per class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Thresholds {
    /// The same for all classes.
    Same(f64),
    /// One per class, in the order of the classes.
    PerClass(Vec<f64>),
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::Same(0.5)
    }
}

impl Thresholds {
    /// Checks that all thresholds are probabilities.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if one is not in `[0, 1]`, or the list is empty.
    pub fn validate(&self) -> Result<(), EvalError> {
        let thresholds = match self {
            Self::Same(threshold) => std::slice::from_ref(threshold),
            Self::PerClass(thresholds) => thresholds,
        };
        let expected = "a probability, in [0, 1]";
        match thresholds.iter().find(|one| !(0.0..=1.0).contains(*one)) {
            Some(found) => Err(EvalError::setting("threshold", found, expected)),
            None if thresholds.is_empty() => {
                Err(EvalError::setting("threshold", "an empty list", expected))
            }
            None => Ok(()),
        }
    }

    /// Returns one threshold for each of `classes` classes.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if one is not in `[0, 1]`, or there is not one per class.
    pub fn per_class(&self, classes: usize) -> Result<Vec<f64>, EvalError> {
        self.validate()?;
        match self {
            Self::Same(threshold) => Ok(vec![*threshold; classes]),
            Self::PerClass(thresholds) if thresholds.len() == classes => Ok(thresholds.clone()),
            Self::PerClass(thresholds) => Err(EvalError::setting(
                "threshold",
                format!("a list of {}", thresholds.len()),
                format!("one number, or one per class, {classes}"),
            )),
        }
    }

    /// Returns the thresholds with the highest F1 of each class on some rows.
    ///
    /// A threshold is half way between the lowest probability that is predicted and the next one
    /// below, so that a small change of a probability does not matter. Of equal F1, the one closest
    /// to 0.5 is taken. A class that no row has keeps 0.5.
    ///
    /// # Errors
    /// - [`EvalError::InvalidRow`] if a probability is not finite.
    ///
    /// ```
    /// use finetune_eval::{PredictedLabelSets, Thresholds};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let targets = [vec![0], vec![0], vec![]];
    /// let probabilities = [[0.375], [0.25], [0.125]];
    /// let half = Thresholds::default();
    /// let predicted = PredictedLabelSets::from_slices(&targets, &probabilities, &half)?;
    /// let best = Thresholds::best_f1(&predicted)?;
    /// assert_eq!(best, Thresholds::PerClass(vec![0.1875]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn best_f1(predicted: &PredictedLabelSets) -> Result<Self, EvalError> {
        let classes = 0..predicted.num_classes();
        let best = classes.map(|class| Ok(best_threshold(&predicted.ranking(class)?)));
        Ok(Self::PerClass(best.collect::<Result<_, EvalError>>()?))
    }
}

/// Returns the threshold with the highest F1.
fn best_threshold(ranking: &BinaryRanking) -> f64 {
    const HALF: f64 = 0.5;
    let cut_offs = ranking.cut_offs();
    let below = cut_offs.iter().skip(1).map(|next| Some(next.threshold));
    let mut best = (0.0, HALF);
    for (cut_off, below) in cut_offs.iter().zip(below.chain([None])) {
        let found = cut_off.true_positives as f64;
        let predicted = (cut_off.true_positives + cut_off.false_positives) as f64;
        let f1 = 2.0 * found / (predicted + ranking.positives() as f64);
        let threshold = match below {
            Some(below) => below + (cut_off.threshold - below) / 2.0,
            None => cut_off.threshold,
        };
        // Between neighboring numbers there is no other.
        let threshold = match below {
            Some(below) if threshold <= below => cut_off.threshold,
            _ => threshold,
        };
        let is_closer = (threshold - HALF).abs() < (best.1 - HALF).abs();
        if f1 > best.0 || (f1 == best.0 && f1 > 0.0 && is_closer) {
            best = (f1, threshold);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(positive: &[bool], probabilities: &[f64]) -> f64 {
        best_threshold(&BinaryRanking::from_slices(positive, probabilities).unwrap())
    }

    #[test]
    fn thresholds_are_between_probabilities() {
        assert_eq!(best(&[true, true, false], &[0.75, 0.25, 0.0]), 0.125);
        // All rows are to be predicted.
        assert_eq!(best(&[true, true], &[0.25, 0.75]), 0.25);
        // No row has the class.
        assert_eq!(best(&[false, false], &[0.25, 0.75]), 0.5);
        // Neighboring numbers.
        let (low, high) = (0.25f64, 0.25f64.next_up());
        assert_eq!(best(&[false, true], &[low, high]), high);
    }

    #[test]
    fn of_equal_f1_the_threshold_closest_to_one_half_is_taken() {
        // Predicting one row is as good as predicting four: 2 / 3.
        let positive = [true, false, false, true];
        let probabilities = [1.0, 0.875, 0.75, 0.25];
        assert_eq!(best(&positive, &probabilities), 0.25);
        let probabilities = [0.75, 0.125, 0.0625, 0.0];
        assert_eq!(best(&positive, &probabilities), 0.4375);
    }

    #[test]
    fn numbers_and_lists_are_read_and_checked() {
        for (json, expected) in [
            ("0.25", Thresholds::Same(0.25)),
            ("1", Thresholds::Same(1.0)),
            ("[0.25,1.0]", Thresholds::PerClass(vec![0.25, 1.0])),
        ] {
            let found: Thresholds = serde_json::from_str(json).unwrap();
            assert_eq!(found, expected);
            found.validate().unwrap();
        }
        for (thresholds, message) in [
            (
                Thresholds::Same(1.5),
                "threshold is 1.5, expected a probability",
            ),
            (
                Thresholds::PerClass(vec![0.5, f64::NAN]),
                "threshold is NaN",
            ),
            (Thresholds::PerClass(vec![]), "threshold is an empty list"),
        ] {
            let error = thresholds.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        assert_eq!(Thresholds::Same(0.25).per_class(2).unwrap(), [0.25, 0.25]);
        assert!(Thresholds::PerClass(vec![0.25]).per_class(2).is_err());
    }
}
