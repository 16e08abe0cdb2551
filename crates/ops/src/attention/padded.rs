//! Attention of padded sequences by burn's primitives, for backends without a kernel.

use burn::backend::{Backend, tensor::FloatTensor};

use super::{Inputs, Layout, Settings};
use crate::dropout::Dropout;
use crate::kernels::Kernels;
use crate::linear::product;

fn drop<B: Kernels>(x: FloatTensor<B>, dropout: Option<Dropout>) -> FloatTensor<B> {
    match dropout {
        Some(Dropout { probability, key }) => <B as Kernels>::dropout_hashed(x, probability, key),
        None => x,
    }
}

/// Returns the result, `[B * Q, D]`, and the probabilities before dropout, `[B, H, Q, S]` or in
/// blocks.
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
    let layout = Layout::in_blocks::<B>(&query, &additive_key_mask, settings);
    // The queries are scaled before the product: K values a query instead of S.
    let query = layout.split_queries::<B>(B::float_mul_scalar(query, layout.scale().into()));
    let keys = B::float_swap_dims(layout.split_keys::<B>(key), 2, 3);
    let scores = product::<B>(query, keys, settings.precision);
    let scores = B::float_add(scores, layout.split_mask::<B>(additive_key_mask));
    let scores = layout.window_only::<B>(scores, settings.window);
    let probabilities = B::softmax(scores, 3);
    let dropped = drop::<B>(probabilities.clone(), settings.dropout);
    let values = layout.split_keys::<B>(value);
    let context = product::<B>(dropped, values, settings.precision);
    (layout.join_queries::<B>(context), vec![probabilities])
}

/// Returns the gradients of query, key and value.
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
        dropout, precision, ..
    } = settings;
    let layout = Layout::in_blocks::<B>(&inputs.query, &inputs.additive_key_mask, settings);
    let gradient = layout.split_queries::<B>(gradient);
    let of_value = value_wanted.then(|| {
        let dropped = drop::<B>(probabilities.clone(), dropout);
        let dropped = B::float_swap_dims(dropped, 2, 3);
        layout.join_keys::<B>(product::<B>(dropped, gradient.clone(), precision))
    });
    if !query_wanted && !key_wanted {
        return [None, None, of_value];
    }
    let values = B::float_swap_dims(layout.split_keys::<B>(inputs.value), 2, 3);
    let of_probabilities = drop::<B>(product::<B>(gradient, values, precision), dropout);
    let of_scores = softmax_backward::<B>(probabilities, of_probabilities);
    let of_scores = B::float_mul_scalar(of_scores, layout.scale().into());
    let of_query = query_wanted.then(|| {
        let keys = layout.split_keys::<B>(inputs.key);
        layout.join_queries::<B>(product::<B>(of_scores.clone(), keys, precision))
    });
    let of_key = key_wanted.then(|| {
        let queries = layout.split_queries::<B>(inputs.query);
        let transposed = B::float_swap_dims(of_scores, 2, 3);
        layout.join_keys::<B>(product::<B>(transposed, queries, precision))
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
