//! Keys of NomicBERT's `config.json` as its authors publish it, which has the words of GPT-2.

use serde_json::{Map, Value, json};

use super::config_keys::ConfigKeys;
use crate::error::ModelError;

/// Names of the authors, and those of transformers.
const NAMES: [(&str, &str); 9] = [
    ("n_embd", "hidden_size"),
    ("n_layer", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_inner", "intermediate_size"),
    ("resid_pdrop", "hidden_dropout_prob"),
    ("attn_pdrop", "attention_probs_dropout_prob"),
    ("layer_norm_epsilon", "layer_norm_eps"),
    ("rotary_emb_base", "rope_theta"),
    ("max_trained_positions", "max_position_embeddings"),
];

/// Activations of gated feed-forward networks: names of the authors, and those of transformers.
const ACTIVATIONS: [(&str, &str); 2] = [("swiglu", "silu"), ("geglu", "gelu")];

/// Keys with the one value, beside null, that transformers computes.
const FIXED: [(&str, f64); 14] = [
    ("prenorm", 0.0),
    ("parallel_block", 0.0),
    ("causal", 0.0),
    ("qkv_proj_bias", 0.0),
    ("mlp_fc1_bias", 0.0),
    ("mlp_fc2_bias", 0.0),
    ("use_rms_norm", 0.0),
    ("rotary_emb_interleaved", 0.0),
    ("rotary_emb_fraction", 1.0),
    ("rotary_emb_scale_base", 0.0),
    ("rotary_scaling_factor", 0.0),
    ("moe_every_n_layers", 0.0),
    ("num_experts", 0.0),
    ("scale_attn_by_inverse_layer_idx", 0.0),
];

/// Returns the keys in the words of transformers; others are unchanged.
///
/// # Errors
/// - [`ModelError::InvalidConfigFile`] if the file describes another computation.
pub(super) fn in_words_of_transformers(keys: &ConfigKeys) -> Result<ConfigKeys, ModelError> {
    let mut words = keys.keys.clone();
    for (key, value) in FIXED {
        if let Some(found) = words.get(key).filter(|found| !is_number(found, value)) {
            return Err(keys.unsupported(key, &found.to_string(), &value.to_string()));
        }
    }
    let embedding = words.get("embd_pdrop");
    if let Some(found) = embedding.filter(|found| words.get("resid_pdrop") != Some(found)) {
        return Err(keys.unsupported("embd_pdrop", &found.to_string(), "that of resid_pdrop"));
    }
    for (theirs, ours) in NAMES {
        rename(&mut words, theirs, ours);
    }
    if let Some(Value::String(found)) = words.get("activation_function") {
        let known = ACTIVATIONS.iter().find(|(theirs, _)| theirs == found);
        let Some((_, ours)) = known else {
            return Err(keys.unsupported("activation_function", found, "swiglu, geglu"));
        };
        words.entry("hidden_act").or_insert_with(|| json!(ours));
    }
    Ok(ConfigKeys {
        path: keys.path.clone(),
        keys: words,
    })
}

fn rename(words: &mut Map<String, Value>, theirs: &str, ours: &str) {
    if let Some(value) = words.get(theirs).cloned() {
        words.entry(ours).or_insert(value);
    }
}

/// Returns whether a value is a number, of which false is 0 and true 1, or null.
fn is_number(found: &Value, expected: f64) -> bool {
    match found {
        Value::Null => true,
        Value::Bool(found) => f64::from(u8::from(*found)) == expected,
        found => found.as_f64() == Some(expected),
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoder_keys::tests::read;
    use super::*;
    use crate::encoder::EncoderConfig;
    use crate::family::Family;

    /// The file of version 1.5, as published.
    fn published() -> Map<String, Value> {
        let keys = json!({
            "model_type": "nomic_bert", "activation_function": "swiglu", "attn_pdrop": 0.0,
            "causal": false, "embd_pdrop": 0.0, "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-12, "max_trained_positions": 2048, "mlp_fc1_bias": false,
            "mlp_fc2_bias": false, "n_embd": 768, "n_head": 12, "n_inner": 3072, "n_layer": 12,
            "n_positions": 8192, "parallel_block": false, "prenorm": false,
            "qkv_proj_bias": false, "resid_pdrop": 0.0, "rotary_emb_base": 1000,
            "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": false,
            "rotary_emb_scale_base": null, "rotary_scaling_factor": null,
            "scale_attn_by_inverse_layer_idx": false, "type_vocab_size": 2,
            "use_rms_norm": false, "vocab_size": 30528
        });
        keys.as_object().cloned().unwrap()
    }

    #[test]
    fn the_published_file_is_the_base_model() {
        let read = read(Value::Object(published())).unwrap();
        assert_eq!(read, EncoderConfig::base(Family::NomicBert));
    }

    #[test]
    fn what_transformers_does_not_compute_is_named_with_its_value() {
        for (key, value, problem) in [
            ("moe_every_n_layers", json!(2), "is 2, supported: 0"),
            ("prenorm", json!(true), "is true, supported: 0"),
            ("rotary_emb_fraction", json!(0.5), "is 0.5, supported: 1"),
            ("embd_pdrop", json!(0.1), "is 0.1, supported: that of"),
            (
                "activation_function",
                json!("gelu"),
                "is gelu, supported: swiglu, geglu",
            ),
        ] {
            let mut keys = published();
            keys.insert(key.to_string(), value);
            let message = read(Value::Object(keys)).unwrap_err().to_string();
            assert!(
                message.contains(key) && message.contains(problem),
                "{message}"
            );
        }
    }
}
