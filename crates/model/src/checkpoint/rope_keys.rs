//! Keys of `config.json` for rotary positions: `rope_parameters` of transformers 5, and `rope_theta` and
//! `rope_scaling` of transformers 4.

use serde_json::{Map, Value, json};

use super::config_keys::ConfigKeys;
use crate::encoder::{EncoderConfig, LayerType, Positions, ROPE_TYPES, RopeScaling};
use crate::error::ModelError;

/// Base of the wavelengths and their scaling, as one object of a file has them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct RopeParameters {
    /// Base, if the object has one.
    pub(super) theta: Option<f64>,
    /// Scaling, if it has one.
    pub(super) scaling: Option<RopeScaling>,
}

impl RopeParameters {
    /// Reads the object of `key`, or a part of it. A missing `original_max_position_embeddings` is the
    /// `longest` input, as in transformers.
    pub(super) fn read(
        keys: &ConfigKeys,
        key: &'static str,
        object: &Map<String, Value>,
        longest: usize,
    ) -> Result<Self, ModelError> {
        let mut object = object.clone();
        object.retain(|_, value| !value.is_null());
        let theta = match object.remove("rope_theta") {
            Some(theta) => Some(theta.as_f64().ok_or_else(|| {
                keys.unsupported(key, &theta.to_string(), "numbers in rope_theta")
            })?),
            None => None,
        };
        let older = object.remove("type");
        let kind = object.remove("rope_type").or(older);
        let kind = kind.unwrap_or_else(|| json!("default"));
        // Only one type has a part of the planes; in all others it would be another computation.
        if kind != "proportional" {
            let part = object.remove("partial_rotary_factor");
            if let Some(part) = part.filter(|part| part.as_f64() != Some(1.0)) {
                let found = format!("{part} in partial_rotary_factor");
                return Err(keys.unsupported(key, &found, "1"));
            }
        }
        if kind == "default" {
            return Ok(Self {
                theta,
                scaling: None,
            });
        }
        if kind == "yarn" || kind == "llama3" {
            let original = "original_max_position_embeddings".to_string();
            object.entry(original).or_insert_with(|| json!(longest));
        }
        object.insert("rope_type".to_string(), kind.clone());
        let name = kind.as_str().map_or(kind.to_string(), String::from);
        if !ROPE_TYPES.split(", ").any(|known| known == name) {
            return Err(keys.unsupported(key, &format!("of the type {name}"), ROPE_TYPES));
        }
        match serde_json::from_value(Value::Object(object)) {
            Ok(scaling) => Ok(Self {
                theta,
                scaling: Some(scaling),
            }),
            Err(error) => {
                let found = format!("of the type {name}: {error}");
                Err(keys.unsupported(key, &found, "the keys of transformers 5.23"))
            }
        }
    }

    /// Returns the object of a file.
    pub(super) fn written(self) -> Value {
        let mut object = json!({"rope_type": "default"});
        if let Some(scaling) = self.scaling {
            object = json!(scaling);
        }
        object["rope_theta"] = json!(self.theta);
        object
    }
}

/// Reads the rotary positions of an encoder with one base in all layers; `missing` has the default of
/// the base. `rope_scaling` counts before `rope_parameters`, as in transformers.
pub(super) fn with_rope(
    keys: &ConfigKeys,
    missing: f64,
    encoder: EncoderConfig,
) -> Result<EncoderConfig, ModelError> {
    let mut found = RopeParameters::default();
    for key in ["rope_scaling", "rope_parameters"] {
        let object: Option<Map<String, Value>> = keys.get(key, "an object")?;
        if let Some(object) = object.filter(|object| !object.is_empty()) {
            let longest = encoder.max_position_embeddings;
            found = RopeParameters::read(keys, key, &object, longest)?;
            break;
        }
    }
    let theta = match found.theta {
        Some(theta) => theta,
        None => keys.get("rope_theta", "a number")?.unwrap_or(missing),
    };
    Ok(EncoderConfig {
        positions: Positions::rotary(theta),
        rope_scaling: found.scaling,
        ..encoder
    })
}

/// Returns the base and the scaling of the layers of a kind.
pub(super) fn rope_of(encoder: &EncoderConfig, kind: LayerType) -> RopeParameters {
    RopeParameters {
        theta: encoder.positions.rope_theta(kind),
        scaling: encoder.rope_scaling_of(kind),
    }
}

/// Returns the keys of an encoder with one base in all layers.
pub(super) fn own_keys(encoder: &EncoderConfig) -> Vec<(&'static str, Value)> {
    let rope = rope_of(encoder, LayerType::FullAttention);
    vec![("rope_parameters", rope.written())]
}

#[cfg(test)]
mod tests {
    use super::super::encoder_keys::tests::{read, written};
    use super::*;
    use crate::family::Family;

    fn eurobert(keys: Value) -> Result<EncoderConfig, String> {
        let mut file = written(&EncoderConfig::base(Family::EuroBert));
        file.remove("rope_parameters");
        file.extend(keys.as_object().cloned().unwrap_or_default());
        read(Value::Object(file)).map_err(|error| error.to_string())
    }

    #[test]
    fn both_versions_of_transformers_say_the_same() {
        let scaling = Some(RopeScaling::Linear { factor: 2.0 });
        for keys in [
            json!({"rope_theta": 5000, "rope_scaling": {"type": "linear", "factor": 2}}),
            json!({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0}}),
            json!({"rope_theta": 5000.0, "rope_parameters": {"rope_type": "linear", "factor": 2.0}}),
        ] {
            let encoder = eurobert(keys.clone()).unwrap();
            assert_eq!(encoder.positions, Positions::rotary(5000.0), "{keys}");
            assert_eq!(encoder.rope_scaling, scaling, "{keys}");
            assert_eq!(read(Value::Object(written(&encoder))).unwrap(), encoder);
        }
        // The default of the configuration in transformers, not of the published models.
        let unsaid = eurobert(json!({"rope_scaling": null})).unwrap();
        assert_eq!(unsaid.positions, Positions::rotary(1e4));
        assert_eq!(unsaid.rope_scaling, None);
    }

    #[test]
    fn the_longest_text_of_the_pre_training_may_be_missing() {
        let keys = json!({"rope_parameters": {"rope_type": "yarn", "factor": 2.0}});
        let Some(RopeScaling::Yarn {
            original_max_position_embeddings,
            ..
        }) = eurobert(keys).unwrap().rope_scaling
        else {
            panic!("another scaling");
        };
        assert_eq!(original_max_position_embeddings, 8192);
    }

    #[test]
    fn what_depends_on_the_length_of_a_text_is_refused() {
        for (parameters, problem) in [
            (
                json!({"rope_type": "longrope", "factor": 2.0}),
                "rope_parameters is of the type longrope, supported: default, linear, dynamic",
            ),
            (
                json!({"rope_type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}),
                "rope_parameters is 0.5 in partial_rotary_factor, supported: 1",
            ),
            (
                json!({"rope_type": "linear"}),
                "rope_parameters is of the type linear: missing field `factor`",
            ),
            (
                json!({"rope_type": "linear", "factor": 2.0, "a_key_of_the_future": 1}),
                "unknown field `a_key_of_the_future`",
            ),
        ] {
            let error = eurobert(json!({ "rope_parameters": parameters })).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
