//! Summary of a sample of scores.

use serde::{Deserialize, Serialize};

use super::interval::ConfidenceInterval;
use super::sample::{self, Moments};
use super::student_t;
use crate::error::EvalError;
use crate::validate::check_share;

/// Mean of a sample of scores with its spread.
///
/// ```
/// use finetune_eval::statistics::SampleSummary;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let seeds = SampleSummary::of(&[0.80, 0.82, 0.84], 0.95)?;
/// assert_eq!(seeds.to_string(), "0.8200 ± 0.0200 (3)");
/// assert!(seeds.spread.unwrap().interval.contains(0.85));
/// assert_eq!(SampleSummary::of(&[0.80], 0.95)?.spread, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SampleSummary {
    /// Number of values, at least 1.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Minimum.
    pub minimum: f64,
    /// Maximum.
    pub maximum: f64,
    /// Spread; `None` for a single value.
    pub spread: Option<Spread>,
}

/// Spread of a sample of at least two values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spread {
    /// Standard deviation with divisor `n - 1`.
    pub standard_deviation: f64,
    /// Standard error of the mean.
    pub standard_error: f64,
    /// Confidence interval of the mean, by Student's t distribution.
    pub interval: ConfidenceInterval,
}

impl SampleSummary {
    /// Summarizes a sample, with a confidence interval at `level`.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFew`] if there are no values.
    /// - [`EvalError::InvalidRow`] if a value is NaN or infinite.
    /// - [`EvalError::InvalidSetting`] if `level` is not in `(0, 1)`.
    pub fn of(values: &[f64], level: f64) -> Result<Self, EvalError> {
        Self::of_named("sample", values, level)
    }

    pub(super) fn of_named(name: &str, values: &[f64], level: f64) -> Result<Self, EvalError> {
        check_share("confidence_level", level)?;
        sample::check(name, values, 1)?;
        let moments = Moments::of(values);
        let spread = (moments.count > 1).then(|| {
            let standard_error = moments.squared_error().sqrt();
            let critical = student_t::critical_value(1.0 - level, (moments.count - 1) as f64);
            Spread {
                standard_deviation: moments.variance.sqrt(),
                standard_error,
                interval: ConfidenceInterval::around(
                    moments.mean,
                    critical * standard_error,
                    level,
                ),
            }
        });
        Ok(Self {
            count: moments.count,
            mean: moments.mean,
            minimum: values.iter().copied().fold(f64::INFINITY, f64::min),
            maximum: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            spread,
        })
    }
}

/// Writes `mean ± standard deviation (count)` with four decimals.
impl std::fmt::Display for SampleSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.spread {
            Some(spread) => write!(
                f,
                "{:.4} ± {:.4} ({})",
                self.mean, spread.standard_deviation, self.count
            ),
            None => write!(f, "{:.4} ({})", self.mean, self.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_have_an_interval_of_no_width() {
        let summary = SampleSummary::of(&[0.1 + 0.2, 0.3, 0.3], 0.95).unwrap();
        let spread = summary.spread.unwrap();
        assert_eq!(spread.standard_deviation, 0.0);
        assert_eq!(
            (spread.interval.lower, spread.interval.upper),
            (summary.mean, summary.mean)
        );
    }

    #[test]
    fn no_value_is_an_error() {
        assert!(matches!(
            SampleSummary::of(&[], 0.95),
            Err(EvalError::TooFew { .. })
        ));
    }
}
