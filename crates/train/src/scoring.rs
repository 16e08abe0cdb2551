//! What predictions are worth: the metrics that a task has, and their values.

use finetune_data::{EncodedDataset, Labels, Target};
use finetune_eval::{Metric, Scores};

use crate::predict::Predictions;
use crate::report::TestScores;
use crate::{Loss, TrainError};

/// Of two classes, one is the positive one.
const OF_TWO_CLASSES: [Metric; 5] = [
    Metric::Loss,
    Metric::Accuracy,
    Metric::MacroF1,
    Metric::F1,
    Metric::MatthewsCorrelation,
];
const OF_CLASSES: [Metric; 4] = [
    Metric::Loss,
    Metric::Accuracy,
    Metric::MacroF1,
    Metric::MatthewsCorrelation,
];
const OF_SCORES: [Metric; 4] = [
    Metric::Loss,
    Metric::Pearson,
    Metric::Spearman,
    Metric::MeanAbsoluteError,
];

/// The metrics of a task, the one it is judged by first; after the loss.
pub fn metrics_of(target: &Target) -> &'static [Metric] {
    match target {
        Target::Classes(names) if names.len() == 2 => &OF_TWO_CLASSES,
        Target::Classes(_) => &OF_CLASSES,
        Target::Score { .. } => &OF_SCORES,
        Target::Nothing => &OF_SCORES[..1],
    }
}

/// The metric that a task is judged by.
pub(crate) fn main_metric(target: &Target) -> Metric {
    metrics_of(target).get(1).copied().unwrap_or(Metric::Loss)
}

/// The values of all metrics of a task; one that these rows do not define is left out.
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
