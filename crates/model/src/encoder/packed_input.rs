//! Encoder input on its way to a device, in one copy with other numbers of the batch.

use finetune_ops::{Upload, UploadPart, Uploaded};

use super::embeddings::Tables;
use super::{AttentionMask, Encoder, EncoderInput};
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
/// let packed = PackedInput::new(&encoder, &[2, 7, 3], &[0; 3], &[true; 3], [1, 3], &mut upload)?;
/// let scores = upload.floats([0.5]);
/// // Everything in one copy.
/// let uploaded = upload.send(&device);
/// assert_eq!(packed.unpack(&uploaded).sequence_length(), 3);
/// assert_eq!(uploaded.floats(&scores).dims(), [1]);
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PackedInput {
    token_ids: UploadPart,
    /// `None` unless there are at least two token types.
    token_type_ids: Option<UploadPart>,
    position_ids: Option<UploadPart>,
    mask: UploadPart,
    shape: [usize; 2],
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
        attention_mask: &[bool],
        [batch, sequence]: [usize; 2],
        upload: &mut Upload,
    ) -> Result<Self, ModelError> {
        for (what, found) in [
            ("token_ids", token_ids.len()),
            ("token_type_ids", token_type_ids.len()),
            ("attention_mask", attention_mask.len()),
        ] {
            if batch.checked_mul(sequence) != Some(found) || found == 0 {
                return Err(ModelError::batch_shape(what, [batch, sequence], found));
            }
        }
        let tables = encoder.embeddings.tables();
        let positions =
            tables
                .counting
                .of_tokens(token_ids, attention_mask, sequence, tables.positions)?;
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
            position_ids: positions.map(|positions| upload.indices(positions)),
            mask: upload.flags(attention_mask),
            shape: [batch, sequence],
            tables,
        })
    }

    /// Checks positions of tokens in the batch, row times `S` plus position in the row, and adds them
    /// to the upload; `None` without any.
    ///
    /// # Errors
    /// - [`ModelError::MaskedPositions`] if a position is outside the batch.
    pub fn positions(
        &self,
        positions: &[usize],
        upload: &mut Upload,
    ) -> Result<Option<UploadPart>, ModelError> {
        check_inside(positions, self.shape)?;
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
            position_ids: self.position_ids.as_ref().map(indices),
            mask: AttentionMask::from_real(uploaded.floats(&self.mask).reshape(self.shape)),
            tables: self.tables,
        }
    }
}

/// Checks that every position is inside a batch of this shape.
pub(crate) fn check_inside(
    positions: &[usize],
    [batch, sequence]: [usize; 2],
) -> Result<(), ModelError> {
    let num_tokens = batch * sequence;
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
