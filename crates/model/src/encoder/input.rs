//! Encoder input: a padded batch on a device.

use burn::tensor::{Int, Tensor};
use finetune_ops::Upload;

use super::attention_mask::padded;
use super::embeddings::Tables;
use super::{AttentionMask, Encoder, PackedInput};
use crate::error::ModelError;

/// Token ids, token types and attention mask of a batch, on a device.
///
/// Ids are checked on creation, as an id outside an embedding table is undefined behavior on a GPU.
/// The input is valid for the encoder it was made for, and for others with tables of the same
/// sizes.
#[derive(Debug, Clone)]
pub struct EncoderInput {
    pub(crate) token_ids: Tensor<1, Int>,
    /// `None` for an encoder without token types.
    pub(crate) token_type_ids: Option<Tensor<1, Int>>,
    /// `None` if every row has the positions 0, 1, 2, ...
    pub(crate) position_ids: Option<Tensor<1, Int>>,
    pub(crate) mask: AttentionMask,
    /// Table sizes that the ids were checked against.
    pub(super) tables: Tables,
}

impl EncoderInput {
    /// Copies a batch to the device of `encoder`.
    ///
    /// # Shapes
    /// - `token_ids`, `token_type_ids`, `attention_mask`: `B * S` values, row by row; the mask is
    ///   `true` for tokens and `false` for padding; an encoder with fewer than two token types ignores
    ///   them
    ///
    /// # Errors
    /// - [`ModelError::InvalidShape`] if a slice does not have `B * S` values, or is empty.
    /// - [`ModelError::OutsideEmbedding`] if an id, token type or position is outside its table.
    pub fn new(
        encoder: &Encoder,
        token_ids: &[u32],
        token_type_ids: &[u32],
        attention_mask: &[bool],
        shape: [usize; 2],
    ) -> Result<Self, ModelError> {
        let mut upload = Upload::default();
        let packed = PackedInput::new(
            encoder,
            token_ids,
            token_type_ids,
            attention_mask,
            shape,
            &mut upload,
        )?;
        Ok(packed.unpack(&upload.send(&encoder.device())))
    }

    /// Stacks the rows of two batches, padded to the longer one, so that the encoder processes both
    /// at once.
    pub(crate) fn stack(&self, other: &Self) -> Self {
        let mask = self.mask.stack(&other.mask);
        // The values at padded positions do not matter if every table contains them.
        let stacked = |first: &Tensor<1, Int>, second: &Tensor<1, Int>| {
            let sizes = [(first, self.batch_size()), (second, other.batch_size())];
            let rows = sizes.map(|(values, batch)| {
                let rows = values.clone().reshape([batch, values.dims()[0] / batch]);
                padded(rows, mask.sequence_length())
            });
            let length = mask.batch_size() * mask.sequence_length();
            Tensor::cat(rows.into(), 0).reshape([length])
        };
        let both = |first: &Option<_>, second: &Option<_>| {
            let pair = first.as_ref().zip(second.as_ref());
            pair.map(|(first, second)| stacked(first, second))
        };
        Self {
            token_ids: stacked(&self.token_ids, &other.token_ids),
            token_type_ids: both(&self.token_type_ids, &other.token_type_ids),
            position_ids: both(&self.position_ids, &other.position_ids),
            tables: self.tables,
            mask,
        }
    }

    /// Returns the attention mask of the batch.
    pub fn attention_mask(&self) -> &AttentionMask {
        &self.mask
    }

    /// Returns the number of rows, `B`.
    pub fn batch_size(&self) -> usize {
        self.mask.batch_size()
    }

    /// Returns the tokens per row including padding, `S`.
    pub fn sequence_length(&self) -> usize {
        self.mask.sequence_length()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use finetune_ops::read_floats;

    use super::*;
    use crate::encoder::EncoderConfig;
    use crate::family::Family;

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
        assert_eq!((input.batch_size(), input.sequence_length()), (1, 3));
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
        // Their product is 0 as far as it can be counted.
        let overflow = message(input(&[], &[], &[], [1 << 63, 2]));
        assert!(
            overflow.ends_with("but token_ids has 0 values"),
            "{overflow}"
        );
        let empty = message(input(&[], &[], &[], [0, 2]));
        assert_eq!(empty, "batch of 0 x 2 tokens, but token_ids has 0 values");
    }

    #[test]
    fn a_stack_is_as_long_as_the_longer_batch() {
        let first = input(&[1, 2, 3, 4], &[0; 4], &[true; 4], [2, 2]).unwrap();
        let second = input(&[5, 6, 7], &[1; 3], &[true, true, false], [1, 3]).unwrap();
        let stack = first.stack(&second);
        assert_eq!((stack.batch_size(), stack.sequence_length()), (3, 3));
        let values = |tensor: Tensor<1, Int>| -> Vec<i64> {
            tensor.into_data().convert::<i64>().iter().collect()
        };
        assert_eq!(values(stack.token_ids), [1, 2, 0, 3, 4, 0, 5, 6, 7]);
        let types = values(stack.token_type_ids.unwrap());
        assert_eq!(types, [0, 0, 0, 0, 0, 0, 1, 1, 1]);
        let real = [1., 1., 0., 1., 1., 0., 1., 1., 0.];
        assert_eq!(read_floats(stack.mask.real), real);
    }

    fn of_size(config: EncoderConfig) -> Encoder {
        let small = EncoderConfig {
            hidden_size: 4,
            num_attention_heads: 1,
            num_hidden_layers: 0,
            intermediate_size: 4,
            ..config
        };
        small.init(&Device::flex()).unwrap()
    }

    /// Runs a batch of one encoder in another.
    fn run_in_another(made_for: EncoderConfig, run_in: EncoderConfig) {
        let input = EncoderInput::new(&of_size(made_for), &[1; 2], &[0; 2], &[true; 2], [1, 2]);
        of_size(run_in).forward(&input.unwrap(), None);
    }

    #[test]
    fn an_input_fits_every_encoder_with_the_same_tables() {
        for family in Family::ALL {
            let base = EncoderConfig::base(family);
            let deeper = EncoderConfig {
                num_hidden_layers: base.num_hidden_layers + 1,
                ..base.clone()
            };
            run_in_another(base, deeper);
        }
    }

    #[test]
    #[should_panic(expected = "an input of another encoder")]
    fn an_input_for_more_words_does_not_fit() {
        let fewer = EncoderConfig {
            vocab_size: 30_521,
            ..Default::default()
        };
        run_in_another(EncoderConfig::default(), fewer);
    }

    #[test]
    #[should_panic(expected = "an input of another encoder")]
    fn an_input_without_token_types_does_not_fit() {
        let distilbert = EncoderConfig::base(Family::DistilBert);
        run_in_another(distilbert, EncoderConfig::default());
    }

    #[test]
    #[should_panic(expected = "an input of another encoder")]
    fn an_input_with_positions_from_zero_does_not_fit() {
        let other = EncoderConfig {
            vocab_size: 30_522,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            ..EncoderConfig::base(Family::Roberta)
        };
        run_in_another(EncoderConfig::default(), other);
    }
}
