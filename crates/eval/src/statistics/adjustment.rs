//! Adjustment of p-values for multiple tests.

use serde::{Deserialize, Serialize};

use crate::error::EvalError;

/// Adjustment of p-values for multiple tests: of twenty comparisons of equal groups, one is expected
/// to have a p-value below 0.05 by chance.
///
/// As statsmodels' [`multipletests`] with `holm` and `fdr_bh`.
///
/// ```
/// use finetune_eval::statistics::Adjustment;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let raw = [0.25, 0.0625, 0.5];
/// assert_eq!(Adjustment::Holm.adjust(&raw)?, [0.5, 0.1875, 0.5]);
/// assert_eq!(Adjustment::BenjaminiHochberg.adjust(&raw)?, [0.375, 0.1875, 0.5]);
/// # Ok(())
/// # }
/// ```
///
/// [`multipletests`]: https://www.statsmodels.org/stable/generated/statsmodels.stats.multitest.multipletests.html
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Adjustment {
    /// [Holm's](https://www.jstor.org/stable/4615733) step-down method: controls the family-wise
    /// error rate (probability of any false positive) at alpha under any dependence.
    #[default]
    Holm,
    /// [Benjamini and Hochberg's](https://doi.org/10.1111/j.2517-6161.1995.tb02031.x) method:
    /// controls the false discovery rate (expected fraction of false positives) at alpha. For many
    /// tests.
    BenjaminiHochberg,
    /// Unadjusted p-values.
    None,
}

impl Adjustment {
    /// Returns the adjusted p-values, in the same order.
    ///
    /// # Errors
    ///
    /// - [`EvalError::InvalidSetting`] if a p-value is outside `[0, 1]`.
    pub fn adjust(self, p_values: &[f64]) -> Result<Vec<f64>, EvalError> {
        if let Some(p) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(EvalError::setting("p-value", p, "between 0 and 1"));
        }
        let mut ascending: Vec<usize> = (0..p_values.len()).collect();
        ascending.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
        let mut adjusted = p_values.to_vec();
        match self {
            Self::Holm => holm(&mut adjusted, &ascending),
            Self::BenjaminiHochberg => benjamini_hochberg(&mut adjusted, &ascending),
            Self::None => {}
        }
        Ok(adjusted)
    }
}

/// Multiplies the smallest of m p-values by m, the next by m - 1, and so on, without decreasing.
fn holm(p_values: &mut [f64], ascending: &[usize]) {
    let mut least = 0.0_f64;
    for (rank, &test) in ascending.iter().enumerate() {
        let times = (ascending.len() - rank) as f64;
        least = least.max((p_values[test] * times).min(1.0));
        p_values[test] = least;
    }
}

/// Multiplies the k-th smallest of m p-values by m / k, without exceeding the next one.
fn benjamini_hochberg(p_values: &mut [f64], ascending: &[usize]) {
    let mut most = 1.0_f64;
    for (rank, &test) in ascending.iter().enumerate().rev() {
        // Divided by the fraction, as in statsmodels: the largest p-value then stays exactly the
        // same.
        let share = (rank + 1) as f64 / ascending.len() as f64;
        most = most.min(p_values[test] / share);
        p_values[test] = most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_is_not_adjusted() {
        for adjustment in [Adjustment::Holm, Adjustment::BenjaminiHochberg] {
            assert_eq!(adjustment.adjust(&[0.03]).unwrap(), [0.03]);
            assert_eq!(adjustment.adjust(&[]).unwrap(), [0.0; 0]);
        }
    }

    #[test]
    fn a_p_value_is_a_probability() {
        for p in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(
                Adjustment::None.adjust(&[0.5, p]),
                Err(EvalError::InvalidSetting { .. })
            ));
        }
    }
}
