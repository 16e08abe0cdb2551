//! Multi-head scaled dot-product attention ([Vaswani et al.
//! 2017](https://arxiv.org/abs/1706.03762)) on token rows, with a key mask and attention dropout,
//! as `BertSelfAttention`: for all tokens of a sequence, or only for selected queries.

mod layout;

pub(crate) use layout::Layout;

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{Backend, Dispatch, tensor::FloatTensor};
use burn::tensor::{Device, Shape, Tensor};

use crate::autodiff::node_of;
use crate::dropout::Dropout;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;
use crate::linear::product;
use crate::precision::Precision;
use crate::transfer::upload_floats;

/// Returns the additive attention mask: 0 for tokens, and the lowest f32 for padding, whose
/// attention weight is then exactly 0.
///
/// # Shapes
/// - `attention_mask`: `B * S` values, row by row; `true` for tokens
/// - output: `[B, S]`
///
/// # Panics
/// If the mask does not have `batch * sequence` values.
pub fn additive_key_mask(
    attention_mask: &[bool],
    [batch, sequence]: [usize; 2],
    device: &Device,
) -> Tensor<2> {
    let real = attention_mask.iter().map(|real| f32::from(*real));
    additive_key_mask_of(upload_floats(real.collect(), [batch, sequence], device))
}

/// Returns the same mask as [`additive_key_mask()`], computed on the device.
///
/// # Shapes
/// - `real`: `[B, S]`, 1 for tokens and 0 for padding
/// - output: `[B, S]`
pub fn additive_key_mask_of(real: Tensor<2>) -> Tensor<2> {
    let padding = real.clone().equal_scalar(0.0);
    real.zeros_like().mask_fill(padding, f32::MIN)
}

/// Computes `softmax(query · keyᵀ / sqrt(K) + additive_key_mask) · value` per head, with concatenated heads.
///
/// There may be fewer queries than tokens: models often need only one token per sequence of the
/// last layer.
///
/// The operands of the matrix products, forward and backward, are rounded to the precision of the
/// settings; the softmax is computed in f32.
///
/// On flex without dropout, the result of a query is bit-identical for any other queries, other
/// sequences in the batch, and padding.
///
/// # Shapes
/// - `query`: `[B * Q, D]`, the queries of a sequence one after the other; `Q` is any number
/// - `key`, `value`: `[B * S, D]`, the rows of a batch one after the other
/// - `additive_key_mask`: `[B, S]`, see [`additive_key_mask()`]; it takes no gradient
/// - output: `[B * Q, D]`
///
/// # Panics
/// If `D` is not a multiple of the number of heads, the rows of `query` are not a multiple of `B`,
/// `key` or `value` are not `[B * S, D]`, or the dropout probability is not in `[0, 1)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{AttentionSettings, Precision, attention, additive_key_mask};
///
/// let device = Device::flex();
/// // Two sequences of three tokens; the second ends with padding.
/// let bias = additive_key_mask(&[true, true, true, true, true, false], [2, 3], &device);
/// let tokens = Tensor::<2>::ones([6, 4], &device);
/// // One query of each.
/// let query = Tensor::<2>::ones([2, 4], &device);
/// let settings = AttentionSettings { heads: 2, dropout: None, precision: Precision::F32 };
/// let context = attention(query, tokens.clone(), tokens, bias, settings);
/// assert_eq!(context.dims(), [2, 4]);
/// ```
pub fn attention(
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    additive_key_mask: Tensor<2>,
    settings: Settings,
) -> Tensor<2> {
    let [queries, hidden] = query.dims();
    let [batch, sequence] = additive_key_mask.dims();
    assert_eq!(
        queries % batch,
        0,
        "{queries} queries in a batch of {batch}"
    );
    for (rows, what) in [(&key, "keys"), (&value, "values")] {
        let expected = [batch * sequence, hidden];
        assert_eq!(rows.dims(), expected, "{what} of {batch} x {sequence}");
    }
    let heads = settings.heads;
    assert_eq!(hidden % heads, 0, "width {hidden} in {heads} heads");
    Tensor::from_dispatch(<Dispatch as EncoderOps>::attention_rows(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
        additive_key_mask.into_dispatch(),
        Settings {
            dropout: settings.dropout.and_then(Dropout::checked),
            ..settings
        },
    ))
}

/// Settings of attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Number of heads, `H`.
    pub heads: usize,
    /// Dropout of the attention weights.
    pub dropout: Option<Dropout>,
    /// Precision of the operands of the matrix products.
    pub precision: Precision,
}

/// Inputs of attention.
#[derive(Debug, Clone)]
pub struct Inputs<T> {
    /// Queries, `[B * Q, D]`.
    pub query: T,
    /// Keys, `[B * S, D]`.
    pub key: T,
    /// Values, `[B * S, D]`.
    pub value: T,
    /// Additive mask, `[B, S]`.
    pub additive_key_mask: T,
}

