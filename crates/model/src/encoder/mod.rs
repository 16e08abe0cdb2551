//! Transformer encoder of the BERT family ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805)):
//! embeddings, then layers of self-attention and feed-forward networks, each with residual and
//! layer normalization.

mod activation;
mod attention;
mod attention_pattern;
mod batch_context;
mod config;
mod embeddings;
mod feed_forward;
mod input;
mod int8;
mod kept_layers;
mod layer;
mod normalization;
mod packed_input;
mod positions;
mod recompute;
mod relative_positions;
mod residual;
mod rope_scaling;
mod rotary_angles;
mod shared_layers;

pub(crate) use activation::ACTIVATIONS;
pub use activation::Activation;
pub use attention::{Queries, SelfAttention};
pub use attention_pattern::LayerType;
pub use config::EncoderConfig;
pub use embeddings::Embeddings;
pub use feed_forward::FeedForward;
pub use input::EncoderInput;
pub use int8::Int8Config;
pub use layer::EncoderLayer;
pub use normalization::NormType;
pub use packed_input::PackedInput;
pub(crate) use packed_input::check_inside;
pub use positions::Positions;
pub use relative_positions::{RelativeAttention, RelativeEmbeddings};
pub use residual::NormPlacement;
pub(crate) use rope_scaling::ROPE_TYPES;
pub use rope_scaling::RopeScaling;

use std::convert::Infallible;
use std::ops::RangeInclusive;

use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::{Device, Tensor};
use finetune_ops::{Precision, Sequences, on_workers};

use self::normalization::Normalization;
use self::rotary_angles::RotaryFrequencies;
use crate::adapters::LoraTarget;
use crate::dropout::DropoutStream;
use crate::error::ModelError;

/// Transformer encoder from token ids to hidden states:
/// [`BertModel`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py)
/// without pooler.
#[derive(Module, Debug)]
pub struct Encoder {
    /// Word, position and token type embeddings.
    pub embeddings: Embeddings,
    /// Parameters of the Transformer layers, from the one next to the embeddings. Several layers in a
    /// row share one, where [`EncoderConfig::layer_groups`] says so.
    pub layers: Vec<EncoderLayer>,
    /// Vectors of the distances between tokens, if the attention has relative positions.
    pub relative: Option<RelativeEmbeddings>,
    /// Layer normalization after the last layer, if the layers have theirs before their blocks.
    pub final_norm: Option<LayerNorm>,
    #[module(skip)]
    normalization: Normalization,
    #[module(skip)]
    frequencies: RotaryFrequencies,
    #[module(skip)]
    layer_groups: Vec<usize>,
    #[module(skip)]
    precision: Precision,
    #[module(skip)]
    gradient_checkpointing: bool,
}

impl EncoderConfig {
    /// Creates an encoder whose parameters are zero until a checkpoint or
    /// [`init_weights`](crate::init_weights) sets them.
    ///
    /// # Errors
    /// - The errors of [`EncoderConfig::validate`].
    pub fn init(&self, device: &Device) -> Result<Encoder, ModelError> {
        self.validate()?;
        let layers = 0..self.num_hidden_groups.unwrap_or(self.num_hidden_layers);
        let has_final_norm = self.norm_placement != NormPlacement::PostNorm;
        let normalization = Normalization::new(self);
        Ok(Encoder {
            embeddings: Embeddings::new(self, device),
            layers: layers
                .map(|layer| EncoderLayer::new(self, layer, device))
                .collect(),
            relative: RelativeEmbeddings::new(self, device),
            final_norm: has_final_norm.then(|| normalization.init(self.hidden_size, device)),
            normalization,
            frequencies: RotaryFrequencies::new(self),
            layer_groups: self.layer_groups(),
            precision: Precision::F32,
            gradient_checkpointing: false,
        })
    }
}

