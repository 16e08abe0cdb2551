use proptest::prelude::*;

use super::instructions::Instructions;
use super::pack::Weight;
use super::*;

/// Numbers of a seed, of very different sizes.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let number = |index: usize| {
        let bits = (seed ^ index as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(31)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let unit = (bits >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
        unit * if bits.is_multiple_of(61) { 30.0 } else { 1.0 }
    };
    (0..count).map(number).collect()
}

fn product_of(
    instructions: Instructions,
    [rows, weight, bias]: [&[f32]; 3],
    [count, inputs, outputs]: [usize; 3],
) -> Vec<f32> {
    let weight = Matrix::rows(weight, outputs);
    let weight = Weight::for_instructions(instructions, weight, [inputs, outputs]);
    product(Matrix::rows(rows, inputs), count, &weight, Some(bias))
}

/// Rounds, adds up in 64 bits, and scales.
fn expected([rows, weight, bias]: [&[f32]; 3], [count, inputs, outputs]: [usize; 3]) -> Vec<f32> {
    let quantize = |values: Vec<f32>| -> (Vec<i64>, f32) {
        let largest = values
            .iter()
            .fold(0.0f32, |largest, value| largest.max(value.abs()));
        let factor = if largest == 0.0 { 0.0 } else { 127.0 / largest };
        let integer = |value: &f32| (value * factor).round_ties_even() as i64;
        (values.iter().map(integer).collect(), largest / 127.0)
    };
    let columns: Vec<_> = (0..outputs)
        .map(|output| {
            quantize(
                (0..inputs)
                    .map(|input| weight[input * outputs + output])
                    .collect(),
            )
        })
        .collect();
    let mut products = Vec::new();
    for row in rows.chunks(inputs).take(count) {
        let (row, row_scale) = quantize(row.to_vec());
        for ((column, scale), bias) in columns.iter().zip(bias) {
            let sum: i64 = row.iter().zip(column).map(|(a, b)| a * b).sum();
            products.push(sum as f32 * (row_scale * scale) + bias);
        }
    }
    products
}

proptest! {
    #[test]
    fn all_instructions_give_the_same_bits_as_plain_integers(
        (count, inputs, outputs) in (1usize..70, 1usize..150, 1usize..90),
        seed: u64,
    ) {
        let rows = numbers(count * inputs, seed);
        let weight = numbers(inputs * outputs, seed ^ 1);
        let bias = numbers(outputs, seed ^ 2);
        let values = [&rows, &weight, &bias].map(Vec::as_slice);
        let sizes = [count, inputs, outputs];
        let expected = expected(values, sizes);
        for instructions in Instructions::all() {
            prop_assert_eq!(&product_of(instructions, values, sizes), &expected, "{:?}", instructions);
        }
    }

    #[test]
    fn a_weight_is_dequantized_within_half_a_step(
        (inputs, outputs) in (1usize..70, 1usize..70),
        seed: u64,
    ) {
        let weight = numbers(inputs * outputs, seed);
        for instructions in Instructions::all() {
            let matrix = Matrix::rows(&weight, outputs);
            let quantized = Weight::for_instructions(instructions, matrix, [inputs, outputs]);
            let back = quantized.dequantize();
            for output in 0..outputs {
                let column = || (0..inputs).map(|input| weight[input * outputs + output]);
                let half = column().fold(0.0f32, |m, v| m.max(v.abs())) / 127.0 * 0.5001;
                for (input, value) in column().enumerate() {
                    prop_assert!((back[input * outputs + output] - value).abs() <= half);
                }
            }
        }
    }
}

#[test]
fn the_largest_sums_do_not_overflow() {
    let inputs = 20_000;
    let (rows, weight) = (vec![1.0; inputs], vec![-1.0; inputs]);
    for instructions in Instructions::all() {
        let found = product_of(instructions, [&rows, &weight, &[0.0]], [1, inputs, 1]);
        assert!(
            (found[0] / -(inputs as f32) - 1.0).abs() < 1e-6,
            "{instructions:?} {found:?}"
        );
    }
}

#[test]
fn a_row_does_not_depend_on_others_or_on_threads() {
    let sizes = [100, 64, 48];
    let (rows, weight) = (numbers(100 * 64, 1), numbers(64 * 48, 2));
    let bias = numbers(48, 3);
    let best = Instructions::best();
    let whole = product_of(best, [&rows, &weight, &bias], sizes);
    for threads in [1, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let same = pool.install(|| product_of(best, [&rows, &weight, &bias], sizes));
        assert_eq!(same, whole);
        for row in [0, 41, 99] {
            let lone = &rows[row * 64..][..64];
            let lone = pool.install(|| product_of(best, [lone, &weight, &bias], [1, 64, 48]));
            assert_eq!(lone, whole[row * 48..][..48]);
        }
    }
}

#[test]
fn a_column_major_matrix_gives_the_same() {
    let (rows, weight) = (numbers(5 * 8, 1), numbers(8 * 4, 2));
    let transposed = |values: &[f32], [height, width]: [usize; 2]| -> Vec<f32> {
        (0..width)
            .flat_map(|x| (0..height).map(move |y| (y, x)))
            .map(|(y, x)| values[y * width + x])
            .collect()
    };
    let plain = product_of(Instructions::best(), [&rows, &weight, &[0.0; 4]], [5, 8, 4]);
    let (turned_rows, turned_weight) = (transposed(&rows, [5, 8]), transposed(&weight, [8, 4]));
    let weight = Weight::quantize(Matrix::rows(&turned_weight, 8).transposed(), [8, 4]);
    let found: Vec<f32> = product(Matrix::rows(&turned_rows, 5).transposed(), 5, &weight, None);
    assert_eq!(found, plain);
}

#[test]
fn values_that_are_not_finite_give_nan_in_their_rows_alone() {
    let weight = numbers(4 * 3, 1);
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let rows = [1.0, 2.0, 3.0, 4.0, 1.0, odd, 3.0, 4.0, 0.0, 0.0, 0.0, 1e-38];
        for instructions in Instructions::all() {
            let found = product_of(instructions, [&rows, &weight, &[0.5; 3]], [3, 4, 3]);
            assert!(found[..3].iter().all(|value| value.is_finite()));
            assert!(found[3..6].iter().all(|value| value.is_nan()));
            assert_eq!(found[6..], [0.5; 3]);
        }
    }
}
