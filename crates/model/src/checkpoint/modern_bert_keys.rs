//! Keys of `config.json` that ModernBERT has and older families have not: windows of attention and
//! bases of rotary positions, in the words of transformers 4 and 5.

use serde_json::{Map, Value, json};

use super::config_keys::ConfigKeys;
use crate::encoder::{EncoderConfig, LayerType, NormPlacement, Positions};
use crate::error::ModelError;

/// Supported names in `layer_types`, for error messages.
const LAYER_TYPES: &str = "full_attention, sliding_attention";

/// Reads the values of an encoder that only ModernBERT has a choice of; `shared` has the others.
pub(super) fn with_own_keys(
    keys: &ConfigKeys,
    shared: EncoderConfig,
) -> Result<EncoderConfig, ModelError> {
    let flag =
        |key, missing| Ok::<_, ModelError>(keys.get(key, "true or false")?.unwrap_or(missing));
    let missing = EncoderConfig::base(shared.family);
    let (global_attn_every_n_layers, layer_types) = layer_types(
        keys,
        shared.num_hidden_layers,
        missing.global_attn_every_n_layers,
    )?;
    let embedding_dropout: Option<f64> = keys.get("embedding_dropout", "a number")?;
    let window = keys.get("local_attention", "a number of tokens")?;
    let activation = keys.activation("classifier_activation")?;
    Ok(EncoderConfig {
        gated_mlp: missing.gated_mlp,
        // There is no other dropout of hidden values, so the two are equal at 0.
        embedding_dropout: embedding_dropout.filter(|dropout| *dropout != 0.0),
        mlp_dropout: keys
            .get("mlp_dropout", "a number")?
            .unwrap_or(missing.mlp_dropout),
        positions: positions(keys, missing.positions)?,
        local_attention: window.or(missing.local_attention),
        global_attn_every_n_layers,
        layer_types,
        norm_placement: NormPlacement::PreNorm {
            before_first_attention: false,
        },
        norm_bias: flag("norm_bias", missing.norm_bias)?,
        attention_bias: flag("attention_bias", missing.attention_bias)?,
        mlp_bias: flag("mlp_bias", missing.mlp_bias)?,
        classifier_bias: flag("classifier_bias", missing.classifier_bias)?,
        classifier_activation: activation.unwrap_or(missing.classifier_activation),
        decoder_bias: flag("decoder_bias", missing.decoder_bias)?,
        ..shared
    })
}

/// Returns the distance of the layers with full attention, and the kinds of all layers if there is
/// none. As in transformers 5, `layer_types` counts before `global_attn_every_n_layers`.
fn layer_types(
    keys: &ConfigKeys,
    layers: usize,
    missing: usize,
) -> Result<(usize, Option<Vec<LayerType>>), ModelError> {
    let period: Option<usize> = keys.get("global_attn_every_n_layers", "a number of layers")?;
    let period = period.unwrap_or(missing);
    let Some(names) = keys.get::<Vec<String>>("layer_types", "a list of names")? else {
        return Ok((period, None));
    };
    let kind = |name: &String| {
        let mut all = LayerType::ALL.into_iter();
        let found = all.find(|kind| kind.name() == name);
        found.ok_or_else(|| keys.unsupported("layer_types", name, LAYER_TYPES))
    };
    let types: Vec<LayerType> = names.iter().map(kind).collect::<Result<_, _>>()?;
    let has_period = |period: &usize| {
        let mut types = types.iter().enumerate();
        *period > 0
            && names.len() == layers
            && types.all(|(layer, kind)| *kind == LayerType::of_period(layer, *period))
    };
    let mut periods = std::iter::once(period).chain(1..=layers);
    match periods.find(has_period) {
        Some(period) => Ok((period, None)),
        None => Ok((1, Some(types))),
    }
}

/// Returns rotary positions. The bases are in `rope_parameters`, else in `global_rope_theta` and
/// `local_rope_theta`, of which null in the latter means the former.
fn positions(keys: &ConfigKeys, missing: Positions) -> Result<Positions, ModelError> {
    let scaling: Option<Map<String, Value>> = keys.get("rope_scaling", "an object")?;
    check_rope_type(keys, "rope_scaling", scaling.as_ref())?;
    let parameters: Map<String, Value> = keys
        .get("rope_parameters", "an object")?
        .unwrap_or_default();
    let theta = |kind: LayerType, key| {
        let of_kind = parameters.get(kind.name()).and_then(Value::as_object);
        check_rope_type(keys, "rope_parameters", of_kind)?;
        let found = of_kind.and_then(|of_kind| of_kind.get("rope_theta"));
        match found {
            Some(theta) => theta.as_f64().map(Some).ok_or_else(|| {
                keys.unsupported(
                    "rope_parameters",
                    &theta.to_string(),
                    "numbers in rope_theta",
                )
            }),
            None => keys.get(key, "a number"),
        }
    };
    let missing = LayerType::ALL.map(|kind| missing.rope_theta(kind).unwrap_or(1.0));
    let global = theta(LayerType::FullAttention, "global_rope_theta")?.unwrap_or(missing[0]);
    let local = theta(LayerType::SlidingAttention, "local_rope_theta")?;
    let is_null = keys.keys.get("local_rope_theta") == Some(&Value::Null);
    let local = local.unwrap_or(if is_null { global } else { missing[1] });
    Ok(Positions::Rotary {
        global_rope_theta: global,
        local_rope_theta: Some(local).filter(|local| *local != global),
    })
}

