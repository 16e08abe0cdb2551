//! Configuration of a study, read from a TOML or JSON file.

use std::fs;
use std::path::Path;

use finetune_eval::{Better, Metric, MetricKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::comparison_config::StudyComparison;
use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::halving::SuccessiveHalving;
use crate::limits::{MAX_TRIALS, check_finite, check_folds, check_seeds, check_trials};
use crate::parameter::SearchParameter;

/// Configuration of a study: variants, parameters, seeds, folds and the comparison metric.
///
/// Variants, parameters, seeds and folds multiply: each variant is run with each value of each
/// parameter, with each seed, on each fold.
///
/// ```
/// use finetune_study::StudyConfig;
///
/// let config = StudyConfig::from_toml(
///     r#"
///     name = "rates"
///     seeds = 5
///     base.train.duration.epochs = 2
///
///     [[variants]]
///     name = "frozen"
///     settings.train.freeze.scope = "encoder"
///
///     [[variants]]
///     name = "all layers"
///
///     [[parameters]]
///     path = "train.optimizer.learning_rate"
///     values = [1e-5, 2e-5, 5e-5]
///     "#,
/// )?;
/// assert_eq!(config.variants.len(), 2);
/// # Ok::<(), finetune_study::StudyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudyConfig {
    /// Name of the study, used in reports.
    pub name: String,
    /// Name of the metric that trials are compared by (default: `accuracy`).
    pub metric: String,
    /// Direction of the metric; needed for one of your own (default: that of the built-in metric,
    /// otherwise higher).
    pub better: Option<Better>,
    /// Rows that the metric is computed on (default: test rows).
    pub eval_split: EvalSplit,
    /// Settings of the program, such as the location of the data; the library does not read them.
    pub experiment: Map<String, Value>,
    /// Settings of every trial that differ from the experiment's defaults.
    pub base: Map<String, Value>,
    /// Named variants of the settings; empty to run the base settings alone.
    pub variants: Vec<VariantConfig>,
    /// Settings to vary, each with several values.
    pub parameters: Vec<SearchParameter>,
    /// Number of points sampled from the ranges, at least 1; required if a parameter is a range. A
    /// point that repeats an earlier one is skipped.
    pub num_trials: Option<usize>,
    /// Seed for sampled points, folds and counted seeds (default: 42).
    pub sampler_seed: u64,
    /// Seeds of the trials; `None` for the seed in the settings.
    pub seeds: Option<Seeds>,
    /// Number of cross-validation folds of the training rows, at least 2; `None` to test on the
    /// dataset's own test rows.
    pub folds: Option<usize>,
    /// Successive halving; `None` runs every candidate at full length (default: `None`).
    pub halving: Option<SuccessiveHalving>,
    /// Statistical comparison of the candidates.
    pub comparison: StudyComparison,
}

/// Named variant of the settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VariantConfig {
    /// Name in tables.
    pub name: String,
    /// Settings that differ from the base.
    pub settings: Map<String, Value>,
    /// Seeds of this variant; `None` for those of the study.
    pub seeds: Option<Seeds>,
    /// Number of folds of this variant, 0 for none; `None` for that of the study.
    pub folds: Option<usize>,
}

/// Seeds of a study or variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "seeds are a whole number of them, at least 1, or a list of whole numbers, at least 0"
)]
pub enum Seeds {
    /// This number of seeds, counted from the study's `sampler_seed`.
    Count(u64),
    /// The listed seeds.
    Listed(Vec<u64>),
}

impl Default for StudyConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            metric: MetricKind::Accuracy.to_string(),
            better: None,
            eval_split: EvalSplit::default(),
            experiment: Map::new(),
            base: Map::new(),
            variants: Vec::new(),
            parameters: Vec::new(),
            num_trials: None,
            sampler_seed: 42,
            seeds: None,
            folds: None,
            halving: None,
            comparison: StudyComparison::default(),
        }
    }
}

impl StudyConfig {
    /// Returns whether a higher value of the metric is better.
    pub(super) fn higher_is_better(&self) -> bool {
        let built_in = self.metric.parse::<MetricKind>();
        let built_in = built_in.map_or(Better::Higher, |kind| kind.better());
        self.better.unwrap_or(built_in) == Better::Higher
    }

