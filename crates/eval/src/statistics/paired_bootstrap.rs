//! Paired bootstrap of two systems on the same rows.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, BootstrapEstimate};
use crate::error::EvalError;

/// Metric of two systems on the same rows, with interval and p-value of the difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PairedBootstrap {
    /// Metric of the first system.
    pub first: f64,
    /// Metric of the second system.
    pub second: f64,
    /// First minus second, with its interval.
    pub difference: BootstrapEstimate,
    /// Two-sided p-value, in `(0, 1]`.
    pub p_value: f64,
}

impl Bootstrap {
    /// Compares two systems by the [paired bootstrap](https://aclanthology.org/W04-3250): both are
    /// scored on the same resamples, so that rows that are hard for both cancel out.
    ///
    /// The p-value is the fraction of resamples (including the original rows) whose difference is
    /// at least as far from the observed difference as that is from zero ([Berg-Kirkpatrick et
    /// al.](https://aclanthology.org/D12-1091), two-sided). Each metric is a function from rows to
    /// a number, as in [`interval`](Self::interval).
    ///
    /// # Errors
    ///
    /// - The errors of [`interval`](Self::interval).
    ///
    /// ```
    /// use finetune_eval::statistics::Bootstrap;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let labels = [0, 1, 1, 0, 1, 0, 1, 1];
    /// let (first, second) = ([0, 1, 1, 0, 1, 0, 1, 0], [0, 0, 1, 1, 1, 0, 0, 0]);
    /// let accuracy = |predictions: [usize; 8]| {
    ///     move |rows: &[usize]| {
    ///         let hits = rows.iter().filter(|&&row| predictions[row] == labels[row]).count();
    ///         hits as f64 / rows.len() as f64
    ///     }
    /// };
    /// let result = Bootstrap::default().paired(8, accuracy(first), accuracy(second))?;
    /// assert_eq!(result.difference.estimate, 0.375);
    /// assert!(result.p_value > 0.01 && result.p_value < 0.1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn paired(
        &self,
        rows: usize,
        first: impl Fn(&[usize]) -> f64 + Sync,
        second: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Result<PairedBootstrap, EvalError> {
        self.check(rows)?;
        let metric = |rows: &[usize]| first(rows) - second(rows);
        let values = self.values(rows, &metric)?;
        let difference = self.estimate(rows, &metric, values.clone())?;
        let all: Vec<usize> = (0..rows).collect();
        Ok(PairedBootstrap {
            first: first(&all),
            second: second(&all),
            difference,
            p_value: shifted_p(difference.estimate, &values),
        })
    }
}

/// Returns the fraction of values, including the estimate, as far from the estimate as it is from
/// 0.
fn shifted_p(estimate: f64, values: &[f64]) -> f64 {
    // Equal distances may differ in the last bits.
    let distance = estimate.abs() * (1.0 - 1e-12);
    let as_far = values
        .iter()
        .filter(|&&value| (value - estimate).abs() >= distance)
        .count();
    (as_far + 1) as f64 / (values.len() + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_by_hand() {
        // Around 0.2: one value as far as 0, one further, one nearer.
        assert_eq!(shifted_p(0.2, &[0.4, -0.1, 0.3]), 3.0 / 4.0);
        assert_eq!(shifted_p(-0.2, &[-0.2, -0.25, -0.15]), 1.0 / 4.0);
        assert_eq!(shifted_p(0.0, &[0.4, -0.1]), 1.0);
    }

    #[test]
    fn one_system_does_not_differ_from_itself() {
        let metric = |rows: &[usize]| rows[0] as f64;
        let bootstrap = Bootstrap {
            n_resamples: 99,
            ..Bootstrap::default()
        };
        let result = bootstrap.paired(5, metric, metric).unwrap();
        assert_eq!(result.p_value, 1.0);
        assert_eq!(result.difference.interval.lower, 0.0);
        assert_eq!(result.difference.interval.upper, 0.0);
    }
}
