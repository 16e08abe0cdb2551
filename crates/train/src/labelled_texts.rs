//! Training a classifier on labelled texts.

use burn::tensor::Tensor;
use finetune_data::{Batch, BatchSize, EncodedDataset, Padding, collate};
use finetune_eval::{ClassificationReport, ConfusionMatrix};
use finetune_model::{DropoutStream, SequenceClassifier};

use crate::activations::{BatchInputs, FrozenActivations, constant_stages};
use crate::device_batch::check_autodiff;
use crate::metric::{Metric, Scores};
use crate::objective::{BatchCounts, Objective};
use crate::observer::{Observer, Phase};
use crate::predict::{PredictedRows, Predictions};
use crate::{Loss, TrainConfig, TrainError};

/// Labelled texts for a [`SequenceClassifier`].
#[derive(Debug, Clone, Copy)]
pub struct LabelledTexts<'a> {
    /// What is trained on.
    pub train: &'a EncodedDataset,
    /// What the model is measured on while it trains.
    pub validation: Option<&'a EncodedDataset>,
    /// What a frozen part makes of the training rows; nothing if it is computed in each step.
    pub train_activations: Option<&'a FrozenActivations>,
    /// The same of the rows that the model is measured on.
    pub validation_activations: Option<&'a FrozenActivations>,
    /// What is made small.
    pub loss: &'a Loss,
    /// Fills the rows of a batch up to the longest.
    pub pad_token_id: u32,
    /// How far.
    pub padding: Padding,
    /// Rows, or tokens, of a prediction batch.
    pub eval_batch_size: BatchSize,
}

impl Objective for LabelledTexts<'_> {
    type Model = SequenceClassifier;
    type Batch = Batch;

    fn check(&self, model: &SequenceClassifier, config: &TrainConfig) -> Result<(), TrainError> {
        let (classes, expected) = (model.classes(), self.train.class_names().len());
        if classes != expected {
            let expected = format!("those of the data, {expected}");
            return Err(TrainError::setting(
                "classes of the model",
                classes,
                expected,
            ));
        }
        self.check_activations(model, config)?;
        check_autodiff(&model.encoder)
    }

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        Ok(self.train.lengths()?)
    }

    fn examples(&self, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
        let texts = rows.iter().map(|row| self.train.texts.text_of_row(*row));
        Ok(texts.collect::<Result<_, _>>()?)
    }

    fn batch(&self, rows: &[usize], _epoch: u64) -> Result<Batch, TrainError> {
        Ok(collate(self.train, rows, self.padding, self.pad_token_id)?)
    }

    fn size(&self, batch: &Batch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.size(),
            slots: batch.slots(),
            padded_slots: batch.padded_slots(),
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

    fn metrics(&self) -> &[Metric] {
        match self.validation {
            Some(_) => &[Metric::Loss, Metric::Accuracy, Metric::MacroF1],
            None => &[],
        }
    }

    fn evaluate(
        &self,
        model: &SequenceClassifier,
        observer: &mut dyn Observer,
    ) -> Result<Scores, TrainError> {
        let Some(data) = self.validation else {
            return Ok(Scores::new());
        };
        let rows = PredictedRows {
            data,
            activations: self.validation_activations,
            pad_token_id: self.pad_token_id,
            batch_size: self.eval_batch_size,
        };
        let predictions = rows.predict(Phase::Validating, model, observer)?;
        self.scores(data, &predictions)
    }
}

impl<'a> LabelledTexts<'a> {
    /// Rows to train on, padded to the longest of a batch, and none to measure on.
    pub fn new(train: &'a EncodedDataset, loss: &'a Loss, pad_token_id: u32) -> Self {
        Self {
            train,
            validation: None,
            train_activations: None,
            validation_activations: None,
            loss,
            pad_token_id,
            padding: Padding::Longest,
            eval_batch_size: TrainConfig::default().eval_batch_size,
        }
    }

    /// What is kept must be of a part that stays as it is.
    fn check_activations(
        &self,
        model: &SequenceClassifier,
        config: &TrainConfig,
    ) -> Result<(), TrainError> {
        let constant = constant_stages(model, config);
        let kept = self
            .train_activations
            .iter()
            .chain(&self.validation_activations);
        for activations in kept {
            let stages = model.stages_below(activations.cut());
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

    fn scores(
        &self,
        data: &EncodedDataset,
        predictions: &Predictions,
    ) -> Result<Scores, TrainError> {
        let labels = data.labels.all()?;
        let loss = self.loss.mean(&predictions.logits, &labels)?;
        let mut scores = Scores::from([(Metric::Loss, loss)]);
        if let Some(classes) = labels.classes() {
            let predicted = predictions.classes();
            let matrix = ConfusionMatrix::from_slices(classes, &predicted, data.class_names())?;
            let report = ClassificationReport::from_confusion_matrix(&matrix)?;
            scores.insert(Metric::Accuracy, report.accuracy);
            scores.insert(Metric::MacroF1, report.macro_f1);
        }
        Ok(scores)
    }
}
