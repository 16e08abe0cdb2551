//! Configuration of an encoder.

use serde::{Deserialize, Serialize};

use crate::encoder::{Activation, Positions};
use crate::error::ModelError;
use crate::family::Family;
use crate::limits::{LARGEST_SIZE, check_dropout};

/// Maximum number of layers, so that a corrupted file cannot exhaust the memory.
const MOST_LAYERS: usize = 1000;

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
    /// them (default: `None`, equal widths).
    pub embedding_size: Option<usize>,
    /// Width of the hidden states, `D`, a multiple of `num_attention_heads` (default: 768).
    pub hidden_size: usize,
    /// Number of Transformer layers, `L`, at most 1000 (default: 12).
    pub num_hidden_layers: usize,
    /// Number of attention heads, `H` (default: 12).
    pub num_attention_heads: usize,
    /// Inner width of the feed-forward network (default: 3072).
    pub intermediate_size: usize,
    /// Activation function of the feed-forward network (default: GELU).
    pub hidden_act: Activation,
    /// Dropout probability of hidden values, in `[0, 1)` (default: 0.1).
    pub hidden_dropout_prob: f64,
    /// Dropout probability of attention weights, in `[0, 1)` (default: 0.1).
    pub attention_probs_dropout_prob: f64,
    /// Rows of the position embeddings (default: 512); see [`EncoderConfig::max_sequence_length`].
    pub max_position_embeddings: usize,
    /// Numbering of positions (default: from 0).
    pub positions: Positions,
    /// Rows of the token type embeddings; 0 for an encoder without token types (default: 2).
    pub type_vocab_size: usize,
    /// Constant added to the variance in layer normalization, above 0 (default: 1e-12).
    pub layer_norm_eps: f64,
    /// Standard deviation of newly initialized weights, above 0 (default: 0.02).
    pub initializer_range: f64,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            family: Family::Bert,
            vocab_size: 30_522,
            embedding_size: None,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            positions: Positions::FromZero,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            initializer_range: 0.02,
        }
    }
}

impl EncoderConfig {
    /// Returns the configuration of a family's base model:
    /// [DistilBERT](https://huggingface.co/distilbert/distilbert-base-uncased),
    /// [RoBERTa](https://huggingface.co/FacebookAI/roberta-base),
    /// [XLM-R](https://huggingface.co/FacebookAI/xlm-roberta-base),
    /// [CamemBERT](https://huggingface.co/almanach/camembert-base),
    /// [ELECTRA](https://huggingface.co/google/electra-base-discriminator).
    ///
    /// ```
    /// use finetune_model::{EncoderConfig, Family};
    ///
    /// let small = EncoderConfig { num_hidden_layers: 2, ..EncoderConfig::base(Family::Roberta) };
    /// assert_eq!(small.max_sequence_length(), 512);
    /// ```
    pub fn base(family: Family) -> Self {
        let bert = Self {
            family,
            ..Self::default()
        };
        let roberta = |vocab_size| Self {
            vocab_size,
            max_position_embeddings: 514,
            positions: Positions::AfterPadding { padding_index: 1 },
            type_vocab_size: 1,
            layer_norm_eps: 1e-5,
            ..bert.clone()
        };
        match family {
            Family::Bert | Family::Electra => bert,
            Family::DistilBert => Self {
                num_hidden_layers: 6,
                type_vocab_size: 0,
                ..bert
            },
            Family::Roberta => roberta(50_265),
            Family::XlmRoberta => roberta(250_002),
            Family::Camembert => roberta(32_005),
        }
    }

    /// Returns the configuration of a family's large model: 24 layers, hidden size 1024. No large
    /// DistilBERT has been published.
    pub fn large(family: Family) -> Self {
        Self {
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            intermediate_size: 4096,
            ..Self::base(family)
        }
    }

    /// Returns the width of the embeddings, `E`.
    pub fn embedding_width(&self) -> usize {
        self.embedding_size.unwrap_or(self.hidden_size)
    }

