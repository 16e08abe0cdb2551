//! The metrics of a run: those of its task by default, those its settings name, and your own.

use std::sync::Arc;

use finetune_data::{EncodedDataset, Target};
use finetune_eval::{Better, Evaluator, Metric, Predictions, Scores, TargetKind};

use crate::loss::targets;
use crate::{Criterion, TrainError};

/// What metrics need to know of a target.
pub fn target_kind(target: &Target) -> TargetKind {
    match target {
        Target::Classes(names) => TargetKind::Classes(names.len()),
        Target::Score { .. } => TargetKind::Scores,
        Target::Unlabeled => TargetKind::Unlabeled,
    }
}

/// The evaluator of a run: default metrics of the target, `own` ones, and built-in ones by name.
///
/// # Errors
/// [`TrainError::Eval`] for two metrics of one name, an unknown name, and a metric that the target
/// does not have.
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

/// Names and directions of an evaluator's metrics.
pub(crate) fn directions(evaluator: &Evaluator) -> Vec<(String, Better)> {
    let metrics = evaluator.metrics().iter();
    metrics
        .map(|metric| (metric.name(), metric.better()))
        .collect()
}

/// The values of all metrics of a task; one that these rows do not define is left out.
pub(crate) fn scores_of(
    data: &EncodedDataset,
    criterion: &Criterion,
    evaluator: &Evaluator,
    predictions: &Predictions,
) -> Result<Scores, TrainError> {
    let labels = data.labels.all()?;
    let loss = criterion.mean(&predictions.logits, &labels)?;
    let predictions = predictions.clone().with_mean_loss(loss);
    Ok(evaluator.evaluate(&predictions, &targets(&labels, predictions.len()))?)
}
