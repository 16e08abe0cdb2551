//! Masked language modeling, the objective of BERT's pre-training
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805), section 3.1) and of further
//! pre-training on the texts of a task
//! ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4).

use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::{
    BatchSize, EncodedTexts, MaskedBatch, MlmCollator, Padding, TextTokenizer, sorted_by_length,
};
use finetune_eval::{Better, Scores};
use finetune_model::{CheckpointConfig, DropoutStream, EncoderModel, MaskedLm, save_masked_lm};
use finetune_ops::{Precision, cross_entropy};
use finetune_predict::encoder_input;

use super::{Task, check_autodiff};
use crate::callback::{Callback, Event, Phase};
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::report::DataSection;
use crate::text_config::EncodedSplit;
use crate::train_config::TrainConfig;

/// Training of a [`MaskedLm`] on masked texts; made by [`PreTraining`](crate::PreTraining).
#[derive(Debug)]
pub struct MaskedLmTask {
    pub(crate) train: EncodedSplit,
    /// Their masked tokens are the same in every evaluation.
    pub(crate) validation: Option<EncodedSplit>,
    /// Masks are resampled every epoch.
    pub(crate) collator: MlmCollator,
    pub(crate) padding: Padding,
    pub(crate) eval_batch_size: BatchSize,
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) checkpoint: CheckpointConfig,
}

/// Epoch number of the masks for evaluation, which training never reaches.
const EVALUATION_EPOCH: u64 = u64::MAX;

impl Task for MaskedLmTask {
    type Model = MaskedLm;
    type Batch = MaskedBatch;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        Ok(self.texts().lengths()?)
    }

    fn batch(&self, rows: &[usize], epoch: u64) -> Result<MaskedBatch, TrainError> {
        Ok(self
            .collator
            .mask(self.texts(), rows, epoch, self.padding)?)
    }

    fn size(&self, batch: &MaskedBatch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.rows.len(),
            num_tokens: batch.tokens.num_tokens(),
            num_padding_tokens: batch.tokens.num_padding_tokens(),
            weight: batch.masked_positions.len() as f64,
        })
    }

    fn loss(
        &self,
        model: &MaskedLm,
        batch: &MaskedBatch,
        divisor: f64,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        if batch.masked_positions.is_empty() {
            // No token can be masked, such as in texts of only unknown words: loss and gradients
            // are 0.
            return Ok(model.head.bias.val().sum() * 0.0);
        }
        loss_of(model, batch, divisor, Some(dropout))
    }

    fn check(&self, model: &MaskedLm, _config: &TrainConfig) -> Result<(), TrainError> {
        check_autodiff(&model.encoder)
    }

    fn in_precision(&self, model: MaskedLm, precision: Precision) -> MaskedLm {
        model.with_precision(precision)
    }

    fn examples(&self, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
        let texts = rows.iter().map(|row| self.texts().text_of_row(*row));
        Ok(texts.collect::<Result<_, _>>()?)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        let metrics = [
            ("loss", Better::Lower),
            ("perplexity", Better::Lower),
            ("accuracy", Better::Higher),
        ];
        match self.validation {
            Some(_) => metrics
                .map(|(name, better)| (name.to_string(), better))
                .into(),
            None => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &MaskedLm,
        callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        let Some(split) = &self.validation else {
            return Ok(Scores::new());
        };
        let (loss, accuracy) = self.masked_scores(&split.tokens.texts, model, callback)?;
        let scores = [
            ("loss", loss),
            ("perplexity", loss.exp()),
            ("accuracy", accuracy),
        ];
        Ok(scores.map(|(name, score)| (name.to_string(), score)).into())
    }

    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        let validation = self.validation.as_ref();
        Ok(Some(DataSection {
            class_names: Vec::new(),
            train: self.train.section()?,
            validation: validation.map(EncodedSplit::section).transpose()?,
            test: None,
        }))
    }

    /// Saves the model with its masked-language-model head and the tokenizer.
    fn save(&self, model: &MaskedLm, directory: &Path) -> Result<(), TrainError> {
        save_masked_lm(directory, &model.valid(), &self.checkpoint)?;
        Ok(self.tokenizer.save(directory)?)
    }
}

impl MaskedLmTask {
    fn texts(&self) -> &EncodedTexts {
        &self.train.tokens.texts
    }

    /// Returns the mean loss per masked token of `texts`, with the same masks each time, and the
    /// fraction of them that the model predicts.
    fn masked_scores(
        &self,
        texts: &EncodedTexts,
        model: &MaskedLm,
        callback: &mut dyn Callback,
    ) -> Result<(f64, f64), TrainError> {
        let model = model.valid();
        let batches = sorted_by_length(&texts.lengths()?, self.eval_batch_size)?;
        let phase = Phase::Validating;
        callback.on_event(&Event::phase_begin(phase, batches.len()))?;
        let (mut sum, mut correct, mut masked_tokens) = (0.0, 0.0, 0);
        for rows in batches {
            let batch = (self.collator).mask(texts, &rows, EVALUATION_EPOCH, self.padding)?;
            if !batch.masked_positions.is_empty() {
                let logits = logits_of(&model, &batch, None)?;
                correct += correct_predictions(logits.clone(), &batch.labels);
                let loss = cross_entropy(logits, &classes_of(&batch.labels), 1.0);
                sum += f64::from(loss.into_scalar::<f32>());
                masked_tokens += batch.masked_positions.len();
            }
            callback.on_event(&Event::BatchSubmitted { rows: rows.len() })?;
        }
        callback.on_event(&Event::PhaseEnd(phase))?;
        let count = masked_tokens as f64;
        Ok((sum / count, correct / count))
    }
}

/// Returns the sum of the losses of a batch's masked tokens, divided by `divisor`.
fn loss_of(
    model: &MaskedLm,
    batch: &MaskedBatch,
    divisor: f64,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<1>, TrainError> {
    let logits = logits_of(model, batch, dropout)?;
    Ok(cross_entropy(logits, &classes_of(&batch.labels), divisor))
}

/// Returns the logits of the masked tokens over the vocabulary.
fn logits_of(
    model: &MaskedLm,
    batch: &MaskedBatch,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<2>, TrainError> {
    let input = encoder_input(&model.encoder, batch.rows.len(), &batch.tokens)?;
    Ok(model.forward(&input, &batch.masked_positions, dropout)?)
}

fn classes_of(labels: &[u32]) -> Vec<usize> {
    labels.iter().map(|word| *word as usize).collect()
}

fn correct_predictions(logits: Tensor<2>, labels: &[u32]) -> f64 {
    let predicted = logits.argmax(1).into_data();
    let predicted = predicted.iter::<i64>().zip(labels);
    predicted
        .filter(|(word, label)| *word == i64::from(**label))
        .count() as f64
}
