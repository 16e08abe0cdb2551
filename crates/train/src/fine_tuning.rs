//! The builder of a fine-tuning run: model, data, settings and parts of your own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::{BatchSize, Splits};
use finetune_eval::Metric;
use finetune_model::{Head, HeadSize};
use finetune_ops::DeviceSpec;

use crate::callback::Callback;
use crate::prepared_fine_tuning::PreparedFineTuning;
use crate::{FineTuningConfig, FineTuningOutput, Loss, Parts, TrainDuration, TrainError};

/// A fine-tuning run.
///
/// Everything that can be wrong with the input is found before the first file is written.
///
/// ```no_run
/// use finetune_data::Dataset;
/// use finetune_train::{FineTuning, PredictorConfig};
///
/// let dataset = Dataset::files("train.csv").test("test.csv").load()?;
/// let run = FineTuning::new("my-bert", dataset).epochs(3).run("runs/topics")?;
/// println!("{run}");
/// let answers = run.predictor(PredictorConfig::default())?.predict(&["a text", "another"])?;
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
///
/// Defaults are those of [`FineTuningConfig`]; [`Self::config`] sets all of them at once, the
/// methods below single ones. [`Self::head`], [`Self::loss`], [`Self::metric`] and [`Self::callback`] take
/// implementations of your own.
pub struct FineTuning<'a> {
    model: PathBuf,
    splits: Splits,
    config: FineTuningConfig,
    device: String,
    parts: Parts,
    callbacks: Vec<Box<dyn Callback + 'a>>,
}

impl<'a> FineTuning<'a> {
    /// Begins a run from the checkpoint in the directory `model`, on the training rows of a dataset
    /// or of its splits.
    pub fn new(model: impl AsRef<Path>, data: impl Into<Splits>) -> Self {
        Self {
            model: model.as_ref().to_path_buf(),
            splits: data.into(),
            config: FineTuningConfig::default(),
            device: DeviceSpec::Flex.to_string(),
            parts: Parts::default(),
            callbacks: Vec::new(),
        }
    }

    /// Replaces all settings.
    pub fn config(mut self, config: FineTuningConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the number of passes over the training rows (default: 3).
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.config.train.duration = TrainDuration::Epochs(epochs);
        self
    }

    /// Sets the number of optimizer steps, instead of epochs.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.config.train.duration = TrainDuration::Steps(steps);
        self
    }

    /// Sets the number of rows in a batch.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.config.train.batch_size = BatchSize::Rows(rows);
        self
    }

    /// Sets the peak learning rate.
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.config.train.optimizer.learning_rate = rate;
        self
    }

    /// Sets the maximum number of tokens in a row, special tokens included.
    pub fn max_length(mut self, tokens: usize) -> Self {
        self.config.text.encoding.max_length = tokens;
        self
    }

    /// Sets the random seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.train.seed = seed;
        self
    }

    /// Sets the device by name, such as `flex`, `libtorch` or `cuda:0` (default: `flex`).
    pub fn device(mut self, device: impl fmt::Display) -> Self {
        self.device = device.to_string();
        self
    }

    /// Uses a head of your own, by the function that makes it.
    pub fn head<H: Head>(
        mut self,
        init: impl Fn(HeadSize, &Device) -> H + Send + Sync + 'static,
    ) -> Self {
        self.parts = self.parts.with_head(init);
        self
    }

    /// Uses a loss of your own, in place of [`FineTuningConfig::loss`].
    pub fn loss(mut self, loss: impl Loss + 'static) -> Self {
        self.parts.loss = Some(Arc::new(loss));
        self
    }

    /// Adds a metric of your own to validation, test and report; settings may name it to select the
    /// best model.
    pub fn metric(mut self, metric: impl Metric + 'static) -> Self {
        self.parts.metrics.push(Arc::new(metric));
        self
    }

    /// Adds a callback; callbacks are called in the order in which they were added.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Replaces all parts of your own.
    pub fn parts(mut self, parts: Parts) -> Self {
        self.parts = parts;
        self
    }

    /// Loads and checks everything, for programs that look at the load report before they run.
    /// Callbacks are then given to [`PreparedFineTuning::run`].
    ///
    /// # Errors
    /// - As [`PreparedFineTuning::new`].
    /// - [`TrainError::Device`] if the device cannot be opened.
    /// - [`TrainError::InvalidSetting`] if a callback was added, which would not be called.
    pub fn prepare(self) -> Result<PreparedFineTuning, TrainError> {
        match self.callbacks.len() {
            0 => Ok(self.split()?.0),
            count => {
                let expected = "none: give them to PreparedFineTuning::run";
                Err(TrainError::setting("callbacks", count, expected))
            }
        }
    }

    /// Trains and tests, and records the run in `run_directory`, which is empty or does not exist.
    ///
    /// # Errors
    /// As [`Self::prepare`] and [`PreparedFineTuning::run`].
    pub fn run(self, run_directory: impl AsRef<Path>) -> Result<FineTuningOutput, TrainError> {
        let (prepared, mut callbacks) = self.split()?;
        prepared.run(run_directory.as_ref(), &mut callbacks)
    }

    /// Resumes an interrupted run, with the same result as if it had not been interrupted. Without
    /// a checkpoint it begins anew.
    ///
    /// # Errors
    /// As [`Self::prepare`] and [`PreparedFineTuning::resume`].
    pub fn resume(self, run_directory: impl AsRef<Path>) -> Result<FineTuningOutput, TrainError> {
        let (prepared, mut callbacks) = self.split()?;
        prepared.resume(run_directory.as_ref(), &mut callbacks)
    }

    fn split(self) -> Result<(PreparedFineTuning, Vec<Box<dyn Callback + 'a>>), TrainError> {
        let spec: DeviceSpec = self.device.parse()?;
        let prepared = PreparedFineTuning::with_parts(
            &self.model,
            self.splits,
            self.config,
            &spec.open()?,
            &self.device,
            self.parts,
        )?;
        Ok((prepared, self.callbacks))
    }
}

impl fmt::Debug for FineTuning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FineTuning")
            .field("model", &self.model)
            .field("device", &self.device)
            .field("config", &self.config)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
