//! The loop of all predictions: batches of rows of similar length, whose outputs are read several at
//! once.

use std::time::Instant;

use burn::tensor::Tensor;
use finetune_data::{BatchSize, DataError, sorted_by_length};
use finetune_ops::ReadQueue;

use crate::error::PredictError;

/// Progress of a prediction loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredictionProgress {
    /// The loop begins; it has this many batches.
    Begin {
        /// Number of batches.
        batches: usize,
    },
    /// A batch was predicted; on a GPU, it may still be computed.
    Batch {
        /// Number of rows of the batch.
        rows: usize,
    },
    /// The loop has ended.
    End,
}

/// Rows of each batch, batches of similar lengths.
pub(crate) struct PredictionBatches(Vec<Vec<usize>>);

impl PredictionBatches {
    /// Sorts rows of these lengths into batches.
    ///
    /// # Errors
    /// - [`PredictError::Data`] if `batch_size` is 0 or the lengths cannot be read.
    pub(crate) fn new(
        lengths: Result<Vec<usize>, DataError>,
        batch_size: BatchSize,
    ) -> Result<Self, PredictError> {
        Ok(Self(sorted_by_length(&lengths?, batch_size)?))
    }

    /// Computes each batch by `forward`, which returns what identifies it with its values, or `None` if
    /// there is nothing to compute, and passes the values to `take`. Those of several batches are read
    /// from the device at once. Returns the wall time in seconds.
    ///
    /// # Errors
    /// - Any error of the functions.
    pub(crate) fn run<B, E>(
        self,
        mut forward: impl FnMut(Vec<usize>) -> Result<Option<(B, Tensor<2>)>, E>,
        mut take: impl FnMut(B, Vec<f32>) -> Result<(), E>,
        mut progress: impl FnMut(PredictionProgress) -> Result<(), E>,
    ) -> Result<f64, E> {
        let start = Instant::now();
        progress(PredictionProgress::Begin {
            batches: self.0.len(),
        })?;
        let mut unread = ReadQueue::default();
        let mut batches = self.0.into_iter().peekable();
        while let Some(rows) = batches.next() {
            let count = rows.len();
            if let Some((batch, values)) = forward(rows)? {
                unread.push(batch, values);
            }
            if unread.is_full() || batches.peek().is_none() {
                for (batch, values) in unread.read() {
                    take(batch, values)?;
                }
            }
            progress(PredictionProgress::Batch { rows: count })?;
        }
        progress(PredictionProgress::End)?;
        Ok(start.elapsed().as_secs_f64())
    }
}
