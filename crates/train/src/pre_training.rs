//! Masked-language-model training of a whole encoder: further pre-training on the texts of a task
//! ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4;
//! [Gururangan et al. 2020](https://arxiv.org/abs/2004.10964)), or pre-training from random
//! weights.

use std::fmt;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{Dataset, MaskingConfig, MlmCollator, TextTokenizer};
use finetune_eval::MetricKind;
use finetune_eval::report::Report;
use finetune_model::{
    CheckpointConfig, EncoderConfig, LoadReport, MaskedLm, init_weights, load_masked_lm,
    save_masked_lm,
};
use serde::{Deserialize, Serialize};

use crate::callback::Callback;
use crate::evaluation::EvaluationConfig;
use crate::masked_texts::MaskedTexts;
use crate::report::{ModelSection, RunPage, RunSection, SplitSection, TrainSection};
use crate::run_record::RunWriter;
use crate::text_config::EncodedSplit;
use crate::trainer::Trainer;
use crate::{TextConfig, TrainConfig, TrainError};

/// Settings of a pre-training run; the defaults are those of BERT and of further pre-training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreTrainingConfig {
    /// Cleaning, tokenization and padding of the texts.
    pub text: TextConfig,
    /// Selection and replacement of masked tokens.
    pub masking: MaskingConfig,
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
        if !(0.0..1.0).contains(&self.validation_split) {
            return Err(TrainError::setting(
                "validation_split",
                self.validation_split,
                "in [0, 1)",
            ));
        }
        self.train.validate()
    }
}

/// A masked-language-model pre-training run.
///
/// [`PreTraining::prepare`] finds all invalid input before the first file is written;
/// [`PreTraining::run`] then trains.
#[derive(Debug)]
pub struct PreTraining {
    model: MaskedLm,
    setup: Setup,
}

/// All parts of a run except the model.
#[derive(Debug)]
struct Setup {
    checkpoint: CheckpointConfig,
    load_report: LoadReport,
    tokenizer: TextTokenizer,
    masker: MlmCollator,
    train: EncodedSplit,
    held_out: Option<EncodedSplit>,
    settings: Settings,
}

/// Content of `config.json` in the run directory: everything that the result depends on.
#[derive(Debug, Serialize)]
struct Settings {
    command: Vec<String>,
    /// `None` for a randomly initialized model.
    model: Option<PathBuf>,
    architecture: EncoderConfig,
    device: String,
    data: Vec<SplitSection>,
    config: PreTrainingConfig,
}

/// Report of a pre-training run: settings, data and training metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreTrainingReport {
    /// Version, command, device and seed of the run.
    #[serde(flatten)]
    pub run: RunSection,
    /// The model before training.
    pub model: ModelSection,
    /// Training texts and validation texts.
    pub data: Vec<SplitSection>,
    /// Training metrics and all evaluations.
    pub train: TrainSection,
}

