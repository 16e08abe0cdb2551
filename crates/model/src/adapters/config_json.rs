//! Reader and writer of `adapter_config.json`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::LoraConfig;
use crate::checkpoint::read_json;
use crate::error::ModelError;

/// Keys that determine what an adapter computes. `peft_type`, `r` and `lora_alpha` are required, as
/// in every file written by PEFT; other missing keys have PEFT's defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct AdapterConfig {
    peft_type: String,
    pub(super) r: usize,
    pub(super) lora_alpha: f64,
    #[serde(default)]
    pub(super) lora_dropout: f64,
    #[serde(default)]
    pub(super) use_rslora: bool,
    #[serde(default)]
    target_modules: Value,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Keys without effect here: they describe the origin of an adapter, or its placement, which the
/// tensor names determine.
const OF_NO_EFFECT: [&str; 13] = [
    "auto_mapping",
    "base_model_name_or_path",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "megatron_core",
    "modules_to_save",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
    "task_type",
];

/// Keys that exclude some of the `target_modules`.
const EXCEPTIONS: [&str; 2] = ["exclude_modules", "layers_to_transform"];

impl AdapterConfig {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// - [`ModelError::Io`] if the file cannot be read.
    /// - [`ModelError::Json`] if it is not JSON or lacks a required key.
    /// - [`ModelError::InvalidConfigFile`] if it describes another kind of adapter, or a value is
    ///   out of range.
    pub(super) fn read(path: PathBuf) -> Result<Self, ModelError> {
        let config: Self = read_json(&path)?;
        config.check(&path)?;
        Ok(config)
    }

    /// Rejects unknown keys unless they are off: they may change what the adapter computes.
    fn check(&self, path: &Path) -> Result<(), ModelError> {
        let unsupported = |key: &str, found: String| {
            let problem = format!("is {found}, which this LoRA does not have");
            Err(ModelError::config_file(path, key, problem))
        };
        if self.peft_type != "LORA" {
            return unsupported("peft_type", self.peft_type.clone());
        }
        let mut others = self.others.iter();
        let foreign = others.find(|(key, value)| match key.as_str() {
            // Other initializations change the base weights too.
            "init_lora_weights" => !value.is_boolean() && *value != "gaussian",
            key => !OF_NO_EFFECT.contains(&key) && !is_off(value),
        });
        match foreign {
            Some((key, value)) => unsupported(key, value.to_string()),
            None => self
                .lora()
                .validate()
                .map_err(|error| error.in_file(path, key_of)),
        }
    }

    /// Returns rank, scale and dropout; the tensor names determine the targets.
    pub(super) fn lora(&self) -> LoraConfig {
        LoraConfig {
            rank: self.r,
            alpha: self.lora_alpha,
            use_rslora: self.use_rslora,
            dropout: self.lora_dropout,
            ..Default::default()
        }
    }

    /// Returns whether the linear layer `module`, such as `bert.encoder.layer.0.output.dense`, is a
    /// target. Returns false if targets are a pattern or have exceptions, which are not evaluated.
    pub(super) fn names(&self, module: &str) -> bool {
        let mut exceptions = EXCEPTIONS.iter().filter_map(|key| self.others.get(*key));
        let Value::Array(targets) = &self.target_modules else {
            return false;
        };
        if exceptions.any(|value| !is_off(value)) {
            return false;
        }
        targets.iter().filter_map(Value::as_str).any(|target| {
            let above = module.strip_suffix(target);
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        })
    }
}

/// Returns the key of a setting in the file.
fn key_of(field: &'static str) -> &'static str {
    match field {
        "rank" => "r",
        "alpha" => "lora_alpha",
        "dropout" => "lora_dropout",
        other => other,
    }
}

fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::String(text) => text.is_empty() || text == "none",
        Value::Array(items) => items.is_empty(),
        Value::Object(keys) => keys.is_empty(),
        Value::Number(_) => false,
    }
}

/// Returns the content of an `adapter_config.json` with `target_modules` and `modules_to_save`.
///
/// Both contain full module names. PEFT also accepts suffixes, but `output.dense` would match the
/// output of the attention as well as that of the layer.
pub(super) fn to_json(
    lora: &LoraConfig,
    targets: &[String],
    modules_to_save: &[String],
    task_type: Option<&str>,
    base_model: Option<&str>,
) -> String {
    let config = json!({
        "peft_type": "LORA",
        "task_type": task_type,
        "base_model_name_or_path": base_model,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "use_rslora": lora.use_rslora,
        "target_modules": targets,
        "modules_to_save": modules_to_save,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<AdapterConfig, ModelError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("adapter_config.json");
        std::fs::write(&path, text).unwrap();
        AdapterConfig::read(path)
    }

    #[test]
    fn what_is_written_reads_back() {
        let lora = LoraConfig {
            rank: 3,
            alpha: 5.5,
            use_rslora: true,
            dropout: 0.1,
            ..Default::default()
        };
        let targets = ["bert.encoder.layer.0.output.dense".to_string()];
        let config = parse(&to_json(&lora, &targets, &[], Some("SEQ_CLS"), None)).unwrap();
        assert_eq!(config.lora(), lora);
        assert!(config.names("bert.encoder.layer.0.output.dense"));
        assert!(!config.names("bert.encoder.layer.0.attention.output.dense"));
        assert!(!config.names("bert.encoder.layer.1.output.dense"));
    }

    #[test]
    fn the_end_of_a_name_is_a_name() {
        let text = r#"{"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["query"]}"#;
        let config = parse(text).unwrap();
        assert!(config.names("bert.encoder.layer.7.attention.self.query"));
        assert!(!config.names("bert.encoder.layer.7.attention.self.subquery"));
        assert!(!config.names("bert.encoder.layer.7.attention.self.value"));
        // Which layers are meant, the tensors say.
        let only = text.replace("\"r\"", "\"layers_to_transform\": [1], \"r\"");
        assert!(
            !parse(&only)
                .unwrap()
                .names("bert.encoder.layer.7.attention.self.query")
        );
    }

    #[test]
    fn other_adapters_are_refused_by_key_and_value() {
        let with = |key: &str, value: &str| {
            let text =
                format!(r#"{{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "{key}": {value}}}"#);
            parse(&text).map_err(|error| error.to_string())
        };
        for (key, value) in [
            ("use_dora", "false"),
            ("rank_pattern", "{}"),
            ("peft_version", "\"0.18.0\""),
            ("a_key_of_the_future", "null"),
        ] {
            with(key, value).unwrap();
        }
        for (key, value) in [
            ("use_dora", "true"),
            ("rank_pattern", "{\"query\":2}"),
            ("fan_in_fan_out", "true"),
            ("bias", "\"all\""),
            ("init_lora_weights", "\"pissa\""),
            ("a_key_of_the_future", "1"),
        ] {
            let error = with(key, value).unwrap_err();
            assert!(error.contains(&format!("{key} is {value}")), "{error}");
        }
        for text in [
            r#"{"peft_type": "IA3", "r": 4, "lora_alpha": 8}"#,
            r#"{"peft_type": "LORA", "r": 0, "lora_alpha": 8}"#,
            r#"{"peft_type": "LORA", "r": -1, "lora_alpha": 8}"#,
            r#"{"peft_type": "LORA", "lora_alpha": 8}"#,
            r#"{"peft_type": "LORA", "r": 4}"#,
            r#"{"r": 4, "lora_alpha": 8}"#,
            "[]",
            "",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
