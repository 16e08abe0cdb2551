//! Values of an [`EncoderConfig`] that a family's checkpoints can represent.

use std::fmt::Debug;

use super::Family;
use crate::encoder::{Activation, EncoderConfig, LayerType, Positions};
use crate::error::ModelError;

impl Family {
    /// Checks that a checkpoint of the family can represent the configuration.
    pub(crate) fn check(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let types = config.type_vocab_size;
        let (valid, expected) = match self {
            Self::DebertaV2 | Self::Gte => (true, "any number"),
            Self::DistilBert | Self::MpNet | Self::ModernBert | Self::EuroBert => (types == 0, "0"),
            _ => (types > 0, "at least 1"),
        };
        self.check_value(valid, "type_vocab_size", types, expected)?;
        let epsilon = config.layer_norm_eps;
        let valid = self != Self::DistilBert || epsilon == 1e-12;
        self.check_value(valid, "layer_norm_eps", epsilon, "1e-12")?;
        let width = config.embedding_width();
        let valid = matches!(self, Self::Electra | Self::Albert) || width == config.hidden_size;
        self.check_value(valid, "embedding_size", width, "the hidden size")?;
        let positions = config.positions;
        let (valid, expected) = match self {
            // MPNet counts from the same position, whatever the id of its padding token.
            Self::MpNet => (
                positions == Positions::AfterPadding { padding_index: 1 },
                "after_padding, of index 1",
            ),
            Self::Roberta | Self::XlmRoberta | Self::Camembert => (
                matches!(positions, Positions::AfterPadding { .. }),
                "after_padding",
            ),
            Self::ModernBert => (positions.is_rotary(), "rotary"),
            Self::NomicBert | Self::Gte | Self::EuroBert => {
                let thetas = LayerType::ALL.map(|kind| positions.rope_theta(kind));
                let one_base = thetas[0].is_some() && thetas[0] == thetas[1];
                (one_base, "rotary, with one base in all layers")
            }
            Self::DebertaV2 => (
                matches!(positions, Positions::FromZero | Positions::Relative),
                "from_zero or relative",
            ),
            _ => (positions == Positions::FromZero, "from_zero"),
        };
        self.check_value(valid, "positions", positions, expected)?;
        self.check_relative(config)?;
        self.check_structure(config)?;
        self.check_layers(config)?;
        self.check_heads(config)
    }

    /// Checks the values of which only DeBERTa has a choice.
    fn check_relative(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let has = self == Self::DebertaV2;
        let relative = config.relative_attention;
        let expected = if has { "some" } else { "none" };
        let valid = relative.is_some() == has;
        self.check_value(valid, "relative_attention", relative, expected)?;
        let buckets = config.relative_attention_num_buckets;
        let (of_family, expected) = match self {
            // transformers computes buckets of 32, whatever the file says.
            Self::MpNet => (Some(32), "32"),
            _ => (None, "none"),
        };
        let field = "relative_attention_num_buckets";
        self.check_value(buckets == of_family, field, buckets, expected)?;
        let dropout = config.pooler_dropout;
        self.check_value(has || dropout == 0.0, "pooler_dropout", dropout, "0")?;
        self.check_value(has || config.legacy, "legacy", config.legacy, "true")
    }

    /// Checks what computes a layer: only few families have a choice.
    fn check_structure(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let own = EncoderConfig::base(self);
        let (modern, euro) = (self == Self::ModernBert, self == Self::EuroBert);
        for (field, found, expected, has_choice) in [
            ("gated_mlp", config.gated_mlp, own.gated_mlp, false),
            (
                "embedding_norm",
                config.embedding_norm,
                own.embedding_norm,
                false,
            ),
            ("norm_bias", config.norm_bias, own.norm_bias, modern),
            (
                "attention_bias",
                config.attention_bias,
                own.attention_bias,
                modern || euro,
            ),
            ("mlp_bias", config.mlp_bias, own.mlp_bias, modern || euro),
        ] {
            let valid = has_choice || found == expected;
            self.check_value(valid, field, found, &expected.to_string())?;
        }
        self.check_own("norm_type", config.norm_type, own.norm_type)?;
        let (found, expected) = (config.norm_placement, own.norm_placement);
        self.check_own("norm_placement", found, expected)?;
        let (found, expected) = (config.mlp_output_bias, own.mlp_output_bias);
        self.check_own("mlp_output_bias", found, expected)?;
        let groups = config.num_hidden_groups;
        let (valid, expected) = match self {
            Self::Albert => (groups.is_some(), "a number"),
            _ => (groups.is_none(), "none"),
        };
        self.check_value(valid, "num_hidden_groups", groups, expected)?;
        let heads = config.num_key_value_heads;
        self.check_value(
            euro || heads.is_none(),
            "num_key_value_heads",
            heads,
            "none",
        )
    }

