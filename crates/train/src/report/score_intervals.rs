//! Confidence intervals of test scores, over samples of the test rows.

use std::collections::BTreeMap;

use finetune_data::Labels;
use finetune_eval::statistics::{Bootstrap, BootstrapMethod, ConfidenceInterval};
use finetune_eval::{
    ConfusionMatrix, EvalError, MetricKind, MetricSource, PredictedScores, Predictions, Scores,
};

use crate::error::TrainError;

/// Maximum number of test rows of a bootstrap. The intervals of more rows are narrow, and would take
/// seconds.
const MOST_ROWS: usize = 100_000;
const RESAMPLES: usize = 1_000;
/// Confidence level.
const LEVEL: f64 = 0.95;

/// Returns 95 % intervals of the built-in metrics of classes and of scores: Wilson's for the accuracy,
/// for others percentiles of a [`Bootstrap`] of the rows. A metric that some resample leaves undefined
/// has none, nor has multi-label data.
///
/// # Errors
/// - [`TrainError::Eval`] if rows and predictions differ in number.
pub(super) fn intervals(
    metrics: &Scores,
    predictions: &Predictions,
    labels: &Labels,
    class_names: &[String],
) -> Result<BTreeMap<String, ConfidenceInterval>, TrainError> {
    let mut found = match labels {
        Labels::Classes(labels) => {
            let classes = predictions.classes();
            by_resampling(metrics, labels.len(), |rows| {
                let of = |values: &[usize]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
                ConfusionMatrix::from_slices(&of(labels), &of(&classes), class_names)
            })
        }
        Labels::Scores(labels) => {
            let scores = PredictedScores::from_slices(labels, &predictions.scores())?;
            by_resampling(metrics, labels.len(), |rows| scores.select(rows))
        }
        _ => BTreeMap::new(),
    };
    let accuracy = MetricKind::Accuracy.to_string();
    if let (Labels::Classes(labels), Some(share)) = (labels, metrics.get(&accuracy)) {
        let interval = ConfidenceInterval::wilson(*share, labels.len() as u64, LEVEL);
        found.extend(interval.ok().map(|interval| (accuracy, interval)));
    }
    Ok(found)
}

fn by_resampling<P: MetricSource>(
    metrics: &Scores,
    rows: usize,
    select: impl Fn(&[usize]) -> Result<P, EvalError> + Sync,
) -> BTreeMap<String, ConfidenceInterval> {
    let built_in = metrics.keys().filter_map(|name| {
        let metric: MetricKind = name.parse().ok()?;
        Some((name, metric))
    });
    let resampled: Vec<(&String, MetricKind)> = built_in
        .filter(|(_, metric)| *metric != MetricKind::Accuracy)
        .collect();
    if rows > MOST_ROWS || resampled.is_empty() {
        return BTreeMap::new();
    }
    let bootstrap = Bootstrap {
        n_resamples: RESAMPLES,
        confidence_level: LEVEL,
        method: BootstrapMethod::Percentile,
        ..Bootstrap::default()
    };
    let scores = |rows: &[usize]| {
        let selected = select(rows);
        let score = |metric| selected.as_ref().ok()?.score(metric).ok();
        let scores = resampled.iter().map(|(_, metric)| score(*metric));
        scores.map(|score| score.unwrap_or(f64::NAN)).collect()
    };
    let estimates = bootstrap.intervals(rows, scores).unwrap_or_default();
    let intervals = resampled.iter().zip(estimates);
    intervals
        .filter_map(|((name, _), estimate)| Some(((*name).clone(), estimate.ok()?.interval)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(names: &[&str]) -> Scores {
        names.iter().map(|name| (name.to_string(), 0.75)).collect()
    }

    #[test]
    fn classes_have_intervals_around_their_scores() {
        let logits = [0, 1, 0, 0, 1, 1, 0, 1].map(|class| vec![1.0 - class as f32, class as f32]);
        let predictions = Predictions::new(logits.to_vec());
        let labels = Labels::Classes(vec![0, 1, 0, 0, 1, 1, 1, 0]);
        let names = ["a".to_string(), "b".to_string()];
        let metrics = scores(&["accuracy", "loss", "macro_f1", "my_own"]);
        let found = intervals(&metrics, &predictions, &labels, &names).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["accuracy", "macro_f1"]);
        let wilson = ConfidenceInterval::wilson(0.75, 8, 0.95).unwrap();
        assert_eq!(found["accuracy"], wilson);
        let of_f1 = found["macro_f1"];
        assert!(of_f1.lower < 0.7 && of_f1.upper > 0.8, "{of_f1}");
    }

    #[test]
    fn scores_have_intervals_unless_a_resample_has_none() {
        let predictions = |rows: usize| {
            let rows = (0..rows).map(|row| vec![row as f32 + 0.3 * (row % 2) as f32]);
            Predictions::new(rows.collect())
        };
        let labels = |rows: usize| Labels::Scores((0..rows).map(|row| row as f32).collect());
        let metrics = scores(&["mean_absolute_error", "pearson"]);
        let found = intervals(&metrics, &predictions(40), &labels(40), &[]).unwrap();
        assert!(found["mean_absolute_error"].contains(0.15), "{found:?}");
        assert!(found["pearson"].upper <= 1.0, "{found:?}");
        // A resample of two rows often has one of them twice.
        let found = intervals(&metrics, &predictions(2), &labels(2), &[]).unwrap();
        assert!(!found.contains_key("pearson"));
    }
}
