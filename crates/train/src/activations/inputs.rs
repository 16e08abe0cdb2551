//! What goes into the network of a batch: tokens, or the activations of its frozen part.

use burn::tensor::Tensor;
use finetune_data::Batch;
use finetune_model::{DropoutStream, EncoderInput, SequenceClassifier, TextActivations, Texts};

use super::FrozenActivations;
use crate::TrainError;
use crate::device_batch::encoder_input;

/// A batch on the model's device.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one a batch, and handles of tensors at that"
)]
pub enum BatchInputs {
    /// The whole network is to run.
    Tokens {
        /// The texts, or both texts of each pair in one row.
        first: EncoderInput,
        /// The second texts, where the two of a pair are rows of their own.
        second: Option<EncoderInput>,
    },
    /// The part above the cut is to run.
    Activations(TextActivations),
}

impl BatchInputs {
    /// Moves a batch, or what is kept of it, to the device of `model`.
    ///
    /// # Errors
    /// [`TrainError::Model`] for a token outside the embedding tables, and as
    /// [`FrozenActivations::batch`].
    pub fn new(
        model: &SequenceClassifier,
        batch: &Batch,
        activations: Option<&FrozenActivations>,
    ) -> Result<Self, TrainError> {
        if let Some(activations) = activations {
            return Ok(Self::Activations(
                activations.batch(batch, &model.device())?,
            ));
        }
        let second = batch.second_tokens.as_ref();
        let second = second.map(|tokens| encoder_input(&model.encoder, batch.size(), tokens));
        Ok(Self::Tokens {
            first: encoder_input(&model.encoder, batch.size(), &batch.tokens)?,
            second: second.transpose()?,
        })
    }

    /// Logits or scores, one per class name.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// As [`SequenceClassifier::forward`] and [`SequenceClassifier::upper`].
    pub fn forward(
        self,
        model: &SequenceClassifier,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, TrainError> {
        let logits = match &self {
            Self::Tokens {
                first,
                second: None,
            } => model.forward(Texts::Single(first), dropout),
            Self::Tokens {
                first,
                second: Some(second),
            } => model.forward(Texts::Pair(first, second), dropout),
            Self::Activations(texts) => model.upper(texts.clone(), dropout),
        };
        Ok(logits?)
    }
}
