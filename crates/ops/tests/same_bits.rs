//! On flex a row's result does not depend on the other rows nor on padding, bit for bit: what is
//! computed of a text once holds in every batch, and what is computed of all its tokens for one.

use burn::tensor::{Device, Tensor};
use finetune_ops::{
    AttentionSettings, Precision, additive_key_mask, attention, gelu, gelu_tanh, layer_norm, linear,
};
use proptest::prelude::*;

use super::properties::{bits, first_of_each, matrix};

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
        let operations: [&dyn Fn(Tensor<2>) -> Tensor<2>; 6] = [
            &|rows| product(rows, Precision::F32),
            &|rows| product(rows, Precision::Bf16),
            &|rows| product(rows, Precision::F16),
            &|rows| layer_norm(rows, vector(seed + 3), vector(seed + 4), 1e-12),
            &gelu,
            &gelu_tanh,
        ];
        for (number, operation) in operations.iter().enumerate() {
            let (alone, among) = alone_and_among(&all, place..place + rows, operation);
            prop_assert_eq!(alone, among, "operation {}", number);
        }
    }

    #[test]
    fn of_a_sequence_in_attention(
        length in prop_oneof![1usize..20, prop::sample::select(vec![40, 43, 64, 513, 700])],
        padding in prop_oneof![0usize..4, Just(7), Just(31)],
        before in 0usize..3,
        after in 0usize..3,
        heads in 1usize..4,
        head_width in prop::sample::select(vec![2, 3, 8, 13, 32, 64, 530]),
        queries in prop_oneof![3 => Just(1usize), 1 => 2usize..20],
        precision in prop::sample::select(&Precision::ALL[..]),
        seed in 0u32..1000,
    ) {
        let device = Device::flex();
        let settings = AttentionSettings { heads, dropout: None, precision };
        let (hidden, sequence) = (heads * head_width, length + padding);
        let batch = before + 1 + after;
        let all = [0, 1, 2].map(|at| matrix([batch * sequence, hidden], seed + at, &device) * 3.0);
        let start = before * sequence;
        let own = all.clone().map(|rows| rows.slice([start..start + length]));
        let run = |[query, key, value]: [Tensor<2>; 3], mask: &[bool], shape| {
            attention(query, key, value, additive_key_mask(mask, shape, &device), settings)
        };
        let alone = run(own, &vec![true; length], [1, length]);
        // The others are as long as the batch, and the padding holds what is in the tensors there.
        let real = |slot: usize| slot / sequence != before || slot % sequence < length;
        let mask: Vec<bool> = (0..batch * sequence).map(real).collect();
        let among = run(all.clone(), &mask, [batch, sequence]);
        prop_assert_eq!(bits(alone), bits(among.clone().slice([start..start + length])));

        // Nor on the other queries.
        let queries = queries.min(length);
        let asked = |rows: Tensor<2>| first_of_each(rows, batch, queries);
        let [query, key, value] = all;
        let few = run([asked(query), key, value], &mask, [batch, sequence]);
        prop_assert_eq!(bits(few), bits(asked(among)));
    }
}
