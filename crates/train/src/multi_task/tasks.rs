//! Tasks of a run with their data, heads and losses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{Splits, Target, TextTokenizer};
use finetune_eval::Evaluator;
use finetune_model::{
    CheckpointConfig, CustomHead, LoadReport, MultiTaskModel, SequenceClassifier,
    load_classifier_with, save_classifier,
};
use finetune_random::{Purpose, name_hash, number};

use super::{MultiTaskConfig, TaskConfig, TaskTexts};
use crate::labeled_texts::LabeledTexts;
use crate::scoring::evaluator;
use crate::used_splits::{Data, UsedSplits};
use crate::{
    ClassifierOverrides, Criterion, LossConfig, Parts, TextConfig, TextPreprocessing, TrainError,
};

/// A loaded and checked task; its head is in the model.
#[derive(Debug)]
pub(super) struct PreparedTask {
    pub(super) config: TaskConfig,
    pub(super) data: Data,
    checkpoint: CheckpointConfig,
    text: TextConfig,
    pub(super) loss: Criterion,
    pub(super) evaluator: Evaluator,
}

/// Checkpoints that the tasks start from: one for all, or one directory per task as written by a
/// multi-task run.
#[derive(Debug)]
pub(super) struct Beginnings {
    directory: PathBuf,
    /// Checkpoint of tasks without a directory of their own.
    fallback: PathBuf,
}

impl Beginnings {
    /// # Errors
    /// - [`TrainError::Io`] if the directory cannot be read.
    pub(super) fn new(directory: &Path, config: &MultiTaskConfig) -> Result<Self, TrainError> {
        // Report a wrong path as such rather than as "no tokenizer found".
        std::fs::read_dir(directory).map_err(TrainError::io(directory))?;
        let mut own = config.tasks.iter().map(|task| directory.join(&task.name));
        let fallback = match is_checkpoint(directory) {
            true => directory.to_path_buf(),
            false => own
                .find(|folder| is_checkpoint(folder))
                .unwrap_or_else(|| directory.to_path_buf()),
        };
        Ok(Self {
            directory: directory.to_path_buf(),
            fallback,
        })
    }

    /// # Errors
    /// - [`TrainError::Data`] if the tokenizer cannot be loaded.
    pub(super) fn tokenizer(&self) -> Result<TextTokenizer, TrainError> {
        Ok(TextTokenizer::from_pretrained(&self.fallback)?)
    }

    fn of_task(&self, name: &str) -> PathBuf {
        let own = self.directory.join(name);
        match is_checkpoint(&own) {
            true => own,
            false => self.fallback.clone(),
        }
    }
}

fn is_checkpoint(folder: &Path) -> bool {
    folder.join("config.json").exists()
}

impl PreparedTask {
    /// Loads the head of a task and tokenizes its texts.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting does not fit the data or the checkpoint.
    /// - [`TrainError::Model`] if the checkpoint cannot be loaded.
    /// - [`TrainError::Data`] if a text cannot be tokenized.
    /// - Any error of [`LossConfig::init`] or [`evaluator`].
    pub(super) fn new(
        config: &TaskConfig,
        head: Option<&CustomHead>,
        settings: &MultiTaskConfig,
        splits: Splits,
        beginnings: &Beginnings,
        tokenizer: &TextTokenizer,
        device: &Device,
    ) -> Result<(Self, SequenceClassifier, LoadReport), TrainError> {
        let splits = UsedSplits::new(splits, settings.train.evaluation.is_some())?;
        let folder = beginnings.of_task(&config.name);
        let checkpoint = CheckpointConfig::read(&folder)?;
        let task = &splits.train.task;
        let classifier = config
            .model
            .classifier(&checkpoint, task, config.pair_encoding)?;
        let name = name_hash(&config.name);
        let seed = number(settings.train.seed, Purpose::Initialization, name, 0);
        let (model, report) = load_classifier_with(&folder, &classifier, head, seed, device)?;
        ClassifierOverrides::check_head(&model, task, config.pair_encoding)?;
        let text = config.text(&settings.text);
        text.check_fit(&folder, tokenizer, &checkpoint.encoder)?;
        let loss = config.loss.clone().unwrap_or(default_loss(&task.target));
        let data = splits.encode(&text, tokenizer)?;
        let prepared = Self {
            loss: loss.init(&data.train.tokens.labels.all()?, model.num_labels())?,
            evaluator: evaluator(
                &data.train.dataset.task.target,
                &[],
                config.metrics.iter().map(String::as_str),
            )?,
            config: config.clone(),
            checkpoint,
            data,
            text,
        };
        Ok((prepared, model, report))
    }

