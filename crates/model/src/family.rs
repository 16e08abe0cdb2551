//! Model families of the encoder and their differences.
//!
//! A family determines the names in `config.json` and of the checkpoint's tensors, and which values
//! of an [`EncoderConfig`] a checkpoint can represent. The computation depends on these values, and
//! in training on whether the family has dropout on the attention output.

use serde::{Deserialize, Serialize};

use crate::encoder::{Activation, EncoderConfig, Positions};
use crate::error::ModelError;
use crate::head::{HeadConfig, MlpConfig};
use crate::pooling::Pooling;

/// Model family, by its `model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// [BERT](https://arxiv.org/abs/1810.04805).
    #[default]
    Bert,
    /// [DistilBERT](https://arxiv.org/abs/1910.01108): no token types, no pooler.
    #[serde(rename = "distilbert")]
    DistilBert,
    /// [RoBERTa](https://arxiv.org/abs/1907.11692): positions start after the id of the padding
    /// token, and padding is not counted.
    Roberta,
    /// [XLM-R](https://arxiv.org/abs/1911.02116): RoBERTa with another vocabulary.
    XlmRoberta,
    /// [CamemBERT](https://arxiv.org/abs/1911.03894): RoBERTa with another vocabulary.
    Camembert,
    /// [ELECTRA](https://arxiv.org/abs/2003.10555): own embedding width, no pooler.
    Electra,
}

/// `model_type` of every family, for error messages.
pub(crate) const MODEL_TYPES: &str = "bert, distilbert, roberta, xlm-roberta, camembert, electra";

impl Family {
    /// All families.
    pub const ALL: [Self; 6] = [
        Self::Bert,
        Self::DistilBert,
        Self::Roberta,
        Self::XlmRoberta,
        Self::Camembert,
        Self::Electra,
    ];

