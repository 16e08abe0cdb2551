//! Settings of a multi-task run.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Module;
use finetune_data::{AugmentationConfig, PairEncoding};
use finetune_model::MultiTaskModel;
use serde::{Deserialize, Serialize};

use super::OverallScore;
use crate::activations::ActivationCacheConfig;
use crate::calibration_config::CalibrationConfig;
use crate::decision_threshold::DecisionThreshold;
use crate::distillation::DistillationConfig;
use crate::error::TrainError;
use crate::loss::LossConfig;
use crate::mixing::MixingConfig;
use crate::model_config::ClassifierOverrides;
use crate::parts::Parts;
use crate::quantization_config::QuantizationConfig;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// Settings of a multi-task run.
///
/// ```
/// use finetune_train::MultiTaskConfig;
///
/// let config: MultiTaskConfig = serde_json::from_str(
///     r#"{
///         "tasks": [
///             { "name": "sst" },
///             { "name": "sts", "pair_encoding": "bi_encoder",
///               "model": { "head": { "kind": "cosine", "range": { "min": 0, "max": 5 } } },
///               "loss": { "kind": "mse" } }
///         ],
///         "mixing": { "stopping_strategy": "all_exhausted" }
///     }"#,
/// )?;
/// config.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiTaskConfig {
    /// Cleaning and tokenization of the texts, for all tasks.
    pub text: TextConfig,
    /// Tasks, at least 1; sampling in turns follows this order.
    pub tasks: Vec<TaskConfig>,
    /// Sampling, loss weights and gradient combination of the tasks.
    pub mixing: MixingConfig,
    /// Formula of the overall score in the report. It selects the best model if
    /// `train.evaluation.metric_for_best_model` is `overall`.
    pub overall: OverallScore,
    /// Hyperparameters of the training loop.
    pub train: TrainConfig,
    /// Cache of the activations of frozen encoder layers.
    pub activation_cache: ActivationCacheConfig,
}

/// Settings of one of several tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskConfig {
    /// Name of the task, which is part of file names: letters, digits, `-` and `_`.
    pub name: String,
    /// Whether the task is trained (default: true). Otherwise its head is frozen, and it is only
    /// evaluated.
    pub trainable: bool,
    /// Pooling, head and adapters (default: those of the checkpoint). Adapters must be the same for
    /// all tasks.
    pub model: ClassifierOverrides,
    /// Training loss (default: cross entropy for classes and for scores in bins, binary cross entropy
    /// for any number of classes, mean squared error for other scores).
    pub loss: Option<LossConfig>,
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
    /// Names of additional metrics, beside the default metrics of the task (default: none).
    pub metrics: Vec<String>,
    /// Whether the encoder reads the texts of a pair as one sequence (cross-encoder) or separately
    /// (bi-encoder).
    pub pair_encoding: PairEncoding,
    /// Maximum tokens per row (default: that of [`MultiTaskConfig::text`]).
    pub max_length: Option<usize>,
    /// Copies of the training rows with other names and pronouns (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<AugmentationConfig>,
    /// Teacher whose outputs the shared encoder and the head of the task learn beside its labels
    /// (default: none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distillation: Option<DistillationConfig>,
}

impl Default for TaskConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            trainable: true,
            model: ClassifierOverrides::default(),
            loss: None,
            threshold: None,
            calibration: None,
            quantization: None,
            metrics: Vec::new(),
            pair_encoding: PairEncoding::default(),
            max_length: None,
            augmentation: None,
            distillation: None,
        }
    }
}

impl TaskConfig {
    /// Creates a task with this name and the default settings.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Returns the text settings of the task.
    pub(super) fn text(&self, shared: &TextConfig) -> TextConfig {
        let mut text = shared.clone();
        text.encoding.pair_encoding = self.pair_encoding;
        text.encoding.max_length = self.max_length.unwrap_or(text.encoding.max_length);
        text
    }

    fn validate(&self, shared: &TextConfig) -> Result<(), TrainError> {
        self.text(shared).validate()?;
        if let Some(augmentation) = &self.augmentation {
            augmentation.validate()?;
        }
        self.model.validate()?;
        if let Some(threshold) = &self.threshold {
            threshold.validate()?;
        }
        if let Some(calibration) = &self.calibration {
            calibration.validate()?;
        }
        if let Some(quantization) = &self.quantization {
            quantization.validate()?;
        }
        match &self.distillation {
            Some(_) if !self.trainable => {
                let expected = "none for a task that does not train";
                return Err(TrainError::setting("distillation", "set", expected));
            }
            Some(distillation) => distillation.validate()?,
            None => {}
        }
        self.loss.as_ref().map_or(Ok(()), LossConfig::validate)
    }
}

