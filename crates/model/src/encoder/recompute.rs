//! Gradient checkpointing: layers that are computed again in the backward pass.

use burn::tensor::Tensor;
use finetune_ops::Precision;

use super::batch_context::BatchContext;
use super::{EncoderLayer, Queries};
use crate::dropout::DropoutStage;
use crate::recompute::recompute;

impl EncoderLayer {
    /// Applies the layer as [`Self::forward`], with the same result and the same gradients bit for
    /// bit, but keeps only its input for the backward pass. That computes the layer again; dropout
    /// drops the same values, as its masks follow from a key.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` for the first tokens
    pub(super) fn forward_recomputed(
        &self,
        hidden: Tensor<2>,
        batch: &BatchContext,
        queries: Queries,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> Tensor<2> {
        let distances = batch.distances.as_ref().map(|found| found.rows.clone());
        let inputs: Vec<_> = std::iter::once(hidden).chain(distances).collect();
        let batch = batch.without_autodiff();
        recompute(self, &inputs, move |layer: &Self, inputs| {
            let mut batch = batch.clone();
            if let Some((distances, rows)) = batch.distances.as_mut().zip(inputs.get(1)) {
                distances.rows = rows.clone();
            }
            layer.forward(inputs[0].clone(), &batch, queries, dropout, precision)
        })
    }
}
