//! Fine-tuning of a token classifier: a run on one dataset with a class per word.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_data::tagged::TagScheme;
use finetune_data::{
    Dataset, Label, LabelAlignment, Splits, Target, TokenLabelCollator, Truncation,
};
use finetune_eval::{EntityMode, entities};
use finetune_model::{CheckpointConfig, EncoderModel, LoraConfig, load_token_classifier};
use finetune_predict::{TagSettings, load_tokenizer, transitions};
use serde::{Deserialize, Serialize};

use crate::encoded_splits::UsedSplits;
use crate::error::TrainError;
use crate::loaded_run::{ModelSource, to_value};
use crate::prepared_run::PreparedRun;
use crate::run::{Run, RunInput};
use crate::run_output::RunOutput;
use crate::task::TokenClassificationTask;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// A run that trains a token classifier: named entities, parts of speech.
///
/// ```no_run
/// use finetune_data::tabular::SplitFiles;
/// use finetune_data::tagged::{self, TaggedOptions};
/// use finetune_predict::TokenPredictorConfig;
/// use finetune_train::TokenClassification;
///
/// let files = SplitFiles::train_test("train.conll", "test.conll");
/// let splits = tagged::open(&files, &TaggedOptions::default())?.splits;
/// let run = TokenClassification::new("my-bert", splits).epochs(3).run("runs/names")?;
/// println!("{run}");
/// let predictor = run.token_predictor(TokenPredictorConfig::default())?;
/// println!("{:?}", predictor.predict(&["Ada Lovelace was born in London."])?);
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
///
/// Defaults are those of [`TokenClassificationConfig`]; [`Run::config`] sets all of them at once.
pub type TokenClassification<'a> = Run<'a, TaggedData>;

/// Result of a [`TokenClassification`] run.
pub type TokenClassificationOutput = RunOutput<TokenClassificationTask>;

/// Settings of a token classification run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenClassificationConfig {
    /// Tokenization of the words. They are not cleaned, and sentences are cut at a word:
    /// `truncation` is `head`, or `sliding-window-0` for the rest in further rows.
    pub text: TextConfig,
    /// Scheme of the tags (default: `None`, inferred from the training rows).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<TagScheme>,
    /// Which tokens of a word have its class (default: the first).
    pub alignment: LabelAlignment,
    /// Whether a conditional random field is trained with the classifier, on the first token of each
    /// word (default: false).
    pub crf: bool,
    /// How entities are read from tags in all evaluations (default: lenient).
    pub entity_mode: EntityMode,
    /// Dropout probability before the last layer, in `[0, 1)` (default: `None`, the checkpoint's).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// LoRA adapters that are trained instead of the encoder (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<LoraConfig>,
    /// Hyperparameters of the training loop.
    pub train: TrainConfig,
}

impl TokenClassificationConfig {
    /// Checks that every value is in its range, and fits the others.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    /// - [`TrainError::Model`] if the adapter configuration is invalid.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        if !self.text.cleaning.steps.is_empty() {
            let found = format!("{} steps", self.text.cleaning.steps.len());
            let expected = "none, as words have their tags already";
            return Err(TrainError::setting("cleaning", found, expected));
        }
        if self.crf && self.alignment != LabelAlignment::First {
            let found = format!("{:?}", self.alignment);
            let expected = "first, as a conditional random field has one token per word";
            return Err(TrainError::setting("alignment", found, expected));
        }
        if self.crf && self.text.encoding.truncation != Truncation::Head {
            let found = self.text.encoding.truncation;
            let expected = "head, as a conditional random field needs the beginning of a sentence";
            return Err(TrainError::setting("truncation", found, expected));
        }
        if let Some(adapter) = &self.adapter {
            adapter.validate()?;
        }
        self.train.validate()
    }

    /// Checks the settings against the classes.
    fn check_classes(&self, scheme: TagScheme, names: &[String]) -> Result<(), TrainError> {
        let has_inside = matches!(scheme, TagScheme::Iob1 | TagScheme::Bio);
        if self.alignment == LabelAlignment::AllInside && !has_inside {
            let expected = format!("first or all for tags in the scheme {scheme}");
            return Err(TrainError::setting("alignment", "all_inside", expected));
        }
        // A prefix of another scheme would fail in the first evaluation.
        if scheme.has_entities() {
            for name in names {
                entities(&[name], self.entity_mode)?;
            }
        }
        Ok(())
    }
}

/// Input of a [`TokenClassification`] run: a checkpoint and rows with a class per word.
#[derive(Debug)]
pub struct TaggedData {
    model: PathBuf,
    splits: Splits,
    config: TokenClassificationConfig,
}

impl Run<'_, TaggedData> {
    /// Begins a run from the checkpoint in the directory `model`. The validation split is used only if
    /// the settings ask for evaluation during training.
    pub fn new(model: impl AsRef<Path>, data: impl Into<Splits>) -> Self {
        Self::of(TaggedData {
            model: model.as_ref().to_path_buf(),
            splits: data.into(),
            config: TokenClassificationConfig::default(),
        })
    }

    /// Replaces all settings.
    pub fn config(mut self, config: TokenClassificationConfig) -> Self {
        self.input.config = config;
        self
    }
}

impl RunInput for TaggedData {
    type Objective = TokenClassificationTask;

