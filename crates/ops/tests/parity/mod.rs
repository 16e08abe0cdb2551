//! Values and gradients against PyTorch, from `operations/generate.py`.

use burn::tensor::{Device, Tensor, TensorData};
use finetune_golden::Golden;
use finetune_ops::{
    ClassTargets, Precision, additive_key_mask, attention, cross_entropy, gelu, gelu_tanh,
    layer_norm, linear, soft_target_cross_entropy,
};

use super::device::{self, slack};
use super::properties::settings;

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

#[test]
fn attention_equals_pytorch() {
    let (golden, device) = (Expected::load(), device());
    // All tokens as queries, and one of each row.
    for case in ["attention", "attention_first"] {
        let name = |what: &str| format!("{case}.{what}");
        let leaf = |what| -> Tensor<2> { golden.leaf(&name(what), &device) };
        let [query, key, value] = ["q", "k", "v"].map(leaf);
        let (mask, shape) = golden.0.integers(&name("key_mask"));
        let mask: Vec<bool> = mask.into_iter().map(|real| real == 1).collect();
        let bias = additive_key_mask(&mask, [shape[0], shape[1]], &device);
        let settings = settings(4, None);
        let output = attention(query.clone(), key.clone(), value.clone(), bias, settings);
        golden.check(&name("output"), output.clone(), 2e-6);
        let grads = pull(output, golden.tensor(&name("upstream"), &device));
        golden.check(&name("q_grad"), query.grad(&grads).unwrap(), 5e-6);
        golden.check(&name("k_grad"), key.grad(&grads).unwrap(), 5e-6);
        golden.check(&name("v_grad"), value.grad(&grads).unwrap(), 5e-6);
    }
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