    pub(super) fn texts<'a>(
        &'a self,
        settings: &MultiTaskConfig,
        tokenizer: &TextTokenizer,
    ) -> TaskTexts<'a> {
        let (train, validation) = (&self.data.train.tokens, self.data.validation.as_ref());
        TaskTexts {
            name: self.config.name.clone(),
            trains: self.config.trainable,
            texts: LabeledTexts {
                validation: validation.map(|split| &split.tokens),
                evaluator: self.evaluator.clone(),
                padding: self.text.padding,
                eval_batch_size: settings.train.eval_batch_size,
                ..LabeledTexts::new(train, &self.loss, tokenizer.pad_token_id())
            },
        }
    }

    /// Saves the encoder with the task's head as a complete classifier.
    pub(super) fn save(
        &self,
        model: &SequenceClassifier,
        tokenizer: &TextTokenizer,
        directory: &Path,
    ) -> Result<(), TrainError> {
        let directory = directory.join(&self.config.name);
        save_classifier(&directory, &model.valid(), &self.checkpoint)?;
        tokenizer.save(&directory)?;
        let preparation = TextPreprocessing {
            texts: self.data.train.dataset.task.texts,
            cleaning: self.text.cleaning.clone(),
            encoding: self.text.encoding,
        };
        preparation.save(&directory)
    }
}

fn default_loss(target: &Target) -> LossConfig {
    match target {
        Target::Score { .. } => LossConfig::Mse {},
        Target::Classes(_) | Target::Unlabeled => LossConfig::default(),
    }
}

/// Prepares all tasks and their shared model. `data` contains the splits of each task by name.
///
/// # Errors
/// - [`TrainError::Task`] if a task cannot be prepared, or `data` lacks a task or has an unknown
///   one.
/// - [`TrainError::Model`] if the tasks cannot share one encoder.
pub(super) fn prepare_tasks(
    settings: &MultiTaskConfig,
    mut data: BTreeMap<String, Splits>,
    parts: &BTreeMap<String, Parts>,
    beginnings: &Beginnings,
    tokenizer: &TextTokenizer,
    device: &Device,
) -> Result<(Vec<PreparedTask>, MultiTaskModel, LoadReport), TrainError> {
    let mut tasks = Vec::with_capacity(settings.tasks.len());
    let mut classifiers = Vec::with_capacity(settings.tasks.len());
    let mut all = LoadReport::default();
    for config in &settings.tasks {
        let missing = || TrainError::setting("data", "missing", "splits for every task");
        let splits = data.remove(&config.name).ok_or_else(missing);
        let prepared = splits.and_then(|splits| {
            let head = parts
                .get(&config.name)
                .and_then(|parts| parts.head.as_ref());
            PreparedTask::new(
                config, head, settings, splits, beginnings, tokenizer, device,
            )
        });
        let (task, model, report) = prepared.map_err(|error| error.in_task(&config.name))?;
        tasks.push(task);
        classifiers.push(model);
        let named = |tensor: String| format!("{}: {tensor}", config.name);
        all.loaded.extend(report.loaded.into_iter().map(named));
        all.newly_initialized
            .extend(report.newly_initialized.into_iter().map(named));
        all.unexpected
            .extend(report.unexpected.into_iter().map(named));
    }
    if let Some(name) = data.keys().next() {
        let error = TrainError::setting("data", "there", "none without settings of the task");
        return Err(error.in_task(name));
    }
    let model = MultiTaskModel::new(classifiers)?;
    Ok((tasks, adapted(model, settings)?, all))
}

/// Adds the adapters that all tasks share.
fn adapted(
    mut model: MultiTaskModel,
    settings: &MultiTaskConfig,
) -> Result<MultiTaskModel, TrainError> {
    let adapter = settings
        .tasks
        .first()
        .and_then(|task| task.model.adapter.as_ref());
    if let Some(adapter) = adapter {
        model.encoder = model.encoder.with_lora(adapter, settings.train.seed)?;
    }
    Ok(model)
}
