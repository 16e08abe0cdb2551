//! Classification or regression of texts and of pairs of texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Tensor;
use finetune_data::{Batch, BatchSize, EncodedDataset, Labels, Target, TextTokenizer, collate};
use finetune_eval::{Better, Evaluator, Predictions, Scores, Thresholds};
use finetune_model::{CheckpointConfig, DropoutStream, EncoderModel, SequenceClassifier};
use finetune_ops::{Precision, Upload};
use finetune_predict::{Calibration, Int8Report, TextPreprocessing, target_kind};

use super::save::{save_tokenizer, save_with_adapter};
use super::{Task, TestOutput, check_autodiff};
use crate::activations::{
    ActivationCacheConfig, CachePlans, CachedActivations, CachedSplits, deterministic_stages,
    forward_with,
};
use crate::calibration_config::CalibrationConfig;
use crate::callback::{Callback, Phase};
use crate::decision_threshold::DecisionThreshold;
use crate::encoded_splits::Data;
use crate::error::TrainError;
use crate::loss::{Criterion, targets};
use crate::objective::BatchCounts;
use crate::predicted_rows::PredictedRows;
use crate::predicted_rows::{directions, scores_of};
use crate::quantization_config::{LabeledRows, QuantizationConfig};
use crate::report::{ActivationsSection, DataSection, TestSection};
use crate::run_files::prediction_lines;
use crate::text_config::{EncodedSplit, TextConfig};
use crate::train_config::TrainConfig;

/// Training of a [`SequenceClassifier`] on texts with labels.
///
/// [`FineTuning`](crate::FineTuning) makes one from files. [`Self::new`] makes one from encoded
/// rows, for a [`Trainer`](crate::Trainer) of your own.
#[derive(Debug)]
pub struct SequenceClassificationTask {
    train: Arc<EncodedDataset>,
    validation: Option<Arc<EncodedDataset>>,
    kept: CachedSplits,
    loss: Criterion,
    evaluator: Evaluator,
    threshold: DecisionThreshold,
    calibration: Option<CalibrationConfig>,
    quantization: Option<QuantizationConfig>,
    /// Rules of the model at the end of training.
    fitted: Option<FittedRules>,
    eval_batch_size: BatchSize,
    source: Option<Source>,
}

/// What is applied to the outputs of a model: given, or fitted on the validation rows.
#[derive(Debug, Clone, Default)]
struct FittedRules {
    thresholds: Thresholds,
    calibration: Option<Calibration>,
    int8: Option<Int8Report>,
}

/// What a task of a run was made from, and what is saved with its model.
#[derive(Debug)]
pub(super) struct Source {
    /// Checkpoint directory.
    pub(super) directory: PathBuf,
    pub(super) data: Data,
    pub(super) tokenizer: TextTokenizer,
    pub(super) checkpoint: CheckpointConfig,
    pub(super) text: TextConfig,
    pub(super) plans: CachePlans,
}

impl SequenceClassificationTask {
    /// Creates a task without validation rows.
    pub fn new(train: impl Into<Arc<EncodedDataset>>, loss: Criterion) -> Self {
        let train = train.into();
        Self {
            evaluator: Evaluator::new(target_kind(&train.schema.target)),
            train,
            validation: None,
            kept: CachedSplits::default(),
            loss,
            threshold: DecisionThreshold::default(),
            calibration: None,
            quantization: None,
            fitted: None,
            eval_batch_size: TrainConfig::default().eval_batch_size,
            source: None,
        }
    }

    /// Sets the validation rows.
    pub fn validation(mut self, rows: impl Into<Arc<EncodedDataset>>) -> Self {
        self.validation = Some(rows.into());
        self
    }

    /// Sets cached activations of frozen layers for the training rows and for the validation rows
    /// (default: they are computed in each step).
    pub fn activations(
        mut self,
        train: Option<CachedActivations>,
        validation: Option<CachedActivations>,
    ) -> Self {
        self.kept.of.train = train;
        self.kept.of.validation = validation;
        self
    }

    /// Sets the metrics of the evaluations (default: those of the target).
    pub fn evaluator(mut self, evaluator: Evaluator) -> Self {
        self.evaluator = evaluator;
        self
    }

    /// Sets the thresholds of multi-label classification (default: 0.5).
    pub fn threshold(mut self, threshold: DecisionThreshold) -> Self {
        self.threshold = threshold;
        self
    }

