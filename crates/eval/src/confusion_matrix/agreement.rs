//! Agreement beyond chance: Matthews correlation coefficient and Cohen's kappa.

use serde::{Deserialize, Serialize};

use super::ConfusionMatrix;
use crate::error::EvalError;

/// Weights of disagreements in Cohen's kappa, as scikit-learn's `weights`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KappaWeights {
    /// Unweighted: all disagreements count the same.
    #[default]
    None,
    /// Linear: the distance of the two classes in class order.
    Linear,
    /// Quadratic: the squared distance of the two classes in class order.
    Quadratic,
}

impl ConfusionMatrix {
    /// Returns the Matthews correlation coefficient, in `[-1, 1]`: scikit-learn's
    /// [`matthews_corrcoef`], for any number of classes ([Gorodkin 2004]).
    ///
    /// It is 0 if all labels, or all predictions, are of one class.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if the matrix is empty.
    ///
    /// ```
    /// use finetune_eval::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[1, 1, 1, 0], &[1, 0, 1, 1], ["no", "yes"])?;
    /// assert!((matrix.matthews_correlation()? + 1.0 / 3.0).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`matthews_corrcoef`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.matthews_corrcoef.html
    /// [Gorodkin 2004]: https://doi.org/10.1016/j.compbiolchem.2004.09.006
    pub fn matthews_correlation(&self) -> Result<f64, EvalError> {
        self.some_rows()?;
        let rows = self.total();
        let (labels, predictions) = (self.true_totals(), self.predicted_totals());
        // Each term is at most the square of a 64-bit total: exact in 128 bits, where floats might
        // leave a small difference instead of 0.
        let product = |a: &[u64], b: &[u64]| -> u128 {
            let pairs = a.iter().zip(b);
            pairs.map(|(a, b)| u128::from(*a) * u128::from(*b)).sum()
        };
        let square = u128::from(rows) * u128::from(rows);
        let hits = u128::from(self.correct()) * u128::from(rows);
        let covariance = difference(hits, product(&labels, &predictions));
        let of_labels = difference(square, product(&labels, &labels));
        let of_predictions = difference(square, product(&predictions, &predictions));
        if of_labels == 0.0 || of_predictions == 0.0 {
            return Ok(0.0);
        }
        Ok((covariance / (of_labels * of_predictions).sqrt()).clamp(-1.0, 1.0))
    }

    /// Returns Cohen's kappa, at most 1: 0 is chance agreement, 1 is perfect agreement.
    /// scikit-learn's [`cohen_kappa_score`] with all classes as `labels`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if the matrix is empty.
    /// - [`EvalError::Undefined`] if all labels and all predictions are of the same class
    ///   (scikit-learn: NaN).
    ///
    /// ```
    /// use finetune_eval::{ConfusionMatrix, KappaWeights};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let stars = ["1", "2", "3"];
    /// let matrix = ConfusionMatrix::from_slices(&[0, 1, 2, 2], &[0, 1, 1, 2], stars)?;
    /// let (plain, quadratic) =
    ///     (matrix.cohen_kappa(KappaWeights::None)?, matrix.cohen_kappa(KappaWeights::Quadratic)?);
    /// assert!(plain < quadratic); // the one error is by one star
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`cohen_kappa_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.cohen_kappa_score.html
    pub fn cohen_kappa(&self, weights: KappaWeights) -> Result<f64, EvalError> {
        let rows = self.some_rows()?;
        let weight = |label: usize, prediction: usize| {
            let distance = label.abs_diff(prediction) as f64;
            match weights {
                KappaWeights::None => f64::from(label != prediction),
                KappaWeights::Linear => distance,
                KappaWeights::Quadratic => distance * distance,
            }
        };
        let (labels, predictions) = (self.true_totals(), self.predicted_totals());
        let (mut observed, mut expected) = (0.0, 0.0);
        for (label, label_rows) in labels.iter().enumerate() {
            for (prediction, predicted_rows) in predictions.iter().enumerate() {
                let weight = weight(label, prediction);
                let by_chance = *label_rows as f64 * *predicted_rows as f64 / rows;
                observed += weight * self.count(label, prediction) as f64;
                expected += weight * by_chance;
            }
        }
        if expected == 0.0 {
            let reason = "all labels and all predictions are of one class";
            return Err(EvalError::undefined("Cohen's kappa", reason));
        }
        Ok(1.0 - observed / expected)
    }
}

fn difference(a: u128, b: u128) -> f64 {
    match a >= b {
        true => (a - b) as f64,
        false => -((b - a) as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_alone_correlates_with_nothing() {
        let constant = ConfusionMatrix::from_slices(&[0, 1, 1], &[1, 1, 1], ["a", "b"]).unwrap();
        assert_eq!(constant.matthews_correlation(), Ok(0.0));
        assert_eq!(constant.cohen_kappa(KappaWeights::None), Ok(0.0));

        let same = ConfusionMatrix::from_slices(&[1, 1], &[1, 1], ["a", "b"]).unwrap();
        assert_eq!(same.matthews_correlation(), Ok(0.0));
        let error = same.cohen_kappa(KappaWeights::Linear).unwrap_err();
        assert!(matches!(error, EvalError::Undefined { .. }), "{error}");
    }

    #[test]
    fn perfect_and_reversed_predictions_are_1_and_minus_1() {
        let of = |predictions: &[usize]| {
            ConfusionMatrix::from_slices(&[0, 1, 0, 1], predictions, ["a", "b"]).unwrap()
        };
        assert_eq!(of(&[0, 1, 0, 1]).matthews_correlation(), Ok(1.0));
        assert_eq!(of(&[1, 0, 1, 0]).matthews_correlation(), Ok(-1.0));
        assert_eq!(
            of(&[0, 1, 0, 1]).cohen_kappa(KappaWeights::Quadratic),
            Ok(1.0)
        );
    }

    #[test]
    fn counts_of_any_size_do_not_overflow() {
        let half = u64::MAX / 2;
        let json = format!(r#"{{"class_names":["a","b"],"counts":[[{half},0],[0,{half}]]}}"#);
        let matrix: ConfusionMatrix = serde_json::from_str(&json).unwrap();
        assert_eq!(matrix.matthews_correlation(), Ok(1.0));
    }
}