/// Model that pre-training starts from.
#[derive(Debug, Clone)]
pub enum InitialModel<'a> {
    /// Checkpoint directory, for further pre-training.
    Checkpoint(&'a Path),
    /// Randomly initialized encoder of this architecture, with this tokenizer.
    Random(EncoderConfig, &'a TextTokenizer),
}

impl PreTraining {
    /// Loads or initializes the model, cleans and tokenizes the texts, and checks that they fit the
    /// settings and each other. [`concatenate_texts`](finetune_data::concatenate_texts()) collects
    /// the texts of labeled datasets.
    ///
    /// `device_name` is the name of the device in the report.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or does not fit the data or
    ///   the model.
    /// - [`TrainError::Io`] if the checkpoint directory cannot be read.
    /// - [`TrainError::Model`] if the model cannot be loaded or initialized.
    /// - [`TrainError::Data`] if the tokenizer cannot be loaded, has no mask token, or cannot
    ///   tokenize a text.
    /// - [`TrainError::VocabularyTooLarge`] or [`TrainError::LongerThanPositions`] if the tokenizer
    ///   or `max_length` does not fit the encoder.
    /// - [`TrainError::NoMatchingParameter`] if a freeze pattern matches no parameter.
    /// - [`TrainError::Precision`] if the device does not support the precision.
    pub fn prepare(
        start: InitialModel,
        corpus: Dataset,
        config: PreTrainingConfig,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        let folder = match &start {
            InitialModel::Checkpoint(folder) => Some(folder.to_path_buf()),
            InitialModel::Random(..) => None,
        };
        let (model, checkpoint, load_report, tokenizer) =
            start.open(config.train.seed, &device.clone().autodiff())?;
        let text = &config.text;
        let place = folder.as_deref().unwrap_or(Path::new("the tokenizer"));
        text.check_fit(place, &tokenizer, &checkpoint.encoder)?;
        config.train.freeze.check(&model)?;
        let (train, held_out) = split(corpus, &config)?;
        let train = text.encode(train, &tokenizer)?;
        let held_out = held_out.map(|texts| text.encode(texts, &tokenizer));
        let held_out = held_out.transpose()?;
        let splits = [Some(&train), held_out.as_ref()].into_iter().flatten();
        let settings = Settings {
            command: std::env::args().collect(),
            model: folder,
            architecture: checkpoint.encoder.clone(),
            device: device_name.to_string(),
            data: splits
                .map(EncodedSplit::section)
                .collect::<Result<_, _>>()?,
            config,
        };
        let setup = Setup {
            masker: MlmCollator::new(
                settings.config.masking,
                &tokenizer,
                settings.config.train.seed,
            )?,
            checkpoint,
            load_report,
            tokenizer,
            train,
            held_out,
            settings,
        };
        // Find contradictions before a run directory is created.
        Trainer::new(&setup.objective(), &setup.settings.config.train).check(&model)?;
        Ok(Self { model, setup })
    }

    /// Returns which checkpoint tensors were loaded, newly initialized or unused; empty for a
    /// randomly initialized model.
    pub fn load_report(&self) -> &LoadReport {
        &self.setup.load_report
    }

    /// Trains the model and records the run in `run_directory`, which must be empty or not exist.
    /// The model with its masked-language-model head is saved in `model`, and in `snapshots` after
    /// each of the configured `snapshot_steps`.
    ///
    /// # Errors
    /// - Any error of [`Trainer::train`].
    /// - [`TrainError::RunDirectoryInUse`] if `run_directory` is not empty.
    /// - [`TrainError::Io`] if the run record cannot be written.
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<PreTrainingReport, TrainError> {
        let record = RunWriter::create(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    /// Resumes an interrupted run, like [`FineTuning::resume`](crate::FineTuning::resume).
    ///
    /// # Errors
    /// - [`TrainError::Resume`] if the saved run has other settings, data or architecture.
    /// - [`TrainError::RunComplete`] if the run is complete.
    /// - Any error of [`Self::run`].
    pub fn resume(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<PreTrainingReport, TrainError> {
        let record = RunWriter::resume(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    fn run_into(
        self,
        mut record: RunWriter,
        callback: &mut dyn Callback,
    ) -> Result<PreTrainingReport, TrainError> {
        let Self { model, setup } = self;
        let Settings {
            command,
            device,
            config,
            model: source,
            ..
        } = &setup.settings;
        let source = source.as_deref();
        let model_section =
            ModelSection::new(source, &model, &config.train.freeze, &setup.load_report);
        let save = |model: &_, folder: &Path| setup.save(model, folder);
        let trained = record.train(&setup.objective(), &config.train, model, save, callback)?;
        setup.save(&trained.model, &record.directory().model())?;
        let report = PreTrainingReport {
            run: RunSection::new(command, device, config.train.seed),
            model: model_section,
            data: setup.settings.data.clone(),
            train: trained.summary.into(),
        };
        let page = report.page(config, &record.directory().metrics())?;
        record.write_report(&report, &page)?;
        Ok(report)
    }
}

impl PreTrainingReport {
    fn page(&self, settings: &impl Serialize, metrics: &Path) -> Result<Report, TrainError> {
        let data = self.data.iter();
        let rows = self.data.first().map_or(0, |split| split.rows);
        let page = RunPage {
            title: "Pre-training".to_string(),
            summary: self.train.sentence(rows),
            run: &self.run,
            model: &self.model,
            train: &self.train,
            data: ["train", "held out"]
                .map(String::from)
                .into_iter()
                .zip(data)
                .collect(),
        };
        page.with([], settings, metrics)
    }
}

impl InitialModel<'_> {
    fn open(
        self,
        seed: u64,
        device: &Device,
    ) -> Result<(MaskedLm, CheckpointConfig, LoadReport, TextTokenizer), TrainError> {
        match self {
            Self::Checkpoint(folder) => {
                // Report a wrong path as such rather than as "no tokenizer found".
                std::fs::read_dir(folder).map_err(TrainError::io(folder))?;
                let tokenizer = TextTokenizer::from_pretrained(folder)?;
                let (model, checkpoint, report) = load_masked_lm(folder, seed, device)?;
                Ok((model, checkpoint, report, tokenizer))
            }
            Self::Random(encoder, tokenizer) => {
                let model = encoder.init_masked_lm(device)?;
                let model = init_weights(model, encoder.initializer_range, seed);
                let checkpoint = CheckpointConfig::new(encoder);
                Ok((model, checkpoint, LoadReport::default(), tokenizer.clone()))
            }
        }
    }
}

impl Setup {
    fn objective(&self) -> MaskedTexts<'_> {
        let config = &self.settings.config;
        MaskedTexts {
            train: &self.train.tokens.texts,
            held_out: self.held_out.as_ref().map(|split| &split.tokens.texts),
            masker: &self.masker,
            padding: config.text.padding,
            eval_batch_size: config.train.eval_batch_size,
        }
    }

    /// Saves a model with its tokenizer.
    fn save(&self, model: &MaskedLm, directory: &Path) -> Result<(), TrainError> {
        save_masked_lm(directory, &model.valid(), &self.checkpoint)?;
        Ok(self.tokenizer.save(directory)?)
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

impl fmt::Display for PreTrainingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.data.first().map_or(0, |split| split.rows);
        write!(f, "{}", self.train.sentence(rows))?;
        for evaluation in &self.train.evaluations {
            write!(
                f,
                "\nAfter {} steps: {}",
                evaluation.step,
                evaluation.scores_text()
            )?;
        }
        Ok(())
    }
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