    /// Sets the calibration of the probabilities after training (default: none).
    pub fn calibration(mut self, calibration: Option<CalibrationConfig>) -> Self {
        self.calibration = calibration;
        self
    }

    /// Sets the choice of layers that become 8-bit integers, after training (default: none).
    pub fn quantization(mut self, quantization: Option<QuantizationConfig>) -> Self {
        self.quantization = quantization;
        self
    }

    /// Sets the maximum number of rows or tokens of an evaluation batch.
    pub fn eval_batch_size(mut self, size: BatchSize) -> Self {
        self.eval_batch_size = size;
        self
    }

    /// Makes it a task of a run.
    pub(super) fn with_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Plans the cache of the activations of frozen layers, which [`Task::begin_run`] computes.
    ///
    /// # Errors
    /// - [`TrainError::Activations`] if they exceed the maximum size.
    pub(crate) fn plan_activations(
        &mut self,
        cache: &ActivationCacheConfig,
        model: &SequenceClassifier,
        config: &TrainConfig,
    ) -> Result<(), TrainError> {
        if let Some(source) = &mut self.source {
            source.plans = CachePlans::new(cache, model, config, source.data.of_splits())?;
        }
        Ok(())
    }

    /// Returns the target of the labels: classes or scores.
    pub fn target(&self) -> &Target {
        &self.train.schema.target
    }

    /// Returns the training rows.
    pub(crate) fn training_rows(&self) -> &EncodedDataset {
        &self.train
    }

    /// Returns the loss of the labels.
    pub(crate) fn criterion(&self) -> &Criterion {
        &self.loss
    }

    /// Returns how the texts were prepared; `None` for a task made from encoded rows.
    pub(crate) fn text_config(&self) -> Option<&TextConfig> {
        Some(&self.source.as_ref()?.text)
    }

    /// Returns whether activations of frozen layers are cached, or will be.
    pub(crate) fn caches_activations(&self) -> bool {
        let planned = |source: &Source| source.plans.caches_training_rows();
        self.kept.of.train.is_some() || self.source.as_ref().is_some_and(planned)
    }

    /// Returns whether there are validation rows.
    pub(crate) fn has_validation(&self) -> bool {
        self.validation.is_some()
    }

    /// Returns the tokenizer of a task of a run; `None` for a task made from encoded rows.
    pub fn tokenizer(&self) -> Option<&TextTokenizer> {
        Some(&self.source.as_ref()?.tokenizer)
    }

    /// Returns how the texts were cleaned and encoded, the thresholds of multi-label classification
    /// and the calibration; `None` for a task made from encoded rows. What is fitted on the validation
    /// rows is known at the end of training.
    pub fn preprocessing(&self) -> Option<TextPreprocessing> {
        match &self.fitted {
            Some(fitted) => self.preprocessing_with(fitted),
            None => self.preprocessing_with(&FittedRules {
                thresholds: self.threshold.fixed().cloned().unwrap_or_default(),
                ..FittedRules::default()
            }),
        }
    }

    fn preprocessing_with(&self, rules: &FittedRules) -> Option<TextPreprocessing> {
        let source = self.source.as_ref()?;
        Some(TextPreprocessing {
            texts: self.train.schema.texts,
            cleaning: source.text.cleaning.clone(),
            encoding: source.text.encoding,
            threshold: self.is_multi_label().then(|| rules.thresholds.clone()),
            calibration: rules.calibration,
            int8: rules.int8.as_ref().map(Int8Report::config),
            ..TextPreprocessing::default()
        })
    }

    fn is_multi_label(&self) -> bool {
        matches!(self.target(), Target::MultiLabel(_))
    }

