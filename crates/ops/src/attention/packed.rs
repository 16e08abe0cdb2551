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
}

/// The result as the queries, and what the backward pass needs apart from the inputs.
pub(crate) fn packed_forward<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    let all_tokens = packing.are_all_tokens(inputs.query.shape()[0]);
    let (output, left) = B::padded_attention(packing.pad_inputs::<B>(inputs), settings);
    match all_tokens {
        true => (packing.unpad::<B>(output), left),
        false => (output, left),
    }
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
    let all_tokens = packing.are_all_tokens(inputs.query.shape()[0]);
    let gradient = match all_tokens && !packing.offsets.are_equally_long() {
        true => {
            // Padded queries have no gradient.
            let slots = inputs.additive_key_mask.shape().num_elements();
            let bias = inputs.additive_key_mask.clone();
            let bias = B::float_reshape(bias, Shape::from([slots, 1]));
            let real = B::float_exp(bias);
            B::float_mul(packing.pad::<B>(gradient), real)
        }
        false => gradient,
    };
    let inputs = packing.pad_inputs::<B>(inputs);
    let [query, key, value] =
        B::padded_attention_gradients(inputs, left, settings, gradient, wanted);
    let query = match all_tokens {
        true => query.map(|rows| packing.unpad::<B>(rows)),
        false => query,
    };
    let [key, value] = [key, value].map(|rows| rows.map(|rows| packing.unpad::<B>(rows)));
    [query, key, value]
}
