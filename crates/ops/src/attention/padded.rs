//! Attention of padded sequences by burn's primitives, for backends without a kernel.

use burn::backend::{
    Backend,
    tensor::{FloatTensor, IntTensor},
};

use super::relative::{Heads, RelativeTables, TermGradients, add_to, table_gradients};
use super::{Inputs, Layout, Settings};
use crate::dropout::Dropout;
use crate::kernels::Kernels;
use crate::linear::product;

/// Tables of scores by distance, if there are any.
type Relative<'a, B> = Option<&'a RelativeTables<FloatTensor<B>, IntTensor<B>>>;

/// The gradients of inputs, and those of tables by distance.
pub(super) type WithTables<F> = ([Option<F>; 3], [Option<F>; 3]);

fn drop<B: Kernels>(x: FloatTensor<B>, dropout: Option<Dropout>) -> FloatTensor<B> {
    match dropout {
        Some(Dropout { probability, key }) => <B as Kernels>::dropout_hashed(x, probability, key),
        None => x,
    }
}

/// Tables know the rows of all queries and keys, not of blocks.
fn layout_of<B: Kernels>(
    inputs: &Inputs<FloatTensor<B>>,
    relative: Relative<'_, B>,
    settings: Settings,
) -> Layout {
    let Inputs {
        query,
        additive_key_mask,
        ..
    } = inputs;
    match relative {
        Some(_) => Layout::new::<B>(query, additive_key_mask, settings.heads),
        None => Layout::in_blocks::<B>(query, additive_key_mask, settings),
    }
}

/// Returns the result, `[B * Q, D]`, and the probabilities before dropout, `[B, H, Q, S]` or in
/// blocks.
pub(crate) fn forward<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    forward_with::<B>(inputs, None, settings)
}

/// The same, with the scores of tables by distance.
pub(super) fn forward_with<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    relative: Relative<'_, B>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    let layout = layout_of::<B>(&inputs, relative, settings);
    let Inputs {
        query,
        key,
        value,
        additive_key_mask,
    } = inputs;
    let scale = relative.map_or(layout.scale(), |tables| tables.scale);
    // The queries are scaled before the product: K values a query instead of S.
    let query = layout.split_queries::<B>(B::float_mul_scalar(query, scale.into()));
    let key = layout.split_keys::<B>(key);
    let keys = B::float_swap_dims(key.clone(), 2, 3);
    let scores = product::<B>(query.clone(), keys, settings.precision);
    let scores = match relative {
        Some(tables) => {
            let heads = Heads { query, key };
            add_to::<B>(tables, scores, heads, layout, settings.precision)
        }
        None => scores,
    };
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
    [query, key, value]: [bool; 3],
) -> [Option<FloatTensor<B>>; 3] {
    let wanted = [query, key, value, false, false, false];
    gradients_with::<B>(inputs, None, left, settings, gradient, wanted).0
}

/// The same, and the gradients of the wanted tables by distance.
pub(super) fn gradients_with<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    relative: Relative<'_, B>,
    left: Vec<FloatTensor<B>>,
    settings: Settings,
    gradient: FloatTensor<B>,
    wanted: [bool; 6],
) -> WithTables<FloatTensor<B>> {
    let Ok([probabilities]) = <[FloatTensor<B>; 1]>::try_from(left) else {
        panic!("the forward leaves the probabilities")
    };
    let Settings {
        dropout, precision, ..
    } = settings;
    let [query_wanted, key_wanted, value_wanted, tables_wanted @ ..] = wanted;
    let layout = layout_of::<B>(&inputs, relative, settings);
    let gradient = layout.split_queries::<B>(gradient);
    let of_value = value_wanted.then(|| {
        let dropped = drop::<B>(probabilities.clone(), dropout);
        let dropped = B::float_swap_dims(dropped, 2, 3);
        layout.join_keys::<B>(product::<B>(dropped, gradient.clone(), precision))
    });
    if !query_wanted && !key_wanted && tables_wanted == [false; 3] {
        return ([None, None, of_value], [None, None, None]);
    }
    let values = B::float_swap_dims(layout.split_keys::<B>(inputs.value), 2, 3);
    let of_probabilities = drop::<B>(product::<B>(gradient, values, precision), dropout);
    let of_scores = softmax_backward::<B>(probabilities, of_probabilities);
    let scale = relative.map_or(layout.scale(), |tables| tables.scale);
    let unscaled = relative.map(|tables| (tables, of_scores.clone()));
    let of_scores = B::float_mul_scalar(of_scores, scale.into());
    let query = layout.split_queries::<B>(inputs.query);
    let key = layout.split_keys::<B>(inputs.key);
    let of_query = query_wanted.then(|| product::<B>(of_scores.clone(), key.clone(), precision));
    let of_key = key_wanted.then(|| {
        let transposed = B::float_swap_dims(of_scores.clone(), 2, 3);
        product::<B>(transposed, query.clone(), precision)
    });
    let more = unscaled.map(|(tables, unscaled)| {
        let heads = Heads { query, key };
        let of_scores = [unscaled, of_scores];
        table_gradients::<B>(tables, of_scores, heads, layout, precision, tables_wanted)
    });
    let TermGradients {
        heads: [more_query, more_key],
        tables,
    } = more.unwrap_or(TermGradients::NONE);
    let sum = |of: Option<FloatTensor<B>>, more: Option<FloatTensor<B>>| match (of, more) {
        (Some(of), Some(more)) => Some(B::float_add(of, more)),
        (of, _) => of,
    };
    let of_query = sum(of_query, more_query).map(|heads| layout.join_queries::<B>(heads));
    let of_key = sum(of_key, more_key).map(|heads| layout.join_keys::<B>(heads));
    ([of_query, of_key, of_value], tables)
}

/// The gradient of the scores from that of their softmax, over the last of four dimensions.
fn softmax_backward<B: Backend>(
    probabilities: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    let along = B::float_sum_dim(B::float_mul(grad.clone(), probabilities.clone()), 3);
    B::float_mul(probabilities, B::float_sub(grad, along))
}
