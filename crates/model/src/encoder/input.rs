//! Encoder input: a batch of packed texts on a device.

use burn::tensor::{Int, Tensor};
use finetune_ops::{Sequences, Upload};

use super::embeddings::Tables;
use super::{Encoder, PackedInput};
use crate::error::ModelError;

/// Token ids, token types and sequences of a batch, on a device.
///
/// The texts are packed end to end, without padding: offsets say where each begins. Ids are checked
/// on creation, as an id outside an embedding table is undefined behavior on a GPU. The input is
/// valid for the encoder it was made for, and for others with tables of the same sizes.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{EncoderConfig, EncoderInput};
///
/// let encoder = EncoderConfig { num_hidden_layers: 0, ..Default::default() };
/// let encoder = encoder.init(&Device::flex())?;
/// // A text of three tokens, and one of two.
/// let input = EncoderInput::new(&encoder, &[2, 7, 3, 2, 3], &[0; 5], &[0, 3, 5])?;
/// assert_eq!((input.batch_size(), input.num_tokens()), (2, 5));
/// // The same from padded rows.
/// let mask = [true, true, true, true, true, false];
/// let ids = [2, 7, 3, 2, 3, 0];
/// let padded = EncoderInput::from_padded(&encoder, &ids, &[0; 6], &mask, [2, 3])?;
/// assert_eq!(padded.num_tokens(), 5);
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EncoderInput {
    pub(crate) token_ids: Tensor<1, Int>,
    /// `None` for an encoder without token types.
    pub(crate) token_type_ids: Option<Tensor<1, Int>>,
    pub(crate) position_ids: Tensor<1, Int>,
    pub(crate) sequences: Sequences,
    /// Table sizes that the ids were checked against.
    pub(super) tables: Tables,
}

impl EncoderInput {
    /// Copies a batch to the device of `encoder`.
    ///
    /// # Shapes
    /// - `token_ids`, `token_type_ids`: `T` values, text by text; an encoder with fewer than two
    ///   token types ignores those
    /// - `sequence_offsets`: 0, then the end of each text, `B + 1` values
    ///
    /// # Errors
    /// - [`ModelError::Sequences`] if the offsets do not ascend, or a text has no tokens.
    /// - [`ModelError::InvalidShape`] if a slice does not have `T` values.
    /// - [`ModelError::OutsideEmbedding`] if an id, token type or position is outside its table.
    pub fn new(
        encoder: &Encoder,
        token_ids: &[u32],
        token_type_ids: &[u32],
        sequence_offsets: &[usize],
    ) -> Result<Self, ModelError> {
        let mut upload = Upload::default();
        let packed = PackedInput::new(
            encoder,
            token_ids,
            token_type_ids,
            sequence_offsets,
            &mut upload,
        )?;
        Ok(packed.unpack(&upload.send(&encoder.device())))
    }

