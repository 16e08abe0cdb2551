//! Proper scoring rules: log loss and Brier score.

use super::PredictedProbabilities;
use crate::error::EvalError;
use crate::exact_sum::sum;

impl PredictedProbabilities {
    /// Returns the log loss: mean negative log-likelihood of the labels in nats, at least 0.
    /// scikit-learn's [`log_loss`] with `labels=range(C)`.
    ///
    /// Probabilities are clipped to at least 2.2e-16, as in scikit-learn for 64-bit floats: a label
    /// with probability 0 costs 36 nats.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    ///
    /// ```
    /// use finetune_eval::PredictedProbabilities;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let rows = [[0.5, 0.5], [0.25, 0.75]];
    /// let predicted = PredictedProbabilities::from_slices(&[0, 0], &rows)?;
    /// assert!((predicted.log_loss()? - 1.5 * 2.0_f64.ln()).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`log_loss`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html
    pub fn log_loss(&self) -> Result<f64, EvalError> {
        let rows = self.some_rows()?;
        let loss = |(label, probabilities): (usize, &[f64])| {
            -probabilities[label]
                .clamp(f64::EPSILON, 1.0 - f64::EPSILON)
                .ln()
        };
        Ok(sum(self.each_row().map(loss)) / rows)
    }

    /// Returns the Brier score: mean squared error of the probabilities. scikit-learn's
    /// [`brier_score_loss`] with `labels=range(C)`.
    ///
    /// For two classes it is the error of the positive class, in `[0, 1]`; for more, the sum over
    /// the classes, in `[0, 2]` (scikit-learn's `scale_by_half="auto"`).
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    ///
    /// ```
    /// use finetune_eval::PredictedProbabilities;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let binary = PredictedProbabilities::from_slices(&[1], &[[0.5, 0.5]])?;
    /// assert_eq!(binary.brier_score()?, 0.25);
    /// let ternary = PredictedProbabilities::from_slices(&[1], &[[0.5, 0.5, 0.0]])?;
    /// assert_eq!(ternary.brier_score()?, 0.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`brier_score_loss`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.brier_score_loss.html
    pub fn brier_score(&self) -> Result<f64, EvalError> {
        let rows = self.some_rows()?;
        let errors = self.each_row().flat_map(|(label, probabilities)| {
            let each = probabilities.iter().enumerate();
            each.map(move |(class, p)| (p - f64::from(u8::from(class == label))).powi(2))
        });
        let scale = if self.classes == 2 { 0.5 } else { 1.0 };
        Ok(scale * sum(errors) / rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_costs_little_when_right_and_36_nats_when_wrong() {
        let right = PredictedProbabilities::from_slices(&[1], &[[0.0, 1.0]]).unwrap();
        assert!(right.log_loss().unwrap() < 1e-15);
        assert_eq!(right.brier_score(), Ok(0.0));
        let wrong = PredictedProbabilities::from_slices(&[0], &[[0.0, 1.0]]).unwrap();
        assert!((wrong.log_loss().unwrap() - 36.043_653).abs() < 1e-6);
        assert_eq!(wrong.brier_score(), Ok(1.0));
    }

    #[test]
    fn no_rows_is_an_error() {
        let none = PredictedProbabilities::new(2).unwrap();
        assert_eq!(none.log_loss(), Err(EvalError::NoRows));
        assert_eq!(none.brier_score(), Err(EvalError::NoRows));
    }
}
