//! Settings of the statistical comparison of candidates.

use finetune_eval::statistics::{Adjustment, ComparisonConfig, Design, SignificanceTest};
use serde::{Deserialize, Serialize};

use crate::error::StudyError;

/// Settings of the statistical comparison of candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudyComparison {
    /// Selection of the test (default: automatic, by seeds and folds).
    pub design: Pairing,
    /// Test whose p-value decides (default: t test). For candidates without pairs, the permutation
    /// test takes the place of Wilcoxon's.
    pub test: SignificanceTest,
    /// Significance level for adjusted p-values, in `(0, 1)` (default: 0.05).
    pub alpha: f64,
    /// Adjustment of p-values for multiple comparisons (default: Holm).
    pub adjustment: Adjustment,
    /// Label of the candidate that the others are compared with; `None` to compare all pairs.
    pub baseline: Option<String>,
    /// Smallest difference of interest, above 0, used to compute the number of additional seeds;
    /// `None` for the observed difference.
    pub min_detectable_difference: Option<f64>,
}

/// Test for comparing two candidates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Paired test if both candidates have the same seeds and folds, Welch's test otherwise.
    #[default]
    Auto,
    /// Welch's test.
    Independent,
}

impl Default for StudyComparison {
    fn default() -> Self {
        Self {
            design: Pairing::default(),
            test: SignificanceTest::default(),
            alpha: 0.05,
            adjustment: Adjustment::default(),
            baseline: None,
            min_detectable_difference: None,
        }
    }
}

impl StudyComparison {
    /// Validates the settings: values in range, and the baseline a known variant if there are no
    /// parameters.
    pub(super) fn validate(&self, variants: &[&str], has_axes: bool) -> Result<(), StudyError> {
        let valid = self.alpha > 0.0 && self.alpha < 1.0;
        StudyError::check(valid, "comparison.alpha", self.alpha, "between 0 and 1")?;
        if let Some(difference) = self.min_detectable_difference {
            let setting = "comparison.min_detectable_difference";
            let valid = difference > 0.0 && difference.is_finite();
            StudyError::check(valid, setting, difference, "above 0")?;
        }
        // With parameters, candidate labels are more than the variant's name.
        let baseline = self.baseline.as_deref().filter(|_| !has_axes);
        let baseline = baseline.filter(|baseline| !variants.contains(baseline));
        let expected = format!("a variant: {}", variants.join(", "));
        let found = baseline.unwrap_or_default();
        StudyError::check(baseline.is_none(), "comparison.baseline", found, expected)
    }

    /// Returns the comparison settings for candidates whose trials form pairs or not.
    pub(super) fn of_pair(&self, pairs: bool, higher_is_better: bool) -> ComparisonConfig {
        let design = match (self.design, pairs) {
            (Pairing::Auto, true) => Design::Paired,
            _ => Design::Independent,
        };
        ComparisonConfig {
            design,
            test: match (self.test, design) {
                (SignificanceTest::Wilcoxon, Design::Independent) => SignificanceTest::Permutation,
                (test, _) => test,
            },
            alpha: self.alpha,
            adjustment: self.adjustment,
            min_detectable_difference: self.min_detectable_difference,
            lower_is_better: !higher_is_better,
            ..ComparisonConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_need_pairs() {
        let tests: StudyComparison = toml::from_str("test = 'wilcoxon'").unwrap();
        let [paired, apart] = [true, false].map(|pairs| tests.of_pair(pairs, true).test);
        assert_eq!(paired, SignificanceTest::Wilcoxon);
        assert_eq!(apart, SignificanceTest::Permutation);
    }

    #[test]
    fn impossible_tests_are_refused() {
        for (tests, expected) in [
            (
                "alpha = 1.0",
                "comparison.alpha is 1, expected between 0 and 1",
            ),
            (
                "min_detectable_difference = 0.0",
                "comparison.min_detectable_difference is 0",
            ),
            (
                "baseline = 'c'",
                "comparison.baseline is c, expected a variant: a, b",
            ),
        ] {
            let tests: StudyComparison = toml::from_str(tests).unwrap();
            let error = tests.validate(&["a", "b"], false).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
