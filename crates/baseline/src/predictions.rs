//! Predictions of a classifier.

/// Predicted logits, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Logits of the `C` classes for each text; minus infinity for a class without training rows.
    pub logits: Vec<Vec<f64>>,
}

impl Predictions {
    /// Returns the most probable class of each text; ties go to the first class.
    pub fn classes(&self) -> Vec<usize> {
        let best = |logits: &Vec<f64>| {
            let likelier = |best: usize, class: usize| match logits[class] > logits[best] {
                true => class,
                false => best,
            };
            (0..logits.len()).reduce(likelier).unwrap_or(0)
        };
        self.logits.iter().map(best).collect()
    }

    /// Returns the probability of each class for a text; they sum to 1.
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn probabilities(&self, text: usize) -> Vec<f64> {
        let logits = &self.logits[text];
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials
            .iter()
            .map(|exponential| exponential / sum)
            .collect()
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
