//! Forward pass of a classifier on a batch in host memory.

use burn::tensor::Tensor;
use finetune_data::{Batch, TokenBatch};
use finetune_model::{
    ClassifierInput, DropoutStream, Encoder, EncoderInput, EncoderStates, ModelError, PackedInput,
    SequenceClassifier,
};
use finetune_ops::{Upload, Uploaded};

/// Moves the tokens of a batch to the encoder's device: token ids, token types and sequences.
///
/// # Errors
/// - [`ModelError`] if a token id is outside the embedding tables.
pub fn encoder_input(encoder: &Encoder, tokens: &TokenBatch) -> Result<EncoderInput, ModelError> {
    let mut upload = Upload::default();
    let packed = pack_tokens(encoder, tokens, &mut upload)?;
    Ok(packed.unpack(&upload.send(&encoder.device())))
}

/// Adds the tokens of a batch to an upload.
///
/// # Errors
/// - [`ModelError`] if a token id is outside the embedding tables.
pub fn pack_tokens(
    encoder: &Encoder,
    tokens: &TokenBatch,
    upload: &mut Upload,
) -> Result<PackedInput, ModelError> {
    PackedInput::new(
        encoder,
        &tokens.token_ids,
        &tokens.token_type_ids,
        &tokens.sequence_offsets,
        upload,
    )
}

/// Returns the logits (regression: scores) of a batch, one per class name. Without `dropout` the
/// result is deterministic.
///
/// # Shapes
/// - output: `[B, C]`
///
/// # Errors
/// - [`ModelError`] if a token id is outside the embedding tables, or the head is for another
///   number of texts per row.
pub fn forward(
    model: &SequenceClassifier,
    batch: &Batch,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<2>, ModelError> {
    forward_with(model, batch, Upload::default(), dropout).map(|(logits, _)| logits)
}

/// Returns the logits as [`forward`], and an upload on the device: the tokens are added to it, so
/// that labels and tokens need one copy.
///
/// # Shapes
/// - logits: `[B, C]`
///
/// # Errors
/// - As [`forward`].
pub fn forward_with(
    model: &SequenceClassifier,
    batch: &Batch,
    upload: Upload,
    dropout: Option<DropoutStream>,
) -> Result<(Tensor<2>, Uploaded), ModelError> {
    let input = UploadedTexts::new(model, batch, upload)?;
    let logits = model.forward(input.texts(), dropout)?;
    Ok((logits, input.uploaded))
}

/// Returns logits and upload as [`forward_with`], and all hidden states from the same pass.
///
/// # Shapes
/// - logits: `[B, C]`
/// - hidden states: `L + 1` of `[T, D]`
///
/// # Errors
/// - As [`forward`].
pub fn forward_with_hidden_states(
    model: &SequenceClassifier,
    batch: &Batch,
    upload: Upload,
    dropout: Option<DropoutStream>,
) -> Result<(Tensor<2>, EncoderStates, Uploaded), ModelError> {
    let input = UploadedTexts::new(model, batch, upload)?;
    let (logits, states) = model.forward_with_hidden_states(input.texts(), dropout)?;
    Ok((logits, states, input.uploaded))
}

/// Texts of a batch on the device.
struct UploadedTexts {
    first: EncoderInput,
    second: Option<EncoderInput>,
    uploaded: Uploaded,
}

impl UploadedTexts {
    /// Adds the tokens of a batch to an upload, and sends it.
    fn new(
        model: &SequenceClassifier,
        batch: &Batch,
        mut upload: Upload,
    ) -> Result<Self, ModelError> {
        let mut pack = |tokens| pack_tokens(&model.encoder, tokens, &mut upload);
        let first = pack(&batch.tokens)?;
        let second = batch.second_tokens.as_ref().map(pack).transpose()?;
        let uploaded = upload.send(&model.device());
        Ok(Self {
            first: first.unpack(&uploaded),
            second: second.map(|second| second.unpack(&uploaded)),
            uploaded,
        })
    }

    fn texts(&self) -> ClassifierInput<'_> {
        match &self.second {
            None => ClassifierInput::Single(&self.first),
            Some(second) => ClassifierInput::Pair(&self.first, second),
        }
    }
}
