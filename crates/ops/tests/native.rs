//! The native kernels of a processor, or torch's, against the bodies for any backend, which run here on
//! 64-bit floats; and that the number of threads changes nothing in the native ones.

use burn::tensor::activation::softmax;
use burn::tensor::{DType, Int, Tensor, TensorData};
use finetune_ops::{
    AdamWState, AdamWStep, AttentionSettings, Dropout, Int8Weight, Norm, Precision,
    QuantizationAxis, Sequences, attention, cross_entropy, dropout, dropout_add_layer_norm,
    embedding, fake_quantize, geglu, gelu, int8_linear, layer_norm, linear, relative_attention,
    rms_norm, rotary, scale, sum_of_squares, swiglu,
};
use proptest::prelude::*;

use super::device::{device, has_native_kernels};
use super::properties::{asked, at_most_shortest, buckets, host, matrix, packed, relative};

/// Sizes around those of vectors and tasks.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        1usize..40,
        prop::sample::select(vec![63, 64, 65, 127, 129, 384, 515])
    ]
}

/// What an operation and its backward give, computed with tensors of a type.
fn results<const N: usize>(
    inputs: &[Tensor<2>; N],
    dtype: DType,
    operation: &(dyn Fn([Tensor<2>; N]) -> Tensor<2> + Sync),
) -> Vec<Vec<f32>> {
    pulled(inputs, dtype, Precision::F32, operation)
}

/// The same, where the gradient of the output is rounded first.
fn pulled<const N: usize>(
    inputs: &[Tensor<2>; N],
    dtype: DType,
    of_gradient: Precision,
    operation: &(dyn Fn([Tensor<2>; N]) -> Tensor<2> + Sync),
) -> Vec<Vec<f32>> {
    let leaves = inputs
        .each_ref()
        .map(|input| input.clone().cast(dtype).detach().require_grad());
    let output = operation(leaves.clone());
    let upstream = matrix(output.dims(), 77, &output.device());
    let upstream = upstream.cast(of_gradient.dtype()).cast(dtype);
    let gradients = (output.clone() * upstream).sum().backward();
    let gradients = leaves.map(|leaf| match leaf.grad(&gradients) {
        Some(gradient) => host(gradient.cast(DType::F32)),
        None => panic!("each input has a gradient"),
    });
    let output = host(output.inner().cast(DType::F32));
    [output].into_iter().chain(gradients).collect()
}

fn assert_close(native: &[Vec<f32>], expected: &[Vec<f32>], tolerance: f32) {
    for (place, (native, expected)) in native.iter().zip(expected).enumerate() {
        let largest = expected
            .iter()
            .fold(1f32, |most, value| most.max(value.abs()));
        for (found, expected) in native.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(
                error <= tolerance * largest,
                "{place}: {found}, not {expected}"
            );
        }
    }
}

fn compare<const N: usize>(
    inputs: [Tensor<2>; N],
    tolerance: f32,
    operation: &(dyn Fn([Tensor<2>; N]) -> Tensor<2> + Sync),
) {
    let native = results(&inputs, DType::F32, operation);
    assert_close(&native, &results(&inputs, DType::F64, operation), tolerance);
    for threads in [1, 3] {
        assert_same_with(threads, &native, || results(&inputs, DType::F32, operation));
    }
}

/// Asserts that native kernels give the same bits on this number of threads.
fn assert_same_with(
    threads: usize,
    native: &[Vec<f32>],
    results: impl FnOnce() -> Vec<Vec<f32>> + Send,
) {
    if has_native_kernels() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        assert_eq!(native, pool.unwrap().install(results), "{threads} threads");
    }
}

