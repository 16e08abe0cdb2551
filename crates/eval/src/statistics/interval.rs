//! Confidence intervals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::EvalError;

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

/// Checks that a confidence level, error rate or power is in `(0, 1)`.
///
/// # Errors
///
/// - [`EvalError::InvalidSetting`] if it is not.
pub(super) fn check_share(setting: &'static str, share: f64) -> Result<(), EvalError> {
    match share > 0.0 && share < 1.0 {
        true => Ok(()),
        false => Err(EvalError::setting(
            setting,
            share,
            "between 0 and 1, exclusive",
        )),
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

    #[test]
    fn shares_at_or_beyond_the_ends_are_refused() {
        for share in [0.0, 1.0, -0.1, 95.0, f64::NAN] {
            assert!(check_share("confidence_level", share).is_err(), "{share}");
        }
    }
}
