//! Results, failures and states of trials.

use std::error::Error;
use std::iter::successors;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::TrialScores;
use crate::trial::{Fold, Trial};

/// Result of a finished trial, stored in `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// ID of the trial.
    pub id: String,
    /// Readable label of the trial.
    pub label: String,
    /// Random seed of the trial, if any.
    pub seed: Option<u64>,
    /// Fold of the trial, if any.
    pub fold: Option<Fold>,
    /// Scores of the trial.
    pub scores: TrialScores,
    /// Wall time in seconds, of the last program that ran the trial.
    pub seconds: f64,
    /// Full settings.
    pub settings: Value,
}

/// Failure of a trial, stored in `failure.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialFailure {
    /// ID of the trial.
    pub id: String,
    /// Readable label of the trial.
    pub label: String,
    /// Messages of the error and its sources, outermost first.
    pub error: Vec<String>,
    /// Wall time in seconds until the failure.
    pub seconds: f64,
}

/// State of a trial.
#[allow(
    clippy::large_enum_variant,
    reason = "one a trial, and most are complete in the end"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum TrialState {
    /// Finished, with scores.
    Complete(TrialResult),
    /// Failed.
    Failed(TrialFailure),
    /// Neither finished nor failed; it may be running.
    Pending,
}

impl TrialState {
    /// Returns the result of a finished trial.
    pub fn result(&self) -> Option<&TrialResult> {
        match self {
            Self::Complete(result) => Some(result),
            _ => None,
        }
    }
}

impl TrialResult {
    pub(super) fn new(trial: &Trial, label: String, scores: TrialScores, seconds: f64) -> Self {
        Self {
            id: trial.id.clone(),
            label,
            seed: trial.seed,
            fold: trial.fold,
            scores,
            seconds,
            settings: trial.settings.clone(),
        }
    }
}

impl TrialFailure {
    pub(super) fn new(
        trial: &Trial,
        label: String,
        error: &(dyn Error + 'static),
        seconds: f64,
    ) -> Self {
        let mut chain: Vec<String> = Vec::new();
        for error in successors(Some(error), |error| (*error).source()) {
            let text = error.to_string();
            // Many errors repeat the text of their source.
            if chain.last().is_none_or(|last| !last.ends_with(&text)) {
                chain.push(text);
            }
        }
        Self {
            id: trial.id.clone(),
            label,
            error: chain,
            seconds,
        }
    }
}

/// Checks that all scores are finite and include the metric of the study.
///
/// # Errors
/// [`StudyError::NoScore`] if the metric is missing or a number is not finite.
pub(super) fn check_scores(
    id: &str,
    scores: &TrialScores,
    metric: &str,
    rows: EvalSplit,
) -> Result<(), StudyError> {
    let wrong = |metric: &str, what: String| StudyError::NoScore {
        id: id.to_string(),
        metric: metric.to_string(),
        what,
    };
    for (metric, value) in scores.test.iter().chain(&scores.validation) {
        if !value.is_finite() {
            return Err(wrong(metric, format!("it is {value}")));
        }
    }
    let points = scores.curves.iter();
    let points = points.flat_map(|(name, points)| points.iter().map(move |(x, y)| (name, x + y)));
    let numbers = scores.extra.iter().map(|(name, number)| (name, *number));
    if let Some((name, value)) = numbers.chain(points).find(|(_, value)| !value.is_finite()) {
        return Err(wrong(name, format!("it is {value}")));
    }
    match scores.on(rows).contains_key(metric) {
        true => Ok(()),
        false => Err(no_score(id, metric, rows, scores.on(rows).keys().cloned())),
    }
}

/// Returns the error for a trial that has `others` but not the metric.
pub(super) fn no_score(
    trial: &str,
    metric: &str,
    rows: EvalSplit,
    others: impl IntoIterator<Item = String>,
) -> StudyError {
    let names: Vec<_> = others.into_iter().collect();
    StudyError::NoScore {
        id: trial.to_string(),
        metric: metric.to_string(),
        what: match names.as_slice() {
            [] => format!("there are no {rows} scores"),
            names => format!("the {rows} scores are {}", names.join(", ")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_held_to_the_study() {
        let good = TrialScores::test("accuracy", 0.5);
        let check = |scores: &TrialScores, metric, rows| {
            let result = check_scores("a", scores, metric, rows);
            result.map_or_else(|error| error.to_string(), |()| String::new())
        };
        assert_eq!(check(&good, "accuracy", EvalSplit::Test), "");
        assert_eq!(
            check(&good, "macro_f1", EvalSplit::Test),
            "trial a has no macro_f1: the test scores are accuracy"
        );
        assert_eq!(
            check(&good, "accuracy", EvalSplit::Validation),
            "trial a has no accuracy: there are no validation scores"
        );
        let bad = TrialScores::test("accuracy", f64::NAN);
        assert_eq!(
            check(&bad, "accuracy", EvalSplit::Test),
            "trial a has no accuracy: it is NaN"
        );
        let mut curve = good.clone();
        curve
            .curves
            .insert("loss".into(), vec![(1.0, f64::INFINITY)]);
        assert_eq!(
            check(&curve, "accuracy", EvalSplit::Test),
            "trial a has no loss: it is inf"
        );
    }
}
