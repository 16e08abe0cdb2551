//! How the variants of a study are tested against each other.

use finetune_eval::statistics::{Adjustment, ComparisonConfig, Design};
use serde::{Deserialize, Serialize};

use crate::error::StudyError;

/// How candidates are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudyComparison {
    /// Which test; by what the candidates share.
    pub design: Pairing,
    /// The p-value, adjusted, below which a difference is shown; in `(0, 1)`; 0.05.
    pub alpha: f64,
    /// How p-values are raised because there are several; Holm's.
    pub adjustment: Adjustment,
    /// The candidate that the others are compared with, as tables call it; `None` for each with
    /// each.
    pub baseline: Option<String>,
    /// The smallest difference that matters, above 0, for which further seeds are counted; `None`
    /// for the one observed.
    pub min_detectable_difference: Option<f64>,
}

/// Which test of two candidates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Paired if both have the same seeds and folds, Welch's otherwise.
    #[default]
    Auto,
    /// Welch's.
    Independent,
}

impl Default for StudyComparison {
    fn default() -> Self {
        Self {
            design: Pairing::default(),
            alpha: 0.05,
            adjustment: Adjustment::default(),
            baseline: None,
            min_detectable_difference: None,
        }
    }
}

impl StudyComparison {
    /// Whether every value is in its range, and the baseline is one of the variants if these alone name
    /// the candidates.
    pub(super) fn validate(&self, variants: &[&str], has_axes: bool) -> Result<(), StudyError> {
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return Err(StudyError::setting(
                "comparison.alpha",
                self.alpha,
                "between 0 and 1",
            ));
        }
        if let Some(difference) = self.min_detectable_difference
            && !(difference > 0.0 && difference.is_finite())
        {
            let setting = "comparison.min_detectable_difference";
            return Err(StudyError::setting(setting, difference, "above 0"));
        }
        // With parameters, candidates have more than the variant's name.
        match &self.baseline {
            Some(baseline) if !has_axes && !variants.contains(&baseline.as_str()) => {
                let expected = format!("a variant: {}", variants.join(", "));
                Err(StudyError::setting(
                    "comparison.baseline",
                    baseline,
                    expected,
                ))
            }
            _ => Ok(()),
        }
    }

    /// The settings of a comparison of candidates whose trials pair up, or do not.
    pub(super) fn of_pair(&self, pairs: bool, higher_is_better: bool) -> ComparisonConfig {
        ComparisonConfig {
            design: match (self.design, pairs) {
                (Pairing::Auto, true) => Design::Paired,
                _ => Design::Independent,
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
