//! Sliding windows in blocks: each block of queries attends to its own keys and those of the blocks
//! before and after it. So what is stored is linear in the length of a sequence.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Shape, Slice};

use super::Settings;

/// Queries in a block at least: matrix products of fewer are slow.
const LEAST_QUERIES: usize = 16;

/// Blocks of keys that a block of queries attends to.
const NEIGHBORS: usize = 3;

/// Division of the tokens of each head into blocks, which stand beside the heads.
///
/// Letters in `# Shapes`: `N` blocks of `W` queries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    /// `S`
    sequence: usize,
    /// `W`
    size: usize,
    /// `N`
    count: usize,
}

impl Blocks {
    /// Returns blocks of the tokens of a padded sequence; `None` if they would have as many keys as the
    /// sequence, or if there is dropout: its mask counts the places among all keys.
    pub(super) fn new(sequence: usize, settings: Settings) -> Option<Self> {
        let size = settings.window?.max(LEAST_QUERIES);
        let is_less = size.saturating_mul(NEIGHBORS) < sequence;
        (is_less && settings.dropout.is_none()).then(|| Self {
            sequence,
            size,
            count: sequence.div_ceil(size),
        })
    }

    /// Returns the place of a block's first query among its keys.
    pub(super) fn first_query(self) -> usize {
        self.size
    }

    /// Divides queries.
    ///
    /// # Shapes
    /// - `heads`: `[B, H, S, K]`
    /// - output: `[B, H * N, W, K]`
    pub(super) fn queries<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        let padding = self.count * self.size - self.sequence;
        self.divide::<B>(extend::<B>(heads, [0, padding], 0.0))
    }

    /// Divides keys, with `fill` before the first and after the last.
    ///
    /// # Shapes
    /// - `heads`: `[B, H, S, K]`
    /// - output: `[B, H * N, 3 W, K]`
    pub(super) fn keys<B: Backend>(self, heads: FloatTensor<B>, fill: f32) -> FloatTensor<B> {
        let padding = (self.count + 1) * self.size - self.sequence;
        let heads = extend::<B>(heads, [self.size, padding], fill);
        let neighbors = (0..NEIGHBORS).map(|neighbor| {
            let tokens = narrow::<B>(heads.clone(), neighbor * self.size, self.count * self.size);
            self.divide::<B>(tokens)
        });
        B::float_cat(neighbors.collect(), 2)
    }

    /// Joins what [`Self::queries`] divides.
    pub(super) fn join_queries<B: Backend>(self, blocks: FloatTensor<B>) -> FloatTensor<B> {
        narrow::<B>(self.undivide::<B>(blocks), 0, self.sequence)
    }

    /// Adds up, for each key, what is in the blocks that have it.
    ///
    /// # Shapes
    /// - `blocks`: `[B, H * N, 3 W, K]`
    /// - output: `[B, H, S, K]`
    pub(super) fn join_keys<B: Backend>(self, blocks: FloatTensor<B>) -> FloatTensor<B> {
        let neighbor = |number: usize| {
            let tokens = narrow::<B>(blocks.clone(), number * self.size, self.size);
            let after = (NEIGHBORS - 1 - number) * self.size;
            extend::<B>(self.undivide::<B>(tokens), [number * self.size, after], 0.0)
        };
        let sum = (1..NEIGHBORS).map(neighbor).fold(neighbor(0), B::float_add);
        narrow::<B>(sum, self.size, self.sequence)
    }

    /// From `[B, H, N * W, K]` to `[B, H * N, W, K]`.
    fn divide<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        let [batch, heads_count, _, width] = heads.shape().dims();
        let shape = [batch, heads_count * self.count, self.size, width];
        B::float_reshape(heads, Shape::from(shape))
    }

    /// Back from `[B, H * N, W, K]` to `[B, H, N * W, K]`.
    fn undivide<B: Backend>(self, blocks: FloatTensor<B>) -> FloatTensor<B> {
        let [batch, count, size, width] = blocks.shape().dims();
        let shape = [batch, count / self.count, self.count * size, width];
        B::float_reshape(blocks, Shape::from(shape))
    }
}

/// Adds so many tokens of `fill` before and after those of each head.
fn extend<B: Backend>(
    heads: FloatTensor<B>,
    [before, after]: [usize; 2],
    fill: f32,
) -> FloatTensor<B> {
    let [batch, count, _, width] = heads.shape().dims();
    let (device, dtype) = (heads.device(), heads.dtype());
    let filled = |tokens: usize| {
        let shape = Shape::from([batch, count, tokens, width]);
        (tokens > 0).then(|| B::float_full(shape, fill.into(), &device, dtype.into()))
    };
    let parts = [filled(before), Some(heads), filled(after)];
    B::float_cat(parts.into_iter().flatten().collect(), 2)
}

/// Returns so many tokens of each head from `start` on.
fn narrow<B: Backend>(heads: FloatTensor<B>, start: usize, count: usize) -> FloatTensor<B> {
    let all = Slice::from(..);
    B::float_slice(heads, &[all, all, Slice::from(start..start + count), all])
}
