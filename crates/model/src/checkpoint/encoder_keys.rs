//! Keys of `config.json` that describe an encoder, in each family's naming.

use serde_json::{Map, Value, json};

use super::config_keys::ConfigKeys;
use super::{deberta_keys, modern_bert_keys, nomic_keys, rotary_bert_keys};
use crate::encoder::{EncoderConfig, Positions};
use crate::error::ModelError;
use crate::family::{Family, MODEL_TYPES};

/// Names in
/// [`DistilBertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/distilbert/configuration_distilbert.py)
/// of keys that have one name in all other families.
const DISTILBERT: [(&str, &str); 8] = [
    ("hidden_size", "dim"),
    ("num_hidden_layers", "n_layers"),
    ("num_attention_heads", "n_heads"),
    ("intermediate_size", "hidden_dim"),
    ("hidden_act", "activation"),
    ("hidden_dropout_prob", "dropout"),
    ("attention_probs_dropout_prob", "attention_dropout"),
    ("classifier_dropout", "seq_classif_dropout"),
];

/// Names in
/// [`ModernBertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/modernbert/configuration_modernbert.py).
const MODERN_BERT: [(&str, &str); 3] = [
    ("hidden_act", "hidden_activation"),
    ("attention_probs_dropout_prob", "attention_dropout"),
    ("layer_norm_eps", "norm_eps"),
];

/// Names in
/// [`DebertaV2Config`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/deberta_v2/configuration_deberta_v2.py).
const DEBERTA_V2: [(&str, &str); 2] = [
    ("classifier_activation", "pooler_hidden_act"),
    ("classifier_dropout", "cls_dropout"),
];

/// Names in
/// [`AlbertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/albert/configuration_albert.py).
const ALBERT: [(&str, &str); 1] = [("classifier_dropout", "classifier_dropout_prob")];

/// Names in
/// [`EuroBertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/eurobert/configuration_eurobert.py).
const EURO_BERT: [(&str, &str); 2] = [
    ("attention_probs_dropout_prob", "attention_dropout"),
    ("layer_norm_eps", "rms_norm_eps"),
];

