//! Training of a classifier on labeled texts.

use burn::tensor::Tensor;
use finetune_data::{Batch, BatchSize, EncodedDataset, Padding, Target, collate};
use finetune_eval::{Better, Evaluator};
use finetune_model::{DropoutStream, EncoderModel, SequenceClassifier};
use finetune_ops::Precision;

use crate::activations::{BatchInputs, CachedActivations, deterministic_stages};
use crate::callback::{Callback, Phase};
use crate::device_batch::check_autodiff;
use crate::evaluation::Evaluation;
use crate::objective::{BatchCounts, Objective, Part};
use crate::predict::PredictedRows;
use crate::scoring::{directions, scores_of, target_kind};
use crate::{Criterion, TrainConfig, TrainError};

/// Objective that trains a [`SequenceClassifier`] on labeled texts.
#[derive(Debug, Clone)]
pub struct LabeledTexts<'a> {
    /// Training rows.
    pub train: &'a EncodedDataset,
    /// Validation rows.
    pub validation: Option<&'a EncodedDataset>,
    /// Cached activations of frozen layers for the training rows; `None` to compute them in each
    /// step.
    pub train_activations: Option<&'a CachedActivations>,
    /// Cached activations for the validation rows.
    pub validation_activations: Option<&'a CachedActivations>,
    /// Training loss.
    pub loss: &'a Criterion,
    /// Metrics of the evaluations.
    pub evaluator: Evaluator,
    /// Id of the padding token.
    pub pad_token_id: u32,
    /// Length to which the rows of a batch are padded.
    pub padding: Padding,
    /// Maximum rows or tokens per evaluation batch.
    pub eval_batch_size: BatchSize,
}

impl Objective for LabeledTexts<'_> {
    type Model = SequenceClassifier;
    type Batch = Batch;

    fn in_precision(&self, model: SequenceClassifier, precision: Precision) -> SequenceClassifier {
        model.with_precision(precision)
    }

    fn check(&self, model: &SequenceClassifier, config: &TrainConfig) -> Result<(), TrainError> {
        self.check_outputs(model.num_labels())?;
        self.check_activations(model, config)?;
        check_autodiff(&model.encoder)
    }

    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
        Ok(vec![self.train.lengths()?])
    }

    fn examples(&self, part: &Part) -> Result<Vec<usize>, TrainError> {
        let texts = part
            .rows
            .iter()
            .map(|row| self.train.texts.text_of_row(*row));
        Ok(texts.collect::<Result<_, _>>()?)
    }

    fn batch(&self, part: &Part) -> Result<Batch, TrainError> {
        Ok(collate(
            self.train,
            &part.rows,
            self.padding,
            self.pad_token_id,
        )?)
    }

    fn size(&self, batch: &Batch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.batch_size(),
            slots: batch.num_tokens(),
            num_padding_tokens: batch.num_padding_tokens(),
            weight: self.loss.weight(&batch.labels)?,
        })
    }

    fn loss(
        &self,
        model: &SequenceClassifier,
        batch: &Batch,
        divisor: f64,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let inputs = BatchInputs::new(model, batch, self.train_activations)?;
        let outputs = inputs.forward(model, Some(dropout))?;
        self.loss.loss(outputs, &batch.labels, divisor)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        match self.validation {
            Some(_) => directions(&self.evaluator),
            None => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &SequenceClassifier,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError> {
        let Some(data) = self.validation else {
            return Ok(Evaluation::default());
        };
        let rows = PredictedRows {
            data,
            activations: self.validation_activations,
            pad_token_id: self.pad_token_id,
            batch_size: self.eval_batch_size,
        };
        let mut predictions = rows
            .predict(Phase::Validating, model, callback)?
            .predictions;
        let scores = scores_of(data, self.loss, &self.evaluator, &mut predictions)?;
        Ok(scores.into())
    }
}

impl<'a> LabeledTexts<'a> {
    /// Creates an objective without validation rows, which pads each batch to its longest row.
    pub fn new(train: &'a EncodedDataset, loss: &'a Criterion, pad_token_id: u32) -> Self {
        Self {
            train,
            validation: None,
            train_activations: None,
            validation_activations: None,
            loss,
            evaluator: Evaluator::new(target_kind(&train.task.target)),
            pad_token_id,
            padding: Padding::Longest,
            eval_batch_size: TrainConfig::default().eval_batch_size,
        }
    }

    /// Checks the number of outputs: one per class, or 1 for two classes or scores.
    fn check_outputs(&self, found: usize) -> Result<(), TrainError> {
        let expected = match &self.train.task.target {
            Target::Classes(names) if names.len() == 2 && found == 1 => 1,
            Target::Classes(names) => names.len(),
            Target::Score { .. } | Target::Unlabeled => 1,
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
        let kept = self
            .train_activations
            .iter()
            .chain(&self.validation_activations);
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
}
