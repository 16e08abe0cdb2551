//! The native kernels of a processor, or torch's, against the bodies for any backend, which run here on
//! 64-bit floats; and that the number of threads changes nothing in the native ones.

use burn::tensor::activation::softmax;
use burn::tensor::{DType, Int, Tensor, TensorData};
use finetune_ops::{
    AdamWState, AdamWStep, AttentionSettings, Dropout, Norm, Precision, additive_key_mask,
    attention, cross_entropy, dropout, dropout_add_layer_norm, embedding, gelu, layer_norm, linear,
    scale, sum_of_squares,
};
use proptest::prelude::*;

use super::device::{device, has_native_kernels};
use super::properties::{host, matrix};

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
    bias: Tensor<2>,
    settings: AttentionSettings,
) -> Vec<Vec<f32>> {
    let AttentionSettings {
        heads,
        dropout: mask,
        precision,
    } = settings;
    let [batch, sequence] = bias.dims();
    let wide = |tensor: Tensor<2>| tensor.inner().cast(DType::F64);
    let round = |tensor: Tensor<4>| tensor.cast(precision.dtype()).cast(DType::F64);
    let split = |rows: Tensor<2>| -> Tensor<4> {
        let [tokens, hidden] = rows.dims();
        let heads = rows.reshape([batch, tokens / batch, heads, hidden / heads]);
        round(heads.swap_dims(1, 2))
    };
    let join = |heads: Tensor<4>| {
        let [_, count, tokens, width] = heads.dims();
        let rows = heads.swap_dims(1, 2);
        host(
            rows.reshape([batch * tokens, count * width])
                .cast(DType::F32),
        )
    };
    let upstream = split(wide(matrix(inputs[0].dims(), 77, &inputs[0].device())));
    let [query, key, value] = inputs.each_ref().map(|rows| split(wide(rows.clone())));
    let scale = 1.0 / (query.dims()[3] as f64).sqrt();
    let bias = wide(bias).reshape([batch, 1, 1, sequence]);
    let weights = softmax(
        query.clone().matmul(key.clone().transpose()) * scale + bias,
        3,
    );
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
    [dropped.matmul(value), of_query, of_key, of_value]
        .map(join)
        .into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn of_rows(rows in size(), width in size(), outputs in size(), seed in 0u32..1000) {
        let device = device().autodiff();
        let values = |shape, at| matrix(shape, seed + at, &device) * 3.0;
        let x = values([rows, width], 0);
        compare([x.clone()], 1e-6, &|[x]| gelu(x));
        let mask = Dropout { probability: 0.3, key: u64::from(seed) << 30 };
        compare([x.clone()], 1e-6, &|[x]| dropout(x, mask));
        let vectors = [values([1, width], 1), values([1, width], 2)];
        let [gamma, beta] = vectors;
        compare([x.clone(), gamma.clone(), beta.clone()], 2e-5, &|[x, gamma, beta]| {
            layer_norm(x, gamma.reshape([width]), beta.reshape([width]), 0.1)
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
        batch in 1usize..3,
        sequence in prop_oneof![1usize..20, prop::sample::select(vec![63, 64, 65, 130, 515])],
        queries in prop_oneof![Just(0usize), 1usize..4],
        heads in 1usize..4,
        head_width in prop::sample::select(vec![1, 2, 3, 7, 8, 12, 32, 65]),
        drops: bool,
        seed in 0u32..1000,
    ) {
        let device = device().autodiff();
        let queries = if queries == 0 { sequence } else { queries };
        let values = |rows, at| matrix([rows, heads * head_width], seed + at, &device) * 2.0;
        let all = batch * sequence;
        let inputs = [values(batch * queries, 0), values(all, 1), values(all, 2)];
        let real: Vec<bool> = (0..all).map(|slot| slot % sequence <= slot / sequence + 7).collect();
        let bias = additive_key_mask(&real, [batch, sequence], &device);
        let dropout = drops.then_some(Dropout { probability: 0.2, key: u64::from(seed) });
        let settings = AttentionSettings { heads, dropout, precision: Precision::F32 };
        compare(inputs.clone(), 1e-5, &|[query, key, value]| {
            let bias = bias.clone().cast(query.dtype());
            attention(query, key, value, bias, settings)
        });
        // Where a factor lies at a tie, the last bit of the softmax decides about one of its own.
        for (precision, tolerance) in [(Precision::Bf16, 1e-2), (Precision::F16, 1.2e-3)] {
            let settings = AttentionSettings { precision, ..settings };
            let operation = |[query, key, value]: [Tensor<2>; 3]| {
                attention(query, key, value, bias.clone(), settings)
            };
            let native = results(&inputs, DType::F32, &operation);
            let expected = attention_of_rounded(&inputs, bias.clone(), settings);
            assert_close(&native, &expected, tolerance);
            assert_same_with(1, &native, || results(&inputs, DType::F32, &operation));
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
