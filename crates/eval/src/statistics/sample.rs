//! Validation and moments of a sample.

use crate::error::EvalError;
use crate::validate::{check_lengths, finite};

/// Number of rounding errors of the largest value below which a deviation counts as 0: 0.9 - 0.8
/// and 0.8 - 0.7 differ in the last bits, which is not evidence.
const ROUNDINGS: f64 = 16.0;

/// Checks that there are at least `needed` values and that all are finite. `name` is the sample in
/// the error.
///
/// # Errors
///
/// - [`EvalError::TooFew`] if there are fewer values.
/// - [`EvalError::InvalidRow`] if a value is NaN or infinite.
pub(super) fn check(name: &str, values: &[f64], needed: usize) -> Result<(), EvalError> {
    if values.len() < needed {
        return Err(EvalError::too_few(
            format!("values in sample {name:?}"),
            values.len(),
            needed,
        ));
    }
    for (row, value) in (0..).zip(values) {
        finite(row, *value, || format!("value of sample {name:?}"))?;
    }
    Ok(())
}

/// Returns the error of a test of samples without variance.
pub(super) fn constant(test: &'static str) -> EvalError {
    EvalError::undefined(test, "the values do not vary")
}

/// Checks two paired samples and returns their differences.
///
/// # Errors
///
/// - [`EvalError::LengthMismatch`] if they differ in size.
/// - The errors of [`check`].
pub(super) fn paired_differences(
    first: &[f64],
    second: &[f64],
    needed: usize,
) -> Result<Vec<f64>, EvalError> {
    check("first", first, needed)?;
    check("second", second, needed)?;
    check_lengths(first.len(), second.len())?;
    Ok(first.iter().zip(second).map(|(a, b)| a - b).collect())
}

/// Returns the largest absolute value, the scale of rounding errors.
pub(crate) fn magnitude<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values
        .into_iter()
        .fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

/// Returns a quantile of sorted values by linear interpolation, NumPy's default.
pub(crate) fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let position = fraction * (sorted.len() - 1) as f64;
    let below = (position.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// Size, mean and variance of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    pub(super) count: usize,
    pub(super) mean: f64,
    /// Variance with divisor `count - 1`; 0 for a single value, and exactly 0 if the values differ
    /// only by rounding.
    pub(super) variance: f64,
}

impl Moments {
    /// Computes the moments of the differences of two paired samples, of at least two pairs.
    ///
    /// # Errors
    ///
    /// - The errors of [`paired_differences`].
    pub(super) fn of_differences(first: &[f64], second: &[f64]) -> Result<Self, EvalError> {
        let differences = paired_differences(first, second, 2)?;
        Ok(Self::at_magnitude(
            &differences,
            magnitude(first.iter().chain(second)),
        ))
    }

    /// Computes the moments of at least one value.
    pub(super) fn of(values: &[f64]) -> Self {
        Self::at_magnitude(values, magnitude(values))
    }

    /// Computes the moments of values derived from numbers as large as `magnitude`.
    pub(super) fn at_magnitude(values: &[f64], magnitude: f64) -> Self {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let largest = values
            .iter()
            .fold(0.0, |largest: f64, value| largest.max((value - mean).abs()));
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let varies = count > 1 && largest > ROUNDINGS * f64::EPSILON * magnitude;
        Self {
            count,
            mean,
            variance: if varies {
                squares / (count - 1) as f64
            } else {
                0.0
            },
        }
    }

    /// Returns the squared standard error of the mean.
    pub(super) fn squared_error(&self) -> f64 {
        self.variance / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_by_hand() {
        let moments = Moments::of(&[1.0, 2.0, 6.0]);
        assert_eq!((moments.count, moments.mean), (3, 3.0));
        assert_eq!(moments.variance, 7.0);
        assert_eq!(moments.squared_error(), 7.0 / 3.0);
    }

    #[test]
    fn rounding_is_no_variance() {
        let differences = paired_differences(&[0.9, 0.8], &[0.8, 0.7], 2).unwrap();
        assert_ne!(differences[0], differences[1]);
        assert_eq!(Moments::at_magnitude(&differences, 0.9).variance, 0.0);
        // Small is not the same as rounding.
        assert!(Moments::of(&[1e-20, 2e-20]).variance > 0.0);
    }

    #[test]
    fn unusable_samples_are_named() {
        let error = check("first", &[1.0], 2).unwrap_err().to_string();
        assert_eq!(
            error,
            "found 1 values in sample \"first\", expected at least 2"
        );
        let error = check("tuned", &[1.0, f64::NAN], 2).unwrap_err().to_string();
        let expected = "row 1: the value of sample \"tuned\" is NaN, expected a finite number";
        assert_eq!(error, expected);
        assert_eq!(
            paired_differences(&[1.0, 2.0], &[1.0, 2.0, 3.0], 2),
            Err(EvalError::LengthMismatch {
                first: 2,
                second: 3
            })
        );
    }
}
