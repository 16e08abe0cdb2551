//! Fitted logistic regression.

use rayon::prelude::*;

use super::lbfgs::Convergence;
use crate::predictions::Predictions;
use crate::{BaselineError, CsrMatrix};

/// Number of rows predicted per parallel task.
const ROWS_PER_CHUNK: usize = 256;

/// Fitted logistic regression, created by
/// [`LogisticRegressionConfig::fit`](super::LogisticRegressionConfig::fit).
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticRegression {
    /// Number of classes, including those without training rows.
    pub(crate) classes: usize,
    /// Classes with training rows, ascending.
    pub(crate) seen: Vec<usize>,
    pub(crate) columns: usize,
    /// Coefficients, `[columns, outputs]`.
    pub(crate) coefficients: Vec<f64>,
    /// Intercepts, `[outputs]`.
    pub(crate) intercepts: Vec<f64>,
    pub(crate) convergence: Convergence,
}

impl LogisticRegression {
    /// Returns the number of classes, including those without training rows.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the classes with training rows, ascending: scikit-learn's `classes_`.
    pub fn fitted_classes(&self) -> &[usize] {
        &self.seen
    }

    /// Returns the number of feature columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the number of outputs: 1 (for the second class) if two classes have training rows,
    /// otherwise one per class with training rows.
    pub fn outputs(&self) -> usize {
        self.intercepts.len()
    }

    /// Returns the coefficients of each output, `[outputs, columns]`: scikit-learn's `coef_`.
    pub fn coefficients(&self) -> Vec<Vec<f64>> {
        let of_output = |output| self.coefficients.iter().skip(output);
        (0..self.outputs())
            .map(|output| of_output(output).step_by(self.outputs()).copied().collect())
            .collect()
    }

    /// Returns the intercept of each output: scikit-learn's `intercept_`.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// Returns the convergence information of the fit.
    pub fn convergence(&self) -> &Convergence {
        &self.convergence
    }

    /// Returns the value of each output for each row, `[rows, outputs]`: scikit-learn's
    /// `decision_function`.
    ///
    /// # Errors
    /// - [`BaselineError::ColumnCount`] if the number of columns differs from that of the training
    ///   rows.
    pub fn decision_function(&self, rows: &CsrMatrix) -> Result<Vec<Vec<f64>>, BaselineError> {
        if rows.columns() != self.columns {
            return Err(BaselineError::ColumnCount {
                expected: self.columns,
                found: rows.columns(),
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

    /// Returns the logits of all classes for each row. With two classes, the logit of the first is
    /// 0 and that of the second is the decision value. A class without training rows has the logit
    /// minus infinity and thus the probability 0.
    ///
    /// # Errors
    /// - [`BaselineError::ColumnCount`] if the number of columns differs from that of the training
    ///   rows.
    pub fn predict(&self, rows: &CsrMatrix) -> Result<Predictions, BaselineError> {
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
        let values = self.decision_function(rows)?;
        Ok(Predictions {
            logits: values.into_iter().map(logits_of).collect(),
        })
    }
}
