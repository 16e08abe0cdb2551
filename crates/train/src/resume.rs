//! Check that a resumed run has the settings that it started with.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::error::TrainError;

/// The key that may differ: the command line.
const COMMAND: &str = "command";

/// Compares the settings in a run's `config.json` with the current ones.
///
/// # Errors
/// - [`TrainError::Resume`] if a setting differs; it names the first one, with both values.
/// - [`TrainError::Io`] if the file cannot be read.
pub(crate) fn check_settings(config: &Path, settings: &impl Serialize) -> Result<(), TrainError> {
    let unreadable =
        |error: serde_json::Error| TrainError::io(config)(std::io::Error::other(error));
    let text = fs::read(config).map_err(TrainError::io(config))?;
    let saved: Value = serde_json::from_slice(&text).map_err(unreadable)?;
    // Serialized to text like the saved settings, so that numbers compare equal.
    let now = serde_json::to_string(settings).map_err(unreadable)?;
    let now: Value = serde_json::from_str(&now).map_err(unreadable)?;
    match first_difference("", &without_command(saved), &without_command(now)) {
        Some((setting, saved, now)) => Err(TrainError::Resume {
            path: config.to_path_buf(),
            setting,
            saved,
            now,
        }),
        None => Ok(()),
    }
}

fn without_command(mut settings: Value) -> Value {
    if let Value::Object(settings) = &mut settings {
        settings.remove(COMMAND);
    }
    settings
}

/// Returns the path of the first value that differs, with both values.
pub fn first_difference(
    path: &str,
    saved: &Value,
    now: &Value,
) -> Option<(String, String, String)> {
    let (Value::Object(saved), Value::Object(now)) = (saved, now) else {
        return (saved != now).then(|| (path.to_string(), saved.to_string(), now.to_string()));
    };
    let missing = Value::String("nothing".to_string());
    let keys = saved
        .keys()
        .chain(now.keys().filter(|key| !saved.contains_key(*key)));
    let mut differences = keys.filter_map(|key| {
        let path = match path {
            "" => key.clone(),
            _ => format!("{path}.{key}"),
        };
        let (saved, now) = (saved.get(key), now.get(key));
        first_difference(&path, saved.unwrap_or(&missing), now.unwrap_or(&missing))
    });
    differences.next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let saved = json!({"command": ["a"], "train": {"seed": 1, "rate": 2e-5}});
        fs::write(&path, serde_json::to_vec_pretty(&saved).unwrap()).unwrap();
        let message = |now: Value| {
            let result = check_settings(&path, &now);
            result
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert_eq!(
            message(json!({"command": ["b"], "train": {"seed": 1, "rate": 2e-5}})),
            ""
        );
        let other = message(json!({"train": {"seed": 2, "rate": 2e-5}}));
        let expected = "the run began with train.seed 1, and is to go on with 2";
        assert!(other.ends_with(expected), "{other}");
        let more = message(json!({"train": {"seed": 1, "rate": 2e-5, "new": [3]}}));
        assert!(
            more.ends_with("train.new \"nothing\", and is to go on with [3]"),
            "{more}"
        );
    }

    #[test]
    fn a_number_is_itself_after_a_round_trip() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        for number in [
            0.1 + 0.2,
            1.0 / 3.0,
            f64::MIN_POSITIVE,
            1.234_567_891_234_5e-22,
        ] {
            let settings = json!({ "rate": number });
            fs::write(&path, serde_json::to_vec_pretty(&settings).unwrap()).unwrap();
            check_settings(&path, &settings).unwrap();
        }
    }
}
