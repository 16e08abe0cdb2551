//! Settings by path: merging of partial configurations, and errors for unknown settings.
//!
//! A partial configuration is merged into the full one as JSON, and the type deserializes the
//! result. So every setting of every configuration type can be set by its path, without a list of
//! settings, and the type rejects invalid values.

use finetune_data::{explain_renamed_key, renamed_key_hint};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::StudyError;

/// Maximum number of similar names in an error message.
const OFFERED: usize = 3;

/// Returns the settings with the values of a partial configuration, such as a settings file;
/// settings that it does not contain keep their values. `source` names its origin in errors.
///
/// ```
/// use finetune_study::override_settings;
/// use finetune_train::{FineTuningConfig, TrainDuration};
/// use serde_json::json;
///
/// let overrides = json!({ "train": { "duration": { "steps": 100 } } });
/// let overrides = overrides.as_object().cloned().unwrap_or_default();
/// let settings = override_settings(&FineTuningConfig::default(), &overrides, "arguments")?;
/// assert_eq!(settings.train.duration, TrainDuration::Steps(100));
/// # Ok::<(), finetune_study::StudyError>(())
/// ```
///
/// # Errors
/// - [`StudyError::InvalidConfig`] if the type does not have a setting, with the nearest ones and
///   those beside it, or rejects a value, with the expected type.
pub fn override_settings<C: Serialize + DeserializeOwned>(
    settings: &C,
    overrides: &Map<String, Value>,
    source: &str,
) -> Result<C, StudyError> {
    let whole =
        serde_json::to_value(settings).map_err(|error| StudyError::config(source, error))?;
    let (settings, _) = merged(&whole, overrides, source)?;
    Ok(settings)
}

/// Returns the full configuration with the values of `part`, as its type and as JSON; `place` names the
/// origin of `part` in errors.
///
/// # Errors
/// - [`StudyError::InvalidConfig`] if the type does not have a setting or rejects a value.
pub(super) fn merged<C: Serialize + DeserializeOwned>(
    whole: &Value,
    part: &Map<String, Value>,
    place: &str,
) -> Result<(C, Value), StudyError> {
    let mut together = whole.clone();
    let part = Value::Object(part.clone());
    merge(&mut together, &part);
    let config: C =
        serde_path_to_error::deserialize(together).map_err(|error| refused(whole, place, error))?;
    let full = serde_json::to_value(&config).map_err(|error| StudyError::config(place, error))?;
    check_names(whole, &part, &full, place)?;
    Ok((config, full))
}

/// Returns full settings as their type.
///
/// # Errors
/// - [`StudyError::InvalidConfig`] if the type rejects a value.
pub(super) fn read<C: DeserializeOwned>(settings: &Value, place: &str) -> Result<C, StudyError> {
    serde_path_to_error::deserialize(settings.clone())
        .map_err(|error| StudyError::config(place, error.into_inner()))
}

/// Checks that all names of `part` are settings: a type that accepts unknown names has dropped them.
fn check_names(whole: &Value, part: &Value, full: &Value, place: &str) -> Result<(), StudyError> {
    match leaves(part).find(|path| get(full, path).is_none()) {
        Some(path) => Err(unknown(whole, place, &path.join("."), None)),
        None => Ok(()),
    }
}

/// Returns the error of a value that the type rejects, with the path of the setting.
fn refused(
    whole: &Value,
    place: &str,
    error: serde_path_to_error::Error<serde_json::Error>,
) -> StudyError {
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let problem = error.into_inner();
    if renamed_key_hint(&problem.to_string()).is_some() {
        return StudyError::config(place, explain_renamed_key(problem));
    }
    let problem = problem.to_string();
    match unknown_field(&problem) {
        // The path ends with the field, but not within a type that is chosen by its `kind`.
        Some((name, known)) if path.rsplit('.').next() == Some(name) => {
            unknown(whole, place, &path, Some(known))
        }
        Some((name, known)) => unknown(whole, place, &format!("{path}.{name}"), Some(known)),
        None if path.is_empty() => StudyError::config(place, problem),
        None => StudyError::config(place, format!("{path}: {problem}")),
    }
}

