//! Token classifier, as the `…ForTokenClassification` classes of transformers: encoder, dropout and a
//! linear layer on the hidden state of each token, and optionally a [`Crf`] over the tokens.

mod config;
mod crf;
mod crf_weights;
mod tag_targets;
mod transitions;

pub use config::TokenClassifierConfig;
pub use crf::Crf;
pub use crf_weights::CrfWeights;
pub use tag_targets::{PackedTagTargets, TagTargets};
pub use transitions::Transitions;

use burn::module::Module;
use burn::tensor::{Int, Tensor};
use finetune_ops::on_workers;

use crate::dropout::DropoutStream;
use crate::encoder::{Encoder, EncoderInput, EncoderModel, EncoderStates};
use crate::head::{Head, HeadInput, Mlp};

/// Token classifier: encoder, head and optionally a conditional random field.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct TokenClassifier {
    /// Encoder; the same type as in all other models.
    pub encoder: Encoder,
    /// Head on each hidden state: that of the family, with dropout before its last layer.
    pub head: Mlp,
    /// Conditional random field over the logits of a sentence (default: none).
    pub crf: Option<Crf>,
    #[module(skip)]
    pub(crate) config: TokenClassifierConfig,
}

impl TokenClassifier {
    /// Returns the logits of tokens: of all, or of those at `positions`, such as the first token of
    /// each word. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - `positions`: `N` tokens of the batch, as rows of `[T, D]`
    /// - output: `[N, C]`, or `[T, C]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, EncoderInput, TokenClassifierConfig, init_weights};
    ///
    /// let encoder = EncoderConfig {
    ///     vocab_size: 100,
    ///     hidden_size: 16,
    ///     num_hidden_layers: 1,
    ///     num_attention_heads: 2,
    ///     intermediate_size: 32,
    ///     ..Default::default()
    /// };
    /// let names = ["B-PER", "I-PER", "O"].map(String::from);
    /// let config = TokenClassifierConfig::new(encoder, names.to_vec());
    /// let model = init_weights(config.init(&Device::flex())?, 0.02, 42);
    /// // A sentence of four tokens, and one of two.
    /// let ids = [2, 7, 8, 3, 2, 3];
    /// let input = EncoderInput::new(&model.encoder, &ids, &[0; 6], &[0, 4, 6])?;
    /// assert_eq!(model.forward(&input, None, None).dims(), [6, 3]);
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn forward(
        &self,
        input: &EncoderInput,
        positions: Option<Tensor<1, Int>>,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        on_workers(&self.encoder.device(), || {
            let hidden = self.encoder.forward(input, dropout);
            self.classify(hidden, positions, dropout)
        })
    }

    /// Returns the logits as [`Self::forward`], and all hidden states from the same pass.
    ///
    /// # Shapes
    /// - logits: `[N, C]`, or `[T, C]`
    /// - hidden states: `L + 1` of `[T, D]`, see [`Encoder::hidden_states`]
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn forward_with_hidden_states(
        &self,
        input: &EncoderInput,
        positions: Option<Tensor<1, Int>>,
        dropout: Option<DropoutStream>,
    ) -> (Tensor<2>, EncoderStates) {
        let hidden_states = self.encoder.hidden_states(input, dropout);
        let last = hidden_states[hidden_states.len() - 1].clone();
        let states = EncoderStates {
            hidden_states,
            sequences: input.sequences.clone(),
        };
        (self.classify(last, positions, dropout), states)
    }

    fn classify(
        &self,
        hidden: Tensor<2>,
        positions: Option<Tensor<1, Int>>,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        let rows = match positions {
            Some(positions) => hidden.select(0, positions),
            None => hidden,
        };
        self.head.forward(HeadInput {
            dropout: dropout.into(),
            ..HeadInput::new(rows)
        })
    }

    /// Returns the configuration of the model.
    pub fn config(&self) -> &TokenClassifierConfig {
        &self.config
    }

    /// Returns the number of classes, `C`.
    pub fn num_labels(&self) -> usize {
        self.config.class_names.len()
    }
}

impl EncoderModel for TokenClassifier {
    fn try_map_encoder<E>(
        self,
        map: impl FnOnce(Encoder) -> Result<Encoder, E>,
    ) -> Result<Self, E> {
        let encoder = map(self.encoder)?;
        Ok(Self { encoder, ..self })
    }
}
