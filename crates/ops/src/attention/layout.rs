//! How token rows divide into heads, and the two matrix products of attention on them.
//!
//! On flex both add up in the order of the inner dimension, whatever the number of queries, tokens
//! and rows: so a query has the same result, bit for bit, alone and among others. The matrix product
//! beneath flex has ways of its own for some shapes, which are avoided here.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Shape, Slice};

/// flex counts products of at most so many results as small.
const SMALL_PRODUCT: usize = 256;

/// flex adds up so many products in one go.
const LONGEST_SUM: usize = 512;

/// How the rows of a batch divide into heads. `N` tokens of each sequence are all of them for keys
/// and values, and any number for queries.
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
        key_bias: &FloatTensor<B>,
        heads: usize,
    ) -> Self {
        let (rows, bias) = (rows.shape(), key_bias.shape());
        Self {
            batch: bias[0],
            sequence: bias[1],
            heads,
            head_width: rows[1] / heads,
        }
    }

    pub(super) fn scale(self) -> f64 {
        1.0 / (self.head_width as f64).sqrt()
    }

    /// `[B * N, D]` to `[B, H, N, K]`.
    pub(super) fn split<B: Backend>(self, rows: FloatTensor<B>) -> FloatTensor<B> {
        let tokens = rows.shape()[0] / self.batch;
        let shape = Shape::from([self.batch, tokens, self.heads, self.head_width]);
        B::float_swap_dims(B::float_reshape(rows, shape), 1, 2)
    }

    /// `[B, H, N, K]` to `[B * N, D]`.
    pub(super) fn join<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        let tokens = heads.shape()[2];
        let shape = Shape::from([self.batch * tokens, self.heads * self.head_width]);
        B::float_reshape(B::float_swap_dims(heads, 1, 2), shape)
    }

    /// The queries `[B, H, Q, K]` times the keys `[B, H, S, K]`: `[B, H, Q, S]`.
    ///
    /// Where both run along the memory, flex adds up a lone query and small products in lanes of the
    /// vector unit. So the keys are moved in memory for those.
    pub(super) fn compare<B: Backend>(
        self,
        query: FloatTensor<B>,
        key: FloatTensor<B>,
    ) -> FloatTensor<B> {
        let queries = query.shape()[2];
        let key = B::float_swap_dims(key, 2, 3);
        if queries > 1 && queries * self.sequence > SMALL_PRODUCT {
            return product::<B>(query, key);
        }
        let [batch, heads, width] = [self.batch, self.heads, self.head_width];
        let moved = Shape::from([batch * heads * width, self.sequence]);
        let moved = B::float_reshape(key, moved);
        let shape = Shape::from([batch, heads, width, self.sequence]);
        product::<B>(query, B::float_reshape(moved, shape))
    }

    /// The probabilities `[B, H, Q, S]` times the values `[B, H, S, K]`: `[B, H, Q, K]`.
    ///
    /// Sums of one or two products have a way of their own in flex, so zeros follow them.
    pub(super) fn weigh<B: Backend>(
        self,
        probabilities: FloatTensor<B>,
        value: FloatTensor<B>,
    ) -> FloatTensor<B> {
        if self.sequence >= 3 {
            return product::<B>(probabilities, value);
        }
        let probabilities = three_wide::<B>(probabilities, 3);
        product::<B>(probabilities, three_wide::<B>(value, 2))
    }
}

/// Zeros behind what is shorter than three along a dimension.
fn three_wide<B: Backend>(heads: FloatTensor<B>, dimension: usize) -> FloatTensor<B> {
    let mut shape = heads.shape();
    shape[dimension] = 3 - shape[dimension];
    let zeros = B::float_zeros(shape, &heads.device(), heads.dtype().into());
    B::float_cat(vec![heads, zeros], dimension)
}

/// The matrix product of the last two of four dimensions. flex cuts long sums where the numbers of
/// rows and columns say, so they are cut before.
fn product<B: Backend>(left: FloatTensor<B>, right: FloatTensor<B>) -> FloatTensor<B> {
    let length = right.shape()[2];
    if length <= LONGEST_SUM {
        return B::float_matmul(left, right);
    }
    let part = |start: usize| {
        let all = Slice::full();
        let terms = Slice::from(start..length.min(start + LONGEST_SUM));
        B::float_matmul(
            B::float_slice(left.clone(), &[all, all, all, terms]),
            B::float_slice(right.clone(), &[all, all, terms, all]),
        )
    };
    let later = (LONGEST_SUM..length).step_by(LONGEST_SUM);
    later.fold(part(0), |sum, start| B::float_add(sum, part(start)))
}