/// Returns the name of the setting that a type does not have, and the names that it has, from the
/// error of serde.
fn unknown_field(problem: &str) -> Option<(&str, Vec<&str>)> {
    let (_, rest) = problem.split_once("unknown field `")?;
    let (name, known) = rest.split_once("`, expected ")?;
    // Names are between backticks.
    Some((name, known.split('`').skip(1).step_by(2).collect()))
}

/// Returns the error of an unknown setting, with the nearest ones and those beside it, which are
/// `known` or those of `whole`.
fn unknown(whole: &Value, place: &str, setting: &str, known: Option<Vec<&str>>) -> StudyError {
    let level = setting.rsplit_once('.').map(|(level, _)| level);
    let fields = match level {
        None => whole.as_object(),
        Some(level) => value(whole, level).and_then(Value::as_object),
    };
    let of_whole = || {
        fields
            .into_iter()
            .flatten()
            .map(|(name, _)| &name[..])
            .collect()
    };
    let beside: Vec<&str> = known.unwrap_or_else(of_whole);
    let paths = beside.iter().map(|name| match level {
        None => name.to_string(),
        Some(level) => format!("{level}.{name}"),
    });
    let nearest = nearest(whole, setting, paths.collect());
    StudyError::unknown_setting(place, setting, &nearest, &beside)
}

/// Returns a partial configuration with settings by their paths, such as `train.seed`; a later one
/// replaces an earlier one.
///
/// ```
/// use finetune_study::{override_settings, settings_by_path};
/// use finetune_train::FineTuningConfig;
/// use serde_json::json;
///
/// let settings = [("train.seed", json!(7)), ("train.optimizer.learning_rate", json!(3e-5))];
/// let overrides = settings_by_path(settings);
/// let settings = override_settings(&FineTuningConfig::default(), &overrides, "arguments")?;
/// assert_eq!((settings.train.seed, settings.train.optimizer.learning_rate), (7, 3e-5));
/// # Ok::<(), finetune_study::StudyError>(())
/// ```
pub fn settings_by_path<'a>(
    settings: impl IntoIterator<Item = (&'a str, Value)>,
) -> Map<String, Value> {
    let mut all = Map::new();
    for (path, value) in settings {
        insert(&mut all, path, value);
    }
    all
}

fn insert(fields: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((name, rest)) = path.split_once('.') else {
        fields.insert(path.to_string(), value);
        return;
    };
    let field = fields.entry(name).or_insert(Value::Null);
    match field {
        Value::Object(inner) => insert(inner, rest, value),
        other => *other = Value::Object(part(rest, value)),
    }
}

/// Returns a partial configuration with one setting.
pub(super) fn part(setting: &str, value: Value) -> Map<String, Value> {
    settings_by_path([(setting, value)])
}

/// Returns the value of a setting, if present.
pub(super) fn value<'a>(whole: &'a Value, setting: &str) -> Option<&'a Value> {
    get(
        whole,
        &setting.split('.').map(str::to_string).collect::<Vec<_>>(),
    )
}

/// Returns whether a partial configuration sets a setting, or a part of it.
pub(super) fn sets(part: &Map<String, Value>, setting: &str) -> bool {
    let mut names = setting.split('.');
    let mut found = names.next().and_then(|name| part.get(name));
    for name in names {
        match found {
            Some(Value::Object(fields)) => found = fields.get(name),
            _ => break,
        }
    }
    found.is_some()
}

/// Returns the paths and values of all settings.
pub(super) fn flat(whole: &Value) -> Vec<(String, Value)> {
    let paths = leaves(whole);
    paths
        .filter_map(|path| Some((path.join("."), get(whole, &path)?.clone())))
        .collect()
}

fn merge(whole: &mut Value, part: &Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *whole, part) else {
        *whole = part.clone();
        return;
    };
    if is_other_choice(fields, changes) {
        *whole = part.clone();
        return;
    }
    for (name, change) in changes {
        match fields.get_mut(name) {
            Some(field) => merge(field, change),
            None => drop(fields.insert(name.clone(), change.clone())),
        }
    }
}

