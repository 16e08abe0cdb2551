//! Normalized confusion matrix.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ConfusionMatrix, text};

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

/// Normalized confusion matrix, with values in `[0, 1]`; 0 for a zero denominator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NormalizedConfusionMatrix {
    /// Denominator.
    pub normalization: Normalize,
    /// Class names, in class order.
    pub class_names: Vec<String>,
    /// Fractions `shares[true][predicted]`, `[C, C]`.
    pub shares: Vec<Vec<f64>>,
}

impl ConfusionMatrix {
    /// Returns the normalized matrix: scikit-learn's [`confusion_matrix`] with `normalize`.
    ///
    /// ```
    /// use finetune_eval::{ConfusionMatrix, Normalize};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[0, 0, 1, 1], &[0, 1, 1, 1], ["no", "yes"])?;
    /// let shares = matrix.normalized(Normalize::All);
    /// assert_eq!(shares.shares, [[0.25, 0.25], [0.0, 0.5]]);
    /// assert_eq!(
    ///     shares.to_string(),
    ///     "true \\ predicted      no     yes\n\
    ///      no                0.2500  0.2500\n\
    ///      yes               0.0000  0.5000\n"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`confusion_matrix`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html
    pub fn normalized(&self, normalization: Normalize) -> NormalizedConfusionMatrix {
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
        let classes = 0..self.classes();
        let row = |label| {
            classes
                .clone()
                .map(|prediction| share(label, prediction))
                .collect()
        };
        NormalizedConfusionMatrix {
            normalization,
            class_names: self.class_names.clone(),
            shares: classes.clone().map(row).collect(),
        }
    }
}

/// Writes a table with four decimals for any number of classes; long names are shortened.
impl fmt::Display for NormalizedConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::render_shares(&self.class_names, &self.shares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_nothing_is_0() {
        let matrix = ConfusionMatrix::from_slices(&[0, 0, 1], &[0, 2, 0], ["a", "b", "c"]).unwrap();
        let by_true = matrix.normalized(Normalize::True).shares;
        assert_eq!(by_true, [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
        let by_predicted = matrix.normalized(Normalize::Pred).shares;
        assert_eq!(
            by_predicted,
            [[0.5, 0.0, 1.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]
        );

        let empty = ConfusionMatrix::new(["a", "b"]).unwrap();
        assert_eq!(empty.normalized(Normalize::All).shares, [[0.0; 2]; 2]);
    }

    #[test]
    fn json_names_the_normalization() {
        let matrix = ConfusionMatrix::from_slices(&[0, 1], &[0, 1], ["a", "b"]).unwrap();
        let normalized = matrix.normalized(Normalize::Pred);
        let json = serde_json::to_value(&normalized).unwrap();
        assert_eq!(json["normalization"], "pred");
        assert_eq!(
            serde_json::from_value::<NormalizedConfusionMatrix>(json).unwrap(),
            normalized
        );
    }
}