    /// Reads a study file; the extension `json` selects JSON, any other TOML.
    ///
    /// # Errors
    /// - [`StudyError::Io`] if the file cannot be read.
    /// - [`StudyError::InvalidFile`] with line and column if it is not a valid study.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let text = fs::read_to_string(path).map_err(StudyError::io(path))?;
        let read = match path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            true => serde_json::from_str(&text).map_err(|error| error.to_string()),
            false => parse_toml(&text),
        };
        read.map_err(|what| StudyError::file(path, with_hint(what)))
    }

    /// Parses a study from TOML.
    ///
    /// # Errors
    /// [`StudyError::InvalidFile`] with line and column if the text is not a valid study.
    pub fn from_toml(text: &str) -> Result<Self, StudyError> {
        parse_toml(text).map_err(|what| StudyError::file(Path::new("study"), with_hint(what)))
    }

    /// Validates the configuration, as far as that is possible without the experiment.
    ///
    /// # Errors
    /// [`StudyError`] for the first invalid setting, variant or parameter.
    pub fn validate(&self) -> Result<(), StudyError> {
        StudyError::check(!self.name.trim().is_empty(), "name", "empty", "a name")?;
        for (position, variant) in self.variants.iter().enumerate() {
            variant.validate(self.sampler_seed)?;
            if self.variants[..position]
                .iter()
                .any(|other| other.name == variant.name)
            {
                let name = &variant.name;
                let problem = format!("variants {name:?} and {name:?} are the same");
                return Err(StudyError::study(problem));
            }
        }
        for (position, parameter) in self.parameters.iter().enumerate() {
            parameter.validate()?;
            if self.parameters[..position]
                .iter()
                .any(|other| other.path == parameter.path)
            {
                return Err(StudyError::parameter(&parameter.path, "is there twice"));
            }
        }
        check_seeds("seeds", self.seeds.as_ref(), self.sampler_seed)?;
        check_folds("folds", self.folds)?;
        self.check_draws()?;
        let variants: Vec<&str> = self
            .variants
            .iter()
            .map(|variant| variant.name.as_str())
            .collect();
        self.comparison
            .validate(&variants, !self.parameters.is_empty())?;
        if let Some(halving) = &self.halving {
            halving.validate(self.eval_split)?;
        }
        check_trials(self)
    }

    fn check_draws(&self) -> Result<(), StudyError> {
        let drawn = self
            .parameters
            .iter()
            .find(|parameter| parameter.is_drawn());
        match (drawn, self.num_trials) {
            (_, Some(0)) => Err(StudyError::setting("num_trials", 0, "at least 1")),
            (_, Some(trials)) if trials > MAX_TRIALS => {
                let expected = format!("1 to {MAX_TRIALS}");
                Err(StudyError::setting("num_trials", trials, expected))
            }
            (Some(parameter), None) => Err(StudyError::parameter(
                &parameter.path,
                "is a range: say how many `num_trials` are drawn from it",
            )),
            (None, Some(trials)) => Err(StudyError::setting(
                "num_trials",
                trials,
                "absent: no parameter is a range to draw from",
            )),
            _ => Ok(()),
        }
    }
}

impl VariantConfig {
    fn validate(&self, first_seed: u64) -> Result<(), StudyError> {
        let valid = !self.name.trim().is_empty();
        StudyError::check(valid, "the name of a variant", "empty", "a name")?;
        let of_variant = |what| format!("{what} of variant {:?}", self.name);
        check_seeds(&of_variant("seeds"), self.seeds.as_ref(), first_seed)?;
        check_folds(&of_variant("folds"), self.folds.filter(|folds| *folds > 0))
    }
}

impl Seeds {
    /// Returns the seeds, at most [`MAX_TRIALS`]; a count starts at `first`.
    pub fn list(&self, first: u64) -> Vec<u64> {
        match self {
            Self::Count(_) => (first..=u64::MAX).take(self.count()).collect(),
            Self::Listed(seeds) => seeds.clone(),
        }
    }

