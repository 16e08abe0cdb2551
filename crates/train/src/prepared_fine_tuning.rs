//! A checked fine-tuning run, from the loaded checkpoint and data to the report.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{Splits, TextTokenizer};
use finetune_eval::Evaluator;
use finetune_model::{
    CheckpointConfig, EncoderModel, LoadReport, SequenceClassifier, SequenceClassifierConfig,
    load_classifier_with, save_classifier,
};
use serde::Serialize;

use crate::activations::{KeptActivations, KeptPlans};
use crate::callback::{Callback, Phase};
use crate::labeled_texts::LabeledTexts;
use crate::predict::PredictedRows;
use crate::report::{DataSection, ModelSection, RunReport, RunSection, TestSection};
use crate::run_record::RunWriter;
use crate::scoring::evaluator;
use crate::trainer::Trainer;
use crate::used_splits::{Data, UsedSplits};
use crate::{
    ClassifierOverrides, Criterion, FineTuningConfig, FineTuningOutput, LossConfig, Parts,
    TextPreprocessing, TrainError,
};

/// A fine-tuning run whose input is loaded and checked; made by [`FineTuning`](crate::FineTuning).
///
/// [`PreparedFineTuning::new`] finds all invalid input before the first file is written;
/// [`PreparedFineTuning::run`] then trains.
#[derive(Debug)]
pub struct PreparedFineTuning {
    model: SequenceClassifier,
    setup: Setup,
}

/// All parts of a run except the model.
#[derive(Debug)]
struct Setup {
    checkpoint: CheckpointConfig,
    load_report: LoadReport,
    tokenizer: TextTokenizer,
    loss: Criterion,
    evaluator: Evaluator,
    data: Data,
    plans: KeptPlans,
    settings: Settings,
}

/// Content of `config.json` in the run directory: everything that the result depends on.
#[derive(Debug, Serialize)]
struct Settings {
    command: Vec<String>,
    model: PathBuf,
    architecture: SequenceClassifierConfig,
    device: String,
    data: DataSection,
    config: FineTuningConfig,
}

