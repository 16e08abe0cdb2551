//! Configurations of published models.

use super::EncoderConfig;
use crate::encoder::{NormPlacement, Positions, RelativeAttention};
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
    /// [MPNet](https://huggingface.co/microsoft/mpnet-base).
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
    /// size 1024. No large DistilBERT has been published.
    pub fn large(family: Family) -> Self {
        let (num_hidden_layers, intermediate_size) = match family {
            Family::ModernBert => (28, 2624),
            _ => (24, 4096),
        };
        Self {
            hidden_size: 1024,
            num_hidden_layers,
            num_attention_heads: 16,
            intermediate_size,
            ..Self::base(family)
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
        ] {
            let encoder = config.init(&burn::tensor::Device::flex()).unwrap();
            let sizes = crate::parameters(&encoder).into_iter();
            let count: usize = sizes.map(|p| p.shape.iter().product::<usize>()).sum();
            assert_eq!(count, expected, "{}", config.family);
        }
    }
}
