//! Attention of packed sequences on backends that compute on padded ones.

use burn::backend::TensorMetadata;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::Shape;

use super::{Inputs, Settings};
use crate::kernels::Kernels;
use crate::sequences::Offsets;

/// Place of packed sequences among padded ones.
#[derive(Debug, Clone)]
pub struct Packing<I> {
    /// Offsets of the sequences.
    pub offsets: Offsets,
    /// Token of each padded slot, any for padding, `[B * S]`.
    pub token_of_slot: I,
    /// Padded slot of each token, `[T]`.
    pub slot_of_token: I,
}

impl<I: Clone> Packing<I> {
    /// From packed rows `[T, D]` to padded ones `[B * S, D]`, with any values for padding.
    fn pad<B: Kernels<IntTensorPrimitive = I>>(&self, rows: FloatTensor<B>) -> FloatTensor<B> {
        match self.offsets.are_equally_long() {
            true => rows,
            false => B::float_select(rows, 0, self.token_of_slot.clone()),
        }
    }

    /// From padded rows `[B * S, D]` to packed ones `[T, D]`.
    fn unpad<B: Kernels<IntTensorPrimitive = I>>(&self, rows: FloatTensor<B>) -> FloatTensor<B> {
        match self.offsets.are_equally_long() {
            true => rows,
            false => B::float_select(rows, 0, self.slot_of_token.clone()),
        }
    }

    /// Returns whether so many queries are all tokens.
    pub(crate) fn are_all_tokens(&self, queries: usize) -> bool {
        queries == self.offsets.num_tokens()
    }

    fn pad_inputs<B: Kernels<IntTensorPrimitive = I>>(
        &self,
        inputs: Inputs<FloatTensor<B>>,
    ) -> Inputs<FloatTensor<B>> {
        Inputs {
            query: match self.are_all_tokens(inputs.query.shape()[0]) {
                true => self.pad::<B>(inputs.query),
                false => inputs.query,
            },
            key: self.pad::<B>(inputs.key),
            value: self.pad::<B>(inputs.value),
            additive_key_mask: inputs.additive_key_mask,
        }
    }

    /// The result, as the queries, of a function of padded inputs, and what else it gives.
    pub(super) fn forward<B: Kernels<IntTensorPrimitive = I>, L>(
        &self,
        inputs: Inputs<FloatTensor<B>>,
        padded: impl FnOnce(Inputs<FloatTensor<B>>) -> (FloatTensor<B>, L),
    ) -> (FloatTensor<B>, L) {
        let all_tokens = self.are_all_tokens(inputs.query.shape()[0]);
        let (output, left) = padded(self.pad_inputs::<B>(inputs));
        match all_tokens {
            true => (self.unpad::<B>(output), left),
            false => (output, left),
        }
    }

    /// The gradients of query, key and value by a function of padded inputs and their gradient, and
    /// what else it gives.
    pub(super) fn gradients<B: Kernels<IntTensorPrimitive = I>, L>(
        &self,
        inputs: Inputs<FloatTensor<B>>,
        gradient: FloatTensor<B>,
        padded: impl FnOnce(Inputs<FloatTensor<B>>, FloatTensor<B>) -> ([Option<FloatTensor<B>>; 3], L),
    ) -> ([Option<FloatTensor<B>>; 3], L) {
        let all_tokens = self.are_all_tokens(inputs.query.shape()[0]);
        let gradient = match all_tokens && !self.offsets.are_equally_long() {
            true => {
                // Padded queries have no gradient.
                let slots = inputs.additive_key_mask.shape().num_elements();
                let bias = inputs.additive_key_mask.clone();
                let bias = B::float_reshape(bias, Shape::from([slots, 1]));
                let real = B::float_exp(bias);
                B::float_mul(self.pad::<B>(gradient), real)
            }
            false => gradient,
        };
        let ([query, key, value], left) = padded(self.pad_inputs::<B>(inputs), gradient);
        let query = match all_tokens {
            true => query.map(|rows| self.unpad::<B>(rows)),
            false => query,
        };
        let [key, value] = [key, value].map(|rows| rows.map(|rows| self.unpad::<B>(rows)));
        ([query, key, value], left)
    }
}

/// The result as the queries, and what the backward pass needs apart from the inputs.
pub(crate) fn packed_forward<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    packing.forward::<B, _>(inputs, |inputs| B::padded_attention(inputs, settings))
}

/// The gradients of query, key and value.
pub(crate) fn packed_gradients<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    left: Vec<FloatTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
    gradient: FloatTensor<B>,
    wanted: [bool; 3],
) -> [Option<FloatTensor<B>>; 3] {
    let padded = |inputs, gradient| {
        let gradients = B::padded_attention_gradients(inputs, left, settings, gradient, wanted);
        (gradients, ())
    };
    packing.gradients::<B, _>(inputs, gradient, padded).0
}
