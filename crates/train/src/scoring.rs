//! Metrics of a run: default ones of the task, those in the settings, and your own.

use std::sync::Arc;

use finetune_data::{EncodedDataset, Target};
use finetune_eval::{Better, Evaluator, Metric, Predictions, Scores, TargetKind};

use crate::loss::targets;
use crate::{Criterion, TrainError};

/// Returns the kind of a target, as metrics need it.
pub fn target_kind(target: &Target) -> TargetKind {
    match target {
        Target::Classes(names) => TargetKind::Classes(names.len()),
        Target::Score { .. } => TargetKind::Scores,
        Target::Unlabeled => TargetKind::Unlabeled,
    }
}

/// Creates the evaluator of a run: the default metrics of the target, your `own`, and built-in ones
/// by name.
///
/// # Errors
/// - [`TrainError::Eval`] if two metrics have the same name, a name is unknown, or a metric does
///   not fit the target.
pub fn evaluator<'a>(
    target: &Target,
    own: &[Arc<dyn Metric>],
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Evaluator, TrainError> {
    let mut evaluator = Evaluator::new(target_kind(target));
    for metric in own {
        evaluator.add(metric.clone())?;
    }
    for name in names {
        evaluator.add_named(name)?;
    }
    Ok(evaluator)
}

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