impl Encoder {
    /// Sets the precision of the matrix products in the layers (default: [`Precision::F32`]). The
    /// precision is not stored in checkpoints.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Sets whether the layers keep only their inputs for the backward pass, which computes them
    /// again (default: false). Losses and gradients stay the same bit for bit. A layer whose input is
    /// pooled, too, keeps its activations: its gradients would be added up in another order. The
    /// setting is not stored in checkpoints.
    pub fn with_gradient_checkpointing(self, gradient_checkpointing: bool) -> Self {
        Self {
            gradient_checkpointing,
            ..self
        }
    }

    /// Returns the device of the parameters.
    pub fn device(&self) -> Device {
        self.embeddings.word_embeddings.weight.lazy_device()
    }

    /// Returns the input on the device of the parameters: with autodiff, or without.
    pub(crate) fn input_of<'a>(
        &self,
        with_autodiff: &'a EncoderInput,
        plain: &'a EncoderInput,
    ) -> &'a EncoderInput {
        match self.embeddings.word_embeddings.weight.val().is_autodiff() {
            true => with_autodiff,
            false => plain,
        }
    }

    /// Packs the weights of the linear layers for prediction in the precision of the encoder: see
    /// [`PackedWeight`](finetune_ops::PackedWeight). The bits of the outputs stay as they are, short texts
    /// take less time, and the weights cannot be trained; those packed in bf16 stay rounded to it. Where a
    /// weight does not gain from it, nothing changes.
    pub fn into_packed(mut self) -> Self {
        for layer in &mut self.layers {
            for target in LoraTarget::ALL {
                target.of_mut(layer).pack(self.precision);
            }
        }
        self
    }

    /// Returns the precision of the matrix products in the layers.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Returns the hidden states of the last layer. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn forward(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        self.forward_to(self.num_layers(), input, dropout)
    }

    /// Returns the hidden states of one layer: 0 is the output of the embeddings, `i` that of layer
    /// `i`, counted from 1; that of the last layer is normalized. Layers above are not computed.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables, or there are too few layers.
    pub fn forward_to(
        &self,
        layer: usize,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        let embedded = self.embed(input, dropout);
        let mut states = self.hidden_states_above(
            0,
            embedded,
            layer..=layer,
            Queries::AllTokens,
            &input.sequences,
            dropout,
        );
        states.swap_remove(0)
    }

    /// Returns all hidden states: the output of the embeddings, then of each layer, `L + 1` in
    /// total.
    ///
    /// # Shapes
    /// - each output: `[T, D]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn hidden_states(
        &self,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Vec<Tensor<2>> {
        self.hidden_states_of(0..=self.num_layers(), Queries::AllTokens, input, dropout)
    }

    /// Returns the hidden states of consecutive layers, numbered as in [`Self::forward_to`]. Layers
    /// above are not computed. The last of `layers` computes only the tokens in `last_layer`.
    ///
    /// # Shapes
    /// - each output: `[T, D]`; the last `[B, D]` if its layer computes first tokens only
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables, or there are too few layers.
    pub fn hidden_states_of(
        &self,
        layers: RangeInclusive<usize>,
        last_layer: Queries,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Vec<Tensor<2>> {
        let embedded = self.embed(input, dropout);
        self.hidden_states_above(0, embedded, layers, last_layer, &input.sequences, dropout)
    }

    /// Returns the same hidden states as [`Self::hidden_states_of`], computed from those of layer
    /// `start`, which must not be above `layers`.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - each output: `[T, D]`; the last `[B, D]` if its layer computes first tokens only
    pub(crate) fn hidden_states_above(
        &self,
        start: usize,
        hidden: Tensor<2>,
        layers: RangeInclusive<usize>,
        last_layer: Queries,
        sequences: &Sequences,
        dropout: Option<DropoutStream>,
    ) -> Vec<Tensor<2>> {
        on_workers(&hidden.device(), || {
            self.layers_above(start, hidden, layers, last_layer, sequences, dropout)
        })
    }

    fn layers_above(
        &self,
        start: usize,
        mut hidden: Tensor<2>,
        layers: RangeInclusive<usize>,
        last_layer: Queries,
        sequences: &Sequences,
        dropout: Option<DropoutStream>,
    ) -> Vec<Tensor<2>> {
        let mut batch = self.context(sequences);
        let mut states = Vec::new();
        for layer in start..=*layers.end() {
            if layer > start {
                let queries = match layer == *layers.end() {
                    true => last_layer,
                    false => Queries::AllTokens,
                };
                let stage = self.dropout_of(layer, dropout);
                let recomputes = self.gradient_checkpointing
                    && hidden.is_autodiff()
                    && !layers.contains(&(layer - 1));
                let apply = match recomputes {
                    true => EncoderLayer::forward_recomputed,
                    false => EncoderLayer::forward,
                };
                let applied = self.parameters_of(layer);
                hidden = apply(applied, hidden, &batch, queries, stage, self.precision);
                batch = batch.for_next_layer();
                if let Some(norm) = self
                    .final_norm
                    .as_ref()
                    .filter(|_| layer == self.num_layers())
                {
                    hidden = self.normalization.apply(norm, hidden);
                }
            }
            if layers.contains(&layer) {
                states.push(hidden.clone());
            }
        }
        states
    }

    /// Returns the number of attention heads of a layer; 0 without layers.
    pub fn num_attention_heads(&self) -> usize {
        let first = self.layers.first();
        first.map_or(0, |layer| layer.attention.num_heads())
    }

    /// Returns queries, keys and values of the attention in a layer, counted from 1, before rotary
    /// positions are applied.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`, the hidden states below the layer, number `layer - 1`
    /// - each output: `[T, D]`
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn query_key_value(&self, layer: usize, hidden: Tensor<2>) -> [Tensor<2>; 3] {
        let attention = &self.parameters_of(layer).attention;
        attention.query_key_value(hidden, self.precision)
    }

    /// Returns the output of the embeddings.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    fn embed(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let stage = self.dropout_of(0, dropout);
        self.embeddings.forward(input, stage)
    }
}

