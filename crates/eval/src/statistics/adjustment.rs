//! p-values of several tests at once.

use serde::{Deserialize, Serialize};

use crate::EvalError;

/// How p-values are raised because there are several of them: of twenty comparisons of equal arms,
/// one falls below 0.05 by chance.
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
    /// [Holm's](https://www.jstor.org/stable/4615733) step-down method: the chance of one false
    /// claim among all stays below alpha, whatever the tests share.
    #[default]
    Holm,
    /// [Benjamini and Hochberg's](https://doi.org/10.1111/j.2517-6161.1995.tb02031.x): of the
    /// claims, the expected share of false ones stays below alpha. For many tests.
    BenjaminiHochberg,
    /// The p-values as they are.
    None,
}

impl Adjustment {
    /// The adjusted p-values, in the order of the given ones.
    ///
    /// # Errors
    ///
    /// [`EvalError::Setting`] for a p-value outside `[0, 1]`.
    pub fn adjust(self, p_values: &[f64]) -> Result<Vec<f64>, EvalError> {
        if let Some(p) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(EvalError::Setting {
                setting: "p-value",
                expected: "between 0 and 1",
                got: p.to_string(),
            });
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

/// The smallest of m counts m times, the next m - 1 times; none falls below the one before.
fn holm(p_values: &mut [f64], ascending: &[usize]) {
    let mut least = 0.0_f64;
    for (rank, &test) in ascending.iter().enumerate() {
        let times = (ascending.len() - rank) as f64;
        least = least.max((p_values[test] * times).min(1.0));
        p_values[test] = least;
    }
}

/// The k-th smallest of m counts m / k times; none exceeds the one after.
fn benjamini_hochberg(p_values: &mut [f64], ascending: &[usize]) {
    let mut most = 1.0_f64;
    for (rank, &test) in ascending.iter().enumerate().rev() {
        // Divided by the share, as statsmodels does: the last is then exactly itself.
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
                Err(EvalError::Setting { .. })
            ));
        }
    }
}
