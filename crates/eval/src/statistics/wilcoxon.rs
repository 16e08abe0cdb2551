//! Wilcoxon signed-rank test.

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use super::ranks::Ranks;
use super::sample;
use crate::error::EvalError;

/// Maximum number of pairs for the exact test in the automatic choice, without ties and zeros.
const EXACT_PAIRS: usize = 50;

/// Maximum number of pairs for the exact test in the automatic choice, in any case: 13 differences
/// have fewer sign patterns than SciPy's 9,999 resamples.
const EXACT_PAIRS_WITH_TIES: usize = 13;

/// [Wilcoxon signed-rank test](https://doi.org/10.2307/3001968) of paired samples: whether the
/// differences are distributed symmetrically around zero. For scores that are far from normal.
///
/// As SciPy's [`wilcoxon`], with the same defaults and the same choices for small samples. If all
/// differences are zero, the p-value is 1 for any number of pairs; SciPy returns NaN above 13.
///
/// ```
/// use finetune_eval::statistics::Wilcoxon;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let first = [0.83, 0.84, 0.82, 0.85, 0.87, 0.88];
/// let second = [0.80, 0.79, 0.78, 0.75, 0.74, 0.73];
/// let test = Wilcoxon::default().test(&first, &second)?;
/// assert_eq!(test.statistic, 0.0); // no difference is negative
/// assert_eq!(test.p_value, 2.0 / 64.0); // two of the 64 ways to set six signs
/// # Ok(())
/// # }
/// ```
///
/// [`wilcoxon`]: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.wilcoxon.html
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wilcoxon {
    /// Handling of zero differences, SciPy's `zero_method` (default: dropped).
    pub zeros: ZeroMethod,
    /// Null distribution of the p-value (default: automatic).
    pub distribution: NullDistribution,
    /// Whether the normal approximation has a continuity correction (default: false).
    pub correction: bool,
}

/// Handling of zero differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZeroMethod {
    /// Zero differences are dropped.
    #[default]
    Wilcox,
    /// Zero differences are ranked, and their ranks dropped ([Pratt]).
    ///
    /// [Pratt]: https://doi.org/10.1080/01621459.1959.10501526
    Pratt,
}

/// Null distribution of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullDistribution {
    /// Exact up to 50 pairs, or up to 13 with ties or zeros; otherwise normal.
    #[default]
    Auto,
    /// All sign patterns of the observed ranks. Also correct with ties, unlike SciPy's `exact`,
    /// which assumes distinct ranks.
    Exact,
    /// Normal approximation, with the variance corrected for ties.
    Normal,
}

/// Result of [`Wilcoxon::test`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WilcoxonTest {
    /// Smaller of the two rank sums.
    pub statistic: f64,
    /// Rank sum of the positive differences (first above second).
    pub positive_ranks: f64,
    /// Rank sum of the negative differences.
    pub negative_ranks: f64,
    /// Standardized statistic of the normal approximation, at most 0; `None` if the test was exact.
    pub z: Option<f64>,
    /// Two-sided p-value, in `[0, 1]`.
    pub p_value: f64,
}

impl Wilcoxon {
    /// Tests paired samples.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFew`] if there are no pairs.
    /// - [`EvalError::InvalidRow`] if a value is NaN or infinite.
    /// - [`EvalError::LengthMismatch`] if the samples differ in size.
    /// - [`EvalError::Undefined`] if the normal approximation is requested and all differences
    ///   are zero.
    pub fn test(&self, first: &[f64], second: &[f64]) -> Result<WilcoxonTest, EvalError> {
        let mut differences = sample::paired_differences(first, second, 1)?;
        let pairs = differences.len();
        let zeros = differences.iter().filter(|&&d| d == 0.0).count();
        if self.zeros == ZeroMethod::Wilcox {
            differences.retain(|&d| d != 0.0);
        }
        let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
        let ranks = Ranks::of(&sizes);
        let sum_where = |holds: fn(f64) -> bool| -> usize {
            let signed = differences.iter().zip(&ranks.doubled);
            signed
                .filter(|(d, _)| holds(**d))
                .map(|(_, rank)| rank)
                .sum()
        };
        let (positive, negative) = (sum_where(|d| d > 0.0), sum_where(|d| d < 0.0));

        let ties = zeros > 0 || ranks.runs.iter().any(|&run| run > 1);
        let exact = match self.distribution {
            NullDistribution::Exact => true,
            NullDistribution::Normal => false,
            NullDistribution::Auto if zeros == pairs => true,
            NullDistribution::Auto if ties => pairs <= EXACT_PAIRS_WITH_TIES,
            NullDistribution::Auto => pairs <= EXACT_PAIRS,
        };
        let (z, p_value) = if exact {
            let signed = differences.iter().zip(&ranks.doubled);
            let ranks: Vec<usize> = signed
                .filter(|(d, _)| **d != 0.0)
                .map(|(_, &r)| r)
                .collect();
            (None, exact_p(&ranks, positive.min(negative)))
        } else {
            let z = self.normal_z(&ranks, zeros, positive as f64 / 2.0)?;
            (Some(z), erfc(-z / std::f64::consts::SQRT_2).min(1.0))
        };
        Ok(WilcoxonTest {
            statistic: positive.min(negative) as f64 / 2.0,
            positive_ranks: positive as f64 / 2.0,
            negative_ranks: negative as f64 / 2.0,
            z,
            p_value,
        })
    }

