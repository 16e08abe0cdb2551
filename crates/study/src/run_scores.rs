//! Scores of a fine-tuning run, extracted from its report.

use finetune_data::Target;
use finetune_eval::{Metric, MetricInput, MetricKind, Scores};
use finetune_train::{RunReport, TestSection};

use crate::experiment::TrialScores;

/// Name of the number of epochs up to the selected model.
const EPOCHS_TO_BEST: &str = "epochs to best";

/// Returns the scores, numbers and curves of a report.
pub(super) fn scores_of_run(report: &RunReport) -> TrialScores {
    let train = &report.train;
    let mut scores = TrialScores {
        test: report.test.as_ref().map(test_scores).unwrap_or_default(),
        ..TrialScores::default()
    };
    scores
        .test
        .extend(report.overall.map(|score| ("overall".to_string(), score)));
    for task in &report.tasks {
        let of_task = task.test.iter().flat_map(test_scores);
        let named = of_task.map(|(metric, score)| (format!("{} {metric}", task.name), score));
        scores.test.extend(named);
    }
    if let Some(best) = &train.best {
        let epochs = best.epoch as f64;
        scores.extra.insert(EPOCHS_TO_BEST.to_string(), epochs);
        scores.validation = best.scores.clone();
    }
    let losses = train.epochs.iter();
    let losses = losses
        .map(|epoch| (epoch.epoch as f64, epoch.loss))
        .collect();
    scores.curves.insert("training loss".to_string(), losses);
    for evaluation in &train.evaluations {
        for (metric, value) in &evaluation.scores {
            let name = format!("validation {metric}");
            let curve = scores.curves.entry(name).or_default();
            curve.push((evaluation.step as f64, *value));
        }
    }
    scores
}

/// Returns the metrics computed from predicted classes or scores of test rows; some can be
/// undefined for given predictions.
pub(super) fn test_metrics(target: &Target) -> Vec<String> {
    let (input, positive) = match target {
        Target::Classes(names) => (MetricInput::Classes, names.len() == 2),
        _ => (MetricInput::Scores, false),
    };
    // With more than two classes there is no positive class.
    let of_positive = [MetricKind::Precision, MetricKind::Recall, MetricKind::F1];
    let metrics = MetricKind::ALL.iter();
    metrics
        .filter(|metric| metric.input() == input)
        .filter(|metric| positive || !of_positive.contains(metric))
        .map(|metric| metric.to_string())
        .collect()
}

fn test_scores(test: &TestSection) -> Scores {
    let mut scores = test.metrics.clone();
    for metric in MetricKind::ALL {
        let name = metric.to_string();
        if let Some(score) = test.score(&name) {
            scores.entry(name).or_insert(score);
        }
    }
    scores
}
