//! Values and gradients against PyTorch, from `operations/generate.py`.

use burn::tensor::{DType, Device, Tensor, TensorData};
use finetune_golden::Golden;
use finetune_ops::{
    AttentionSettings, ClassTargets, Precision, RelativeBuckets, RelativePositions, attention,
    cross_entropy, geglu, gelu, gelu_tanh, layer_norm, linear, relative_attention, rms_norm,
    rotary, soft_target_cross_entropy, swiglu,
};

use super::device::{self, kernels_and_primitives, slack};
use super::properties::{host, packed, settings};

/// The golden file with its values as tensors.
struct Expected(Golden);

impl Expected {
    fn load() -> Self {
        Self(Golden::new(include_bytes!(
            "operations/expected.safetensors"
        )))
    }

    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (values, shape) = self.0.floats(name);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn leaf<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        self.tensor(name, device).require_grad()
    }

    /// The given rows of a matrix.
    fn rows(&self, name: &str, rows: &[usize], device: &Device) -> Tensor<2> {
        let (values, shape) = self.0.floats(name);
        let rows = rows.iter().map(|row| &values[row * shape[1]..][..shape[1]]);
        let rows: Vec<_> = rows.collect();
        Tensor::from_data(
            TensorData::new(rows.concat(), [rows.len(), shape[1]]),
            device,
        )
    }

    /// Checks a matrix that has the given rows of the expected one.
    fn check_rows(&self, name: &str, rows: &[usize], got: Tensor<2>, tolerance: f32) {
        let expected = host(self.rows(name, rows, &Device::flex()));
        finetune_golden::check(name, &host(got), &expected, tolerance * slack());
    }

    fn check<const D: usize>(&self, name: &str, got: Tensor<D>, tolerance: f32) {
        self.0.check(
            name,
            &got.into_data().try_to_vec::<f32>().unwrap(),
            tolerance * slack(),
        );
    }
}

fn device() -> Device {
    device::device().autodiff()
}

/// `sum(output * upstream)`, whose gradient with respect to the output is `upstream`.
fn pull(output: Tensor<2>, upstream: Tensor<2>) -> burn::tensor::Gradients {
    (output * upstream).sum().backward()
}

#[test]
fn gelu_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let x: Tensor<2> = golden.leaf("gelu.x", &device);
    let output = gelu(x.clone());
    golden.check("gelu.output", output.clone(), 2e-6);
    let grads = pull(output, golden.tensor("gelu.upstream", &device));
    golden.check("gelu.x_grad", x.grad(&grads).unwrap(), 2e-6);
}

#[test]
fn gelu_tanh_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let x: Tensor<2> = golden.leaf("gelu_tanh.x", &device);
    let output = gelu_tanh(x.clone());
    golden.check("gelu_tanh.output", output.clone(), 2e-6);
    let grads = pull(output, golden.tensor("gelu_tanh.upstream", &device));
    golden.check("gelu_tanh.x_grad", x.grad(&grads).unwrap(), 2e-6);
}

#[test]
fn layer_norm_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    for case in ["layer_norm_33", "layer_norm_48"] {
        let name = |what: &str| format!("{case}.{what}");
        let x: Tensor<2> = golden.leaf(&name("x"), &device);
        let gamma: Tensor<1> = golden.leaf(&name("weight"), &device);
        let beta: Tensor<1> = golden.leaf(&name("bias"), &device);
        let output = layer_norm(x.clone(), gamma.clone(), beta.clone(), 1e-12);
        golden.check(&name("output"), output.clone(), 2e-6);
        let grads = pull(output, golden.tensor(&name("upstream"), &device));
        golden.check(&name("x_grad"), x.grad(&grads).unwrap(), 5e-6);
        golden.check(&name("weight_grad"), gamma.grad(&grads).unwrap(), 5e-6);
        golden.check(&name("bias_grad"), beta.grad(&grads).unwrap(), 5e-6);
    }
}

