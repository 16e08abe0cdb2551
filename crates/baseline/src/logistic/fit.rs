//! Fitting of logistic regression.

use super::config::LogisticRegressionConfig;
use super::lbfgs::minimize;
use super::objective::{LogisticObjective, Target};
use super::regression::{LogisticRegression, check_count, outputs_of};
use super::training_matrix::TrainingMatrix;
use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;
use crate::labeled_texts::check_label;

impl LogisticRegressionConfig {
    /// Fits a model to rows; labels must be below `classes`. A class without rows is never
    /// predicted.
    ///
    /// The coefficients do not depend on the number of threads.
    ///
    /// ```
    /// use finetune_baseline::{LogisticRegressionConfig, CsrMatrix};
    ///
    /// let rows = CsrMatrix::new(2, vec![0, 1, 2, 2], vec![0, 1], vec![1.0, 1.0])?;
    /// let config = LogisticRegressionConfig { c: 100.0, ..LogisticRegressionConfig::default() };
    /// let regression = config.fit(&rows, &[0, 1, 0], 2)?;
    /// assert!(regression.convergence().converged());
    /// assert_eq!(regression.predict(&rows)?.classes(), [0, 1, 0]);
    /// # Ok::<(), finetune_baseline::BaselineError>(())
    /// ```
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] if a setting is out of range, or the number of class
    ///   weights is not `classes`.
    /// - [`BaselineError::Count`] if the numbers of rows and labels differ.
    /// - [`BaselineError::InvalidRow`] if a label is not below `classes`.
    /// - [`BaselineError::TooFewClasses`] if fewer than two classes have rows.
    /// - [`BaselineError::NotFinite`] if the loss or its gradient is NaN or infinite.
    ///
    /// A fit that did not converge is not an error: see [`LogisticRegression::convergence`].
    pub fn fit(
        &self,
        rows: &CsrMatrix,
        labels: &[usize],
        classes: usize,
    ) -> Result<LogisticRegression, BaselineError> {
        self.validate()?;
        let rows_of_class = count_rows(rows, labels, classes)?;
        let weights = self.class_weight.of_classes(&rows_of_class)?;
        let fitted_classes: Vec<usize> = (0..classes).filter(|&c| rows_of_class[c] > 0).collect();
        if fitted_classes.len() < 2 {
            return Err(BaselineError::TooFewClasses {
                found: fitted_classes,
            });
        }
        let mut place = vec![0; classes];
        fitted_classes
            .iter()
            .enumerate()
            .for_each(|(p, &class)| place[class] = p);
        let target = |&label: &usize| Target {
            class: place[label],
            weight: weights[label],
        };
        let targets = labels.iter().map(target).collect();
        let outputs = outputs_of(fitted_classes.len());
        let matrix = TrainingMatrix::new(rows);
        let mut objective =
            LogisticObjective::new(matrix, targets, outputs, self.c, self.fit_intercept);
        let (mut variables, convergence) = minimize(&mut objective, self.tol, self.max_iter)?;

        let used_columns = objective.matrix().used_columns();
        let intercepts = match self.fit_intercept {
            true => variables.split_off(used_columns.len() * outputs),
            false => vec![0.0; outputs],
        };
        let mut coefficients = vec![0.0; rows.columns() * outputs];
        for (&column, of_column) in used_columns.iter().zip(variables.chunks_exact(outputs)) {
            coefficients[column as usize * outputs..][..outputs].copy_from_slice(of_column);
        }
        Ok(LogisticRegression {
            num_classes: classes,
            fitted_classes,
            n_features: rows.columns(),
            coefficients,
            intercepts,
            convergence,
        })
    }
}

fn count_rows(
    rows: &CsrMatrix,
    labels: &[usize],
    classes: usize,
) -> Result<Vec<usize>, BaselineError> {
    check_count("labels", labels.len(), rows.len())?;
    let mut rows_of_class = vec![0; classes];
    for (row, &label) in labels.iter().enumerate() {
        check_label("labels", row, label, classes)?;
        rows_of_class[label] += 1;
    }
    Ok(rows_of_class)
}
