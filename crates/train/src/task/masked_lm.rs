//! Masked language modeling, the objective of BERT's pre-training
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805), section 3.1) and of further
//! pre-training on the texts of a task
//! ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4). Next-sentence prediction may
//! be trained beside it: then the rows are sentence pairs, and the loss is the sum of both means, as
//! in transformers' `BertForPreTraining`.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::{
    BatchSize, EncodedTexts, MaskedBatch, MlmCollator, Split, TextTokenizer, sorted_by_length,
};
use finetune_eval::{Better, Scores};
use finetune_model::{CheckpointConfig, DropoutStream, EncoderModel, MaskedLm, save_masked_lm};
use finetune_ops::Precision;

use super::masked_lm_batch::{LabeledBatch, Measurements};
use super::{Task, check_autodiff};
use crate::callback::{Callback, Event, Phase};
use crate::error::TrainError;
use crate::next_sentence::NextSentenceConfig;
use crate::objective::BatchCounts;
use crate::report::{DataSection, DataStatistics};
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
    pub(crate) eval_batch_size: BatchSize,
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) checkpoint: CheckpointConfig,
    /// If set, the rows are sentence pairs with their classes, and the model has a next-sentence
    /// head.
    pub(crate) next_sentence: Option<NextSentenceConfig>,
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
        Ok(self.collator.mask(self.texts(), rows, epoch)?)
    }

    fn size(&self, batch: &MaskedBatch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.rows.len(),
            num_tokens: batch.tokens.num_tokens(),
            weight: batch.masked_positions.len() as f64,
        })
    }

    fn loss(
        &self,
        model: &MaskedLm,
        batch: &MaskedBatch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let labels = self.next_sentence_labels(&self.train, &batch.rows)?;
        let found = LabeledBatch::new(model, batch, &labels, Some(dropout))?;
        let masked_lm = found.masked_lm.map(|found| found.loss(step.weight));
        let next_sentence = self.next_sentence.as_ref().zip(found.next_sentence);
        let next_sentence =
            next_sentence.map(|(config, found)| found.loss(step.rows as f64) * config.loss_weight);
        let losses = masked_lm.into_iter().chain(next_sentence);
        // Without any loss, no token can be masked, such as in texts of only unknown words: loss
        // and gradients are 0.
        Ok(losses
            .reduce(|masked_lm, next_sentence| masked_lm + next_sentence)
            .unwrap_or_else(|| no_loss(model)))
    }

    fn check(&self, model: &MaskedLm, _config: &TrainConfig) -> Result<(), TrainError> {
        check_autodiff(&model.encoder)
    }

    fn in_precision(&self, model: MaskedLm, precision: Precision) -> MaskedLm {
        model.with_precision(precision)
    }

    fn with_gradient_checkpointing(&self, model: MaskedLm, enabled: bool) -> MaskedLm {
        model.with_gradient_checkpointing(enabled)
    }

    fn examples(&self, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
        examples_of(&self.train, rows)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        if self.validation.is_none() {
            return Vec::new();
        }
        let mut metrics = vec![
            ("loss", Better::Lower),
            ("perplexity", Better::Lower),
            ("accuracy", Better::Higher),
        ];
        if self.next_sentence.is_some() {
            metrics.extend([
                ("next_sentence_loss", Better::Lower),
                ("next_sentence_accuracy", Better::Higher),
            ]);
        }
        let named = metrics.into_iter();
        named
            .map(|(name, better)| (name.to_string(), better))
            .collect()
    }

    fn evaluate(
        &self,
        model: &MaskedLm,
        callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        let Some(split) = &self.validation else {
            return Ok(Scores::new());
        };
        let Measurements {
            masked_lm,
            next_sentence,
            ..
        } = self.measure(split, model, callback)?;
        let mut scores = vec![
            ("loss", masked_lm.mean_loss()),
            ("perplexity", masked_lm.mean_loss().exp()),
            ("accuracy", masked_lm.accuracy()),
        ];
        if let Some(config) = &self.next_sentence {
            scores[0].1 += config.loss_weight * next_sentence.mean_loss();
            scores.extend([
                ("next_sentence_loss", next_sentence.mean_loss()),
                ("next_sentence_accuracy", next_sentence.accuracy()),
            ]);
        }
        let named = scores.into_iter();
        Ok(named
            .map(|(name, score)| (name.to_string(), score))
            .collect())
    }

    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        let validation = self.validation.as_ref();
        let splits = [(Split::Train, &self.train)].into_iter();
        let splits = splits.chain(validation.map(|rows| (Split::Validation, rows)));
        Ok(Some(DataSection {
            class_names: Vec::new(),
            tokenizer: Some(self.tokenizer.fingerprint()),
            train: self.train.section()?,
            validation: validation.map(EncodedSplit::section).transpose()?,
            test: None,
            statistics: Some(DataStatistics::of_splits(splits)?),
        }))
    }

    /// Saves the model with its pre-training heads and the tokenizer.
    fn save(&self, model: &MaskedLm, directory: &Path) -> Result<(), TrainError> {
        save_masked_lm(directory, &model.valid(), &self.checkpoint)?;
        Ok(self.tokenizer.save(directory)?)
    }
}

