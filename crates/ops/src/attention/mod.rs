//! Multi-head scaled dot-product attention ([Vaswani et al.
//! 2017](https://arxiv.org/abs/1706.03762)) on token rows of packed sequences, with attention
//! dropout, as `BertSelfAttention`: for all tokens of a sequence, or only for its first ones; of all
//! keys, or of those in a sliding window ([Beltagy et al. 2020](https://arxiv.org/abs/2004.05150)).

mod blocks;
mod layout;
mod packed;
mod padded;
pub(crate) mod relative;

pub(crate) use layout::Layout;
pub use packed::Packing;
pub(crate) use packed::{packed_forward, packed_gradients};
pub(crate) use padded::{forward, gradients};

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{
    Dispatch,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::Tensor;

use crate::autodiff::node_of;
use crate::dropout::Dropout;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;
use crate::precision::Precision;
use crate::sequences::Sequences;

/// Computes `softmax(query · keyᵀ / sqrt(K)) · value` per head and sequence, with concatenated heads.
///
/// Queries are all tokens, or the first few of each sequence: models often need only one token per
/// sequence of the last layer.
///
/// The operands of the matrix products, forward and backward, are rounded to the precision of the
/// settings; the softmax is computed in f32.
///
/// On flex without dropout, the result of a query is bit-identical for any other queries and any
/// other sequences in the batch.
///
/// # Shapes
/// - `query`: `[T, D]`; or `[B * Q, D]`, the first `Q` tokens of each sequence one after the other
/// - `key`, `value`: `[T, D]`
/// - output: as `query`
///
/// # Panics
/// If `D` is not a multiple of the number of heads, the rows of `query` are neither `T` nor `B * Q`
/// with a `Q` up to the tokens of the shortest sequence, `key` or `value` are not `[T, D]`, or the
/// dropout probability is not in `[0, 1)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{AttentionSettings, Precision, Sequences, attention};
///
/// let device = Device::flex();
/// // Sequences of three and two tokens.
/// let sequences = Sequences::new(&[0, 3, 5], &device)?;
/// let tokens = Tensor::<2>::ones([5, 4], &device);
/// // The first token of each.
/// let query = sequences.first_tokens(tokens.clone());
/// let settings = AttentionSettings {
///     heads: 2,
///     window: None,
///     dropout: None,
///     precision: Precision::F32,
/// };
/// let context = attention(query, tokens.clone(), tokens, &sequences, settings);
/// assert_eq!(context.dims(), [2, 4]);
/// # Ok::<(), finetune_ops::SequencesError>(())
/// ```
pub fn attention(
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    sequences: &Sequences,
    settings: Settings,
) -> Tensor<2> {
    check_sizes(&query, &key, &value, sequences, settings.heads);
    let [token_of_slot, slot_of_token] = sequences.places();
    let dtype = query.dtype();
    Tensor::from_dispatch(<Dispatch as EncoderOps>::attention_rows(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
        sequences.additive_key_mask().cast(dtype).into_dispatch(),
        token_of_slot.into_dispatch(),
        slot_of_token.into_dispatch(),
        sequences.offsets().clone(),
        Settings {
            dropout: settings.dropout.and_then(Dropout::checked),
            precision: settings.precision.floating(),
            ..settings
        },
    ))
}

/// Asserts that query, key and value are rows of the sequences, in so many heads.
fn check_sizes(
    query: &Tensor<2>,
    key: &Tensor<2>,
    value: &Tensor<2>,
    sequences: &Sequences,
    heads: usize,
) {
    let [queries, hidden] = query.dims();
    let (batch, tokens) = (sequences.batch_size(), sequences.num_tokens());
    let shortest = sequences.offsets().lengths().min().unwrap_or(0);
    let are_first = queries.is_multiple_of(batch) && queries / batch <= shortest;
    assert!(
        queries == tokens || are_first,
        "{queries} queries of {batch} sequences of at least {shortest} tokens, {tokens} in all"
    );
    for (rows, what) in [(key, "keys"), (value, "values")] {
        assert_eq!(rows.dims(), [tokens, hidden], "{what} of {tokens} tokens");
    }
    assert_eq!(hidden % heads, 0, "width {hidden} in {heads} heads");
}

/// Settings of attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Number of heads, `H`.
    pub heads: usize,
    /// Sliding window: the most tokens between a query and a key that it attends to, on either
    /// side; `None` for all keys.
    pub window: Option<usize>,
    /// Dropout of the attention weights.
    pub dropout: Option<Dropout>,
    /// Precision of the operands of the matrix products.
    pub precision: Precision,
}

/// Inputs of attention, of packed or of padded sequences.
#[derive(Debug, Clone)]
pub struct Inputs<T> {
    /// Queries, `[T, D]` or `[B * Q, D]`.
    pub query: T,
    /// Keys, `[T, D]` or `[B * S, D]`.
    pub key: T,
    /// Values, as the keys.
    pub value: T,
    /// Additive mask, `[B, S]`.
    pub additive_key_mask: T,
}

impl<T> Inputs<T> {
    /// Returns query, key, value and mask.
    #[cfg(any(feature = "tch", feature = "wgpu", feature = "cuda"))]
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
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) fn into_tensors(self) -> [T; 4] {
        [self.query, self.key, self.value, self.additive_key_mask]
    }

    /// Returns the inputs as a function makes them.
    pub(crate) fn map<U>(self, each: impl Fn(T) -> U) -> Inputs<U> {
        Inputs {
            query: each(self.query),
            key: each(self.key),
            value: each(self.value),
            additive_key_mask: each(self.additive_key_mask),
        }
    }
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    inputs: Inputs<FloatTensor<Autodiff<B, C>>>,
    packing: Packing<IntTensor<B>>,
    settings: Settings,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [inputs.query.node(), inputs.key.node(), inputs.value.node()];
    let inputs = inputs.map(|tensor| tensor.into_primitive());
    let kept = packing.clone();
    node_of::<B, C, _, _, _, 3>(
        parents,
        inputs,
        |inputs| <B as Kernels>::attention_rows(inputs, packing, settings),
        |inputs, left| {
            move |gradient, wanted| {
                B::attention_gradients(inputs, left, kept, settings, gradient, wanted)
            }
        },
    )
}
