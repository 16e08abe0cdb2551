//! Masked language modeling, as
//! [`BertForMaskedLM`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py#L908),
//! and with next-sentence prediction beside it, as `BertForPreTraining`.
//!
//! The decoder is tied to the word embeddings, in all families but EuroBERT: one parameter, whose
//! gradient is the sum of both uses. Logits are computed at masked positions only: with the usual 15 % of masked tokens, the
//! largest matrix product of the model has a seventh of the cost.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Int, Tensor};
use finetune_ops::{Precision, Sequences, linear, upload_indices};

use crate::dropout::DropoutStream;
use crate::encoder::{
    Activation, Encoder, EncoderConfig, EncoderInput, EncoderModel, EncoderStates, check_inside,
};
use crate::error::ModelError;
use crate::layers;
use crate::next_sentence::{NextSentenceHead, PreTrainingLogits};

/// Encoder with a masked LM head, and with a next-sentence head if it has one.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct MaskedLm {
    /// Encoder; the same type in all models.
    pub encoder: Encoder,
    /// Masked LM head.
    pub head: MaskedLmHead,
    /// Next-sentence head (default: none).
    pub next_sentence: Option<NextSentenceHead>,
}

/// Masked LM head: `norm(activation(transform(x))) · word_embeddingsᵀ + bias`. EuroBERT's has only the
/// decoder, which may have a matrix of its own.
#[derive(Module, Debug)]
pub struct MaskedLmHead {
    /// Linear layer from hidden states to embeddings, `[D, E]`, if there is one.
    pub transform: Option<Linear>,
    /// Layer normalization over `E`, if there is one.
    pub norm: Option<LayerNorm>,
    /// Decoder without its bias, `[E, V]`, unless it is the table of the word embeddings.
    pub decoder: Option<Linear>,
    /// Bias per token of the vocabulary, `[V]`, if the decoder has one.
    pub bias: Option<Param<Tensor<1>>>,
    epsilon: f64,
    #[module(skip)]
    activation: Activation,
}

impl EncoderConfig {
    /// Creates an encoder with the family's masked LM head. All parameters are zero until a
    /// checkpoint or [`init_weights`](crate::init_weights) sets them.
    ///
    /// # Errors
    /// - The errors of [`EncoderConfig::validate`].
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, EncoderInput, init_weights};
    ///
    /// let config = EncoderConfig {
    ///     vocab_size: 100,
    ///     hidden_size: 16,
    ///     num_hidden_layers: 1,
    ///     num_attention_heads: 2,
    ///     intermediate_size: 32,
    ///     ..Default::default()
    /// };
    /// let model = init_weights(config.init_masked_lm(&Device::flex())?, 0.02, 42);
    /// // Two texts of three tokens; the second token of each is masked.
    /// let ids = [2, 4, 3, 2, 4, 3];
    /// let input = EncoderInput::new(&model.encoder, &ids, &[0; 6], &[0, 3, 6])?;
    /// assert_eq!(model.forward(&input, &[1, 4], None)?.dims(), [2, 100]);
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn init_masked_lm(&self, device: &Device) -> Result<MaskedLm, ModelError> {
        let encoder = self.init(device)?;
        let (hidden, width) = (self.hidden_size, self.embedding_width());
        let transforms = self.family.has_masked_lm_transform();
        let transform = || layers::linear_with(hidden, width, self.classifier_bias, device);
        let decoder = || layers::linear_with(width, self.vocab_size, false, device);
        Ok(MaskedLm {
            encoder,
            head: MaskedLmHead {
                transform: transforms.then(transform),
                norm: transforms.then(|| layers::layer_norm(width, self.norm_bias, device)),
                decoder: (!self.tie_word_embeddings).then(decoder),
                bias: self
                    .decoder_bias
                    .then(|| layers::bias(self.vocab_size, device)),
                epsilon: self.layer_norm_eps,
                activation: self.family.masked_lm_activation(self),
            },
            next_sentence: None,
        })
    }
}

impl MaskedLm {
    /// Returns the logits over the vocabulary at each of `positions`. Without `dropout` the result
    /// is deterministic.
    ///
    /// # Shapes
    /// - `positions`: `M` tokens of the batch, as rows of `[T, D]`
    /// - output: `[M, V]`
    ///
    /// # Errors
    /// - [`ModelError::MaskedPositions`] if a position is outside the batch, or there is none.
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn forward(
        &self,
        input: &EncoderInput,
        positions: &[usize],
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        if positions.is_empty() {
            let problem = "no masked position in the batch".to_string();
            return Err(ModelError::MaskedPositions { problem });
        }
        let positions = self.upload_positions(positions, input)?;
        let hidden = self.encoder.forward(input, dropout);
        Ok(self.masked_logits(hidden, positions))
    }

