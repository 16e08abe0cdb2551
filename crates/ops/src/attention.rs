//! Multi-head scaled dot-product attention ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762))
//! from token rows to token rows, with a key mask and dropout on the probabilities, as
//! `BertSelfAttention` computes it.

use burn::backend::autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Backend, Dispatch, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Device, Shape, Slice, Tensor, TensorData};

use crate::{Dropout, EncoderOps};

/// The attention mask as numbers to add to the scores: 0 for a real token, the lowest 32-bit float
/// for padding, whose probability then is exactly 0.
///
/// # Shapes
/// - `attention_mask`: `B * S` values, row by row; `true` for a real token
/// - output: `[B, S]`
///
/// # Panics
/// If the mask has not `batch * sequence` values.
pub fn key_bias(
    attention_mask: &[bool],
    [batch, sequence]: [usize; 2],
    device: &Device,
) -> Tensor<2> {
    let bias: Vec<f32> = attention_mask
        .iter()
        .map(|real| if *real { 0.0 } else { f32::MIN })
        .collect();
    Tensor::from_data(TensorData::new(bias, [batch, sequence]), device)
}

/// For each head `softmax(query · keyᵀ / sqrt(K) + key_bias) · value`, the heads side by side.
///
/// On flex, and without dropout, the result of a sequence does not depend on the other sequences of
/// the batch nor on its padding, bit for bit.
///
/// # Shapes
/// - `query`, `key`, `value`: `[T, D]`, the rows of a batch one after the other
/// - `key_bias`: `[B, S]` with `B * S = T`, see [`key_bias()`]; it takes no gradient
/// - output: `[T, D]`
///
/// # Panics
/// If `D` is not a multiple of `heads`, `T` is not `B * S`, or the dropout is not in `[0, 1)`.
pub fn attention(
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    key_bias: Tensor<2>,
    heads: usize,
    dropout: Option<Dropout>,
) -> Tensor<2> {
    let [tokens, hidden] = query.dims();
    let [batch, sequence] = key_bias.dims();
    assert_eq!(
        tokens,
        batch * sequence,
        "token rows against batch {batch} x sequence {sequence}"
    );
    assert_eq!(
        hidden % heads,
        0,
        "hidden size {hidden} against {heads} heads"
    );
    let Dropout {
        probability,
        key: address,
    } = dropout
        .unwrap_or(Dropout {
            probability: 0.0,
            key: 0,
        })
        .checked();
    Tensor::from_dispatch(<Dispatch as EncoderOps>::attention_rows(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
        key_bias.into_dispatch(),
        heads,
        probability,
        address,
    ))
}

/// flex counts products of at most so many results as small.
const SMALL_PRODUCT: usize = 256;

/// flex adds up so many products in one go.
const LONGEST_SUM: usize = 512;

/// Zeros behind what is shorter than three along a dimension.
fn three_wide<B: Backend>(heads: FloatTensor<B>, dimension: usize) -> FloatTensor<B> {
    let mut shape = heads.shape();
    shape[dimension] = 3 - shape[dimension];
    let zeros = B::float_zeros(shape, &heads.device(), heads.dtype().into());
    B::float_cat(vec![heads, zeros], dimension)
}

/// How the rows of a batch divide into heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    batch: usize,
    sequence: usize,
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

    fn scale(self) -> f64 {
        1.0 / (self.head_width as f64).sqrt()
    }

    /// `[T, D]` to `[B, H, S, K]`.
    fn split<B: Backend>(self, rows: FloatTensor<B>) -> FloatTensor<B> {
        let shape = Shape::from([self.batch, self.sequence, self.heads, self.head_width]);
        B::float_swap_dims(B::float_reshape(rows, shape), 1, 2)
    }

    /// The keys `[B, H, S, K]` to `[B, H, K, S]`.
    ///
    /// flex has a way of its own to multiply two small matrices whose sums both run along the
    /// memory, and adds up in another order there. So few keys are also moved in memory.
    fn transpose<B: Backend>(self, key: FloatTensor<B>) -> FloatTensor<B> {
        let shape = key.shape();
        let key = B::float_swap_dims(key, 2, 3);
        if self.sequence * self.sequence > SMALL_PRODUCT {
            return key;
        }
        let [batch, heads, sequence, width] = [shape[0], shape[1], shape[2], shape[3]];
        let moved = B::float_reshape(key, Shape::from([batch * heads * width, sequence]));
        B::float_reshape(moved, Shape::from([batch, heads, width, sequence]))
    }

    /// The probabilities `[B, H, S, S]` times the values `[B, H, S, K]`, whose sums flex adds up in
    /// the order of the tokens: sums of one or two products have a way of their own there, so zeros
    /// follow them; long sums are cut where the number of tokens says, so they are cut before.
    fn weigh<B: Backend>(
        self,
        probabilities: FloatTensor<B>,
        value: FloatTensor<B>,
    ) -> FloatTensor<B> {
        if self.sequence < 3 {
            let probabilities = three_wide::<B>(probabilities, 3);
            return B::float_matmul(probabilities, three_wide::<B>(value, 2));
        }
        if self.sequence <= LONGEST_SUM {
            return B::float_matmul(probabilities, value);
        }
        let part = |start: usize| {
            let all = Slice::full();
            let tokens = Slice::from(start..self.sequence.min(start + LONGEST_SUM));
            let weights = B::float_slice(probabilities.clone(), &[all, all, all, tokens]);
            B::float_matmul(
                weights,
                B::float_slice(value.clone(), &[all, all, tokens, all]),
            )
        };
        let later = (LONGEST_SUM..self.sequence).step_by(LONGEST_SUM);
        later.fold(part(0), |sum, start| B::float_add(sum, part(start)))
    }

    /// `[B, H, S, K]` to `[T, D]`.
    fn join<B: Backend>(self, heads: FloatTensor<B>) -> FloatTensor<B> {
        let shape = Shape::from([self.batch * self.sequence, self.heads * self.head_width]);
        B::float_reshape(B::float_swap_dims(heads, 1, 2), shape)
    }
}

