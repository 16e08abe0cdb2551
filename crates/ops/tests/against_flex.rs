//! Every operation on the device under test against flex: values, gradients, dropout masks, and the
//! same bits when repeated. Sizes are odd, so that rows and tiles end in the middle of a cube.

use burn::tensor::{Device, Int, Tensor, TensorData};
use finetune_ops::{
    AdamWState, AdamWStep, AttentionSettings, Dropout, Norm, RelativeBuckets, attention,
    cross_entropy, dropout, dropout_add_layer_norm, embedding, geglu, gelu, gelu_tanh, layer_norm,
    relative_attention, rms_norm, rotary, scale, sum_of_squares, swiglu,
};

use super::device::{device, slack};
use super::properties::{asked, host, matrix, packed, relative, settings};

/// Output of an operation, and the gradients of its float inputs.
type Results = Vec<Vec<f32>>;

/// Runs an operation on inputs of these shapes on a device.
fn run(
    device: &Device,
    shapes: &[[usize; 2]],
    operation: &dyn Fn(Vec<Tensor<2>>, &Device) -> Tensor<2>,
) -> Results {
    let device = device.clone().autodiff();
    let leaf =
        |(at, shape): (usize, &[usize; 2])| matrix(*shape, at as u32, &device).require_grad();
    let leaves: Vec<Tensor<2>> = shapes.iter().enumerate().map(leaf).collect();
    let output = operation(leaves.clone(), &device);
    let upstream = matrix(output.dims(), 91, &device);
    let gradients = (output.clone() * upstream).sum().backward();
    let of_leaf = |leaf: &Tensor<2>| leaf.grad(&gradients).map(host);
    let mut results = vec![host(output)];
    results.extend(leaves.iter().filter_map(of_leaf));
    results
}

fn bits(results: &Results) -> Vec<u32> {
    let values = results.iter().flatten();
    values.map(|value| value.to_bits()).collect()
}

/// Asserts that two runs gave the same bits, and shows no more than the first other ones.
fn assert_repeats(name: &str, first: &Results, second: &Results) {
    let pairs = bits(first).into_iter().zip(bits(second));
    let different = pairs
        .enumerate()
        .find(|(_, (first, second))| first != second);
    assert_eq!(
        different,
        None,
        "{name}, repeated, of {:?}",
        first.iter().map(Vec::len)
    );
}

/// Compares an operation with flex and with itself.
fn compare(
    name: &str,
    shapes: &[[usize; 2]],
    operation: impl Fn(Vec<Tensor<2>>, &Device) -> Tensor<2>,
) {
    let expected = run(&Device::flex(), shapes, &operation);
    let got = run(&device(), shapes, &operation);
    assert_eq!(got.len(), expected.len(), "results of {name}");
    for (number, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert_eq!(got.len(), expected.len(), "{name}, result {number}");
        let largest = expected
            .iter()
            .fold(0.1f32, |most, value| most.max(value.abs()));
        for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
            let error = (got - expected).abs() / largest;
            assert!(
                error <= 1e-5 * slack(),
                "{name}, result {number} at {at}: {got} instead of {expected}"
            );
        }
    }
    let again = run(&device(), shapes, &operation);
    assert_repeats(name, &got, &again);
}

const SIZES: [[usize; 2]; 5] = [[1, 1], [3, 5], [7, 33], [65, 48], [130, 257]];

fn vector(matrix: Tensor<2>) -> Tensor<1> {
    matrix.flatten(0, 1)
}

#[test]
fn element_wise_operations() {
    for size in SIZES {
        compare("gelu", &[size], |inputs, _| gelu(inputs[0].clone() * 3.0));
        compare("gelu_tanh", &[size], |inputs, _| {
            gelu_tanh(inputs[0].clone() * 3.0)
        });
        let [rows, width] = size;
        compare("geglu", &[[rows, 2 * width]], |inputs, _| {
            geglu(inputs[0].clone() * 3.0)
        });
        // The second one saturates: neither exponentials nor their sums may overflow.
        for scale in [3.0, 300.0] {
            compare("swiglu", &[[rows, 2 * width]], |inputs, _| {
                swiglu(inputs[0].clone() * scale)
            });
        }
        compare("rotary", &[[rows, 6 * width]], |inputs, device| {
            let angles = matrix([rows, width], 5, device) * 9.0;
            rotary(inputs[0].clone(), angles.clone().cos(), angles.sin(), 3)
        });
    }
}

