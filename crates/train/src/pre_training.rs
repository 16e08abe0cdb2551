//! Masked-language-model training of a whole encoder: further pre-training on the texts of a task
//! ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4;
//! [Gururangan et al. 2020](https://arxiv.org/abs/2004.10964)), or pre-training from random
//! weights.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_data::{Dataset, MaskingConfig, MlmCollator, TextTokenizer};
use finetune_eval::MetricKind;
use finetune_model::{
    CheckpointConfig, EncoderConfig, LoadReport, MaskedLm, init_weights, load_masked_lm,
    load_pre_training,
};
use finetune_predict::load_tokenizer;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::evaluation::EvaluationConfig;
use crate::loaded_run::{ModelSource, to_value};
use crate::next_sentence::NextSentenceConfig;
use crate::prepared_run::PreparedRun;
use crate::run::{Run, RunInput};
use crate::run_output::RunOutput;
use crate::task::MaskedLmTask;
use crate::text_config::{EncodedSplit, TextConfig};
use crate::train_config::TrainConfig;

/// Settings of a pre-training run; the defaults are those of BERT and of further pre-training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreTrainingConfig {
    /// Cleaning and tokenization of the texts.
    pub text: TextConfig,
    /// Selection and replacement of masked tokens.
    pub masking: MaskingConfig,
    /// Next-sentence prediction beside masked language modeling, for BERT (default: none). The
    /// texts are divided into sentence pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_sentence: Option<NextSentenceConfig>,
    /// Layers of the checkpoint's encoder to keep, ascending from 0, for a smaller model (default:
    /// all).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<usize>>,
    /// Validation fraction, in `[0, 1)` (default: 0.02).
    pub validation_split: f64,
    /// Hyperparameters of the training loop. By default, the model is evaluated before the first
    /// step and after each epoch, and the last model is kept.
    pub train: TrainConfig,
}

impl Default for PreTrainingConfig {
    fn default() -> Self {
        Self {
            text: TextConfig::default(),
            masking: MaskingConfig::default(),
            next_sentence: None,
            layers: None,
            validation_split: 0.02,
            train: TrainConfig {
                evaluation: Some(EvaluationConfig {
                    metric_for_best_model: MetricKind::Perplexity.to_string(),
                    on_start: true,
                    load_best_model_at_end: false,
                    ..Default::default()
                }),
                ..Default::default()
            },
        }
    }
}

impl PreTrainingConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        self.masking.validate()?;
        if let Some(next_sentence) = &self.next_sentence {
            next_sentence.validate(&self.text)?;
        }
        if !(0.0..1.0).contains(&self.validation_split) {
            return Err(TrainError::setting(
                "validation_split",
                self.validation_split,
                "in [0, 1)",
            ));
        }
        self.train.validate()
    }

    /// Cleans and tokenizes texts, or their sentence pairs.
    fn encode(
        &self,
        texts: Dataset,
        tokenizer: &TextTokenizer,
    ) -> Result<EncodedSplit, TrainError> {
        match &self.next_sentence {
            None => self.text.encode(texts, tokenizer),
            Some(config) => {
                let (pairs, text) = config.pairs(texts, &self.text, tokenizer, self.train.seed)?;
                text.encode(pairs, tokenizer)
            }
        }
    }
}

/// A pre-training run. `model` in its run directory has the pre-training heads, as have the models
/// in `snapshots`.
///
/// ```no_run
/// use finetune_data::{Dataset, concatenate_texts};
/// use finetune_train::PreTraining;
///
/// let dataset = Dataset::files("train.csv").load()?;
/// let run = PreTraining::new("my-bert", concatenate_texts([&dataset.train]));
/// println!("{}", run.max_steps(5_000).run("runs/further")?);
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
pub type PreTraining<'a> = Run<'a, Corpus>;

/// Result of a pre-training run.
pub type PreTrainingOutput = RunOutput<MaskedLmTask>;

/// Input of a [`PreTraining`] run: a model and texts.
#[derive(Debug)]
pub struct Corpus {
    model: InitialModel,
    texts: Dataset,
    config: PreTrainingConfig,
}

/// Model that pre-training starts from.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one a run")]
pub enum InitialModel {
    /// Checkpoint directory, for further pre-training.
    Checkpoint(PathBuf),
    /// Randomly initialized encoder of this architecture, with this tokenizer.
    Random(EncoderConfig, TextTokenizer),
}

impl<P: AsRef<Path> + ?Sized> From<&P> for InitialModel {
    fn from(directory: &P) -> Self {
        Self::Checkpoint(directory.as_ref().to_path_buf())
    }
}

impl Run<'_, Corpus> {
    /// Begins a run from a model on texts, whose labels are ignored.
    /// [`concatenate_texts`](finetune_data::concatenate_texts()) collects the texts of labeled
    /// datasets.
    pub fn new(model: impl Into<InitialModel>, texts: Dataset) -> Self {
        Self::of(Corpus {
            model: model.into(),
            texts,
            config: PreTrainingConfig::default(),
        })
    }

    /// Replaces all settings.
    pub fn config(mut self, config: PreTrainingConfig) -> Self {
        self.input.config = config;
        self
    }
}

impl RunInput for Corpus {
    type Objective = MaskedLmTask;

    fn train_config(&mut self) -> &mut TrainConfig {
        &mut self.config.train
    }

