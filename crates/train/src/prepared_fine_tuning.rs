//! A whole run: checkpoint and data in, scores and a run record out.

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
    TextPreprocessing, TrainError, memory,
};

/// A fine-tuning run whose input was loaded and checked; [`FineTuning`](crate::FineTuning) makes one.
///
/// Everything that can be wrong with the input is found before the first file is written: load
/// with [`PreparedFineTuning::new`], then [`PreparedFineTuning::run`].
#[derive(Debug)]
pub struct PreparedFineTuning {
    model: SequenceClassifier,
    setup: Setup,
}

/// Everything but the model.
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

/// What `config.json` of the run directory holds: all that the result depends on.
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
    /// Loads the checkpoint in `model_directory`, checks that everything fits together and
    /// cleans and tokenizes the data. Of the splits, it takes those for training and for testing,
    /// and the one for validation if the settings ask for evaluation while training.
    ///
    /// `device_name` is what the report calls the device.
    ///
    /// # Errors
    /// Whatever is wrong with the settings, the checkpoint, the tokenizer or the data.
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

    /// As [`Self::new`], with parts of your own.
    ///
    /// # Errors
    /// As [`Self::new`]; also what is wrong with the parts.
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
        // A wrong path is better called so than "no tokenizer found".
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
        let loss = config.loss.init_with(&parts, &labels, model.classes())?;
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
        // What contradicts itself is found before a run directory is made.
        Trainer::new(
            &setup.objective(&KeptActivations::default()),
            &setup.settings.config.train,
        )
        .check(&model)?;
        Ok(Self { model, setup })
    }

    /// What became of the checkpoint's tensors.
    pub fn load_report(&self) -> &LoadReport {
        &self.setup.load_report
    }

    /// Trains, tests, and leaves a run record in `run_directory`, which is empty or does not exist.
    ///
    /// # Errors
    /// As [`Trainer::train`] and [`predict`](crate::predict()); [`TrainError::Io`] and
    /// [`TrainError::RunDirectoryInUse`] for the run record.
    pub fn run(
        self,
        run_directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<FineTuningOutput, TrainError> {
        let record = RunWriter::create(run_directory, &self.setup.settings)?;
        self.run_into(record, callback)
    }

    /// Goes on with a run that was stopped, by whatever, and ends as if it had not been. Without
    /// a checkpoint it begins anew.
    ///
    /// # Errors
    /// [`TrainError::Resume`] if the run began with other settings, data or architecture, and
    /// [`TrainError::RunComplete`] if it has come to its end; otherwise as [`Self::run`].
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
        let mut report = RunReport {
            run: RunSection::new(command, device, config.train.seed),
            model: model_section,
            data: setup.settings.data.clone(),
            activations: kept.section,
            train: trained.summary.into(),
            test: None,
        };
        let mut predictions = None;
        if let Some(test) = &setup.data.test {
            let rows = PredictedRows {
                data: &test.tokens,
                activations: kept.of.test.as_ref(),
                pad_token_id: pad,
                batch_size,
            };
            let output = rows.predict(Phase::Testing, &model, callback)?;
            let labels = test.tokens.labels.all()?;
            let names = test.dataset.class_names();
            record.write_predictions(&output.predictions, &labels, names)?;
            let section = TestSection::new(&output, test, &setup.loss, &setup.evaluator)?;
            report.test = Some(section);
            predictions = Some(output.predictions);
        }
        // At the end, when it is highest.
        report.run.peak_rss_bytes = memory::peak_rss_bytes();
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

    /// Saves a model with its tokenizer and the way its texts were prepared.
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
