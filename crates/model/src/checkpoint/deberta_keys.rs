//! Keys of `config.json` that DeBERTa has and other families have not: relative positions and the
//! pooler.

use serde_json::{Value, json};

use super::config_keys::ConfigKeys;
use crate::encoder::{EncoderConfig, Positions, RelativeAttention};
use crate::error::ModelError;

/// Supported names in `pos_att_type`, for error messages.
const TERMS: &str = "c2p, p2c";

/// Reads the values of an encoder that only DeBERTa has a choice of; `shared` has the others.
/// Missing keys have the defaults of
/// [`DebertaV2Config`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/deberta_v2/configuration_deberta_v2.py).
pub(super) fn with_own_keys(
    keys: &ConfigKeys,
    shared: EncoderConfig,
) -> Result<EncoderConfig, ModelError> {
    check_sizes(keys, &shared)?;
    let flag = |key, missing| {
        let found = keys.get(key, "true or false")?;
        Ok::<bool, ModelError>(found.unwrap_or(missing))
    };
    if !flag("relative_attention", false)? {
        return Err(keys.unsupported("relative_attention", "false", "true"));
    }
    let terms = names(keys, "pos_att_type")?;
    let other = terms
        .iter()
        .find(|name| !["c2p", "p2c"].contains(&name.as_str()));
    if let Some(name) = other {
        return Err(keys.unsupported("pos_att_type", name, TERMS));
    }
    let has = |term: &str| terms.iter().any(|name| name == term);
    let positive = |key| {
        let found: Option<i64> = keys.get(key, "a number")?;
        // 0 and -1 mean none.
        Ok::<_, ModelError>(
            found
                .and_then(|size| usize::try_from(size).ok())
                .filter(|size| *size > 0),
        )
    };
    let farthest = positive("max_relative_positions")?;
    let relative = RelativeAttention {
        max_relative_positions: farthest.unwrap_or(shared.max_position_embeddings),
        position_buckets: positive("position_buckets")?,
        c2p: has("c2p"),
        p2c: has("p2c"),
        share_att_key: flag("share_att_key", false)?,
        norm_rel_ebd: names(keys, "norm_rel_ebd")?
            .iter()
            .any(|name| name == "layer_norm"),
    };
    let types: Option<usize> = keys.get("type_vocab_size", "a size")?;
    let dropout: Option<f64> = keys.get("pooler_dropout", "a number")?;
    let activation = keys.activation("pooler_hidden_act")?;
    Ok(EncoderConfig {
        positions: match flag("position_biased_input", true)? {
            true => Positions::FromZero,
            false => Positions::Relative,
        },
        relative_attention: Some(relative),
        type_vocab_size: types.unwrap_or(0),
        pooler_dropout: dropout.unwrap_or(0.0),
        classifier_activation: activation.unwrap_or_default(),
        legacy: flag("legacy", true)?,
        ..shared
    })
}

/// Checks that there is no convolution, and that widths are those that follow from the hidden size.
fn check_sizes(keys: &ConfigKeys, shared: &EncoderConfig) -> Result<(), ModelError> {
    let width = shared.hidden_size;
    let head_width = width.checked_div(shared.num_attention_heads).unwrap_or(0);
    for (key, expected, supported) in [
        ("conv_kernel_size", 0, "0"),
        (
            "attention_head_size",
            head_width,
            "hidden_size / num_attention_heads",
        ),
        ("embedding_size", width, "hidden_size"),
        ("pooler_hidden_size", width, "hidden_size"),
    ] {
        let found: Option<usize> = keys.get(key, "a size")?;
        if let Some(found) = found.filter(|found| *found != expected) {
            return Err(keys.unsupported(key, &found.to_string(), supported));
        }
    }
    Ok(())
}

/// Returns the names of a key, which are a list, or a text with `|` between them.
fn names(keys: &ConfigKeys, key: &'static str) -> Result<Vec<String>, ModelError> {
    let expected = "names, as a list or with | between them";
    let text: String = match keys.keys.get(key) {
        Some(Value::Array(_)) => return Ok(keys.get(key, expected)?.unwrap_or_default()),
        _ => keys.get(key, expected)?.unwrap_or_default(),
    };
    let names = text.split('|').map(|name| name.trim().to_lowercase());
    Ok(names.filter(|name| !name.is_empty()).collect())
}

