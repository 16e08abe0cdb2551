//! Coefficients, and what they say of rows.

use rayon::prelude::*;

use super::lbfgs::Convergence;
use crate::predictions::Predictions;
use crate::{BaselineError, SparseRows};

/// Rows that a thread predicts at a time.
const ROWS_PER_CHUNK: usize = 256;

/// A fitted logistic regression; made by
/// [`LogisticRegressionConfig::fit`](super::LogisticRegressionConfig::fit).
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticRegression {
    /// The number of classes, those without rows included.
    pub(crate) classes: usize,
    /// The classes that had rows, ascending.
    pub(crate) seen: Vec<usize>,
    pub(crate) columns: usize,
    /// `[columns, outputs]`
    pub(crate) coefficients: Vec<f64>,
    /// `[outputs]`
    pub(crate) intercepts: Vec<f64>,
    pub(crate) convergence: Convergence,
}

impl LogisticRegression {
    /// The number of classes, those without rows included.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The classes that had rows, ascending.
    pub fn seen_classes(&self) -> &[usize] {
        &self.seen
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of outputs: 1, for the second class, if two classes had rows; otherwise one for
    /// each of those that had.
    pub fn outputs(&self) -> usize {
        self.intercepts.len()
    }

    /// The coefficients of each output, `[outputs, columns]`: scikit-learn's `coef_`.
    pub fn coefficients(&self) -> Vec<Vec<f64>> {
        let of_output = |output| self.coefficients.iter().skip(output);
        (0..self.outputs())
            .map(|output| of_output(output).step_by(self.outputs()).copied().collect())
            .collect()
    }

    /// The intercept of each output: scikit-learn's `intercept_`.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// How the search for the coefficients went.
    pub fn convergence(&self) -> &Convergence {
        &self.convergence
    }

    /// The value of each output for each row, `[rows, outputs]`: scikit-learn's
    /// `decision_function`.
    ///
    /// # Errors
    /// [`BaselineError::ColumnCount`].
    pub fn decision_values(&self, rows: &SparseRows) -> Result<Vec<Vec<f64>>, BaselineError> {
        if rows.columns() != self.columns {
            return Err(BaselineError::ColumnCount {
                expected: self.columns,
                got: rows.columns(),
            });
        }
        let outputs = self.outputs();
        let values_of = |row| {
            let mut values = self.intercepts.clone();
            for (column, value) in rows.row(row) {
                let coefficients = &self.coefficients[column as usize * outputs..][..outputs];
                for (sum, coefficient) in values.iter_mut().zip(coefficients) {
                    *sum += value * coefficient;
                }
            }
            values
        };
        let rows = (0..rows.len()).into_par_iter();
        Ok(rows.with_min_len(ROWS_PER_CHUNK).map(values_of).collect())
    }

    /// Logits of all classes for each row. Of two classes, the first has the logit 0 and the second
    /// the decision value; a class without rows has minus infinity, and so the probability 0.
    ///
    /// # Errors
    /// [`BaselineError::ColumnCount`].
    pub fn predict(&self, rows: &SparseRows) -> Result<Predictions, BaselineError> {
        let logits_of = |values: Vec<f64>| {
            let mut logits = vec![f64::NEG_INFINITY; self.classes];
            let values = match values[..] {
                [value] => vec![0.0, value],
                _ => values,
            };
            for (&class, value) in self.seen.iter().zip(values) {
                logits[class] = value;
            }
            logits
        };
        let values = self.decision_values(rows)?;
        Ok(Predictions {
            logits: values.into_iter().map(logits_of).collect(),
        })
    }
}
