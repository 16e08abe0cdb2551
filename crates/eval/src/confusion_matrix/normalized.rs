//! Normalized confusion matrix.

use serde::{Deserialize, Serialize};

use super::ConfusionMatrix;

/// Denominator of a normalized confusion matrix, as scikit-learn's `normalize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// Rows of the true class, with recalls on the diagonal: `normalize="true"`.
    True,
    /// Rows of the predicted class, with precisions on the diagonal: `normalize="pred"`.
    Pred,
    /// All rows, with a diagonal that sums to the accuracy: `normalize="all"`.
    All,
}

impl ConfusionMatrix {
    /// Returns the fractions `[true][predicted]`, `[C, C]`, in `[0, 1]`; 0 for a zero denominator.
    /// scikit-learn's [`confusion_matrix`] with `normalize`.
    ///
    /// ```
    /// use finetune_eval::{ConfusionMatrix, Normalize};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[0, 0, 1, 1], &[0, 1, 1, 1], ["no", "yes"])?;
    /// assert_eq!(matrix.normalized(Normalize::All), [[0.25, 0.25], [0.0, 0.5]]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`confusion_matrix`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html
    pub fn normalized(&self, normalization: Normalize) -> Vec<Vec<f64>> {
        let (labels, predictions, all) =
            (self.true_totals(), self.predicted_totals(), self.total());
        let share = |label: usize, prediction: usize| {
            let whole = match normalization {
                Normalize::True => labels[label],
                Normalize::Pred => predictions[prediction],
                Normalize::All => all,
            };
            match whole {
                0 => 0.0,
                _ => self.count(label, prediction) as f64 / whole as f64,
            }
        };
        let classes = || 0..self.num_classes();
        let row = |label| {
            classes()
                .map(|prediction| share(label, prediction))
                .collect()
        };
        classes().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_nothing_is_0() {
        let matrix = ConfusionMatrix::from_slices(&[0, 0, 1], &[0, 2, 0], ["a", "b", "c"]).unwrap();
        let by_true = matrix.normalized(Normalize::True);
        assert_eq!(by_true, [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
        let by_predicted = matrix.normalized(Normalize::Pred);
        assert_eq!(
            by_predicted,
            [[0.5, 0.0, 1.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]
        );

        let empty = ConfusionMatrix::new(["a", "b"]).unwrap();
        assert_eq!(empty.normalized(Normalize::All), [[0.0; 2]; 2]);
    }
}