    /// Returns the maximum sequence length in tokens.
    pub fn max_sequence_length(&self) -> usize {
        self.positions
            .max_sequence_length(self.max_position_embeddings)
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if a value is out of range; it names the first field.
    pub fn validate(&self) -> Result<(), ModelError> {
        let check = ModelError::check::<usize, String>;
        for (field, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("embedding_size", self.embedding_width()),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            let valid = (1..=LARGEST_SIZE).contains(&size);
            check(valid, field, size, format!("in 1..={LARGEST_SIZE}"))?;
        }
        let types = self.type_vocab_size;
        let expected = format!("at most {LARGEST_SIZE}");
        check(types <= LARGEST_SIZE, "type_vocab_size", types, expected)?;
        let (width, heads) = (self.hidden_size, self.num_attention_heads);
        let expected = format!("a multiple of num_attention_heads {heads}");
        check(width.is_multiple_of(heads), "hidden_size", width, expected)?;
        check_dropout("hidden_dropout_prob", self.hidden_dropout_prob)?;
        let dropout = self.attention_probs_dropout_prob;
        check_dropout("attention_probs_dropout_prob", dropout)?;
        for (field, number) in [
            ("layer_norm_eps", self.layer_norm_eps),
            ("initializer_range", self.initializer_range),
        ] {
            let valid = number > 0.0 && number.is_finite();
            ModelError::check(valid, field, number, "above 0")?;
        }
        let layers = self.num_hidden_layers;
        let expected = format!("at most {MOST_LAYERS}");
        check(layers <= MOST_LAYERS, "num_hidden_layers", layers, expected)?;
        let (valid, rows) = (self.max_sequence_length() > 0, self.max_position_embeddings);
        let expected = format!("more than the rows before the first, {:?}", self.positions);
        check(valid, "max_position_embeddings", rows, expected)?;
        self.family.check(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        EncoderConfig::default().validate().unwrap();
    }

    /// Numbers of parameters as transformers counts them, the pooler aside.
    #[test]
    fn published_sizes_have_their_number_of_parameters() {
        for (config, expected) in [
            (EncoderConfig::base(Family::Bert), 108_891_648),
            (EncoderConfig::large(Family::Bert), 334_092_288),
            (EncoderConfig::base(Family::DistilBert), 66_362_880),
            (EncoderConfig::base(Family::Roberta), 124_055_040),
            (EncoderConfig::large(Family::Roberta), 354_310_144),
            (EncoderConfig::base(Family::XlmRoberta), 277_453_056),
            (EncoderConfig::base(Family::Camembert), 110_031_360),
            (EncoderConfig::base(Family::Electra), 108_891_648),
        ] {
            let encoder = config.init(&burn::tensor::Device::flex()).unwrap();
            let sizes = crate::parameters(&encoder).into_iter();
            let count: usize = sizes.map(|p| p.shape.iter().product::<usize>()).sum();
            assert_eq!(count, expected, "{}", config.family);
        }
    }

    #[test]
    fn impossible_values_are_named() {
        let base = EncoderConfig::default;
        for (config, field) in [
            (
                EncoderConfig {
                    vocab_size: 0,
                    ..base()
                },
                "vocab_size",
            ),
            (
                EncoderConfig {
                    num_attention_heads: 7,
                    ..base()
                },
                "hidden_size",
            ),
            (
                EncoderConfig {
                    hidden_size: usize::MAX - 3,
                    ..base()
                },
                "hidden_size",
            ),
            (
                EncoderConfig {
                    type_vocab_size: usize::MAX,
                    ..base()
                },
                "type_vocab_size",
            ),
            (
                EncoderConfig {
                    num_attention_heads: 0,
                    ..base()
                },
                "num_attention_heads",
            ),
            (
                EncoderConfig {
                    hidden_dropout_prob: 1.0,
                    ..base()
                },
                "hidden_dropout_prob",
            ),
            (
                EncoderConfig {
                    layer_norm_eps: f64::NAN,
                    ..base()
                },
                "layer_norm_eps",
            ),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
        }
    }
}
