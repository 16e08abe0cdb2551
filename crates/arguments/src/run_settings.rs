//! From command-line arguments to settings.

use finetune::data::{Cleaning, EncodingConfig};
use finetune::model::CheckpointConfig;
use finetune::prelude::*;
use finetune::study::{StudyError, override_settings};
use finetune::train::{
    ActivationCacheConfig, EarlyStopping, EmbeddingTrainingConfig, EvaluationConfig,
    PreTrainingConfig, RerankerTrainingConfig, TokenClassificationConfig,
};
use serde_json::{Map, Value};

use crate::common_arguments::set;
use crate::error::ArgumentsError;
use crate::run_arguments::RunArguments;

/// Maximum number of tokens of a text, unless the model has fewer positions.
const LENGTH: usize = 512;

/// Settings of a run, as far as arguments change them.
pub trait RunSettings: Sized {
    /// Returns the settings of the texts.
    fn text(&mut self) -> &mut TextConfig;

    /// Returns the settings of the training loop.
    fn train(&mut self) -> &mut TrainConfig;

    /// Returns the cache of the frozen layers' activations; `None` if the run has none.
    fn activation_cache(&mut self) -> Option<&mut ActivationCacheConfig> {
        None
    }

    /// Returns the settings with others in their place: [`override_settings`] for this type. It has no
    /// default because the code that reads and writes all settings as JSON is long: so it is compiled
    /// here, and not in every program that has such settings.
    ///
    /// # Errors
    /// As [`override_settings`].
    fn overridden(&self, overrides: &Map<String, Value>, source: &str) -> Result<Self, StudyError>;
}

impl RunSettings for FineTuningConfig {
    fn text(&mut self) -> &mut TextConfig {
        &mut self.text
    }

    fn train(&mut self) -> &mut TrainConfig {
        &mut self.train
    }

    fn activation_cache(&mut self) -> Option<&mut ActivationCacheConfig> {
        Some(&mut self.activation_cache)
    }

    fn overridden(&self, overrides: &Map<String, Value>, source: &str) -> Result<Self, StudyError> {
        override_settings(self, overrides, source)
    }
}

impl RunSettings for TokenClassificationConfig {
    fn text(&mut self) -> &mut TextConfig {
        &mut self.text
    }

    fn train(&mut self) -> &mut TrainConfig {
        &mut self.train
    }

    fn overridden(&self, overrides: &Map<String, Value>, source: &str) -> Result<Self, StudyError> {
        override_settings(self, overrides, source)
    }
}

impl RunSettings for EmbeddingTrainingConfig {
    fn text(&mut self) -> &mut TextConfig {
        &mut self.text
    }

    fn train(&mut self) -> &mut TrainConfig {
        &mut self.train
    }

    fn overridden(&self, overrides: &Map<String, Value>, source: &str) -> Result<Self, StudyError> {
        override_settings(self, overrides, source)
    }
}

impl RunSettings for PreTrainingConfig {
    fn text(&mut self) -> &mut TextConfig {
        &mut self.text
    }

    fn train(&mut self) -> &mut TrainConfig {
        &mut self.train
    }

    fn overridden(&self, overrides: &Map<String, Value>, source: &str) -> Result<Self, StudyError> {
        override_settings(self, overrides, source)
    }
}

impl RunSettings for RerankerTrainingConfig {
    fn text(&mut self) -> &mut TextConfig {
        &mut self.text
    }

    fn train(&mut self) -> &mut TrainConfig {
        &mut self.train
    }

    fn overridden(&self, overrides: &Map<String, Value>, source: &str) -> Result<Self, StudyError> {
        override_settings(self, overrides, source)
    }
}

impl RunArguments {
    /// Returns the settings of a fine-tuning run: the defaults for the model, overridden by the
    /// `--config` file, then by the arguments, then by `--set`.
    ///
    /// # Errors
    /// If the file cannot be read, or a setting is unknown or its value has another type.
    pub fn settings(&self) -> Result<FineTuningConfig, ArgumentsError> {
        self.settings_with(self.defaults())
    }

    /// Returns the settings of any run, with the recipe of a program as defaults.
    ///
    /// # Errors
    /// See [`Self::settings`].
    pub fn settings_with<C: RunSettings>(&self, recipe: C) -> Result<C, ArgumentsError> {
        self.settings_changed(recipe, |_| {})
    }

    /// Returns the settings like [`Self::settings_with`]; `change` applies the arguments that only
    /// some runs have.
    ///
    /// # Errors
    /// See [`Self::settings`].
    pub fn settings_changed<C: RunSettings>(
        &self,
        recipe: C,
        change: impl FnOnce(&mut C),
    ) -> Result<C, ArgumentsError> {
        self.common.settings_changed(recipe, |settings| {
            self.change_text(settings.text());
            self.change_training(settings.train())?;
            self.change_cache(settings.activation_cache())?;
            change(settings);
            Ok(())
        })
    }

