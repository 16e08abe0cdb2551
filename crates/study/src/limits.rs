//! Limits of a study: the number of its trials, and numbers that are finite.

use serde_json::{Map, Value};

use crate::config::{Seeds, StudyConfig, VariantConfig};
use crate::error::StudyError;

/// Maximum number of trials of a study: variants, values, sampled points, seeds, folds and rungs
/// multiply.
pub const MAX_TRIALS: usize = 10_000;

/// Checks the seeds of a study or variant; `first` is the first seed of a count.
///
/// # Errors
/// - [`StudyError::InvalidSetting`] if there are none or too many, one is listed twice, or the last
///   one of a count is not a number of 64 bits.
pub(super) fn check_seeds(
    setting: &str,
    seeds: Option<&Seeds>,
    first: u64,
) -> Result<(), StudyError> {
    let range = format!("1 to {MAX_TRIALS}");
    match seeds {
        Some(Seeds::Count(count)) => {
            let valid = (1..=MAX_TRIALS as u64).contains(count);
            StudyError::check(valid, setting, count, range)?;
            let most = (u64::MAX - first).saturating_add(1);
            let expected = format!("at most {most}: they are counted from `sampler_seed`, {first}");
            StudyError::check(*count <= most, setting, count, expected)
        }
        Some(Seeds::Listed(seeds)) => {
            StudyError::check(!seeds.is_empty(), setting, "empty", "at least one seed")?;
            let found = format!("a list of {}", seeds.len());
            let expected = format!("{range} seeds");
            StudyError::check(seeds.len() <= MAX_TRIALS, setting, found, expected)?;
            let mut listed = seeds.iter().enumerate();
            let twice = listed.find(|(position, seed)| seeds[..*position].contains(seed));
            let found = twice.map(|(_, seed)| format!("{seed} twice"));
            let valid = found.is_none();
            StudyError::check(valid, setting, found.unwrap_or_default(), "each seed once")
        }
        None => Ok(()),
    }
}

/// Checks the number of folds of a study or variant.
///
/// # Errors
/// - [`StudyError::InvalidSetting`] if there is a single one, or too many.
pub(super) fn check_folds(setting: &str, folds: Option<usize>) -> Result<(), StudyError> {
    let folds = folds.unwrap_or(2);
    let expected = match folds {
        0 | 1 => "at least 2".to_string(),
        _ => format!("2 to {MAX_TRIALS}"),
    };
    let valid = (2..=MAX_TRIALS).contains(&folds);
    StudyError::check(valid, setting, folds, expected)
}

/// Checks the number of trials, without listing them.
///
/// # Errors
/// - [`StudyError::InvalidSetting`] if there are too many.
pub(super) fn check_trials(config: &StudyConfig) -> Result<(), StudyError> {
    let listed = config.parameters.iter();
    let listed = listed.filter_map(|parameter| Some(parameter.values.as_ref()?.len()));
    let points = listed.fold(config.num_trials.unwrap_or(1), usize::saturating_mul);
    let repetitions = |variant: &VariantConfig| {
        let seeds = variant.seeds.as_ref().or(config.seeds.as_ref());
        let seeds = seeds.map_or(1, Seeds::count);
        let folds = variant.folds.or(config.folds).unwrap_or(1).max(1);
        seeds.saturating_mul(folds)
    };
    let only = [VariantConfig::default()];
    let variants = match config.variants.as_slice() {
        [] => &only,
        variants => variants,
    };
    let repetitions = variants.iter().map(repetitions);
    let repetitions = repetitions.fold(0, usize::saturating_add);
    let rungs = config.halving.as_ref().map_or(1, |halving| halving.rungs());
    let trials = points.saturating_mul(repetitions).saturating_mul(rungs);
    let expected = format!(
        "at most {MAX_TRIALS}: variants, values, `num_trials`, seeds, folds and rungs multiply"
    );
    let valid = trials <= MAX_TRIALS;
    StudyError::check(valid, "the number of trials", trials, expected)
}

/// Checks that settings from TOML, which has no null, have no number that JSON cannot represent.
/// Such a number would become null, and an optional setting be left out without a word.
///
/// # Errors
/// - A message that names the first setting that is NaN or infinite.
pub(super) fn check_finite(config: &StudyConfig) -> Result<(), String> {
    let parts = [("experiment", &config.experiment), ("base", &config.base)];
    let parts = parts.map(|(name, part)| (name.to_string(), part));
    let variants = config.variants.iter();
    let variants = variants.map(|variant| {
        (
            format!("settings of variant {:?}", variant.name),
            &variant.settings,
        )
    });
    let of_parts = parts.into_iter().chain(variants);
    let mut paths = of_parts.filter_map(|(name, part)| null_in(part, &name));
    let mut of_values = config.parameters.iter().filter_map(|parameter| {
        let values = [&parameter.values, &parameter.choice];
        let has_null = values
            .into_iter()
            .flatten()
            .any(|list| list.contains(&Value::Null));
        has_null.then(|| format!("a value of parameter {}", parameter.path))
    });
    match paths.next().or_else(|| of_values.next()) {
        Some(path) => Err(format!("{path} is not a finite number")),
        None => Ok(()),
    }
}

/// Returns the path of the first null.
fn null_in(part: &Map<String, Value>, place: &str) -> Option<String> {
    fn search(value: &Value, path: String) -> Option<String> {
        match value {
            Value::Null => Some(path),
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.find_map(|(at, item)| search(item, format!("{path}[{at}]")))
            }
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, field)| search(field, format!("{path}.{name}"))),
            _ => None,
        }
    }
    part.iter()
        .find_map(|(name, value)| search(value, format!("{place}.{name}")))
}
