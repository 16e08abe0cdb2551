//! Self-attention with output projection, residual and layer normalization (`BertAttention`).

use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::{Device, Tensor};
use finetune_ops::{AttentionSettings, Precision, Sequences, attention};

use super::EncoderConfig;
use crate::adapters::{LoraLinear, LoraTarget};
use crate::dropout::DropoutStage;
use crate::layers;

/// Multi-head self-attention: `norm(x + dropout(output(attention(query(x), key(x), value(x)))))`.
/// DistilBERT has no dropout on the output.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// Query projection, `[D, D]`.
    pub query: LoraLinear,
    /// Key projection, `[D, D]`.
    pub key: LoraLinear,
    /// Value projection, `[D, D]`.
    pub value: LoraLinear,
    /// Output projection, `[D, D]`.
    pub output: LoraLinear,
    /// Layer normalization after the residual.
    pub norm: LayerNorm,
    heads: usize,
    epsilon: f64,
    output_dropout: f64,
    probability_dropout: f64,
}

impl SelfAttention {
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let square = || LoraLinear::new(width, width, device);
        Self {
            query: square(),
            key: square(),
            value: square(),
            output: square(),
            norm: layers::layer_norm(width, device),
            heads: config.num_attention_heads,
            epsilon: config.layer_norm_eps,
            output_dropout: match config.family.drops_attention_output() {
                true => config.hidden_dropout_prob,
                false => 0.0,
            },
            probability_dropout: config.attention_probs_dropout_prob,
        }
    }

    /// Applies the attention block.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` for the first tokens
    pub(super) fn forward(
        &self,
        hidden: Tensor<2>,
        sequences: &Sequences,
        queries: Queries,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> Tensor<2> {
        let asking = queries.select(hidden.clone(), sequences);
        let apply_to = |projection: &LoraLinear, rows, target| {
            projection.forward(rows, dropout, target, precision)
        };
        let context = attention(
            apply_to(&self.query, asking.clone(), LoraTarget::Query),
            apply_to(&self.key, hidden.clone(), LoraTarget::Key),
            apply_to(&self.value, hidden, LoraTarget::Value),
            sequences,
            AttentionSettings {
                heads: self.heads,
                window: None,
                dropout: dropout.and_then(|stage| stage.at(self.probability_dropout, 0)),
                precision,
            },
        );
        let projected = apply_to(&self.output, context, LoraTarget::AttentionOutput);
        let dropout = dropout.and_then(|stage| stage.at(self.output_dropout, 1));
        layers::apply_residual_norm(&self.norm, projected, asking, dropout, self.epsilon)
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
                hidden_dropout_prob: 0.5,
                attention_probs_dropout_prob: 0.0,
                ..EncoderConfig::base(family)
            };
            let device = Device::flex();
            let encoder = init_weights(config.init(&device).unwrap(), 0.5, 1);
            let sequences = Sequences::new(&[0, 3, 6], &device).unwrap();
            let rows = Tensor::arange(0..48, &device).float().reshape([6, 8]) / 48.0;
            let forward = |dropout| {
                let attention = &encoder.layers[0].attention;
                let output = attention.forward(
                    rows.clone(),
                    &sequences,
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
