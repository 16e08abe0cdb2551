//! A padded batch on its way into the encoder.

use burn::nn::Embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};
use finetune_ops::key_bias;

use super::Encoder;
use crate::ModelError;

/// Token ids, token types and attention mask of a batch, on a device.
///
/// Made from plain slices, and checked there: an id outside an embedding table is undefined on a
/// GPU, so it must never reach one.
#[derive(Debug, Clone)]
pub struct EncoderInput {
    pub(crate) token_ids: Tensor<1, Int>,
    pub(crate) token_type_ids: Tensor<1, Int>,
    pub(crate) key_bias: Tensor<2>,
    pub(crate) batch: usize,
    pub(crate) sequence: usize,
}

impl EncoderInput {
    /// Moves a batch to the device of `encoder`.
    ///
    /// # Shapes
    /// - `token_ids`, `token_type_ids`, `attention_mask`: `B * S` values, row by row; the mask is
    ///   `true` for a real token
    ///
    /// # Errors
    /// [`ModelError::BatchShape`] if a slice has not `B * S` values, and
    /// [`ModelError::OutsideEmbedding`] if an id, a type or `S` is outside its table.
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
            if found != batch * sequence {
                return Err(ModelError::BatchShape {
                    what,
                    batch,
                    sequence,
                    found,
                });
            }
        }
        let tables = &encoder.embeddings;
        let limit = tables.position_embeddings.weight.lazy_shape()[0];
        if sequence > limit {
            let what = "sequence length";
            return Err(ModelError::OutsideEmbedding {
                what,
                found: sequence,
                limit,
            });
        }
        let device = tables.word_embeddings.weight.lazy_device();
        Ok(Self {
            token_ids: indices("token id", token_ids, &tables.word_embeddings, &device)?,
            token_type_ids: indices(
                "token type",
                token_type_ids,
                &tables.token_type_embeddings,
                &device,
            )?,
            key_bias: key_bias(attention_mask, [batch, sequence], &device),
            batch,
            sequence,
        })
    }

    /// Number of rows of the batch, `B`.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Tokens a row with padding, `S`.
    pub fn sequence(&self) -> usize {
        self.sequence
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
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let length = ids.len();
    Ok(Tensor::from_data(TensorData::new(ids, [length]), device))
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
    }
}
