//! Stacking of the two texts of each pair into one batch: first all first texts, then all second
//! texts.
//!
//! The layers above the split point run once on `2 B` rows instead of twice on `B`. A full forward
//! pass also stacks the texts, so its shapes, and therefore its results, are bitwise equal to those
//! of a pass that starts at a split point.

use burn::tensor::Tensor;

use super::Activations;
use crate::classifier::SequenceClassifier;
use crate::error::ModelError;

impl SequenceClassifier {
    /// Returns the activations of first and second texts as one batch of `2 B` texts.
    ///
    /// # Errors
    /// - [`ModelError::InvalidShape`] if the batches differ in size.
    /// - [`ModelError::InvalidShape`] if the activations do not fit this model, or come from
    ///   different split points.
    pub(super) fn stack_pairs(
        &self,
        first: Activations,
        second: Activations,
    ) -> Result<Activations, ModelError> {
        self.check_activations(&first)?;
        self.check_activations(&second)?;
        self.check_batch_sizes(batch_size(&first), batch_size(&second))?;
        match (first, second) {
            (
                Activations::HiddenStates { number, rows, mask },
                Activations::HiddenStates {
                    number: other,
                    rows: other_rows,
                    mask: other_mask,
                },
            ) if number == other => {
                let stacked = mask.stack(&other_mask);
                let sequence = stacked.sequence_length();
                let first = padded(rows, mask.batch_size(), sequence);
                let second = padded(other_rows, other_mask.batch_size(), sequence);
                Ok(Activations::HiddenStates {
                    number,
                    rows: Tensor::cat(vec![first, second], 0),
                    mask: stacked,
                })
            }
            (Activations::Pooled(first), Activations::Pooled(second)) => {
                Ok(Activations::Pooled(Tensor::cat(vec![first, second], 0)))
            }
            (first, second) => Err(ModelError::shape(
                "activations of shape",
                shape(&first),
                shape(&second),
            )),
        }
    }
}

fn batch_size(activations: &Activations) -> usize {
    match activations {
        Activations::HiddenStates { mask, .. } => mask.batch_size(),
        Activations::Pooled(pooled) => pooled.dims()[0],
    }
}

fn shape(activations: &Activations) -> [usize; 2] {
    match activations {
        Activations::HiddenStates { rows, .. } | Activations::Pooled(rows) => rows.dims(),
    }
}

/// # Shapes
/// - `rows`: `[B * S, D]`
/// - output: `[B * sequence, D]`, each text padded with zeros
fn padded(rows: Tensor<2>, batch: usize, sequence: usize) -> Tensor<2> {
    let [tokens, width] = rows.dims();
    let length = tokens / batch;
    if length == sequence {
        return rows;
    }
    let zeros = Tensor::zeros([batch, sequence - length, width], &rows.device());
    let rows = rows.reshape([batch, length, width]);
    Tensor::cat(vec![rows, zeros], 1).reshape([batch * sequence, width])
}
