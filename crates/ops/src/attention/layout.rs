//! Division of token rows into heads.

use burn::backend::{Backend, TensorMetadata, get_device_settings, tensor::FloatTensor};
use burn::tensor::{FloatDType, Shape};

use super::Settings;
use super::blocks::Blocks;

/// Division of a batch's rows into heads. `N`, the tokens per sequence, is `S` for keys and values,
/// and any number for queries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(super) batch: usize,
    pub(super) sequence: usize,
    heads: usize,
    head_width: usize,
    /// Blocks of queries and keys, in a sliding window.
    blocks: Option<Blocks>,
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
            blocks: None,
        }
    }

    /// The same, in [`Blocks`] where that saves memory.
    pub(super) fn in_blocks<B: Backend>(
        queries: &FloatTensor<B>,
        additive_key_mask: &FloatTensor<B>,
        settings: Settings,
    ) -> Self {
        let layout = Self::new::<B>(queries, additive_key_mask, settings.heads);
        let are_all = queries.shape()[0] == layout.batch * layout.sequence;
        let blocks = are_all.then(|| Blocks::new(layout.sequence, settings));
        Self {
            blocks: blocks.flatten(),
            ..layout
        }
    }

    pub(crate) fn scale(self) -> f64 {
        1.0 / (self.head_width as f64).sqrt()
    }

    /// Splits queries, or the gradient of the result.
    pub(super) fn split_queries<B: Backend>(self, rows: FloatTensor<B>) -> FloatTensor<B> {
        let heads = self.split::<B>(rows);
        match self.blocks {
            Some(blocks) => blocks.queries::<B>(heads),
            None => heads,
        }
    }

    /// Splits keys or values.
    pub(super) fn split_keys<B: Backend>(self, rows: FloatTensor<B>) -> FloatTensor<B> {
        let heads = self.split::<B>(rows);
        match self.blocks {
            Some(blocks) => blocks.keys::<B>(heads, 0.0),
            None => heads,
        }
    }

    /// Splits the additive mask `[B, S]`, to be added to scores.
    pub(super) fn split_mask<B: Backend>(self, mask: FloatTensor<B>) -> FloatTensor<B> {
        let (batch, sequence) = (self.batch, self.sequence);
        let Some(blocks) = self.blocks else {
            return B::float_reshape(mask, Shape::from([batch, 1, 1, sequence]));
        };
        let of_heads = B::float_reshape(mask, Shape::from([batch, 1, sequence, 1]));
        let of_heads = B::float_expand(of_heads, Shape::from([batch, self.heads, sequence, 1]));
        B::float_swap_dims(blocks.keys::<B>(of_heads, f32::MIN), 2, 3)
    }

    /// Joins what [`Self::split_queries`] splits.
    pub(super) fn join_queries<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        self.join::<B>(match self.blocks {
            Some(blocks) => blocks.join_queries::<B>(heads),
            None => heads,
        })
    }

    /// Joins gradients of what [`Self::split_keys`] splits.
    pub(super) fn join_keys<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        self.join::<B>(match self.blocks {
            Some(blocks) => blocks.join_keys::<B>(heads),
            None => heads,
        })
    }

    /// Replaces the scores of keys beyond the window, counted from a query's own token, by the lowest
    /// f32.
    ///
    /// # Shapes
    /// - `scores`, output: `[B, H, Q, S]`, or in blocks
    pub(super) fn window_only<B: Backend>(
        self,
        scores: FloatTensor<B>,
        window: Option<usize>,
    ) -> FloatTensor<B> {
        let Some(window) = window else { return scores };
        let shape = scores.shape();
        let device = scores.device();
        // Not all devices have the same types of integers and of booleans.
        let settings = get_device_settings::<B>(&device);
        let numbers = |first: usize, shape: [usize; 4]| {
            let count = shape.iter().product::<usize>();
            let numbers = first as i64..(first + count) as i64;
            let numbers = B::int_arange(numbers, &device, settings.int_dtype);
            let numbers = B::int_into_float(numbers, FloatDType::F32);
            B::float_reshape(numbers, Shape::from(shape))
        };
        let first_query = self.blocks.map_or(0, Blocks::first_query);
        let queries = numbers(first_query, [1, 1, shape[2], 1]);
        let keys = numbers(0, [1, 1, 1, shape[3]]);
        let distance = B::float_abs(B::float_sub(queries, keys));
        let outside = B::float_greater_elem(distance, window.into(), settings.bool_dtype);
        let outside = B::bool_expand(outside, shape);
        B::float_mask_fill(scores, outside, f32::MIN.into())
    }

    /// Splits `[B * N, D]` into `[B, H, N, K]`.
    pub(crate) fn split<B: Backend>(self, rows: FloatTensor<B>) -> FloatTensor<B> {
        let tokens = rows.shape()[0] / self.batch;
        let shape = Shape::from([self.batch, tokens, self.heads, self.head_width]);
        B::float_swap_dims(B::float_reshape(rows, shape), 1, 2)
    }

    /// The division of rows `[R, D]` that all sequences share into `[1, H, R, K]`.
    pub(super) fn of_shared_rows(self) -> Self {
        Self { batch: 1, ..self }
    }

    /// Joins `[B, H, N, K]` into `[B * N, D]`.
    pub(crate) fn join<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        let tokens = heads.shape()[2];
        let shape = Shape::from([self.batch * tokens, self.heads * self.head_width]);
        B::float_reshape(B::float_swap_dims(heads, 1, 2), shape)
    }
}
