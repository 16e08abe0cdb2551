//! Model families of the encoder and their differences.
//!
//! A family determines the names in `config.json` and of the checkpoint's tensors, and which values
//! of an [`EncoderConfig`] a checkpoint can represent. The computation depends on these values, and
//! in training on whether the family has dropout on the attention output.

mod check;

use serde::{Deserialize, Serialize};

use crate::encoder::{Activation, EncoderConfig};
use crate::head::{HeadConfig, HiddenNorm, MlpConfig};
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
    /// [ModernBERT](https://arxiv.org/abs/2412.13663): rotary positions, local attention, gated
    /// feed-forward networks, normalization before the blocks.
    #[serde(rename = "modernbert")]
    ModernBert,
    /// [DeBERTa-v2](https://arxiv.org/abs/2006.03654) and
    /// [DeBERTa-v3](https://arxiv.org/abs/2111.09543): relative positions, no pooler.
    DebertaV2,
    /// [MPNet](https://arxiv.org/abs/2004.09297): RoBERTa without token types, with a bias by distance.
    #[serde(rename = "mpnet")]
    MpNet,
    /// [ALBERT](https://arxiv.org/abs/1909.11942): layers that share their parameters, own embedding
    /// width.
    Albert,
    /// [NomicBERT](https://arxiv.org/abs/2402.01613): BERT with rotary positions and gated feed-forward
    /// networks, without biases.
    #[serde(rename = "nomic_bert")]
    NomicBert,
    /// [GTE](https://arxiv.org/abs/2407.19669), multilingual and version 1.5: BERT with rotary
    /// positions and gated feed-forward networks.
    Gte,
    /// [EuroBERT](https://arxiv.org/abs/2503.05500): a Llama that attends to both sides, with
    /// root mean square normalization before the blocks, no pooler.
    #[serde(rename = "eurobert")]
    EuroBert,
}

/// `model_type` of every family, for error messages.
pub(crate) const MODEL_TYPES: &str = "bert, distilbert, roberta, xlm-roberta, camembert, electra, modernbert, deberta-v2, mpnet, \
     albert, nomic_bert, gte, eurobert";