#[test]
fn linear_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let x: Tensor<2> = golden.leaf("linear.x", &device);
    let weight: Tensor<2> = golden.leaf("linear.weight", &device);
    let bias: Tensor<1> = golden.leaf("linear.bias", &device);
    let output = linear(
        x.clone(),
        weight.clone(),
        Some(bias.clone()),
        Precision::F32,
    );
    golden.check("linear.output", output.clone(), 1e-5);
    let grads = pull(output, golden.tensor("linear.upstream", &device));
    golden.check("linear.x_grad", x.grad(&grads).unwrap(), 1e-5);
    golden.check("linear.weight_grad", weight.grad(&grads).unwrap(), 1e-5);
    golden.check("linear.bias_grad", bias.grad(&grads).unwrap(), 1e-5);
}

/// The expected tensors are of padded sequences; their tokens are compared.
#[test]
fn attention_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    // All tokens as queries, and one of each sequence.
    for case in ["attention", "attention_first"] {
        let name = |what: &str| format!("{case}.{what}");
        let (mask, shape) = golden.0.integers(&name("key_mask"));
        let real = |row: &[i64]| row.iter().filter(|real| **real == 1).count();
        let lengths: Vec<usize> = mask.chunks(shape[1]).map(real).collect();
        let sequences = packed(&lengths, &device);
        let tokens: Vec<usize> = (0..mask.len()).filter(|slot| mask[*slot] == 1).collect();
        let queries = match case {
            "attention" => tokens.clone(),
            _ => (0..shape[0]).collect(),
        };
        let leaf = |what, rows| golden.rows(&name(what), rows, &device).require_grad();
        let query = leaf("q", &queries);
        let [key, value] = ["k", "v"].map(|what| leaf(what, &tokens));
        let settings = settings(4, None);
        let output = attention(
            query.clone(),
            key.clone(),
            value.clone(),
            &sequences,
            settings,
        );
        golden.check_rows(&name("output"), &queries, output.clone(), 2e-6);
        let grads = pull(output, golden.rows(&name("upstream"), &queries, &device));
        for (what, rows, leaf) in [
            ("q_grad", &queries, query),
            ("k_grad", &tokens, key),
            ("v_grad", &tokens, value),
        ] {
            golden.check_rows(&name(what), rows, leaf.grad(&grads).unwrap(), 5e-6);
        }
    }
}

/// Of sequences that are longer than the window, shorter, and longer than the window on one side.
#[test]
fn attention_in_a_window_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let name = |what: &str| format!("attention_window.{what}");
    let (lengths, _) = golden.0.integers(&name("lengths"));
    let lengths: Vec<usize> = lengths.into_iter().map(|length| length as usize).collect();
    let sequences = packed(&lengths, &device);
    let settings = AttentionSettings {
        window: Some(7),
        ..settings(2, None)
    };
    for dtype in kernels_and_primitives() {
        let leaf = |what| -> Tensor<2> { golden.leaf(&name(what), &device) };
        let leaves = ["q", "k", "v"].map(leaf);
        let [query, key, value] = leaves.clone().map(|leaf| leaf.cast(dtype));
        let output = attention(query, key, value, &sequences, settings).cast(DType::F32);
        golden.check(&name("output"), output.clone(), 2e-6);
        let grads = pull(output, golden.tensor(&name("upstream"), &device));
        for (what, leaf) in ["q_grad", "k_grad", "v_grad"].into_iter().zip(leaves) {
            golden.check(&name(what), leaf.grad(&grads).unwrap(), 5e-6);
        }
    }
}

