//! Successive halving ([Jamieson and Talwalkar 2016](https://arxiv.org/abs/1502.07943)): all
//! candidates get a short run, the better part of them a longer one, and so on.
//!
//! A run of a later rung begins anew. It would be shorter to go on with the run of the rung before,
//! but a schedule that was to end is not one that goes on: a trial then would depend on the study
//! that it is in. What that costs is bounded: `eta / (eta - 1)` times the steps.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::error::StudyError;
use crate::measured_on::MeasuredOn;

/// How candidates are left behind.
///
/// ```
/// use finetune_study::Halving;
///
/// let halving: Halving = serde_json::from_str(
///     r#"{"setting": "train.length.epochs", "least": 1, "most": 9, "eta": 3}"#,
/// )?;
/// let epochs: Vec<u64> = (0..halving.rungs()).map(|rung| halving.budget(rung)).collect();
/// assert_eq!(epochs, [1, 3, 9]);
/// assert_eq!(halving.kept(10, 1), 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Halving {
    /// The setting that grows from rung to rung, such as `train.length.epochs` or
    /// `train.length.steps`.
    pub setting: String,
    /// Its value in the first rung, at least 1.
    pub least: u64,
    /// The most that it grows to.
    pub most: u64,
    /// A rung keeps one of so many candidates, and runs them so many times as long; at least 2.
    pub eta: u64,
}

impl Default for Halving {
    fn default() -> Self {
        Self {
            setting: "train.length.epochs".to_string(),
            least: 1,
            most: 9,
            eta: 3,
        }
    }
}

impl Halving {
    /// Whether there is more than one rung, and what is chosen by is no test score.
    ///
    /// # Errors
    /// [`StudyError::Setting`] names the first that is wrong.
    pub fn validate(&self, measured_on: MeasuredOn) -> Result<(), StudyError> {
        for (setting, value, least) in [
            ("halving.least", self.least, 1),
            ("halving.eta", self.eta, 2),
            (
                "halving.most",
                self.most,
                self.least.saturating_mul(self.eta),
            ),
        ] {
            if value < least {
                return Err(StudyError::setting(
                    setting,
                    value,
                    format!("at least {least}"),
                ));
            }
        }
        match measured_on {
            MeasuredOn::Validation => Ok(()),
            MeasuredOn::Test => Err(StudyError::setting(
                "measured_on",
                "test",
                "validation: halving chooses, and what chooses a model cannot test it",
            )),
        }
    }

    /// How many rungs there are, at least 2.
    pub fn rungs(&self) -> usize {
        let more = |budget: &u64| {
            budget
                .checked_mul(self.eta)
                .filter(|next| *next <= self.most)
        };
        std::iter::successors(Some(self.least), more).count()
    }

    /// The value of the setting in a rung.
    pub fn budget(&self, rung: usize) -> u64 {
        let rung = u32::try_from(rung).unwrap_or(u32::MAX);
        self.least.saturating_mul(self.eta.saturating_pow(rung))
    }

    /// How many of so many candidates are in a rung, at least 1.
    pub fn kept(&self, candidates: usize, rung: usize) -> usize {
        let rung = u32::try_from(rung).unwrap_or(u32::MAX);
        let share = usize::try_from(self.eta.saturating_pow(rung)).unwrap_or(usize::MAX);
        (candidates / share).max(1)
    }

    /// The last part of the setting's name.
    pub fn name(&self) -> &str {
        self.setting.rsplit('.').next().unwrap_or_default()
    }
}

/// The positions of the best `count` scores, in ascending order. Of equal scores the first is
/// better; no score at all is never among the best.
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
        let message = |halving: Halving, rows| {
            let result = halving.validate(rows);
            result.map_or_else(|error| error.to_string(), |()| String::new())
        };
        let rows = MeasuredOn::Validation;
        assert_eq!(message(Halving::default(), rows), "");
        let most = Halving {
            most: 2,
            ..Halving::default()
        };
        assert_eq!(
            message(most, rows),
            "halving.most is 2, expected at least 3"
        );
        let eta = Halving {
            eta: 1,
            ..Halving::default()
        };
        assert_eq!(message(eta, rows), "halving.eta is 1, expected at least 2");
        let least = Halving {
            least: 0,
            ..Halving::default()
        };
        assert_eq!(
            message(least, rows),
            "halving.least is 0, expected at least 1"
        );
        let test = message(Halving::default(), MeasuredOn::Test);
        assert!(
            test.starts_with("measured_on is test, expected validation"),
            "{test}"
        );
    }

    proptest! {
        #[test]
        fn a_rung_is_never_larger_than_the_one_before(
            least in 1u64..5, eta in 2u64..5, most in 20u64..2000, candidates in 1usize..200,
        ) {
            let halving = Halving { least, eta, most, ..Halving::default() };
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
