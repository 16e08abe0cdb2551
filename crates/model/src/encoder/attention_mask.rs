//! Attention mask of a padded batch.

use burn::tensor::kind::Basic;
use burn::tensor::{Device, Int, Tensor};
use finetune_ops::{additive_key_mask_of, upload_floats};

use crate::error::ModelError;

/// Attention mask of a batch: `true` for tokens, `false` for padding.
///
/// Apart from hidden states, it is the only input of layers and pooling.
#[derive(Debug, Clone)]
pub struct AttentionMask {
    /// Additive attention mask, `[B, S]`.
    pub(crate) additive_key_mask: Tensor<2>,
    /// 1 for tokens, 0 for padding, `[B, S]`.
    pub(crate) real: Tensor<2>,
    batch: usize,
    sequence: usize,
}

impl AttentionMask {
    /// Copies a mask to a device.
    ///
    /// # Shapes
    /// - `mask`: `B * S` values, row by row
    ///
    /// # Errors
    /// - [`ModelError::InvalidShape`] if `mask` does not have `B * S` values, or is empty.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::AttentionMask;
    ///
    /// // A row of two tokens, and one of one.
    /// let mask = AttentionMask::new(&[true, true, true, false], [2, 2], &Device::flex())?;
    /// assert_eq!((mask.batch_size(), mask.sequence_length()), (2, 2));
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn new(
        mask: &[bool],
        [batch, sequence]: [usize; 2],
        device: &Device,
    ) -> Result<Self, ModelError> {
        if mask.len() != batch * sequence || mask.is_empty() {
            return Err(ModelError::batch_shape(
                "attention_mask",
                [batch, sequence],
                mask.len(),
            ));
        }
        let real = mask.iter().map(|real| f32::from(*real));
        let real = upload_floats(real.collect(), [batch, sequence], device);
        Ok(Self::from_real(real))
    }

    /// Returns the mask of values on a device: 1 for tokens and 0 for padding.
    ///
    /// # Shapes
    /// - `real`: `[B, S]`
    pub fn from_real(real: Tensor<2>) -> Self {
        let [batch, sequence] = real.dims();
        Self {
            additive_key_mask: additive_key_mask_of(real.clone()),
            real,
            batch,
            sequence,
        }
    }

    /// Stacks the rows of two batches, padded to the longer one.
    pub(crate) fn stack(&self, other: &Self) -> Self {
        let sequence = self.sequence.max(other.sequence);
        let rows = [self, other].map(|mask| padded(mask.real.clone(), sequence));
        Self::from_real(Tensor::cat(rows.into(), 0))
    }

    /// Returns the mask of rows `start..start + count`.
    pub(crate) fn narrow(&self, start: usize, count: usize) -> Self {
        Self {
            additive_key_mask: self.additive_key_mask.clone().narrow(0, start, count),
            real: self.real.clone().narrow(0, start, count),
            batch: count,
            sequence: self.sequence,
        }
    }

    /// Returns the mask on the same device without autodiff.
    pub(super) fn without_autodiff(&self) -> Self {
        Self {
            real: self.real.clone().inner(),
            additive_key_mask: self.additive_key_mask.clone().inner(),
            ..*self
        }
    }

    /// Returns the number of rows, `B`.
    pub fn batch_size(&self) -> usize {
        self.batch
    }

    /// Returns the tokens per row including padding, `S`.
    pub fn sequence_length(&self) -> usize {
        self.sequence
    }

    /// Returns the first token of each row.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`
    /// - output: `[B, D]`
    pub(crate) fn first_tokens(&self, rows: Tensor<2>) -> Tensor<2> {
        let tokens = (self.batch * self.sequence) as i64;
        let first: Tensor<1, Int> = Tensor::arange_step(0..tokens, self.sequence, &rows.device());
        rows.select(0, first)
    }
}

/// Pads each row of values with zeros to `sequence` columns.
///
/// # Shapes
/// - `rows`: `[B, S]`
/// - output: `[B, sequence]`
pub(super) fn padded<K: Basic>(rows: Tensor<2, K>, sequence: usize) -> Tensor<2, K> {
    let [batch, length] = rows.dims();
    if length == sequence {
        return rows;
    }
    let zeros = Tensor::zeros([batch, sequence - length], &rows.device());
    Tensor::cat(vec![rows, zeros], 1)
}
