//! Every pooling and every head that transformers has no class for against PyTorch, from
//! `heads/generate.py`: outputs, losses of every kind, and the gradient of every parameter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, Encoder, EncoderInput, HeadConfig, Pooling, ProblemType, SequenceClassifier,
    SequenceClassifierConfig, TensorNames, load_classifier_with, parameters, save_classifier,
};
use finetune_ops::{ClassTargets, soft_target_cross_entropy};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use super::{Errors, device_and_tolerance, gradients_by_name, host, indices, tensor};

/// A line of `cases.json`.
#[derive(Deserialize)]
struct Case {
    pooling: Pooling,
    head: HeadConfig,
    outputs: usize,
    loss: Loss,
}

/// The losses of PyTorch, each the mean.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Loss {
    CrossEntropy,
    Bce,
    Mse,
    L1,
}

impl Loss {
    fn of(self, output: Tensor<2>, golden: &Golden, targets: &str) -> Tensor<1> {
        let device = output.device();
        let values = || tensor::<2>(golden, targets, &device);
        match self {
            Self::CrossEntropy => {
                let labels = indices(golden, targets);
                let weights = ClassTargets {
                    labels: &labels,
                    classes: output.dims()[1],
                    divisor: labels.len() as f64,
                };
                soft_target_cross_entropy(output, weights.weights(&device))
            }
            Self::Bce => {
                let (yes, no) = (log_sigmoid(output.clone()), log_sigmoid(-output));
                -(values() * yes + (-values() + 1.0) * no).mean()
            }
            Self::Mse => (output - values()).powi_scalar(2).mean(),
            Self::L1 => (output - values()).abs().mean(),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/heads")
}

fn cases() -> Vec<(String, Case)> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    let cases: BTreeMap<String, Case> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 18);
    cases.into_iter().collect()
}

fn golden() -> Golden {
    Golden::read(&folder().join("expected.safetensors"))
}

/// A batch without token types.
fn input(golden: &Golden, batch: &str, encoder: &Encoder) -> EncoderInput {
    let (ids, shape) = golden.integers(&format!("{batch}.input_ids"));
    let (mask, _) = golden.integers(&format!("{batch}.attention_mask"));
    let ids: Vec<u32> = ids.into_iter().map(|id| id as u32).collect();
    let mask: Vec<bool> = mask.into_iter().map(|real| real == 1).collect();
    let types = vec![0; ids.len()];
    EncoderInput::from_padded(encoder, &ids, &types, &mask, [shape[0], shape[1]]).unwrap()
}

/// A checkpoint with the encoder and the golden head of a case, and the model that loads from it.
fn model(golden: &Golden, name: &str, case: &Case, device: &Device) -> SequenceClassifier {
    let checkpoint = folder().join("checkpoint");
    let problem_type = match case.outputs {
        1 => ProblemType::Regression,
        _ => ProblemType::SingleLabelClassification,
    };
    let encoder = CheckpointConfig::read(&checkpoint).unwrap().encoder;
    let config = SequenceClassifierConfig {
        encoder,
        pooling: case.pooling,
        head: case.head.clone(),
        problem_type,
        class_names: (0..case.outputs).map(|index| index.to_string()).collect(),
    };
    let names = TensorNames::of_classifier(&config);
    let parameters = parameters(&config.init(device).unwrap());
    let head = parameters
        .iter()
        .filter(|parameter| parameter.path.starts_with("head."));
    let head: Vec<_> = head
        .map(|parameter| {
            let (values, shape) = golden.floats(&format!("{name}.{}", parameter.path));
            let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
            (names.name(parameter), bytes, shape)
        })
        .collect();

    let bytes = std::fs::read(checkpoint.join("model.safetensors")).unwrap();
    let mut tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
    for (name, bytes, shape) in &head {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        tensors.push((name.clone(), view));
    }
    let loaded = tempfile::tempdir().unwrap();
    let bytes = safetensors::serialize(tensors, None).unwrap();
    std::fs::write(loaded.path().join("model.safetensors"), bytes).unwrap();
    let config_file = "config.json";
    std::fs::copy(
        checkpoint.join(config_file),
        loaded.path().join(config_file),
    )
    .unwrap();
    let (model, report) = load_classifier_with(loaded.path(), &config, None, 0, device).unwrap();
    assert!(report.newly_initialized.is_empty(), "{name}: {report}");
    model
}

fn outputs(golden: &Golden, model: &SequenceClassifier) -> Tensor<2> {
    let (first, second) = (
        input(golden, "first", &model.encoder),
        input(golden, "second", &model.encoder),
    );
    match model.num_texts() {
        1 => model.forward(&first, None).unwrap(),
        _ => model.forward((&first, &second), None).unwrap(),
    }
}

#[test]
fn poolings_and_heads_equal_pytorch() {
    let (device, tolerance) = device_and_tolerance();
    let device = device.autodiff();
    let golden = golden();
    for (name, case) in cases() {
        let mut errors = Errors::within(tolerance);
        let expected = |what: &str| golden.floats(&format!("{name}.{what}")).0;
        let model = model(&golden, &name, &case, &device);
        let output = outputs(&golden, &model);
        errors.compare("output", &host(output.clone()), &expected("output"));

        let loss = case.loss.of(output, &golden, &format!("{name}.targets"));
        errors.compare("loss", &host(loss.clone()), &expected("loss"));
        let names = TensorNames::of_classifier(model.config());
        let gradients = gradients_by_name(&model, &names, &loss.backward());
        // Where transformers has a name for the last layer.
        let in_golden = |name: String| name.replace("classifier.", "head.output.");
        let gradients = gradients.into_iter();
        let gradients = gradients.map(|(name, gradient)| (in_golden(name), gradient));
        errors.compare_gradients(&golden, &format!("{name}.grad."), &gradients.collect());
        errors.report(&name);
    }
}

/// A head that transformers has no class for is kept under the key `finetune` of `config.json`.
#[test]
fn heads_of_our_own_are_saved_whole() {
    let (device, _) = device_and_tolerance();
    let golden = golden();
    for (name, case) in cases() {
        let model = model(&golden, &name, &case, &device);
        let checkpoint = CheckpointConfig::read(&folder().join("checkpoint")).unwrap();
        let saved = tempfile::tempdir().unwrap();
        save_classifier(saved.path(), &model, &checkpoint).unwrap();
        let names = &model.config().class_names;
        let (again, config, report) =
            finetune_model::load_classifier(saved.path(), names, 1, &device).unwrap();
        assert!(report.newly_initialized.is_empty(), "{name}: {report}");
        assert_eq!(again.config(), model.config(), "{name}");
        assert_eq!(config.pooling_and_head.is_none(), name == "linear_pooler");
        let logits = |model: &SequenceClassifier| host(outputs(&golden, model));
        assert_eq!(logits(&again), logits(&model), "{name}");
    }
}
