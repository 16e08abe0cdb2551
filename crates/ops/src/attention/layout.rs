//! Division of token rows into heads.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// Division of a batch's rows into heads. `N`, the tokens per sequence, is `S` for keys and values,
/// and any number for queries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(super) batch: usize,
    pub(super) sequence: usize,
    heads: usize,
    head_width: usize,
}

impl Layout {
    pub(crate) fn new<B: Backend>(
        rows: &FloatTensor<B>,
        additive_key_mask: &FloatTensor<B>,
        heads: usize,
    ) -> Self {
        let (rows, bias) = (rows.shape(), additive_key_mask.shape());
        Self {
            batch: bias[0],
            sequence: bias[1],
            heads,
            head_width: rows[1] / heads,
        }
    }

    pub(crate) fn scale(self) -> f64 {
        1.0 / (self.head_width as f64).sqrt()
    }

    /// Splits `[B * N, D]` into `[B, H, N, K]`.
    pub(crate) fn split<B: Backend>(self, rows: FloatTensor<B>) -> FloatTensor<B> {
        let tokens = rows.shape()[0] / self.batch;
        let shape = Shape::from([self.batch, tokens, self.heads, self.head_width]);
        B::float_swap_dims(B::float_reshape(rows, shape), 1, 2)
    }

    /// Joins `[B, H, N, K]` into `[B * N, D]`.
    pub(crate) fn join<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        let tokens = heads.shape()[2];
        let shape = Shape::from([self.batch * tokens, self.heads * self.head_width]);
        B::float_reshape(B::float_swap_dims(heads, 1, 2), shape)
    }
}
