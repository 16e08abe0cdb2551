//! Scores of a fine-tuning run, extracted from its report and its record.

use std::path::Path;

use finetune_data::Target;
use finetune_eval::{Metric, MetricInput, MetricKind, Scores, TargetKind};
use finetune_predict::target_kind;
use finetune_train::{RunReport, TestSection, metrics_lines};
use serde_json::Value;

use crate::error::StudyError;
use crate::experiment::TrialScores;

/// Name of the number of epochs up to the selected model.
const EPOCHS_TO_BEST: &str = "epochs to best";

/// Name of the curve of training losses by epoch.
pub(super) const EPOCH_LOSS: &str = "training loss";
/// Name of the curve of training losses by step.
const STEP_LOSS: &str = "training loss per step";

/// Maximum number of points of a curve by step; longer ones are averaged.
const MOST_POINTS: usize = 100;

/// Returns the scores, numbers and curves of a run: those of its report, and the losses of its
/// steps in the file `metrics`.
///
/// # Errors
/// - [`StudyError::Train`] if the file cannot be read.
pub(super) fn scores_with_steps(
    report: &RunReport,
    metrics: &Path,
) -> Result<TrialScores, StudyError> {
    let mut scores = scores_of_run(report);
    let losses = step_losses(&metrics_lines(metrics)?);
    scores.curves.insert(STEP_LOSS.to_string(), losses);
    Ok(scores)
}

/// Returns the training losses by step in the lines of `metrics.jsonl`. Neighboring steps are
/// averaged, so that at most [`MOST_POINTS`] points remain.
fn step_losses(lines: &[Value]) -> Vec<(f64, f64)> {
    let point = |record: &Value| Some((record["step"].as_f64()?, record["loss"].as_f64()?));
    let points: Vec<(f64, f64)> = lines.iter().filter_map(point).collect();
    let neighbors = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |points: &[(f64, f64)]| {
        let losses: f64 = points.iter().map(|(_, loss)| loss).sum();
        let last = points.last().map_or(0.0, |(step, _)| *step);
        (last, losses / points.len() as f64)
    };
    points.chunks(neighbors).map(mean).collect()
}

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
    scores.curves.insert(EPOCH_LOSS.to_string(), losses);
    for evaluation in &train.evaluations {
        for (metric, value) in &evaluation.scores {
            let name = format!("validation {metric}");
            let curve = scores.curves.entry(name).or_default();
            curve.push((evaluation.step as f64, *value));
        }
    }
    scores
}

/// Returns the metrics computed from predicted classes, sets of classes or scores of test rows; some
/// can be undefined for given predictions.
pub(super) fn test_metrics(target: &Target) -> Vec<String> {
    let kind = target_kind(target);
    let is_of_report = |metric: &MetricKind| match (kind, metric.input()) {
        (TargetKind::MultiLabel(_), input) => input != MetricInput::Losses,
        (TargetKind::Classes(_), input) => input == MetricInput::Classes,
        (_, input) => input == MetricInput::Scores,
    };
    let metrics = MetricKind::ALL.iter();
    metrics
        .filter(|metric| is_of_report(metric) && kind.has(**metric))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_of_a_report_are_those_of_its_labels() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).into();
        let any = test_metrics(&Target::MultiLabel(names.clone()));
        for metric in ["micro_f1", "accuracy", "roc_auc", "samples_jaccard"] {
            assert!(any.iter().any(|name| name == metric), "{metric}");
        }
        assert!(
            any.iter()
                .all(|name| name != "loss" && name != "cohen_kappa")
        );
        let one = test_metrics(&Target::Classes(names));
        assert!(one.iter().any(|name| name == "cohen_kappa"));
        assert!(
            one.iter()
                .all(|name| name != "hamming_loss" && name != "roc_auc")
        );
        let scores = test_metrics(&Target::Score { min: 0.0, max: 1.0 });
        assert!(scores.iter().any(|name| name == "pearson"));
        assert!(scores.iter().all(|name| name != "accuracy"));
    }

    #[test]
    fn steps_have_losses_and_many_become_their_means() {
        let lines = "{\"step\":1,\"loss\":2.0}\n{\"step\":1,\"epoch\":1,\"epoch_loss\":9.0}\n\
                     {\"step\":2,\"loss\":1.0}\n{\"step\":3,\"lo";
        let directory = tempfile::tempdir().unwrap();
        let step_losses = |lines: &str| {
            let path = directory.path().join("metrics.jsonl");
            std::fs::write(&path, lines).unwrap();
            step_losses(&metrics_lines(&path).unwrap())
        };
        assert_eq!(step_losses(lines), [(1.0, 2.0), (2.0, 1.0)]);
        let lines: String = (1..=250)
            .map(|step| format!("{{\"step\":{step},\"loss\":{}}}\n", step % 3))
            .collect();
        let losses = step_losses(&lines);
        assert_eq!(losses.len(), 84);
        assert_eq!(losses[0], (3.0, 1.0));
        assert_eq!(losses[83], (250.0, 1.0));
        assert!(step_losses("").is_empty());
    }
}