impl PreparedFineTuning {
    /// Loads the checkpoint in `model_directory`, cleans and tokenizes the data, and checks that
    /// they fit the settings and each other. The validation split is used only if the settings ask
    /// for evaluation during training.
    ///
    /// `device_name` is the name of the device in the report.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or does not fit the data or
    ///   the model.
    /// - [`TrainError::Io`] if `model_directory` cannot be read.
    /// - [`TrainError::Model`] if the checkpoint cannot be loaded.
    /// - [`TrainError::Data`] if the tokenizer cannot be loaded or a text cannot be tokenized.
    /// - [`TrainError::VocabularyTooLarge`] or [`TrainError::LongerThanPositions`] if the tokenizer
    ///   or `max_length` does not fit the checkpoint.
    /// - [`TrainError::NoMatchingParameter`] if a freeze pattern matches no parameter.
    /// - [`TrainError::ActivationsTooLarge`] if the activations to cache exceed
    ///   `activation_cache.max_bytes`.
    /// - [`TrainError::InvalidLabel`] if a label is not valid for the loss.
    /// - [`TrainError::Eval`] if a metric is unknown or does not fit the labels.
    /// - [`TrainError::Precision`] if the device does not support the precision.
    pub fn new(
        model_directory: &Path,
        splits: Splits,
        config: FineTuningConfig,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, TrainError> {
        let parts = Parts::default();
        Self::with_parts(model_directory, splits, config, device, device_name, parts)
    }

    /// Like [`Self::new`], with your own head, loss and metrics.
    ///
    /// # Errors
    /// - Any error of [`Self::new`].
    /// - [`TrainError::InvalidSetting`] if the settings name another head, or a loss that is not
    ///   registered.
    /// - [`TrainError::Model`] if the head returns outputs of the wrong shape.
    pub fn with_parts(
        model_directory: &Path,
        splits: Splits,
        mut config: FineTuningConfig,
        device: &Device,
        device_name: &str,
        parts: Parts,
    ) -> Result<Self, TrainError> {
        let head = parts.head.as_ref();
        config.model = config.model.with_head(head)?;
        if let Some(loss) = &parts.loss {
            config.loss = LossConfig::custom(loss.name());
        }
        config.validate()?;
        let splits = UsedSplits::new(splits, config.train.evaluation.is_some())?;
        // Report a wrong path as such rather than as "no tokenizer found".
        std::fs::read_dir(model_directory).map_err(TrainError::io(model_directory))?;
        let tokenizer = TextTokenizer::from_pretrained(model_directory)?;
        let checkpoint = CheckpointConfig::read(model_directory)?;
        let (text, seed) = (&config.text, config.train.seed);
        let pairs = text.encoding.pair_encoding;
        let classifier = (config.model).classifier(&checkpoint, &splits.train.task, pairs)?;
        let device = device.clone().autodiff();
        let (model, load_report) =
            load_classifier_with(model_directory, &classifier, head, seed, &device)?;
        ClassifierOverrides::check_head(&model, &splits.train.task, pairs)?;
        let model = config.model.adapt(model, seed)?;
        let model = model.with_precision(config.train.precision);
        text.check_fit(model_directory, &tokenizer, &checkpoint.encoder)?;
        config.train.freeze.check(&model)?;
        let data = splits.encode(text, &tokenizer)?;
        let labels = data.train.tokens.labels.all()?;
        let loss = config.loss.init_with(&parts, &labels, model.num_labels())?;
        let evaluator = evaluator(
            &data.train.dataset.task.target,
            &parts.metrics,
            config.metric_names(),
        )?;
        let splits = data.of_splits();
        let plans = KeptPlans::new(&config.activation_cache, &model, &config.train, splits)?;
        let settings = Settings {
            command: std::env::args().collect(),
            model: model_directory.to_path_buf(),
            architecture: model.config().clone(),
            device: device_name.to_string(),
            data: data.section()?,
            config,
        };
        let setup = Setup {
            checkpoint,
            load_report,
            tokenizer,
            loss,
            evaluator,
            data,
            plans,
            settings,
        };
        // Find contradictions before a run directory is created.
        Trainer::new(
            &setup.objective(&KeptActivations::default()),
            &setup.settings.config.train,
        )
        .check(&model)?;
        Ok(Self { model, setup })
    }

    /// Returns which checkpoint tensors were loaded, newly initialized or unused.
    pub fn load_report(&self) -> &LoadReport {
        &self.setup.load_report
    }

    /// Trains and tests the model, and records the run in `run_directory`, which must be empty or
    /// not exist.
    ///
    /// # Errors
    /// - [`TrainError::ActivationMemory`] if there is not enough memory for the cached activations.
    /// - Any error of [`Trainer::train`] or [`predict`](crate::predict()).
    /// - [`TrainError::RunDirectoryInUse`] if `run_directory` is not empty.
    /// - [`TrainError::Io`] if the run record cannot be written.
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<FineTuningOutput, TrainError> {
        let record = RunWriter::create(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    /// Resumes an interrupted run from its latest checkpoint, with the same result as an
    /// uninterrupted run. Without a checkpoint, the run starts from the beginning.
    ///
    /// # Errors
    /// - [`TrainError::Resume`] if the saved run has other settings, data or architecture.
    /// - [`TrainError::RunComplete`] if the run is complete.
    /// - Any error of [`Self::run`].
    pub fn resume(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<FineTuningOutput, TrainError> {
        let record = RunWriter::resume(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    fn run_into(
        self,
        mut record: RunWriter,
        callback: &mut dyn Callback,
    ) -> Result<FineTuningOutput, TrainError> {
        let Self { model, setup } = self;
        let Settings {
            command,
            device,
            config,
            model: source,
            ..
        } = &setup.settings;
        let model_section = ModelSection::new(
            Some(source),
            &model,
            &config.train.freeze,
            &setup.load_report,
        );
        let (pad, batch_size) = (setup.tokenizer.pad_token_id(), config.train.eval_batch_size);
        let kept =
            setup
                .plans
                .compute(&model, setup.data.of_splits(), pad, batch_size, callback)?;
        let save = |model: &_, folder: &Path| setup.save(model, folder);
        let trained = record.train(
            &setup.objective(&kept),
            &config.train,
            model,
            save,
            callback,
        )?;
        let model = trained.model;
        let (mut test, mut predictions) = (None, None);
        if let Some(split) = &setup.data.test {
            let rows = PredictedRows {
                data: &split.tokens,
                activations: kept.of.test.as_ref(),
                pad_token_id: pad,
                batch_size,
            };
            let mut output = rows.predict(Phase::Testing, &model, callback)?;
            let labels = split.tokens.labels.all()?;
            let names = split.dataset.class_names();
            record.write_predictions(&output.predictions, &labels, names)?;
            let section = TestSection::new(&mut output, split, &setup.loss, &setup.evaluator)?;
            test = Some(section);
            predictions = Some(output.predictions);
        }
        let report = RunReport {
            run: RunSection::new(command, device, config.train.seed),
            model: model_section,
            data: setup.settings.data.clone(),
            activations: kept.section,
            train: trained.summary.into(),
            test,
        };
        setup.save(&model, &record.directory().model())?;
        let page = report.page(config, &record.directory().metrics())?;
        record.write_report(&report, &page)?;
        Ok(FineTuningOutput {
            directory: record.directory().clone(),
            preprocessing: setup.text_preprocessing(),
            tokenizer: setup.tokenizer,
            model: model.valid(),
            predictions,
            report,
        })
    }
}

impl Setup {
    fn objective<'a>(&'a self, kept: &'a KeptActivations) -> LabeledTexts<'a> {
        let config = &self.settings.config;
        let validation = self.data.validation.as_ref();
        LabeledTexts {
            validation: validation.map(|split| &split.tokens),
            evaluator: self.evaluator.clone(),
            train_activations: kept.of.train.as_ref(),
            validation_activations: kept.of.validation.as_ref(),
            padding: config.text.padding,
            eval_batch_size: config.train.eval_batch_size,
            ..LabeledTexts::new(
                &self.data.train.tokens,
                &self.loss,
                self.tokenizer.pad_token_id(),
            )
        }
    }

    /// Saves a model with its tokenizer and text preprocessing.
    fn save(&self, model: &SequenceClassifier, directory: &Path) -> Result<(), TrainError> {
        save_classifier(directory, &model.valid(), &self.checkpoint)?;
        self.tokenizer.save(directory)?;
        self.text_preprocessing().save(directory)
    }

    fn text_preprocessing(&self) -> TextPreprocessing {
        let text = &self.settings.config.text;
        TextPreprocessing {
            texts: self.data.train.dataset.task.texts,
            cleaning: text.cleaning.clone(),
            encoding: text.encoding,
        }
    }
}
