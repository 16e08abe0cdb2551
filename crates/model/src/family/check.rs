//! Values of an [`EncoderConfig`] that a family's checkpoints can represent.

use std::fmt::Debug;

use super::Family;
use crate::encoder::{Activation, EncoderConfig, LayerType, NormPlacement, Positions};
use crate::error::ModelError;

impl Family {
    /// Checks that a checkpoint of the family can represent the configuration.
    pub(crate) fn check(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let modern = self == Self::ModernBert;
        let types = config.type_vocab_size;
        let has_types = !modern && !matches!(self, Self::DistilBert | Self::MpNet);
        let expected = if has_types { "at least 1" } else { "0" };
        let valid = self == Self::DebertaV2 || (types > 0) == has_types;
        self.check_value(valid, "type_vocab_size", types, expected)?;
        let epsilon = config.layer_norm_eps;
        let valid = self != Self::DistilBert || epsilon == 1e-12;
        self.check_value(valid, "layer_norm_eps", epsilon, "1e-12")?;
        let width = config.embedding_width();
        let valid = self == Self::Electra || width == config.hidden_size;
        self.check_value(valid, "embedding_size", width, "the hidden size")?;
        let positions = config.positions;
        let (valid, expected) = match positions {
            // MPNet counts from the same position, whatever the id of its padding token.
            _ if self == Self::MpNet => (
                positions == Positions::AfterPadding { padding_index: 1 },
                "after_padding, of index 1",
            ),
            _ if self.is_roberta() => (
                matches!(positions, Positions::AfterPadding { .. }),
                "after_padding",
            ),
            _ if modern => (positions.is_rotary(), "rotary"),
            _ if self == Self::DebertaV2 => (
                matches!(positions, Positions::FromZero | Positions::Relative),
                "from_zero or relative",
            ),
            _ => (positions == Positions::FromZero, "from_zero"),
        };
        self.check_value(valid, "positions", positions, expected)?;
        self.check_relative(config)?;
        match modern {
            true => self.check_modern(config),
            false => self.check_older(config),
        }
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

    /// Checks the values of which ModernBERT has no choice.
    fn check_modern(self, config: &EncoderConfig) -> Result<(), ModelError> {
        let gated = config.gated_mlp;
        self.check_value(gated, "gated_mlp", gated, "true")?;
        let dropout = config.hidden_dropout_prob;
        let expected = "0, beside embedding_dropout, attention_probs_dropout_prob and mlp_dropout";
        self.check_value(dropout == 0.0, "hidden_dropout_prob", dropout, expected)?;
        let window = config.local_attention;
        self.check_value(window.is_some(), "local_attention", window, "a window")?;
        let placement = config.norm_placement;
        let valid = placement
            == NormPlacement::PreNorm {
                before_first_attention: false,
            };
        let expected = "pre_norm, not before_first_attention";
        self.check_value(valid, "norm_placement", placement, expected)
    }

    /// Checks the values of which only ModernBERT has a choice.
    fn check_older(self, config: &EncoderConfig) -> Result<(), ModelError> {
        for (field, value, expected) in [
            ("gated_mlp", config.gated_mlp, false),
            ("norm_bias", config.norm_bias, true),
            ("attention_bias", config.attention_bias, true),
            ("mlp_bias", config.mlp_bias, true),
            ("classifier_bias", config.classifier_bias, true),
            ("decoder_bias", config.decoder_bias, true),
        ] {
            let valid = value == expected;
            self.check_value(valid, field, value, &expected.to_string())?;
        }
        let dropout = config.embedding_dropout;
        self.check_value(dropout.is_none(), "embedding_dropout", dropout, "none")?;
        let dropout = config.mlp_dropout;
        self.check_value(dropout == 0.0, "mlp_dropout", dropout, "0")?;
        let placement = config.norm_placement;
        let valid = placement == NormPlacement::PostNorm;
        self.check_value(valid, "norm_placement", placement, "post_norm")?;
        let activation = config.classifier_activation;
        let valid = self == Self::DebertaV2 || activation == Activation::Gelu;
        self.check_value(valid, "classifier_activation", activation, "gelu")?;
        let types = config.all_layer_types();
        let valid = !types.contains(&LayerType::SlidingAttention);
        self.check_value(valid, "layer_types", types, "full_attention in all layers")
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
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
            assert!(message.contains(config.family.model_type()), "{message}");
        }
    }
}
