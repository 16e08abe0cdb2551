//! Prediction of the rows of a run, with its callbacks and its cached activations.

use burn::module::Module;
use finetune_data::{BatchSize, EncodedDataset};
use finetune_model::SequenceClassifier;
use finetune_predict::{PredictionOutput, PredictionProgress, predict_with};

use crate::activations::{CachedActivations, forward};
use crate::callback::{Callback, Event, Phase};
use crate::error::TrainError;

/// Rows to predict.
pub(crate) struct PredictedRows<'a> {
    pub(crate) data: &'a EncodedDataset,
    /// Cached activations of frozen layers, if any.
    pub(crate) activations: Option<&'a CachedActivations>,
    pub(crate) pad_token_id: u32,
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
        predict_with(
            self.data,
            self.pad_token_id,
            self.batch_size,
            |batch| forward(&model, batch, self.activations, None),
            |progress| {
                callback.on_event(&match progress {
                    PredictionProgress::Begin { batches } => Event::phase_begin(phase, batches),
                    PredictionProgress::Batch { rows } => Event::BatchSubmitted { rows },
                    PredictionProgress::End => Event::PhaseEnd(phase),
                })
            },
        )
    }
}
