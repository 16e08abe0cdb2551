//! A padded batch on its way into the encoder.

use burn::nn::Embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{AttentionMask, Encoder};
use crate::ModelError;

/// Token ids, token types and attention mask of a batch, on a device.
///
/// Made from plain slices, and checked there: an id outside an embedding table is undefined on a
/// GPU, so it must never reach one.
#[derive(Debug, Clone)]
pub struct EncoderInput {
    pub(crate) token_ids: Tensor<1, Int>,
    /// Nothing for an encoder without token types.
    pub(crate) token_type_ids: Option<Tensor<1, Int>>,
    /// Nothing where every row has the positions 0, 1, 2, …
    pub(crate) position_ids: Option<Tensor<1, Int>>,
    pub(crate) mask: AttentionMask,
}

impl EncoderInput {
    /// Moves a batch to the device of `encoder`.
    ///
    /// # Shapes
    /// - `token_ids`, `token_type_ids`, `attention_mask`: `B * S` values, row by row; the mask is
    ///   `true` for a real token; an encoder without token types ignores them
    ///
    /// # Errors
    /// [`ModelError::BatchShape`] if a slice has not `B * S` values or there are none at all, and
    /// [`ModelError::OutsideEmbedding`] if an id, a type or a position is outside its table.
    pub fn new(
        encoder: &Encoder,
        token_ids: &[u32],
        token_type_ids: &[u32],
        attention_mask: &[bool],
        [batch, sequence]: [usize; 2],
    ) -> Result<Self, ModelError> {
        for (what, found) in [
            ("token_ids", token_ids.len()),
            ("token_type_ids", token_type_ids.len()),
            ("attention_mask", attention_mask.len()),
        ] {
            if found != batch * sequence || found == 0 {
                return Err(ModelError::BatchShape {
                    what,
                    batch,
                    sequence,
                    found,
                });
            }
        }
        let tables = &encoder.embeddings;
        let device = tables.word_embeddings.weight.lazy_device();
        let rows = tables.position_embeddings.weight.lazy_shape()[0];
        let positions = tables
            .positions
            .of_tokens(token_ids, attention_mask, sequence, rows)?;
        let types = tables.token_type_embeddings.as_ref();
        let types = types.map(|table| indices("token type", token_type_ids, table, &device));
        Ok(Self {
            token_ids: indices("token id", token_ids, &tables.word_embeddings, &device)?,
            token_type_ids: types.transpose()?,
            position_ids: positions.map(|positions| int_tensor(positions, &device)),
            mask: AttentionMask::new(attention_mask, [batch, sequence], &device)?,
        })
    }

    /// Number of rows of the batch, `B`.
    pub fn batch(&self) -> usize {
        self.mask.batch()
    }

    /// Tokens a row with padding, `S`.
    pub fn sequence(&self) -> usize {
        self.mask.sequence()
    }
}

fn indices(
    what: &'static str,
    ids: &[u32],
    table: &Embedding,
    device: &Device,
) -> Result<Tensor<1, Int>, ModelError> {
    let limit = table.weight.lazy_shape()[0];
    let ids = ids.iter().map(|id| {
        let found = *id as usize;
        if found >= limit {
            return Err(ModelError::OutsideEmbedding { what, found, limit });
        }
        Ok(i64::from(*id))
    });
    Ok(int_tensor(ids.collect::<Result<Vec<_>, _>>()?, device))
}

fn int_tensor(values: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EncoderConfig;

    fn input(
        ids: &[u32],
        types: &[u32],
        mask: &[bool],
        shape: [usize; 2],
    ) -> Result<EncoderInput, ModelError> {
        let config = EncoderConfig {
            vocab_size: 10,
            max_position_embeddings: 3,
            num_hidden_layers: 0,
            ..Default::default()
        };
        let encoder = config.init(&Device::flex()).unwrap();
        EncoderInput::new(&encoder, ids, types, mask, shape)
    }

    #[test]
    fn what_fits_is_taken() {
        let input = input(&[9, 0, 1], &[0, 1, 0], &[true; 3], [1, 3]).unwrap();
        assert_eq!((input.batch(), input.sequence()), (1, 3));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message = |result: Result<EncoderInput, ModelError>| result.unwrap_err().to_string();
        let unknown = message(input(&[10, 0], &[0, 0], &[true; 2], [1, 2]));
        assert_eq!(
            unknown,
            "token id 10 does not fit the embedding table of 10 rows"
        );
        let unknown = message(input(&[1, 0], &[0, 2], &[true; 2], [1, 2]));
        assert_eq!(
            unknown,
            "token type 2 does not fit the embedding table of 2 rows"
        );
        let long = message(input(&[0; 4], &[0; 4], &[true; 4], [1, 4]));
        assert_eq!(
            long,
            "sequence length 4 does not fit the embedding table of 3 rows"
        );
        let ragged = message(input(&[0; 4], &[0; 4], &[true; 3], [2, 2]));
        assert_eq!(
            ragged,
            "batch of 2 x 2 tokens, but attention_mask has 3 values"
        );
        let empty = message(input(&[], &[], &[], [0, 2]));
        assert_eq!(empty, "batch of 0 x 2 tokens, but token_ids has 0 values");
    }
}
