//! Permutation test (approximate randomization) of two systems.

mod exchange;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use finetune_random::{Purpose, generator};

use self::exchange::{Exchange, combinations, deal};
use super::bootstrap::{check_resamples, finite};
use crate::error::EvalError;
use crate::validate::check_lengths;

/// Relative tolerance for equal differences, as in SciPy.
const ROUNDING: f64 = 100.0 * f64::EPSILON;

/// [Approximate randomization](https://aclanthology.org/C00-2137), also called permutation test:
/// the p-value is the fraction of exchanges of the two systems' outputs whose difference in the
/// metric is at least as large as the observed one.
///
/// If there are at most `resamples` exchanges, all are tried and the p-value is exact; otherwise
/// random ones and the original outputs are used. As SciPy's [`permutation_test`] of the absolute
/// difference, with `permutation_type` `samples` for paired and `independent` for unpaired outputs.
///
/// The metric is a function from outputs (predictions, scores) to a number; it captures the labels.
///
/// ```
/// use finetune_eval::statistics::PermutationTest;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let labels = ["en", "de", "en", "en", "de"];
/// let accuracy = |predictions: &[&str]| {
///     let hits = predictions.iter().zip(labels).filter(|(p, label)| *p == label).count();
///     hits as f64 / labels.len() as f64
/// };
/// let first = ["en", "de", "en", "en", "de"];
/// let second = ["de", "en", "en", "de", "de"];
/// let test = PermutationTest::default().paired(&first, &second, accuracy)?;
/// assert!((test.difference - 0.6).abs() < 1e-12);
/// assert!(test.exact);
/// assert_eq!(test.p_value, 0.25); // 8 of 32 exchanges
/// # Ok(())
/// # }
/// ```
///
/// [`permutation_test`]: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.permutation_test.html
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PermutationTest {
    /// Maximum number of exchanges, at least 1 (default: 9,999, as in SciPy).
    pub n_resamples: usize,
    /// Random seed of the exchanges (default: 0).
    pub seed: u64,
}

impl Default for PermutationTest {
    fn default() -> Self {
        Self {
            n_resamples: 9_999,
            seed: 0,
        }
    }
}

/// Result of a [`PermutationTest`] test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PermutationTestResult {
    /// Metric of the first system minus that of the second.
    pub difference: f64,
    /// Two-sided p-value, in `(0, 1]`.
    pub p_value: f64,
    /// Whether all exchanges were tried.
    pub exact: bool,
    /// Number of exchanges tried.
    pub n_resamples: usize,
}

impl PermutationTest {
    /// Tests two systems on the same rows: the outputs of each row are exchanged or not.
    ///
    /// # Errors
    ///
    /// - [`EvalError::LengthMismatch`] if the outputs differ in length.
    /// - [`EvalError::TooFew`] if there are no rows.
    /// - [`EvalError::InvalidSetting`] if `resamples` is 0.
    /// - [`EvalError::Undefined`] if the metric is NaN or infinite.
    pub fn paired<T: Clone + Send + Sync>(
        &self,
        first: &[T],
        second: &[T],
        metric: impl Fn(&[T]) -> f64 + Sync,
    ) -> Result<PermutationTestResult, EvalError> {
        check_lengths(first.len(), second.len())?;
        let pairs = first.len();
        let all = (pairs < 64).then(|| 1_u64 << pairs);
        self.test(first, second, all, metric, |exchange, drawn| {
            let (left, right) = drawn.split_at_mut(pairs);
            let mut random = self.generator(exchange);
            for (pair, (left, right)) in left.iter_mut().zip(right).enumerate() {
                let exchanged = if exchange.enumerated {
                    exchange.number >> pair & 1 == 1
                } else {
                    random.random()
                };
                if exchanged {
                    std::mem::swap(left, right);
                }
            }
        })
    }

    /// Tests two independent samples, such as seeds: the values are reassigned to samples of the
    /// same sizes.
    ///
    /// # Errors
    ///
    /// - The errors of [`paired`](Self::paired), except for the length.
    pub fn independent<T: Clone + Send + Sync>(
        &self,
        first: &[T],
        second: &[T],
        metric: impl Fn(&[T]) -> f64 + Sync,
    ) -> Result<PermutationTestResult, EvalError> {
        let (size, total) = (first.len(), first.len() + second.len());
        let all = combinations(total, size);
        self.test(first, second, all, metric, |exchange, drawn| {
            if exchange.enumerated {
                deal(drawn, size, exchange.number);
            } else {
                drawn.shuffle(&mut self.generator(exchange));
            }
        })
    }

