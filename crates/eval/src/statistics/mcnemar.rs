//! McNemar's test of two classifiers on the same rows.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};
use statrs::function::erf::erfc;

use crate::error::EvalError;
use crate::validate::check_pairs;

/// Minimum number of disagreements for the chi-square approximation in the automatic choice.
const ENOUGH_DISAGREEMENTS: u64 = 25;

/// [McNemar's test](https://doi.org/10.1007/BF02295996) for equal accuracy of two classifiers, from
/// the rows on which only one of them is correct. Rows on which both are correct or both are wrong
/// have no influence.
///
/// As statsmodels' [`mcnemar`].
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
    /// Rows on which both are correct.
    pub both: u64,
    /// Rows on which only the first is correct.
    pub only_first: u64,
    /// Rows on which only the second is correct.
    pub only_second: u64,
    /// Rows on which both are wrong.
    pub neither: u64,
}

/// Computation of the p-value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McNemarMethod {
    /// Exact, by the binomial distribution.
    Exact,
    /// Chi-square distribution with one degree of freedom and continuity correction.
    ChiSquare,
}

/// Result of a [`McNemar`] test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct McNemarTest {
    /// Computation of the p-value.
    pub method: McNemarMethod,
    /// Smaller number of disagreements for the exact test, otherwise chi-square.
    pub statistic: f64,
    /// Two-sided p-value, in `[0, 1]`.
    pub p_value: f64,
}

impl McNemar {
    /// Counts the rows on which the classifiers are correct. Labels and predictions can be of any
    /// comparable type: class indices, names, spans.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the slices differ in length.
    /// - [`EvalError::NoRows`] if they are empty.
    pub fn count<T: PartialEq>(labels: &[T], first: &[T], second: &[T]) -> Result<Self, EvalError> {
        for predictions in [first, second] {
            check_pairs(labels.len(), predictions.len())?;
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

    /// Returns the number of rows on which only one of the two is correct.
    pub fn disagreements(&self) -> u64 {
        self.only_first + self.only_second
    }

    /// Performs the exact test below 25 disagreements, and the chi-square test from 25 on.
    ///
    /// # Errors
    ///
    /// Never fails for valid counts; the type is that of [`chi_square`](Self::chi_square).
    pub fn test(&self) -> Result<McNemarTest, EvalError> {
        if self.disagreements() < ENOUGH_DISAGREEMENTS {
            Ok(self.exact())
        } else {
            self.chi_square()
        }
    }

    /// Performs the exact binomial test, in which each disagreement favors either classifier with
    /// probability one half. Without disagreements, p is 1.
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

    /// Performs the chi-square test with continuity correction, an approximation for at least 25
    /// disagreements.
    ///
    /// # Errors
    ///
    /// - [`EvalError::Undefined`] if there are no disagreements.
    pub fn chi_square(&self) -> Result<McNemarTest, EvalError> {
        let disagreements = self.disagreements();
        if disagreements == 0 {
            let reason = "the classifiers are right on the same rows; use the exact test";
            return Err(EvalError::undefined("McNemar\'s chi-square", reason));
        }
        let excess = self.only_first.abs_diff(self.only_second) as f64 - 1.0;
        let statistic = excess * excess / disagreements as f64;
        Ok(McNemarTest {
            method: McNemarMethod::ChiSquare,
            statistic,
            // Chi-square with one degree of freedom is the square of a standard normal variable.
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
                Err(EvalError::LengthMismatch { first: 2, .. })
            ));
        }
        assert_eq!(McNemar::count::<u8>(&[], &[], &[]), Err(EvalError::NoRows));
    }
}