    /// Checks windows of attention and the places of dropout.
    fn check_layers(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let modern = self == Self::ModernBert;
        let types = config.all_layer_types();
        let valid = modern || !types.contains(&LayerType::SlidingAttention);
        self.check_value(valid, "layer_types", types, "full_attention in all layers")?;
        let window = config.local_attention;
        let valid = window.is_some() || !modern;
        self.check_value(valid, "local_attention", window, "a window")?;
        let scaling = config.local_rope_scaling;
        let valid = modern || scaling.is_none();
        self.check_value(valid, "local_rope_scaling", scaling, "none")?;
        let dropout = config.hidden_dropout_prob;
        let valid = dropout == 0.0 || !modern && self != Self::EuroBert;
        let expected = match modern {
            true => "0, beside embedding_dropout, attention_probs_dropout_prob and mlp_dropout",
            false => "0, beside attention_probs_dropout_prob",
        };
        self.check_value(valid, "hidden_dropout_prob", dropout, expected)?;
        let embedding = config.embedding_dropout;
        let valid = modern || embedding.is_none();
        self.check_value(valid, "embedding_dropout", embedding, "none")?;
        let activations = config.mlp_dropout;
        self.check_value(
            modern || activations == 0.0,
            "mlp_dropout",
            activations,
            "0",
        )
    }

    /// Checks the values of the heads.
    fn check_heads(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let (modern, euro) = (self == Self::ModernBert, self == Self::EuroBert);
        let bias = config.classifier_bias;
        self.check_value(modern || bias, "classifier_bias", bias, "true")?;
        let activation = config.classifier_activation;
        let valid = modern || self == Self::DebertaV2 || activation == Activation::Gelu;
        self.check_value(valid, "classifier_activation", activation, "gelu")?;
        let bias = config.decoder_bias;
        let (valid, expected) = match self {
            Self::ModernBert => (true, "any"),
            Self::EuroBert => (bias == config.mlp_bias, "that of mlp_bias"),
            _ => (bias, "true"),
        };
        self.check_value(valid, "decoder_bias", bias, expected)?;
        let tied = config.tie_word_embeddings;
        self.check_value(euro || tied, "tie_word_embeddings", tied, "true")
    }

    /// Checks a value that the family has no choice of.
    fn check_own<T: Debug + PartialEq>(
        self,
        field: &'static str,
        found: T,
        own: T,
    ) -> Result<(), ModelError> {
        let expected = format!("{own:?}");
        self.check_value(found == own, field, found, &expected)
    }

    fn check_value<T: Debug>(
        self,
        valid: bool,
        field: &'static str,
        found: T,
        expected: &str,
    ) -> Result<(), ModelError> {
        let expected = format!("{expected} in the family {self}");
        ModelError::check(valid, field, format!("{found:?}"), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{NormPlacement, NormType, RopeScaling};

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
            (
                EncoderConfig {
                    positions: EncoderConfig::base(Family::ModernBert).positions,
                    ..EncoderConfig::default()
                },
                "positions",
            ),
            (
                EncoderConfig {
                    attention_bias: false,
                    ..EncoderConfig::base(Family::Electra)
                },
                "attention_bias",
            ),
            (
                EncoderConfig {
                    local_attention: Some(4),
                    global_attn_every_n_layers: 2,
                    ..EncoderConfig::base(Family::Roberta)
                },
                "layer_types",
            ),
            (
                EncoderConfig {
                    hidden_dropout_prob: 0.1,
                    ..EncoderConfig::base(Family::ModernBert)
                },
                "hidden_dropout_prob",
            ),
            (
                EncoderConfig {
                    relative_attention: None,
                    ..EncoderConfig::base(Family::DebertaV2)
                },
                "relative_attention",
            ),
            (
                EncoderConfig {
                    positions: Positions::Relative,
                    ..EncoderConfig::default()
                },
                "positions",
            ),
            (
                EncoderConfig {
                    relative_attention: EncoderConfig::base(Family::DebertaV2).relative_attention,
                    ..EncoderConfig::default()
                },
                "relative_attention",
            ),
            (
                EncoderConfig {
                    legacy: false,
                    ..EncoderConfig::default()
                },
                "legacy",
            ),
            (
                EncoderConfig {
                    norm_placement: NormPlacement::PostNorm,
                    ..EncoderConfig::base(Family::ModernBert)
                },
                "norm_placement",
            ),
            (
                EncoderConfig {
                    num_hidden_groups: None,
                    ..EncoderConfig::base(Family::Albert)
                },
                "num_hidden_groups",
            ),
            (
                EncoderConfig {
                    num_key_value_heads: Some(4),
                    ..EncoderConfig::base(Family::NomicBert)
                },
                "num_key_value_heads",
            ),
            (
                EncoderConfig {
                    positions: EncoderConfig::base(Family::ModernBert).positions,
                    ..EncoderConfig::base(Family::Gte)
                },
                "positions",
            ),
            (
                EncoderConfig {
                    mlp_dropout: 0.2,
                    ..EncoderConfig::base(Family::Gte)
                },
                "mlp_dropout",
            ),
            (
                EncoderConfig {
                    local_rope_scaling: Some(RopeScaling::Linear { factor: 2.0 }),
                    ..EncoderConfig::base(Family::Gte)
                },
                "local_rope_scaling",
            ),
            (
                EncoderConfig {
                    norm_type: NormType::LayerNorm,
                    ..EncoderConfig::base(Family::EuroBert)
                },
                "norm_type",
            ),
            (
                EncoderConfig {
                    decoder_bias: true,
                    ..EncoderConfig::base(Family::EuroBert)
                },
                "decoder_bias",
            ),
            (
                EncoderConfig {
                    tie_word_embeddings: false,
                    ..EncoderConfig::default()
                },
                "tie_word_embeddings",
            ),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
            assert!(message.contains(config.family.model_type()), "{message}");
        }
    }
}