impl MaskedLmTask {
    fn texts(&self) -> &EncodedTexts {
        &self.train.tokens.texts
    }

    /// Returns the class of each row, a sentence pair; empty without next-sentence prediction.
    fn next_sentence_labels(
        &self,
        split: &EncodedSplit,
        rows: &[usize],
    ) -> Result<Vec<usize>, TrainError> {
        if self.next_sentence.is_none() {
            return Ok(Vec::new());
        }
        let labels = split.tokens.labels.select(&examples_of(split, rows)?)?;
        Ok(labels.classes().unwrap_or_default().to_vec())
    }

    /// Measures the predictions of masked tokens in `split`, with the same masks each time, and
    /// those of next sentences.
    fn measure(
        &self,
        split: &EncodedSplit,
        model: &MaskedLm,
        callback: &mut dyn Callback,
    ) -> Result<Measurements, TrainError> {
        let (model, texts) = (model.valid(), &split.tokens.texts);
        let batches = sorted_by_length(&texts.lengths()?, self.eval_batch_size)?;
        let phase = Phase::Validating;
        callback.on_event(&Event::phase_begin(phase, batches.len()))?;
        let mut measured = Measurements::default();
        for rows in batches {
            let batch = (self.collator).mask(texts, &rows, EVALUATION_EPOCH)?;
            let labels = self.next_sentence_labels(split, &rows)?;
            measured.add(LabeledBatch::new(&model, &batch, &labels, None)?);
            callback.on_event(&Event::BatchSubmitted { rows: rows.len() })?;
        }
        measured.read();
        callback.on_event(&Event::PhaseEnd(phase))?;
        Ok(measured)
    }
}

/// Returns the index of the example of each row.
fn examples_of(split: &EncodedSplit, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
    let texts = &split.tokens.texts;
    let examples = rows.iter().map(|row| texts.text_of_row(*row));
    Ok(examples.collect::<Result<_, _>>()?)
}

/// Returns 0, with gradients of 0 for a parameter of the head, or for the last of the encoder if the head
/// has none of its own.
fn no_loss(model: &MaskedLm) -> Tensor<1> {
    let (head, encoder) = (&model.head, &model.encoder);
    let linear = head.transform.as_ref().or(head.decoder.as_ref());
    let sum = match (&head.bias, linear, &encoder.final_norm) {
        (Some(bias), ..) => bias.val().sum(),
        (None, Some(linear), _) => linear.weight.val().sum(),
        (None, None, Some(norm)) => norm.gamma.val().sum(),
        (None, None, None) => encoder.embeddings.word_embeddings.weight.val().sum(),
    };
    sum * 0.0
}
