//! Recipe of a study or an example: its settings, and what a run has in place of them.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// Settings that change how a run computes and what it stores, but not what it learns, except for
/// rounding; and the seed, which repetitions vary.
const COMPUTATION: [&str; 6] = [
    "activation_cache",
    "checkpoints",
    "eval_batch_size",
    "precision",
    "seed",
    "tokenizer_cache_dir",
];

/// Setting that has another value than in the recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Path of the setting, its parts joined by dots.
    pub path: String,
    /// Value in the recipe; null if the recipe does not have the setting.
    pub recipe: Value,
    /// Value used; null if the run does not have the setting.
    pub used: Value,
}

impl Difference {
    /// Returns whether the difference can change the scores beyond rounding and chance.
    pub fn changes_scores(&self) -> bool {
        !(self.path.split('.')).any(|name| COMPUTATION.contains(&name))
    }
}

/// Formats the difference as one line.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| match value {
            Value::Null => "none".to_string(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (recipe, used) = (shown(&self.recipe), shown(&self.used));
        write!(f, "{}: {used} instead of {recipe}", self.path)
    }
}

/// Returns the settings that differ from a recipe, sorted by path.
///
/// # Errors
/// If the settings cannot be serialized.
pub fn differences<C: Serialize>(
    recipe: &C,
    used: &C,
) -> Result<Vec<Difference>, serde_json::Error> {
    let (recipe, used) = (serde_json::to_value(recipe)?, serde_json::to_value(used)?);
    let mut found = Vec::new();
    collect("", &recipe, &used, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Collects the differences below `path`. Lists are compared element by element, alternatives such
/// as `{"steps": 100}` and `{"epochs": 3}` as a whole.
fn collect(path: &str, recipe: &Value, used: &Value, found: &mut Vec<Difference>) {
    match (recipe, used) {
        (Value::Object(first), Value::Object(second)) if !are_alternatives(first, second) => {
            let names = first
                .keys()
                .chain(second.keys().filter(|name| !first.contains_key(*name)));
            for name in names {
                let (recipe, used) = (first.get(name), second.get(name));
                collect_field(path, name, recipe, used, found);
            }
        }
        (Value::Array(first), Value::Array(second)) => {
            for at in 0..first.len().max(second.len()) {
                collect_field(path, &at.to_string(), first.get(at), second.get(at), found);
            }
        }
        _ if recipe == used => {}
        _ => found.push(Difference {
            path: path.to_string(),
            recipe: recipe.clone(),
            used: used.clone(),
        }),
    }
}

fn collect_field(
    path: &str,
    name: &str,
    recipe: Option<&Value>,
    used: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    let path = match path {
        "" => name.to_string(),
        path => format!("{path}.{name}"),
    };
    let (recipe, used) = (recipe.unwrap_or(&Value::Null), used.unwrap_or(&Value::Null));
    collect(&path, recipe, used, found);
}

fn are_alternatives(first: &Map<String, Value>, second: &Map<String, Value>) -> bool {
    let are_other_keys = first.len() == 1 && second.len() == 1 && first.keys().ne(second.keys());
    are_other_keys || first.get("kind") != second.get("kind")
}

#[cfg(test)]
mod tests {
    use finetune::prelude::*;
    use serde_json::json;

    use super::*;

    fn lines<C: Serialize>(recipe: &C, used: &C) -> Vec<String> {
        let found = differences(recipe, used).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_setting_is_one_line() {
        let recipe = FineTuningConfig::default();
        assert_eq!(lines(&recipe, &recipe), [""; 0]);
        let mut used = recipe.clone();
        used.train.optimizer.learning_rate = 1e-3;
        used.train.duration = TrainDuration::Steps(7);
        used.text.tokenizer_cache_dir = Some("tokens".into());
        assert_eq!(
            lines(&recipe, &used),
            [
                "text.tokenizer_cache_dir: tokens instead of none",
                r#"train.duration: {"steps":7} instead of {"epochs":3}"#,
                "train.optimizer.learning_rate: 0.001 instead of 0.00005",
            ]
        );
        let found = differences(&recipe, &used).unwrap();
        let relevant: Vec<bool> = found.iter().map(Difference::changes_scores).collect();
        assert_eq!(relevant, [false, true, true]);
    }

    #[test]
    fn lists_and_kinds() {
        let recipe =
            json!({ "runs": [{ "seed": 1 }, { "seed": 2 }], "loss": { "kind": "a", "x": 1 } });
        let used = json!({ "runs": [{ "seed": 1 }], "loss": { "kind": "b" } });
        assert_eq!(
            lines(&recipe, &used),
            [
                r#"loss: {"kind":"b"} instead of {"kind":"a","x":1}"#,
                r#"runs.1: none instead of {"seed":2}"#,
            ]
        );
    }
}