    /// Returns the number of seeds, at most [`MAX_TRIALS`].
    pub(super) fn count(&self) -> usize {
        let count = match self {
            Self::Count(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            Self::Listed(seeds) => seeds.len(),
        };
        count.min(MAX_TRIALS)
    }
}

/// Returns a study from TOML, or what is wrong with it.
fn parse_toml(text: &str) -> Result<StudyConfig, String> {
    let config = toml::from_str(text).map_err(|error| error.to_string())?;
    check_finite(&config).map(|()| config)
}

/// Adds the current name of a key that had another one in an earlier version.
fn with_hint(message: String) -> String {
    match finetune_data::renamed_key_hint(&message) {
        Some(hint) => format!("{}; {hint}", message.trim_end()),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(toml: &str) -> String {
        let config = StudyConfig::from_toml(toml).unwrap();
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn toml_and_json_are_the_same_study() {
        let directory = tempfile::tempdir().unwrap();
        let toml = "name = 'a'\nseeds = [1, 2]\n[[parameters]]\npath = 'x'\nvalues = [1]";
        let json =
            r#"{"name": "a", "seeds": [1, 2], "parameters": [{"path": "x", "values": [1]}]}"#;
        let read = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            StudyConfig::read(&path).unwrap()
        };
        let study = read("study.toml", toml);
        assert_eq!(study, read("study.json", json));
        let text = serde_json::to_string(&study).unwrap();
        assert_eq!(read("again.json", &text), study);
    }

    #[test]
    fn a_misspelled_key_is_refused_with_its_line() {
        let error = StudyConfig::from_toml("name = 'a'\nseed5 = 1").unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("line 2") && error.contains("seed5"),
            "{error}"
        );
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused() {
        for (toml, expected) in [
            ("base.train.rate = nan", "base.train.rate is not"),
            ("base.a = [1.0, -inf]", "base.a[1] is not"),
            ("experiment.share = inf", "experiment.share is not"),
            (
                "variants = [{ name = 'b', settings.rate = nan }]",
                "settings of variant \"b\".rate is not",
            ),
            (
                "parameters = [{ path = 'x.y', values = [1.0, nan] }]",
                "a value of parameter x.y is not",
            ),
        ] {
            let error = StudyConfig::from_toml(toml).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn seeds_are_counted_to_the_largest() {
        assert_eq!(Seeds::Count(2).list(u64::MAX - 1), [u64::MAX - 1, u64::MAX]);
        for toml in [
            "seeds = -1",
            "seeds = 1.5",
            "seeds = 'many'",
            "seeds = [-1]",
        ] {
            let error = StudyConfig::from_toml(toml).unwrap_err().to_string();
            assert!(error.contains("a whole number of them"), "{error}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        for (toml, expected) in [
            ("", "name is empty"),
            ("name = 'a'\nseeds = 0", "seeds is 0"),
            ("name = 'a'\nseeds = []", "seeds is empty"),
            ("name = 'a'\nseeds = [1, 1]", "seeds is 1 twice"),
            (
                "name = 'a'\nseeds = 18446744073709551615",
                "seeds is 18446744073709551615, expected 1 to 10000",
            ),
            (
                "name = 'a'\nseeds = 3\nsampler_seed = 18446744073709551614",
                "seeds is 3, expected at most 2: they are counted from `sampler_seed`",
            ),
            (
                "name = 'a'\nfolds = 9223372036854775807",
                "folds is 9223372036854775807, expected 2 to 10000",
            ),
            (
                "name = 'a'\nnum_trials = 10001\n[[parameters]]\npath = 'x'\nuniform = [0, 1]",
                "num_trials is 10001, expected 1 to 10000",
            ),
            (
                "name = 'a'\nseeds = 2000\nfolds = 6",
                "the number of trials is 12000, expected at most 10000",
            ),
            ("name = 'a'\nfolds = 1", "folds is 1, expected at least 2"),
            (
                "name = 'a'\nnum_trials = 3",
                "num_trials is 3, expected absent",
            ),
            (
                "name = 'a'\n[[parameters]]\npath = 'x'\nuniform = [0, 1]",
                "parameter x is a range: say how many `num_trials`",
            ),
            (
                "name = 'a'\nvariants = [{ name = 'b' }, { name = 'b' }]",
                "variants \"b\" and \"b\" are the same",
            ),
            (
                "name = 'a'\nvariants = [{ name = 'b', folds = 1 }]",
                "folds of variant \"b\" is 1",
            ),
            (
                "name = 'a'\nparameters = [{ path = 'x', values = [1] }, { path = 'x', values = [2] }]",
                "parameter x is there twice",
            ),
        ] {
            let message = message(toml);
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
