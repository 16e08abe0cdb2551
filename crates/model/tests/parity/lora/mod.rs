//! Adapters against PEFT, from `lora/generate.py`.

mod corrupted;
mod properties;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, EncoderInput, LoraConfig, LoraTarget, SequenceClassifier, TensorNames,
    load_adapter, load_classifier, save_adapter,
};
use finetune_ops::{ClassTargets, soft_target_cross_entropy};

use super::{Errors, device_and_tolerance, golden_input, gradients_by_name, host, indices};

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/parity", name]
        .iter()
        .collect()
}

fn inputs() -> Golden {
    Golden::read(&folder("tiny_bert/expected.safetensors"))
}

fn base(device: &Device) -> (SequenceClassifier, CheckpointConfig) {
    let folder = folder("tiny_bert/checkpoint");
    let names = CheckpointConfig::read(&folder)
        .unwrap()
        .class_names
        .unwrap();
    let (model, checkpoint, _) = load_classifier(&folder, &names, 0, device).unwrap();
    (model, checkpoint)
}

fn adapted(case: &str, device: &Device) -> SequenceClassifier {
    load_adapter(&folder("lora").join(case), base(device).0)
        .unwrap()
        .0
}

/// A model with fresh adapters at every place, some of which matter: their `B` is not zero.
fn with_all_adapters(device: &Device) -> SequenceClassifier {
    let (mut model, _) = base(device);
    let lora = LoraConfig {
        rank: 3,
        alpha: 6.5,
        dropout: 0.5,
        target_modules: LoraTarget::ALL.into(),
        ..Default::default()
    };
    model.encoder = model.encoder.with_lora(&lora, 7).unwrap();
    for layer in &mut model.encoder.layers {
        for projection in [&mut layer.attention.query, &mut layer.feed_forward.output] {
            let lora = projection.lora.as_mut().unwrap();
            lora.b = Param::from_tensor(Tensor::ones(lora.b.dims(), device) * 0.1);
        }
    }
    model
}

fn logits(model: &SequenceClassifier, input: &EncoderInput) -> Vec<f32> {
    host(model.forward(input, None).unwrap())
}

/// The name that PEFT gives to what has a name in transformers.
fn in_peft(name: &str) -> String {
    let name = name
        .replace(".lora.a", ".lora_A.weight")
        .replace(".lora.b", ".lora_B.weight");
    format!("base_model.model.{name}")
}

#[test]
fn adapters_compute_what_peft_computes() {
    let (device, tolerance) = device_and_tolerance();
    let device = device.autodiff();
    for case in ["query_value", "all_linear"] {
        let golden = Golden::read(&folder("lora").join(case).join("expected.safetensors"));
        let mut errors = Errors::within(tolerance);
        let mut model = adapted(case, &device);
        let input = golden_input(&inputs(), &model.encoder);
        let output = model.forward(&input, None).unwrap();
        errors.compare("logits", &host(output.clone()), &golden.floats("logits").0);

        let labels = indices(&inputs(), "labels");
        let targets = ClassTargets {
            labels: &labels,
            classes: 3,
            divisor: labels.len() as f64,
        };
        let loss = soft_target_cross_entropy(output, targets.weights(&device));
        errors.compare("loss", &host(loss.clone()), &golden.floats("loss").0);
        let names = TensorNames::of_classifier(model.config());
        let gradients = gradients_by_name(&model, &names, &loss.backward());
        let mut got: BTreeMap<_, _> = gradients
            .into_iter()
            .map(|(name, gradient)| (in_peft(&name), gradient))
            .collect();
        for name in golden.names() {
            if let Some(tensor) = name.strip_prefix("grad.") {
                let gradient = got.remove(tensor).unwrap_or_else(|| panic!("{tensor}"));
                errors.compare(&name, &gradient, &golden.floats(&name).0);
            }
        }
        // PEFT leaves the pooler alone; here it belongs to the head. Nothing else trains.
        let rest: Vec<_> = got.into_keys().collect();
        let pooler = "base_model.model.bert.pooler.dense";
        assert_eq!(rest, [format!("{pooler}.bias"), format!("{pooler}.weight")]);

        model.encoder = model.encoder.merge_lora();
        assert!(!model.encoder.has_lora());
        let merged = logits(&model, &input);
        errors.compare("merged_logits", &merged, &golden.floats("merged_logits").0);
        errors.compare(
            "merged against adapted",
            &merged,
            &golden.floats("logits").0,
        );
        errors.report(case);
    }
}

/// PEFT itself.
#[test]
#[ignore = "needs FINETUNE_PEFT_PYTHON, a Python with PEFT"]
fn peft_loads_what_is_saved() {
    let python = std::env::var_os("FINETUNE_PEFT_PYTHON").unwrap();
    let model = with_all_adapters(&Device::flex());
    let saved = tempfile::tempdir().unwrap();
    save_adapter(saved.path(), &model, None).unwrap();
    let output = logits(&model, &golden_input(&inputs(), &model.encoder));
    let bytes: Vec<u8> = output
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let shape = vec![output.len() / 3, 3];
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &bytes);
    let file = safetensors::serialize([("logits", view.unwrap())], None).unwrap();
    std::fs::write(saved.path().join("logits.safetensors"), file).unwrap();
    let script = folder("lora/load_saved.py");
    let run = Command::new(python)
        .arg(script)
        .arg(saved.path())
        .output()
        .unwrap();
    let (out, error) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(run.status.success(), "{out}{error}");
    println!("{out}");
}
