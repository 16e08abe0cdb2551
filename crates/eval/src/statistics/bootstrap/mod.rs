//! Bootstrap confidence intervals of any metric.

mod confidence_limits;

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use finetune_random::{Purpose, generator};

use self::confidence_limits::{bca_tails, jackknife, leave_one_out, rows_without};
use super::interval::ConfidenceInterval;
use super::sample::quantile;
use crate::error::EvalError;
use crate::validate::{check_row, check_share};

/// [Bootstrap](https://doi.org/10.1214/aos/1176344552): variation of a metric over samples of rows,
/// estimated from resamples of the rows with replacement.
///
/// As SciPy's [`bootstrap`], with equal results for equal resamples
/// ([`interval_of_resamples`](Self::interval_of_resamples)). Resamples depend only on the seed and
/// their number, not on the number of threads.
///
/// A metric is a function from the rows of a resample (indices in `0..rows`, possibly repeated) to
/// a number; it captures the data it needs.
///
/// ```
/// use finetune_eval::statistics::Bootstrap;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let hits = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0];
/// let accuracy = |rows: &[usize]| {
///     rows.iter().map(|&row| hits[row]).sum::<f64>() / rows.len() as f64
/// };
/// let bootstrap = Bootstrap { seed: 7, ..Bootstrap::default() };
/// let result = bootstrap.interval(hits.len(), accuracy)?;
/// assert_eq!(result.estimate, 0.8);
/// assert!(result.interval.contains(0.6) && !result.interval.contains(0.2));
/// # Ok(())
/// # }
/// ```
///
/// [`bootstrap`]: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.bootstrap.html
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// Number of resamples, at least 1 (default: 9,999, as in SciPy).
    pub n_resamples: usize,
    /// Confidence level of the interval, in `(0, 1)` (default: 0.95).
    pub confidence_level: f64,
    /// Method of the interval (default: BCa).
    pub method: BootstrapMethod,
    /// Random seed of the resamples (default: 0).
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            n_resamples: 9_999,
            confidence_level: 0.95,
            method: BootstrapMethod::default(),
            seed: 0,
        }
    }
}

/// Method of a bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapMethod {
    /// Percentile interval, for very many rows.
    Percentile,
    /// [Bias-corrected and accelerated](https://doi.org/10.2307/2289144) interval. It also computes
    /// the metric once for each row, without that row.
    #[default]
    Bca,
}

/// Metric with its bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootstrapEstimate {
    /// Metric on all rows.
    pub estimate: f64,
    /// Standard deviation of the metric over the resamples; 0 for a single resample.
    pub standard_error: f64,
    /// Confidence interval of the metric.
    pub interval: ConfidenceInterval,
    /// Number of resamples.
    pub n_resamples: usize,
}

