//! Attention whose scores have terms of the distance between query and key: the disentangled attention
//! of DeBERTa ([He et al. 2021](https://arxiv.org/abs/2006.03654)), `DisentangledSelfAttention`, and
//! the biases of T5 and MPNet, `compute_position_bias`.

mod buckets;
mod tables;

pub(crate) use buckets::ROWS_TOGETHER;
pub use buckets::RelativeBuckets;
pub use tables::RelativeTables;
pub(super) use tables::{Heads, TermGradients, add_to, table_gradients};

use burn::backend::Dispatch;
use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::Tensor;

use super::padded::{forward_with, gradients_with};
use super::{Inputs, Packing, Settings, check_sizes};
use crate::autodiff::node_of;
use crate::dropout::Dropout;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;
use crate::sequences::Sequences;
use crate::transfer::upload_indices;

/// Tables of scores by the distance between query and key.
///
/// All rows `r` are those of [`Self::buckets`] for the query's place less the key's.
#[derive(Debug, Clone)]
pub struct RelativePositions {
    /// Content to position: adds `query · keys[r]` to a score, `[R, D]`.
    pub keys: Option<Tensor<2>>,
    /// Position to content: adds `key · queries[r]` to a score, `[R, D]`.
    pub queries: Option<Tensor<2>>,
    /// Adds `bias[r]` of the head to a scaled score, `[R, H]`.
    pub bias: Option<Tensor<2>>,
    /// Rows of the distances.
    pub buckets: RelativeBuckets,
    /// Factor of the scores of queries and keys, those of tables included; `1 / sqrt(K)` in
    /// [`attention`](crate::attention()), [`Self::disentangled_scale`] in DeBERTa.
    pub scale: f64,
}

impl RelativePositions {
    /// Returns `1 / sqrt(head_width * (1 + terms))` for the terms of queries and keys with a table.
    pub fn disentangled_scale(head_width: usize, terms: usize) -> f64 {
        1.0 / ((head_width * (1 + terms)) as f64).sqrt()
    }
}

/// Computes [`attention`](crate::attention()) with terms of the distance between query and key in its
/// scores: `scale * (query · key + query · keys[r] + key · queries[r]) + bias[r]`, for the tables that
/// there are.
///
/// On flex without dropout, the result of a query is bit-identical for any other queries and any
/// other sequences in the batch. Without tables, and with the scale of attention, it is that of
/// attention.
///
/// # Shapes
/// - `query`, `key`, `value`, output: as in [`attention`](crate::attention())
///
/// # Panics
/// As [`attention`](crate::attention()), or if a table has another number of rows than the buckets,
/// or another width than `D`, or `H` for the bias.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{
///     AttentionSettings, Precision, RelativeBuckets, RelativePositions, Sequences, relative_attention,
/// };
///
/// let device = Device::flex();
/// let sequences = Sequences::new(&[0, 3], &device)?;
/// let zeros = Tensor::<2>::zeros([3, 1], &device);
/// let value = Tensor::from_data([[10.0], [20.0], [30.0]], &device);
/// // Only the key before a query counts, and itself where there is none.
/// let relative = RelativePositions {
///     keys: None,
///     queries: None,
///     bias: Some(Tensor::from_data([[0.0], [0.0], [50.0], [99.0]], &device)),
///     buckets: RelativeBuckets::new(1, 4, |distance| (distance + 2) as usize),
///     scale: 1.0,
/// };
/// let settings = AttentionSettings {
///     heads: 1,
///     window: Some(1),
///     dropout: None,
///     precision: Precision::F32,
/// };
/// let context = relative_attention(zeros.clone(), zeros, value, relative, &sequences, settings);
/// assert_eq!(context.into_data().as_slice::<f32>(), Ok(&[10.0, 10.0, 20.0][..]));
/// # Ok::<(), finetune_ops::SequencesError>(())
/// ```
pub fn relative_attention(
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    relative: RelativePositions,
    sequences: &Sequences,
    settings: Settings,
) -> Tensor<2> {
    check_sizes(&query, &key, &value, sequences, settings.heads);
    let RelativePositions {
        keys,
        queries,
        bias,
        buckets,
        scale,
    } = relative;
    let ([_, hidden], rows) = (query.dims(), buckets.num_rows());
    let tables = [(keys, hidden), (queries, hidden), (bias, settings.heads)];
    for (table, width) in &tables {
        let sizes = table.as_ref().map(Tensor::dims);
        assert!(
            sizes.is_none_or(|sizes| sizes == [rows, *width]),
            "a table of {sizes:?}, expected {rows} rows of {width}"
        );
    }
    let has = tables.each_ref().map(|(table, _)| table.is_some());
    let additive_key_mask = sequences.additive_key_mask().cast(query.dtype());
    let [keys, queries, bias] = tables.map(|(table, _)| {
        table
            .unwrap_or_else(|| additive_key_mask.clone())
            .into_dispatch()
    });
    let farthest = sequences.padded_length() as isize - 1;
    let rows: Vec<usize> = (-farthest..=farthest)
        .map(|distance| buckets.row(distance))
        .collect();
    let row_of_distance = upload_indices(&rows, [rows.len()], &query.device());
    let [token_of_slot, slot_of_token] = sequences.places();
    Tensor::from_dispatch(<Dispatch as EncoderOps>::relative_attention_rows(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
        additive_key_mask.into_dispatch(),
        keys,
        queries,
        bias,
        token_of_slot.into_dispatch(),
        slot_of_token.into_dispatch(),
        row_of_distance.into_dispatch(),
        sequences.offsets().clone(),
        Terms {
            has,
            buckets,
            scale,
        },
        Settings {
            dropout: settings.dropout.and_then(Dropout::checked),
            precision: settings.precision.floating(),
            ..settings
        },
    ))
}