/// Returns the family's name of a key.
pub(super) fn key_of(family: Family, key: &'static str) -> &'static str {
    let names: &[(&str, &'static str)] = match family {
        Family::DistilBert => &DISTILBERT,
        Family::ModernBert => &MODERN_BERT,
        Family::DebertaV2 => &DEBERTA_V2,
        Family::Albert => &ALBERT,
        Family::EuroBert => &EURO_BERT,
        _ => &[],
    };
    let own = names.iter().find(|(ours, _)| *ours == key);
    own.map_or(key, |(_, own)| own)
}

/// Families whose configurations share the defaults of
/// [`BertConfig`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/configuration_bert.py).
const LIKE_BERT: [Family; 7] = [
    Family::Bert,
    Family::DistilBert,
    Family::Roberta,
    Family::XlmRoberta,
    Family::Camembert,
    Family::Electra,
    Family::MpNet,
];

/// Families without a dropout of hidden values in general.
const WITHOUT_HIDDEN_DROPOUT: [Family; 2] = [Family::ModernBert, Family::EuroBert];

/// Returns the configuration of the encoder. Missing probabilities, epsilon, standard deviation and
/// activation have the family's defaults.
pub(super) fn encoder_of(keys: &ConfigKeys) -> Result<EncoderConfig, ModelError> {
    let model_type: String = keys.require("model_type", "the name of a family")?;
    let family = Family::from_model_type(&model_type)
        .ok_or_else(|| unknown_model_type(keys, &model_type))?;
    check_architecture(keys, family)?;
    if family == Family::NomicBert {
        let keys = nomic_keys::in_words_of_transformers(keys)?;
        return encoder_of_family(&keys, family);
    }
    encoder_of_family(keys, family)
}

fn encoder_of_family(keys: &ConfigKeys, family: Family) -> Result<EncoderConfig, ModelError> {
    let key = |key| key_of(family, key);
    let size = |name| keys.require(key(name), "a size");
    let number = |name, missing: f64| {
        let found = keys.get(key(name), "a number")?;
        Ok::<_, ModelError>(found.unwrap_or(missing))
    };
    let missing = match LIKE_BERT.contains(&family) {
        true => EncoderConfig::default(),
        false => EncoderConfig::base(family),
    };
    let hidden_size = size("hidden_size")?;
    let shared = EncoderConfig {
        family,
        vocab_size: size("vocab_size")?,
        embedding_size: match family {
            // Their files always contain it; here equal widths are always `None`.
            Family::Electra | Family::Albert => {
                Some(size("embedding_size")?).filter(|width| *width != hidden_size)
            }
            _ => None,
        },
        hidden_size,
        num_hidden_layers: size("num_hidden_layers")?,
        num_hidden_groups: match family {
            Family::Albert => Some(groups_of_layers(keys)?),
            _ => None,
        },
        num_attention_heads: size("num_attention_heads")?,
        intermediate_size: size("intermediate_size")?,
        hidden_act: keys
            .activation(key("hidden_act"))?
            .unwrap_or(missing.hidden_act),
        hidden_dropout_prob: match WITHOUT_HIDDEN_DROPOUT.contains(&family) {
            true => missing.hidden_dropout_prob,
            false => number("hidden_dropout_prob", missing.hidden_dropout_prob)?,
        },
        attention_probs_dropout_prob: number(
            "attention_probs_dropout_prob",
            missing.attention_probs_dropout_prob,
        )?,
        max_position_embeddings: size("max_position_embeddings")?,
        positions: positions(keys, family)?,
        relative_attention_num_buckets: match family {
            Family::MpNet => keys
                .get("relative_attention_num_buckets", "a number")?
                .or(Some(32)),
            _ => None,
        },
        type_vocab_size: match family {
            Family::DistilBert | Family::ModernBert | Family::MpNet | Family::EuroBert => 0,
            _ => keys
                .get("type_vocab_size", "a size")?
                .unwrap_or(missing.type_vocab_size),
        },
        layer_norm_eps: match family {
            Family::DistilBert => missing.layer_norm_eps,
            _ => number("layer_norm_eps", missing.layer_norm_eps)?,
        },
        initializer_range: number("initializer_range", missing.initializer_range)?,
        ..EncoderConfig::default()
    };
    match family {
        Family::ModernBert => modern_bert_keys::with_own_keys(keys, shared),
        Family::DebertaV2 => deberta_keys::with_own_keys(keys, shared),
        Family::NomicBert | Family::Gte | Family::EuroBert => {
            rotary_bert_keys::with_own_keys(keys, shared)
        }
        _ => Ok(shared),
    }
}

/// Returns the error of a family that is not known. Models of `auto_map` bring their own code, which
/// is not run.
fn unknown_model_type(keys: &ConfigKeys, model_type: &str) -> ModelError {
    let with_code = keys.keys.contains_key("auto_map");
    let found = match with_code {
        true => format!("{model_type}, a model with code of its own (auto_map), which is not run"),
        false => model_type.to_string(),
    };
    keys.unsupported("model_type", &found, MODEL_TYPES)
}

/// Returns the number of groups of layers that share their parameters.
fn groups_of_layers(keys: &ConfigKeys) -> Result<usize, ModelError> {
    let inner: Option<usize> = keys.get("inner_group_num", "a number of layers")?;
    if let Some(found) = inner.filter(|inner| *inner != 1) {
        return Err(keys.unsupported("inner_group_num", &found.to_string(), "1"));
    }
    let groups: Option<usize> = keys.get("num_hidden_groups", "a number of groups")?;
    Ok(groups.unwrap_or(1))
}

/// Checks that the model is an encoder with absolute position embeddings and all of its heads, and
/// that its weights are numbers.
fn check_architecture(keys: &ConfigKeys, family: Family) -> Result<(), ModelError> {
    let positions: Option<String> = keys.get("position_embedding_type", "a name")?;
    // The family says which positions there are; a file may repeat it.
    let is_rotary = EncoderConfig::base(family).positions.is_rotary();
    let expected = if is_rotary { "rope" } else { "absolute" };
    let known = ["absolute", expected];
    if let Some(found) = positions.filter(|found| !known.contains(&found.as_str())) {
        return Err(keys.unsupported("position_embedding_type", &found, expected));
    }
    for field in ["is_decoder", "add_cross_attention"] {
        if keys.get(field, "true or false")? == Some(true) {
            return Err(keys.unsupported(field, "true", "false"));
        }
    }
    for field in ["pruned_heads", "quantization_config"] {
        let found: Option<Map<String, Value>> = keys.get(field, "an object")?;
        if found.is_some_and(|found| !found.is_empty()) {
            return Err(keys.unsupported(field, "an object with entries", "none"));
        }
    }
    Ok(())
}

fn positions(keys: &ConfigKeys, family: Family) -> Result<Positions, ModelError> {
    if family == Family::MpNet {
        return Ok(EncoderConfig::base(family).positions);
    }
    if !family.is_roberta() {
        return Ok(Positions::FromZero);
    }
    let padding_index = keys.get("pad_token_id", "the number of a token")?;
    Ok(Positions::AfterPadding {
        padding_index: padding_index.unwrap_or(1),
    })
}

/// Returns the keys of `config.json` that describe an encoder.
pub(super) fn encoder_keys(encoder: &EncoderConfig) -> Vec<(&'static str, Value)> {
    let family = encoder.family;
    let mut keys = vec![
        ("model_type", json!(family.model_type())),
        ("vocab_size", json!(encoder.vocab_size)),
        ("hidden_size", json!(encoder.hidden_size)),
        ("num_hidden_layers", json!(encoder.num_hidden_layers)),
        ("num_attention_heads", json!(encoder.num_attention_heads)),
        ("intermediate_size", json!(encoder.intermediate_size)),
        ("hidden_act", json!(encoder.hidden_act.name())),
        ("hidden_dropout_prob", json!(encoder.hidden_dropout_prob)),
        (
            "attention_probs_dropout_prob",
            json!(encoder.attention_probs_dropout_prob),
        ),
        (
            "max_position_embeddings",
            json!(encoder.max_position_embeddings),
        ),
        ("initializer_range", json!(encoder.initializer_range)),
    ];
    if family != Family::DistilBert {
        keys.push(("layer_norm_eps", json!(encoder.layer_norm_eps)));
    }
    if encoder.type_vocab_size > 0 || family == Family::Gte {
        keys.push(("type_vocab_size", json!(encoder.type_vocab_size)));
    }
    if WITHOUT_HIDDEN_DROPOUT.contains(&family) {
        keys.retain(|(key, _)| *key != "hidden_dropout_prob");
    }
    if family == Family::ModernBert {
        keys.extend(modern_bert_keys::own_keys(encoder));
    }
    if let Family::NomicBert | Family::Gte | Family::EuroBert = family {
        keys.extend(rotary_bert_keys::own_keys(encoder));
    }
    if let Some(groups) = encoder.num_hidden_groups {
        keys.push(("num_hidden_groups", json!(groups)));
        keys.push(("inner_group_num", json!(1)));
    }
    if family == Family::DebertaV2 {
        keys.extend(deberta_keys::own_keys(encoder));
    }
    if let Family::Electra | Family::Albert = family {
        keys.push(("embedding_size", json!(encoder.embedding_width())));
    }
    if let Some(buckets) = encoder.relative_attention_num_buckets {
        keys.push(("relative_attention_num_buckets", json!(buckets)));
    }
    if let (Positions::AfterPadding { padding_index }, true) =
        (encoder.positions, family.is_roberta())
    {
        keys.push(("pad_token_id", json!(padding_index)));
    }
    for (key, _) in &mut keys {
        *key = key_of(family, key);
    }
    keys
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::encoder::Activation;

    /// Reads a `config.json` with these keys.
    pub(in crate::checkpoint) fn read(keys: Value) -> Result<EncoderConfig, ModelError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(path, keys.to_string()).unwrap();
        encoder_of(&ConfigKeys::read(directory.path())?)
    }

    pub(in crate::checkpoint) fn written(encoder: &EncoderConfig) -> Map<String, Value> {
        let keys = encoder_keys(encoder).into_iter();
        keys.map(|(key, value)| (key.to_string(), value)).collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        for family in Family::ALL {
            let base = EncoderConfig::base(family);
            let encoder = EncoderConfig {
                embedding_size: match family {
                    Family::Electra | Family::Albert => Some(96),
                    _ => None,
                },
                hidden_act: Activation::GeluNew,
                attention_probs_dropout_prob: 0.25,
                ..base.clone()
            };
            for encoder in [base, encoder] {
                assert_eq!(read(Value::Object(written(&encoder))).unwrap(), encoder);
            }
        }
    }
}
