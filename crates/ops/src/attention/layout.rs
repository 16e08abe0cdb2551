//! Division of token rows into heads.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{BoolDType, FloatDType, IntDType, Shape};

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

    /// Replaces the scores of keys beyond the window, counted from a query's own token, by the lowest
    /// f32.
    ///
    /// # Shapes
    /// - `scores`, output: `[B, H, Q, S]`
    pub(super) fn window_only<B: Backend>(
        self,
        scores: FloatTensor<B>,
        window: Option<usize>,
    ) -> FloatTensor<B> {
        let Some(window) = window else { return scores };
        let shape = scores.shape();
        let device = scores.device();
        let numbers = |count: usize, shape: [usize; 4]| {
            let numbers = B::int_arange(0..count as i64, &device, IntDType::I32);
            let numbers = B::int_into_float(numbers, FloatDType::F32);
            B::float_reshape(numbers, Shape::from(shape))
        };
        let queries = numbers(shape[2], [1, 1, shape[2], 1]);
        let keys = numbers(shape[3], [1, 1, 1, shape[3]]);
        let distance = B::float_abs(B::float_sub(queries, keys));
        let outside = B::float_greater_elem(distance, window.into(), BoolDType::Native);
        let outside = B::bool_expand(outside, shape);
        B::float_mask_fill(scores, outside, f32::MIN.into())
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
