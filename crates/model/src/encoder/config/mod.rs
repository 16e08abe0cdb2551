//! Configuration of an encoder.

mod published;
mod validate;

use serde::{Deserialize, Serialize};

use crate::encoder::{
    Activation, LayerType, NormPlacement, NormType, Positions, RelativeAttention, RopeScaling,
};
use crate::family::Family;

/// Configuration of an [`Encoder`](crate::Encoder), with the names of BERT's `config.json`.
///
/// The defaults are those of
/// [`BertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/configuration_bert.py):
/// BERT base, uncased. [`EncoderConfig::base`] returns those of the other families.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderConfig {
    /// Model family, which determines the checkpoint layout (default: BERT). Values of other fields
    /// that a checkpoint of the family cannot represent are errors.
    pub family: Family,
    /// Vocabulary size: rows of the word embeddings, `V` (default: 30,522).
    pub vocab_size: usize,
    /// Width of the embeddings, `E`, if it differs from `hidden_size`; a linear layer then projects
    /// them (default: `None`, equal widths). ALBERT projects embeddings of any width.
    pub embedding_size: Option<usize>,
    /// Whether the embeddings are normalized (default: true).
    #[serde(skip_serializing_if = "is_true")]
    pub embedding_norm: bool,
    /// Width of the hidden states, `D`, a multiple of `num_attention_heads`, and an even one with
    /// rotary positions (default: 768).
    pub hidden_size: usize,
    /// Number of Transformer layers, `L`, at most 1000 (default: 12).
    pub num_hidden_layers: usize,
    /// Groups of consecutive layers that share their parameters, in `1..=L`; each layer has its own
    /// if `None` (default: `None`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_hidden_groups: Option<usize>,
    /// Number of attention heads, `H` (default: 12).
    pub num_attention_heads: usize,
    /// Number of heads of keys and values, a divisor of `num_attention_heads`: each serves several
    /// heads of queries, next to each other (default: `None`, one for each).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Inner width of the feed-forward network, `I` (default: 3072).
    pub intermediate_size: usize,
    /// Whether the feed-forward network is gated: its first linear layer has a second half, which
    /// the activated first half is multiplied by (default: false).
    pub gated_mlp: bool,
    /// Activation function of the feed-forward network (default: GELU).
    pub hidden_act: Activation,
    /// Dropout probability of hidden values, in `[0, 1)` (default: 0.1).
    pub hidden_dropout_prob: f64,
    /// Dropout probability of attention weights, in `[0, 1)` (default: 0.1). In ModernBERT also that
    /// of the attention output.
    pub attention_probs_dropout_prob: f64,
    /// Dropout probability of the embeddings, in `[0, 1)`, if it differs from
    /// `hidden_dropout_prob` (default: `None`).
    pub embedding_dropout: Option<f64>,
    /// Dropout probability of the activations in the feed-forward network, in `[0, 1)` (default: 0). In
    /// GTE it is `hidden_dropout_prob` instead.
    pub mlp_dropout: f64,
    /// Rows of the position embeddings, or the longest input with rotary positions (default: 512);
    /// see [`EncoderConfig::max_sequence_length`].
    pub max_position_embeddings: usize,
    /// Kind and numbering of positions (default: embeddings numbered from 0).
    pub positions: Positions,
    /// Scaling of the angles of rotary positions, with another in layers with local attention that of
    /// the layers with full attention (default: `None`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rope_scaling: Option<RopeScaling>,
    /// Scaling of the angles in layers with local attention (default: `None`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_rope_scaling: Option<RopeScaling>,
    /// Scores of the attention by the distance between tokens (default: `None`).
    pub relative_attention: Option<RelativeAttention>,
    /// Buckets of distances that add a bias to the scores of each head, an even number of at least 4
    /// (default: `None`).
    pub relative_attention_num_buckets: Option<usize>,
    /// Tokens in the window of layers with local attention, at least 1: half of them, rounded down,
    /// are on either side of a token (default: `None`, no such layers).
    pub local_attention: Option<usize>,
    /// Distance of layers with full attention, at least 1, beginning with the first; those between
    /// have local attention (default: 1, no such layers).
    pub global_attn_every_n_layers: usize,
    /// Kind of each layer, if there is no such distance (default: `None`).
    pub layer_types: Option<Vec<LayerType>>,
    /// Rows of the token type embeddings; 0 for an encoder without token types (default: 2).
    pub type_vocab_size: usize,
    /// Kind of the normalizations (default: layer normalization).
    #[serde(skip_serializing_if = "NormType::is_layer_norm")]
    pub norm_type: NormType,
    /// Constant added to the variance, or to the mean square, in normalizations, above 0 (default:
    /// 1e-12).
    pub layer_norm_eps: f64,
    /// Position of the layer normalizations (default: after each residual).
    pub norm_placement: NormPlacement,
    /// Whether layer normalizations have a bias (default: true).
    pub norm_bias: bool,
    /// Whether the linear layers of the attention have a bias (default: true).
    pub attention_bias: bool,
    /// Whether the linear layers of the feed-forward network have a bias (default: true).
    pub mlp_bias: bool,
    /// Whether the second linear layer of the feed-forward network has a bias, if it differs from
    /// `mlp_bias` (default: `None`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mlp_output_bias: Option<bool>,
    /// Standard deviation of newly initialized weights, above 0 (default: 0.02).
    pub initializer_range: f64,
    /// Dropout probability of the first token before DeBERTa's pooler, in `[0, 1)` (default: 0).
    pub pooler_dropout: f64,
    /// Whether checkpoints for masked language modeling name the head's tensors as BERT does, unlike
    /// those of the authors of DeBERTa (default: true).
    pub legacy: bool,
    /// Whether the dense layer of ModernBERT's heads has a bias (default: true).
    pub classifier_bias: bool,
    /// Activation of the dense layer of ModernBERT's heads and of DeBERTa's pooler (default: GELU).
    pub classifier_activation: Activation,
    /// Whether the decoder of the masked LM head has a bias (default: true).
    pub decoder_bias: bool,
    /// Whether the decoder of the masked LM head is the table of the word embeddings (default: true).
    #[serde(skip_serializing_if = "is_true")]
    pub tie_word_embeddings: bool,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            family: Family::Bert,
            vocab_size: 30_522,
            embedding_size: None,
            embedding_norm: true,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_hidden_groups: None,
            num_attention_heads: 12,
            num_key_value_heads: None,
            intermediate_size: 3072,
            gated_mlp: false,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            embedding_dropout: None,
            mlp_dropout: 0.0,
            max_position_embeddings: 512,
            positions: Positions::FromZero,
            rope_scaling: None,
            local_rope_scaling: None,
            relative_attention: None,
            relative_attention_num_buckets: None,
            local_attention: None,
            global_attn_every_n_layers: 1,
            layer_types: None,
            type_vocab_size: 2,
            norm_type: NormType::LayerNorm,
            layer_norm_eps: 1e-12,
            norm_placement: NormPlacement::PostNorm,
            norm_bias: true,
            attention_bias: true,
            mlp_bias: true,
            mlp_output_bias: None,
            initializer_range: 0.02,
            pooler_dropout: 0.0,
            legacy: true,
            classifier_bias: true,
            classifier_activation: Activation::Gelu,
            decoder_bias: true,
            tie_word_embeddings: true,
        }
    }
}

impl EncoderConfig {
    /// Returns the width of the embeddings, `E`.
    pub fn embedding_width(&self) -> usize {
        self.embedding_size.unwrap_or(self.hidden_size)
    }

    /// Returns the maximum sequence length in tokens.
    pub fn max_sequence_length(&self) -> usize {
        self.positions
            .max_sequence_length(self.max_position_embeddings)
    }

    /// Returns the width of an attention head, `K`.
    pub(crate) fn head_width(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Returns the number of heads of keys and values.
    pub(crate) fn key_value_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Returns the dropout probability of the embeddings.
    pub(crate) fn dropout_of_embeddings(&self) -> f64 {
        self.embedding_dropout.unwrap_or(self.hidden_dropout_prob)
    }

    /// Returns whether any value is dropped in training.
    pub(crate) fn has_dropout(&self) -> bool {
        let all = [
            self.hidden_dropout_prob,
            self.attention_probs_dropout_prob,
            self.dropout_of_embeddings(),
            self.mlp_dropout,
        ];
        all.into_iter().any(|probability| probability > 0.0)
    }
}

/// Returns whether a field has its default and need not be written.
fn is_true(value: &bool) -> bool {
    *value
}
