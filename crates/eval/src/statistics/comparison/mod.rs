//! Comparison of two groups of a study.

mod display;

use serde::{Deserialize, Serialize};

use super::adjustment::Adjustment;
use super::effect_size::EffectSize;
use super::power::TTestPower;
use super::sample;
use super::sample_summary::SampleSummary;
use super::significance::SignificanceTest;
use super::t_test::{Design, TTest};
use crate::error::EvalError;
use crate::error::defined;
use crate::validate::check_share;

/// Group of a study with the scores of its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreGroup {
    /// Name in tables.
    pub name: String,
    /// One score per seed; in a paired design in the same order in all groups.
    pub scores: Vec<f64>,
}

impl ScoreGroup {
    /// Creates a group.
    pub fn new(name: impl Into<String>, scores: impl Into<Vec<f64>>) -> Self {
        Self {
            name: name.into(),
            scores: scores.into(),
        }
    }

    /// Returns mean and spread of the scores, with a confidence interval at `level`.
    ///
    /// # Errors
    ///
    /// - The errors of [`SampleSummary::of`], with the name of the group.
    pub fn summary(&self, level: f64) -> Result<GroupSummary, EvalError> {
        Ok(GroupSummary {
            name: self.name.clone(),
            scores: SampleSummary::of_named(&self.name, &self.scores, level)?,
        })
    }
}

/// Name of a group with mean and spread of its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Name.
    pub name: String,
    /// Mean and spread.
    pub scores: SampleSummary,
}

/// Settings of a comparison of groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComparisonConfig {
    /// Design: Welch's t test for independent seeds, or the paired t test (default: independent).
    pub design: Design,
    /// Test whose p-value decides (default: t test).
    pub test: SignificanceTest,
    /// Significance level for the p-value (adjusted, in a table), in `(0, 1)` (default: 0.05).
    /// Confidence intervals have the level `1 - alpha`.
    pub alpha: f64,
    /// Adjustment of the p-values of a table (default: Holm).
    pub adjustment: Adjustment,
    /// Power for the number of seeds needed, in `(0, 1)` (default: 0.8).
    pub power: f64,
    /// Smallest difference of interest, above 0, for the number of seeds needed (default: `None`,
    /// the observed difference, which is imprecise with few seeds).
    pub min_detectable_difference: Option<f64>,
    /// Whether lower scores are better, such as losses and error rates (default: false).
    pub lower_is_better: bool,
}

impl Default for ComparisonConfig {
    fn default() -> Self {
        Self {
            design: Design::Independent,
            test: SignificanceTest::T,
            alpha: 0.05,
            adjustment: Adjustment::Holm,
            power: 0.8,
            min_detectable_difference: None,
            lower_is_better: false,
        }
    }
}

/// Result of a comparison for its first group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The first group is significantly better.
    Better,
    /// The first group is significantly worse.
    Worse,
    /// The difference is not significant, which does not show that the groups are equal.
    NoDifferenceShown,
    /// No test is possible because the scores have no variance.
    Untested,
}

/// Number of seeds needed to detect a difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SampleSize {
    /// True difference to detect, above 0.
    pub difference: f64,
    /// Power: probability of detecting it.
    pub power: f64,
    /// Seeds per group; `None` above 100,000.
    pub required: Option<usize>,
    /// Additional seeds per group, relative to the smaller group.
    pub additional: Option<usize>,
}

/// Comparison of two groups: their difference and its test.
///
/// Prints as one sentence, which says "better" or "worse" only if the test is significant.
///
/// ```
/// use finetune_eval::statistics::{ScoreGroup, Comparison, ComparisonConfig};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let comparison = Comparison::new(
///     &ScoreGroup::new("cosine", [0.812, 0.821, 0.809]),
///     &ScoreGroup::new("linear", [0.808, 0.815, 0.811]),
///     &ComparisonConfig::default(),
/// )?;
/// assert_eq!(
///     comparison.to_string(),
///     "no difference shown between cosine and linear: 0.8140 - 0.8113 = 0.0027, \
///      95 % interval -0.0102 to 0.0155 (Welch's t(3.1) = 0.64, p = 0.5630, d = 0.53; \
///      3 and 3 runs); 55 runs more a group would show a difference of 0.0027 with power 0.8"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// First group.
    pub first: GroupSummary,
    /// Second group, with which the first is compared.
    pub second: GroupSummary,
    /// Mean of the first group minus mean of the second.
    pub difference: f64,
    /// t test, with the interval of the difference; `None` if the scores have no variance.
    pub test: Option<TTest>,
    /// p-value of the configured test; `None` if the scores have no variance.
    pub p_value: Option<f64>,
    /// Effect size; `None` if the scores have no variance.
    pub effect_size: Option<EffectSize>,
    /// Adjusted p-value among the comparisons of a table; `None` outside a table.
    pub adjusted_p: Option<f64>,
    /// Seeds needed to detect the difference; `None` if deviation or difference are 0.
    pub more_seeds: Option<SampleSize>,
    /// Settings of the comparison.
    pub config: ComparisonConfig,
}

