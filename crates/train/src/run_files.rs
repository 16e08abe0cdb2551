//! Lines of `metrics.jsonl` and `predictions.jsonl`, one JSON object each.

use std::fs;
use std::path::Path;

use finetune_data::Labels;
use finetune_eval::Predictions;
use serde_json::{Value, json};

use crate::error::TrainError;
use crate::loss::targets;

/// Reads all valid JSON lines of `metrics.jsonl`, which has all steps of a run, including those
/// before it was resumed; the last line of a killed run may be incomplete.
///
/// # Errors
/// - [`TrainError::Io`] if the file cannot be read.
pub fn metrics_lines(path: &Path) -> Result<Vec<Value>, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io(path))?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.filter_map(Result::ok).collect())
}

/// Returns the lines of `predictions.jsonl`. Labels and predicted classes are positions in
/// `class_names`.
///
/// # Errors
/// - [`TrainError::Eval`] if predictions of any number of classes do not fit their labels.
pub(crate) fn prediction_lines(
    predictions: &Predictions,
    labels: &Labels,
    class_names: &[String],
) -> Result<Vec<Value>, TrainError> {
    let rows = 0..predictions.len();
    if let Labels::MultiLabel(_) = labels {
        let sets = predictions.label_sets(&targets(labels, predictions.len()))?;
        let names = |classes: Vec<usize>| -> Vec<Option<&String>> {
            classes
                .into_iter()
                .map(|class| class_names.get(class))
                .collect()
        };
        let line = |row: usize| {
            json!({
                "row": row,
                "label": names(sets.targets(row)),
                "prediction": names(sets.predictions(row)),
                "probabilities": sets.probabilities(row),
            })
        };
        return Ok(rows.map(line).collect());
    }
    let (classes, scores) = (predictions.classes(), predictions.scores());
    let line = |row: usize| match labels {
        Labels::Classes(labels) => {
            let name = |class: usize| class_names.get(class);
            let mut line = json!({
                "row": row,
                "label": labels.get(row).copied().and_then(name),
                "prediction": name(classes[row]),
            });
            match predictions.logits[row][..] {
                [logit] => line["logit"] = json!(logit),
                _ => line["probabilities"] = json!(predictions.probabilities(row)),
            }
            line
        }
        Labels::Scores(labels) => {
            json!({"row": row, "label": labels.get(row), "prediction": scores[row]})
        }
        _ => {
            json!({"row": row, "label": Value::Null, "prediction": scores[row]})
        }
    };
    Ok(rows.map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_the_model_said() {
        let lines = |logits: &[&[f32]], labels| -> Vec<Value> {
            let predictions = Predictions::new(logits.iter().map(|row| row.to_vec()).collect());
            let names = ["no", "yes"].map(String::from);
            prediction_lines(&predictions, &labels, &names).unwrap()
        };
        let two =
            json!({"row": 0, "label": "yes", "prediction": "no", "probabilities": [0.5, 0.5]});
        assert_eq!(lines(&[&[0.0, 0.0]], Labels::Classes(vec![1])), [two]);
        let one = json!({"row": 0, "label": "yes", "prediction": "yes", "logit": 0.5});
        assert_eq!(lines(&[&[0.5]], Labels::Classes(vec![1])), [one]);
        let any = json!({
            "row": 0, "label": ["no", "yes"], "prediction": ["yes"],
            "probabilities": [1.0 / (1.0 + 1.0f64.exp()), 0.5],
        });
        assert_eq!(
            lines(&[&[-1.0, 0.0]], Labels::MultiLabel(vec![vec![0, 1]])),
            [any]
        );
        let scores = [
            json!({"row": 0, "label": 3.0, "prediction": 2.5}),
            json!({"row": 1, "label": 1.5, "prediction": 0.0}),
        ];
        assert_eq!(
            lines(&[&[2.5], &[0.0]], Labels::Scores(vec![3.0, 1.5])),
            scores
        );
    }
}