/// Hidden states of a batch, and which of their rows belong to which sequence.
#[derive(Debug, Clone)]
pub struct EncoderStates {
    /// Output of the embeddings, then of each layer, `L + 1` of `[T, D]`.
    pub hidden_states: Vec<Tensor<2>>,
    /// Sequences of the rows.
    pub sequences: Sequences,
}

/// Model with an encoder.
pub trait EncoderModel: Module {
    /// Returns the model with what `map` makes of its encoder.
    ///
    /// # Errors
    /// - The error of `map`.
    fn try_map_encoder<E>(self, map: impl FnOnce(Encoder) -> Result<Encoder, E>)
    -> Result<Self, E>;

    /// Returns the model with what `map` makes of its encoder.
    fn map_encoder(self, map: impl FnOnce(Encoder) -> Encoder) -> Self {
        let Ok(model) = self.try_map_encoder(|encoder| Ok::<_, Infallible>(map(encoder)));
        model
    }

    /// Replaces the weights of the encoder's linear layers with 8-bit integers: see
    /// [`Encoder::into_int8`].
    ///
    /// # Errors
    /// - As [`Encoder::into_int8`].
    fn into_int8(self, config: &Int8Config) -> Result<Self, ModelError> {
        self.try_map_encoder(|encoder| encoder.into_int8(config))
    }

    /// Packs the weights of the encoder's linear layers: see [`Encoder::into_packed`].
    fn into_packed(self) -> Self {
        self.map_encoder(Encoder::into_packed)
    }

    /// Sets the precision of the encoder's matrix products: see [`Encoder::with_precision`].
    fn with_precision(self, precision: Precision) -> Self {
        self.map_encoder(|encoder| encoder.with_precision(precision))
    }

    /// Sets whether the encoder's layers are computed again in the backward pass: see
    /// [`Encoder::with_gradient_checkpointing`].
    fn with_gradient_checkpointing(self, gradient_checkpointing: bool) -> Self {
        self.map_encoder(|encoder| encoder.with_gradient_checkpointing(gradient_checkpointing))
    }
}