    /// Returns the default settings for the model: at most 512 tokens, or as many as it has positions.
    /// The mini encoder and its few rows need more and larger steps.
    pub fn defaults(&self) -> FineTuningConfig {
        let mut settings = FineTuningConfig::default();
        // What is wrong with the model, its loading says.
        let directory = self.model().directory().ok();
        let checkpoint = directory.and_then(|directory| CheckpointConfig::read(&directory).ok());
        let positions = checkpoint.map(|checkpoint| checkpoint.encoder.max_sequence_length());
        settings.text.encoding = EncodingConfig::new(positions.unwrap_or(LENGTH).min(LENGTH));
        if self.model().is_mini() {
            settings.train.duration = TrainDuration::Epochs(5);
            settings.train.batch_size = BatchSize::Rows(8);
            settings.train.optimizer.learning_rate = 3e-4;
        }
        settings
    }

    /// Returns the evaluation that selects the best model by a metric, if there are validation rows.
    pub fn evaluation(&self, metric: &str, has_validation_file: bool) -> Option<EvaluationConfig> {
        let evaluates = has_validation_file || self.holds_out_validation();
        evaluates.then(|| EvaluationConfig {
            metric_for_best_model: metric.to_string(),
            ..EvaluationConfig::default()
        })
    }

    fn change_cache(
        &self,
        cache: Option<&mut ActivationCacheConfig>,
    ) -> Result<(), ArgumentsError> {
        match (&self.activation_cache, cache) {
            (Some(place), Some(cache)) => cache.location = place.clone(),
            (Some(_), None) => {
                let problem = "--activation-cache is for classes and scores of texts";
                return Err(ArgumentsError::usage(problem));
            }
            (None, _) => {}
        }
        Ok(())
    }

    fn change_text(&self, text: &mut TextConfig) {
        let given = self.clean.clone();
        if !given.is_empty() {
            text.cleaning = Cleaning { steps: given };
        }
        set(&mut text.encoding.truncation, self.truncation);
        if let Some(directory) = &self.tokenizer_cache {
            text.tokenizer_cache_dir = Some(directory.clone());
        }
    }

