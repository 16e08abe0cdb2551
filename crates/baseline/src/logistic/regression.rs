//! Fitted logistic regression.

use rayon::prelude::*;

use super::lbfgs::Convergence;
use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;
use crate::predictions::Predictions;

/// Number of rows predicted per parallel task.
const ROWS_PER_CHUNK: usize = 256;

/// Fitted logistic regression, created by
/// [`LogisticRegressionConfig::fit`](super::LogisticRegressionConfig::fit).
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticRegression {
    /// Number of classes, including those without training rows.
    pub(crate) num_classes: usize,
    /// Classes with training rows, ascending.
    pub(crate) fitted_classes: Vec<usize>,
    pub(crate) n_features: usize,
    /// Coefficients, `[columns, outputs]`.
    pub(crate) coefficients: Vec<f64>,
    /// Intercepts, `[outputs]`.
    pub(crate) intercepts: Vec<f64>,
    pub(crate) convergence: Convergence,
}

impl LogisticRegression {
    /// Returns the number of classes, including those without training rows.
    pub fn num_classes(&self) -> usize {
        self.num_classes
    }

    /// Returns the classes with training rows, ascending: scikit-learn's `classes_`.
    pub fn fitted_classes(&self) -> &[usize] {
        &self.fitted_classes
    }

    /// Returns the number of feature columns.
    pub fn n_features(&self) -> usize {
        self.n_features
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
    /// - [`BaselineError::Count`] if the number of columns differs from that of the training
    ///   rows.
    pub fn decision_function(&self, rows: &CsrMatrix) -> Result<Vec<Vec<f64>>, BaselineError> {
        check_count("columns", rows.columns(), self.n_features)?;
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
    /// - [`BaselineError::Count`] if the number of columns differs from that of the training
    ///   rows.
    pub fn predict(&self, rows: &CsrMatrix) -> Result<Predictions, BaselineError> {
        let logits_of = |values: Vec<f64>| {
            let mut logits = vec![f64::NEG_INFINITY; self.num_classes];
            let values = match values[..] {
                [value] => vec![0.0, value],
                _ => values,
            };
            for (&class, value) in self.fitted_classes.iter().zip(values) {
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

/// Returns the number of outputs for a number of fitted classes.
pub(crate) fn outputs_of(fitted_classes: usize) -> usize {
    if fitted_classes == 2 {
        1
    } else {
        fitted_classes
    }
}

/// Checks a number of rows or columns.
pub(super) fn check_count(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), BaselineError> {
    match found == expected {
        true => Ok(()),
        false => Err(BaselineError::Count {
            what,
            found,
            expected,
        }),
    }
}
