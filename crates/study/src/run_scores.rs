//! The scores of a fine-tuning run, from the report that it left.

use finetune_data::Target;
use finetune_eval::{ConfusionMatrix, Metric, MetricInput, RegressionReport, Scored, Scores};
use finetune_train::{EpochRecord, EvaluationRecord, RunDirectory, read_json};
use serde::Deserialize;
use serde_json::Value;

use crate::error::StudyError;
use crate::experiment::TrialScores;

/// The number of passes over the training rows before the model that was kept.
const EPOCHS_TO_BEST: &str = "epochs to best";

/// What is read of a report.
#[derive(Debug, Deserialize)]
struct Report {
    train: Train,
    test: Value,
}

#[derive(Debug, Deserialize)]
struct Train {
    epochs: Vec<EpochRecord>,
    evaluations: Vec<EvaluationRecord>,
    best: Option<EvaluationRecord>,
}

/// # Errors
/// [`StudyError::Train`] and [`StudyError::Json`] for a report that cannot be read.
pub(super) fn scores_of_run(directory: &RunDirectory) -> Result<TrialScores, StudyError> {
    let path = directory.report();
    let report: Report = read_json(&path)?;
    let json = |source| StudyError::Json {
        path: path.clone(),
        source,
    };
    let mut scores = TrialScores {
        test: test_scores(report.test).map_err(json)?,
        ..TrialScores::default()
    };
    let Train {
        epochs,
        evaluations,
        best,
    } = report.train;
    if let Some(best) = best {
        scores
            .numbers
            .insert(EPOCHS_TO_BEST.to_string(), best.epoch as f64);
        scores.validation = best.scores;
    }
    let losses = epochs.iter().map(|epoch| (epoch.epoch as f64, epoch.loss));
    scores
        .curves
        .insert("training loss".to_string(), losses.collect());
    for evaluation in &evaluations {
        for (metric, value) in &evaluation.scores {
            let curve = scores
                .curves
                .entry(format!("validation {metric}"))
                .or_default();
            curve.push((evaluation.step as f64, *value));
        }
    }
    Ok(scores)
}

/// Of scores.
const OF_NUMBERS: [Metric; 5] = [
    Metric::Pearson,
    Metric::Spearman,
    Metric::MeanAbsoluteError,
    Metric::RootMeanSquaredError,
    Metric::R2,
];

/// The metrics of a task's test rows, of which these rows may not define all.
pub(super) fn test_metrics(target: &Target) -> Vec<Metric> {
    let Target::Classes(names) = target else {
        return OF_NUMBERS.into();
    };
    // Of more than two classes none is the positive one.
    let of_one = [Metric::Precision, Metric::Recall, Metric::F1];
    let metrics = Metric::ALL.iter().copied();
    let metrics = metrics.filter(|metric| metric.input() == MetricInput::Classes);
    metrics
        .filter(|metric| names.len() == 2 || !of_one.contains(metric))
        .collect()
}

fn test_scores(mut test: Value) -> Result<Scores, serde_json::Error> {
    if let Some(matrix) = test.get_mut("confusion_matrix") {
        let matrix: ConfusionMatrix = serde_json::from_value(matrix.take())?;
        let metrics = test_metrics(&Target::Classes(matrix.class_names().to_vec()));
        let scores = metrics.into_iter();
        return Ok(scores
            .filter_map(|metric| Some((metric, matrix.score(metric).ok()?)))
            .collect());
    }
    let report: RegressionReport = serde_json::from_value(test)?;
    let scores = OF_NUMBERS.into_iter();
    Ok(scores
        .filter_map(|metric| Some((metric, report.score(metric)?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(test: Value, train: Value) -> TrialScores {
        let folder = tempfile::tempdir().unwrap();
        let directory = RunDirectory::new(folder.path());
        let report = json!({"test": test, "train": train, "seed": 1});
        std::fs::write(directory.report(), report.to_string()).unwrap();
        scores_of_run(&directory).unwrap()
    }

    #[test]
    fn classes_and_curves() {
        let matrix = json!({"class_names": ["a", "b"], "counts": [[3, 1], [0, 4]]});
        let test = json!({"accuracy": 0.875, "confusion_matrix": matrix, "seconds": 1.0});
        let best = json!({"step": 8, "epoch": 2, "scores": {"accuracy": 0.75, "loss": 0.5}});
        let train = json!({
            "epochs": [{"step": 4, "epoch": 1, "loss": 0.7, "seconds": 1.0}],
            "evaluations": [best.clone()],
            "best": best,
        });
        let scores = read(test, train);
        assert_eq!(scores.test[&Metric::Accuracy], 0.875);
        assert_eq!(scores.test[&Metric::Recall], 1.0);
        assert_eq!(scores.validation[&Metric::Accuracy], 0.75);
        assert_eq!(scores.numbers["epochs to best"], 2.0);
        assert_eq!(scores.curves["training loss"], [(1.0, 0.7)]);
        assert_eq!(scores.curves["validation loss"], [(8.0, 0.5)]);
    }

    #[test]
    fn numbers_without_a_defined_correlation() {
        let test = json!({"rows": 3, "pearson": null, "spearman": null, "mae": 0.5, "rmse": 0.6, "r2": null});
        let train = json!({"epochs": [], "evaluations": [], "best": null});
        let scores = read(test, train);
        let names: Vec<Metric> = scores.test.keys().copied().collect();
        assert_eq!(
            names,
            [Metric::MeanAbsoluteError, Metric::RootMeanSquaredError]
        );
        assert!(scores.validation.is_empty());
    }
}
