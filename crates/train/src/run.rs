//! A run: from model, data and settings to a trained model and its record.

use std::fmt;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_data::BatchSize;
use finetune_model::model_directory;
use finetune_ops::DeviceSpec;
use serde_json::Value;

use crate::callback::Callback;
use crate::error::TrainError;
use crate::objective::Objective;
use crate::prepared_run::PreparedRun;
use crate::run_directory::RunDirectory;
use crate::run_length::TrainDuration;
use crate::run_output::RunOutput;
use crate::run_writer::read_json;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// A run before its input is loaded: [`FineTuning`](crate::FineTuning),
/// [`TokenClassification`](crate::TokenClassification),
/// [`MultiTask`](crate::MultiTask) or [`PreTraining`](crate::PreTraining).
///
/// Everything that can be wrong with the input is found before the first file is written.
pub struct Run<'a, I> {
    pub(crate) input: I,
    device: RunDevice,
    callbacks: Vec<Box<dyn Callback + 'a>>,
}

enum RunDevice {
    Named(String),
    Open(Device, String),
}

/// What a run is made from: its model, data, settings and parts of your own.
pub trait RunInput: fmt::Debug {
    /// What the run trains.
    type Objective: Objective;

    /// Returns the settings of the training loop.
    fn train_config(&mut self) -> &mut TrainConfig;

    /// Returns the settings of the texts.
    fn text_config(&mut self) -> &mut TextConfig;

    /// Returns the directories or names of the models that are loaded, each with its place in
    /// `config.json` of the run directory as a [JSON pointer](https://www.rfc-editor.org/rfc/rfc6901).
    fn models(&mut self) -> Vec<(String, &mut PathBuf)>;

    /// Loads everything and checks that it fits together. The models are in their directories.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, or does not fit the data or
    ///   the model.
    /// - [`TrainError::Io`] if the checkpoint directory cannot be read.
    /// - [`TrainError::Model`] if the checkpoint cannot be loaded, or a head returns outputs of the
    ///   wrong shape.
    /// - [`TrainError::Data`] if the tokenizer cannot be loaded or a text cannot be tokenized.
    /// - [`TrainError::Predict`] if the tokenizer or `max_length` does not fit the checkpoint.
    /// - [`TrainError::Parameter`] if a freeze pattern matches no parameter.
    /// - [`TrainError::Activations`] if the activations to cache exceed
    ///   `activation_cache.max_bytes`.
    /// - [`TrainError::InvalidLabel`] if a label is not valid for the loss.
    /// - [`TrainError::Eval`] if a metric is unknown or does not fit the labels.
    /// - [`TrainError::Precision`] if the device does not support the precision.
    /// - [`TrainError::Task`] with one of these for one of several tasks.
    fn load(
        self,
        device: &Device,
        device_name: &str,
    ) -> Result<PreparedRun<'static, Self::Objective>, TrainError>;
}

impl<'a, I: RunInput> Run<'a, I> {
    pub(crate) fn of(input: I) -> Self {
        Self {
            input,
            device: RunDevice::Named(DeviceSpec::Flex.to_string()),
            callbacks: Vec::new(),
        }
    }

