//! Masked language modeling, the objective of BERT's pre-training
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805), section 3.1) and of further
//! pre-training on the texts of a task
//! ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4).

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::{BatchSize, EncodedTexts, MaskedBatch, MlmCollator, Padding, sorted_by_length};
use finetune_eval::{Better, Scores};
use finetune_model::{DropoutStream, EncoderModel, MaskedLm};
use finetune_ops::{Precision, class_cross_entropy};

use crate::callback::{Callback, Event, Phase};
use crate::device_batch::{check_autodiff, encoder_input};
use crate::evaluation::Evaluation;
use crate::objective::{BatchCounts, Objective, Part};
use crate::{TrainConfig, TrainError};

/// Objective that trains a [`MaskedLm`] on masked texts.
#[derive(Debug)]
pub struct MaskedTexts<'a> {
    /// Training rows.
    pub train: &'a EncodedTexts,
    /// Validation rows; their masked tokens are the same in every evaluation.
    pub held_out: Option<&'a EncodedTexts>,
    /// Masks tokens; masks are resampled every epoch.
    pub masker: &'a MlmCollator,
    /// Length to which the rows of a batch are padded.
    pub padding: Padding,
    /// Maximum rows or tokens per evaluation batch.
    pub eval_batch_size: BatchSize,
}

/// Epoch number of the masks for evaluation, which training never reaches.
const EVALUATION_EPOCH: u64 = u64::MAX;

impl Objective for MaskedTexts<'_> {
    type Model = MaskedLm;
    type Batch = MaskedBatch;

    fn in_precision(&self, model: MaskedLm, precision: Precision) -> MaskedLm {
        model.with_precision(precision)
    }

    fn check(&self, model: &MaskedLm, _config: &TrainConfig) -> Result<(), TrainError> {
        check_autodiff(&model.encoder)
    }

    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
        Ok(vec![self.train.lengths()?])
    }

    fn examples(&self, part: &Part) -> Result<Vec<usize>, TrainError> {
        let texts = part.rows.iter().map(|row| self.train.text_of_row(*row));
        Ok(texts.collect::<Result<_, _>>()?)
    }

    fn batch(&self, part: &Part) -> Result<MaskedBatch, TrainError> {
        let Part { pass, rows, .. } = part;
        Ok(self.masker.mask(self.train, rows, *pass, self.padding)?)
    }

    fn size(&self, batch: &MaskedBatch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.rows.len(),
            slots: batch.tokens.num_tokens(),
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

    fn metrics(&self) -> Vec<(String, Better)> {
        let metric = |name: &str| (name.to_string(), Better::Lower);
        match self.held_out {
            Some(_) => vec![metric("loss"), metric("perplexity")],
            None => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &MaskedLm,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError> {
        let Some(texts) = self.held_out else {
            return Ok(Evaluation::default());
        };
        let loss = masked_loss(model, texts, self, callback)?;
        Ok(Scores::from(
            [("loss", loss), ("perplexity", loss.exp())]
                .map(|(name, score)| (name.to_string(), score)),
        )
        .into())
    }
}

/// Returns the mean loss per masked token of `texts`, with the same masks each time.
fn masked_loss(
    model: &MaskedLm,
    texts: &EncodedTexts,
    settings: &MaskedTexts,
    callback: &mut dyn Callback,
) -> Result<f64, TrainError> {
    let model = model.valid();
    let batches = sorted_by_length(&texts.lengths()?, settings.eval_batch_size)?;
    let phase = Phase::Validating;
    callback.on_event(&Event::phase_begin(phase, batches.len()))?;
    let (mut sum, mut gaps) = (0.0, 0);
    for rows in batches {
        let batch = settings
            .masker
            .mask(texts, &rows, EVALUATION_EPOCH, settings.padding)?;
        if !batch.masked_positions.is_empty() {
            let loss = loss_of(&model, &batch, 1.0, None)?;
            sum += f64::from(loss.into_scalar::<f32>());
            gaps += batch.masked_positions.len();
        }
        callback.on_event(&Event::BatchSubmitted { rows: rows.len() })?;
    }
    callback.on_event(&Event::PhaseEnd(phase))?;
    Ok(sum / gaps as f64)
}

/// Returns the sum of the losses of a batch's masked tokens, divided by `divisor`.
fn loss_of(
    model: &MaskedLm,
    batch: &MaskedBatch,
    divisor: f64,
    dropout: Option<DropoutStream>,
) -> Result<Tensor<1>, TrainError> {
    let input = encoder_input(&model.encoder, batch.rows.len(), &batch.tokens)?;
    let logits = model.forward(&input, &batch.masked_positions, dropout)?;
    let labels: Vec<usize> = batch.labels.iter().map(|word| *word as usize).collect();
    Ok(class_cross_entropy(logits, &labels, divisor))
}