impl MultiTaskConfig {
    /// Adds custom heads and losses to the settings of their tasks.
    ///
    /// # Errors
    /// - [`TrainError::Task`] if the settings of a task name another head, or there is no such
    ///   task.
    pub(super) fn add_parts(&mut self, parts: &BTreeMap<String, Parts>) -> Result<(), TrainError> {
        for (name, parts) in parts {
            let mut tasks = self.tasks.iter_mut();
            let Some(task) = tasks.find(|task| task.name == *name) else {
                let error = TrainError::setting("parts", "there", "none without such a task");
                return Err(error.in_task(name));
            };
            let model = std::mem::take(&mut task.model).with_head(parts.head.as_ref());
            task.model = model.map_err(|error| error.in_task(name))?;
            if let Some(loss) = &parts.loss {
                task.loss = Some(LossConfig::custom(loss.name()));
            }
        }
        Ok(())
    }

    /// Checks that every value is in its range and no settings contradict each other.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a shared setting is invalid; it names the first one.
    /// - [`TrainError::Task`] if a setting of a task is invalid.
    pub fn validate(&self) -> Result<(), TrainError> {
        if self.tasks.is_empty() {
            return Err(TrainError::setting("tasks", 0, "at least 1"));
        }
        let mut seen = BTreeSet::new();
        for task in &self.tasks {
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            if task.name.is_empty() || !task.name.chars().all(allowed) {
                let found = format!("{:?}", task.name);
                return Err(TrainError::setting(
                    "name of a task",
                    found,
                    "letters, digits, - and _",
                ));
            }
            if !seen.insert(&task.name) {
                let found = format!("{:?} twice", task.name);
                return Err(TrainError::setting("tasks", found, "different names"));
            }
            let first = &self.tasks[0].model;
            for (setting, is_same) in [
                ("model.adapter", task.model.adapter == first.adapter),
                ("model.layers", task.model.layers == first.layers),
            ] {
                if !is_same {
                    let expected = "that of the first task: there is one encoder";
                    let error = TrainError::setting(setting, "another one", expected);
                    return Err(error.in_task(&task.name));
                }
            }
            task.validate(&self.text)
                .map_err(|error| error.in_task(&task.name))?;
        }
        if let OverallScore::Task(name) = &self.overall
            && !seen.contains(name)
        {
            let names: Vec<_> = self.tasks.iter().map(|task| &task.name[..]).collect();
            let expected = format!("one of {}", names.join(", "));
            return Err(TrainError::setting("overall.task", name, expected));
        }
        self.mixing.validate()?;
        self.activation_cache.validate()?;
        self.train.validate()
    }

    /// Returns the settings of the training loop with the heads of untrained tasks frozen.
    pub(super) fn train_with_frozen_heads(&self, model: &MultiTaskModel) -> TrainConfig {
        let mut train = self.train.clone();
        let heads = self.tasks.iter().zip(&model.tasks).enumerate();
        let still = heads.filter(|(_, (task, head))| !task.trainable && head.num_params() > 0);
        train
            .freeze
            .parameters
            .extend(still.map(|(index, _)| format!("tasks.{index}.*")));
        train
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_task_is_said_with_its_name() {
        for (json, message) in [
            ("{}", "tasks is 0"),
            (
                r#"{"tasks": [{"name": "a"}, {"name": "a"}]}"#,
                "tasks is \"a\" twice",
            ),
            (
                r#"{"tasks": [{"name": "../a"}]}"#,
                "name of a task is \"../a\"",
            ),
            (r#"{"tasks": [{}]}"#, "name of a task is \"\""),
            (
                r#"{"tasks": [{"name": "a", "loss": {"kind": "huber", "delta": 0}}]}"#,
                "task a: delta is 0",
            ),
            (
                r#"{"tasks": [{"name": "a", "max_length": 0}]}"#,
                "task a: max_length is 0",
            ),
            (
                r#"{"tasks": [{"name": "a", "augmentation": {"copies": 0}}]}"#,
                "task a: ",
            ),
            (
                r#"{"tasks": [{"name": "a"}], "overall": {"task": "b"}}"#,
                "overall.task is b, expected one of a",
            ),
        ] {
            let config: MultiTaskConfig = serde_json::from_str(json).unwrap();
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let unknown = r#"{"tasks": [{"name": "a", "head": {}}]}"#;
        assert!(serde_json::from_str::<MultiTaskConfig>(unknown).is_err());
    }
}
