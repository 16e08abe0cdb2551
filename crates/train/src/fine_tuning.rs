//! Fine-tuning of a classifier: a run on one dataset.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::{AugmentationConfig, Splits};
use finetune_eval::Metric;
use finetune_model::{EncoderModel, Head, HeadSize};
use finetune_predict::load_tokenizer;
use serde::{Deserialize, Serialize};

use crate::activations::ActivationCacheConfig;
use crate::calibration_config::CalibrationConfig;
use crate::decision_threshold::DecisionThreshold;
use crate::error::TrainError;
use crate::loaded_run::{ModelSource, to_value};
use crate::loss::{Loss, LossConfig};
use crate::model_config::ClassifierOverrides;
use crate::parts::Parts;
use crate::prepared_run::PreparedRun;
use crate::quantization_config::QuantizationConfig;
use crate::run::{Run, RunInput};
use crate::task::{SequenceClassificationTask, TaskSource};
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// A fine-tuning run.
///
/// ```no_run
/// use finetune_data::Dataset;
/// use finetune_predict::PredictorConfig;
/// use finetune_train::FineTuning;
///
/// let dataset = Dataset::files("train.csv").test("test.csv").load()?;
/// let run = FineTuning::new("my-bert", dataset).epochs(3).run("runs/topics")?;
/// println!("{run}");
/// let answers = run.predictor(PredictorConfig::default())?.predict(&["a text", "another"])?;
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
///
/// Defaults are those of [`FineTuningConfig`]; [`Run::config`] sets all of them at once, other
/// methods single ones. [`Run::head`], [`Run::loss`], [`Run::metric`] and [`Run::callback`] take
/// implementations of your own.
pub type FineTuning<'a> = Run<'a, LabeledData>;

/// Settings of a fine-tuning run; the defaults follow common practice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FineTuningConfig {
    /// Cleaning and tokenization of the texts.
    pub text: TextConfig,
    /// Copies of the training rows with other names and pronouns (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<AugmentationConfig>,
    /// Pooling, head and adapters (default: those of the checkpoint).
    pub model: ClassifierOverrides,
    /// Training loss (default: cross entropy; for any number of classes per row, binary cross entropy
    /// in its place).
    pub loss: LossConfig,
    /// Thresholds of multi-label classification (default: 0.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<DecisionThreshold>,
    /// Calibration of the probabilities on the validation rows after training (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationConfig>,
    /// Choice, on the validation rows after training, of the layers that become 8-bit integers in
    /// prediction (default: none; then all of them do).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<QuantizationConfig>,
    /// Names of additional built-in metrics, such as `roc_auc`, to evaluate on validation and test
    /// rows beside the default metrics of the task (default: none).
    pub metrics: Vec<String>,
    /// Hyperparameters of the training loop.
    pub train: TrainConfig,
    /// Cache of the activations of frozen encoder layers.
    pub activation_cache: ActivationCacheConfig,
}

impl FineTuningConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    /// - [`TrainError::Data`] if a value of the augmentation is out of range.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.text.validate()?;
        if let Some(augmentation) = &self.augmentation {
            augmentation.validate()?;
        }
        self.model.validate()?;
        self.loss.validate()?;
        if let Some(threshold) = &self.threshold {
            threshold.validate()?;
        }
        if let Some(calibration) = &self.calibration {
            calibration.validate()?;
        }
        if let Some(quantization) = &self.quantization {
            quantization.validate()?;
        }
        self.activation_cache.validate()?;
        self.train.validate()
    }

    /// Returns the names of all metrics in the settings, including the one that selects the best
    /// model.
    pub fn metric_names(&self) -> impl Iterator<Item = &str> {
        let selecting = self.train.evaluation.iter();
        let selecting = selecting.map(|evaluation| &evaluation.metric_for_best_model[..]);
        self.metrics.iter().map(String::as_str).chain(selecting)
    }
}

/// Input of a [`FineTuning`] run: a checkpoint and labeled rows.
#[derive(Debug)]
pub struct LabeledData {
    model: PathBuf,
    splits: Splits,
    config: FineTuningConfig,
    parts: Parts,
}

impl Run<'_, LabeledData> {
    /// Begins a run from the checkpoint in the directory `model`, on the training rows of a dataset
    /// or of its splits. The validation split is used only if the settings ask for evaluation
    /// during training.
    pub fn new(model: impl AsRef<Path>, data: impl Into<Splits>) -> Self {
        Self::of(LabeledData {
            model: model.as_ref().to_path_buf(),
            splits: data.into(),
            config: FineTuningConfig::default(),
            parts: Parts::default(),
        })
    }

    /// Replaces all settings.
    pub fn config(mut self, config: FineTuningConfig) -> Self {
        self.input.config = config;
        self
    }

    /// Keeps only some layers of the checkpoint's encoder, ascending from 0, for a smaller model.
    pub fn keep_layers(mut self, layers: impl IntoIterator<Item = usize>) -> Self {
        self.input.config.model.layers = Some(layers.into_iter().collect());
        self
    }

    /// Uses a head of your own, by the function that makes it.
    pub fn head<H: Head>(
        mut self,
        init: impl Fn(HeadSize, &Device) -> H + Send + Sync + 'static,
    ) -> Self {
        self.input.parts = self.input.parts.with_head(init);
        self
    }

    /// Uses a loss of your own, in place of [`FineTuningConfig::loss`].
    pub fn loss(mut self, loss: impl Loss + 'static) -> Self {
        self.input.parts.loss = Some(Arc::new(loss));
        self
    }

    /// Adds a metric of your own to validation, test and report; settings may name it to select the
    /// best model.
    pub fn metric(mut self, metric: impl Metric + 'static) -> Self {
        self.input.parts.metrics.push(Arc::new(metric));
        self
    }

    /// Replaces all parts of your own.
    pub fn parts(mut self, parts: Parts) -> Self {
        self.input.parts = parts;
        self
    }
}

impl RunInput for LabeledData {
    type Objective = SequenceClassificationTask;

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
    ) -> Result<PreparedRun<'static, SequenceClassificationTask>, TrainError> {
        let Self {
            model: directory,
            splits,
            mut config,
            parts,
        } = self;
        config.model = config.model.with_head(parts.head.as_ref())?;
        if let Some(loss) = &parts.loss {
            config.loss = LossConfig::custom(loss.name());
        }
        config.validate()?;
        config.loss = config.loss.for_labels(&splits.train.schema.target);
        let train = &config.train;
        let splits = TaskSource::splits(splits, config.augmentation.as_ref(), train)?;
        let tokenizer = load_tokenizer(&directory)?;
        let source = TaskSource {
            directory: directory.clone(),
            splits,
            text: config.text.clone(),
            model: &config.model,
            loss: Some(config.loss.clone()),
            threshold: config.threshold.clone(),
            calibration: config.calibration,
            quantization: config.quantization,
            metrics: config.metric_names().collect(),
            parts: &parts,
            train,
            seed: train.seed,
        };
        let (mut task, model, load_report) = source.load(&tokenizer, &device.clone().autodiff())?;
        let model = config.model.adapt(model, train.seed)?;
        let model = model.with_precision(train.precision);
        train.freeze.check(&model)?;
        task.plan_activations(&config.activation_cache, &model, train)?;
        let source = ModelSource {
            directory: Some(directory),
            architecture: to_value(model.config())?,
            load_report,
        };
        let settings = to_value(&config)?;
        PreparedRun::loaded(model, task, config.train, settings, source, device_name)
    }
}