    /// Returns the `model_type` in `config.json`.
    ///
    /// ```
    /// assert_eq!(finetune_model::Family::XlmRoberta.model_type(), "xlm-roberta");
    /// ```
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::DistilBert => "distilbert",
            Self::Roberta => "roberta",
            Self::XlmRoberta => "xlm-roberta",
            Self::Camembert => "camembert",
            Self::Electra => "electra",
        }
    }

    /// Returns the family with this `model_type`.
    pub(crate) fn from_model_type(model_type: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|family| family.model_type() == model_type)
    }

    /// Returns the prefix of the family's class names in transformers.
    pub(crate) fn class_stem(self) -> &'static str {
        match self {
            Self::Bert => "Bert",
            Self::DistilBert => "DistilBert",
            Self::Roberta => "Roberta",
            Self::XlmRoberta => "XLMRoberta",
            Self::Camembert => "Camembert",
            Self::Electra => "Electra",
        }
    }

    /// Returns whether the family is RoBERTa or a variant of it.
    pub(crate) fn is_roberta(self) -> bool {
        matches!(self, Self::Roberta | Self::XlmRoberta | Self::Camembert)
    }

    /// Returns whether the attention output has dropout with `hidden_dropout_prob`.
    /// [`DistilBertSelfAttention`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/distilbert/modeling_distilbert.py)
    /// has dropout on the attention weights only.
    pub(crate) fn drops_attention_output(self) -> bool {
        self != Self::DistilBert
    }

    /// Returns the classifier dropout if `config.json` does not set it: that of the encoder, except
    /// for DistilBERT's `seq_classif_dropout`, which has its own default of 0.2.
    pub(crate) fn classifier_dropout(self, hidden_dropout_prob: f64) -> f64 {
        match self {
            Self::DistilBert => 0.2,
            _ => hidden_dropout_prob,
        }
    }

    /// Returns whether pre-trained encoders of the family have a pooler.
    pub(crate) fn has_pooler(self) -> bool {
        self == Self::Bert || self.is_roberta()
    }

    /// Returns whether the family was pre-trained with next-sentence prediction: transformers has a
    /// class for it, with token types for the two segments and a pooler.
    pub(crate) fn has_next_sentence_head(self) -> bool {
        self == Self::Bert
    }

    /// Returns pooling and head of the family's sequence classifier in transformers, with dropout
    /// probability `dropout`:
    /// [`BertForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py#L1065),
    /// [`DistilBertForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/distilbert/modeling_distilbert.py),
    /// [`RobertaClassificationHead`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/roberta/modeling_roberta.py#L1142),
    /// [`ElectraClassificationHead`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/electra/modeling_electra.py#L666).
    pub fn classification_head(self, hidden_size: usize, dropout: f64) -> (Pooling, HeadConfig) {
        let dense = |activation, input_dropout| MlpConfig {
            hidden_sizes: vec![hidden_size],
            activation,
            input_dropout,
            dropout,
            ..Default::default()
        };
        let (pooling, head) = match self {
            Self::Bert => (Pooling::pooler(), MlpConfig::linear(dropout)),
            Self::DistilBert => (Pooling::cls(), dense(Activation::Relu, 0.0)),
            Self::Roberta | Self::XlmRoberta | Self::Camembert => {
                (Pooling::cls(), dense(Activation::Tanh, dropout))
            }
            Self::Electra => (Pooling::cls(), dense(Activation::Gelu, dropout)),
        };
        (pooling, HeadConfig::Mlp(head))
    }

    /// Returns the activation function of the family's masked LM head.
    pub(crate) fn masked_lm_activation(self, hidden_act: Activation) -> Activation {
        match self {
            Self::Bert | Self::DistilBert => hidden_act,
            _ => Activation::Gelu,
        }
    }

    /// Checks that a checkpoint of the family can represent the configuration.
    pub(crate) fn check(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let check = |valid, field, found: String, expected: &str| {
            let expected = format!("{expected} in the family {self}");
            ModelError::check(valid, field, found, expected)
        };
        let distilbert = self == Self::DistilBert;
        let types = config.type_vocab_size;
        let expected = if types == 0 { "at least 1" } else { "0" };
        let valid = (types == 0) == distilbert;
        check(valid, "type_vocab_size", types.to_string(), expected)?;
        let epsilon = config.layer_norm_eps;
        let valid = !distilbert || epsilon == 1e-12;
        check(valid, "layer_norm_eps", epsilon.to_string(), "1e-12")?;
        let width = config.embedding_width();
        let valid = self == Self::Electra || width == config.hidden_size;
        check(
            valid,
            "embedding_size",
            width.to_string(),
            "the hidden size",
        )?;
        let positions = config.positions;
        let valid = matches!(positions, Positions::AfterPadding { .. }) == self.is_roberta();
        let expected = match self.is_roberta() {
            true => "after_padding",
            false => "from_zero",
        };
        check(valid, "positions", format!("{positions:?}"), expected)
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.model_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_found_by_its_name() {
        for family in Family::ALL {
            assert_eq!(Family::from_model_type(family.model_type()), Some(family));
            assert!(MODEL_TYPES.contains(family.model_type()));
            let name = serde_json::to_value(family).unwrap();
            assert_eq!(name, family.model_type());
        }
        assert_eq!(Family::from_model_type("gpt2"), None);
    }

    #[test]
    fn the_base_model_of_every_family_is_of_it() {
        for family in Family::ALL {
            EncoderConfig::base(family).validate().unwrap();
        }
    }

    #[test]
    fn what_a_family_cannot_hold_is_refused() {
        for (config, field) in [
            (
                EncoderConfig {
                    type_vocab_size: 2,
                    ..EncoderConfig::base(Family::DistilBert)
                },
                "type_vocab_size",
            ),
            (
                EncoderConfig {
                    type_vocab_size: 0,
                    ..EncoderConfig::default()
                },
                "type_vocab_size",
            ),
            (
                EncoderConfig {
                    layer_norm_eps: 1e-5,
                    ..EncoderConfig::base(Family::DistilBert)
                },
                "layer_norm_eps",
            ),
            (
                EncoderConfig {
                    embedding_size: Some(128),
                    ..EncoderConfig::default()
                },
                "embedding_size",
            ),
            (
                EncoderConfig {
                    positions: Positions::FromZero,
                    ..EncoderConfig::base(Family::Camembert)
                },
                "positions",
            ),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
            assert!(message.contains(config.family.model_type()), "{message}");
        }
    }
}
