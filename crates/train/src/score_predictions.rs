//! Scores of predictions: the mean loss and the metrics of a run.

use finetune_data::EncodedDataset;
use finetune_eval::{Better, Evaluator, Predictions, Scores};

use crate::error::TrainError;
use crate::loss::{Criterion, targets};

/// Returns the names and directions of an evaluator's metrics.
pub(crate) fn directions(evaluator: &Evaluator) -> Vec<(String, Better)> {
    let metrics = evaluator.metrics().iter();
    metrics
        .map(|metric| (metric.name(), metric.better()))
        .collect()
}

/// Computes all metrics of a task, after the mean loss, which the predictions get; metrics that are
/// undefined for these rows are left out.
pub(crate) fn scores_of(
    data: &EncodedDataset,
    criterion: &Criterion,
    evaluator: &Evaluator,
    predictions: &mut Predictions,
) -> Result<Scores, TrainError> {
    let labels = data.labels.all()?;
    predictions.mean_loss = Some(criterion.mean(&predictions.logits, &labels)?);
    Ok(evaluator.evaluate(predictions, &targets(&labels, predictions.len()))?)
}
