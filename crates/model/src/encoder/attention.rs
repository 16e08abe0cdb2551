//! Self-attention with output projection, residual and layer normalization (`BertAttention`).

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use finetune_ops::{
    AttentionSettings, Precision, RelativePositions, Sequences, attention, linear,
    relative_attention,
};

use super::batch_context::BatchContext;
use super::normalization::Normalization;
use super::relative_positions::BatchDistances;
use super::residual::Residual;
use super::{EncoderConfig, LayerType, RelativeAttention};
use crate::adapters::{LoraLinear, LoraTarget};
use crate::dropout::{DropoutStage, apply};
use crate::layers;

/// Place of the output's dropout in the layer.
const OUTPUT_SITE: usize = 1;

/// Place of the dropout of vectors of distances. It is that of activations in the feed-forward network,
/// which no family with such vectors drops.
const DISTANCES_SITE: usize = 3;

/// Multi-head self-attention: `norm(x + dropout(output(attention(query(x), key(x), value(x)))))`, or
/// with the normalization of `x` first. DistilBERT has no dropout on the output.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// Query projection, `[D, D]`.
    pub query: LoraLinear,
    /// Key projection, `[D, D]`, or narrower with fewer heads than queries have.
    pub key: LoraLinear,
    /// Value projection, as wide as that of keys.
    pub value: LoraLinear,
    /// Output projection, `[D, D]`.
    pub output: LoraLinear,
    /// Key projection of distances, `[D, D]`, if they have one of their own.
    pub position_key: Option<Linear>,
    /// Query projection of distances, `[D, D]`, if they have one of their own.
    pub position_query: Option<Linear>,
    /// Layer normalization, unless it would be the first of the encoder's layers and the
    /// configuration leaves it out.
    pub norm: Option<LayerNorm>,
    heads: usize,
    key_value_heads: usize,
    probability_dropout: f64,
    distance_dropout: f64,
    #[module(skip)]
    relative: Option<RelativeAttention>,
    #[module(skip)]
    layer_type: LayerType,
    /// Distance that a token sees.
    #[module(skip)]
    window: Option<usize>,
    #[module(skip)]
    residual: Residual,
}

impl SelfAttention {
    pub(super) fn new(config: &EncoderConfig, layer: usize, device: &Device) -> Self {
        let width = config.hidden_size;
        let projection = |to| LoraLinear::new(width, to, config.attention_bias, device);
        let key_width = config.key_value_heads() * config.head_width();
        let has_norm = config.norm_placement.is_at_attention(layer);
        let output_dropout = config.family.attention_output_dropout(config);
        let relative = config.relative_attention;
        let own = relative.filter(|relative| !relative.share_att_key);
        let of_distances = |has_term: Option<bool>| {
            let has_term = has_term.unwrap_or(false);
            has_term.then(|| layers::linear_with(width, width, config.attention_bias, device))
        };
        Self {
            query: projection(width),
            key: projection(key_width),
            value: projection(key_width),
            output: projection(width),
            position_key: of_distances(own.map(|own| own.c2p)),
            position_query: of_distances(own.map(|own| own.p2c)),
            norm: has_norm.then(|| Normalization::new(config).init(width, device)),
            heads: config.num_attention_heads,
            key_value_heads: config.key_value_heads(),
            probability_dropout: config.attention_probs_dropout_prob,
            distance_dropout: config.hidden_dropout_prob,
            relative,
            layer_type: config.layer_type(layer),
            window: config.reach(layer),
            residual: Residual::new(config, output_dropout, OUTPUT_SITE),
        }
    }

    pub(super) fn num_heads(&self) -> usize {
        self.heads
    }

