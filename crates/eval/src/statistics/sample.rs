//! Validation and moments of a sample.

use crate::EvalError;

/// Number of rounding errors of the largest value below which a deviation counts as 0: 0.9 - 0.8
/// and 0.8 - 0.7 differ in the last bits, which is not evidence.
const ROUNDINGS: f64 = 16.0;

/// Checks that there are at least `needed` values and that all are finite. `name` is the sample in
/// the error.
///
/// # Errors
///
/// - [`EvalError::TooFewValues`] if there are fewer values.
/// - [`EvalError::NotFinite`] if a value is NaN or infinite.
pub(super) fn check(name: &str, values: &[f64], needed: usize) -> Result<(), EvalError> {
    if values.len() < needed {
        return Err(EvalError::TooFewValues {
            sample: name.to_owned(),
            needed,
            found: values.len(),
        });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(EvalError::NotFinite {
            row: position as u64,
            what: format!("value of sample {name:?}"),
            found: values[position].to_string(),
        }),
        None => Ok(()),
    }
}

/// Checks two paired samples and returns their differences.
///
/// # Errors
///
/// - [`EvalError::PairsIncomplete`] if they differ in size.
/// - The errors of [`check`].
pub(super) fn paired_differences(
    first: &[f64],
    second: &[f64],
    needed: usize,
) -> Result<Vec<f64>, EvalError> {
    check("first", first, needed)?;
    check("second", second, needed)?;
    if first.len() != second.len() {
        return Err(EvalError::PairsIncomplete {
            first: first.len(),
            second: second.len(),
        });
    }
    Ok(first.iter().zip(second).map(|(a, b)| a - b).collect())
}

/// Returns the largest absolute value, the scale of rounding errors.
pub(super) fn magnitude<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values
        .into_iter()
        .fold(0.0, |largest: f64, value| largest.max(value.abs()))
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
        assert_eq!(
            check("first", &[1.0], 2),
            Err(EvalError::TooFewValues {
                sample: "first".into(),
                needed: 2,
                found: 1
            })
        );
        assert_eq!(
            check("tuned", &[1.0, f64::NAN], 2),
            Err(EvalError::NotFinite {
                row: 1,
                what: "value of sample \"tuned\"".into(),
                found: "NaN".into()
            })
        );
        assert_eq!(
            paired_differences(&[1.0, 2.0], &[1.0, 2.0, 3.0], 2),
            Err(EvalError::PairsIncomplete {
                first: 2,
                second: 3
            })
        );
    }
}
