//! Prediction of the rows of a run, with its callbacks and its cached activations, and their scores.

use burn::module::Module;
use finetune_data::{BatchSize, EncodedDataset};
use finetune_eval::{Better, Evaluator, Predictions, Scores};
use finetune_model::SequenceClassifier;
use finetune_predict::{PredictionOutput, predict_with};

use crate::activations::{CachedActivations, forward};
use crate::callback::{Callback, Event, Phase};
use crate::error::TrainError;
use crate::loss::{Criterion, targets};

/// Rows to predict.
pub(crate) struct PredictedRows<'a> {
    pub(crate) data: &'a EncodedDataset,
    /// Cached activations of frozen layers, if any.
    pub(crate) activations: Option<&'a CachedActivations>,
    pub(crate) batch_size: BatchSize,
}

impl PredictedRows<'_> {
    /// Predicts the rows; callbacks receive `phase`.
    ///
    /// # Errors
    /// As [`predict_with`].
    pub(crate) fn predict(
        &self,
        phase: Phase,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<PredictionOutput, TrainError> {
        let model = model.valid();
        let output = predict_with(
            self.data,
            self.batch_size,
            |batch| forward(&model, batch, self.activations, None),
            |progress| callback.on_event(&Event::of_prediction(phase, progress)),
        );
        output.map(|output| output.with_bins_of(&model))
    }
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