/// Checks that positions are not scaled.
fn check_rope_type(
    keys: &ConfigKeys,
    key: &'static str,
    parameters: Option<&Map<String, Value>>,
) -> Result<(), ModelError> {
    let named = |name| parameters.and_then(|parameters| parameters.get(name));
    match named("rope_type").or_else(|| named("type")) {
        Some(found) if found != "default" => {
            let found = found.as_str().map_or(found.to_string(), String::from);
            Err(keys.unsupported(key, &format!("of the type {found}"), "default"))
        }
        _ => Ok(()),
    }
}

/// Returns the keys of an encoder that only ModernBERT has, for transformers 5 and 4.
pub(super) fn own_keys(encoder: &EncoderConfig) -> Vec<(&'static str, Value)> {
    // transformers 4 knows no list: null makes it fail instead of computing something else.
    let period = match &encoder.layer_types {
        None => json!(encoder.global_attn_every_n_layers),
        Some(_) => Value::Null,
    };
    let thetas = LayerType::ALL.map(|kind| json!(encoder.positions.rope_theta(kind)));
    let parameters = |theta: &Value| json!({"rope_type": "default", "rope_theta": theta});
    vec![
        ("embedding_dropout", json!(encoder.dropout_of_embeddings())),
        ("mlp_dropout", json!(encoder.mlp_dropout)),
        ("local_attention", json!(encoder.local_attention)),
        ("global_attn_every_n_layers", period),
        ("layer_types", json!(encoder.all_layer_types())),
        (
            "rope_parameters",
            json!({
                "full_attention": parameters(&thetas[0]),
                "sliding_attention": parameters(&thetas[1]),
            }),
        ),
        ("global_rope_theta", thetas[0].clone()),
        ("local_rope_theta", thetas[1].clone()),
        ("norm_bias", json!(encoder.norm_bias)),
        ("attention_bias", json!(encoder.attention_bias)),
        ("mlp_bias", json!(encoder.mlp_bias)),
        ("classifier_bias", json!(encoder.classifier_bias)),
        (
            "classifier_activation",
            json!(encoder.classifier_activation.name()),
        ),
        ("decoder_bias", json!(encoder.decoder_bias)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::encoder_keys::tests::{read, written};
    use crate::encoder::Activation;
    use crate::family::Family;

    fn modern_bert() -> EncoderConfig {
        EncoderConfig::base(Family::ModernBert)
    }

    #[test]
    fn every_value_of_modern_bert_reads_back() {
        let (full, local) = (LayerType::FullAttention, LayerType::SlidingAttention);
        let encoder = EncoderConfig {
            num_hidden_layers: 3,
            embedding_dropout: Some(0.1),
            mlp_dropout: 0.2,
            positions: Positions::Rotary {
                global_rope_theta: 5e3,
                local_rope_theta: None,
            },
            local_attention: Some(7),
            global_attn_every_n_layers: 1,
            layer_types: Some(vec![local, full, full]),
            norm_bias: true,
            attention_bias: true,
            mlp_bias: true,
            classifier_bias: true,
            classifier_activation: Activation::Silu,
            decoder_bias: false,
            ..modern_bert()
        };
        let keys = written(&encoder);
        assert_eq!(read(Value::Object(keys.clone())).unwrap(), encoder);
        assert_eq!(keys["global_attn_every_n_layers"], Value::Null);
        assert!(!keys.contains_key("hidden_dropout_prob"));
        assert_eq!(keys["norm_eps"], 1e-5);
    }

    /// The same encoder in the words of transformers 4 and 5, and without what is as usual.
    #[test]
    fn both_versions_of_transformers_are_understood() {
        let own = [
            "global_attn_every_n_layers",
            "layer_types",
            "rope_parameters",
            "global_rope_theta",
            "local_rope_theta",
        ];
        let only = |wanted: &[&str]| {
            let mut keys = written(&modern_bert());
            keys.retain(|key, _| !own.contains(&key.as_str()) || wanted.contains(&key.as_str()));
            keys
        };
        for wanted in [
            &own[..1],
            &own[1..2],
            &own[2..3],
            &own[3..],
            &own[..],
            &own[..0],
        ] {
            let encoder = read(Value::Object(only(wanted))).unwrap();
            assert_eq!(encoder, modern_bert(), "{wanted:?}");
        }
        let mut keys = only(&own[3..]);
        keys.insert("local_rope_theta".to_string(), Value::Null);
        let same_base = Positions::Rotary {
            global_rope_theta: 160_000.0,
            local_rope_theta: None,
        };
        assert_eq!(read(Value::Object(keys)).unwrap().positions, same_base);
    }

    #[test]
    fn what_modern_bert_does_not_compute_is_refused() {
        for (key, value, expected) in [
            (
                "layer_types",
                json!(["full_attention", "chunked_attention"]),
                "layer_types is chunked_attention, supported: full_attention, sliding_attention",
            ),
            (
                "rope_scaling",
                json!({"type": "linear", "factor": 2.0}),
                "rope_scaling is of the type linear, supported: default",
            ),
            (
                "rope_parameters",
                json!({"full_attention": {"rope_type": "yarn", "rope_theta": 1e4}}),
                "rope_parameters is of the type yarn, supported: default",
            ),
            (
                "rope_parameters",
                json!({"sliding_attention": {"rope_theta": "large"}}),
                "rope_parameters is \"large\", supported: numbers in rope_theta",
            ),
        ] {
            let mut keys = written(&modern_bert());
            keys.insert(key.to_string(), value);
            let error = read(Value::Object(keys)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
