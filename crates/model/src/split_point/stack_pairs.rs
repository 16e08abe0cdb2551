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
                Activations::HiddenStates {
                    number,
                    rows,
                    sequences,
                },
                Activations::HiddenStates {
                    number: other,
                    rows: other_rows,
                    sequences: others,
                },
            ) if number == other => Ok(Activations::HiddenStates {
                number,
                rows: Tensor::cat(vec![rows, other_rows], 0),
                sequences: sequences.followed_by(&others)?,
            }),
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
        Activations::HiddenStates { sequences, .. } => sequences.batch_size(),
        Activations::Pooled(pooled) => pooled.dims()[0],
    }
}

fn shape(activations: &Activations) -> [usize; 2] {
    match activations {
        Activations::HiddenStates { rows, .. } | Activations::Pooled(rows) => rows.dims(),
    }
}