/// Dropout on the attention probabilities; the same key gives the same mask forward and backward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbabilityDropout {
    probability: f64,
    key: u64,
}

impl ProbabilityDropout {
    pub(crate) fn new(probability: f64, key: u64) -> Self {
        Self { probability, key }
    }

    fn apply<B: EncoderOps>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        if self.probability == 0.0 {
            return x;
        }
        B::dropout_hashed(x, self.probability, self.key)
    }
}

/// The result, and what the backward pass needs.
pub(crate) struct Attended<B: Backend> {
    /// `[T, D]`
    pub(crate) context: FloatTensor<B>,
    /// Before dropout, `[B, H, S, S]`.
    probabilities: FloatTensor<B>,
}

pub(crate) fn forward<B: EncoderOps>(
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    key_bias: FloatTensor<B>,
    layout: Layout,
    dropout: ProbabilityDropout,
) -> Attended<B> {
    // The queries are scaled before the product: K values a token instead of S.
    let query = layout.split::<B>(B::float_mul_scalar(query, layout.scale().into()));
    let scores = B::float_matmul(query, layout.transpose::<B>(layout.split::<B>(key)));
    let bias = B::float_reshape(key_bias, Shape::from([layout.batch, 1, 1, layout.sequence]));
    let probabilities = B::softmax(B::float_add(scores, bias), 3);
    let dropped = dropout.apply::<B>(probabilities.clone());
    let context = layout.weigh::<B>(dropped, layout.split::<B>(value));
    Attended {
        context: layout.join::<B>(context),
        probabilities,
    }
}

#[derive(Debug)]
struct AttentionBackward;

#[derive(Debug, Clone)]
struct Saved<B: Backend> {
    query: FloatTensor<B>,
    key: FloatTensor<B>,
    value: FloatTensor<B>,
    probabilities: FloatTensor<B>,
    layout: Layout,
    dropout: ProbabilityDropout,
}

impl<B: EncoderOps> Backward<B, 3> for AttentionBackward {
    type State = Saved<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [query_node, key_node, value_node] = ops.parents;
        let Saved {
            query,
            key,
            value,
            probabilities,
            layout,
            dropout,
        } = ops.state;
        let grad = layout.split::<B>(grads.consume::<B>(&ops.node));

        if let Some(node) = value_node {
            let dropped = dropout.apply::<B>(probabilities.clone());
            let value_grad = B::float_matmul(B::float_swap_dims(dropped, 2, 3), grad.clone());
            grads.register::<B>(node.id, layout.join::<B>(value_grad));
        }
        if query_node.is_none() && key_node.is_none() {
            return;
        }

        let value = B::float_swap_dims(layout.split::<B>(value), 2, 3);
        let probability_grad = dropout.apply::<B>(B::float_matmul(grad, value));
        let scores_grad = softmax_backward::<B>(probabilities, probability_grad);
        let scores_grad = B::float_mul_scalar(scores_grad, layout.scale().into());

        if let Some(node) = query_node {
            let query_grad = B::float_matmul(scores_grad.clone(), layout.split::<B>(key));
            grads.register::<B>(node.id, layout.join::<B>(query_grad));
        }
        if let Some(node) = key_node {
            let transposed = B::float_swap_dims(scores_grad, 2, 3);
            let key_grad = B::float_matmul(transposed, layout.split::<B>(query));
            grads.register::<B>(node.id, layout.join::<B>(key_grad));
        }
    }
}

/// The gradient of the scores from that of their softmax, over the last of four dimensions.
fn softmax_backward<B: Backend>(
    probabilities: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    let along = B::float_sum_dim(B::float_mul(grad.clone(), probabilities.clone()), 3);
    B::float_mul(probabilities, B::float_sub(grad, along))
}

pub(crate) fn tracked<B: EncoderOps, C: CheckpointStrategy>(
    query: FloatTensor<Autodiff<B, C>>,
    key: FloatTensor<Autodiff<B, C>>,
    value: FloatTensor<Autodiff<B, C>>,
    key_bias: FloatTensor<Autodiff<B, C>>,
    heads: usize,
    dropout: ProbabilityDropout,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [query.node(), key.node(), value.node()];
    let (query, key, value) = (
        query.into_primitive(),
        key.into_primitive(),
        value.into_primitive(),
    );
    let key_bias = key_bias.into_primitive();
    match AttentionBackward
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => {
            let layout = Layout::new::<B>(&query, &key_bias, heads);
            let attended = forward::<B>(
                query.clone(),
                key.clone(),
                value.clone(),
                key_bias,
                layout,
                dropout,
            );
            let probabilities = attended.probabilities;
            let saved = Saved {
                query,
                key,
                value,
                probabilities,
                layout,
                dropout,
            };
            prep.finish(saved, attended.context)
        }
        OpsKind::UnTracked(prep) => prep.finish(B::attention_rows(
            query,
            key,
            value,
            key_bias,
            heads,
            dropout.probability,
            dropout.key,
        )),
    }
}
