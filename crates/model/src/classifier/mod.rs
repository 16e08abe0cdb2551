//! Sequence classifier: encoder, pooling and head. It classifies or scores single texts, or pairs
//! of texts encoded separately (bi-encoder) or as one sequence (cross-encoder).

mod checks;
mod config;
mod input;

pub(crate) use config::check_class_names;
pub use config::{ProblemType, SequenceClassifierConfig};
pub use input::ClassifierInput;

use std::borrow::Cow;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use finetune_ops::{Sequences, on_workers};

use crate::dropout::DropoutStream;
use crate::encoder::{Encoder, EncoderInput, EncoderModel, EncoderStates, Queries};
use crate::error::ModelError;
use crate::head::{AnyHead, HeadInput, HiddenStates};
use crate::pooling::Pooler;

/// Sequence classifier: encoder, pooling and head.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct SequenceClassifier {
    /// Encoder; the same type as in all other models.
    pub encoder: Encoder,
    /// Pooling of hidden states into one vector per text.
    pub pooler: Pooler,
    /// Head that computes the outputs from the pooled vectors.
    pub head: AnyHead,
    #[module(skip)]
    pub(crate) config: SequenceClassifierConfig,
}

impl SequenceClassifier {
    /// Returns logits or scores, one per class name. Without `dropout` the result is deterministic.
    ///
    /// `texts` is an [`EncoderInput`] or, for a head for pairs, two, which go through the encoder
    /// as one batch of `2 B` rows.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// - [`ModelError::TextCount`] if the head is for another number of texts.
    /// - [`ModelError::InvalidShape`] if the batches of a pair differ in size, or a custom head
    ///   returns another shape.
    ///
    /// # Panics
    /// If an [`EncoderInput`] was made for an encoder with other embedding tables.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{
    ///     CosineSimilarityHeadConfig, EncoderConfig, EncoderInput, HeadConfig, Pooling, ProblemType,
    ///     SequenceClassifierConfig, init_weights,
    /// };
    ///
    /// let encoder = EncoderConfig {
    ///     vocab_size: 100,
    ///     hidden_size: 16,
    ///     num_hidden_layers: 1,
    ///     num_attention_heads: 2,
    ///     intermediate_size: 32,
    ///     ..Default::default()
    /// };
    /// // How alike are two texts?
    /// let config = SequenceClassifierConfig {
    ///     encoder,
    ///     pooling: Pooling::mean(),
    ///     head: HeadConfig::Cosine(CosineSimilarityHeadConfig::default()),
    ///     problem_type: ProblemType::Regression,
    ///     class_names: vec!["similarity".into()],
    /// };
    /// let model = init_weights(config.init(&Device::flex())?, 0.02, 42);
    /// let input = |ids: &[u32]| {
    ///     EncoderInput::new(&model.encoder, ids, &[0; 4], &[0, 4])
    /// };
    /// let (first, second) = (input(&[2, 7, 8, 3])?, input(&[2, 7, 8, 3])?);
    /// let score = model.forward((&first, &second), None)?.into_scalar::<f32>();
    /// assert!((score - 1.0).abs() < 1e-5);
    /// assert!(model.forward(&first, None).is_err());
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn forward<'a>(
        &self,
        texts: impl Into<ClassifierInput<'a>>,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let input = self.stacked(texts.into())?;
        let (layers, tokens) = (self.pooler.layers(), self.queries());
        on_workers(&self.encoder.device(), || {
            let states = self
                .encoder
                .hidden_states_of(layers, tokens, &input, dropout);
            self.pool_and_classify(states, &input.sequences, dropout)
        })
    }

    /// Returns the logits as [`Self::forward`], and all hidden states from the same pass through the
    /// encoder. Both texts of a pair are sequences of one batch: all first texts, then all second ones.
    ///
    /// # Shapes
    /// - logits: `[B, C]`
    /// - hidden states: `L + 1` of `[T, D]`, see [`Encoder::hidden_states`]
    ///
    /// # Errors
    /// - As [`Self::forward`].
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn forward_with_hidden_states<'a>(
        &self,
        texts: impl Into<ClassifierInput<'a>>,
        dropout: Option<DropoutStream>,
    ) -> Result<(Tensor<2>, EncoderStates), ModelError> {
        let input = self.stacked(texts.into())?;
        let hidden_states = self.encoder.hidden_states(&input, dropout);
        let pooled = hidden_states[self.pooler.layers()].to_vec();
        let logits = self.pool_and_classify(pooled, &input.sequences, dropout)?;
        let states = EncoderStates {
            hidden_states,
            sequences: input.sequences.clone(),
        };
        Ok((logits, states))
    }

    /// Returns the texts as one batch, the second texts of pairs after all first ones.
    fn stacked<'a>(&self, texts: ClassifierInput<'a>) -> Result<Cow<'a, EncoderInput>, ModelError> {
        // Checked before the encoder runs.
        self.check_text_count(texts.num_texts())?;
        match texts {
            ClassifierInput::Single(input) => Ok(Cow::Borrowed(input)),
            ClassifierInput::Pair(first, second) => {
                self.check_batch_sizes(first.batch_size(), second.batch_size())?;
                Ok(Cow::Owned(first.followed_by(second)?))
            }
        }
    }

    /// Returns the pooled vector of each row, the input of the head.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn embed(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let (layers, tokens) = (self.pooler.layers(), self.pooler.queries());
        let states = self
            .encoder
            .hidden_states_of(layers, tokens, input, dropout);
        self.pooler.forward(states, &input.sequences)
    }

    /// Returns the tokens that the last pooled layer computes: those that pooling and head read.
    pub(crate) fn queries(&self) -> Queries {
        match self.head.reads_hidden_states() {
            true => Queries::AllTokens,
            false => self.pooler.queries(),
        }
    }

    /// Applies pooling and head to hidden states.
    ///
    /// # Shapes
    /// - `states`: those that [`Pooler::forward`] takes; of pairs, `2 B` rows
    /// - output: `[B, C]`
    pub(crate) fn pool_and_classify(
        &self,
        states: Vec<Tensor<2>>,
        sequences: &Sequences,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let last = states.last().filter(|_| self.head.reads_hidden_states());
        let hidden = last.map(|rows| HiddenStates::new(rows.clone(), sequences.clone()));
        let hidden = hidden.transpose()?;
        let pooled = self.pooler.forward(states, sequences);
        self.classify(pooled, hidden, dropout)
    }

    /// Applies the head to the texts of a batch, or to the `2 B` stacked texts of `B` pairs.
    ///
    /// # Shapes
    /// - `pooled`: `[B, W]`, or `[2 B, W]` for pairs
    /// - output: `[B, C]`
    pub(crate) fn classify(
        &self,
        pooled: Tensor<2>,
        hidden: Option<HiddenStates>,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let input = match self.num_texts() {
            2 => HeadInput::from_stacked_pairs(pooled, hidden),
            _ => HeadInput {
                hidden,
                ..HeadInput::new(pooled)
            },
        };
        let dropout = dropout.into();
        self.run_head(HeadInput { dropout, ..input })
    }

    /// Returns the classifier with only some of the encoder's layers, counted from 0.
    ///
    /// # Errors
    /// - As [`EncoderConfig::with_layers`](crate::EncoderConfig::with_layers).
    /// - [`ModelError::InvalidConfig`] if the pooling reads more layers than are left.
    pub fn with_layers(mut self, layers: &[usize]) -> Result<Self, ModelError> {
        self.config.encoder = self.config.encoder.with_layers(layers)?;
        self.encoder.keep_layers(layers);
        self.pooler = self.pooler.with_layers(layers.len())?;
        Ok(self)
    }

    /// Returns the number of texts that the head compares, 1 or 2.
    pub fn num_texts(&self) -> usize {
        self.head.num_texts()
    }

    /// Returns the configuration of the model.
    pub fn config(&self) -> &SequenceClassifierConfig {
        &self.config
    }

    /// Returns the number of outputs, `C`.
    pub fn num_labels(&self) -> usize {
        self.config.num_outputs()
    }

    /// Returns the device of the parameters.
    pub fn device(&self) -> Device {
        self.encoder.device()
    }
}

impl EncoderModel for SequenceClassifier {
    fn try_map_encoder<E>(
        self,
        map: impl FnOnce(Encoder) -> Result<Encoder, E>,
    ) -> Result<Self, E> {
        let encoder = map(self.encoder)?;
        Ok(Self { encoder, ..self })
    }
}
