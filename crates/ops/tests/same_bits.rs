//! On flex the results of a row or a text do not depend on what it is packed with, bit for bit: what
//! is computed of a text once holds in every batch, and what is computed of all its tokens for one.

use burn::tensor::{Device, Tensor};
use finetune_ops::{
    AttentionSettings, Precision, Sequences, attention, geglu, gelu, gelu_tanh, layer_norm, linear,
    relative_attention, rms_norm, rotary, swiglu,
};
use proptest::prelude::*;

use super::properties::{asked, at_most_shortest, bits, buckets, matrix, packed, relative};

/// The rows `place` of `all` by themselves and among the others.
fn alone_and_among(
    all: &Tensor<2>,
    place: std::ops::Range<usize>,
    f: impl Fn(Tensor<2>) -> Tensor<2>,
) -> (Vec<u32>, Vec<u32>) {
    let alone = f(all.clone().slice([place.clone()]));
    (bits(alone), bits(f(all.clone()).slice([place])))
}

/// Widths around the sizes at which matrix products change their ways.
fn width() -> impl Strategy<Value = usize> {
    prop_oneof![
        1usize..20,
        prop::sample::select(vec![63, 64, 65, 384, 513, 1100])
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn of_a_token_row(
        inputs in width(),
        outputs in width(),
        place in 0usize..70,
        rows in 1usize..6,
        after in prop_oneof![Just(0usize), 1usize..40, Just(270)],
        seed in 0u32..1000,
    ) {
        let device = Device::flex();
        let all = matrix([place + rows + after, inputs], seed, &device);
        let weight = matrix([inputs, outputs], seed + 1, &device);
        let vector = |seed| matrix([1, inputs], seed, &device).reshape([inputs]);
        let bias = matrix([1, outputs], seed + 2, &device).reshape([outputs]);
        let product = |rows, precision| linear(rows, weight.clone(), Some(bias.clone()), precision);
        let doubled = |rows: Tensor<2>| Tensor::cat(vec![rows.clone(), rows * 2.0], 1);
        let operations: [&dyn Fn(Tensor<2>) -> Tensor<2>; 10] = [
            &|rows| product(rows, Precision::F32),
            &|rows| product(rows, Precision::Bf16),
            &|rows| product(rows, Precision::F16),
            &|rows| layer_norm(rows, vector(seed + 3), vector(seed + 4), 1e-12),
            &|rows| rms_norm(rows, vector(seed + 3), 1e-5),
            &gelu,
            &gelu_tanh,
            &|rows| geglu(doubled(rows)),
            &|rows| swiglu(doubled(rows)),
            // The angles of a row are its own values.
            &|rows| rotary(doubled(rows.clone()), rows.clone().cos(), rows.sin(), 1),
        ];
        for (number, operation) in operations.iter().enumerate() {
            let (alone, among) = alone_and_among(&all, place..place + rows, operation);
            prop_assert_eq!(alone, among, "operation {}", number);
        }
    }

    #[test]
    fn of_a_sequence_in_attention(
        length in prop_oneof![1usize..20, prop::sample::select(vec![40, 43, 64, 513, 700])],
        before in prop::collection::vec(1usize..90, 0..3),
        after in prop::collection::vec(1usize..90, 0..3),
        heads in 1usize..4,
        head_width in prop::sample::select(vec![2, 3, 8, 13, 32, 64, 530]),
        queries in prop_oneof![3 => Just(1usize), 1 => 2usize..20],
        window in prop::option::of(prop_oneof![0usize..20, prop::sample::select(vec![64, 300])]),
        precision in prop::sample::select(&Precision::ALL[..]),
        by_distance in prop::option::of((buckets(), any::<[bool; 3]>())),
        seed in 0u32..1000,
    ) {
        let device = Device::flex().autodiff();
        let settings = AttentionSettings { heads, window, dropout: None, precision };
        let lengths = [&before[..], &[length], &after].concat();
        let few = at_most_shortest(Some(queries), &lengths);
        let among = packed(&lengths, &device);
        let alone = packed(&[length], &device);
        // Query, key, value and the gradient of the result.
        let all = [0, 1, 2, 3].map(|at| {
            matrix([among.num_tokens(), heads * head_width], seed + at, &device) * 3.0
        });
        let attend = |query, key, value, sequences: &Sequences| {
            let Some((buckets, there)) = by_distance.clone() else {
                return attention(query, key, value, sequences, settings);
            };
            let widths = [heads * head_width, heads * head_width, heads];
            let tables = (0..3).filter(|at| there[*at]).map(|at| {
                matrix([buckets.num_rows(), widths[at]], seed + at as u32, &device)
            });
            let tables: Vec<_> = tables.collect();
            let positions = relative(there, &tables, buckets, head_width);
            relative_attention(query, key, value, positions, sequences, settings)
        };
        let own = |rows: Tensor<2>| among.narrow_rows(rows, before.len(), 1);
        let run = |rows: [Tensor<2>; 4], sequences: &Sequences, count| {
            let [query, key, value, upstream] = rows.map(|rows| rows.detach().require_grad());
            let asked = |rows: &Tensor<2>| asked(rows.clone(), sequences, count);
            let context = attend(asked(&query), key.clone(), value.clone(), sequences);
            let gradients = (context.clone() * asked(&upstream)).sum().backward();
            (context, [query, key, value].map(|rows| rows.grad(&gradients).unwrap()))
        };
        let contexts = [None, few].map(|count| {
            let (context, gradients) = run(all.clone().map(own), &alone, count);
            let (context_among, gradients_among) = run(all.clone(), &among, count);
            let rows = count.map_or(before.iter().sum(), |count| before.len() * count);
            let own_context = context_among.clone().narrow(0, rows, context.dims()[0]);
            assert_eq!(bits(context), bits(own_context), "results of {count:?} queries");
            for (alone, among) in gradients.into_iter().zip(gradients_among) {
                assert_eq!(bits(alone), bits(own(among)), "gradients of {count:?} queries");
            }
            context_among
        });

        // Nor on the other queries.
        let [all, few_of_each] = contexts;
        prop_assert_eq!(bits(few_of_each), bits(asked(all, &among, few)));
    }
}