/// Returns the keys of an encoder that only DeBERTa has.
pub(super) fn own_keys(encoder: &EncoderConfig) -> Vec<(&'static str, Value)> {
    let mut keys = vec![
        (
            "position_biased_input",
            json!(encoder.positions.have_embeddings()),
        ),
        ("pooler_dropout", json!(encoder.pooler_dropout)),
        (
            "pooler_hidden_act",
            json!(encoder.classifier_activation.name()),
        ),
        ("pooler_hidden_size", json!(encoder.hidden_size)),
        ("legacy", json!(encoder.legacy)),
    ];
    if let Some(relative) = encoder.relative_attention {
        let terms = [(relative.p2c, "p2c"), (relative.c2p, "c2p")];
        let terms = terms.into_iter().filter(|(has, _)| *has);
        let terms: Vec<_> = terms.map(|(_, name)| name).collect();
        let norm = if relative.norm_rel_ebd {
            "layer_norm"
        } else {
            "none"
        };
        let buckets = relative.position_buckets;
        keys.extend([
            ("relative_attention", json!(true)),
            (
                "max_relative_positions",
                json!(relative.max_relative_positions),
            ),
            (
                "position_buckets",
                buckets.map_or(json!(-1), |buckets| json!(buckets)),
            ),
            ("pos_att_type", json!(terms)),
            ("share_att_key", json!(relative.share_att_key)),
            ("norm_rel_ebd", json!(norm)),
        ]);
    }
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::super::encoder_keys::tests::{read, written};
    use super::*;
    use crate::family::Family;

    /// The file of DeBERTa-v3 base, as published.
    fn published() -> Map<String, Value> {
        let keys = json!({
            "model_type": "deberta-v2", "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02,
            "intermediate_size": 3072, "max_position_embeddings": 512, "relative_attention": true,
            "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true,
            "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-7, "max_relative_positions": -1,
            "position_biased_input": false, "num_attention_heads": 12, "num_hidden_layers": 12,
            "type_vocab_size": 0, "vocab_size": 128100
        });
        keys.as_object().cloned().unwrap()
    }

    #[test]
    fn the_published_file_is_the_base_model() {
        let read = read(Value::Object(published())).unwrap();
        assert_eq!(read, EncoderConfig::base(Family::DebertaV2));
    }

    #[test]
    fn what_differs_is_written_and_read() {
        let encoder = EncoderConfig {
            positions: Positions::FromZero,
            relative_attention: Some(RelativeAttention {
                max_relative_positions: 40,
                position_buckets: None,
                c2p: false,
                p2c: true,
                share_att_key: false,
                norm_rel_ebd: false,
            }),
            type_vocab_size: 3,
            pooler_dropout: 0.25,
            legacy: false,
            ..EncoderConfig::base(Family::DebertaV2)
        };
        let keys = written(&encoder);
        assert_eq!(keys["position_buckets"], -1);
        assert_eq!(keys["pos_att_type"], json!(["p2c"]));
        assert_eq!(read(Value::Object(keys)).unwrap(), encoder);
    }

    #[test]
    fn what_is_not_supported_is_named_with_its_value() {
        for (key, value, problem) in [
            (
                "relative_attention",
                json!(false),
                "is false, supported: true",
            ),
            ("conv_kernel_size", json!(3), "is 3, supported: 0"),
            (
                "attention_head_size",
                json!(32),
                "is 32, supported: hidden_size / num_attention_heads",
            ),
            (
                "embedding_size",
                json!(128),
                "is 128, supported: hidden_size",
            ),
            (
                "pooler_hidden_size",
                json!(7),
                "is 7, supported: hidden_size",
            ),
            (
                "pos_att_type",
                json!("p2c|p2p"),
                "is p2p, supported: c2p, p2c",
            ),
            ("pos_att_type", json!(1), "is 1, expected names"),
            ("position_buckets", json!("many"), "expected a number"),
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