    /// Copies the tokens of padded rows to the device of `encoder`. They keep the positions that
    /// they have in their rows.
    ///
    /// # Shapes
    /// - `token_ids`, `token_type_ids`, `attention_mask`: `B * S` values, row by row; the mask is
    ///   `true` for tokens and `false` for padding
    ///
    /// # Errors
    /// - [`ModelError::InvalidShape`] if a slice does not have `B * S` values.
    /// - The errors of [`Self::new`].
    pub fn from_padded(
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
            if batch.checked_mul(sequence) != Some(found) || found == 0 {
                let tokens = format!("{batch} x {sequence}");
                return Err(ModelError::batch_shape(what, tokens, found));
            }
        }
        let tokens = |ids: &[u32]| -> Vec<u32> {
            let real = ids.iter().zip(attention_mask).filter(|(_, real)| **real);
            real.map(|(id, _)| *id).collect()
        };
        let columns = (0..batch).flat_map(|_| 0..sequence).zip(attention_mask);
        let columns: Vec<usize> = columns.filter(|(_, real)| **real).map(|(c, _)| c).collect();
        let rows = attention_mask.chunks_exact(sequence);
        let lengths = rows.map(|row| row.iter().filter(|real| **real).count());
        let ends = lengths.scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        let offsets: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let mut upload = Upload::default();
        let packed = PackedInput::with_columns(
            encoder,
            [&tokens(token_ids), &tokens(token_type_ids)],
            &offsets,
            Some(columns),
            &mut upload,
        )?;
        Ok(packed.unpack(&upload.send(&encoder.device())))
    }

    /// Returns the texts of this batch, then those of `other`, so that the encoder processes both
    /// at once.
    ///
    /// # Errors
    /// - [`ModelError::Sequences`] if both together are too large.
    pub(crate) fn followed_by(&self, other: &Self) -> Result<Self, ModelError> {
        let both = |first: &Tensor<1, Int>, second: &Tensor<1, Int>| {
            Tensor::cat(vec![first.clone(), second.clone()], 0)
        };
        let types = self
            .token_type_ids
            .as_ref()
            .zip(other.token_type_ids.as_ref());
        Ok(Self {
            token_ids: both(&self.token_ids, &other.token_ids),
            token_type_ids: types.map(|(first, second)| both(first, second)),
            position_ids: both(&self.position_ids, &other.position_ids),
            sequences: self.sequences.followed_by(&other.sequences)?,
            tables: self.tables,
        })
    }

    /// Returns which tokens belong to which text.
    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    /// Returns the number of texts, `B`.
    pub fn batch_size(&self) -> usize {
        self.sequences.batch_size()
    }

    /// Returns the number of tokens, `T`.
    pub fn num_tokens(&self) -> usize {
        self.sequences.num_tokens()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use finetune_ops::read_floats;

    use super::*;
    use crate::encoder::EncoderConfig;
    use crate::family::Family;

    fn encoder() -> Encoder {
        let config = EncoderConfig {
            vocab_size: 10,
            max_position_embeddings: 3,
            num_hidden_layers: 0,
            ..Default::default()
        };
        config.init(&Device::flex()).unwrap()
    }

    fn input(ids: &[u32], types: &[u32], offsets: &[usize]) -> Result<EncoderInput, ModelError> {
        EncoderInput::new(&encoder(), ids, types, offsets)
    }

    fn padded(ids: &[u32], mask: &[bool], shape: [usize; 2]) -> Result<EncoderInput, ModelError> {
        let types = vec![0; ids.len()];
        EncoderInput::from_padded(&encoder(), ids, &types, mask, shape)
    }

    fn values(tensor: Tensor<1, Int>) -> Vec<i64> {
        tensor.into_data().convert::<i64>().iter().collect()
    }

    #[test]
    fn texts_are_counted_from_their_first_tokens() {
        let input = input(&[9, 0, 1, 5], &[0, 1, 0, 0], &[0, 3, 4]).unwrap();
        assert_eq!((input.batch_size(), input.num_tokens()), (2, 4));
        assert_eq!(values(input.position_ids), [0, 1, 2, 0]);
    }

    #[test]
    fn padded_tokens_keep_their_positions() {
        let mask = [true, true, false, false, true, true];
        let input = padded(&[1, 2, 9, 9, 3, 4], &mask, [2, 3]).unwrap();
        assert_eq!(input.sequences.offsets().values(), [0, 2, 4]);
        assert_eq!(values(input.token_ids), [1, 2, 3, 4]);
        assert_eq!(values(input.position_ids), [0, 1, 1, 2]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message = |result: Result<EncoderInput, ModelError>| result.unwrap_err().to_string();
        let unknown = message(input(&[10, 0], &[0, 0], &[0, 2]));
        assert_eq!(
            unknown,
            "token id 10 does not fit the embedding table of 10 rows"
        );
        let unknown = message(input(&[1, 0], &[0, 2], &[0, 2]));
        assert_eq!(
            unknown,
            "token type 2 does not fit the embedding table of 2 rows"
        );
        let long = message(input(&[0; 4], &[0; 4], &[0, 4]));
        assert_eq!(
            long,
            "sequence length 4 does not fit the embedding table of 3 rows"
        );
        let ragged = message(input(&[0; 4], &[0; 3], &[0, 2, 4]));
        assert_eq!(ragged, "batch of 4 tokens, but token_type_ids has 3 values");
        let empty = message(input(&[0; 2], &[0; 2], &[0, 2, 2]));
        assert_eq!(empty, "sequence offsets: sequence 1 has no tokens");
        let beyond = message(input(&[0; 2], &[0; 2], &[0, 2, 1 << 60]));
        assert_eq!(
            beyond,
            "batch of 1152921504606846976 tokens, but token_ids has 2 values"
        );
        // Few tokens, but a rectangle of 2²⁴ and more: each row is as wide as the longest.
        let ends: Vec<usize> = [0].into_iter().chain(4096..=8192).collect();
        let wide = message(input(&[0; 8192], &[0; 8192], &ends));
        assert!(
            wide.contains("4097 sequences of up to 4096 tokens"),
            "{wide}"
        );
        let descending = message(input(&[0; 2], &[0; 2], &[0, 2, 1]));
        assert_eq!(
            descending,
            "sequence offsets: sequence 1 ends at 1, before its start 2"
        );
    }

    #[test]
    fn padded_rows_that_do_not_fit_are_named() {
        let message = |result: Result<EncoderInput, ModelError>| result.unwrap_err().to_string();
        let ragged = message(padded(&[0; 4], &[true; 3], [2, 2]));
        assert_eq!(
            ragged,
            "batch of 2 x 2 tokens, but attention_mask has 3 values"
        );
        // Their product is 0 as far as it can be counted.
        let overflow = message(padded(&[], &[], [1 << 63, 2]));
        assert!(
            overflow.ends_with("but token_ids has 0 values"),
            "{overflow}"
        );
        let empty = message(padded(&[0; 4], &[true, true, false, false], [2, 2]));
        assert_eq!(empty, "sequence offsets: sequence 1 has no tokens");
    }

    #[test]
    fn a_batch_follows_another() {
        let first = input(&[1, 2, 3, 4], &[0; 4], &[0, 2, 4]).unwrap();
        let second = input(&[5, 6, 7], &[1; 3], &[0, 3]).unwrap();
        let both = first.followed_by(&second).unwrap();
        assert_eq!(both.sequences.offsets().values(), [0, 2, 4, 7]);
        assert_eq!(values(both.token_ids), [1, 2, 3, 4, 5, 6, 7]);
        let types = values(both.token_type_ids.unwrap());
        assert_eq!(types, [0, 0, 0, 0, 1, 1, 1]);
        let real = [1., 1., 0., 1., 1., 0., 1., 1., 1.];
        assert_eq!(read_floats(both.sequences.attention_mask()), real);
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
        let input = EncoderInput::new(&of_size(made_for), &[1; 2], &[0; 2], &[0, 2]);
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
