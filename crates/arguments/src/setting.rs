//! Settings from outside: `--set PATH=VALUE`, and files in JSON or TOML.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::ArgumentsError;

/// One setting of the command line: its path in the settings, and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Names of the settings file, joined by dots, such as `train.optimizer.learning_rate`.
    pub path: String,
    /// Value as in a JSON file.
    pub value: Value,
}

/// Parses `PATH=VALUE`. The value is JSON; what is not, is a string, so that names need no quotes.
impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected PATH=VALUE, as in train.seed=7";
        let (path, value) = text.split_once('=').ok_or(expected)?;
        let path = path.trim();
        if path.split('.').any(str::is_empty) {
            return Err(expected.to_string());
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
        Ok(Self {
            path: path.to_string(),
            value,
        })
    }
}

/// Reads a file with settings: TOML if its name ends with `.toml`, otherwise JSON.
///
/// # Errors
/// - [`ArgumentsError::Io`] if the file cannot be read.
/// - [`ArgumentsError::InvalidFile`] if it is not a table of settings.
pub fn read_settings(path: &Path) -> Result<Map<String, Value>, ArgumentsError> {
    let text = fs::read_to_string(path).map_err(|source| ArgumentsError::Io {
        path: path.to_path_buf(),
        source,
    })?;
    let is_toml = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    let read = match is_toml {
        true => toml::from_str(&text).map_err(|error| error.to_string().trim_end().to_string()),
        false => serde_json::from_str(&text).map_err(|error| error.to_string()),
    };
    read.map_err(|problem| ArgumentsError::InvalidFile {
        path: path.to_path_buf(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_text() {
        for (text, path, value) in [
            ("train.seed=7", "train.seed", json!(7)),
            (
                "train.optimizer.learning_rate=3e-5",
                "train.optimizer.learning_rate",
                json!(3e-5),
            ),
            ("train.save_dtype=f16", "train.save_dtype", json!("f16")),
            ("metrics=[\"roc_auc\"]", "metrics", json!(["roc_auc"])),
            ("train.evaluation=null", "train.evaluation", Value::Null),
            (
                "text.tokenizer_cache_dir=a=b",
                "text.tokenizer_cache_dir",
                json!("a=b"),
            ),
            (
                "text.tokenizer_cache_dir=\"1\"",
                "text.tokenizer_cache_dir",
                json!("1"),
            ),
        ] {
            let setting: Setting = text.parse().unwrap();
            assert_eq!((&setting.path[..], setting.value), (path, value), "{text}");
        }
        for text in ["train.seed", "=7", "train..seed=7", ".seed=7", "train.=7"] {
            assert!(text.parse::<Setting>().is_err(), "{text}");
        }
    }

    #[test]
    fn toml_and_json_are_the_same_settings() {
        let place = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = place.path().join(name);
            fs::write(&path, text).unwrap();
            read_settings(&path)
        };
        let toml = read(
            "a.toml",
            "[train]\nduration.epochs = 2\noptimizer.learning_rate = 1e-4",
        );
        let json = read(
            "a.json",
            r#"{"train": {"duration": {"epochs": 2}, "optimizer": {"learning_rate": 1e-4}}}"#,
        );
        assert_eq!(toml.unwrap(), json.unwrap());
        for (name, text, expected) in [
            ("b.toml", "[train]\nseed = ", "line 2"),
            ("b.json", "{\"train\": }", "line 1"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.is_usage());
            let error = error.to_string();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
        let missing = read_settings(&place.path().join("none.json")).unwrap_err();
        assert!(!missing.is_usage());
    }
}
