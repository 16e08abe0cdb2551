//! Keys of `config.json` that NomicBERT, GTE and EuroBERT have beside those of BERT.

use serde_json::{Value, json};

use super::config_keys::ConfigKeys;
use super::rope_keys;
use crate::encoder::{EncoderConfig, LayerType};
use crate::error::ModelError;
use crate::family::Family;

/// Base of EuroBERT's rotary positions that a file leaves unsaid.
const LLAMA_THETA: f64 = 10_000.0;

/// Reads the values of an encoder that only these families have; `shared` has the others.
pub(super) fn with_own_keys(
    keys: &ConfigKeys,
    shared: EncoderConfig,
) -> Result<EncoderConfig, ModelError> {
    check_head_width(keys, &shared)?;
    let own = EncoderConfig::base(shared.family);
    let with_values = EncoderConfig {
        embedding_norm: own.embedding_norm,
        gated_mlp: own.gated_mlp,
        norm_type: own.norm_type,
        norm_placement: own.norm_placement,
        norm_bias: own.norm_bias,
        attention_bias: own.attention_bias,
        mlp_bias: own.mlp_bias,
        mlp_output_bias: own.mlp_output_bias,
        decoder_bias: own.decoder_bias,
        tie_word_embeddings: own.tie_word_embeddings,
        ..shared
    };
    let theta = match with_values.family {
        Family::EuroBert => LLAMA_THETA,
        _ => own
            .positions
            .rope_theta(LayerType::FullAttention)
            .unwrap_or(LLAMA_THETA),
    };
    let rotary = rope_keys::with_rope(keys, theta, with_values)?;
    match rotary.family {
        Family::EuroBert => with_eurobert(keys, rotary),
        _ => Ok(rotary),
    }
}

/// Reads the values that EuroBERT has a choice of.
fn with_eurobert(keys: &ConfigKeys, shared: EncoderConfig) -> Result<EncoderConfig, ModelError> {
    let flag = |key, missing| {
        let found = keys.get(key, "true or false")?;
        Ok::<bool, ModelError>(found.unwrap_or(missing))
    };
    let heads: Option<usize> = keys.get("num_key_value_heads", "a number of heads")?;
    let mlp_bias = flag("mlp_bias", shared.mlp_bias)?;
    Ok(EncoderConfig {
        // As many as queries have is the same as none of their own.
        num_key_value_heads: heads.filter(|heads| *heads != shared.num_attention_heads),
        attention_bias: flag("attention_bias", shared.attention_bias)?,
        mlp_bias,
        decoder_bias: mlp_bias,
        tie_word_embeddings: flag("tie_word_embeddings", shared.tie_word_embeddings)?,
        ..shared
    })
}

/// Checks that the width of heads is what follows from the hidden size.
fn check_head_width(keys: &ConfigKeys, shared: &EncoderConfig) -> Result<(), ModelError> {
    let found: Option<usize> = keys.get("head_dim", "a size")?;
    let width = shared.hidden_size.checked_div(shared.num_attention_heads);
    match found.filter(|found| Some(*found) != width) {
        Some(found) => {
            let supported = "hidden_size / num_attention_heads";
            Err(keys.unsupported("head_dim", &found.to_string(), supported))
        }
        None => Ok(()),
    }
}

/// Returns the keys of an encoder that only these families have.
pub(super) fn own_keys(encoder: &EncoderConfig) -> Vec<(&'static str, Value)> {
    let mut keys = rope_keys::own_keys(encoder);
    if encoder.family == Family::EuroBert {
        keys.extend([
            ("num_key_value_heads", json!(encoder.key_value_heads())),
            ("attention_bias", json!(encoder.attention_bias)),
            ("mlp_bias", json!(encoder.mlp_bias)),
            ("tie_word_embeddings", json!(encoder.tie_word_embeddings)),
        ]);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::super::encoder_keys::tests::{read, written};
    use super::*;

    #[test]
    fn every_value_of_eurobert_reads_back() {
        let encoder = EncoderConfig {
            num_key_value_heads: Some(4),
            attention_bias: true,
            mlp_bias: true,
            decoder_bias: true,
            tie_word_embeddings: true,
            ..EncoderConfig::base(Family::EuroBert)
        };
        let keys = written(&encoder);
        assert_eq!(keys["rms_norm_eps"], 1e-5);
        assert_eq!(read(Value::Object(keys)).unwrap(), encoder);
    }

    #[test]
    fn heads_of_another_width_are_refused() {
        let mut keys = written(&EncoderConfig::base(Family::NomicBert));
        keys.insert("head_dim".to_string(), json!(64));
        assert!(read(Value::Object(keys.clone())).is_ok());
        keys.insert("head_dim".to_string(), json!(32));
        let error = read(Value::Object(keys)).unwrap_err().to_string();
        assert!(
            error.contains("head_dim is 32, supported: hidden_size / num_attention_heads"),
            "{error}"
        );
    }
}
