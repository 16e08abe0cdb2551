//! Encoder input on its way to a device, in one copy with other numbers of the batch.

use finetune_ops::{Offsets, PackedSequences, SequencesError, Upload, UploadPart, Uploaded};

use super::embeddings::Tables;
use super::{Encoder, EncoderInput};
use crate::error::ModelError;

/// Checked encoder input on its way to a device, as parts of an [`Upload`].
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{EncoderConfig, PackedInput};
/// use finetune_ops::Upload;
///
/// let device = Device::flex();
/// let encoder = EncoderConfig { num_hidden_layers: 0, ..Default::default() }.init(&device)?;
/// let mut upload = Upload::default();
/// let packed = PackedInput::new(&encoder, &[2, 7, 3], &[0; 3], &[0, 3], &mut upload)?;
/// let scores = upload.floats([0.5]);
/// // Everything in one copy.
/// let uploaded = upload.send(&device);
/// assert_eq!(packed.unpack(&uploaded).num_tokens(), 3);
/// assert_eq!(uploaded.floats(&scores).dims(), [1]);
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PackedInput {
    token_ids: UploadPart,
    /// `None` unless there are at least two token types.
    token_type_ids: Option<UploadPart>,
    position_ids: UploadPart,
    sequences: PackedSequences,
    tables: Tables,
}

impl PackedInput {
    /// Checks a batch and adds it to an upload. The arguments are those of [`EncoderInput::new`].
    ///
    /// # Errors
    /// - As [`EncoderInput::new`].
    pub fn new(
        encoder: &Encoder,
        token_ids: &[u32],
        token_type_ids: &[u32],
        sequence_offsets: &[usize],
        upload: &mut Upload,
    ) -> Result<Self, ModelError> {
        let ids = [token_ids, token_type_ids];
        Self::with_columns(encoder, ids, sequence_offsets, None, upload)
    }

    /// Checks a batch whose tokens may have places of their own in their rows, `columns`, and adds it
    /// to an upload.
    pub(super) fn with_columns(
        encoder: &Encoder,
        [token_ids, token_type_ids]: [&[u32]; 2],
        sequence_offsets: &[usize],
        columns: Option<Vec<usize>>,
        upload: &mut Upload,
    ) -> Result<Self, ModelError> {
        let offsets = Offsets::new(sequence_offsets);
        // Whether the offsets are those of the tokens comes before whether there are too many.
        let tokens = match &offsets {
            Err(SequencesError::TooManySlots { .. }) | Ok(_) => sequence_offsets.last().copied(),
            Err(_) => Some(token_ids.len()),
        };
        let tokens = tokens.unwrap_or_default();
        for (what, found) in [
            ("token_ids", token_ids.len()),
            ("token_type_ids", token_type_ids.len()),
        ] {
            if found != tokens {
                return Err(ModelError::batch_shape(what, tokens, found));
            }
        }
        let offsets = offsets?;
        let tables = encoder.embeddings.tables();
        let counting = tables.counting;
        let positions = counting.of_tokens(token_ids, &offsets, columns, tables.positions)?;
        check_ids("token id", token_ids, tables.words)?;
        // With a single type, tokenizers that know two say nothing.
        let has_types = tables.types > 1;
        if has_types {
            check_ids("token type", token_type_ids, tables.types)?;
        }
        let mut ids = |ids: &[u32]| upload.indices(ids.iter().map(|id| *id as usize));
        Ok(Self {
            token_ids: ids(token_ids),
            token_type_ids: has_types.then(|| ids(token_type_ids)),
            position_ids: upload.indices(positions),
            sequences: PackedSequences::new(offsets, upload),
            tables,
        })
    }

    /// Checks tokens of the batch, as rows of `[T, D]`, and adds them to the upload; `None` without
    /// any.
    ///
    /// # Errors
    /// - [`ModelError::MaskedPositions`] if a position is outside the batch.
    pub fn positions(
        &self,
        positions: &[usize],
        upload: &mut Upload,
    ) -> Result<Option<UploadPart>, ModelError> {
        check_inside(positions, self.sequences.offsets().num_tokens())?;
        let any = !positions.is_empty();
        Ok(any.then(|| upload.indices(positions.iter().copied())))
    }

    /// Returns the input, from the upload that it was added to.
    pub fn unpack(&self, uploaded: &Uploaded) -> EncoderInput {
        let indices = |part: &UploadPart| uploaded.indices(part);
        let token_ids = indices(&self.token_ids);
        let token_type_ids = match (self.tables.types, &self.token_type_ids) {
            (1, _) => Some(token_ids.zeros_like()),
            (_, types) => types.as_ref().map(indices),
        };
        EncoderInput {
            token_ids,
            token_type_ids,
            position_ids: indices(&self.position_ids),
            sequences: self.sequences.unpack(uploaded),
            tables: self.tables,
        }
    }
}

/// Checks that every position is a token of a batch.
pub(crate) fn check_inside(positions: &[usize], num_tokens: usize) -> Result<(), ModelError> {
    match positions.iter().find(|position| **position >= num_tokens) {
        Some(found) => {
            let problem = format!("masked position {found} in a batch of {num_tokens} tokens");
            Err(ModelError::MaskedPositions { problem })
        }
        None => Ok(()),
    }
}

/// Checks that every id is a row of a table of `limit` rows.
fn check_ids(what: &'static str, ids: &[u32], limit: usize) -> Result<(), ModelError> {
    match ids.iter().find(|id| **id as usize >= limit) {
        Some(id) => {
            let found = *id as usize;
            Err(ModelError::OutsideEmbedding { what, found, limit })
        }
        None => Ok(()),
    }
}
