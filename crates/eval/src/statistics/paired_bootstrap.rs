//! The paired bootstrap: two systems over the same rows.

use serde::{Deserialize, Serialize};

use super::{Bootstrap, BootstrapEstimate};
use crate::EvalError;

/// A metric of two systems over the same rows, with interval and p-value of the difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PairedBootstrap {
    /// The metric of the first system.
    pub first: f64,
    /// The metric of the second system.
    pub second: f64,
    /// First less second, with its interval.
    pub difference: BootstrapEstimate,
    /// Two-sided p-value, in `(0, 1]`.
    pub p_value: f64,
}

impl Bootstrap {
    /// [The paired bootstrap](https://aclanthology.org/W04-3250): both systems are scored on the
    /// same resamples, so that rows which are hard for both do not count.
    ///
    /// The p-value is the share of resamples, the rows as they are among them, whose difference lies
    /// at least as far from the observed one as that lies from zero
    /// ([Berg-Kirkpatrick et al.](https://aclanthology.org/D12-1091), for both sides). Each metric is
    /// a function from rows to a number, as in [`interval`](Self::interval).
    ///
    /// # Errors
    ///
    /// Those of [`interval`](Self::interval).
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

/// The share of values, the estimate among them, as far from the estimate as that is from zero.
fn shifted_p(estimate: f64, values: &[f64]) -> f64 {
    // Equal distances may differ in their last bits.
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
            resamples: 99,
            ..Bootstrap::default()
        };
        let result = bootstrap.paired(5, metric, metric).unwrap();
        assert_eq!(result.p_value, 1.0);
        assert_eq!(result.difference.interval.low, 0.0);
        assert_eq!(result.difference.interval.high, 0.0);
    }
}