impl<T> Inputs<T> {
    /// Returns query, key, value and mask.
    pub(crate) fn tensors(&self) -> [&T; 4] {
        let Self {
            query,
            key,
            value,
            additive_key_mask,
        } = self;
        [query, key, value, additive_key_mask]
    }

    /// The same, by value.
    pub(crate) fn into_tensors(self) -> [T; 4] {
        [self.query, self.key, self.value, self.additive_key_mask]
    }
}

fn drop<B: Kernels>(x: FloatTensor<B>, dropout: Option<Dropout>) -> FloatTensor<B> {
    match dropout {
        Some(Dropout { probability, key }) => <B as Kernels>::dropout_hashed(x, probability, key),
        None => x,
    }
}

/// The result, `[B * Q, D]`, and the probabilities before dropout, `[B, H, Q, S]`.
pub(crate) fn forward<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    let Inputs {
        query,
        key,
        value,
        additive_key_mask,
    } = inputs;
    let layout = Layout::new::<B>(&query, &additive_key_mask, settings.heads);
    // The queries are scaled before the product: K values a query instead of S.
    let query = layout.split::<B>(B::float_mul_scalar(query, layout.scale().into()));
    let keys = B::float_swap_dims(layout.split::<B>(key), 2, 3);
    let scores = product::<B>(query, keys, settings.precision);
    let bias = B::float_reshape(
        additive_key_mask,
        Shape::from([layout.batch, 1, 1, layout.sequence]),
    );
    let probabilities = B::softmax(B::float_add(scores, bias), 3);
    let dropped = drop::<B>(probabilities.clone(), settings.dropout);
    let context = product::<B>(dropped, layout.split::<B>(value), settings.precision);
    (layout.join::<B>(context), vec![probabilities])
}

/// The gradients of query, key and value.
///
/// # Panics
/// If what the forward pass `left` is not the probabilities.
pub(crate) fn gradients<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    left: Vec<FloatTensor<B>>,
    settings: Settings,
    gradient: FloatTensor<B>,
    [query_wanted, key_wanted, value_wanted]: [bool; 3],
) -> [Option<FloatTensor<B>>; 3] {
    let Ok([probabilities]) = <[FloatTensor<B>; 1]>::try_from(left) else {
        panic!("the forward leaves the probabilities")
    };
    let Settings {
        heads,
        dropout,
        precision,
    } = settings;
    let layout = Layout::new::<B>(&inputs.query, &inputs.additive_key_mask, heads);
    let gradient = layout.split::<B>(gradient);
    let of_value = value_wanted.then(|| {
        let dropped = drop::<B>(probabilities.clone(), dropout);
        let dropped = B::float_swap_dims(dropped, 2, 3);
        layout.join::<B>(product::<B>(dropped, gradient.clone(), precision))
    });
    if !query_wanted && !key_wanted {
        return [None, None, of_value];
    }
    let values = B::float_swap_dims(layout.split::<B>(inputs.value), 2, 3);
    let of_probabilities = drop::<B>(product::<B>(gradient, values, precision), dropout);
    let of_scores = softmax_backward::<B>(probabilities, of_probabilities);
    let of_scores = B::float_mul_scalar(of_scores, layout.scale().into());
    let of_query = query_wanted.then(|| {
        let keys = layout.split::<B>(inputs.key);
        layout.join::<B>(product::<B>(of_scores.clone(), keys, precision))
    });
    let of_key = key_wanted.then(|| {
        let queries = layout.split::<B>(inputs.query);
        let transposed = B::float_swap_dims(of_scores, 2, 3);
        layout.join::<B>(product::<B>(transposed, queries, precision))
    });
    [of_query, of_key, of_value]
}

/// The gradient of the scores from that of their softmax, over the last of four dimensions.
fn softmax_backward<B: Backend>(
    probabilities: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    let along = B::float_sum_dim(B::float_mul(grad.clone(), probabilities.clone()), 3);
    B::float_mul(probabilities, B::float_sub(grad, along))
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    inputs: Inputs<FloatTensor<Autodiff<B, C>>>,
    settings: Settings,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [inputs.query.node(), inputs.key.node(), inputs.value.node()];
    let [query, key, value, additive_key_mask] =
        inputs.into_tensors().map(|tensor| tensor.into_primitive());
    let inputs = Inputs {
        query,
        key,
        value,
        additive_key_mask,
    };
    node_of::<B, C, _, _, _, 3>(
        parents,
        inputs,
        |inputs| <B as Kernels>::attention_rows(inputs, settings),
        |inputs, left| {
            move |gradient, wanted| B::attention_gradients(inputs, left, settings, gradient, wanted)
        },
    )
}