/// What [`results`] gives of attention, in 64-bit floats but for the factors of each product.
fn attention_of_rounded(
    inputs: &[Tensor<2>; 3],
    sequences: &Sequences,
    settings: AttentionSettings,
) -> Vec<Vec<f32>> {
    let AttentionSettings {
        heads,
        window,
        dropout: mask,
        precision,
    } = settings;
    let sequences = sequences.without_autodiff();
    let [batch, tokens] = [sequences.batch_size(), sequences.num_tokens()];
    let round = |tensor: Tensor<4>| tensor.cast(precision.dtype()).cast(DType::F64);
    let split = |rows: Tensor<2>| -> Tensor<4> {
        let [count, hidden] = rows.dims();
        let padded = match count == tokens {
            true => sequences.pad(rows),
            false => rows.reshape([batch, count / batch, hidden]),
        };
        let [_, length, _] = padded.dims();
        let heads = padded.reshape([batch, length, heads, hidden / heads]);
        round(heads.cast(DType::F64).swap_dims(1, 2))
    };
    let join = |heads: Tensor<4>, rows: &Tensor<2>| {
        let [_, count, length, width] = heads.dims();
        let padded: Tensor<3> = heads
            .swap_dims(1, 2)
            .reshape([batch, length, count * width]);
        let rows = match rows.dims()[0] == tokens {
            true => sequences.unpad(padded),
            false => padded.reshape([batch * length, count * width]),
        };
        host(rows.cast(DType::F32))
    };
    let [query, key, value] = inputs.each_ref().map(|rows| split(rows.clone().inner()));
    let upstream = matrix(inputs[0].dims(), 77, &query.device());
    let upstream = split(upstream);
    let [_, _, queries, width] = query.dims();
    let length = sequences.padded_length();
    let beyond = |query: usize, key: usize| window.is_some_and(|most| query.abs_diff(key) > most);
    let masked = |query| (0..length).map(move |key| if beyond(query, key) { -1e30 } else { 0.0 });
    let masked: Vec<f32> = (0..queries).flat_map(masked).collect();
    let masked = TensorData::new(masked, [1, 1, queries, length]);
    let masked = Tensor::<4>::from_data(masked, &query.device())
        + sequences.additive_key_mask().reshape([batch, 1, 1, length]);
    let scores = query.clone().matmul(key.clone().transpose());
    let scale = 1.0 / (width as f64).sqrt();
    let weights = softmax(scores * scale + masked.cast(DType::F64), 3);
    let drop = |x: Tensor<4>| match mask {
        Some(mask) => dropout(x, mask),
        None => x,
    };
    let dropped = round(drop(weights.clone()));
    let of_value = dropped.clone().transpose().matmul(upstream.clone());
    let of_weights = drop(upstream.matmul(value.clone().transpose()));
    let along = (of_weights.clone() * weights.clone()).sum_dim(3);
    let of_scores = round(weights * (of_weights - along) * scale);
    let of_query = of_scores.clone().matmul(key);
    let of_key = of_scores.transpose().matmul(query);
    let [of_queries, of_keys, of_values] = inputs;
    vec![
        join(dropped.matmul(value), of_queries),
        join(of_query, of_queries),
        join(of_key, of_keys),
        join(of_value, of_values),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn of_rows(rows in size(), width in size(), outputs in size(), seed in 0u32..1000) {
        let device = device().autodiff();
        let values = |shape, at| matrix(shape, seed + at, &device) * 3.0;
        let x = values([rows, width], 0);
        compare([x.clone()], 1e-6, &|[x]| gelu(x));
        compare([values([rows, 2 * width], 8)], 2e-6, &|[x]| geglu(x));
        compare([values([rows, 2 * width], 9)], 2e-6, &|[x]| swiglu(x));
        let mask = Dropout { probability: 0.3, key: u64::from(seed) << 30 };
        compare([x.clone()], 1e-6, &|[x]| dropout(x, mask));
        let vectors = [values([1, width], 1), values([1, width], 2)];
        let [gamma, beta] = vectors;
        compare([x.clone(), gamma.clone(), beta.clone()], 2e-5, &|[x, gamma, beta]| {
            layer_norm(x, gamma.reshape([width]), beta.reshape([width]), 0.1)
        });
        compare([x.clone(), gamma.clone()], 2e-5, &|[x, gamma]| {
            rms_norm(x, gamma.reshape([width]), 0.1)
        });
        let residual = values([rows, width], 7);
        for dropout in [None, Some(mask)] {
            let inputs = [x.clone(), residual.clone(), gamma.clone(), beta.clone()];
            compare(inputs, 2e-5, &|[x, residual, gamma, beta]| {
                let [gamma, beta] = [gamma, beta].map(|vector| vector.reshape([width]));
                dropout_add_layer_norm(x, residual, dropout, Norm { gamma, beta, epsilon: 0.1 })
            });
        }
        let (weight, bias) = (values([width, outputs], 3), values([1, outputs], 4));
        compare([x.clone(), weight.clone(), bias], 2e-5, &|[x, weight, bias]| {
            linear(x, weight, Some(bias.reshape([outputs])), Precision::F32)
        });
        compare([x.clone(), weight], 2e-5, &|[x, weight]| linear(x, weight, None, Precision::F32));
        // The matrices as they lie in memory after a transposition.
        let (x, weight) = (values([width, rows], 5), values([outputs, width], 6));
        compare([x, weight], 2e-5, &|[x, weight]| {
            linear(x.transpose(), weight.transpose(), None, Precision::F32)
        });
    }

    #[test]
    fn of_heads(rows in size(), half in 1usize..40, heads in 1usize..5, seed in 0u32..1000) {
        let device = device().autodiff();
        let angles = matrix([rows, half], seed, &device) * 9.0;
        let x = matrix([rows, heads * 2 * half], seed + 1, &device) * 3.0;
        compare([x], 1e-6, &|[x]| {
            let angles = angles.clone().cast(x.dtype());
            rotary(x, angles.clone().cos(), angles.sin(), heads)
        });
    }

    #[test]
    fn of_a_table(
        rows in size(),
        width in size(),
        ids in prop::collection::vec(0i64..600, 1..200),
        seed in 0u32..1000,
    ) {
        let device = device();
        let table = matrix([rows, width], seed, &device.clone().autodiff());
        let ids: Vec<i64> = ids.into_iter().map(|id| id % rows as i64).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids.clone(), [ids.len()]), &device);
        compare([table], 1e-6, &|[table]| embedding(table, ids.clone()));
    }

    #[test]
    fn of_products_of_rounded_factors(
        rows in size(),
        width in size(),
        outputs in size(),
        transposed in any::<bool>(),
        precision in prop::sample::select(vec![Precision::Bf16, Precision::F16]),
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let shapes = match transposed {
            true => [[width, rows], [outputs, width]],
            false => [[rows, width], [width, outputs]],
        };
        let inputs = [0, 1].map(|at| matrix(shapes[at], seed + at as u32, &device) * 3.0);
        let rounded = inputs.each_ref().map(|input| {
            input.clone().cast(precision.dtype()).cast(DType::F32).detach()
        });
        let product = |[x, weight]: [Tensor<2>; 2], precision| match transposed {
            true => linear(x.transpose(), weight.transpose(), None, precision),
            false => linear(x, weight, None, precision),
        };
        let exact = |inputs| product(inputs, Precision::F32);
        let expected = pulled(&rounded, DType::F64, precision, &exact);
        let operation = |inputs| product(inputs, precision);
        let native = results(&inputs, DType::F32, &operation);
        assert_close(&native, &expected, 2e-5);
        assert_same_with(1, &native, || results(&inputs, DType::F32, &operation));
    }

    /// Each value is the nearest multiple of its scale, in f32 and in f64.
    #[test]
    fn of_fake_quantization(rows in size(), width in size(), seed in 0u32..1000) {
        let x = matrix([rows, width], seed, &device()) * 3.0;
        for axis in [QuantizationAxis::Row, QuantizationAxis::Column] {
            let dimension = if axis == QuantizationAxis::Row { 1 } else { 0 };
            let largest = x.clone().abs().max_dim(dimension).clamp_min(1e-30);
            let scales = (largest / 127.0).expand([rows, width]).cast(DType::F64);
            for dtype in [DType::F32, DType::F64] {
                let rounded = fake_quantize(x.clone().cast(dtype), axis).cast(DType::F64);
                let steps = rounded.clone() / scales.clone();
                let off = (steps.clone() - steps.round()).abs().max().into_scalar::<f64>();
                prop_assert!(off < 1e-3, "{off} of a step");
                let change = (rounded - x.clone().cast(DType::F64)) / scales.clone();
                let change = change.abs().max().into_scalar::<f64>();
                prop_assert!(change < 0.501, "{change} of a step");
            }
        }
    }

    /// The integers are those that training sees, and gradients are those of the rounded values.
    #[test]
    fn of_linear_layers_in_8_bits(
        rows in size(),
        width in size(),
        outputs in size(),
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let inputs = [0, 1].map(|at| {
            matrix([[rows, width], [width, outputs]][at], seed + at as u32, &device) * 3.0
        });
        let [x, weight] = inputs.clone();
        let rounded = [
            fake_quantize(x.clone(), QuantizationAxis::Row).detach(),
            fake_quantize(weight.clone(), QuantizationAxis::Column).detach(),
        ];
        let product = |precision| move |[x, weight]: [Tensor<2>; 2]| linear(x, weight, None, precision);
        let found = results(&inputs, DType::F32, &product(Precision::Int8));
        let expected = results(&rounded, DType::F64, &product(Precision::F32));
        assert_close(&found, &expected, 2e-5);
        if !has_native_kernels() {
            return Ok(());
        }
        let integers = Int8Weight::quantize(weight.inner()).unwrap();
        let exact = int8_linear(x.inner(), &integers, None);
        let rounded = rounded.map(|values| values.inner().cast(DType::F64));
        let [x, weight] = rounded;
        let error = (exact.cast(DType::F64) - x.clone().matmul(weight.clone())).abs();
        let bound = x.abs().matmul(weight.abs()) * 1e-5 + 1e-6;
        prop_assert!((error - bound).max().into_scalar::<f64>() <= 0.0);
    }

    #[test]
    fn of_the_loss(rows in 1usize..20, classes in size(), seed in 0u32..1000) {
        let logits = matrix([rows, classes], seed, &device().autodiff()) * 20.0;
        let labels: Vec<usize> = (0..rows).map(|row| (row * 31 + seed as usize) % classes).collect();
        compare([logits], 2e-6, &|[logits]| {
            cross_entropy(logits, &labels, 3.0).reshape([1, 1])
        });
    }

    #[test]
    fn of_attention(
        lengths in prop::collection::vec(
            prop_oneof![4 => 1usize..20, 1 => prop::sample::select(vec![63, 64, 65, 130, 515])],
            1..4,
        ),
        queries in prop::option::of(1usize..4),
        window in prop::option::of(prop_oneof![0usize..10, 20usize..90]),
        heads in 1usize..4,
        head_width in prop::sample::select(vec![1, 2, 3, 7, 8, 12, 32, 65]),
        drops: bool,
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let sequences = packed(&lengths, &device);
        let count = at_most_shortest(queries, &lengths);
        let values = |at| {
            matrix([sequences.num_tokens(), heads * head_width], seed + at, &device) * 2.0
        };
        let inputs = [asked(values(0), &sequences, count), values(1), values(2)];
        let dropout = drops.then_some(Dropout { probability: 0.2, key: u64::from(seed) });
        let settings = AttentionSettings { heads, window, dropout, precision: Precision::F32 };
        compare(inputs.clone(), 1e-5, &|[query, key, value]| {
            attention(query, key, value, &sequences, settings)
        });
        // Where a factor lies at a tie, the last bit of the softmax decides about one of its own.
        for (precision, tolerance) in [(Precision::Bf16, 1e-2), (Precision::F16, 1.2e-3)] {
            let settings = AttentionSettings { precision, ..settings };
            let operation = |[query, key, value]: [Tensor<2>; 3]| {
                attention(query, key, value, &sequences, settings)
            };
            let native = results(&inputs, DType::F32, &operation);
            let expected = attention_of_rounded(&inputs, &sequences, settings);
            assert_close(&native, &expected, tolerance);
            assert_same_with(1, &native, || results(&inputs, DType::F32, &operation));
        }
    }

    /// Of every combination of tables by distance.
    #[test]
    fn of_relative_attention(
        lengths in prop::collection::vec(
            prop_oneof![4 => 1usize..20, 1 => prop::sample::select(vec![63, 64, 65, 130, 300])],
            1..11,
        ),
        queries in prop::option::of(1usize..4),
        window in prop::option::of(prop_oneof![0usize..10, 20usize..90]),
        heads in 1usize..4,
        head_width in prop::sample::select(vec![1, 2, 3, 8, 12, 33]),
        buckets in buckets(),
        tables: [bool; 3],
        drops: bool,
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let sequences = packed(&lengths, &device);
        let count = at_most_shortest(queries, &lengths);
        let hidden = heads * head_width;
        let tokens = |at| matrix([sequences.num_tokens(), hidden], seed + at, &device) * 2.0;
        let table = |at, width| matrix([buckets.num_rows(), width], seed + at, &device) * 2.0;
        // Tables that there are not have no gradient.
        let widths = [hidden, hidden, heads];
        let there: Vec<_> = (0..3).filter(|at| tables[*at]).collect();
        let run = |precision, dtype| {
            let dropout = drops.then_some(Dropout { probability: 0.2, key: u64::from(seed) });
            let settings = AttentionSettings { heads, window, dropout, precision };
            let leaf = |rows: Tensor<2>| rows.cast(dtype).detach().require_grad();
            let leaves: Vec<_> = [asked(tokens(0), &sequences, count), tokens(1), tokens(2)]
                .into_iter()
                .chain(there.iter().map(|at| table(3 + *at as u32, widths[*at])))
                .map(leaf)
                .collect();
            let positions = relative(tables, &leaves[3..], buckets.clone(), head_width);
            let [query, key, value] = [0, 1, 2].map(|at| leaves[at].clone());
            let output = relative_attention(query, key, value, positions, &sequences, settings);
            let upstream = matrix(output.dims(), 77, &device).cast(dtype);
            let gradients = (output.clone() * upstream).sum().backward();
            let of_leaf = |leaf: &Tensor<2>| host(leaf.grad(&gradients).unwrap().cast(DType::F32));
            let mut results: Vec<_> = leaves.iter().map(of_leaf).collect();
            results.push(host(output.inner().cast(DType::F32)));
            results
        };
        let expected = run(Precision::F32, DType::F64);
        for (precision, tolerance) in [
            (Precision::F32, 1e-5),
            (Precision::Bf16, 4e-2),
            (Precision::F16, 5e-3),
        ] {
            let native = run(precision, DType::F32);
            assert_close(&native, &expected, tolerance);
            for threads in [1, 3] {
                assert_same_with(threads, &native, || run(precision, DType::F32));
            }
        }
    }

    #[test]
    fn of_the_optimizer(rows in size(), width in size(), time in 1usize..2000, seed in 0u32..1000) {
        let device = device();
        let values = |at| matrix([rows, width], seed + at, &device);
        let rule = AdamWStep {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.1,
        };
        let step = |dtype| {
            let state = AdamWState {
                parameter: values(0).cast(dtype),
                moments: [values(1).cast(dtype), (values(2).abs() + 1e-3).cast(dtype)],
            };
            let [first, second] = {
                let moved = rule.step(state, values(3).cast(dtype), time);
                assert_eq!(moved.parameter.dtype(), dtype);
                let moved = [moved.parameter].into_iter().chain(moved.moments);
                let moved: Vec<_> = moved.map(|tensor| host(tensor.cast(DType::F32))).collect();
                let norm = host(sum_of_squares(values(3).cast(dtype)).cast(DType::F32));
                let factor = Tensor::<1>::from_data([0.3], &device).cast(dtype);
                let scaled = host(scale(values(3).cast(dtype), &factor).cast(DType::F32));
                [moved, vec![norm, scaled]]
            };
            first.into_iter().chain(second).collect::<Vec<_>>()
        };
        assert_close(&step(DType::F32), &step(DType::F64), 1e-6);
    }
}

#[test]
fn a_step_leaves_other_holders_of_its_tensors_alone() {
    let device = device();
    let held = matrix([3, 5], 1, &device);
    let zeros = || Tensor::zeros([3, 5], &device);
    let state = AdamWState {
        parameter: held.clone(),
        moments: [zeros(), zeros()],
    };
    let rule = AdamWStep {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
    };
    let moved = rule.step(state, matrix([3, 5], 2, &device), 1);
    let halved = scale(held.clone(), &Tensor::from_data([0.5], &device));
    let before = host(matrix([3, 5], 1, &device));
    assert_eq!(host(held), before);
    assert_ne!(host(moved.parameter), before);
    assert_ne!(host(halved), before);
}
