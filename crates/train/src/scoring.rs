//! What predictions are worth: the metrics that a task has, and their values.

use finetune_data::{EncodedDataset, Labels, Target};
use finetune_eval::{ClassificationReport, ConfusionMatrix, RegressionReport};

use crate::metric::{Metric, Scores};
use crate::predict::Predictions;
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
    match &labels {
        Labels::Classes(classes) => {
            let predicted = predictions.classes();
            let matrix = ConfusionMatrix::from_slices(classes, &predicted, data.class_names())?;
            let report = ClassificationReport::from_confusion_matrix(&matrix)?;
            scores.insert(Metric::Accuracy, report.accuracy);
            scores.insert(Metric::MacroF1, report.macro_f1);
        }
        Labels::Scores(expected) => {
            let report = RegressionReport::from_slices(expected, &predictions.scores())?;
            let found = [
                (Metric::Pearson, report.pearson),
                (Metric::Spearman, report.spearman),
            ];
            let defined = found
                .into_iter()
                .filter_map(|(metric, value)| Some((metric, value?)));
            scores.extend(defined);
        }
        Labels::Unlabelled => {}
    }
    Ok(scores)
}