    /// Returns the rules for a model: the thresholds of the settings, or those with the highest F1 on the
    /// validation rows, and the calibration on these rows.
    fn rules_of(
        &self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<FittedRules, TrainError> {
        if let Some(fitted) = &self.fitted {
            return Ok(fitted.clone());
        }
        let given = self.threshold.fixed().cloned();
        let data = match &self.validation {
            Some(data) if self.fits_rules() => data,
            _ => {
                return Ok(FittedRules {
                    thresholds: given.unwrap_or_default(),
                    ..FittedRules::default()
                });
            }
        };
        let predictions = self.predict_validation(data, model, callback)?;
        let fit = |calibration: &CalibrationConfig| calibration.fit(data, &predictions);
        let thresholds = given.map_or_else(|| tuned_on(data, &predictions), Ok)?;
        let choose = |quantization: &QuantizationConfig| {
            quantization.fit(model, self.labeled_rows(data, &thresholds))
        };
        let int8 = self.quantization.as_ref().map(choose).transpose()?;
        Ok(FittedRules {
            calibration: self.calibration.as_ref().map(fit).transpose()?,
            int8,
            thresholds,
        })
    }

    /// Returns whether anything is fitted on the validation rows after training.
    fn fits_rules(&self) -> bool {
        let fits_more = self.calibration.is_some() || self.quantization.is_some();
        self.threshold.fixed().is_none() || fits_more
    }

    fn labeled_rows<'a>(
        &self,
        data: &'a EncodedDataset,
        thresholds: &Thresholds,
    ) -> LabeledRows<'a> {
        LabeledRows {
            data,
            thresholds: thresholds.clone(),
            batch_size: self.eval_batch_size,
        }
    }

    fn predict_validation(
        &self,
        data: &EncodedDataset,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Predictions, TrainError> {
        let rows = self.rows_to_predict(data, self.kept.of.validation.as_ref());
        Ok(rows
            .predict(Phase::Validating, model, callback)?
            .predictions)
    }

    /// Checks the number of outputs: one per class or score bin, or 1 for two classes or a score.
    fn check_outputs(&self, model: &SequenceClassifier) -> Result<(), TrainError> {
        let found = model.num_labels();
        let bins = model.config().head.score_bins()?;
        let expected = match self.target() {
            Target::Classes(names) if names.len() == 2 && found == 1 => 1,
            Target::Classes(names) | Target::MultiLabel(names) => names.len(),
            Target::Score { .. } => bins.map_or(1, |bins| bins.count()),
            _ => 1,
        };
        if found == expected {
            return Ok(());
        }
        let expected = format!("those of the data, {expected}");
        Err(TrainError::setting("classes of the model", found, expected))
    }

    /// Checks that the cached activations are those of layers that stay frozen and have no dropout.
    fn check_activations(
        &self,
        model: &SequenceClassifier,
        config: &TrainConfig,
    ) -> Result<(), TrainError> {
        let constant = deterministic_stages(model, config);
        let kept = self.kept.of.train.iter().chain(&self.kept.of.validation);
        for activations in kept {
            let stages = model.stages_below(activations.split_point());
            if stages > constant {
                return Err(TrainError::setting(
                    "activations",
                    format!("kept of {stages} stages"),
                    format!("of {constant}: the others train or have dropout"),
                ));
            }
        }
        Ok(())
    }

    fn rows_to_predict<'a>(
        &self,
        data: &'a EncodedDataset,
        activations: Option<&'a CachedActivations>,
    ) -> PredictedRows<'a> {
        PredictedRows {
            data,
            activations,
            batch_size: self.eval_batch_size,
        }
    }

    fn test_split(
        &self,
        split: &EncodedSplit,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<TestOutput, TrainError> {
        let rows = self.rows_to_predict(&split.tokens, self.kept.of.test.as_ref());
        let mut output = rows.predict(Phase::Testing, model, callback)?;
        let rules = self.rules_of(model, callback)?;
        output.predictions.thresholds = rules.thresholds.clone();
        let mut report = TestSection::new(&mut output, split, &self.loss, &self.evaluator)?;
        let (labels, class_names) = (split.tokens.labels.all()?, split.dataset.class_names());
        if let (Some(calibration), Labels::Classes(labels)) = (rules.calibration, &labels) {
            let logits = &output.predictions.logits;
            report.calibrated = Some(calibration.report(logits, labels)?);
        }
        if let Some(chosen) = &rules.int8 {
            let rows = self.labeled_rows(&split.tokens, &rules.thresholds);
            report.int8 = Some(rows.score(model, &chosen.config())?);
        }
        Ok(TestOutput {
            report,
            lines: prediction_lines(&output.predictions, &labels, class_names)?,
            labels,
            class_names: class_names.to_vec(),
            predictions: output.predictions,
        })
    }
}

