//! Inputs of a forward pass: tokens, or cached activations of the frozen layers.

use burn::tensor::Tensor;
use finetune_data::Batch;
use finetune_model::{
    ClassifierInput, DropoutStream, EncoderInput, SequenceClassifier, TextActivations,
};

use super::CachedActivations;
use crate::TrainError;
use crate::device_batch::encoder_input;

/// Batch on the model's device.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one a batch, and handles of tensors at that"
)]
pub enum BatchInputs {
    /// Input of the whole network.
    Tokens {
        /// Texts, or both texts of each pair in one row.
        first: EncoderInput,
        /// Second texts of pairs that are encoded separately.
        second: Option<EncoderInput>,
    },
    /// Input of the layers above the split point.
    Activations(TextActivations),
}

impl BatchInputs {
    /// Moves a batch, or its cached activations, to the device of `model`.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if a token id is outside the embedding tables.
    /// - The errors of [`CachedActivations::batch`].
    pub fn new(
        model: &SequenceClassifier,
        batch: &Batch,
        activations: Option<&CachedActivations>,
    ) -> Result<Self, TrainError> {
        if let Some(activations) = activations {
            return Ok(Self::Activations(
                activations.batch(batch, &model.device())?,
            ));
        }
        let second = batch.second_tokens.as_ref();
        let second = second.map(|tokens| encoder_input(&model.encoder, batch.batch_size(), tokens));
        Ok(Self::Tokens {
            first: encoder_input(&model.encoder, batch.batch_size(), &batch.tokens)?,
            second: second.transpose()?,
        })
    }

    /// Returns the logits (regression: scores), one per class name.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// - The errors of [`SequenceClassifier::forward`] and [`SequenceClassifier::forward_upper`].
    pub fn forward(
        self,
        model: &SequenceClassifier,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, TrainError> {
        let logits = match &self {
            Self::Tokens {
                first,
                second: None,
            } => model.forward(ClassifierInput::Single(first), dropout),
            Self::Tokens {
                first,
                second: Some(second),
            } => model.forward(ClassifierInput::Pair(first, second), dropout),
            Self::Activations(texts) => model.forward_upper(texts.clone(), dropout),
        };
        Ok(logits?)
    }
}
