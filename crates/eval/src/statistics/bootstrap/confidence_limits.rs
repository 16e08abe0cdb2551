//! Confidence limits of the bootstrap methods.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::finite;
use crate::error::EvalError;

/// Returns the metric without each of the rows in turn (jackknife).
pub(super) fn jackknife(
    rows: usize,
    metric: &(impl Fn(&[usize]) -> f64 + Sync),
) -> Result<Vec<f64>, EvalError> {
    let values = leave_one_out(rows, metric).enumerate();
    values
        .map(|(row, value)| finite(value, || rows_without(row)))
        .collect()
}

/// Returns what `of` computes without each of the rows in turn.
pub(super) fn leave_one_out<T: Send>(
    rows: usize,
    of: &(impl Fn(&[usize]) -> T + Sync),
) -> impl IndexedParallelIterator<Item = T> {
    (0..rows)
        .into_par_iter()
        .map_init(Vec::new, move |kept, left_out| {
            kept.clear();
            kept.extend((0..rows).filter(|&row| row != left_out));
            of(kept)
        })
}

pub(super) fn rows_without(row: usize) -> String {
    format!("all rows but {row}")
}

/// Returns the quantiles of the BCa interval (Efron and Tibshirani 1993, equation 14.10).
///
/// # Errors
///
/// - [`EvalError::Undefined`] if bias or acceleration are infinite.
pub(super) fn bca_tails(
    estimate: f64,
    sorted: &[f64],
    jackknife: &[f64],
    tail: f64,
) -> Result<(f64, f64), EvalError> {
    let normal = Normal::standard();
    let below = sorted.partition_point(|&value| value < estimate);
    let up_to = sorted.partition_point(|&value| value <= estimate);
    let bias = normal.inverse_cdf((below + up_to) as f64 / (2 * sorted.len()) as f64);

    let mean = jackknife.iter().sum::<f64>() / jackknife.len() as f64;
    let cubes: f64 = jackknife.iter().map(|value| (mean - value).powi(3)).sum();
    let squares: f64 = jackknife.iter().map(|value| (mean - value).powi(2)).sum();
    let acceleration = cubes / (6.0 * squares.powf(1.5));

    if !(bias.is_finite() && acceleration.is_finite()) {
        let reason = "all resamples lie on one side of the estimate, or no single row changes the \
                      metric; use the percentile interval";
        return Err(EvalError::undefined("the BCa interval", reason));
    }
    let moved = |z: f64| normal.cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    let z = normal.inverse_cdf(tail);
    Ok((moved(z), moved(-z)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::sample::quantile;

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 4.0];
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&sorted, share));
        assert_eq!(quantiles, [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }

    #[test]
    fn without_bias_and_skew_the_ends_are_the_percentiles() {
        let sorted = [-2.0, -1.0, 0.0, 1.0, 2.0];
        let (low, high) = bca_tails(0.0, &sorted, &[-1.0, 0.0, 1.0], 0.1).unwrap();
        assert!((low - 0.1).abs() < 1e-10 && (high - 0.9).abs() < 1e-10);
        // Most resamples above the estimate: both ends move down.
        let (lower, _) = bca_tails(-1.0, &sorted, &[-1.0, 0.0, 1.0], 0.1).unwrap();
        assert!(lower < low);
    }
}
