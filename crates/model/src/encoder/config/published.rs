//! Configurations of published models.

use super::EncoderConfig;
use crate::encoder::{Activation, NormPlacement, NormType, Positions, RelativeAttention};
use crate::family::Family;

impl EncoderConfig {
    /// Returns the configuration of a family's base model:
    /// [DistilBERT](https://huggingface.co/distilbert/distilbert-base-uncased),
    /// [RoBERTa](https://huggingface.co/FacebookAI/roberta-base),
    /// [XLM-R](https://huggingface.co/FacebookAI/xlm-roberta-base),
    /// [CamemBERT](https://huggingface.co/almanach/camembert-base),
    /// [ELECTRA](https://huggingface.co/google/electra-base-discriminator),
    /// [ModernBERT](https://huggingface.co/answerdotai/ModernBERT-base),
    /// [DeBERTa-v3](https://huggingface.co/microsoft/deberta-v3-base),
    /// [MPNet](https://huggingface.co/microsoft/mpnet-base),
    /// [ALBERT](https://huggingface.co/albert/albert-base-v2),
    /// [NomicBERT](https://huggingface.co/nomic-ai/nomic-embed-text-v1.5),
    /// [GTE](https://huggingface.co/Alibaba-NLP/gte-multilingual-base),
    /// [EuroBERT](https://huggingface.co/EuroBERT/EuroBERT-210m).
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
            Family::ModernBert => Self::modernbert(),
            Family::MpNet => Self {
                relative_attention_num_buckets: Some(32),
                type_vocab_size: 0,
                ..roberta(30_527)
            },
            Family::Albert => Self {
                vocab_size: 30_000,
                embedding_size: Some(128),
                num_hidden_groups: Some(1),
                hidden_act: Activation::GeluNew,
                hidden_dropout_prob: 0.0,
                attention_probs_dropout_prob: 0.0,
                ..bert
            },
            Family::NomicBert => Self {
                vocab_size: 30_528,
                gated_mlp: true,
                hidden_act: Activation::Silu,
                hidden_dropout_prob: 0.0,
                attention_probs_dropout_prob: 0.0,
                max_position_embeddings: 2048,
                positions: Positions::rotary(1000.0),
                attention_bias: false,
                mlp_bias: false,
                ..bert
            },
            Family::Gte => Self {
                vocab_size: 250_048,
                gated_mlp: true,
                attention_probs_dropout_prob: 0.0,
                max_position_embeddings: 8192,
                positions: Positions::rotary(160_000.0),
                type_vocab_size: 1,
                mlp_bias: false,
                mlp_output_bias: Some(true),
                ..bert
            },
            Family::EuroBert => Self::eurobert(),
            Family::DebertaV2 => Self {
                vocab_size: 128_100,
                positions: Positions::Relative,
                relative_attention: Some(RelativeAttention::default()),
                type_vocab_size: 0,
                layer_norm_eps: 1e-7,
                ..bert
            },
        }
    }

    /// Returns the configuration of a family's large model: 24 layers, 28 in ModernBERT, and hidden
    /// size 1024; EuroBERT with 610 million parameters has 26 layers and hidden size 1152. No large
    /// DistilBERT or NomicBERT has been published.
    pub fn large(family: Family) -> Self {
        let base = Self::base(family);
        let (hidden_size, num_hidden_layers, num_attention_heads, intermediate_size) = match family
        {
            Family::ModernBert => (1024, 28, 16, 2624),
            Family::EuroBert => (1152, 26, 18, 4096),
            _ => (1024, 24, 16, 4096),
        };
        Self {
            hidden_size,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: match family {
                Family::EuroBert => Some(6),
                _ => base.num_key_value_heads,
            },
            intermediate_size,
            ..base
        }
    }

    /// The sizes of the smallest published model, the other values the defaults of
    /// [`EuroBertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/eurobert/configuration_eurobert.py).
    fn eurobert() -> Self {
        Self {
            family: Family::EuroBert,
            vocab_size: 128_256,
            embedding_norm: false,
            gated_mlp: true,
            hidden_act: Activation::Silu,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            max_position_embeddings: 8192,
            positions: Positions::rotary(250_000.0),
            type_vocab_size: 0,
            norm_type: NormType::RmsNorm,
            layer_norm_eps: 1e-5,
            norm_placement: NormPlacement::PreNorm {
                before_first_attention: true,
            },
            norm_bias: false,
            attention_bias: false,
            mlp_bias: false,
            decoder_bias: false,
            tie_word_embeddings: false,
            ..Self::default()
        }
    }

    /// The defaults of
    /// [`ModernBertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/modernbert/configuration_modernbert.py).
    fn modernbert() -> Self {
        Self {
            family: Family::ModernBert,
            vocab_size: 50_368,
            num_hidden_layers: 22,
            intermediate_size: 1152,
            gated_mlp: true,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            max_position_embeddings: 8192,
            positions: Positions::Rotary {
                global_rope_theta: 160_000.0,
                local_rope_theta: Some(10_000.0),
            },
            local_attention: Some(128),
            global_attn_every_n_layers: 3,
            type_vocab_size: 0,
            layer_norm_eps: 1e-5,
            norm_placement: NormPlacement::PreNorm {
                before_first_attention: false,
            },
            norm_bias: false,
            attention_bias: false,
            mlp_bias: false,
            classifier_bias: false,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (EncoderConfig::base(Family::ModernBert), 149_014_272),
            (EncoderConfig::large(Family::ModernBert), 394_781_696),
            (EncoderConfig::base(Family::MpNet), 108_895_872),
            (EncoderConfig::base(Family::DebertaV2), 183_831_552),
            (EncoderConfig::large(Family::DebertaV2), 434_012_160),
            (EncoderConfig::base(Family::Albert), 11_092_992),
            (EncoderConfig::large(Family::Albert), 16_634_368),
            (EncoderConfig::base(Family::NomicBert), 136_731_648),
            (EncoderConfig::base(Family::Gte), 305_368_320),
            (EncoderConfig::base(Family::EuroBert), 211_766_016),
            (EncoderConfig::large(Family::EuroBert), 607_874_688),
        ] {
            let encoder = config.init(&burn::tensor::Device::flex()).unwrap();
            let sizes = crate::parameters(&encoder).into_iter();
            let count: usize = sizes.map(|p| p.shape.iter().product::<usize>()).sum();
            assert_eq!(count, expected, "{}", config.family);
        }
    }
}
