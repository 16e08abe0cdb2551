//! Checks of a configuration's values.

use super::EncoderConfig;
use crate::encoder::{LayerType, Positions};
use crate::error::ModelError;
use crate::limits::{LARGEST_SIZE, check_dropout};

/// Maximum number of layers, so that a corrupted file cannot exhaust the memory.
const MOST_LAYERS: usize = 1000;

impl EncoderConfig {
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
        self.check_heads()?;
        check_dropout("hidden_dropout_prob", self.hidden_dropout_prob)?;
        let dropout = self.attention_probs_dropout_prob;
        check_dropout("attention_probs_dropout_prob", dropout)?;
        check_dropout("embedding_dropout", self.dropout_of_embeddings())?;
        check_dropout("mlp_dropout", self.mlp_dropout)?;
        check_dropout("pooler_dropout", self.pooler_dropout)?;
        for (field, number) in [
            ("layer_norm_eps", self.layer_norm_eps),
            ("initializer_range", self.initializer_range),
        ] {
            check_positive(field, number)?;
        }
        let layers = self.num_hidden_layers;
        let expected = format!("at most {MOST_LAYERS}");
        check(layers <= MOST_LAYERS, "num_hidden_layers", layers, expected)?;
        let groups = self.num_hidden_groups.unwrap_or(layers);
        let most = layers.max(1);
        let valid = self.num_hidden_groups.is_none() || (1..=most).contains(&groups);
        let expected = format!("in 1..={most}, the layers");
        check(valid, "num_hidden_groups", groups, expected)?;
        self.check_positions()?;
        self.check_layer_types()?;
        if let Some(relative) = self.relative_attention {
            relative.validate()?;
        }
        let (field, buckets) = (
            "relative_attention_num_buckets",
            self.relative_attention_num_buckets.unwrap_or(4),
        );
        let valid = (4..=128).contains(&buckets) && buckets.is_multiple_of(2);
        ModelError::check(valid, field, buckets, "an even number in 4..=128")?;
        self.family.check(self)
    }

    /// Checks that the hidden size can be split into heads, and the heads into rotated halves.
    fn check_heads(&self) -> Result<(), ModelError> {
        let (width, heads) = (self.hidden_size, self.num_attention_heads);
        let mut expected = format!("a multiple of num_attention_heads {heads}");
        let valid = width.is_multiple_of(heads);
        ModelError::check(valid, "hidden_size", width, expected.clone())?;
        let groups = self.key_value_heads();
        let valid = groups > 0 && heads.is_multiple_of(groups);
        let divisor = format!("a divisor of num_attention_heads {heads}");
        ModelError::check(valid, "num_key_value_heads", groups, divisor)?;
        let halves = if self.positions.is_rotary() { 2 } else { 1 };
        expected += ", and an even one with rotary positions";
        let valid = (width / heads).is_multiple_of(halves);
        ModelError::check(valid, "hidden_size", width, expected)
    }

    fn check_positions(&self) -> Result<(), ModelError> {
        if let Positions::Rotary {
            global_rope_theta,
            local_rope_theta,
        } = self.positions
        {
            check_positive("global_rope_theta", global_rope_theta)?;
            let local = local_rope_theta.unwrap_or(global_rope_theta);
            check_positive("local_rope_theta", local)?;
        }
        for kind in LayerType::ALL {
            let theta = self.positions.rope_theta(kind);
            let scaling = self.rope_scaling_of(kind);
            ModelError::check(
                theta.is_some() || scaling.is_none(),
                "rope_scaling",
                format!("{scaling:?}"),
                "none, as positions are not rotary",
            )?;
            if let (Some(theta), Some(scaling)) = (theta, scaling) {
                scaling.validate(theta)?;
            }
        }
        let (valid, rows) = (self.max_sequence_length() > 0, self.max_position_embeddings);
        let expected = format!("more than the rows before the first, {:?}", self.positions);
        ModelError::check(valid, "max_position_embeddings", rows, expected)
    }

    /// Checks the window of local attention and the layers that have it.
    fn check_layer_types(&self) -> Result<(), ModelError> {
        let check = ModelError::check::<usize, String>;
        for (field, size) in [
            ("local_attention", self.local_attention.unwrap_or(1)),
            (
                "global_attn_every_n_layers",
                self.global_attn_every_n_layers,
            ),
        ] {
            let valid = (1..=LARGEST_SIZE).contains(&size);
            check(valid, field, size, format!("in 1..={LARGEST_SIZE}"))?;
        }
        let layers = self.num_hidden_layers;
        let listed = self.layer_types.as_ref().map_or(layers, Vec::len);
        let expected = format!("num_hidden_layers {layers} of them");
        check(listed == layers, "layer_types", listed, expected)?;
        let mut types = (0..layers).map(|layer| self.layer_type(layer));
        let local = types.any(|kind| kind == LayerType::SlidingAttention);
        ModelError::check(
            self.local_attention.is_some() || !local,
            "local_attention",
            "none",
            "a window, as some layers have sliding_attention",
        )
    }
}

fn check_positive(field: &'static str, number: f64) -> Result<(), ModelError> {
    let valid = number > 0.0 && number.is_finite();
    ModelError::check(valid, field, number, "above 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        EncoderConfig::default().validate().unwrap();
    }

    fn rotary(global_rope_theta: f64, local_rope_theta: Option<f64>) -> Positions {
        Positions::Rotary {
            global_rope_theta,
            local_rope_theta,
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
            (
                EncoderConfig {
                    mlp_dropout: -0.1,
                    ..base()
                },
                "mlp_dropout",
            ),
            (
                EncoderConfig {
                    // The width of a head is 3.
                    hidden_size: 36,
                    positions: rotary(1e4, None),
                    ..base()
                },
                "hidden_size is 36, expected a multiple of num_attention_heads 12, and an even one",
            ),
            (
                EncoderConfig {
                    positions: rotary(0.0, None),
                    ..base()
                },
                "global_rope_theta",
            ),
            (
                EncoderConfig {
                    positions: rotary(1e4, Some(f64::INFINITY)),
                    ..base()
                },
                "local_rope_theta",
            ),
            (
                EncoderConfig {
                    local_attention: Some(0),
                    ..base()
                },
                "local_attention is 0",
            ),
            (
                EncoderConfig {
                    global_attn_every_n_layers: 0,
                    ..base()
                },
                "global_attn_every_n_layers is 0",
            ),
            (
                EncoderConfig {
                    global_attn_every_n_layers: 2,
                    ..base()
                },
                "local_attention is none",
            ),
            (
                EncoderConfig {
                    layer_types: Some(vec![LayerType::FullAttention; 11]),
                    ..base()
                },
                "layer_types is 11, expected num_hidden_layers 12",
            ),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
        }
    }
}