    fn text_config(&mut self) -> &mut TextConfig {
        &mut self.config.text
    }

    fn models(&mut self) -> Vec<(String, &mut PathBuf)> {
        match &mut self.model {
            InitialModel::Checkpoint(directory) => vec![("/model".to_string(), directory)],
            InitialModel::Random(..) => Vec::new(),
        }
    }

    fn load(
        self,
        device: &Device,
        device_name: &str,
    ) -> Result<PreparedRun<'static, MaskedLmTask>, TrainError> {
        let Self {
            model,
            texts,
            config,
        } = self;
        config.validate()?;
        let directory = match &model {
            InitialModel::Checkpoint(directory) => Some(directory.clone()),
            InitialModel::Random(..) => None,
        };
        let (mut model, mut checkpoint, load_report, tokenizer) =
            model.open(&config, &device.clone().autodiff())?;
        checkpoint.dtype = config.train.save_dtype;
        if let Some(layers) = &config.layers {
            (model, checkpoint.encoder) = model.with_layers(&checkpoint.encoder, layers)?;
        }
        let text = &config.text;
        let place = directory.as_deref().unwrap_or(Path::new("the tokenizer"));
        text.check_fit(place, &tokenizer, &checkpoint.encoder)?;
        config.train.freeze.check(&model)?;
        let (train, validation) = split(texts, &config)?;
        let train = config.encode(train, &tokenizer)?;
        let validation = validation.map(|texts| config.encode(texts, &tokenizer));
        let source = ModelSource {
            directory,
            architecture: to_value(&checkpoint.encoder)?,
            load_report,
        };
        let task = MaskedLmTask {
            train,
            validation: validation.transpose()?,
            collator: MlmCollator::new(config.masking, &tokenizer, config.train.seed)?,
            eval_batch_size: config.train.eval_batch_size,
            tokenizer,
            checkpoint,
            next_sentence: config.next_sentence,
        };
        let settings = to_value(&config)?;
        PreparedRun::loaded(model, task, config.train, settings, source, device_name)
    }
}

impl InitialModel {
    fn open(
        self,
        config: &PreTrainingConfig,
        device: &Device,
    ) -> Result<(MaskedLm, CheckpointConfig, LoadReport, TextTokenizer), TrainError> {
        let seed = config.train.seed;
        match self {
            Self::Checkpoint(directory) => {
                let tokenizer = load_tokenizer(&directory)?;
                let (model, checkpoint, report) = match config.next_sentence {
                    None => load_masked_lm(&directory, seed, device)?,
                    Some(_) => load_pre_training(&directory, seed, device)?,
                };
                Ok((model, checkpoint, report, tokenizer))
            }
            Self::Random(encoder, tokenizer) => {
                let model = match config.next_sentence {
                    None => encoder.init_masked_lm(device)?,
                    Some(_) => encoder.init_pre_training(device)?,
                };
                let model = init_weights(model, encoder.initializer_range, seed);
                let checkpoint = CheckpointConfig::new(encoder);
                Ok((model, checkpoint, LoadReport::default(), tokenizer))
            }
        }
    }
}

/// Splits the texts into training and validation texts.
fn split(
    corpus: Dataset,
    config: &PreTrainingConfig,
) -> Result<(Dataset, Option<Dataset>), TrainError> {
    if corpus.is_empty() {
        return Err(TrainError::setting("texts", 0, "at least 1"));
    }
    if config.validation_split == 0.0 {
        return Ok((corpus, None));
    }
    let shares = [config.validation_split, 1.0 - config.validation_split];
    let parts = corpus.split(&shares, config.train.seed)?;
    let part = |rows: &[usize], name: &str| Dataset {
        name: format!("{}, {name}", corpus.name),
        ..corpus.select(rows)
    };
    let held_out = part(&parts[0], "held out");
    Ok((part(&parts[1], "trained on"), Some(held_out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = PreTrainingConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        let back: PreTrainingConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(back, config);
        assert_eq!(
            serde_json::from_str::<PreTrainingConfig>("{}").unwrap(),
            config
        );
    }

    /// Settings from before next-sentence prediction are written as they were.
    #[test]
    fn next_sentence_prediction_is_written_if_it_is_set() {
        let config = PreTrainingConfig::default();
        let json = serde_json::to_value(&config).unwrap();
        assert!(json.get("next_sentence").is_none());
        let json = r#"{"next_sentence": {"random_fraction": 0.25}}"#;
        let config: PreTrainingConfig = serde_json::from_str(json).unwrap();
        let expected = NextSentenceConfig {
            random_fraction: 0.25,
            loss_weight: 1.0,
        };
        assert_eq!(config.next_sentence, Some(expected));
        let json = serde_json::to_string(&config).unwrap();
        let back: PreTrainingConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(back, config);
    }

    #[test]
    fn nothing_or_everything_held_out() {
        let with = |held_out| PreTrainingConfig {
            validation_split: held_out,
            ..Default::default()
        };
        for held_out in [-0.1, 1.0, f64::NAN] {
            let error = with(held_out).validate().unwrap_err().to_string();
            assert!(error.starts_with("validation_split is"), "{error}");
        }
        let texts = || finetune_data::concatenate_texts([]);
        let error = split(texts(), &with(0.1)).unwrap_err().to_string();
        assert_eq!(error, "texts is 0, expected at least 1");
    }
}