    fn train_config(&mut self) -> &mut TrainConfig {
        &mut self.config.train
    }

    fn text_config(&mut self) -> &mut TextConfig {
        &mut self.config.text
    }

    fn models(&mut self) -> Vec<(String, &mut PathBuf)> {
        vec![("/model".to_string(), &mut self.model)]
    }

    fn load(
        self,
        device: &Device,
        device_name: &str,
    ) -> Result<PreparedRun<'static, TokenClassificationTask>, TrainError> {
        let Self {
            model: directory,
            splits,
            config,
        } = self;
        config.validate()?;
        let names = class_names(&splits.train)?;
        let splits = UsedSplits::new(splits, config.train.evaluation.is_some())?;
        let scheme = config
            .scheme
            .unwrap_or_else(|| inferred_scheme(&splits.train));
        config.check_classes(scheme, &names)?;
        for (name, split) in splits.named() {
            check_scheme(name, split, scheme)?;
        }
        let tokenizer = load_tokenizer(&directory)?;
        let mut checkpoint = CheckpointConfig::read(&directory)?;
        checkpoint.dtype = config.train.save_dtype;
        config
            .text
            .check_fit(&directory, &tokenizer, &checkpoint.encoder)?;
        let mut classifier = checkpoint.token_classifier(&names);
        if let Some(dropout) = config.dropout {
            classifier.dropout = dropout;
        }
        if config.crf {
            classifier = classifier.with_crf(transitions(scheme, &names));
        }
        let (seed, device) = (config.train.seed, device.clone().autodiff());
        let (mut model, load_report) =
            load_token_classifier(&directory, &classifier, seed, &device)?;
        if let Some(adapter) = &config.adapter {
            model.encoder = model.encoder.with_lora(adapter, seed)?;
        }
        let model = model.with_precision(config.train.precision);
        config.train.freeze.check(&model)?;
        let task = TokenClassificationTask {
            data: splits.encode(&config.text, &tokenizer)?,
            collator: TokenLabelCollator::new(config.alignment, &names),
            class_names: names,
            tags: TagSettings {
                scheme,
                alignment: config.alignment,
                crf: config.crf,
            },
            entity_mode: config.entity_mode,
            eval_batch_size: config.train.eval_batch_size,
            text: config.text.clone(),
            tokenizer,
            checkpoint,
        };
        let source = ModelSource {
            directory: Some(directory),
            architecture: to_value(model.config())?,
            load_report,
        };
        let settings = to_value(&config)?;
        PreparedRun::loaded(model, task, config.train, settings, source, device_name)
    }
}

fn class_names(train: &Dataset) -> Result<Vec<String>, TrainError> {
    match &train.schema.target {
        Target::TokenClasses(names) => Ok(names.clone()),
        other => Err(TrainError::setting(
            "target of the data",
            crate::task::describe_labels(other),
            "a class for each word",
        )),
    }
}

/// Returns the tags of a sentence.
fn tags<'a>(label: &Label, names: &'a [String]) -> Vec<&'a str> {
    label
        .classes()
        .iter()
        .map(|class| &names[*class][..])
        .collect()
}

fn inferred_scheme(train: &Dataset) -> TagScheme {
    let names = train.class_names();
    let sentences = train
        .examples
        .iter()
        .map(|example| tags(&example.label, names));
    let sentences: Vec<Vec<&str>> = sentences.collect();
    TagScheme::infer(sentences.iter().map(Vec::as_slice))
}

fn check_scheme(name: &str, split: &Dataset, scheme: TagScheme) -> Result<(), TrainError> {
    for (row, example) in split.examples.iter().enumerate() {
        let tags = tags(&example.label, split.class_names());
        if let Err(word) = scheme.check(&tags) {
            let found = format!("{:?} of word {word} in row {row} of the {name}", tags[word]);
            let expected = format!("one that may stand there in the scheme {scheme}");
            return Err(TrainError::setting("tag", found, expected));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = TokenClassificationConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        for text in [json.as_str(), "{}"] {
            let back: TokenClassificationConfig = serde_json::from_str(text).unwrap();
            assert_eq!(back, config);
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        let plain = TokenClassificationConfig::default();
        for (json, message) in [
            (
                r#"{"crf": true, "alignment": "all"}"#,
                "alignment is All, expected first",
            ),
            (
                r#"{"crf": true, "text": {"encoding": {"truncation": {"sliding_window": {"stride": 0}}}}}"#,
                "truncation is sliding-window-0, expected head",
            ),
            (
                r#"{"text": {"cleaning": {"steps": ["html"]}}}"#,
                "cleaning is 1 steps, expected none",
            ),
        ] {
            let config: TokenClassificationConfig = serde_json::from_str(json).unwrap();
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let names = ["B-X", "E-X", "O"].map(String::from);
        let inside = TokenClassificationConfig {
            alignment: LabelAlignment::AllInside,
            ..plain.clone()
        };
        assert!(inside.check_classes(TagScheme::Bioes, &names).is_err());
        assert!(inside.check_classes(TagScheme::Bio, &names).is_ok());
        let strict = TokenClassificationConfig {
            entity_mode: EntityMode::Strict(finetune_eval::EntityScheme::Iob2),
            ..plain
        };
        assert!(strict.check_classes(TagScheme::Bioes, &names).is_err());
    }
}