impl Comparison {
    /// Compares two groups.
    ///
    /// # Errors
    ///
    /// - [`EvalError::TooFew`] if a group has fewer than two seeds.
    /// - [`EvalError::InvalidRow`] if a score is NaN or infinite.
    /// - [`EvalError::LengthMismatch`] if the design is paired and the groups differ in size.
    /// - [`EvalError::InvalidSetting`] if a setting is out of range.
    pub fn new(
        first: &ScoreGroup,
        second: &ScoreGroup,
        config: &ComparisonConfig,
    ) -> Result<Self, EvalError> {
        let level = 1.0 - config.alpha;
        for group in [first, second] {
            sample::check(&group.name, &group.scores, 2)?;
        }
        // Scores without variance are a possible result of a study.
        let (ours, theirs) = (&first.scores, &second.scores);
        let test = defined(TTest::of_design(config.design, ours, theirs, level))?;
        let other = config.test.p_value(config.design, ours, theirs)?;
        let p_value = test.map(|test| other.unwrap_or(test.p_value));
        let effect_size = defined(EffectSize::of(config.design, ours, theirs))?;
        let (first, second) = (first.summary(level)?, second.summary(level)?);
        let difference = first.scores.mean - second.scores.mean;
        let seeds = first.scores.count.min(second.scores.count);
        let more_seeds = more_seeds(difference, effect_size, seeds, config)?;
        Ok(Self {
            first,
            second,
            difference,
            test,
            p_value,
            effect_size,
            adjusted_p: None,
            more_seeds,
            config: *config,
        })
    }

    /// Returns the result for the first group, by the adjusted p-value if there is one.
    pub fn verdict(&self) -> Verdict {
        let Some(p_value) = self.adjusted_p.or(self.p_value) else {
            return Verdict::Untested;
        };
        if p_value >= self.config.alpha {
            Verdict::NoDifferenceShown
        } else if (self.difference < 0.0) == self.config.lower_is_better {
            Verdict::Better
        } else {
            Verdict::Worse
        }
    }
}

fn more_seeds(
    observed: f64,
    effect_size: Option<EffectSize>,
    seeds: usize,
    config: &ComparisonConfig,
) -> Result<Option<SampleSize>, EvalError> {
    if let Some(difference) = config.min_detectable_difference
        && !(difference > 0.0 && difference.is_finite())
    {
        let setting = "min_detectable_difference";
        return Err(EvalError::setting(
            setting,
            difference,
            "above 0 and finite",
        ));
    }
    check_share("power", config.power)?;
    let difference = config.min_detectable_difference.unwrap_or(observed.abs());
    let Some(effect_size) = effect_size.filter(|_| difference > 0.0) else {
        return Ok(None);
    };
    let test = TTestPower {
        design: config.design,
        alpha: config.alpha,
    };
    let needed = test.required_seeds(difference / effect_size.deviation, config.power)?;
    Ok(Some(SampleSize {
        difference,
        power: config.power,
        required: needed,
        additional: needed.map(|needed| needed.saturating_sub(seeds)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(first: &[f64], second: &[f64], config: &ComparisonConfig) -> Comparison {
        Comparison::new(
            &ScoreGroup::new("a", first),
            &ScoreGroup::new("b", second),
            config,
        )
        .unwrap()
    }

    #[test]
    fn a_lower_loss_is_better() {
        let config = ComparisonConfig {
            lower_is_better: true,
            ..ComparisonConfig::default()
        };
        let (low, high) = ([0.20, 0.21, 0.22], [0.40, 0.41, 0.39]);
        assert_eq!(compare(&low, &high, &config).verdict(), Verdict::Better);
        assert_eq!(compare(&high, &low, &config).verdict(), Verdict::Worse);
        let config = ComparisonConfig::default();
        assert_eq!(compare(&low, &high, &config).verdict(), Verdict::Worse);
    }

    #[test]
    fn the_adjusted_p_decides() {
        let mut comparison = compare(
            &[0.80, 0.82, 0.84],
            &[0.86, 0.87, 0.88],
            &ComparisonConfig::default(),
        );
        assert_eq!(comparison.verdict(), Verdict::Worse);
        comparison.adjusted_p = Some(0.05);
        assert_eq!(comparison.verdict(), Verdict::NoDifferenceShown);
    }

    #[test]
    fn equal_scores_are_not_tested() {
        let comparison = compare(&[0.5; 3], &[0.5; 3], &ComparisonConfig::default());
        assert_eq!(comparison.verdict(), Verdict::Untested);
        assert_eq!(comparison.more_seeds, None);
    }

    #[test]
    fn the_smallest_difference_decides_how_many_seeds() {
        let scores = ([0.80, 0.82, 0.84], [0.81, 0.82, 0.83]);
        let config = ComparisonConfig {
            min_detectable_difference: Some(0.1),
            ..ComparisonConfig::default()
        };
        let more = compare(&scores.0, &scores.1, &config).more_seeds.unwrap();
        assert_eq!((more.required, more.additional), (Some(2), Some(0)));
        let config = ComparisonConfig {
            min_detectable_difference: Some(1e-5),
            ..config
        };
        let more = compare(&scores.0, &scores.1, &config).more_seeds.unwrap();
        assert_eq!((more.required, more.additional), (None, None));
    }

    #[test]
    fn the_arm_or_setting_at_fault_is_named() {
        let config = ComparisonConfig::default();
        let error = Comparison::new(
            &ScoreGroup::new("a", [0.1, 0.2]),
            &ScoreGroup::new("b", [0.1]),
            &config,
        );
        assert_eq!(
            error,
            Err(EvalError::too_few("values in sample \"b\"", 1, 2))
        );
        for (setting, config) in [
            (
                "power",
                ComparisonConfig {
                    power: 1.0,
                    ..config
                },
            ),
            (
                "min_detectable_difference",
                ComparisonConfig {
                    min_detectable_difference: Some(0.0),
                    ..config
                },
            ),
        ] {
            let group = ScoreGroup::new("a", [0.1, 0.2]);
            match Comparison::new(&group, &group, &config) {
                Err(EvalError::InvalidSetting { setting: found, .. }) => {
                    assert_eq!(found, setting)
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