    /// Applies the attention block.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` for the first tokens
    pub(super) fn forward(
        &self,
        hidden: Tensor<2>,
        batch: &BatchContext,
        queries: Queries,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> Tensor<2> {
        let norm = self.norm.as_ref();
        let rows = self.residual.before(norm, hidden.clone());
        let asking = queries.select(hidden, &batch.sequences);
        let asking_rows = match self.residual.normalizes_before() {
            true => queries.select(rows.clone(), &batch.sequences),
            false => asking.clone(),
        };
        let apply_to = |projection: &LoraLinear, rows, target| {
            projection.forward(rows, dropout, target, precision)
        };
        let query = apply_to(&self.query, asking_rows, LoraTarget::Query);
        let key = apply_to(&self.key, rows.clone(), LoraTarget::Key);
        let value = apply_to(&self.value, rows, LoraTarget::Value);
        let [query, key] = self.rotate(query, key, queries, batch);
        let [key, value] = [key, value].map(|rows| self.repeat_heads(rows));
        let settings = AttentionSettings {
            heads: self.heads,
            window: self.window,
            dropout: dropout.and_then(|stage| stage.at(self.probability_dropout, 0)),
            precision,
        };
        let sequences = &batch.sequences;
        let context = match &batch.distances {
            Some(distances) => {
                let positions = self.positions(distances, dropout, precision);
                relative_attention(query, key, value, positions, sequences, settings)
            }
            None => attention(query, key, value, sequences, settings),
        };
        let projected = apply_to(&self.output, context, LoraTarget::AttentionOutput);
        self.residual.after(norm, projected, asking, dropout)
    }

    /// Returns queries, keys and values of all tokens, before rotary positions are applied.
    ///
    /// # Shapes
    /// - `hidden`, each output: `[T, D]`
    pub(super) fn query_key_value(
        &self,
        hidden: Tensor<2>,
        precision: Precision,
    ) -> [Tensor<2>; 3] {
        let rows = self.residual.before(self.norm.as_ref(), hidden);
        let of = |projection: &LoraLinear, target| {
            projection.forward(rows.clone(), None, target, precision)
        };
        [
            of(&self.query, LoraTarget::Query),
            of(&self.key, LoraTarget::Key),
            of(&self.value, LoraTarget::Value),
        ]
    }

    /// Returns keys and queries of the distances in a batch, or their bias.
    fn positions(
        &self,
        distances: &BatchDistances,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> RelativePositions {
        // The gradients of this layer meet before those of others join them.
        let BatchDistances { rows, buckets } = distances.clone().node();
        let width = self.query.weight.lazy_shape()[1] / self.heads;
        let Some(relative) = self.relative else {
            return RelativePositions {
                keys: None,
                queries: None,
                bias: Some(rows),
                buckets,
                scale: RelativePositions::disentangled_scale(width, 0),
            };
        };
        let rows = apply(rows, self.distance_dropout, dropout, DISTANCES_SITE);
        let projected = |own: &Option<Linear>, shared: &LoraLinear, target| match own {
            Some(own) => {
                let bias = own.bias.as_ref().map(|bias| bias.val());
                linear(rows.clone(), own.weight.val(), bias, precision.floating())
            }
            None => shared.forward(rows.clone(), dropout, target, precision),
        };
        let key = || projected(&self.position_key, &self.key, LoraTarget::Key);
        let query = || projected(&self.position_query, &self.query, LoraTarget::Query);
        RelativePositions {
            keys: relative.c2p.then(key),
            queries: relative.p2c.then(query),
            bias: None,
            buckets,
            scale: RelativePositions::disentangled_scale(width, relative.terms()),
        }
    }

    /// Rotates queries and keys by the positions of their tokens, if positions are rotary.
    ///
    /// # Shapes
    /// - `query`: `[T, D]`, or `[B, D]` of the first tokens
    /// - `key`: `[T, D]`
    fn rotate(
        &self,
        query: Tensor<2>,
        key: Tensor<2>,
        queries: Queries,
        batch: &BatchContext,
    ) -> [Tensor<2>; 2] {
        let Some(angles) = batch.angles.of(self.layer_type) else {
            return [query, key];
        };
        let query = match queries {
            Queries::AllTokens => angles.rotate(query, self.heads),
            Queries::FirstTokens => angles.rotate_first(query),
        };
        [query, angles.rotate(key, self.key_value_heads)]
    }

    /// Repeats each head of keys or values for the heads of queries that it serves.
    ///
    /// # Shapes
    /// - `rows`: `[T, key_value_heads * K]`
    /// - output: `[T, D]`
    fn repeat_heads(&self, rows: Tensor<2>) -> Tensor<2> {
        let [tokens, width] = rows.dims();
        let (heads, served) = (self.key_value_heads, self.heads / self.key_value_heads);
        match served {
            1 => rows,
            _ => rows
                .reshape([tokens, heads, 1, width / heads])
                .expand([tokens, heads, served, width / heads])
                .reshape([tokens, served * width]),
        }
    }
}

/// Tokens whose hidden states a layer computes. Only they are queries of its attention; keys and
/// values come from all tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queries {
    /// All tokens, which the next layer needs.
    AllTokens,
    /// First token of each sequence, if neither pooling nor head read others.
    FirstTokens,
}

impl Queries {
    /// Returns the rows of these tokens.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` for the first tokens
    fn select(self, hidden: Tensor<2>, sequences: &Sequences) -> Tensor<2> {
        match self {
            Self::AllTokens => hidden,
            Self::FirstTokens => sequences.first_tokens(hidden),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropout::DropoutStream;
    use crate::family::Family;
    use crate::initialization::init_weights;

    #[test]
    fn distilbert_drops_nothing_of_the_attention_s_output() {
        for family in Family::ALL {
            let config = EncoderConfig {
                vocab_size: 10,
                hidden_size: 8,
                num_attention_heads: 2,
                num_hidden_layers: 1,
                intermediate_size: 4,
                ..EncoderConfig::base(family)
            };
            let config = match family {
                // Its dropout is that of the attention weights.
                Family::ModernBert => continue,
                // It has none but that of the attention weights.
                Family::EuroBert => continue,
                _ => EncoderConfig {
                    hidden_dropout_prob: 0.5,
                    attention_probs_dropout_prob: 0.0,
                    ..config
                },
            };
            let device = Device::flex();
            let encoder = init_weights(config.init(&device).unwrap(), 0.5, 1);
            let sequences = Sequences::new(&[0, 3, 6], &device).unwrap();
            let batch = encoder.context(&sequences);
            let rows = Tensor::arange(0..48, &device).float().reshape([6, 8]) / 48.0;
            let forward = |dropout| {
                let attention = &encoder.layers[0].attention;
                let output = attention.forward(
                    rows.clone(),
                    &batch,
                    Queries::AllTokens,
                    dropout,
                    Precision::F32,
                );
                output.into_data().try_to_vec::<f32>().unwrap()
            };
            let same = forward(None) == forward(Some(DropoutStream::new(1, 1).stage(1)));
            assert_eq!(same, family == Family::DistilBert, "{family}");
        }
    }
}
