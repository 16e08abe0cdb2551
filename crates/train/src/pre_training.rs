//! Masked-language-model training of a whole encoder: further pre-training on the texts of a task
//! ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4;
//! [Gururangan et al. 2020](https://arxiv.org/abs/2004.10964)), or pre-training from nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{Dataset, MaskingConfig, MlmCollator, TextTokenizer};
use finetune_eval::MetricKind;
use finetune_eval::report::Report;
use finetune_model::{
    CheckpointConfig, EncoderConfig, LoadReport, MaskedLm, initialize, load_masked_lm,
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

/// Settings of a pre-training run; the defaults are BERT's, and those of further pre-training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreTrainingConfig {
    /// From texts to batches.
    pub text: TextConfig,
    /// Which tokens are guessed.
    pub masking: MaskingConfig,
    /// The share of the texts that is held out to measure the model on, in `[0, 1)`; 0.02.
    pub validation_split: f64,
    /// The training loop. By default the model is measured before the first step and after each
    /// epoch, and the last one is kept.
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
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
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

/// Trains an encoder on texts with gaps.
///
/// As with [`FineTuning`](crate::FineTuning), everything that can be wrong with the input is found
/// before the first file is written: [`PreTraining::prepare`], then [`PreTraining::run`].
#[derive(Debug)]
pub struct PreTraining {
    model: MaskedLm,
    setup: Setup,
}

/// Everything but the model.
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

/// What `config.json` of the run directory holds: all that the result depends on.
#[derive(Debug, Serialize)]
struct Settings {
    command: Vec<String>,
    /// Nothing for a model from a seed.
    model: Option<PathBuf>,
    architecture: EncoderConfig,
    device: String,
    data: Vec<SplitSection>,
    config: PreTrainingConfig,
}

/// What a pre-training run was and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreTrainingReport {
    /// By what it was made.
    #[serde(flatten)]
    pub run: RunSection,
    /// The model before training.
    pub model: ModelSection,
    /// The texts trained on, and those held out.
    pub data: Vec<SplitSection>,
    /// The training, with all evaluations.
    pub train: TrainSection,
}

/// What a pre-training run begins with.
#[derive(Debug, Clone)]
pub enum InitialModel<'a> {
    /// A checkpoint in a folder: further pre-training.
    Checkpoint(&'a Path),
    /// A model of this shape, drawn from the seed, for the words of this tokenizer.
    Random(EncoderConfig, &'a TextTokenizer),
}

impl PreTraining {
    /// Loads or makes the model, checks that everything fits together, and cleans and tokenizes
    /// the texts; [`corpus`](finetune_data::concatenate_texts()) makes them from data sets with labels.
    ///
    /// `device_name` is what the report calls the device.
    ///
    /// # Errors
    /// Whatever is wrong with the settings, the checkpoint, the tokenizer or the data.
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
        // What contradicts itself is found before a run directory is made.
        Trainer::new(&setup.objective(), &setup.settings.config.train).check(&model)?;
        Ok(Self { model, setup })
    }

    /// What became of the checkpoint's tensors; empty for a model from a seed.
    pub fn load_report(&self) -> &LoadReport {
        &self.setup.load_report
    }

    /// Trains, and leaves a run record in `run_directory`, which is empty or does not exist: the
    /// model with its head for masked words in `model`, and after each of the configured numbers
    /// of steps in `snapshot_steps`.
    ///
    /// # Errors
    /// As [`Trainer::train`]; [`TrainError::Io`] and [`TrainError::RunDirectoryInUse`] for the run
    /// record.
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<PreTrainingReport, TrainError> {
        let record = RunWriter::create(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    /// Goes on with a run that was stopped, as [`FineTuning::resume`](crate::FineTuning::resume).
    ///
    /// # Errors
    /// As there.
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
                // A wrong path is better called so than "no tokenizer found".
                std::fs::read_dir(folder).map_err(TrainError::io(folder))?;
                let tokenizer = TextTokenizer::from_pretrained(folder)?;
                let (model, checkpoint, report) = load_masked_lm(folder, seed, device)?;
                Ok((model, checkpoint, report, tokenizer))
            }
            Self::Random(encoder, tokenizer) => {
                let model = encoder.init_masked_lm(device)?;
                let model = initialize(model, encoder.initializer_range, seed);
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

/// The texts to train on, and those to measure on.
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
