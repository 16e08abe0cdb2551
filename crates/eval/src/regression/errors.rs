//! Regression errors: MAE, MSE, RMSE and R2.

use super::PredictedScores;
use crate::error::EvalError;
use crate::exact_sum::sum;

impl PredictedScores {
    /// Returns the mean absolute error, in the unit of the labels: scikit-learn's
    /// [`mean_absolute_error`].
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    ///
    /// [`mean_absolute_error`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_absolute_error.html
    pub fn mean_absolute_error(&self) -> Result<f64, EvalError> {
        let rows = self.some_rows()?;
        Ok(sum(self.errors().map(f64::abs)) / rows)
    }

    /// Returns the mean squared error: scikit-learn's [`mean_squared_error`].
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    ///
    /// [`mean_squared_error`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_squared_error.html
    pub fn mean_squared_error(&self) -> Result<f64, EvalError> {
        let rows = self.some_rows()?;
        Ok(sum(self.errors().map(|error| error * error)) / rows)
    }

    /// Returns the root mean squared error, in the unit of the labels.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    pub fn root_mean_squared_error(&self) -> Result<f64, EvalError> {
        Ok(self.mean_squared_error()?.sqrt())
    }

    /// Returns the coefficient of determination R2, at most 1: scikit-learn's [`r2_score`].
    /// Predicting the mean of the labels gives 0; worse predictions give negative values.
    ///
    /// If all labels are equal, it is 1 for perfect predictions and otherwise 0, as in
    /// scikit-learn.
    ///
    /// # Errors
    ///
    /// - [`EvalError::NoRows`] if there are no rows.
    /// - [`EvalError::Undefined`] if there is only one row (scikit-learn: NaN).
    ///
    /// ```
    /// use finetune_eval::PredictedScores;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let predicted = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[1.0, 2.0, 2.0])?;
    /// assert_eq!(predicted.r2()?, 0.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`r2_score`]: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html
    pub fn r2(&self) -> Result<f64, EvalError> {
        let rows = self.some_rows()?;
        if rows < 2.0 {
            return Err(EvalError::undefined("R2", "one row has no variance"));
        }
        let mean = sum(self.labels.iter().copied()) / rows;
        let unexplained = sum(self.errors().map(|error| error * error));
        // The rounded mean of equal labels may differ from them in the last digit.
        let constant = self.labels.iter().all(|label| *label == self.labels[0]);
        match (unexplained == 0.0, constant) {
            (true, _) => Ok(1.0),
            (false, true) => Ok(0.0),
            (false, false) => {
                let variance = sum(self.labels.iter().map(|label| (label - mean).powi(2)));
                Ok(1.0 - unexplained / variance)
            }
        }
    }

    fn errors(&self) -> impl Iterator<Item = f64> {
        let rows = self.labels.iter().zip(&self.predictions);
        rows.map(|(label, prediction)| label - prediction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicted(labels: &[f64], predictions: &[f64]) -> PredictedScores {
        PredictedScores::from_slices(labels, predictions).unwrap()
    }

    #[test]
    fn equal_labels_are_explained_wholly_or_not_at_all() {
        assert_eq!(predicted(&[0.1; 3], &[0.1; 3]).r2(), Ok(1.0));
        assert_eq!(predicted(&[0.1; 3], &[0.1, 0.1, 0.2]).r2(), Ok(0.0));
    }

    #[test]
    fn one_row_has_an_error_and_no_variance() {
        let one = predicted(&[1.0], &[3.0]);
        assert_eq!(one.root_mean_squared_error(), Ok(2.0));
        assert_eq!(one.mean_absolute_error(), Ok(2.0));
        assert!(matches!(one.r2(), Err(EvalError::Undefined { .. })));
    }
}
