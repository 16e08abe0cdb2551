//! Predictions of a classifier.

use finetune_eval::{first_largest, softmax};

/// Predicted logits, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Logits of the `C` classes for each text; minus infinity for a class without training rows.
    pub logits: Vec<Vec<f64>>,
}

impl Predictions {
    /// Returns the most probable class of each text; ties go to the first class.
    pub fn classes(&self) -> Vec<usize> {
        let rows = self.logits.iter();
        rows.map(|logits| first_largest(logits)).collect()
    }

    /// Returns the probability of each class for a text; they sum to 1.
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn probabilities(&self, text: usize) -> Vec<f64> {
        softmax(&self.logits[text])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_was_not_seen_is_never_predicted() {
        let logits = vec![
            vec![f64::NEG_INFINITY, -1e300, f64::NEG_INFINITY],
            vec![0.0, 0.0, -1.0],
        ];
        let predictions = Predictions { logits };
        assert_eq!(predictions.classes(), [1, 0]);
        assert_eq!(predictions.probabilities(0), [0.0, 1.0, 0.0]);
    }
}