impl Bootstrap {
    /// Returns the bootstrap interval of a metric over `rows` rows.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFew`] if there are fewer than two rows.
    /// - [`EvalError::InvalidSetting`] if `resamples` is 0 or `level` is not in `(0, 1)`.
    /// - [`EvalError::Undefined`] if the metric is NaN or infinite.
    /// - [`EvalError::Undefined`] if the BCa interval is undefined for the resamples.
    pub fn interval(
        &self,
        rows: usize,
        metric: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Result<BootstrapEstimate, EvalError> {
        self.check(rows)?;
        let values = self.values(rows, &metric)?;
        self.estimate(rows, &metric, values)
    }

    /// Returns the intervals of several metrics over the same resamples, each as
    /// [`interval`](Self::interval) returns it. `metrics` is called once for each resample, so that it
    /// computes once what they share, such as a confusion matrix. A metric that is undefined for some
    /// resample has an error of its own; one that is missing there is undefined, too.
    ///
    /// # Errors
    ///
    /// - The errors of [`interval`](Self::interval) for rows and settings.
    ///
    /// ```
    /// use finetune_eval::statistics::Bootstrap;
    ///
    /// let values = [1.0, 4.0, 2.0, 8.0, 5.0];
    /// let mean_and_largest = |rows: &[usize]| {
    ///     let of_rows = || rows.iter().map(|row| values[*row]);
    ///     vec![of_rows().sum::<f64>() / rows.len() as f64, of_rows().fold(0.0, f64::max)]
    /// };
    /// let bootstrap = Bootstrap { n_resamples: 99, ..Bootstrap::default() };
    /// let found = bootstrap.intervals(values.len(), mean_and_largest)?;
    /// let mean = bootstrap.interval(values.len(), |rows| mean_and_largest(rows)[0]);
    /// assert_eq!(found[0], mean);
    /// # Ok::<(), finetune_eval::EvalError>(())
    /// ```
    pub fn intervals(
        &self,
        rows: usize,
        metrics: impl Fn(&[usize]) -> Vec<f64> + Sync,
    ) -> Result<Vec<Result<BootstrapEstimate, EvalError>>, EvalError> {
        self.check(rows)?;
        let of_all = metrics(&(0..rows).collect::<Vec<usize>>());
        let of_resamples: Vec<Vec<f64>> = self.resampled(rows, &metrics).collect();
        let without_rows: Vec<Vec<f64>> = match self.method {
            BootstrapMethod::Percentile => Vec::new(),
            BootstrapMethod::Bca => leave_one_out(rows, &metrics).collect(),
        };
        let one = |place: usize| {
            let value = |values: &Vec<f64>| values.get(place).copied().unwrap_or(f64::NAN);
            let values = of_resamples.iter().map(value).enumerate();
            let values = values.map(|(number, value)| finite(value, || resample_name(number)));
            self.estimate_from(of_all[place], values.collect::<Result<_, _>>()?, || {
                let values = without_rows.iter().map(value).enumerate();
                let values = values.map(|(row, value)| finite(value, || rows_without(row)));
                values.collect()
            })
        };
        Ok((0..of_all.len()).map(one).collect())
    }

    /// Returns the interval for given resamples, each a list of row indices, such as resamples of
    /// whole documents. `resamples` and `seed` are ignored.
    ///
    /// # Errors
    ///
    /// - The errors of [`interval`](Self::interval).
    /// - [`EvalError::InvalidSetting`] if a row index is out of range.
    pub fn interval_of_resamples<R: AsRef<[usize]> + Sync>(
        &self,
        rows: usize,
        resamples: &[R],
        metric: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Result<BootstrapEstimate, EvalError> {
        let given = Self {
            n_resamples: resamples.len(),
            ..*self
        };
        given.check(rows)?;
        for row in resamples.iter().flat_map(AsRef::as_ref) {
            check_row(*row, rows)?;
        }
        let values = resamples
            .par_iter()
            .enumerate()
            .map(|(number, resample)| finite(metric(resample.as_ref()), || resample_name(number)))
            .collect::<Result<_, _>>()?;
        given.estimate(rows, &metric, values)
    }

    /// Returns the metric on each resample.
    pub(super) fn values(
        &self,
        rows: usize,
        metric: &(impl Fn(&[usize]) -> f64 + Sync),
    ) -> Result<Vec<f64>, EvalError> {
        let values = self.resampled(rows, metric).enumerate();
        values
            .map(|(number, value)| finite(value, || resample_name(number)))
            .collect()
    }

    /// Returns what `of` computes from each resample.
    fn resampled<T: Send>(
        &self,
        rows: usize,
        of: &(impl Fn(&[usize]) -> T + Sync),
    ) -> impl IndexedParallelIterator<Item = T> {
        let seed = self.seed;
        (0..self.n_resamples).into_par_iter().map_init(
            move || vec![0; rows],
            move |drawn, number| {
                let mut random = generator(seed, Purpose::Resampling, number as u64, 0);
                drawn.fill_with(|| random.random_range(0..rows));
                of(drawn)
            },
        )
    }

    /// Computes the interval from the metric's values.
    pub(super) fn estimate(
        &self,
        rows: usize,
        metric: &(impl Fn(&[usize]) -> f64 + Sync),
        values: Vec<f64>,
    ) -> Result<BootstrapEstimate, EvalError> {
        let all: Vec<usize> = (0..rows).collect();
        self.estimate_from(metric(&all), values, || jackknife(rows, metric))
    }

    /// Computes the interval from the metric's values on all rows, on the resamples and, if the method
    /// needs them, without each of the rows in turn.
    fn estimate_from(
        &self,
        of_all: f64,
        mut values: Vec<f64>,
        without_rows: impl FnOnce() -> Result<Vec<f64>, EvalError>,
    ) -> Result<BootstrapEstimate, EvalError> {
        let estimate = finite(of_all, || "all rows".to_owned())?;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = (squares / (values.len().max(2) - 1) as f64).sqrt();
        values.sort_by(f64::total_cmp);

        let tail = (1.0 - self.confidence_level) / 2.0;
        let constant = values.iter().all(|&value| value == estimate);
        let (low, high) = match self.method {
            BootstrapMethod::Bca if !constant => {
                bca_tails(estimate, &values, &without_rows()?, tail)?
            }
            _ => (tail, 1.0 - tail),
        };
        Ok(BootstrapEstimate {
            estimate,
            standard_error,
            interval: ConfidenceInterval {
                confidence_level: self.confidence_level,
                lower: quantile(&values, low),
                upper: quantile(&values, high),
            },
            n_resamples: values.len(),
        })
    }

    pub(super) fn check(&self, rows: usize) -> Result<(), EvalError> {
        check_share("confidence_level", self.confidence_level)?;
        check_resamples(self.n_resamples)?;
        match rows < 2 {
            true => Err(EvalError::too_few("rows", rows, 2)),
            false => Ok(()),
        }
    }
}

/// Checks that there is at least one resample.
///
/// # Errors
///
/// - [`EvalError::InvalidSetting`] if there is none.
pub(super) fn check_resamples(resamples: usize) -> Result<(), EvalError> {
    match resamples {
        0 => Err(EvalError::setting("n_resamples", 0, "at least 1")),
        _ => Ok(()),
    }
}

/// Returns the value if it is finite.
///
/// # Errors
///
/// - [`EvalError::Undefined`] if it is NaN or infinite.
pub(super) fn finite(value: f64, of: impl Fn() -> String) -> Result<f64, EvalError> {
    match value.is_finite() {
        true => Ok(value),
        false => Err(EvalError::undefined(
            "the metric",
            format!("it is {value} on {}", of()),
        )),
    }
}

fn resample_name(number: usize) -> String {
    format!("resample {number}")
}

#[cfg(test)]
mod tests;
