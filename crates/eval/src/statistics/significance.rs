//! Choice of the test that decides on a comparison of two groups.

use serde::{Deserialize, Serialize};

use super::randomization::PermutationTest;
use super::t_test::Design;
use super::wilcoxon::Wilcoxon;
use crate::error::EvalError;

/// Test whose p-value decides whether two groups differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignificanceTest {
    /// t test: Welch's, or the paired one.
    #[default]
    T,
    /// [`Wilcoxon`] signed-rank test, for paired groups: for scores that are far from normal. Six
    /// pairs are the fewest that can give p < 0.05.
    Wilcoxon,
    /// [`PermutationTest`] of the difference of the means, without any assumption about the
    /// distribution.
    Permutation,
}

impl SignificanceTest {
    /// Returns the p-value of two groups; `None` for the t test, which has more than a p-value.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] for the Wilcoxon test of independent groups.
    /// - The errors of the tests.
    pub(super) fn p_value(
        self,
        design: Design,
        first: &[f64],
        second: &[f64],
    ) -> Result<Option<f64>, EvalError> {
        let permutation = PermutationTest::default();
        Ok(Some(match (self, design) {
            (Self::T, _) => return Ok(None),
            (Self::Wilcoxon, Design::Paired) => Wilcoxon::default().test(first, second)?.p_value,
            (Self::Wilcoxon, Design::Independent) => {
                return Err(EvalError::setting(
                    "test",
                    "wilcoxon with independent groups",
                    "paired groups",
                ));
            }
            (Self::Permutation, Design::Paired) => permutation.paired(first, second, mean)?.p_value,
            (Self::Permutation, Design::Independent) => {
                permutation.independent(first, second, mean)?.p_value
            }
        }))
    }

    /// Returns the name of the test in a sentence.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::T => "t test",
            Self::Wilcoxon => "Wilcoxon's signed-rank test",
            Self::Permutation => "permutation test",
        }
    }
}

/// Formats a p-value as `p = 0.0123` or `p < 0.0001`.
pub fn p_value_text(p: f64) -> String {
    match p < 0.0001 {
        true => "p < 0.0001".to_owned(),
        false => format!("p = {p:.4}"),
    }
}

fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_p_value_is_not_zero() {
        let texts = [0.00004, 0.0001, 1.0].map(p_value_text);
        assert_eq!(texts, ["p < 0.0001", "p = 0.0001", "p = 1.0000"]);
    }

    /// All six differences are positive: two of 64 sign patterns are as extreme. Of two groups of
    /// three that do not overlap, 2 of 20 assignments are.
    #[test]
    fn p_values_are_those_of_counting() {
        let (high, low) = (
            [6.0, 7.0, 8.0, 9.0, 11.0, 13.0],
            [1.0, 1.5, 2.0, 1.0, 2.0, 3.0],
        );
        let p = |test: SignificanceTest, design, rows| {
            test.p_value(design, &high[..rows], &low[..rows]).unwrap()
        };
        assert_eq!(
            p(SignificanceTest::Wilcoxon, Design::Paired, 6),
            Some(2.0 / 64.0)
        );
        assert_eq!(
            p(SignificanceTest::Permutation, Design::Paired, 6),
            Some(2.0 / 64.0)
        );
        let independent = p(SignificanceTest::Permutation, Design::Independent, 3).unwrap();
        assert!((independent - 0.1).abs() < 1e-12);
        assert_eq!(p(SignificanceTest::T, Design::Paired, 6), None);
    }

    #[test]
    fn ranks_of_differences_need_pairs() {
        let error = SignificanceTest::Wilcoxon.p_value(Design::Independent, &[1.0], &[2.0]);
        assert!(error.unwrap_err().to_string().contains("paired groups"));
    }
}
