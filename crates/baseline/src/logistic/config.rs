//! Configuration of logistic regression.

use serde::{Deserialize, Serialize};

use crate::error::BaselineError;

/// Configuration of [`LogisticRegression`](super::LogisticRegression); names and defaults are those
/// of scikit-learn.
///
/// ```
/// use finetune_baseline::LogisticRegressionConfig;
///
/// let config: LogisticRegressionConfig = serde_json::from_str(r#"{"c": 10.0}"#)?;
/// assert_eq!(config.max_iter, 100);
/// assert!(serde_json::from_str::<LogisticRegressionConfig>(r#"{"C": 10.0}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegressionConfig {
    /// Inverse regularization strength, above 0 (default: 1.0). The L2 penalty applies to the
    /// coefficients, not to the intercepts.
    pub c: f64,
    /// Weight of each row by its class (default: [`ClassWeights::None`]).
    pub class_weight: ClassWeights,
    /// Whether to fit intercepts (default: true).
    pub fit_intercept: bool,
    /// Tolerance: the fit stops when no component of the gradient of the mean loss exceeds this
    /// magnitude, at least 0 (default: 1e-4). It also stops when the loss no longer decreases.
    pub tol: f64,
    /// Maximum number of iterations, at least 1 (default: 100).
    pub max_iter: usize,
}

/// Weight of each row by its class.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// Equal weights.
    #[default]
    None,
    /// Weights inversely proportional to class frequencies, with a mean of 1 over the rows: `rows /
    /// (classes · rows of the class)`. Classes without rows are not counted.
    Balanced,
    /// One weight above 0 per class.
    PerClass(Vec<f64>),
}

impl Default for LogisticRegressionConfig {
    fn default() -> Self {
        Self {
            c: 1.0,
            class_weight: ClassWeights::None,
            fit_intercept: true,
            tol: 1e-4,
            max_iter: 100,
        }
    }
}

impl LogisticRegressionConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] for the first value that is out of range.
    pub fn validate(&self) -> Result<(), BaselineError> {
        let above_zero = |value: f64| value.is_finite() && value > 0.0;
        if !above_zero(self.c) {
            return Err(BaselineError::setting("c", self.c, "above 0"));
        }
        if !self.tol.is_finite() || self.tol < 0.0 {
            return Err(BaselineError::setting("tol", self.tol, "at least 0"));
        }
        if self.max_iter == 0 {
            return Err(BaselineError::setting("max_iter", 0, "at least 1"));
        }
        match &self.class_weight {
            ClassWeights::PerClass(weights) if !weights.iter().copied().all(above_zero) => {
                let found = format!("{weights:?}");
                Err(BaselineError::setting(
                    "class_weight",
                    found,
                    "a list of numbers above 0",
                ))
            }
            _ => Ok(()),
        }
    }
}

impl ClassWeights {
    /// Returns the weight of a row of each class, given the number of rows of each class.
    pub(super) fn of_classes(&self, rows_of_class: &[usize]) -> Result<Vec<f64>, BaselineError> {
        let classes = rows_of_class.len();
        match self {
            Self::None => Ok(vec![1.0; classes]),
            Self::Balanced => {
                let seen = rows_of_class.iter().filter(|rows| **rows > 0).count() as f64;
                let all = rows_of_class.iter().sum::<usize>() as f64;
                let weight = |&rows: &usize| match rows {
                    0 => 0.0,
                    rows => all / (seen * rows as f64),
                };
                Ok(rows_of_class.iter().map(weight).collect())
            }
            Self::PerClass(weights) if weights.len() == classes => Ok(weights.clone()),
            Self::PerClass(weights) => {
                let found = format!("a list of {} weights", weights.len());
                let expected = format!("{classes} weights (one per class)");
                Err(BaselineError::setting("class_weight", found, expected))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_are_refused() {
        let valid = LogisticRegressionConfig::default;
        for (config, setting) in [
            (LogisticRegressionConfig { c: 0.0, ..valid() }, "c"),
            (LogisticRegressionConfig { c: -1.0, ..valid() }, "c"),
            (
                LogisticRegressionConfig {
                    c: f64::NAN,
                    ..valid()
                },
                "c",
            ),
            (
                LogisticRegressionConfig {
                    c: f64::INFINITY,
                    ..valid()
                },
                "c",
            ),
            (
                LogisticRegressionConfig {
                    tol: -1e-9,
                    ..valid()
                },
                "tol",
            ),
            (
                LogisticRegressionConfig {
                    tol: f64::NAN,
                    ..valid()
                },
                "tol",
            ),
            (
                LogisticRegressionConfig {
                    max_iter: 0,
                    ..valid()
                },
                "max_iter",
            ),
            (
                LogisticRegressionConfig {
                    class_weight: ClassWeights::PerClass(vec![1.0, 0.0]),
                    ..valid()
                },
                "class_weight",
            ),
        ] {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{setting} is ")), "{error}");
        }
        assert!(valid().validate().is_ok());
    }

    #[test]
    fn balanced_classes_weigh_the_same_together() {
        let weights = ClassWeights::Balanced.of_classes(&[3, 0, 1]).unwrap();
        assert_eq!(weights, [4.0 / 6.0, 0.0, 2.0]);
    }
}