impl Family {
    /// All families.
    pub const ALL: [Self; 13] = [
        Self::Bert,
        Self::DistilBert,
        Self::Roberta,
        Self::XlmRoberta,
        Self::Camembert,
        Self::Electra,
        Self::ModernBert,
        Self::DebertaV2,
        Self::MpNet,
        Self::Albert,
        Self::NomicBert,
        Self::Gte,
        Self::EuroBert,
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
            Self::ModernBert => "modernbert",
            Self::DebertaV2 => "deberta-v2",
            Self::MpNet => "mpnet",
            Self::Albert => "albert",
            Self::NomicBert => "nomic_bert",
            Self::Gte => "gte",
            Self::EuroBert => "eurobert",
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
            Self::ModernBert => "ModernBert",
            Self::DebertaV2 => "DebertaV2",
            Self::MpNet => "MPNet",
            Self::Albert => "Albert",
            Self::NomicBert => "NomicBert",
            Self::Gte => "Gte",
            Self::EuroBert => "EuroBert",
        }
    }

    /// Returns whether the family is RoBERTa or a variant of it.
    pub(crate) fn is_roberta(self) -> bool {
        matches!(self, Self::Roberta | Self::XlmRoberta | Self::Camembert)
    }

    /// Returns the dropout probability of the attention output: `hidden_dropout_prob`, except in
    /// [`DistilBertSelfAttention`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/distilbert/modeling_distilbert.py),
    /// which drops only attention weights, and in
    /// [`ModernBertAttention`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/modernbert/modeling_modernbert.py),
    /// which has one probability for both.
    pub(crate) fn attention_output_dropout(self, encoder: &EncoderConfig) -> f64 {
        match self {
            Self::DistilBert => 0.0,
            Self::ModernBert => encoder.attention_probs_dropout_prob,
            _ => encoder.hidden_dropout_prob,
        }
    }

    /// Returns the dropout probability of the feed-forward network's output: `hidden_dropout_prob`,
    /// except in
    /// [`AlbertLayer`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/albert/modeling_albert.py),
    /// which has a dropout there, but does not apply it.
    pub(crate) fn feed_forward_output_dropout(self, encoder: &EncoderConfig) -> f64 {
        match self {
            Self::Albert => 0.0,
            _ => encoder.hidden_dropout_prob,
        }
    }

    /// Returns the dropout probability of the activations in the feed-forward network: `mlp_dropout`,
    /// except in
    /// [`GteMLP`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/gte/modeling_gte.py),
    /// which has one probability for all hidden values.
    pub(crate) fn activation_dropout(self, encoder: &EncoderConfig) -> f64 {
        match self {
            Self::Gte => encoder.hidden_dropout_prob,
            _ => encoder.mlp_dropout,
        }
    }

    /// Returns whether a linear layer follows the embeddings: if they are narrower or wider than the
    /// layers, and always in
    /// [`AlbertTransformer`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/albert/modeling_albert.py).
    pub(crate) fn projects_embeddings(self, encoder: &EncoderConfig) -> bool {
        self == Self::Albert || encoder.embedding_width() != encoder.hidden_size
    }

    /// Returns the classifier dropout if `config.json` does not set it: that of the encoder, except
    /// for DistilBERT's `seq_classif_dropout` and ALBERT's `classifier_dropout_prob`, which have their
    /// own defaults of 0.2 and 0.1.
    pub(crate) fn classifier_dropout(self, hidden_dropout_prob: f64) -> f64 {
        match self {
            Self::DistilBert => 0.2,
            Self::Albert => 0.1,
            _ => hidden_dropout_prob,
        }
    }

    /// Returns the dropout of the token classifier in transformers: `classifier_dropout` of
    /// `config.json` if the family's class reads it, otherwise that of the encoder.
    pub(crate) fn token_dropout(
        self,
        encoder: &EncoderConfig,
        classifier_dropout: Option<f64>,
    ) -> f64 {
        let of_file = classifier_dropout.filter(|_| self.has_token_dropout());
        of_file.unwrap_or(encoder.hidden_dropout_prob)
    }

    /// Returns whether the family's token classifier reads a dropout of its own.
    pub(crate) fn has_token_dropout(self) -> bool {
        let without = [
            Self::DistilBert,
            Self::DebertaV2,
            Self::MpNet,
            Self::EuroBert,
        ];
        !without.contains(&self)
    }

    /// Returns the head of the family's token classifier in transformers, with dropout probability
    /// `dropout` before the last layer: one linear layer, as in
    /// [`BertForTokenClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py),
    /// behind a dense layer and a normalization in
    /// [`ModernBertForTokenClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/modernbert/modeling_modernbert.py).
    pub fn token_head(self, encoder: &EncoderConfig, dropout: f64) -> MlpConfig {
        match self {
            Self::ModernBert => self.modern_bert_head(encoder, dropout),
            _ => MlpConfig::linear(dropout),
        }
    }

    /// Returns dense layer, normalization and last layer of ModernBERT's classifiers.
    fn modern_bert_head(self, encoder: &EncoderConfig, dropout: f64) -> MlpConfig {
        MlpConfig {
            hidden_sizes: vec![encoder.hidden_size],
            hidden_bias: encoder.classifier_bias,
            activation: encoder.classifier_activation,
            hidden_norm: Some(HiddenNorm {
                eps: encoder.layer_norm_eps,
                bias: encoder.norm_bias,
            }),
            dropout,
            ..Default::default()
        }
    }

    /// Returns whether encoders of the family have a pooler.
    pub(crate) fn has_pooler(self) -> bool {
        let without = [
            Self::DistilBert,
            Self::Electra,
            Self::ModernBert,
            Self::DebertaV2,
            Self::EuroBert,
        ];
        !without.contains(&self)
    }

    /// Returns whether the masked LM head transforms hidden states before the decoder.
    pub(crate) fn has_masked_lm_transform(self) -> bool {
        self != Self::EuroBert
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
    /// [`ElectraClassificationHead`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/electra/modeling_electra.py#L666),
    /// [`ModernBertForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/modernbert/modeling_modernbert.py),
    /// [`DebertaV2ForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/deberta_v2/modeling_deberta_v2.py),
    /// [`MPNetClassificationHead`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/mpnet/modeling_mpnet.py),
    /// [`AlbertForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/albert/modeling_albert.py),
    /// [`NomicBertForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/nomic_bert/modeling_nomic_bert.py),
    /// [`GteForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/gte/modeling_gte.py),
    /// [`EuroBertForSequenceClassification`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/eurobert/modeling_eurobert.py).
    pub fn classification_head(
        self,
        encoder: &EncoderConfig,
        dropout: f64,
    ) -> (Pooling, HeadConfig) {
        let dense = |activation, input_dropout| MlpConfig {
            hidden_sizes: vec![encoder.hidden_size],
            activation,
            input_dropout,
            dropout,
            ..Default::default()
        };
        let (pooling, head) = match self {
            Self::Bert | Self::Albert | Self::NomicBert | Self::Gte => {
                (Pooling::pooler(), MlpConfig::linear(dropout))
            }
            Self::DistilBert => (Pooling::cls(), dense(Activation::Relu, 0.0)),
            Self::Roberta | Self::XlmRoberta | Self::Camembert | Self::MpNet => {
                (Pooling::cls(), dense(Activation::Tanh, dropout))
            }
            Self::Electra => (Pooling::cls(), dense(Activation::Gelu, dropout)),
            Self::EuroBert => {
                let head = MlpConfig {
                    late_pooling: true,
                    ..dense(Activation::Gelu, 0.0)
                };
                (Pooling::cls(), head)
            }
            Self::DebertaV2 => {
                let head = dense(encoder.classifier_activation, encoder.pooler_dropout);
                (Pooling::cls(), head)
            }
            Self::ModernBert => (Pooling::cls(), self.modern_bert_head(encoder, dropout)),
        };
        (pooling, HeadConfig::Mlp(head))
    }

    /// Returns pooling and head of the family's sequence classifier by their name in
    /// `classifier_pooling` of `config.json`; none if it has no choice.
    pub(crate) fn classifier_poolings(
        self,
        encoder: &EncoderConfig,
        dropout: f64,
    ) -> Vec<(&'static str, (Pooling, HeadConfig))> {
        let own = self.classification_head(encoder, dropout);
        let pooled = |pooling| (pooling, own.1.clone().of_pooled());
        let (cls, mean) = (pooled(Pooling::cls()), pooled(Pooling::mean()));
        match self {
            Self::ModernBert => vec![("cls", cls), ("mean", mean)],
            Self::EuroBert => vec![("bos", cls), ("mean", mean), ("late", own)],
            _ => Vec::new(),
        }
    }

    /// Returns the activation function of the family's masked LM head.
    pub(crate) fn masked_lm_activation(self, encoder: &EncoderConfig) -> Activation {
        match self {
            Self::Bert | Self::DistilBert | Self::DebertaV2 | Self::Albert | Self::NomicBert => {
                encoder.hidden_act
            }
            Self::ModernBert => encoder.classifier_activation,
            _ => Activation::Gelu,
        }
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
}
