//! What holds for any input.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use finetune_ops::{
    AdamWState, AdamWStep, AttentionSettings, Dropout, Norm, Precision, RelativeBuckets,
    RelativePositions, Sequences, attention, cross_entropy, dropout, dropout_add_layer_norm,
    embedding, geglu, gelu, gelu_tanh, layer_norm, linear, relative_attention, rms_norm, rotary,
    sum_of_squares, swiglu,
};
use proptest::prelude::*;

use super::device::{device, has_native_kernels, kernels_and_primitives, slack};

fn values(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..length).map(next).collect()
}

pub(crate) fn matrix(shape: [usize; 2], seed: u32, device: &Device) -> Tensor<2> {
    Tensor::from_data(
        TensorData::new(values(shape[0] * shape[1], seed), shape),
        device,
    )
}

pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

pub(crate) fn bits<const D: usize>(tensor: Tensor<D>) -> Vec<u32> {
    // No zero has a sign: adding the zeros of padding takes it away, and no other number changes.
    let value = |value: f32| (value + 0.0).to_bits();
    host(tensor).into_iter().map(value).collect()
}

/// Those of attention in 32-bit floats.
pub(crate) fn settings(heads: usize, dropout: Option<Dropout>) -> AttentionSettings {
    AttentionSettings {
        heads,
        window: None,
        dropout,
        precision: Precision::F32,
    }
}

/// Offsets of packed sequences of these lengths.
pub(crate) fn offsets_of(lengths: &[usize]) -> Vec<usize> {
    let mut offsets = vec![0];
    offsets.extend(lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    }));
    offsets
}

/// Packed sequences of these lengths.
pub(crate) fn packed(lengths: &[usize], device: &Device) -> Sequences {
    Sequences::new(&offsets_of(lengths), device).unwrap()
}

/// The queries of sequences: the first `count` tokens of each, or all.
pub(crate) fn asked(rows: Tensor<2>, sequences: &Sequences, count: Option<usize>) -> Tensor<2> {
    let Some(count) = count else { return rows };
    let starts = &sequences.offsets().values()[..sequences.batch_size()];
    let first = starts
        .iter()
        .map(|start| rows.clone().narrow(0, *start, count));
    Tensor::cat(first.collect(), 0)
}

/// At most as many queries as the shortest sequence has tokens.
pub(crate) fn at_most_shortest(count: Option<usize>, lengths: &[usize]) -> Option<usize> {
    count.map(|count| lengths.iter().copied().fold(count, usize::min))
}

/// Buckets of every kind, with few rows and many.
pub(crate) fn buckets() -> impl Strategy<Value = RelativeBuckets> {
    prop_oneof![
        (1usize..90).prop_map(RelativeBuckets::clamped),
        (2usize..40, 1usize..200)
            .prop_map(|(half, more)| { RelativeBuckets::logarithmic(2 * half, half + 1 + more) }),
        (2usize..40, 1usize..200)
            .prop_map(|(half, more)| { RelativeBuckets::two_sided(2 * half, half / 2 + more) }),
        // In no order.
        (1usize..90).prop_map(|rows| {
            RelativeBuckets::new(70, rows, |distance| (distance + 70) as usize * 31 % rows)
        }),
    ]
}

/// Positions with the tables that there are: keys, queries and bias.
pub(crate) fn relative(
    there: [bool; 3],
    tables: &[Tensor<2>],
    buckets: RelativeBuckets,
    head_width: usize,
) -> RelativePositions {
    let mut tables = tables.iter().cloned();
    let [keys, queries, bias] = there.map(|there| there.then(|| tables.next().unwrap()));
    let terms = [&keys, &queries].into_iter().flatten().count();
    RelativePositions {
        keys,
        queries,
        bias,
        buckets,
        scale: RelativePositions::disentangled_scale(head_width, terms),
    }
}

