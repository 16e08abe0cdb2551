//! Confidence intervals.

use std::fmt;

use serde::{Deserialize, Serialize};
use statrs::function::erf::erf_inv;

use crate::error::EvalError;
use crate::validate::check_share;

/// Two-sided confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceInterval {
    /// Confidence level, in `(0, 1)`.
    pub confidence_level: f64,
    /// Lower limit.
    pub lower: f64,
    /// Upper limit, at least `lower`.
    pub upper: f64,
}

impl ConfidenceInterval {
    /// Returns whether the value is within the limits, inclusive.
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    /// Returns the interval of a proportion, such as an accuracy, that was observed in `trials` trials
    /// ([Wilson 1927](https://doi.org/10.1080/01621459.1927.10502953)).
    ///
    /// ```
    /// use finetune_eval::statistics::ConfidenceInterval;
    ///
    /// let interval = ConfidenceInterval::wilson(0.8, 10, 0.95)?;
    /// assert_eq!(interval.to_string(), "95 % interval 0.4902 to 0.9433");
    /// # Ok::<(), finetune_eval::EvalError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if the proportion is not in `[0, 1]`, the confidence level not in
    ///   `(0, 1)`, or there is no trial.
    pub fn wilson(proportion: f64, trials: u64, confidence_level: f64) -> Result<Self, EvalError> {
        check_share("confidence_level", confidence_level)?;
        if !(0.0..=1.0).contains(&proportion) {
            return Err(EvalError::setting("proportion", proportion, "in [0, 1]"));
        }
        if trials == 0 {
            return Err(EvalError::setting("trials", trials, "at least 1"));
        }
        let (n, z) = (
            trials as f64,
            std::f64::consts::SQRT_2 * erf_inv(confidence_level),
        );
        let scale = 1.0 + z * z / n;
        let center = (proportion + z * z / (2.0 * n)) / scale;
        let spread = proportion * (1.0 - proportion) / n + z * z / (4.0 * n * n);
        Ok(Self::around(
            center,
            z * spread.sqrt() / scale,
            confidence_level,
        ))
    }

    /// Creates the symmetric interval around an estimate.
    pub(super) fn around(estimate: f64, half_width: f64, level: f64) -> Self {
        Self {
            confidence_level: level,
            lower: estimate - half_width,
            upper: estimate + half_width,
        }
    }
}

/// Writes the interval as `95 % interval 0.0123 to 0.0456`.
impl fmt::Display for ConfidenceInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounding hides that 100 * 0.95 is not exact.
        let percent = (self.confidence_level * 1e12).round() / 1e10;
        write!(
            f,
            "{percent} % interval {:.4} to {:.4}",
            self.lower, self.upper
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_its_level_in_percent() {
        let interval = ConfidenceInterval::around(0.5, 0.25, 0.999);
        assert_eq!(interval.to_string(), "99.9 % interval 0.2500 to 0.7500");
        assert!(interval.contains(0.25) && !interval.contains(0.76));
    }

    /// Limits of `statsmodels.stats.proportion.proportion_confint` with the method `wilson`.
    #[test]
    fn limits_of_proportions_are_those_of_statsmodels() {
        for (proportion, trials, level, lower, upper) in [
            (0.8, 10, 0.95, 0.490_162_471_536_642, 0.943_317_848_545_625),
            (1.0, 25, 0.95, 0.866_807_749_060_952, 1.0),
            (
                0.9775,
                400,
                0.99,
                0.949_225_528_623_303,
                0.990_192_123_902_489,
            ),
        ] {
            let found = ConfidenceInterval::wilson(proportion, trials, level).unwrap();
            assert!((found.lower - lower).abs() < 1e-9, "{found:?}");
            assert!((found.upper - upper).abs() < 1e-9, "{found:?}");
        }
        assert!(ConfidenceInterval::wilson(1.1, 5, 0.95).is_err());
        assert!(ConfidenceInterval::wilson(0.5, 0, 0.95).is_err());
    }
}