/// All combinations of terms, and distances beyond the last row.
#[test]
fn relative_attention_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let names = golden.0.names();
    let cases = names.iter().filter_map(|name| {
        let case = name.strip_suffix(".rows")?;
        case.starts_with("relative_").then_some(case)
    });
    let mut count = 0;
    for case in cases {
        count += 1;
        let name = |what: &str| format!("{case}.{what}");
        let buckets = match case.rsplit('_').next() {
            Some("clamped") => RelativeBuckets::clamped(5),
            Some("log") => RelativeBuckets::logarithmic(8, 20),
            _ => RelativeBuckets::two_sided(12, 25),
        };
        let rows = (-44..=44).map(|distance| buckets.row(distance) as i64);
        assert_eq!(
            rows.collect::<Vec<_>>(),
            golden.0.integers(&name("rows")).0,
            "{case}"
        );
        let (lengths, _) = golden.0.integers(&name("lengths"));
        let lengths: Vec<usize> = lengths.into_iter().map(|length| length as usize).collect();
        let leaves = ["q", "k", "v"].map(|what| golden.leaf::<2>(&name(what), &device));
        let tables = ["keys", "queries", "bias"].map(|what| {
            let is_there = names.contains(&name(what));
            is_there.then(|| golden.leaf::<2>(&name(what), &device))
        });
        let [query, key, value] = leaves.clone();
        let [keys, queries, bias] = tables.clone();
        let terms = [&keys, &queries].into_iter().flatten().count();
        let relative = RelativePositions {
            keys,
            queries,
            bias,
            buckets,
            scale: RelativePositions::disentangled_scale(4, terms),
        };
        let sequences = packed(&lengths, &device);
        let output = relative_attention(query, key, value, relative, &sequences, settings(3, None));
        golden.check(&name("output"), output.clone(), 4e-6);
        let grads = pull(output, golden.tensor(&name("upstream"), &device));
        let leaves = leaves.into_iter().map(Some).chain(tables);
        let gradients = ["q", "k", "v", "keys", "queries", "bias"];
        for (what, leaf) in gradients.into_iter().zip(leaves) {
            if let Some(leaf) = leaf {
                let gradient = leaf.grad(&grads).unwrap();
                golden.check(&name(&format!("{what}_grad")), gradient, 1e-5);
            }
        }
    }
    assert_eq!(count, 11);
}

#[test]
fn rotary_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let x: Tensor<2> = golden.leaf("rotary.x", &device);
    let [cosine, sine] = ["rotary.cos", "rotary.sin"].map(|name| golden.tensor(name, &device));
    let output = rotary(x.clone(), cosine, sine, 3);
    golden.check("rotary.output", output.clone(), 1e-6);
    let grads = pull(output, golden.tensor("rotary.upstream", &device));
    golden.check("rotary.x_grad", x.grad(&grads).unwrap(), 1e-6);
}

#[test]
fn gated_units_equal_pytorch() {
    let (golden, device) = (Expected::load(), device());
    type Unit = fn(Tensor<2>) -> Tensor<2>;
    for (case, unit) in [("geglu", geglu as Unit), ("swiglu", swiglu as Unit)] {
        let name = |what: &str| format!("{case}.{what}");
        let x: Tensor<2> = golden.leaf(&name("x"), &device);
        let output = unit(x.clone());
        golden.check(&name("output"), output.clone(), 4e-6);
        let grads = pull(output, golden.tensor(&name("upstream"), &device));
        golden.check(&name("x_grad"), x.grad(&grads).unwrap(), 4e-6);
    }
}

#[test]
fn rms_norm_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let x: Tensor<2> = golden.leaf("rms_norm.x", &device);
    let gamma: Tensor<1> = golden.leaf("rms_norm.weight", &device);
    let output = rms_norm(x.clone(), gamma.clone(), 1e-3);
    golden.check("rms_norm.output", output.clone(), 2e-6);
    let grads = pull(output, golden.tensor("rms_norm.upstream", &device));
    golden.check("rms_norm.x_grad", x.grad(&grads).unwrap(), 5e-6);
    golden.check("rms_norm.weight_grad", gamma.grad(&grads).unwrap(), 5e-6);
}

#[test]
fn cross_entropy_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    let logits: Tensor<2> = golden.leaf("cross_entropy.logits", &device);
    let labels: Vec<usize> = golden
        .0
        .integers("cross_entropy.targets")
        .0
        .into_iter()
        .map(|label| label as usize)
        .collect();
    let targets = ClassTargets {
        labels: &labels,
        classes: 5,
        divisor: labels.len() as f64,
    };
    for loss in [
        soft_target_cross_entropy(logits.clone(), targets.weights(&device)),
        cross_entropy(logits.clone(), &labels, targets.divisor),
    ] {
        golden.check("cross_entropy.loss", loss.clone(), 1e-6);
        let gradient = logits.grad(&loss.backward()).unwrap();
        golden.check("cross_entropy.logits_grad", gradient, 1e-6);
    }
}