    /// Makes a run of other input, with the same device and callbacks.
    pub(crate) fn map_input<J>(self, map: impl FnOnce(I) -> J) -> Run<'a, J> {
        Run {
            input: map(self.input),
            device: self.device,
            callbacks: self.callbacks,
        }
    }

    /// Sets the number of passes over the training rows (default: 3).
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.input.train_config().duration = TrainDuration::Epochs(epochs);
        self
    }

    /// Sets the number of optimizer steps, instead of epochs.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.input.train_config().duration = TrainDuration::Steps(steps);
        self
    }

    /// Sets the number of rows in a batch.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.input.train_config().batch_size = BatchSize::Rows(rows);
        self
    }

    /// Sets the peak learning rate.
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.input.train_config().optimizer.learning_rate = rate;
        self
    }

    /// Sets the maximum number of tokens in a row, special tokens included.
    pub fn max_length(mut self, tokens: usize) -> Self {
        self.input.text_config().encoding.max_length = tokens;
        self
    }

    /// Sets the random seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.input.train_config().seed = seed;
        self
    }

    /// Sets the device by name, such as `flex`, `libtorch` or `cuda:0` (default: `flex`).
    pub fn device(mut self, device: impl fmt::Display) -> Self {
        self.device = RunDevice::Named(device.to_string());
        self
    }

    /// Sets a device that is open already; `name` is its name in the report.
    pub fn open_device(mut self, device: Device, name: impl Into<String>) -> Self {
        self.device = RunDevice::Open(device, name.into());
        self
    }

    /// Adds a callback; callbacks are called in the order in which they were added.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Loads and checks everything, for programs that look at the load report before they run.
    ///
    /// # Errors
    /// - As [`RunInput::load`].
    /// - [`TrainError::Model`] if a model is the name of one on the hub that cannot be downloaded.
    /// - [`TrainError::Device`] if the device cannot be opened.
    pub fn prepare(mut self) -> Result<PreparedRun<'a, I::Objective>, TrainError> {
        for (_, model) in self.input.models() {
            *model = model_directory(model)?;
        }
        let (device, name) = match self.device {
            RunDevice::Open(device, name) => (device, name),
            RunDevice::Named(name) => (name.parse::<DeviceSpec>()?.open()?, name),
        };
        let mut prepared: PreparedRun<'a, _> = self.input.load(&device, &name)?;
        prepared.callbacks = self.callbacks;
        Ok(prepared)
    }

    /// Uses the commits that the record in `run_directory` has for models that are named without one, if
    /// there is a record: a run that is resumed begins from the same weights, even if the hub has newer
    /// ones. [`Self::resume`] does it by itself.
    ///
    /// # Errors
    /// - [`TrainError::Io`] or [`TrainError::Json`] if the record cannot be read.
    pub fn at_recorded_revision(mut self, run_directory: &Path) -> Result<Self, TrainError> {
        use_recorded_commits(run_directory, self.input.models())?;
        Ok(self)
    }

    /// Trains and tests, and records the run in `run_directory`, which is empty or does not exist.
    ///
    /// # Errors
    /// As [`Self::prepare`] and [`PreparedRun::run`].
    pub fn run(
        self,
        run_directory: impl AsRef<Path>,
    ) -> Result<RunOutput<I::Objective>, TrainError> {
        self.prepare()?.run(run_directory.as_ref(), &mut ())
    }

    /// Resumes an interrupted run, with the same result as if it had not been interrupted. Without
    /// a checkpoint it starts from the beginning.
    ///
    /// # Errors
    /// As [`Self::at_recorded_revision`], [`Self::prepare`] and [`PreparedRun::resume`].
    pub fn resume(
        self,
        run_directory: impl AsRef<Path>,
    ) -> Result<RunOutput<I::Objective>, TrainError> {
        let directory = run_directory.as_ref();
        let run = self.at_recorded_revision(directory)?.prepare()?;
        run.resume(directory, &mut ())
    }
}

/// Sets the models that are named without a commit to the commits in the record of a run, if there is
/// one.
fn use_recorded_commits(
    run_directory: &Path,
    models: Vec<(String, &mut PathBuf)>,
) -> Result<(), TrainError> {
    let config = RunDirectory::new(run_directory).config();
    if !config.exists() {
        return Ok(());
    }
    let record: Value = read_json(&config)?;
    for (place, model) in models {
        let recorded = record.pointer(&place).and_then(Value::as_str);
        if let Some(recorded) = recorded.filter(|recorded| is_commit_of(recorded, model)) {
            *model = recorded.into();
        }
    }
    Ok(())
}

/// Returns whether a record names the commit of a model that is named without one.
fn is_commit_of(recorded: &str, model: &Path) -> bool {
    let is_commit = |revision: &str| {
        revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let (Some((name, commit)), Some(given)) = (recorded.split_once('@'), model.to_str()) else {
        return false;
    };
    let (given, revision) = given.split_once('@').unwrap_or((given, "main"));
    name == given && is_commit(commit) && !is_commit(revision) && !model.exists()
}

impl<I: fmt::Debug> fmt::Debug for Run<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (RunDevice::Named(device) | RunDevice::Open(_, device)) = &self.device;
        f.debug_struct("Run")
            .field("input", &self.input)
            .field("device", device)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use finetune_data::{RerankingDataset, RerankingExample};

    use super::*;
    use crate::{DistillationConfig, MultiTask, MultiTaskConfig, RerankerTraining, TaskConfig};

    fn places<I: RunInput>(mut run: Run<'_, I>) -> Vec<(String, PathBuf)> {
        let models = run.input.models().into_iter();
        models
            .map(|(place, model)| (place, model.clone()))
            .collect()
    }

    #[test]
    fn all_models_of_a_run_may_be_names() {
        let model = ("/model".to_string(), PathBuf::from("owner/name"));
        let row = RerankingExample {
            query: "q".into(),
            documents: vec!["a".into(), "b".into()],
            labels: vec![1.0, 0.0],
        };
        let rows = RerankingDataset::new("rows", vec![row]).unwrap();
        let of_reranker = places(RerankerTraining::new("owner/name", rows));
        assert_eq!(of_reranker, std::slice::from_ref(&model));

        let teacher = DistillationConfig::new("owner/teacher");
        let tasks = vec![
            TaskConfig::new("first"),
            TaskConfig {
                distillation: Some(teacher),
                ..TaskConfig::new("second")
            },
        ];
        let config = MultiTaskConfig {
            tasks,
            ..MultiTaskConfig::default()
        };
        let teacher = "/config/tasks/1/distillation/teacher".to_string();
        assert_eq!(
            places(MultiTask::new("owner/name").config(config)),
            [model, (teacher, "owner/teacher".into())]
        );
    }
}
