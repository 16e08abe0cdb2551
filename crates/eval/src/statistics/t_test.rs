//! Student's t tests of two samples: Welch's for independent ones, and the paired test.

use serde::{Deserialize, Serialize};

use super::interval::ConfidenceInterval;
use super::sample::{self, Moments};
use super::student_t;
use crate::error::EvalError;
use crate::validate::check_share;

/// Design of a comparison: independent or paired samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Independent samples, such as unrelated seeds of two groups.
    #[default]
    Independent,
    /// Paired samples: the same seed, fold or data in both groups.
    Paired,
}

/// Result of a t test for equal means of two samples.
///
/// ```
/// use finetune_eval::statistics::TTest;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let test = TTest::welch(&[0.83, 0.82, 0.84], &[0.78, 0.79, 0.77, 0.78], 0.95)?;
/// assert!((test.difference - 0.05).abs() < 1e-12);
/// assert!(test.p_value < 0.01);
/// assert!(!test.interval.contains(0.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TTest {
    /// Design of the test.
    pub design: Design,
    /// Mean of the first sample minus mean of the second.
    pub difference: f64,
    /// t statistic: the difference divided by its standard error.
    pub statistic: f64,
    /// Degrees of freedom; for Welch's test by the Welch-Satterthwaite equation, not an integer.
    pub degrees_of_freedom: f64,
    /// Two-sided p-value, in `[0, 1]`.
    pub p_value: f64,
    /// Confidence interval of the difference of the means.
    pub interval: ConfidenceInterval,
}

impl TTest {
    /// Performs [Welch's t test](https://doi.org/10.1093/biomet/34.1-2.28) of independent samples
    /// with possibly different variances: SciPy's [`ttest_ind`] with `equal_var=False`.
    ///
    /// `level` is the confidence level of the interval.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFew`] if a sample has fewer than two values.
    /// - [`EvalError::InvalidRow`] if a value is NaN or infinite.
    /// - [`EvalError::Undefined`] if neither sample varies.
    /// - [`EvalError::InvalidSetting`] if `level` is not in `(0, 1)`.
    ///
    /// [`ttest_ind`]: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.ttest_ind.html
    pub fn welch(first: &[f64], second: &[f64], level: f64) -> Result<Self, EvalError> {
        check_share("confidence_level", level)?;
        sample::check("first", first, 2)?;
        sample::check("second", second, 2)?;
        let (first, second) = (Moments::of(first), Moments::of(second));
        let (share, other) = (first.squared_error(), second.squared_error());
        let squared_error = share + other;
        if squared_error == 0.0 {
            return Err(sample::constant("Welch's t test"));
        }
        // As fractions of the sum, so that squares of tiny variances do not underflow.
        let (share, other) = (share / squared_error, other / squared_error);
        let degrees_of_freedom = 1.0
            / (share.powi(2) / (first.count - 1) as f64
                + other.powi(2) / (second.count - 1) as f64);
        Ok(Self::of(
            Design::Independent,
            first.mean - second.mean,
            squared_error.sqrt(),
            degrees_of_freedom,
            level,
        ))
    }

    /// Performs the t test of paired samples: SciPy's [`ttest_rel`].
    ///
    /// # Errors
    ///
    /// - The errors of [`welch`](Self::welch).
    /// - [`EvalError::LengthMismatch`] if the samples differ in size.
    /// - [`EvalError::Undefined`] if all differences are equal.
    ///
    /// [`ttest_rel`]: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.ttest_rel.html
    pub fn paired(first: &[f64], second: &[f64], level: f64) -> Result<Self, EvalError> {
        check_share("confidence_level", level)?;
        let moments = Moments::of_differences(first, second)?;
        if moments.variance == 0.0 {
            return Err(sample::constant("the paired t test"));
        }
        Ok(Self::of(
            Design::Paired,
            moments.mean,
            moments.squared_error().sqrt(),
            (moments.count - 1) as f64,
            level,
        ))
    }

    /// Performs the test of a design.
    ///
    /// # Errors
    ///
    /// - The errors of [`welch`](Self::welch) or [`paired`](Self::paired).
    pub fn of_design(
        design: Design,
        first: &[f64],
        second: &[f64],
        level: f64,
    ) -> Result<Self, EvalError> {
        match design {
            Design::Independent => Self::welch(first, second, level),
            Design::Paired => Self::paired(first, second, level),
        }
    }

    fn of(
        design: Design,
        difference: f64,
        standard_error: f64,
        degrees_of_freedom: f64,
        level: f64,
    ) -> Self {
        let statistic = difference / standard_error;
        let half_width =
            standard_error * student_t::critical_value(1.0 - level, degrees_of_freedom);
        Self {
            design,
            difference,
            statistic,
            degrees_of_freedom,
            p_value: student_t::two_sided_p(statistic, degrees_of_freedom),
            interval: ConfidenceInterval::around(difference, half_width, level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_without_variance_is_enough_for_welch_but_not_two() {
        let test = TTest::welch(&[1.0, 1.0], &[0.0, 1.0, 2.0], 0.95).unwrap();
        assert_eq!((test.difference, test.p_value), (0.0, 1.0));
        assert_eq!(test.degrees_of_freedom, 2.0);
        assert_eq!(
            TTest::welch(&[1.0, 1.0], &[0.5, 0.5], 0.95),
            Err(sample::constant("Welch's t test"))
        );
    }

    #[test]
    fn a_constant_difference_has_no_paired_test() {
        // The differences are 0.1 but for their last bits.
        assert!(matches!(
            TTest::paired(&[0.9, 0.8, 0.7], &[0.8, 0.7, 0.6], 0.95),
            Err(EvalError::Undefined { .. })
        ));
    }

    #[test]
    fn a_level_is_a_share() {
        assert!(matches!(
            TTest::welch(&[1.0, 2.0], &[1.0, 2.0], 95.0),
            Err(EvalError::InvalidSetting {
                setting: "confidence_level",
                ..
            })
        ));
    }
}