/// What a backend method gets of [`RelativePositions`] beside tensors.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whether there are keys, queries and a bias; any tensor stands for one that there is not.
    pub(crate) has: [bool; 3],
    pub(crate) buckets: RelativeBuckets,
    pub(crate) scale: f64,
}

impl Terms {
    /// Returns the tables that there are.
    pub(crate) fn tables<F, I>(self, tables: [F; 3], row_of_distance: I) -> RelativeTables<F, I> {
        let [keys, queries, bias] = tables;
        let [has_keys, has_queries, has_bias] = self.has;
        RelativeTables {
            keys: has_keys.then_some(keys),
            queries: has_queries.then_some(queries),
            bias: has_bias.then_some(bias),
            row_of_distance,
            buckets: self.buckets,
            scale: self.scale,
        }
    }
}

/// The result as the queries, and what the backward pass needs apart from the inputs.
pub(crate) fn forward<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    tables: &RelativeTables<FloatTensor<B>, IntTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    packing.forward::<B, _>(inputs, |inputs| {
        forward_with::<B>(inputs, Some(tables), settings)
    })
}

/// The gradients of query, key, value, and of keys, queries and bias by distance.
pub(crate) fn gradients<B: Kernels>(
    inputs: Inputs<FloatTensor<B>>,
    tables: &RelativeTables<FloatTensor<B>, IntTensor<B>>,
    left: Vec<FloatTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
    gradient: FloatTensor<B>,
    wanted: [bool; 6],
) -> [Option<FloatTensor<B>>; 6] {
    let ([query, key, value], [keys, queries, bias]) =
        packing.gradients::<B, _>(inputs, gradient, |inputs, gradient| {
            gradients_with::<B>(inputs, Some(tables), left, settings, gradient, wanted)
        });
    [query, key, value, keys, queries, bias]
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    inputs: Inputs<FloatTensor<Autodiff<B, C>>>,
    tables: [FloatTensor<Autodiff<B, C>>; 3],
    row_of_distance: IntTensor<B>,
    terms: Terms,
    packing: Packing<IntTensor<B>>,
    settings: Settings,
) -> FloatTensor<Autodiff<B, C>> {
    let [keys, queries, bias] = &tables;
    let parents = [
        inputs.query.node(),
        inputs.key.node(),
        inputs.value.node(),
        keys.node(),
        queries.node(),
        bias.node(),
    ];
    let inputs = inputs.map(|tensor| tensor.into_primitive());
    let tables = tables.map(|table| table.into_primitive());
    let tables = terms.tables(tables, row_of_distance);
    let (kept, kept_tables) = (packing.clone(), tables.clone());
    node_of::<B, C, _, _, _, 6>(
        parents,
        inputs,
        |inputs| <B as Kernels>::relative_attention_rows(inputs, tables, packing, settings),
        |inputs, left| {
            move |gradient, wanted| {
                let tables = kept_tables;
                B::relative_attention_gradients(
                    inputs, tables, left, kept, settings, gradient, wanted,
                )
            }
        },
    )
}