#[test]
fn normalizations_of_odd_rows() {
    for [rows, width] in SIZES {
        let shapes = [[rows, width], [1, width], [1, width]];
        // An epsilon that keeps the rows of one value from being divided by zero.
        compare("layer_norm", &shapes, |inputs, _| {
            let [rows, gamma, beta] = <[_; 3]>::try_from(inputs).unwrap();
            layer_norm(rows, vector(gamma), vector(beta), 1e-3)
        });
        compare("rms_norm", &shapes[..2], |inputs, _| {
            let [rows, gamma] = <[_; 2]>::try_from(inputs).unwrap();
            rms_norm(rows, vector(gamma), 1e-3)
        });
        for dropout in [
            None,
            Some(Dropout {
                probability: 0.3,
                key: 7 << 33 | 5,
            }),
        ] {
            let shapes = [[rows, width], [rows, width], [1, width], [1, width]];
            compare("dropout_add_layer_norm", &shapes, |inputs, _| {
                let [rows, residual, gamma, beta] = <[_; 4]>::try_from(inputs).unwrap();
                let norm = Norm {
                    gamma: vector(gamma),
                    beta: vector(beta),
                    epsilon: 1e-3,
                };
                dropout_add_layer_norm(rows, residual, dropout, norm)
            });
        }
    }
}

/// Sequences, tokens of the first and longest, queries of each (0: all tokens), heads and head width.
const ATTENTIONS: [[usize; 5]; 6] = [
    [1, 1, 0, 1, 1],
    [2, 3, 0, 2, 5],
    [3, 70, 1, 2, 32],
    [2, 67, 0, 3, 13],
    [1, 130, 0, 1, 64],
    [2, 5, 2, 1, 160],
];

#[test]
fn attentions_of_sequences_with_windows_and_dropout() {
    for [batch, longest, queries, heads, head_width] in ATTENTIONS {
        // The tokens of a sequence differ in number.
        let lengths: Vec<usize> = (1..=batch).map(|row| longest.div_ceil(row)).collect();
        let tokens = lengths.iter().sum();
        let shapes = [[tokens, heads * head_width]; 3];
        let dropped = Some(Dropout {
            probability: 0.2,
            key: u64::MAX - 3,
        });
        for (window, dropout) in [
            (None, None),
            (None, dropped),
            (Some(9), None),
            (Some(4), dropped),
        ] {
            let name = format!(
                "attention of {heads} heads of {head_width}, {lengths:?}, {queries} queries, window {window:?}, \
                 dropout {}",
                dropout.is_some()
            );
            compare(&name, &shapes, |inputs, device| {
                let [query, key, value] = <[_; 3]>::try_from(inputs).unwrap();
                let sequences = packed(&lengths, device);
                let count = (queries > 0).then_some(queries);
                let query = asked(query * 2.0, &sequences, count);
                let settings = AttentionSettings {
                    window,
                    ..settings(heads, dropout)
                };
                attention(query, key, value, &sequences, settings)
            });
        }
    }
}

#[test]
fn attentions_with_tables_by_distance() {
    for [batch, longest, queries, heads, head_width] in ATTENTIONS {
        let lengths: Vec<usize> = (1..=batch).map(|row| longest.div_ceil(row)).collect();
        let (tokens, hidden) = (lengths.iter().sum(), heads * head_width);
        let buckets = RelativeBuckets::logarithmic(8, 20);
        let shapes = [
            [tokens, hidden],
            [tokens, hidden],
            [tokens, hidden],
            [buckets.num_rows(), hidden],
            [buckets.num_rows(), hidden],
            [buckets.num_rows(), heads],
        ];
        compare("relative_attention", &shapes, |inputs, device| {
            let positions = relative([true; 3], &inputs[3..], buckets.clone(), head_width);
            let [query, key, value] = [0, 1, 2].map(|at| inputs[at].clone());
            let sequences = packed(&lengths, device);
            let query = asked(query, &sequences, (queries > 0).then_some(queries));
            let dropout = Dropout {
                probability: 0.2,
                key: 5,
            };
            let settings = settings(heads, Some(dropout));
            relative_attention(query, key, value, positions, &sequences, settings)
        });
    }
}

#[test]
fn losses_and_embeddings() {
    for [rows, width] in SIZES {
        let labels: Vec<usize> = (0..rows).map(|row| row * 7 % width).collect();
        compare("cross_entropy", &[[rows, width]], |inputs, _| {
            let logits = inputs[0].clone() * 9.0;
            cross_entropy(logits, &labels, 3.0).reshape([1, 1])
        });
        let vocabulary = rows / 2 + 1;
        let ids: Vec<i64> = (0..rows as i64)
            .map(|row| row * row % vocabulary as i64)
            .collect();
        compare("embedding", &[[vocabulary, width]], |inputs, device| {
            let data = TensorData::new(ids.clone(), [rows]);
            let ids = Tensor::<1, Int>::from_data(data, &device.clone().without_autodiff());
            embedding(inputs[0].clone(), ids)
        });
    }
}

#[test]
fn masks_have_the_bits_of_flex() {
    for (length, probability, key) in [
        (1, 0.5, 0),
        (1000, 0.1, 42),
        (70_001, 0.9, u64::MAX),
        (5_000_011, 0.3, 1 << 40),
    ] {
        let mask = |device: &Device| {
            let ones = Tensor::<1>::ones([length], device);
            host(dropout(ones, Dropout { probability, key }))
        };
        assert!(mask(&device()) == mask(&Device::flex()), "{length} values");
    }
}