    /// Returns the standardized rank sum, made negative.
    fn normal_z(&self, ranks: &Ranks, zeros: usize, positive: f64) -> Result<f64, EvalError> {
        let count = ranks.doubled.len() as f64;
        let mut mean = count * (count + 1.0) / 4.0;
        let mut variance = count * (count + 1.0) * (2.0 * count + 1.0);
        let mut runs = ranks.runs.as_slice();
        if self.zeros == ZeroMethod::Pratt && zeros > 0 {
            // Cureton (1967): the ranks of zeros are neither part of the sums nor ties.
            let zeros = zeros as f64;
            mean -= zeros * (zeros + 1.0) / 4.0;
            variance -= zeros * (zeros + 1.0) * (2.0 * zeros + 1.0);
            runs = &runs[1..];
        }
        let tied: f64 = runs
            .iter()
            .map(|&run| (run as f64).powi(3) - run as f64)
            .sum();
        let deviation = ((variance - tied / 2.0) / 24.0).sqrt();
        if deviation == 0.0 {
            return Err(sample::constant(
                "the normal approximation of Wilcoxon's test",
            ));
        }
        let mut z = (positive - mean) / deviation;
        if self.correction && z != 0.0 {
            z -= z.signum() * 0.5 / deviation;
        }
        Ok(-z.abs())
    }
}

/// Returns the probability, over all sign patterns, that the smaller sum is at most `smaller`.
/// Ranks and sum are doubled.
fn exact_p(ranks: &[usize], smaller: usize) -> f64 {
    // probability[s]: that the positive ranks sum to s, each included with probability one half.
    // The distribution is symmetric, so only its lower tail is needed.
    let mut probability = vec![0.0; smaller + 1];
    probability[0] = 1.0;
    for &rank in ranks {
        for sum in (0..=smaller).rev() {
            let joined = if sum >= rank {
                probability[sum - rank]
            } else {
                0.0
            };
            probability[sum] = 0.5 * (probability[sum] + joined);
        }
    }
    (2.0 * probability.iter().sum::<f64>()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_p_counts_all_signs() {
        let ranks = [2_usize, 5, 5, 8, 10]; // doubled, the second and third tied
        for smaller in 0..=15 {
            let extreme = (0..32_u32)
                .filter(|signs| {
                    let sum: usize = (0..5)
                        .filter(|bit| signs >> bit & 1 == 1)
                        .map(|bit| ranks[bit])
                        .sum();
                    sum <= smaller
                })
                .count();
            assert_eq!(
                exact_p(&ranks, smaller),
                (2.0 * extreme as f64 / 32.0).min(1.0)
            );
        }
    }

    #[test]
    fn without_any_difference_nothing_is_shown() {
        let scores = [0.5; 40];
        let test = Wilcoxon::default().test(&scores, &scores).unwrap();
        assert_eq!((test.statistic, test.p_value), (0.0, 1.0));
        for zeros in [ZeroMethod::Wilcox, ZeroMethod::Pratt] {
            let normal = Wilcoxon {
                distribution: NullDistribution::Normal,
                zeros,
                ..Wilcoxon::default()
            };
            assert!(matches!(
                normal.test(&scores, &scores),
                Err(EvalError::Undefined { .. })
            ));
        }
    }

    #[test]
    fn no_pairs_is_an_error() {
        assert!(matches!(
            Wilcoxon::default().test(&[], &[]),
            Err(EvalError::TooFew {
                needed: 1,
                found: 0,
                ..
            })
        ));
    }
}
