//! Multi-head scaled dot-product attention ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762))
//! from token rows to token rows, with a key mask and dropout on the probabilities, as
//! `BertSelfAttention` computes it: for all tokens of a sequence, or for those only whose result is
//! wanted.

mod layout;

pub(crate) use layout::Layout;

use burn::backend::autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Backend, Dispatch, tensor::FloatTensor};
use burn::tensor::{Device, Shape, Tensor, TensorData};

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
/// There may be fewer queries than tokens: what a model looks at of its last layer need not be
/// more than one token of each sequence.
///
/// On flex, and without dropout, the result of a query does not depend on the other queries, on the
/// other sequences of the batch nor on padding, bit for bit.
///
/// # Shapes
/// - `query`: `[B * Q, D]`, the queries of a sequence one after the other; `Q` is any number
/// - `key`, `value`: `[B * S, D]`, the rows of a batch one after the other
/// - `key_bias`: `[B, S]`, see [`key_bias()`]; it takes no gradient
/// - output: `[B * Q, D]`
///
/// # Panics
/// If `D` is not a multiple of `heads`, the rows of `query` not one of `B`, `key` or `value` are not
/// `[B * S, D]`, or the dropout is not in `[0, 1)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{attention, key_bias};
///
/// let device = Device::flex();
/// // Two sequences of three tokens; the second ends with padding.
/// let bias = key_bias(&[true, true, true, true, true, false], [2, 3], &device);
/// let tokens = Tensor::<2>::ones([6, 4], &device);
/// // One query of each.
/// let query = Tensor::<2>::ones([2, 4], &device);
/// let context = attention(query, tokens.clone(), tokens, bias, 2, None);
/// assert_eq!(context.dims(), [2, 4]);
/// ```
pub fn attention(
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    key_bias: Tensor<2>,
    heads: usize,
    dropout: Option<Dropout>,
) -> Tensor<2> {
    let [queries, hidden] = query.dims();
    let [batch, sequence] = key_bias.dims();
    assert_eq!(
        queries % batch,
        0,
        "{queries} queries in a batch of {batch}"
    );
    for (rows, what) in [(&key, "keys"), (&value, "values")] {
        let expected = [batch * sequence, hidden];
        assert_eq!(rows.dims(), expected, "{what} of {batch} x {sequence}");
    }
    assert_eq!(hidden % heads, 0, "width {hidden} in {heads} heads");
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
    /// `[B * Q, D]`
    pub(crate) context: FloatTensor<B>,
    /// Before dropout, `[B, H, Q, S]`.
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
    // The queries are scaled before the product: K values a query instead of S.
    let query = layout.split::<B>(B::float_mul_scalar(query, layout.scale().into()));
    let scores = layout.compare::<B>(query, layout.split::<B>(key));
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
