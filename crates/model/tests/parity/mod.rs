//! Hidden states, logits, losses and gradients against transformers and PyTorch.

mod autocast;
mod crf;
mod embeddings;
mod families;
mod heads;
mod lora;
mod pre_training;
mod round_trip;
mod tiny_bert;
mod tokens;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use finetune_golden::Golden;
use finetune_model::{Encoder, EncoderInput, ParameterKind, TensorNames, parameters};

use crate::device::device_and_tolerance;

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_to_vec().unwrap()
}

/// A golden tensor on a device.
fn tensor<const D: usize>(golden: &Golden, name: &str, device: &Device) -> Tensor<D> {
    let (values, shape) = golden.floats(name);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn indices(golden: &Golden, name: &str) -> Vec<usize> {
    let (values, _) = golden.integers(name);
    values.into_iter().map(|value| value as usize).collect()
}

/// The golden batch, as the encoder takes it. Where there are no token types, those given are of
/// no consequence.
fn golden_input(golden: &Golden, encoder: &Encoder) -> EncoderInput {
    let (mask, shape) = golden.integers("attention_mask");
    let mask: Vec<bool> = mask.into_iter().map(|real| real == 1).collect();
    let ids = |name| -> Vec<u32> {
        let (ids, _) = golden.integers(name);
        ids.into_iter().map(|id| id as u32).collect()
    };
    let types = match golden.names().iter().any(|name| name == "token_type_ids") {
        true => ids("token_type_ids"),
        false => vec![1; mask.len()],
    };
    let shape = [shape[0], shape[1]];
    EncoderInput::from_padded(encoder, &ids("input_ids"), &types, &mask, shape).unwrap()
}

/// The values of the padded rows that the mask calls real: those of packed tokens.
fn real_rows(golden: &Golden, values: &[f32]) -> Vec<f32> {
    let (mask, _) = golden.integers("attention_mask");
    let width = values.len() / mask.len();
    let rows = values.chunks_exact(width).zip(&mask);
    rows.filter(|(_, real)| **real == 1)
        .flat_map(|(row, _)| row.to_vec())
        .collect()
}

/// The places of tokens in padded rows, as rows of packed tokens.
fn packed_positions(golden: &Golden, name: &str) -> Vec<usize> {
    let (mask, _) = golden.integers("attention_mask");
    let before = |place: &usize| mask[..*place].iter().filter(|real| **real == 1).count();
    indices(golden, name).iter().map(before).collect()
}

/// The largest relative error seen, and the bound on it.
struct Errors {
    tolerance: f64,
    worst: (f64, String),
}

impl Errors {
    fn within(tolerance: f64) -> Self {
        Self {
            tolerance,
            worst: (0.0, "nothing".to_string()),
        }
    }

    /// Compares a tensor: the largest distance of two elements, over the largest element.
    fn compare(&mut self, name: &str, got: &[f32], expected: &[f32]) {
        self.compare_at_scale(name, got, expected, 0.0);
    }

    /// The same for a tensor that may be zero but for rounding: it is measured against `scale` if
    /// that is larger than its own values.
    fn compare_at_scale(&mut self, name: &str, got: &[f32], expected: &[f32], scale: f64) {
        assert_eq!(got.len(), expected.len(), "{name}: number of elements");
        let distances = got.iter().zip(expected);
        let distances = distances.map(|(got, expected)| f64::from(*got) - f64::from(*expected));
        let distance = largest(distances);
        let size = largest(expected.iter().map(|value| f64::from(*value))).max(scale);
        let error = distance / size;
        assert!(
            error <= self.tolerance,
            "{name}: relative error {error:e}, at most {:e} allowed",
            self.tolerance
        );
        if error > self.worst.0 {
            self.worst = (error, name.to_string());
        }
    }

    /// Compares the gradient of every parameter, by name. Those of the golden file begin with
    /// `prefix`; the two have to have the same names.
    fn compare_gradients(
        &mut self,
        golden: &Golden,
        prefix: &str,
        gradients: &BTreeMap<String, Vec<f32>>,
    ) {
        let listed = golden.names();
        let expected: Vec<_> = listed
            .iter()
            .filter_map(|name| name.strip_prefix(prefix))
            .collect();
        let got: Vec<_> = gradients.keys().collect();
        assert_eq!(got, expected, "{prefix}");
        // The gradient of a key's bias is zero but for rounding: softmax cancels it. It is measured
        // against that of its neighbors, the query's.
        for (name, gradient) in gradients {
            let neighbor = name
                .replace("key.bias", "query.bias")
                .replace("k_lin", "q_lin")
                .replace("attn.k.bias", "attn.q.bias");
            let (neighbor, _) = golden.floats(&format!("{prefix}{neighbor}"));
            let scale = largest(neighbor.iter().map(|value| f64::from(*value)));
            let (expected, _) = golden.floats(&format!("{prefix}{name}"));
            self.compare_at_scale(&format!("gradient of {name}"), gradient, &expected, scale);
        }
    }

    /// Prints the largest error; `cargo test -- --nocapture` shows it.
    fn report(&self, case: &str) {
        let (error, name) = &self.worst;
        println!("{case}: largest relative error {error:.1e}, of {name}");
    }
}

/// The largest distance from zero; a NaN is farther than anything.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    let farther = |a: f64, b: f64| if b.total_cmp(&a).is_gt() { b } else { a };
    values.map(f64::abs).fold(0.0, farther)
}

/// The gradients of a model by the names of its tensors in a checkpoint, matrices output-major.
/// A parameter without a gradient is not among them.
fn gradients_by_name<M: Module>(
    model: &M,
    names: &TensorNames,
    gradients: &Gradients,
) -> BTreeMap<String, Vec<f32>> {
    struct GradientVisitor<'a> {
        gradients: &'a Gradients,
        found: Vec<Option<Vec<f32>>>,
        kinds: Vec<ParameterKind>,
    }
    impl ModuleVisitor for GradientVisitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let kind = self.kinds[self.found.len()];
            let output_major = kind == ParameterKind::LinearWeight || kind.is_adapter();
            let gradient = param.val().grad(self.gradients);
            self.found.push(gradient.map(|gradient| match output_major {
                true => host(gradient.transpose()),
                false => host(gradient),
            }));
        }
    }
    let listed = parameters(model);
    let mut reading = GradientVisitor {
        gradients,
        found: Vec::new(),
        kinds: listed.iter().map(|parameter| parameter.kind).collect(),
    };
    model.visit(&mut reading);
    let mut named: BTreeMap<String, BTreeMap<usize, Vec<f32>>> = BTreeMap::new();
    for (parameter, gradient) in listed.iter().zip(reading.found) {
        if let Some(gradient) = gradient {
            for part in names.parts(parameter) {
                let length = gradient.len() / part.rows.count;
                let rows = gradient[part.rows.index * length..][..length].to_vec();
                let blocks = named.entry(part.name).or_default();
                assert!(blocks.insert(part.block.index, rows).is_none());
            }
        }
    }
    let joined = |blocks: BTreeMap<usize, Vec<f32>>| blocks.into_values().flatten().collect();
    let named = named.into_iter();
    named.map(|(name, blocks)| (name, joined(blocks))).collect()
}