/// Returns whether `changes` selects another alternative than `fields`, such as `{"steps": 100}`
/// instead of `{"epochs": 3}`, or another `kind` of loss. The fields of the first alternative then
/// do not apply.
fn is_other_choice(fields: &Map<String, Value>, changes: &Map<String, Value>) -> bool {
    let is_other_key = fields.len() == 1 && changes.len() == 1 && fields.keys().ne(changes.keys());
    let is_other_kind = changes
        .get("kind")
        .is_some_and(|kind| Some(kind) != fields.get("kind"));
    is_other_key || is_other_kind
}

fn get<'a>(whole: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(whole, |value, name| value.get(name))
}

/// Returns the paths of all values except non-empty objects.
fn leaves(value: &Value) -> impl Iterator<Item = Vec<String>> {
    let mut found = Vec::new();
    collect(value, &mut Vec::new(), &mut found);
    found.into_iter()
}

fn collect(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                path.push(name.clone());
                collect(field, path, found);
                path.pop();
            }
        }
        _ => found.push(path.clone()),
    }
}

/// Returns the known settings most similar to an unknown one, by last name and by full path, among those
/// of `whole` and those `beside` it.
fn nearest(whole: &Value, setting: &str, beside: Vec<String>) -> Vec<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
    let likeness = |path: &str| {
        strsim::jaro_winkler(&last(path), &last(setting)) + strsim::jaro_winkler(path, setting)
    };
    let mut paths: Vec<String> = leaves(whole).map(|path| path.join(".")).collect();
    let beside = beside.into_iter();
    paths.extend(
        beside
            .filter(|path| value(whole, path).is_none())
            .collect::<Vec<_>>(),
    );
    paths.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    paths.truncate(OFFERED);
    paths
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use finetune_train::FineTuningConfig;

    fn set(setting: &str, value: Value) -> Result<FineTuningConfig, StudyError> {
        let defaults = serde_json::to_value(FineTuningConfig::default()).unwrap();
        let (config, full) = merged(&defaults, &part(setting, value), "parameter")?;
        assert!(config == read(&full, "parameter").unwrap());
        Ok(config)
    }

    #[test]
    fn every_setting_of_the_defaults_can_be_set_by_its_path() {
        let defaults = serde_json::to_value(FineTuningConfig::default()).unwrap();
        for (setting, value) in flat(&defaults) {
            let again = set(&setting, value).unwrap();
            assert_eq!(again, FineTuningConfig::default(), "{setting}");
        }
    }

    #[test]
    fn alternatives_replace_one_another() {
        let config = set("train.duration.steps", json!(7)).unwrap();
        assert_eq!(
            config.train.duration,
            finetune_train::TrainDuration::Steps(7)
        );
        let config = set("train.batch_size.tokens", json!(512)).unwrap();
        assert_eq!(
            config.train.batch_size,
            finetune_data::BatchSize::Tokens(512)
        );
        let config = set("loss", json!({"kind": "huber"})).unwrap();
        assert!(matches!(
            config.loss,
            finetune_train::LossConfig::Huber { .. }
        ));
        let config = set("train.evaluation.metric_for_best_model", json!("accuracy")).unwrap();
        assert_eq!(
            config.train.evaluation.unwrap().metric_for_best_model,
            "accuracy"
        );
        let config = set("train.evaluation.every.steps", json!(5)).unwrap();
        assert_eq!(
            config.train.evaluation.unwrap().every,
            finetune_train::Interval::Steps(5)
        );
    }

    #[test]
    fn a_part_keeps_what_it_does_not_set() {
        let first = serde_json::to_value(set("train.seed", json!(3)).unwrap()).unwrap();
        let rate = part("train.optimizer.learning_rate", json!(0.5));
        let (_, both) = merged::<FineTuningConfig>(&first, &rate, "variant").unwrap();
        assert_eq!(value(&both, "train.seed"), Some(&json!(3)));
        assert_eq!(
            value(&both, "train.optimizer.learning_rate"),
            Some(&json!(0.5))
        );
    }

    #[test]
    fn a_file_overrides_what_it_contains() {
        let mut recipe = FineTuningConfig::default();
        recipe.train.seed = 3;
        let file = part("train.optimizer.learning_rate", json!(0.5));
        let settings = override_settings(&recipe, &file, "a.json").unwrap();
        recipe.train.optimizer.learning_rate = 0.5;
        assert_eq!(settings, recipe);
        let unknown = part("train.sed", json!(1));
        let message = override_settings(&recipe, &unknown, "a.json").unwrap_err();
        let expected = "a.json: there is no setting train.sed; the nearest are train.seed";
        assert!(message.to_string().starts_with(expected), "{message}");
        let earlier = part("train.order", json!("shuffled"));
        let message = override_settings(&recipe, &earlier, "a.json").unwrap_err();
        let expected = "`order` is now `sampling_strategy`";
        assert!(message.to_string().contains(expected), "{message}");
    }

    #[test]
    fn an_unknown_setting_is_named_with_the_nearest() {
        let error = set("train.optimizer.learning_rat", json!(1e-3)).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("parameter: there is no setting train.optimizer.learning_rat; the nearest are train.optimizer.learning_rate, "),
            "{message}"
        );
        let message = set("learning_rate", json!(1)).unwrap_err().to_string();
        assert!(
            message.contains("train.optimizer.learning_rate"),
            "{message}"
        );
        let message = set("train.seed.more", json!(1)).unwrap_err().to_string();
        assert!(!message.contains("there is no setting"), "{message}");
    }

    #[test]
    fn settings_that_are_not_listed_are_offered_and_set() {
        let message = set("model.adapter.rnk", json!(2)).unwrap_err().to_string();
        let expected = "parameter: there is no setting model.adapter.rnk; the nearest are model.adapter.rank, ";
        assert!(message.starts_with(expected), "{message}");
        assert!(
            message.contains("; model.adapter has rank, alpha, "),
            "{message}"
        );
        let message = set("thresholds", json!(0.5)).unwrap_err().to_string();
        assert!(message.contains("the nearest are threshold, "), "{message}");
        assert!(message.ends_with("train, activation_cache"), "{message}");
        // Its value is wrong, its name is not.
        let message = set("threshold", json!("much")).unwrap_err().to_string();
        assert!(message.starts_with("parameter: threshold: "), "{message}");
        // Within a type that is chosen by its kind.
        let loss = json!({"kind": "huber", "delt": 2.0});
        let message = set("loss", loss).unwrap_err().to_string();
        assert!(
            message.contains("no setting loss.delt; the nearest are loss.delta, "),
            "{message}"
        );
    }

    #[test]
    fn settings_by_path_are_one_configuration() {
        let paths = [
            ("train.seed", json!(1)),
            ("metrics", json!([])),
            ("train.seed", json!(2)),
        ];
        let expected = json!({"train": {"seed": 2}, "metrics": []});
        assert_eq!(Value::Object(settings_by_path(paths)), expected);
        let within = [("a", json!(1)), ("a.b", json!(2))];
        assert_eq!(
            Value::Object(settings_by_path(within)),
            json!({"a": {"b": 2}})
        );
    }

    #[test]
    fn a_wrong_value_is_no_unknown_setting() {
        let error = set("train.gradient_accumulation_steps", json!("many")).unwrap_err();
        assert!(
            !error.to_string().contains("there is no setting"),
            "{error}"
        );
        assert!(error.to_string().contains("\"many\""), "{error}");
        let error = set("train.batch_size.row", json!(3)).unwrap_err();
        assert!(
            error.to_string().contains("unknown variant `row`"),
            "{error}"
        );
    }

    #[test]
    fn a_type_that_takes_any_name_is_asked_what_it_kept() {
        #[derive(Debug, Serialize, serde::Deserialize)]
        struct Lenient {
            rate: f64,
            decay: f64,
        }
        let whole = json!({"rate": 1.0, "decay": 0.1});
        let error =
            merged::<Lenient>(&whole, &part("rat", json!(2.0)), "variant \"a\"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "variant \"a\": there is no setting rat; the nearest are rate, decay; there are rate, decay"
        );
    }

    #[test]
    fn what_a_part_sets() {
        let changes = part("train.duration", json!({"epochs": 3}));
        assert!(sets(&changes, "train.duration.epochs"));
        assert!(sets(&changes, "train"));
        assert!(!sets(&changes, "train.seed"));
        assert!(sets(&part("train", json!(3)), "train.seed"));
    }
}
