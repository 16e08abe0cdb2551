//! Keys of `config.json` that ModernBERT has and older families have not: windows of attention and
//! bases of rotary positions, in the words of transformers 4 and 5.

use serde_json::{Map, Value, json};

use super::config_keys::ConfigKeys;
use super::rope_keys::{RopeParameters, rope_of};
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
    let encoder = EncoderConfig {
        gated_mlp: missing.gated_mlp,
        // There is no other dropout of hidden values, so the two are equal at 0.
        embedding_dropout: embedding_dropout.filter(|dropout| *dropout != 0.0),
        mlp_dropout: keys
            .get("mlp_dropout", "a number")?
            .unwrap_or(missing.mlp_dropout),
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
    };
    with_positions(keys, missing.positions, encoder)
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

/// Reads rotary positions. The bases are in `rope_parameters`, else in `global_rope_theta` and
/// `local_rope_theta`, of which null in the latter means the former. `rope_scaling` is for both kinds
/// of layers.
fn with_positions(
    keys: &ConfigKeys,
    missing: Positions,
    encoder: EncoderConfig,
) -> Result<EncoderConfig, ModelError> {
    let scaling = scaling_of_all(keys)?;
    let said_in = match scaling.is_empty() {
        true => "rope_parameters",
        false => "rope_scaling",
    };
    let parameters: Map<String, Value> = keys
        .get("rope_parameters", "an object")?
        .unwrap_or_default();
    let of_kind = |kind: LayerType, key| {
        let of_kind = parameters.get(kind.name()).and_then(Value::as_object);
        let mut object = of_kind.cloned().unwrap_or_default();
        object.extend(scaling.clone());
        let longest = encoder.max_position_embeddings;
        let mut found = RopeParameters::read(keys, said_in, &object, longest)?;
        if found.theta.is_none() {
            found.theta = keys.get(key, "a number")?;
        }
        Ok::<_, ModelError>(found)
    };
    let missing = LayerType::ALL.map(|kind| missing.rope_theta(kind).unwrap_or(1.0));
    let global = of_kind(LayerType::FullAttention, "global_rope_theta")?;
    let local = of_kind(LayerType::SlidingAttention, "local_rope_theta")?;
    let global_rope_theta = global.theta.unwrap_or(missing[0]);
    let is_null = keys.keys.get("local_rope_theta") == Some(&Value::Null);
    let unsaid = if is_null {
        global_rope_theta
    } else {
        missing[1]
    };
    let local_rope_theta = local.theta.unwrap_or(unsaid);
    Ok(EncoderConfig {
        positions: Positions::Rotary {
            global_rope_theta,
            local_rope_theta: Some(local_rope_theta).filter(|local| *local != global_rope_theta),
        },
        rope_scaling: global.scaling,
        local_rope_scaling: local.scaling,
        ..encoder
    })
}

/// Returns the entries of `rope_scaling`, which transformers adds to those of both kinds of layers.
fn scaling_of_all(keys: &ConfigKeys) -> Result<Map<String, Value>, ModelError> {
    let scaling: Option<Map<String, Value>> = keys.get("rope_scaling", "an object")?;
    let scaling = scaling.unwrap_or_default();
    // In the words of transformers 4, which transformers 5 does not heed here.
    let older = scaling.get("type").filter(|kind| *kind != "default");
    match older.filter(|_| !scaling.contains_key("rope_type")) {
        Some(found) => {
            let found = found.as_str().map_or(found.to_string(), String::from);
            let found = format!("of the type {found}");
            Err(keys.unsupported("rope_scaling", &found, "default, or a rope_type"))
        }
        None => Ok(scaling),
    }
}

/// Returns the keys of an encoder that only ModernBERT has, for transformers 5 and 4.
pub(super) fn own_keys(encoder: &EncoderConfig) -> Vec<(&'static str, Value)> {
    // transformers 4 knows no list: null makes it fail instead of computing something else.
    let period = match &encoder.layer_types {
        None => json!(encoder.global_attn_every_n_layers),
        Some(_) => Value::Null,
    };
    let ropes = LayerType::ALL.map(|kind| rope_of(encoder, kind));
    vec![
        ("embedding_dropout", json!(encoder.dropout_of_embeddings())),
        ("mlp_dropout", json!(encoder.mlp_dropout)),
        ("local_attention", json!(encoder.local_attention)),
        ("global_attn_every_n_layers", period),
        ("layer_types", json!(encoder.all_layer_types())),
        (
            "rope_parameters",
            json!({
                "full_attention": ropes[0].written(),
                "sliding_attention": ropes[1].written(),
            }),
        ),
        ("global_rope_theta", json!(ropes[0].theta)),
        ("local_rope_theta", json!(ropes[1].theta)),
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
    use crate::encoder::{Activation, RopeScaling};
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
            rope_scaling: Some(RopeScaling::Linear { factor: 2.0 }),
            local_rope_scaling: Some(RopeScaling::Dynamic { factor: 3.0 }),
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
                "rope_scaling is of the type linear, supported: default, or a rope_type",
            ),
            (
                "rope_parameters",
                json!({"full_attention": {"rope_type": "longrope", "rope_theta": 1e4}}),
                "rope_parameters is of the type longrope, supported: default",
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