#[test]
fn optimizer_steps_and_norms() {
    let rule = AdamWStep {
        learning_rate: 1e-2,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.01,
    };
    for size in SIZES {
        let results = |device: &Device| {
            let values = |seed| matrix(size, seed, device);
            let gradient = values(4);
            let start = AdamWState {
                parameter: values(1),
                moments: [values(2), values(3).square()],
            };
            // Held by someone else, too: it may not be written to.
            let kept = start.clone();
            let moved = rule.step(start, gradient.clone(), 3);
            let norm = sum_of_squares(gradient.clone());
            let scaled = scale(gradient, &norm);
            let [first, second] = moved.moments;
            let after = [moved.parameter, first, second, scaled, kept.parameter];
            let mut results: Results = after.map(host).into();
            results.push(host(norm));
            results
        };
        let (got, expected) = (results(&device()), results(&Device::flex()));
        for (number, (got, expected)) in got.iter().zip(&expected).enumerate() {
            for (got, expected) in got.iter().zip(expected) {
                let close = (got - expected).abs() <= 1e-6 * slack() * (1.0 + expected.abs());
                assert!(close, "result {number}: {got} instead of {expected}");
            }
        }
        assert_repeats("optimizer", &got, &results(&device()));
    }
}

/// The kernels are launched at once on burn's backend without operation fusion.
#[cfg(feature = "wgpu")]
mod without_fusion {
    use burn::backend::Cube;
    use burn::backend::wgpu::CubeBackend;
    use burn::tensor::{Device, TensorData, read_sync};
    use finetune_ops::{
        AttentionInputs, Dropout, GluActivation, Kernels, Norm, Offsets, Packing, Precision,
    };

    use super::super::device::device;
    use super::super::properties::{host, matrix, settings};
    use super::Results;

    fn results<B: Kernels>() -> Results {
        let device = <B as burn::backend::BackendTypes>::Device::default();
        let tensor = |shape: [usize; 2], seed| {
            let values = host(matrix(shape, seed, &Device::flex()));
            B::float_from_data(TensorData::new(values, shape), &device)
        };
        let vector = |width: usize, seed| {
            let values = host(matrix([1, width], seed, &Device::flex()));
            B::float_from_data(TensorData::new(values, [width]), &device)
        };
        let dropout = Some(Dropout {
            probability: 0.2,
            key: 3 << 35 | 1,
        });
        let (rows, width) = (10, 36);
        let of = |seed| tensor([rows, width], seed);
        let norm = Norm {
            gamma: vector(width, 1),
            beta: vector(width, 2),
            epsilon: 1e-5,
        };
        let (output, sum) = B::residual_norm_rows(of(3), of(4), dropout, norm);
        let gradients =
            B::residual_norm_gradients(sum, vector(width, 1), 1e-5, dropout, of(5), [true; 4]);
        let inputs = || AttentionInputs {
            query: of(6),
            key: of(7),
            value: of(8),
            additive_key_mask: B::float_from_data(
                TensorData::from([[0.0; 6], [0.0, 0.0, 0.0, 0.0, f32::MIN, f32::MIN]]),
                &device,
            ),
        };
        // Sequences of six and four tokens.
        let packing = || Packing {
            offsets: Offsets::new(&[0, 6, 10]).unwrap(),
            token_of_slot: B::int_from_data(
                TensorData::from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0]),
                &device,
            ),
            slot_of_token: B::int_from_data(
                TensorData::from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
                &device,
            ),
        };
        let mut tensors = vec![output];
        tensors.extend(gradients.into_iter().flatten());
        tensors.push(B::rms_norm_rows(of(3), vector(width, 1), 1e-5));
        let gradients = B::rms_norm_gradients(of(3), vector(width, 1), 1e-5, of(5), [true; 2]);
        tensors.extend(gradients.into_iter().flatten());
        for activation in [GluActivation::Gelu, GluActivation::Silu] {
            tensors.push(B::glu_rows(of(3), activation));
            let gradient = tensor([rows, width / 2], 5);
            tensors.push(B::glu_gradient(of(3), gradient, activation));
        }
        let settings = settings(3, dropout);
        assert_eq!(settings.precision, Precision::F32);
        let (context, left) = B::attention_rows(inputs(), packing(), settings);
        tensors.push(context);
        let gradients =
            B::attention_gradients(inputs(), left, packing(), settings, of(9), [true; 3]);
        tensors.extend(gradients.into_iter().flatten());
        let read = |tensor| match read_sync(B::float_into_data(tensor)) {
            Ok(data) => data.try_to_vec::<f32>().unwrap(),
            Err(error) => panic!("{error:?}"),
        };
        tensors.into_iter().map(read).collect()
    }

    #[test]
    fn bits_are_the_same() {
        if device() == Device::flex() {
            return;
        }
        super::assert_repeats(
            "without fusion",
            &results::<CubeBackend>(),
            &results::<Cube>(),
        );
    }
}
