//! A masked batch on the device: the logits of both pre-training tasks with their labels.

use burn::tensor::{Int, Tensor};
use finetune_data::MaskedBatch;
use finetune_model::{DropoutStream, Encoder, EncoderInput, MaskedLm};
use finetune_ops::{ReadQueue, Upload, UploadPart, cross_entropy_of};
use finetune_predict::pack_tokens;

use crate::error::TrainError;

/// Logits and labels of one task in a batch, on the device.
pub(super) struct Labeled {
    /// `[N, C]`.
    logits: Tensor<2>,
    /// `[N]`.
    labels: Tensor<1, Int>,
}

/// Logits and labels of both tasks.
pub(super) struct LabeledBatch {
    /// Masked tokens; `None` without any.
    pub(super) masked_lm: Option<Labeled>,
    /// Next sentences; `None` unless the model has a head for them.
    pub(super) next_sentence: Option<Labeled>,
}

/// A masked batch on the device: one copy of tokens, masked positions and labels.
pub(crate) struct UploadedMaskedBatch {
    pub(crate) input: EncoderInput,
    /// `[M]`; `None` without masked tokens.
    pub(crate) positions: Option<Tensor<1, Int>>,
    /// Original ids of the masked tokens, `[M]`; `None` without any.
    pub(crate) words: Option<Tensor<1, Int>>,
    /// Classes of the rows, `[B]`; `None` without next-sentence prediction.
    pub(crate) sentences: Option<Tensor<1, Int>>,
}

impl UploadedMaskedBatch {
    /// Copies a batch to the device of an encoder.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if a token id or a masked position does not fit the encoder or the batch.
    pub(crate) fn new(
        encoder: &Encoder,
        batch: &MaskedBatch,
        next_sentence_labels: &[usize],
    ) -> Result<Self, TrainError> {
        let mut upload = Upload::default();
        let packed = pack_tokens(encoder, &batch.tokens, &mut upload)?;
        let positions = packed.positions(&batch.masked_positions, &mut upload)?;
        let words: Vec<usize> = batch.labels.iter().map(|word| *word as usize).collect();
        let mut labels = |labels: &[usize]| {
            let any = !labels.is_empty();
            any.then(|| upload.indices(labels.iter().copied()))
        };
        let (words, sentences) = (labels(&words), labels(next_sentence_labels));
        let uploaded = upload.send(&encoder.device());
        let indices = |part: Option<UploadPart>| part.map(|part| uploaded.indices(&part));
        Ok(Self {
            input: packed.unpack(&uploaded),
            positions: indices(positions),
            words: indices(words),
            sentences: indices(sentences),
        })
    }
}

impl LabeledBatch {
    /// Runs the model on a batch.
    ///
    /// # Errors
    /// As [`UploadedMaskedBatch::new`].
    pub(super) fn new(
        model: &MaskedLm,
        batch: &MaskedBatch,
        next_sentence_labels: &[usize],
        dropout: Option<DropoutStream>,
    ) -> Result<Self, TrainError> {
        let batch = UploadedMaskedBatch::new(&model.encoder, batch, next_sentence_labels)?;
        let logits = model.forward_at(&batch.input, batch.positions, dropout);
        let labeled = |logits: Option<Tensor<2>>, labels: Option<Tensor<1, Int>>| {
            let labeled = logits.zip(labels);
            labeled.map(|(logits, labels)| Labeled { logits, labels })
        };
        Ok(Self {
            masked_lm: labeled(logits.masked_lm, batch.words),
            next_sentence: labeled(logits.next_sentence, batch.sentences),
        })
    }
}

impl Labeled {
    /// Returns the cross entropy, summed and divided by `divisor`.
    ///
    /// # Shapes
    /// - output: `[1]`
    pub(super) fn loss(self, divisor: f64) -> Tensor<1> {
        cross_entropy_of(self.logits, self.labels, divisor)
    }

    /// Returns the sum of the losses and the number of correct predictions.
    ///
    /// # Shapes
    /// - output: `[2]`
    fn measured(self) -> Tensor<1> {
        let predicted = self.logits.clone().argmax(1).squeeze_dim::<1>(1);
        let correct = predicted.equal(self.labels.clone()).int().sum().float();
        Tensor::cat(vec![self.loss(1.0), correct], 0)
    }
}

/// Measured predictions of an evaluation; results of several batches are read from the device at
/// once.
#[derive(Default)]
pub(super) struct Measurements {
    /// Of masked tokens.
    pub(super) masked_lm: Measured,
    /// Of next sentences.
    pub(super) next_sentence: Measured,
    /// Results of each batch, with the numbers of masked tokens and of next sentences in it.
    unread: ReadQueue<[usize; 2]>,
}

/// Measured predictions of masked tokens or of next sentences.
#[derive(Default)]
pub(super) struct Measured {
    /// Sum of the losses.
    loss: f64,
    correct: usize,
    count: usize,
}

impl Measurements {
    /// Adds the predictions of a batch.
    pub(super) fn add(&mut self, batch: LabeledBatch) {
        let found = [batch.masked_lm, batch.next_sentence];
        let count = |labeled: &Option<Labeled>| {
            let labels = labeled.as_ref().map(|labeled| labeled.labels.dims()[0]);
            labels.unwrap_or(0)
        };
        let counts = found.each_ref().map(count);
        let measured: Vec<_> = found.into_iter().flatten().map(Labeled::measured).collect();
        if !measured.is_empty() {
            self.unread.push(counts, Tensor::cat(measured, 0));
        }
        if self.unread.is_full() {
            self.read();
        }
    }

    /// Reads the results that are still on the device.
    pub(super) fn read(&mut self) {
        for (counts, values) in self.unread.read() {
            let of_tasks = [&mut self.masked_lm, &mut self.next_sentence];
            let with_any = of_tasks
                .into_iter()
                .zip(counts)
                .filter(|(_, count)| *count > 0);
            for ((measured, count), values) in with_any.zip(values.chunks_exact(2)) {
                measured.loss += f64::from(values[0]);
                measured.correct += values[1] as usize;
                measured.count += count;
            }
        }
    }
}

impl Measured {
    /// Returns the mean loss.
    pub(super) fn mean_loss(&self) -> f64 {
        self.loss / self.count as f64
    }

    /// Returns the fraction of correct predictions.
    pub(super) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.count as f64
    }
}
