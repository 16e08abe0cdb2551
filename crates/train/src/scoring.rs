//! What predictions are worth: the metrics that a task has, and their values.

use finetune_data::{EncodedDataset, Labels, Target};

use crate::metric::{Metric, Scores};
use crate::predict::Predictions;
use crate::report::TestScores;
use crate::{Loss, TrainError};

/// The metrics of a task, the one it is judged by first; after the loss.
pub(crate) fn metrics_of(target: &Target) -> &'static [Metric] {
    match target {
        Target::Classes(_) => &[Metric::Loss, Metric::Accuracy, Metric::MacroF1],
        Target::Score { .. } => &[Metric::Loss, Metric::Pearson, Metric::Spearman],
        Target::Nothing => &[Metric::Loss],
    }
}

/// The metric that a task is judged by.
pub(crate) fn main_metric(target: &Target) -> Metric {
    metrics_of(target).get(1).copied().unwrap_or(Metric::Loss)
}

/// The values of all metrics of a task; a correlation that these rows do not define is left out.
pub(crate) fn scores_of(
    data: &EncodedDataset,
    loss: &Loss,
    predictions: &Predictions,
) -> Result<Scores, TrainError> {
    let labels = data.labels.all()?;
    let mut scores = Scores::from([(Metric::Loss, loss.mean(&predictions.logits, &labels)?)]);
    if labels != Labels::Unlabelled {
        let found = TestScores::new(predictions, &labels, data.class_names())?;
        let metrics = metrics_of(&data.task.target).iter();
        scores.extend(metrics.filter_map(|metric| Some((*metric, found.score(*metric)?))));
    }
    Ok(scores)
}