    /// Returns the logits of both tasks from one pass through the encoder. Without `dropout` the
    /// result is deterministic.
    ///
    /// # Errors
    /// - [`ModelError::MaskedPositions`] if a position is outside the batch.
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn forward_pre_training(
        &self,
        input: &EncoderInput,
        positions: &[usize],
        dropout: Option<DropoutStream>,
    ) -> Result<PreTrainingLogits, ModelError> {
        let positions = match positions {
            [] => None,
            positions => Some(self.upload_positions(positions, input)?),
        };
        Ok(self.forward_at(input, positions, dropout))
    }

    /// Returns the logits of both tasks, as [`Self::forward_pre_training`], for positions on the
    /// device; see [`PackedInput::positions`](crate::PackedInput::positions).
    ///
    /// # Shapes
    /// - `positions`: `[M]`; `None` without masked positions
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn forward_at(
        &self,
        input: &EncoderInput,
        positions: Option<Tensor<1, Int>>,
        dropout: Option<DropoutStream>,
    ) -> PreTrainingLogits {
        let hidden = self.encoder.forward(input, dropout);
        self.logits(hidden, input.sequences(), positions)
    }

    /// Returns the logits as [`Self::forward_at`], and all hidden states from the same pass through the
    /// encoder.
    ///
    /// # Shapes
    /// - `positions`: `[M]`; `None` without masked positions
    /// - hidden states: `L + 1` of `[T, D]`, see [`Encoder::hidden_states`]
    ///
    /// # Panics
    /// As [`Self::forward_at`].
    pub fn forward_with_hidden_states(
        &self,
        input: &EncoderInput,
        positions: Option<Tensor<1, Int>>,
        dropout: Option<DropoutStream>,
    ) -> (PreTrainingLogits, EncoderStates) {
        let hidden_states = self.encoder.hidden_states(input, dropout);
        let last = hidden_states[self.encoder.num_layers()].clone();
        let states = EncoderStates {
            hidden_states,
            sequences: input.sequences().clone(),
        };
        let logits = self.logits(last, &states.sequences, positions);
        (logits, states)
    }

    /// Returns the logits of both tasks from the last hidden states.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - `positions`: `[M]`
    fn logits(
        &self,
        hidden: Tensor<2>,
        sequences: &Sequences,
        positions: Option<Tensor<1, Int>>,
    ) -> PreTrainingLogits {
        let next_sentence = self.next_sentence.as_ref();
        let next_sentence = next_sentence.map(|head| head.forward(hidden.clone(), sequences));
        PreTrainingLogits {
            masked_lm: positions.map(|positions| self.masked_logits(hidden, positions)),
            next_sentence,
        }
    }

    /// Returns the model with only some of the encoder's layers, counted from 0, and its configuration,
    /// from that of the whole encoder.
    ///
    /// # Errors
    /// - As [`EncoderConfig::with_layers`].
    pub fn with_layers(
        mut self,
        config: &EncoderConfig,
        layers: &[usize],
    ) -> Result<(Self, EncoderConfig), ModelError> {
        let config = config.with_layers(layers)?;
        self.encoder.keep_layers(layers);
        Ok((self, config))
    }

    fn upload_positions(
        &self,
        positions: &[usize],
        input: &EncoderInput,
    ) -> Result<Tensor<1, Int>, ModelError> {
        check_inside(positions, input.num_tokens())?;
        let device = self.encoder.device();
        Ok(upload_indices(positions, [positions.len()], &device))
    }

    /// Returns the logits over the vocabulary at positions of the batch.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - `positions`: `[M]`
    /// - output: `[M, V]`
    fn masked_logits(&self, hidden: Tensor<2>, positions: Tensor<1, Int>) -> Tensor<2> {
        let words = self.encoder.embeddings.word_embeddings.weight.val();
        let masked = hidden.select(0, positions);
        self.head.forward(masked, words, self.encoder.precision())
    }
}

impl EncoderModel for MaskedLm {
    fn try_map_encoder<E>(
        self,
        map: impl FnOnce(Encoder) -> Result<Encoder, E>,
    ) -> Result<Self, E> {
        let encoder = map(self.encoder)?;
        Ok(Self { encoder, ..self })
    }
}

impl MaskedLmHead {
    /// Returns the logits of masked tokens.
    ///
    /// # Shapes
    /// - `hidden`: `[M, D]`
    /// - `words`: `[V, E]`
    /// - output: `[M, V]`
    fn forward(&self, hidden: Tensor<2>, words: Tensor<2>, precision: Precision) -> Tensor<2> {
        let mut rows = hidden;
        if let Some(transform) = &self.transform {
            rows = self.activation.apply(layers::apply_linear(transform, rows));
        }
        if let Some(norm) = &self.norm {
            rows = layers::apply_layer_norm(norm, rows, self.epsilon);
        }
        let decoder = match &self.decoder {
            Some(decoder) => decoder.weight.val(),
            None => words.transpose(),
        };
        let bias = self.bias.as_ref().map(|bias| bias.val());
        linear(rows, decoder, bias, precision.floating())
    }
}
