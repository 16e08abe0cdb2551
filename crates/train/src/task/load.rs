//! Loading of a classification task: checkpoint, tokenizer and data, checked against each other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::{AugmentationConfig, PairEncoding, Splits, Target, TextTokenizer};
use finetune_eval::Evaluator;
use finetune_model::{
    CheckpointConfig, CustomHead, LoadReport, ScoreBins, SequenceClassifier,
    SequenceClassifierConfig, load_classifier_with, load_encoder_with_new_head,
};
use finetune_predict::evaluator;

use super::SequenceClassificationTask;
use super::label_fit::check_label_fit;
use super::sequence_classification::Source;
use crate::activations::CachePlans;
use crate::calibration_config::CalibrationConfig;
use crate::decision_threshold::DecisionThreshold;
use crate::encoded_splits::UsedSplits;
use crate::error::TrainError;
use crate::loss::LossConfig;
use crate::model_config::ClassifierOverrides;
use crate::parts::Parts;
use crate::quantization_config::QuantizationConfig;
use crate::text_config::TextConfig;
use crate::train_config::TrainConfig;

/// What a classification task is loaded from.
pub(crate) struct TaskSource<'a> {
    /// Checkpoint directory.
    pub(crate) directory: PathBuf,
    pub(crate) splits: UsedSplits,
    pub(crate) text: TextConfig,
    pub(crate) model: &'a ClassifierOverrides,
    /// Loss; `None` for the default of the labels and the head.
    pub(crate) loss: Option<LossConfig>,
    /// Thresholds of multi-label classification; `None` for the default.
    pub(crate) threshold: Option<DecisionThreshold>,
    /// Calibration of the probabilities of a single-label classifier, if any.
    pub(crate) calibration: Option<CalibrationConfig>,
    /// Choice of the layers that become 8-bit integers, if any.
    pub(crate) quantization: Option<QuantizationConfig>,
    /// Names of metrics beside those of the target.
    pub(crate) metrics: Vec<&'a str>,
    pub(crate) parts: &'a Parts,
    pub(crate) train: &'a TrainConfig,
    /// Seed of new parameters.
    pub(crate) seed: u64,
}

impl TaskSource<'_> {
    /// Checks the labels of the splits and augments the training rows; validation rows are used only
    /// if the run evaluates.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a split has no rows or a label is invalid.
    /// - [`TrainError::Data`] if a setting of the augmentation is out of range.
    pub(crate) fn splits(
        splits: Splits,
        augmentation: Option<&AugmentationConfig>,
        train: &TrainConfig,
    ) -> Result<UsedSplits, TrainError> {
        let splits = UsedSplits::new(splits, train.evaluation.is_some())?;
        match augmentation {
            Some(config) => Ok(splits.augmented(config, train.seed)?),
            None => Ok(splits),
        }
    }

    /// Loads the model, cleans and tokenizes the texts, and checks that they fit each other. The
    /// model is without adapters.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting does not fit the data or the checkpoint.
    /// - [`TrainError::Model`] if the checkpoint cannot be loaded, or a head returns outputs of the
    ///   wrong shape.
    /// - [`TrainError::Predict`] if the tokenizer or `max_length` does not fit the checkpoint.
    /// - [`TrainError::Data`] if a text cannot be tokenized.
    /// - [`TrainError::InvalidLabel`] if a label is not valid for the loss.
    /// - [`TrainError::Eval`] if a metric is unknown or does not fit the labels.
    pub(crate) fn load(
        self,
        tokenizer: &TextTokenizer,
        device: &Device,
    ) -> Result<(SequenceClassificationTask, SequenceClassifier, LoadReport), TrainError> {
        let Self {
            directory,
            splits,
            text,
            parts,
            ..
        } = self;
        let pairs: PairEncoding = text.encoding.pair_encoding;
        let schema = &splits.train.schema;
        let mut checkpoint = CheckpointConfig::read(&directory)?;
        checkpoint.dtype = self.train.save_dtype;
        let classifier = self.model.classifier(&checkpoint, schema, pairs)?;
        let bins = classifier.head.score_bins()?;
        let loss = match self.loss {
            Some(loss) => loss.for_labels(&schema.target),
            None => default_loss(&schema.target, bins),
        };
        if let Some(threshold) = &self.threshold {
            threshold.check(&schema.target, splits.has_validation())?;
        }
        let single_logit = self.model.single_logit;
        check_label_fit(&classifier.head, single_logit, &loss, &schema.target)?;
        let head = parts.head.as_ref();
        let (model, report) =
            load_with(self.model, &directory, &classifier, head, self.seed, device)?;
        ClassifierOverrides::check_head(&model, schema, pairs)?;
        if let Some(calibration) = &self.calibration {
            let (outputs, has_validation) = (model.num_labels(), splits.has_validation());
            calibration.check(&schema.target, outputs, has_validation)?;
        }
        if let Some(quantization) = &self.quantization {
            quantization.check(device, &schema.target, splits.has_validation())?;
        }
        text.check_fit(&directory, tokenizer, &checkpoint.encoder)?;
        let data = splits.encode(&text, tokenizer)?;
        let labels = data.train.tokens.labels.all()?;
        let loss = loss.init_with_bins(parts, &labels, model.num_labels(), bins)?;
        let target = &data.train.dataset.schema.target;
        let evaluator: Evaluator = evaluator(target, &parts.metrics, self.metrics)?;
        let mut task = SequenceClassificationTask::new(data.train.tokens.clone(), loss)
            .evaluator(evaluator)
            .threshold(self.threshold.unwrap_or_default())
            .calibration(self.calibration)
            .quantization(self.quantization)
            .eval_batch_size(self.train.eval_batch_size);
        if let Some(split) = &data.validation {
            task = task.validation(Arc::clone(&split.tokens));
        }
        let source = Source {
            directory,
            data,
            tokenizer: tokenizer.clone(),
            checkpoint,
            text,
            plans: CachePlans::default(),
        };
        Ok((task.with_source(source), model, report))
    }
}

/// Loads a classifier with the encoder of a checkpoint, with the head and the layers that the settings
/// say.
///
/// # Errors
/// - [`TrainError::Model`] if the checkpoint cannot be loaded, or has no such layer.
pub(crate) fn load_with(
    settings: &ClassifierOverrides,
    directory: &Path,
    classifier: &SequenceClassifierConfig,
    head: Option<&CustomHead>,
    seed: u64,
    device: &Device,
) -> Result<(SequenceClassifier, LoadReport), TrainError> {
    let load = match settings.new_head {
        true => load_encoder_with_new_head,
        false => load_classifier_with,
    };
    let (model, report) = load(directory, classifier, head, seed, device)?;
    match &settings.layers {
        Some(layers) => Ok((model.with_layers(layers)?, report)),
        None => Ok((model, report)),
    }
}

/// Returns the loss of a task without one in its settings: cross entropy for classes and for scores
/// in bins, binary cross entropy for any number of classes, mean squared error for other scores.
fn default_loss(target: &Target, bins: Option<ScoreBins>) -> LossConfig {
    match (target, bins) {
        (Target::Score { .. }, None) => LossConfig::Mse {},
        _ => LossConfig::default().for_labels(target),
    }
}
