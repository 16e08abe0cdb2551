//! The test of McNemar: two classifiers, the same rows.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};
use statrs::function::erf::erfc;

use crate::EvalError;

/// Disagreements from which the automatic choice is the chi-square approximation.
const ENOUGH_DISAGREEMENTS: u64 = 25;

/// [McNemar's test](https://doi.org/10.1007/BF02295996): whether two classifiers have the same
/// accuracy, from the rows on which only one of them is right. Rows that both get right or both get
/// wrong say nothing about it.
///
/// statsmodels' [`mcnemar`].
///
/// ```
/// use finetune_eval::statistics::{McNemar, McNemarMethod};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let labels = [0, 1, 1, 0, 1, 0];
/// let counts = McNemar::count(&labels, &[0, 1, 1, 0, 1, 1], &[0, 0, 0, 1, 1, 1])?;
/// assert_eq!((counts.only_first, counts.only_second), (3, 0));
/// let test = counts.test()?;
/// assert_eq!(test.method, McNemarMethod::Exact);
/// assert!((test.p_value - 0.25).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// [`mcnemar`]: https://www.statsmodels.org/stable/generated/statsmodels.stats.contingency_tables.mcnemar.html
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct McNemar {
    /// Rows that both get right.
    pub both: u64,
    /// Rows that only the first gets right.
    pub only_first: u64,
    /// Rows that only the second gets right.
    pub only_second: u64,
    /// Rows that neither gets right.
    pub neither: u64,
}

/// How the p-value is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McNemarMethod {
    /// By the binomial distribution.
    Exact,
    /// By the chi-square distribution with one degree of freedom, corrected for continuity.
    ChiSquare,
}

/// The result of a [`McNemar`] test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct McNemarTest {
    /// How it was computed.
    pub method: McNemarMethod,
    /// The smaller number of disagreements for the exact test, chi-square otherwise.
    pub statistic: f64,
    /// Two-sided p-value, in `[0, 1]`.
    pub p_value: f64,
}

impl McNemar {
    /// Counts who is right on which rows. Labels and predictions are of any kind: class numbers,
    /// names, spans.
    ///
    /// # Errors
    ///
    /// [`EvalError::LengthMismatch`], [`EvalError::NoRows`].
    pub fn count<T: PartialEq>(labels: &[T], first: &[T], second: &[T]) -> Result<Self, EvalError> {
        for predictions in [first, second] {
            if predictions.len() != labels.len() {
                return Err(EvalError::LengthMismatch {
                    labels: labels.len(),
                    predictions: predictions.len(),
                });
            }
        }
        if labels.is_empty() {
            return Err(EvalError::NoRows);
        }
        let mut counts = Self {
            both: 0,
            only_first: 0,
            only_second: 0,
            neither: 0,
        };
        for ((label, first), second) in labels.iter().zip(first).zip(second) {
            let cell = match (first == label, second == label) {
                (true, true) => &mut counts.both,
                (true, false) => &mut counts.only_first,
                (false, true) => &mut counts.only_second,
                (false, false) => &mut counts.neither,
            };
            *cell += 1;
        }
        Ok(counts)
    }

    /// Rows on which only one of the two is right.
    pub fn disagreements(&self) -> u64 {
        self.only_first + self.only_second
    }

    /// The exact test below 25 disagreements, the chi-square test from there on.
    ///
    /// # Errors
    ///
    /// None that counts can cause; the type is that of its two parts.
    pub fn test(&self) -> Result<McNemarTest, EvalError> {
        if self.disagreements() < ENOUGH_DISAGREEMENTS {
            Ok(self.exact())
        } else {
            self.chi_square()
        }
    }

    /// The binomial test: each disagreement falls to either side with probability one half. Without
    /// any disagreement, p is 1.
    pub fn exact(&self) -> McNemarTest {
        let smaller = self.only_first.min(self.only_second);
        let below =
            Binomial::new(0.5, self.disagreements()).map_or(1.0, |binomial| binomial.cdf(smaller));
        McNemarTest {
            method: McNemarMethod::Exact,
            statistic: smaller as f64,
            p_value: (2.0 * below).min(1.0),
        }
    }

    /// The chi-square approximation with continuity correction, for 25 disagreements or more.
    ///
    /// # Errors
    ///
    /// [`EvalError::Undefined`] where it would divide by zero.
    pub fn chi_square(&self) -> Result<McNemarTest, EvalError> {
        let disagreements = self.disagreements();
        if disagreements == 0 {
            return Err(EvalError::Undefined {
                metric: "McNemar's chi-square",
                reason: "the classifiers are right on the same rows; use the exact test".to_owned(),
            });
        }
        let excess = self.only_first.abs_diff(self.only_second) as f64 - 1.0;
        let statistic = excess * excess / disagreements as f64;
        Ok(McNemarTest {
            method: McNemarMethod::ChiSquare,
            statistic,
            // Chi-square with one degree of freedom is the square of a normal variable.
            p_value: erfc((statistic / 2.0).sqrt()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_disagreement_nothing_is_shown() {
        let counts = McNemar::count(&["a", "b"], &["a", "a"], &["a", "a"]).unwrap();
        assert_eq!((counts.both, counts.neither), (1, 1));
        assert_eq!(counts.test().unwrap().p_value, 1.0);
        assert!(matches!(
            counts.chi_square(),
            Err(EvalError::Undefined { .. })
        ));
    }

    #[test]
    fn every_label_needs_both_predictions() {
        for (first, second) in [(1, 2), (2, 1), (2, 3)] {
            assert!(matches!(
                McNemar::count(&[0; 2], &vec![0; first], &vec![0; second]),
                Err(EvalError::LengthMismatch { labels: 2, .. })
            ));
        }
        assert_eq!(McNemar::count::<u8>(&[], &[], &[]), Err(EvalError::NoRows));
    }
}