/// The derivative along one direction, by central differences and from the gradient.
fn directional(f: impl Fn(Tensor<2>) -> Tensor<2>, shape: [usize; 2], seed: u32) -> (f32, f32) {
    let device = device().autodiff();
    let direction = matrix(shape, seed + 1, &device);
    let x = matrix(shape, seed, &device);
    let step = 1e-2;
    let weigh = |y: Tensor<2>| {
        let [rows, columns] = y.dims();
        (y * matrix([rows, columns], seed + 2, &device)).sum()
    };
    let up = weigh(f(x.clone() + direction.clone() * step)).into_scalar::<f32>();
    let down = weigh(f(x.clone() - direction.clone() * step)).into_scalar::<f32>();
    let leaf = x.require_grad();
    let grads = weigh(f(leaf.clone())).backward();
    let along = leaf.grad(&grads).unwrap() * direction.inner();
    ((up - down) / (2.0 * step), along.sum().into_scalar::<f32>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gradients_equal_finite_differences(
        lengths in prop::collection::vec(1usize..6, 1..4),
        queries in prop::option::of(1usize..6),
        window in prop::option::of(0usize..4),
        head_width in 1usize..7,
        seed in 0u32..1000,
    ) {
        let tokens = lengths.iter().sum::<usize>();
        let shape = [tokens, 2 * head_width + 1];
        let device = device().autodiff();
        let gamma = Tensor::from_data(TensorData::new(values(shape[1], seed + 9), [shape[1]]), &device);
        let beta = Tensor::zeros([shape[1]], &device);
        let mask = Dropout { probability: 0.3, key: u64::from(seed) };
        // A tenth under the root: a nearly constant row makes the function too steep for
        // differences, not the gradient wrong.
        let close = |(measured, computed): (f32, f32)| (measured - computed).abs() < 2e-2;
        prop_assert!(close(directional(gelu, shape, seed)));
        prop_assert!(close(directional(|x| dropout(x, mask), shape, seed)));
        prop_assert!(close(directional(|x| layer_norm(x, gamma.clone(), beta.clone(), 0.1), shape, seed)));

        prop_assert!(close(directional(|x| rms_norm(x, gamma.clone(), 0.1), shape, seed)));

        let shape = [tokens, 2 * head_width];
        prop_assert!(close(directional(geglu, shape, seed)));
        prop_assert!(close(directional(swiglu, shape, seed)));
        let tables = [8, 9].map(|at| matrix([tokens, head_width], seed + at, &device));
        let [cosine, sine] = tables;
        prop_assert!(close(directional(
            |x| rotary(x, cosine.clone(), sine.clone(), 1), shape, seed
        )));

        let sequences = packed(&lengths, &device);
        let count = at_most_shortest(queries, &lengths).map(|count| count * lengths.len());
        let shapes = [[count.unwrap_or(tokens), shape[1]], shape, shape];
        let settings = AttentionSettings { window, ..settings(2, Some(mask)) };
        for place in 0..3 {
            let slopes = directional(
                |x| {
                    let mut inputs = shapes.map(|shape| matrix(shape, seed + 5, &device) * 0.5);
                    inputs[place] = x;
                    let [query, key, value] = inputs;
                    attention(query, key, value, &sequences, settings)
                },
                shapes[place],
                seed,
            );
            prop_assert!(close(slopes));
        }
    }

    #[test]
    fn gradients_of_tables_equal_finite_differences(
        lengths in prop::collection::vec(1usize..6, 1..4),
        head_width in 1usize..7,
        buckets in buckets(),
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let sequences = packed(&lengths, &device);
        let (tokens, hidden) = (sequences.num_tokens(), 2 * head_width);
        let mask = Dropout { probability: 0.3, key: u64::from(seed) };
        let rows = buckets.num_rows();
        let shapes = [
            [tokens, hidden], [tokens, hidden], [tokens, hidden],
            [rows, hidden], [rows, hidden], [rows, 2],
        ];
        for place in 0..6 {
            let slopes = directional(
                |x| {
                    let mut inputs = shapes.map(|shape| matrix(shape, seed + 5, &device) * 0.5);
                    inputs[place] = x;
                    let positions = relative([true; 3], &inputs[3..], buckets.clone(), head_width);
                    let [query, key, value] = [0, 1, 2].map(|at| inputs[at].clone());
                    let settings = settings(2, Some(mask));
                    relative_attention(query, key, value, positions, &sequences, settings)
                },
                shapes[place],
                seed,
            );
            prop_assert!((slopes.0 - slopes.1).abs() < 2e-2, "{place}: {slopes:?}");
        }
    }

    /// Without tables, or with the scores of tables of zeros.
    #[test]
    fn relative_attention_without_tables_is_attention(
        lengths in prop::collection::vec(prop_oneof![1usize..20, Just(130)], 1..4),
        queries in prop::option::of(1usize..20),
        head_width in prop::sample::select(vec![1, 3, 8, 32]),
        precision in prop::sample::select(&Precision::ALL[..]),
        drops: bool,
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let sequences = packed(&lengths, &device);
        let count = at_most_shortest(queries, &lengths);
        let dropout = drops.then_some(Dropout { probability: 0.3, key: u64::from(seed) });
        let settings = AttentionSettings { precision, ..settings(2, dropout) };
        let results = |tables: Option<[bool; 3]>| {
            let rows = |at| matrix([sequences.num_tokens(), 2 * head_width], seed + at, &device);
            let leaves = [0, 1, 2].map(|at| rows(at).require_grad());
            let [query, key, value] = leaves.clone();
            let query = asked(query, &sequences, count);
            let context = match tables {
                Some(there) => {
                    let buckets = RelativeBuckets::clamped(7);
                    let zeros = |width| Tensor::<2>::zeros([14, width], &device);
                    let tables = vec![zeros(2 * head_width), zeros(2 * head_width), zeros(2)];
                    let scale = 1.0 / (head_width as f64).sqrt();
                    let positions = RelativePositions {
                        scale,
                        ..relative(there, &tables, buckets, head_width)
                    };
                    relative_attention(query, key, value, positions, &sequences, settings)
                }
                None => attention(query, key, value, &sequences, settings),
            };
            let upstream = matrix(context.dims(), seed + 3, &device);
            let gradients = (context.clone() * upstream).sum().backward();
            let gradients = leaves.map(|leaf| leaf.grad(&gradients).unwrap());
            [context].into_iter().chain(gradients).map(bits).collect::<Vec<_>>()
        };
        let expected = results(None);
        let without = results(Some([false; 3]));
        if has_native_kernels() {
            prop_assert_eq!(&without, &expected);
            prop_assert_eq!(&results(Some([true; 3])), &expected);
        }
        // Other kernels round where attention without tables does not.
        let allowed = match precision {
            Precision::F32 | Precision::Int8 => 1e-5 * slack(),
            Precision::F16 => 5e-3,
            Precision::Bf16 => 4e-2,
        };
        for (without, expected) in without.iter().zip(&expected) {
            let [without, expected] = [without, expected].map(|bits| bits.iter().copied().map(f32::from_bits));
            let largest = expected.clone().fold(0.1, |most: f32, value| most.max(value.abs()));
            for (without, expected) in without.zip(expected) {
                let error = (without - expected).abs() / largest;
                prop_assert!(error <= allowed, "{} instead of {}", without, expected);
            }
        }
    }

    #[test]
    fn rows_of_distances_ascend_and_end(
        buckets in prop_oneof![
            (1usize..90).prop_map(RelativeBuckets::clamped),
            (2usize..150, 1usize..600).prop_map(|(half, more)| {
                RelativeBuckets::logarithmic(2 * half, half + 1 + more)
            }),
        ],
    ) {
        let rows: Vec<_> = (-2000..2000).map(|distance| buckets.row(distance)).collect();
        prop_assert!(rows.is_sorted());
        prop_assert_eq!((rows[0], rows[3999]), (0, buckets.num_rows() - 1));
        prop_assert_eq!(buckets.row(0), buckets.num_rows() / 2);
    }

    #[test]
    fn gradients_of_few_queries_are_those_of_all_where_only_they_are_looked_at(
        lengths in prop::collection::vec(
            prop_oneof![1usize..20, prop::sample::select(vec![40, 64])], 1..4
        ),
        head_width in prop::sample::select(vec![1, 2, 8, 13, 32]),
        queries in prop_oneof![3 => Just(1usize), 1 => 2usize..20],
        window in prop::option::of(0usize..20),
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let sequences = packed(&lengths, &device);
        let queries = at_most_shortest(Some(queries), &lengths);
        let settings = AttentionSettings { window, ..settings(2, None) };
        let matrix = |at| matrix([sequences.num_tokens(), 2 * head_width], seed + at, &device);
        let asked = |rows: Tensor<2>| asked(rows, &sequences, queries);
        let upstream = asked(matrix(3));
        let gradients = |few: bool| {
            let leaves = [0, 1, 2].map(|at| matrix(at).require_grad());
            let [query, key, value] = leaves.clone();
            let context = match few {
                true => attention(asked(query), key, value, &sequences, settings),
                false => asked(attention(query, key, value, &sequences, settings)),
            };
            let gradients = (context * upstream.clone()).sum().backward();
            leaves.map(|leaf| host(leaf.grad(&gradients).unwrap()))
        };
        for (few, all) in gradients(true).iter().zip(&gradients(false)) {
            for (few, all) in few.iter().zip(all) {
                prop_assert!((few - all).abs() < 1e-6, "{few} {all}");
            }
        }
    }

    #[test]
    fn other_sequences_do_not_change_attention(
        length in 1usize..8,
        others in prop::collection::vec(1usize..12, 1..3),
        seed in 0u32..1000,
    ) {
        let device = device();
        let rows = |length, at| matrix([length, 6], seed + at, &device);
        let of = |rows: Tensor<2>, lengths: &[usize]| {
            let sequences = packed(lengths, &device);
            attention(rows.clone(), rows.clone(), rows, &sequences, settings(2, None))
        };
        let alone = of(rows(length, 0), &[length]);
        let lengths = [&others[..], &[length]].concat();
        let before = others.iter().sum::<usize>();
        let all = Tensor::cat(vec![rows(before, 1) * 50.0, rows(length, 0)], 0);
        let together = of(all, &lengths).slice([before..before + length]);
        for (a, b) in host(alone).iter().zip(&host(together)) {
            prop_assert!((a - b).abs() < 1e-6);
        }
    }

    #[test]
    fn dropout_keeps_or_drops_and_repeats(
        length in 1usize..2000, probability in 0.0f64..0.95, key: u64,
    ) {
        let ones = || Tensor::<1>::ones([length], &device());
        let mask = Dropout { probability, key };
        let dropped = host(dropout(ones(), mask));
        prop_assert_eq!(&dropped, &host(dropout(ones(), mask)));
        let kept = (1.0 / (1.0 - probability)) as f32;
        prop_assert!(dropped.iter().all(|value| *value == 0.0 || *value == kept));
    }

    #[test]
    fn dropout_masks_are_those_of_flex(
        length in 1usize..3000,
        probability in 0.0f64..0.99,
        key in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), Just(1 << 32), Just(1 << 31)],
    ) {
        let mask = Dropout { probability, key };
        let dropped = |device| bits(dropout(Tensor::<1>::ones([length], &device), mask));
        prop_assert_eq!(dropped(device()), dropped(Device::flex()));
    }

    /// Without scores, a query weighs its keys alike; each key's value is a column of its own.
    #[test]
    fn attention_drops_by_the_place_among_padded_sequences(
        lengths in prop::collection::vec(1usize..20, 1..4),
        queries in prop::option::of(1usize..20),
        heads in 1usize..4,
        key: u64,
    ) {
        let device = device();
        let mask = Dropout { probability: 0.3, key };
        let sequences = packed(&lengths, &device);
        let padded = sequences.padded_length();
        let count = at_most_shortest(queries, &lengths);
        let zeros = Tensor::<2>::zeros([sequences.num_tokens(), heads * padded], &device);
        let places = lengths.iter().flat_map(|length| 0..*length);
        let one_hot: Vec<f32> = places
            .flat_map(|place| (0..heads * padded).map(move |at| (at % padded == place) as u8 as f32))
            .collect();
        let one_hot = Tensor::from_data(TensorData::new(one_hot, zeros.dims()), &device);
        let slots = count.unwrap_or(padded);
        let ones = Tensor::<1>::ones([lengths.len() * heads * slots * padded], &device);
        let factors = host(dropout(ones, mask));

        for dtype in kernels_and_primitives() {
            let [query, key, value] = [
                asked(zeros.clone(), &sequences, count), zeros.clone(), one_hot.clone(),
            ].map(|rows| rows.cast(dtype));
            let context = attention(query, key, value, &sequences, settings(heads, Some(mask)));
            let context = host(context.cast(DType::F32));
            let mut rows = context.chunks_exact(heads * padded);
            for (sequence, length) in lengths.iter().enumerate() {
                for query in 0..count.unwrap_or(*length) {
                    let row = rows.next().unwrap();
                    for (head, weights) in row.chunks_exact(padded).enumerate() {
                        let start = ((sequence * heads + head) * slots + query) * padded;
                        for (found, factor) in weights[..*length].iter().zip(&factors[start..]) {
                            let expected = factor / *length as f32;
                            prop_assert_eq!(*found == 0.0, *factor == 0.0);
                            prop_assert!((found - expected).abs() <= 1e-6 * slack());
                        }
                    }
                }
            }
        }
    }

    /// Of the attention weights of many sequences and heads, forward and backward.
    #[test]
    fn attention_drops_as_on_flex(
        lengths in prop::collection::vec(1usize..20, 1..3),
        queries in prop::option::of(1usize..20),
        head_width in prop::sample::select(vec![3, 8]),
        key: u64,
        seed in 0u32..1000,
    ) {
        let mask = Some(Dropout { probability: 0.3, key });
        let results = |device: Device| {
            let device = device.autodiff();
            let sequences = packed(&lengths, &device);
            let rows = |at| matrix([sequences.num_tokens(), 3 * head_width], seed + at, &device);
            let leaves = [0, 1, 2].map(|at| rows(at).require_grad());
            let [query, key, value] = leaves.clone();
            let query = asked(query, &sequences, at_most_shortest(queries, &lengths));
            let context = attention(query, key, value, &sequences, settings(3, mask));
            let upstream = matrix(context.dims(), seed + 3, &device);
            let gradients = (context.clone() * upstream).sum().backward();
            let gradients = leaves.map(|leaf| host(leaf.grad(&gradients).unwrap()));
            [host(context)].into_iter().chain(gradients).flatten().collect::<Vec<f32>>()
        };
        for (found, expected) in results(device()).iter().zip(&results(Device::flex())) {
            prop_assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}

/// More values than a device computes the mask of at once.
#[test]
fn a_mask_of_many_values_is_that_of_flex() {
    let (length, key) = ((1 << 23) + (1 << 20) + 5, u64::MAX);
    let mask = Dropout {
        probability: 0.1,
        key,
    };
    let dropped = |device| bits(dropout(Tensor::<1>::ones([length], &device), mask));
    assert!(dropped(device()) == dropped(Device::flex()));
}

#[test]
#[should_panic(expected = "4 queries of 2 sequences of at least 1 tokens, 5 in all")]
fn more_queries_than_tokens_of_the_shortest_sequence_are_refused() {
    let device = device();
    let rows = |count| matrix([count, 4], 1, &device);
    let sequences = packed(&[1, 4], &device);
    attention(rows(4), rows(5), rows(5), &sequences, settings(2, None));
}

#[test]
#[should_panic(expected = "a table of Some([13, 4]), expected 14 rows of 4")]
fn a_table_with_too_few_rows_is_refused() {
    let device = device();
    let rows = |count| matrix([count, 4], 1, &device);
    let positions = relative(
        [true, false, false],
        &[rows(13)],
        RelativeBuckets::clamped(7),
        2,
    );
    let sequences = packed(&[5], &device);
    relative_attention(
        rows(5),
        rows(5),
        rows(5),
        positions,
        &sequences,
        settings(2, None),
    );
}

/// A step of a small network with every operation.
fn step(device: &Device) -> Vec<Vec<u32>> {
    let inner = device;
    let device = inner.clone().autodiff();
    let (lengths, heads, hidden, words) = ([17, 5, 11], 2, 32, 11);
    let sequences = packed(&lengths, &device);
    let tokens = sequences.num_tokens();
    let ids: Vec<i64> = (0..tokens as i64)
        .map(|at| at * at % words as i64)
        .collect();
    let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [tokens]), inner);
    let leaf = |shape, seed| matrix(shape, seed, &device).require_grad();
    let table = leaf([words, hidden], 1);
    let weights = [2, 3, 4].map(|seed| leaf([hidden, hidden], seed));
    let vector = |seed| leaf([1, hidden], seed);
    let (gamma, beta) = (vector(5), vector(6));
    let leaves = [&[table, gamma, beta], &weights[..]].concat();
    let flat = |vector: &Tensor<2>| vector.clone().reshape([hidden]);
    let norm = || Norm {
        gamma: flat(&leaves[1]),
        beta: flat(&leaves[2]),
        epsilon: 1e-12,
    };
    let dropped = |key| {
        Some(Dropout {
            probability: 0.1,
            key,
        })
    };
    let angles = matrix([tokens, hidden / heads / 2], 8, &device);
    let turned = |rows| rotary(rows, angles.clone().cos(), angles.clone().sin(), heads);

    let mut rows = embedding(leaves[0].clone(), ids);
    for (mask, weight) in [dropped(1), None].into_iter().zip(&weights) {
        let products = [rows.clone(), rows.clone(), rows.clone()]
            .map(|rows| linear(rows, weight.clone(), Some(flat(&leaves[2])), Precision::F32));
        let [query, key, value] = products;
        let window = mask.map(|_| 3);
        let settings = AttentionSettings {
            window,
            ..settings(heads, mask)
        };
        let context = attention(turned(query), turned(key), value, &sequences, settings);
        rows = dropout_add_layer_norm(context, rows, mask, norm());
    }
    rows = gelu_tanh(gelu(linear(rows, weights[2].clone(), None, Precision::F32)));
    rows = geglu(Tensor::cat(vec![rows.clone(), rows], 1));
    let labels: Vec<usize> = (0..tokens).map(|row| row % hidden).collect();
    let loss = cross_entropy(rows, &labels, tokens as f64);
    let gradients = loss.backward();
    let rule = AdamWStep {
        learning_rate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.1,
    };
    let moved = leaves.into_iter().flat_map(|leaf| {
        let gradient = leaf.grad(&gradients).unwrap();
        let zeros = || Tensor::zeros(leaf.dims(), inner);
        let state = AdamWState {
            parameter: leaf.clone().inner(),
            moments: [zeros(), zeros()],
        };
        let norm = bits(sum_of_squares(gradient.clone()));
        [
            norm,
            bits(gradient.clone()),
            bits(rule.step(state, gradient, 1).parameter),
        ]
    });
    [bits(loss)].into_iter().chain(moved).collect()
}

#[test]
fn the_same_step_has_the_same_bits() {
    let device = device();
    assert_eq!(step(&device), step(&device));
}