    /// Tries exchanges; `apply` performs one on the concatenated outputs of both systems.
    fn test<T: Clone + Send + Sync>(
        &self,
        first: &[T],
        second: &[T],
        all: Option<u64>,
        metric: impl Fn(&[T]) -> f64 + Sync,
        apply: impl Fn(Exchange, &mut [T]) + Sync,
    ) -> Result<PermutationTestResult, EvalError> {
        check_resamples(self.n_resamples)?;
        for (name, sample) in [("first", first), ("second", second)] {
            if sample.is_empty() {
                return Err(EvalError::too_few(
                    format!("values in sample {name:?}"),
                    0,
                    1,
                ));
            }
        }
        let exact = all.filter(|&all| all <= self.n_resamples as u64);
        let resamples = exact.map_or(self.n_resamples, |all| all as usize);
        let difference = finite(metric(first) - metric(second), || "all rows".to_owned())?;
        let least = difference.abs() * (1.0 - ROUNDING);

        let outputs = [first, second].concat();
        let as_large = (0..resamples)
            .into_par_iter()
            .map_init(
                || outputs.clone(),
                |drawn, number| {
                    drawn.clone_from_slice(&outputs);
                    let exchange = Exchange {
                        number: number as u64,
                        enumerated: exact.is_some(),
                    };
                    apply(exchange, drawn);
                    let (left, right) = drawn.split_at(first.len());
                    let difference = metric(left) - metric(right);
                    let difference = finite(difference, || format!("exchange {number}"))?;
                    Ok(usize::from(difference.abs() >= least))
                },
            )
            .try_reduce(|| 0, |a, b| Ok(a + b))?;
        // The original outputs are one of all exchanges, but not of the random ones.
        let observed = usize::from(exact.is_none());
        Ok(PermutationTestResult {
            difference,
            p_value: (as_large + observed) as f64 / (resamples + observed) as f64,
            exact: exact.is_some(),
            n_resamples: resamples,
        })
    }

    fn generator(&self, exchange: Exchange) -> impl Rng {
        // Resamples of the bootstrap have coordinate 0.
        generator(self.seed, Purpose::Resampling, exchange.number, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn random_exchanges_come_near_the_exact_p() {
        let first = [0.83, 0.80, 0.85, 0.82, 0.84, 0.81, 0.80, 0.86];
        let second = [0.81, 0.81, 0.82, 0.80, 0.83, 0.82, 0.78, 0.84];
        let exact = PermutationTest {
            n_resamples: 20_000,
            seed: 3,
        };
        let random = PermutationTest {
            n_resamples: 200,
            seed: 3,
        };
        let pairs = [
            (
                exact.paired(&first, &second, mean),
                random.paired(&first, &second, mean),
            ),
            (
                exact.independent(&first, &second, mean),
                random.independent(&first, &second, mean),
            ),
        ];
        for (exact, random) in pairs {
            let (exact, random) = (exact.unwrap(), random.unwrap());
            assert!(exact.exact && !random.exact);
            assert!((exact.p_value - random.p_value).abs() < 0.1);
        }
    }

    #[test]
    fn unusable_input_is_said() {
        let test = PermutationTest::default();
        assert_eq!(
            test.paired(&[1.0], &[1.0, 2.0], mean),
            Err(EvalError::LengthMismatch {
                first: 1,
                second: 2
            })
        );
        assert!(matches!(
            test.independent(&[], &[1.0, 2.0], mean),
            Err(EvalError::TooFew {
                needed: 1,
                found: 0,
                ..
            })
        ));
        assert!(matches!(
            PermutationTest {
                n_resamples: 0,
                ..test
            }
            .independent(&[1.0], &[2.0], mean),
            Err(EvalError::InvalidSetting { .. })
        ));
        assert!(matches!(
            test.paired(&[1.0], &[f64::NAN], mean),
            Err(EvalError::Undefined { .. })
        ));
    }
}
