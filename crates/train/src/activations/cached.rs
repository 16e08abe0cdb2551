//! Cached activations of a dataset, and their collation into batches.

use burn::tensor::Device;
use finetune_data::{Batch, DataError, TokenBatch};
use finetune_model::{Activations, AttentionMask, SplitPoint, TextActivations};
use finetune_ops::{Upload, UploadPart, Uploaded, upload_floats};
use finetune_storage::Array;

use super::element::Numbers;
use crate::error::TrainError;

/// Cached activations of a dataset, computed by
/// [`ActivationPlan::compute`](super::ActivationPlan::compute).
///
/// A cache file is memory-mapped: only the parts that are read occupy memory.
#[derive(Debug, Clone)]
pub struct CachedActivations {
    pub(super) split_point: SplitPoint,
    /// Size of a vector.
    pub(super) width: usize,
    pub(super) rows: usize,
    /// Number of vectors of each row; the second texts of pairs follow all first texts.
    pub(super) lengths: Vec<usize>,
    /// Offset of each row's values.
    pub(super) starts: Array<u64>,
    pub(super) numbers: Numbers,
}

impl CachedActivations {
    /// Returns the position in the network at which the activations were taken.
    pub fn split_point(&self) -> SplitPoint {
        self.split_point
    }

    /// Returns the activations of a batch of the same dataset, as input of
    /// [`SequenceClassifier::forward_upper`](finetune_model::SequenceClassifier::forward_upper).
    /// They are padded like the batch, so that later layers see the shapes of a batch of tokens.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if a row is out of range.
    /// - [`TrainError::Activations`] if a row has another length than its cached activations.
    /// - [`TrainError::Storage`] if the file has changed since it was written.
    pub fn batch(&self, batch: &Batch, device: &Device) -> Result<TextActivations, TrainError> {
        let mut upload = Upload::default();
        let packed = self.pack(batch, &mut upload)?;
        Ok(packed.unpack(&upload.send(device), device))
    }

    /// Returns the activations of a batch, and adds its masks to an upload.
    pub(super) fn pack(
        &self,
        batch: &Batch,
        upload: &mut Upload,
    ) -> Result<PackedActivations, TrainError> {
        let first = self.of_texts(0, &batch.rows, &batch.tokens, upload)?;
        let second = batch.second_tokens.as_ref();
        let second = second.map(|tokens| self.of_texts(self.rows, &batch.rows, tokens, upload));
        Ok(PackedActivations {
            first,
            second: second.transpose()?,
        })
    }

    /// Returns the activations of the texts that start at `offset`.
    fn of_texts(
        &self,
        offset: usize,
        rows: &[usize],
        tokens: &TokenBatch,
        upload: &mut Upload,
    ) -> Result<PackedTexts, TrainError> {
        let sequence = tokens.sequence_length;
        let slots = match self.split_point {
            SplitPoint::HiddenStates(_) => sequence,
            SplitPoint::Pooled => 1,
        };
        let mut values = vec![0.0; rows.len() * slots * self.width];
        let places = values.chunks_exact_mut(slots * self.width);
        let masks = tokens.attention_mask.chunks_exact(sequence);
        for ((&row, place), mask) in rows.iter().zip(places).zip(masks) {
            let tokens = mask.iter().filter(|real| **real).count();
            self.copy_row(offset, row, tokens, place)?;
        }
        let mask = match self.split_point {
            SplitPoint::Pooled => None,
            SplitPoint::HiddenStates(number) => Some(PackedMask {
                number,
                real: upload.flags(&tokens.attention_mask),
                shape: [rows.len(), sequence],
            }),
        };
        Ok(PackedTexts {
            shape: [rows.len() * slots, self.width],
            values,
            mask,
        })
    }

    /// Copies the activations of a text of `tokens` tokens to the start of `place`.
    fn copy_row(
        &self,
        offset: usize,
        row: usize,
        tokens: usize,
        place: &mut [f32],
    ) -> Result<(), TrainError> {
        let text = offset + row;
        if row >= self.rows || text >= self.lengths.len() {
            let rows = self.rows;
            return Err(DataError::RowOutOfRange { row, rows }.into());
        }
        let vectors = self.lengths[text];
        if self.split_point != SplitPoint::Pooled && vectors != tokens {
            let problem = format!("row {row} has {vectors} tokens, the batch {tokens}");
            return Err(TrainError::activations(problem));
        }
        let start = self.starts.get(text..text + 1)?[0] as usize;
        let range = start..start + vectors * self.width;
        Ok(self.numbers.copy(range, place)?)
    }
}

/// Activations of a batch on their way to a device: the values in a copy of their own, which moves
/// them on a CPU, and the masks in an upload.
pub(super) struct PackedActivations {
    first: PackedTexts,
    second: Option<PackedTexts>,
}

struct PackedTexts {
    values: Vec<f32>,
    shape: [usize; 2],
    /// `None` after the pooling.
    mask: Option<PackedMask>,
}

struct PackedMask {
    /// Number of the hidden states.
    number: usize,
    real: UploadPart,
    shape: [usize; 2],
}

impl PackedActivations {
    /// Returns the activations on the device.
    pub(super) fn unpack(self, uploaded: &Uploaded, device: &Device) -> TextActivations {
        let unpack = |texts: PackedTexts| {
            let values = upload_floats(texts.values, texts.shape, device);
            match texts.mask {
                None => Activations::Pooled(values),
                Some(mask) => Activations::HiddenStates {
                    number: mask.number,
                    rows: values,
                    mask: AttentionMask::from_real(uploaded.floats(&mask.real).reshape(mask.shape)),
                },
            }
        };
        TextActivations {
            first: unpack(self.first),
            second: self.second.map(unpack),
        }
    }
}