impl Task for SequenceClassificationTask {
    type Model = SequenceClassifier;
    type Batch = Batch;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        Ok(self.train.lengths()?)
    }

    fn batch(&self, rows: &[usize], _epoch: u64) -> Result<Batch, TrainError> {
        Ok(collate(&self.train, rows)?)
    }

    fn size(&self, batch: &Batch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.batch_size(),
            num_tokens: batch.num_tokens(),
            weight: self.loss.weight(&batch.labels)?,
        })
    }

    fn loss(
        &self,
        model: &SequenceClassifier,
        batch: &Batch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let mut upload = Upload::default();
        let targets = self.loss.pack(&batch.labels, step.weight, &mut upload)?;
        let kept = self.kept.of.train.as_ref();
        let (outputs, uploaded) = forward_with(model, batch, kept, upload, Some(dropout))?;
        let targets = targets.as_ref().map(|part| (part, &uploaded));
        self.loss
            .loss_of(outputs, &batch.labels, targets, step.weight)
    }

    fn check(&self, model: &SequenceClassifier, config: &TrainConfig) -> Result<(), TrainError> {
        self.check_outputs(model)?;
        self.check_activations(model, config)?;
        check_autodiff(&model.encoder)
    }

    fn in_precision(&self, model: SequenceClassifier, precision: Precision) -> SequenceClassifier {
        model.with_precision(precision)
    }

    fn with_gradient_checkpointing(
        &self,
        model: SequenceClassifier,
        enabled: bool,
    ) -> SequenceClassifier {
        model.with_gradient_checkpointing(enabled)
    }

    fn examples(&self, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
        let texts = rows.iter().map(|row| self.train.texts.text_of_row(*row));
        Ok(texts.collect::<Result<_, _>>()?)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        match self.has_validation() {
            true => directions(&self.evaluator),
            false => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        let Some(data) = &self.validation else {
            return Ok(Scores::new());
        };
        let mut predictions = self.predict_validation(data, model, callback)?;
        predictions.thresholds = match self.threshold.fixed() {
            Some(given) => given.clone(),
            None => tuned_on(data, &predictions)?,
        };
        scores_of(data, &self.loss, &self.evaluator, &mut predictions)
    }

    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        let source = self.source.as_ref();
        source
            .map(|source| source.data.section(&source.tokenizer))
            .transpose()
    }

    fn begin_run(
        &mut self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Option<ActivationsSection>, TrainError> {
        let Some(Source { data, plans, .. }) = &self.source else {
            return Ok(None);
        };
        let size = self.eval_batch_size;
        self.kept = plans.compute(model, data.of_splits(), size, callback)?;
        Ok(self.kept.section)
    }

    /// Tunes the thresholds of multi-label classification, calibrates the probabilities and chooses the layers
    /// that become 8-bit integers, if the settings say so.
    fn end_training(
        &mut self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        if self.fits_rules() {
            self.fitted = Some(self.rules_of(model, callback)?);
        }
        Ok(())
    }

    /// Saves the classifier with its tokenizer, text preprocessing, thresholds and calibration. Adapters are merged, as
    /// predictions need it, and saved in the layout of PEFT beside it, in `adapter`.
    fn save(&self, model: &SequenceClassifier, directory: &Path) -> Result<(), TrainError> {
        let Some(source) = &self.source else {
            return Ok(());
        };
        // A snapshot has rules of its own.
        let rules = self.rules_of(model, &mut ())?;
        save_with_adapter(model, &source.checkpoint, &source.directory, directory)?;
        let (texts, encoding) = (self.train.schema.texts, &source.text.encoding);
        save_tokenizer(&source.tokenizer, texts, encoding, directory)?;
        match self.preprocessing_with(&rules) {
            Some(preprocessing) => Ok(preprocessing.save(directory)?),
            None => Ok(()),
        }
    }

    fn test(
        &self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Option<TestOutput>, TrainError> {
        let split = self
            .source
            .as_ref()
            .and_then(|source| source.data.test.as_ref());
        split
            .map(|split| self.test_split(split, model, callback))
            .transpose()
    }
}

/// Returns the thresholds with the highest F1 on the rows of predictions.
fn tuned_on(data: &EncodedDataset, predictions: &Predictions) -> Result<Thresholds, TrainError> {
    let targets = targets(&data.labels.all()?, predictions.len());
    // The thresholds of the predictions do not matter here.
    Ok(Thresholds::best_f1(&predictions.label_sets(&targets)?)?)
}
