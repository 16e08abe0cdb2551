//! Cached activations of a dataset, and their collation into batches.

use burn::tensor::Device;
use finetune_data::{Batch, DataError, TokenBatch};
use finetune_model::{Activations, ModelError, SplitPoint, TextActivations};
use finetune_ops::{Offsets, PackedSequences, Upload, Uploaded, upload_floats};

use super::row_store::StoredRows;
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
    pub(super) stored: StoredRows,
}

impl CachedActivations {
    /// Returns the position in the network at which the activations were taken.
    pub fn split_point(&self) -> SplitPoint {
        self.split_point
    }

    /// Returns the activations of a batch of the same dataset, as input of
    /// [`SequenceClassifier::forward_upper`](finetune_model::SequenceClassifier::forward_upper).
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

    /// Returns the activations of a batch, and adds its sequences to an upload.
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
        let vectors = |length: usize| match self.split_point {
            SplitPoint::HiddenStates(_) => length,
            SplitPoint::Pooled => 1,
        };
        let count: usize = tokens.lengths().map(vectors).sum();
        let mut values = vec![0.0; count * self.width];
        let mut rest = values.as_mut_slice();
        for (&row, length) in rows.iter().zip(tokens.lengths()) {
            let (place, others) = rest.split_at_mut(vectors(length) * self.width);
            rest = others;
            self.copy_row(offset, row, length, place)?;
        }
        let states = match self.split_point {
            SplitPoint::Pooled => None,
            SplitPoint::HiddenStates(number) => {
                let offsets = Offsets::new(&tokens.sequence_offsets).map_err(ModelError::from)?;
                Some(PackedStates {
                    number,
                    sequences: PackedSequences::new(offsets, upload),
                })
            }
        };
        Ok(PackedTexts {
            shape: [count, self.width],
            values,
            states,
        })
    }

    /// Copies the activations of a text of `tokens` tokens to `place`.
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
        Ok(self.stored.copy(text, &mut place[..vectors * self.width])?)
    }
}

/// Activations of a batch on their way to a device: the values in a copy of their own, which moves
/// them on a CPU, and the sequences in an upload.
pub(super) struct PackedActivations {
    first: PackedTexts,
    second: Option<PackedTexts>,
}

struct PackedTexts {
    values: Vec<f32>,
    shape: [usize; 2],
    /// `None` after the pooling.
    states: Option<PackedStates>,
}

struct PackedStates {
    /// Number of the hidden states.
    number: usize,
    sequences: PackedSequences,
}

impl PackedActivations {
    /// Returns the activations on the device.
    pub(super) fn unpack(self, uploaded: &Uploaded, device: &Device) -> TextActivations {
        let unpack = |texts: PackedTexts| {
            let values = upload_floats(texts.values, texts.shape, device);
            match texts.states {
                None => Activations::Pooled(values),
                Some(states) => Activations::HiddenStates {
                    number: states.number,
                    rows: values,
                    sequences: states.sequences.unpack(uploaded),
                },
            }
        };
        TextActivations {
            first: unpack(self.first),
            second: self.second.map(unpack),
        }
    }
}
