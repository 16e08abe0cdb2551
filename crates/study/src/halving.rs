//! Successive halving ([Jamieson and Talwalkar 2016](https://arxiv.org/abs/1502.07943)): all
//! candidates get a short run, the best of them a longer one, and so on.
//!
//! A run of a later rung starts from the beginning. Resuming the run of the previous rung would
//! take fewer steps, but its learning rate schedule has already ended. The result of a trial would
//! then depend on the study. The overhead is bounded: `eta / (eta - 1)` times the steps, where
//! `eta` is the factor.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::error::StudyError;
use crate::eval_split::EvalSplit;

/// Settings of successive halving.
///
/// ```
/// use finetune_study::SuccessiveHalving;
///
/// let halving: SuccessiveHalving = serde_json::from_str(
///     r#"{"resource": "train.duration.epochs", "min_resource": 1, "max_resource": 9, "factor": 3}"#,
/// )?;
/// let epochs: Vec<u64> = (0..halving.rungs()).map(|rung| halving.budget(rung)).collect();
/// assert_eq!(epochs, [1, 3, 9]);
/// assert_eq!(halving.kept(10, 1), 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SuccessiveHalving {
    /// Path of the setting that grows from rung to rung, such as `train.duration.epochs` or
    /// `train.duration.steps` (default: `train.duration.epochs`).
    pub resource: String,
    /// Value in the first rung, at least 1 (default: 1).
    pub min_resource: u64,
    /// Maximum value, at least `min_resource * factor` (default: 9).
    pub max_resource: u64,
    /// Reduction factor, at least 2 (default: 3): each rung keeps `1 / factor` of the candidates
    /// and runs them `factor` times as long.
    pub factor: u64,
}

impl Default for SuccessiveHalving {
    fn default() -> Self {
        Self {
            resource: "train.duration.epochs".to_string(),
            min_resource: 1,
            max_resource: 9,
            factor: 3,
        }
    }
}

impl SuccessiveHalving {
    /// Validates the settings: there is more than one rung, and candidates are not selected by test
    /// scores.
    ///
    /// # Errors
    /// [`StudyError::InvalidSetting`] for the first invalid setting.
    pub fn validate(&self, eval_split: EvalSplit) -> Result<(), StudyError> {
        for (setting, value, least) in [
            ("halving.min_resource", self.min_resource, 1),
            ("halving.factor", self.factor, 2),
        ] {
            StudyError::check(value >= least, setting, value, format!("at least {least}"))?;
        }
        let least = self.min_resource.checked_mul(self.factor);
        let expected = match least {
            Some(least) => format!("at least {least}"),
            None => "`min_resource` times `factor`, which is no number of 64 bits".to_string(),
        };
        let valid = least.is_some_and(|least| self.max_resource >= least);
        StudyError::check(valid, "halving.max_resource", self.max_resource, expected)?;
        let expected = "validation: halving chooses, and what chooses a model cannot test it";
        let valid = eval_split == EvalSplit::Validation;
        StudyError::check(valid, "eval_split", "test", expected)
    }

    /// Returns the number of rungs, at least 2 for valid settings.
    pub fn rungs(&self) -> usize {
        let more = |budget: &u64| {
            budget
                .checked_mul(self.factor)
                .filter(|next| *next <= self.max_resource)
        };
        std::iter::successors(Some(self.min_resource), more).count()
    }

    /// Returns the value of the resource in a rung.
    pub fn budget(&self, rung: usize) -> u64 {
        let rung = u32::try_from(rung).unwrap_or(u32::MAX);
        self.min_resource
            .saturating_mul(self.factor.saturating_pow(rung))
    }

    /// Returns how many of the candidates reach a rung, at least 1.
    pub fn kept(&self, candidates: usize, rung: usize) -> usize {
        let rung = u32::try_from(rung).unwrap_or(u32::MAX);
        let share = usize::try_from(self.factor.saturating_pow(rung)).unwrap_or(usize::MAX);
        (candidates / share).max(1)
    }

    /// Returns the last part of the resource's path.
    pub fn name(&self) -> &str {
        self.resource.rsplit('.').next().unwrap_or_default()
    }
}

/// Returns the positions of the best `count` scores, in ascending order. Of equal scores the first
/// is better; a missing score is never among the best.
pub(super) fn best(scores: &[Option<f64>], count: usize, higher_is_better: bool) -> Vec<usize> {
    let mut scored: Vec<(usize, f64)> = scores
        .iter()
        .enumerate()
        .filter_map(|(position, score)| Some((position, (*score)?)))
        .collect();
    scored.sort_by(|(first, a), (second, b)| {
        let by_score = if higher_is_better {
            b.total_cmp(a)
        } else {
            a.total_cmp(b)
        };
        match by_score {
            Ordering::Equal => first.cmp(second),
            other => other,
        }
    });
    let mut kept: Vec<usize> = scored
        .into_iter()
        .take(count)
        .map(|(position, _)| position)
        .collect();
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_best_go_on_and_ties_are_for_the_first() {
        let scores = [Some(0.5), None, Some(0.9), Some(0.5), Some(0.7)];
        assert_eq!(best(&scores, 2, true), [2, 4]);
        assert_eq!(best(&scores, 3, true), [0, 2, 4]);
        assert_eq!(best(&scores, 1, false), [0]);
        assert_eq!(best(&scores, 9, true), [0, 2, 3, 4]);
    }

    #[test]
    fn what_makes_no_rungs_is_refused() {
        let message = |halving: SuccessiveHalving, rows| {
            let result = halving.validate(rows);
            result.map_or_else(|error| error.to_string(), |()| String::new())
        };
        let rows = EvalSplit::Validation;
        assert_eq!(message(SuccessiveHalving::default(), rows), "");
        let most = SuccessiveHalving {
            max_resource: 2,
            ..SuccessiveHalving::default()
        };
        assert_eq!(
            message(most, rows),
            "halving.max_resource is 2, expected at least 3"
        );
        let eta = SuccessiveHalving {
            factor: 1,
            ..SuccessiveHalving::default()
        };
        assert_eq!(
            message(eta, rows),
            "halving.factor is 1, expected at least 2"
        );
        let least = SuccessiveHalving {
            min_resource: 0,
            ..SuccessiveHalving::default()
        };
        assert_eq!(
            message(least, rows),
            "halving.min_resource is 0, expected at least 1"
        );
        let test = message(SuccessiveHalving::default(), EvalSplit::Test);
        assert!(
            test.starts_with("eval_split is test, expected validation"),
            "{test}"
        );
    }

    proptest! {
        #[test]
        fn a_rung_is_never_larger_than_the_one_before(
            least in 1u64..5, eta in 2u64..5, most in 20u64..2000, candidates in 1usize..200,
        ) {
            let halving = SuccessiveHalving { min_resource: least, factor: eta, max_resource: most, ..SuccessiveHalving::default() };
            let rungs = halving.rungs();
            prop_assert!(halving.budget(rungs - 1) <= most);
            prop_assert!(halving.budget(rungs) > most);
            prop_assert_eq!(halving.kept(candidates, 0), candidates);
            for rung in 1..rungs {
                prop_assert!(halving.kept(candidates, rung) <= halving.kept(candidates, rung - 1));
                prop_assert!(halving.kept(candidates, rung) >= 1);
            }
        }
    }
}
