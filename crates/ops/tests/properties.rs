//! What holds for any input.

use burn::tensor::{Device, Int, Tensor, TensorData};
use finetune_ops::{
    AdamWState, AdamWStep, AttentionSettings, Dropout, Norm, Precision, additive_key_mask,
    attention, cross_entropy, dropout, dropout_add_layer_norm, embedding, gelu, gelu_tanh,
    layer_norm, linear, sum_of_squares,
};
use proptest::prelude::*;

use super::device::device;

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
        dropout,
        precision: Precision::F32,
    }
}

/// The first rows of each sequence.
pub(crate) fn first_of_each(rows: Tensor<2>, batch: usize, count: usize) -> Tensor<2> {
    let [tokens, width] = rows.dims();
    let rows: Tensor<3> = rows.reshape([batch, tokens / batch, width]);
    rows.slice([0..batch, 0..count])
        .reshape([batch * count, width])
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
        batch in 1usize..4,
        sequence in 1usize..6,
        queries in 1usize..6,
        head_width in 1usize..7,
        seed in 0u32..1000,
    ) {
        let shape = [batch * sequence, 2 * head_width + 1];
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

        let shape = [batch * sequence, 2 * head_width];
        let real: Vec<bool> = (0..batch * sequence).map(|t| t % sequence <= t / sequence).collect();
        let bias = additive_key_mask(&real, [batch, sequence], &device);
        let shapes = [[batch * queries, shape[1]], shape, shape];
        for place in 0..3 {
            let slopes = directional(
                |x| {
                    let mut inputs = shapes.map(|shape| matrix(shape, seed + 5, &device) * 0.5);
                    inputs[place] = x;
                    let [query, key, value] = inputs;
                    attention(query, key, value, bias.clone(), settings(2, Some(mask)))
                },
                shapes[place],
                seed,
            );
            prop_assert!(close(slopes));
        }
    }

    #[test]
    fn gradients_of_few_queries_are_those_of_all_where_only_they_are_looked_at(
        batch in 1usize..4,
        length in prop_oneof![1usize..20, prop::sample::select(vec![40, 64])],
        head_width in prop::sample::select(vec![1, 2, 8, 13, 32]),
        queries in prop_oneof![3 => Just(1usize), 1 => 2usize..20],
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let (heads, queries) = (2, queries.min(length));
        let real: Vec<bool> = (0..batch * length).map(|t| t % length <= t / length + 3).collect();
        let bias = additive_key_mask(&real, [batch, length], &device);
        let upstream = matrix([batch * queries, heads * head_width], seed + 3, &device);
        let gradients = |few: bool| {
            let leaf = |at| matrix([batch * length, heads * head_width], seed + at, &device);
            let leaves = [0, 1, 2].map(|at| leaf(at).require_grad());
            let asked = |rows: Tensor<2>| first_of_each(rows, batch, queries);
            let [query, key, value] = leaves.clone();
            let context = match few {
                true => attention(asked(query), key, value, bias.clone(), settings(heads, None)),
                false => asked(attention(query, key, value, bias.clone(), settings(heads, None))),
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
    fn padding_does_not_change_attention(sequence in 1usize..8, padding in 1usize..5, seed in 0u32..1000) {
        let device = device();
        let (hidden, heads, padded) = (6, 2, sequence + padding);
        let rows = matrix([sequence, hidden], seed, &device);
        let alone = attention(
            rows.clone(), rows.clone(), rows.clone(),
            additive_key_mask(&vec![true; sequence], [1, sequence], &device), settings(heads, None),
        );
        let filler = matrix([padding, hidden], seed + 1, &device) * 50.0;
        let longer = Tensor::cat(vec![rows, filler], 0);
        let mask: Vec<bool> = (0..padded).map(|position| position < sequence).collect();
        let together = attention(
            longer.clone(), longer.clone(), longer,
            additive_key_mask(&mask, [1, padded], &device), settings(heads, None),
        );
        let together = host(together.slice([0..sequence]));
        for (a, b) in host(alone).iter().zip(&together) {
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

    /// Of the attention weights of many sequences and heads, forward and backward.
    #[test]
    fn attention_drops_as_on_flex(
        batch in 1usize..3,
        sequence in 1usize..20,
        queries in 1usize..20,
        head_width in prop::sample::select(vec![3, 8]),
        key: u64,
        seed in 0u32..1000,
    ) {
        let mask = Some(Dropout { probability: 0.3, key });
        let results = |device: Device| {
            let device = device.autodiff();
            let leaf = |rows, at| matrix([rows, 3 * head_width], seed + at, &device).require_grad();
            let leaves = [leaf(batch * queries, 0), leaf(batch * sequence, 1), leaf(batch * sequence, 2)];
            let [query, key, value] = leaves.clone();
            let real: Vec<bool> = (0..batch * sequence).map(|t| t % sequence <= t / sequence).collect();
            let bias = additive_key_mask(&real, [batch, sequence], &device);
            let context = attention(query, key, value, bias, settings(3, mask));
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
fn a_sequence_without_a_token_attends_equally_to_all() {
    let device = device().autodiff();
    for (head_width, mask) in [
        (8, None),
        (3, None),
        (
            8,
            Some(Dropout {
                probability: 1e-9,
                key: 1,
            }),
        ),
    ] {
        let rows = |at| matrix([2 * 5, 2 * head_width], at, &device).require_grad();
        let [query, key, value] = [rows(1), rows(2), rows(3)];
        let real: Vec<bool> = (0..10).map(|slot| slot < 3).collect();
        let bias = additive_key_mask(&real, [2, 5], &device);
        let context = attention(
            query.clone(),
            key.clone(),
            value.clone(),
            bias,
            settings(2, mask),
        );
        let gradients = context.clone().sum().backward();
        let mean = value
            .clone()
            .slice([5..10])
            .mean_dim(0)
            .expand([5, 2 * head_width as i64]);
        for (found, expected) in host(context.slice([5..10])).iter().zip(&host(mean)) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        // Five queries with a fifth of their weight on each value.
        for found in host(value.grad(&gradients).unwrap().slice([5..10])) {
            assert!((found - 1.0).abs() < 1e-6, "{found}");
        }
        for rows in [query, key] {
            let gradient = host(rows.grad(&gradients).unwrap());
            assert!(gradient.iter().all(|value| value.is_finite()));
        }
    }
}

/// A step of a small network with every operation.
fn step(device: &Device) -> Vec<Vec<u32>> {
    let inner = device;
    let device = inner.clone().autodiff();
    let (batch, sequence, heads, hidden, words) = (3, 17, 2, 32, 11);
    let tokens = batch * sequence;
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
    let bias = additive_key_mask(&vec![true; tokens], [batch, sequence], &device);

    let mut rows = embedding(leaves[0].clone(), ids);
    for (mask, weight) in [dropped(1), None].into_iter().zip(&weights) {
        let products = [rows.clone(), rows.clone(), rows.clone()]
            .map(|rows| linear(rows, weight.clone(), Some(flat(&leaves[2])), Precision::F32));
        let [query, key, value] = products;
        let context = attention(query, key, value, bias.clone(), settings(heads, mask));
        rows = dropout_add_layer_norm(context, rows, mask, norm());
    }
    rows = gelu_tanh(gelu(linear(rows, weights[2].clone(), None, Precision::F32)));
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