    fn change_training(&self, train: &mut TrainConfig) -> Result<(), ArgumentsError> {
        let steps = self.max_steps.map(TrainDuration::Steps);
        set(&mut train.duration, steps);
        let tokens = self.max_tokens_per_batch.map(BatchSize::Tokens);
        set(&mut train.batch_size, tokens);
        set(
            &mut train.gradient_accumulation_steps,
            self.gradient_accumulation_steps,
        );
        set(&mut train.optimizer.weight_decay, self.weight_decay);
        set(&mut train.freeze.scope, self.freeze);
        set(&mut train.seed, self.seed);
        set(&mut train.save_dtype, self.save_dtype);
        if self.validation_split.is_some() {
            train.evaluation.get_or_insert(EvaluationConfig {
                metric_for_best_model: "accuracy".to_string(),
                ..Default::default()
            });
        }
        match (self.early_stopping_patience, &mut train.evaluation) {
            (Some(patience), Some(evaluation)) => {
                let stopping = evaluation.early_stopping.get_or_insert_default();
                *stopping = EarlyStopping {
                    patience,
                    ..*stopping
                };
            }
            (Some(_), None) => {
                let problem = "--early-stopping-patience needs validation rows";
                return Err(ArgumentsError::usage(problem));
            }
            (None, _) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use finetune::train::{CacheLocation, MultiTaskConfig, read_json};

    use super::*;

    fn settings(arguments: &str) -> FineTuningConfig {
        let arguments = arguments.replace("REPORT", TECHNICAL_REPORT);
        let run = RunArguments::parsed(arguments.split_whitespace());
        run.settings().unwrap()
    }

    const TECHNICAL_REPORT: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/settings/ag_news_technical_report.json"
    );

    #[test]
    fn a_file_overrides_the_defaults_and_an_argument_overrides_both() {
        let defaults = settings("");
        assert_eq!(defaults.train.duration, TrainDuration::Epochs(5));
        // As many as the mini encoder has positions.
        assert_eq!(defaults.text.encoding.max_length, 128);
        assert_eq!(settings("--model bert").text.encoding.max_length, 512);
        assert_eq!(
            settings("--model bert").train.duration,
            TrainDuration::Epochs(3)
        );
        let report = settings("--config REPORT");
        assert_eq!(report.train.duration, TrainDuration::Epochs(4));
        assert_eq!(report.train.optimizer.learning_rate, 2e-5);
        let other = settings(
            "--config REPORT --learning-rate 1e-4 --max-steps 7 --freeze encoder --seed 3",
        );
        assert_eq!(other.train.duration, TrainDuration::Steps(7));
        assert_eq!(other.train.optimizer.learning_rate, 1e-4);
        assert_eq!(
            (other.train.freeze.scope, other.train.seed),
            (FreezeScope::Encoder, 3)
        );
        assert_eq!(other.train.gradient_accumulation_steps, 2);
        assert_eq!(other.text, report.text);
        let set = settings("--config REPORT --seed 3 --set train.seed=4 --set loss.kind=huber");
        assert_eq!(set.train.seed, 4);
        assert!(matches!(set.loss, LossConfig::Huber { .. }));
        assert_eq!(set.train.duration, report.train.duration);
    }

    #[test]
    fn a_setting_that_does_not_exist_is_named_with_the_nearest() {
        let message = |setting: &str| {
            let words = ["--set", setting];
            let error = RunArguments::parsed(words).settings().unwrap_err();
            assert!(error.is_usage());
            error.to_string()
        };
        let unknown = message("train.optimizer.learning_rat=1");
        assert!(
            unknown.starts_with("--set: there is no setting train.optimizer.learning_rat; the nearest are train.optimizer.learning_rate, "),
            "{unknown}"
        );
        assert!(unknown.contains("; train.optimizer has "), "{unknown}");
        let other_type = message("train.seed=many");
        assert_eq!(
            other_type,
            "--set: train.seed: invalid type: string \"many\", expected u64"
        );
    }

    #[test]
    fn arguments_of_other_runs_are_refused() {
        let words = ["--activation-cache", "off"];
        let run = RunArguments::parsed(words);
        let error = run.settings_with(TokenClassificationConfig::default());
        assert!(error.unwrap_err().is_usage());
        let words = ["--early-stopping-patience", "3"];
        let error = RunArguments::parsed(words).settings().unwrap_err();
        assert!(error.to_string().contains("validation rows"), "{error}");
    }

    #[test]
    fn what_is_not_in_a_file_keeps_the_value_of_the_recipe() {
        let directory = std::env::temp_dir().join("finetune_examples_settings");
        std::fs::create_dir_all(&directory).unwrap();
        let parsed = |name: &str, json: &str| {
            let file = directory.join(name);
            std::fs::write(&file, json).unwrap();
            let words = ["--config", file.to_str().unwrap()];
            RunArguments::parsed(words)
        };
        let run = parsed("part.json", r#"{"train": {"duration": {"steps": 5}}}"#);
        let mut expected = run.defaults();
        expected.train.duration = TrainDuration::Steps(5);
        assert_eq!(run.settings().unwrap(), expected);
        let mut recipe = FineTuningConfig::default();
        recipe.train.optimizer.weight_decay = 0.5;
        let settings = run.settings_with(recipe).unwrap();
        assert_eq!(settings.train.optimizer.weight_decay, 0.5);
        let error = parsed("unknown.json", r#"{"train": {"epochs": 5}}"#).settings();
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("unknown.json: there is no setting train.epochs"),
            "{error}"
        );
    }

    #[test]
    fn validation_rows_are_measured_on() {
        assert_eq!(settings("").train.evaluation, None);
        let patient = settings("--validation-split 0.1 --early-stopping-patience 3")
            .train
            .evaluation;
        assert_eq!(patient.unwrap().early_stopping.unwrap().patience, 3);
        let report = settings("--config REPORT --validation-split 0.1");
        let stopping = report.train.evaluation.unwrap().early_stopping;
        assert_eq!(stopping.unwrap().patience, 2);
    }

    #[test]
    fn activations_have_a_place() {
        let place = |arguments| settings(arguments).activation_cache.location;
        assert_eq!(place(""), CacheLocation::Memory);
        assert_eq!(place("--activation-cache off"), CacheLocation::Off);
        let directory = Path::new("kept").to_path_buf();
        assert_eq!(
            place("--activation-cache kept"),
            CacheLocation::Disk(directory)
        );
    }

    /// The settings shown in the guide are valid.
    #[test]
    fn the_guide_is_right() {
        let guide = include_str!("../../../docs/guide/training.md");
        let (_, json) = guide.split_once("```json\n").unwrap();
        let (json, _) = json.split_once("```").unwrap();
        let config: FineTuningConfig = serde_json::from_str(json).unwrap();
        config.validate().unwrap();
        assert_eq!(config.train.optimizer.layerwise_lr_decay, 0.95);
    }

    #[test]
    fn the_guide_to_several_tasks_is_right() {
        let guide = include_str!("../../../docs/guide/multi-task.md");
        let (_, json) = guide.split_once("```json\n").unwrap();
        let (json, _) = json.split_once("```").unwrap();
        let config: MultiTaskConfig = serde_json::from_str(json).unwrap();
        config.validate().unwrap();
        assert_eq!(
            config.tasks[2].model.head.as_ref().unwrap().num_texts(),
            Some(2)
        );
    }

    #[test]
    fn settings_files_are_whole() {
        for entry in std::fs::read_dir(Path::new(TECHNICAL_REPORT).parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            read_json::<FineTuningConfig>(&path)
                .unwrap()
                .validate()
                .unwrap();
        }
    }
}
