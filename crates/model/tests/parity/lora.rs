//! Adapters against PEFT, from `lora/generate.py`, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, DropoutStream, EncoderInput, LoraConfig, LoraTarget, ModelError,
    SequenceClassifier, TensorNames, initialise, load_adapter, load_classifier, parameters,
    save_adapter, save_classifier,
};
use finetune_ops::{Targets, cross_entropy};

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
        targets: LoraTarget::ALL.into(),
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
        let targets = Targets {
            labels: &labels,
            classes: 3,
            divisor: labels.len() as f64,
        };
        let loss = cross_entropy(output, targets.weights(&device));
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

#[test]
fn fresh_adapters_change_nothing_and_depend_on_the_seed_alone() {
    let (mut model, _) = base(&Device::flex());
    let input = golden_input(&inputs(), &model.encoder);
    let before = logits(&model, &input);
    let lora = |seed| {
        model
            .encoder
            .clone()
            .with_lora(&LoraConfig::default(), seed)
            .unwrap()
    };
    let first = |seed| {
        let adapter = &lora(seed).layers[0].attention.query.lora;
        host(adapter.as_ref().unwrap().a.val())
    };
    assert_eq!(first(7), first(7));
    assert_ne!(first(7), first(8));
    // Uniform up to 1/√32, half of them negative.
    let (values, bound) = (first(7), 1.0 / 32f32.sqrt());
    assert_eq!(values.len(), 32 * 8);
    assert!(values.iter().all(|value| value.abs() <= bound));
    assert!(values.iter().any(|value| value.abs() > 0.95 * bound));
    let negative = values.iter().filter(|value| **value < 0.0).count();
    assert!((96..160).contains(&negative), "{negative}");

    model.encoder = lora(7);
    assert_eq!(logits(&model, &input), before);
}

#[test]
fn adapters_and_head_train_and_nothing_else() {
    let device = Device::flex().autodiff();
    let model = with_all_adapters(&device);
    let input = golden_input(&inputs(), &model.encoder);
    let loss = model.forward(&input, None).unwrap().powi_scalar(2).mean();
    let names = TensorNames::of_classifier(model.config());
    let gradients = gradients_by_name(&model, &names, &loss.backward());
    let trained: BTreeSet<_> = gradients.into_keys().collect();
    let listed = parameters(&model).into_iter();
    let expected = listed
        .filter(|parameter| parameter.kind.is_adapter() || !parameter.path.starts_with("encoder."));
    let expected: BTreeSet<_> = expected.map(|parameter| names.name(&parameter)).collect();
    // Two matrices at six places in two layers; pooler and classifier with their biases.
    assert_eq!(expected.len(), 2 * 6 * 2 + 4);
    assert_eq!(trained, expected);
    // 3 · (2 · 32 · 4 + (32 + 64) · 2) in each layer.
    assert_eq!(
        parameters(&model)
            .iter()
            .filter(|parameter| parameter.kind.is_adapter())
            .map(|parameter| parameter.shape.iter().product::<usize>())
            .sum::<usize>(),
        2 * 3 * (4 * 64 + 2 * 96)
    );
}

#[test]
fn dropout_is_before_the_adapter_alone() {
    let device = Device::flex();
    let model = with_all_adapters(&device);
    let input = golden_input(&inputs(), &model.encoder);
    let forward = |model: &SequenceClassifier, step| {
        let dropout = Some(DropoutStream::new(1, step));
        host(model.forward(&input, dropout).unwrap())
    };
    assert_eq!(forward(&model, 0), forward(&model, 0));
    assert_ne!(forward(&model, 0), forward(&model, 1));
    // With adapters that add nothing, the masks of everything beside them are what they were.
    let (mut fresh, _) = base(&device);
    let before = forward(&fresh, 0);
    let lora = LoraConfig {
        dropout: 0.5,
        ..Default::default()
    };
    fresh.encoder = fresh.encoder.with_lora(&lora, 7).unwrap();
    assert_eq!(forward(&fresh, 0), before);
}

#[test]
fn what_is_saved_loads_as_the_same_adapter() {
    let device = Device::flex();
    let model = with_all_adapters(&device);
    let saved = tempfile::tempdir().unwrap();
    save_adapter(saved.path(), &model, Some("tiny_bert")).unwrap();
    let (again, report) = load_adapter(saved.path(), base(&device).0).unwrap();
    assert_eq!(
        (report.loaded.len(), report.initialised.len()),
        (28, 0),
        "{report}"
    );
    assert_eq!(again.encoder.lora(), model.encoder.lora());
    let input = golden_input(&inputs(), &again.encoder);
    assert_eq!(logits(&again, &input), logits(&model, &input));

    // An adapter of PEFT comes back as it was, and the pooler with it.
    let model = adapted("all_linear", &device);
    save_adapter(saved.path(), &model, None).unwrap();
    let read = |folder: &Path| Golden::read(&folder.join("adapter_model.safetensors"));
    let (ours, theirs) = (read(saved.path()), read(&folder("lora/all_linear")));
    assert_eq!(ours.names().len(), theirs.names().len() + 2);
    for name in theirs.names() {
        assert_eq!(ours.floats(&name), theirs.floats(&name), "{name}");
    }
}

#[test]
fn a_saved_classifier_has_its_adapters_merged() {
    let device = Device::flex();
    let (model, (_, checkpoint)) = (with_all_adapters(&device), base(&device));
    let saved = tempfile::tempdir().unwrap();
    save_classifier(saved.path(), &model, &checkpoint).unwrap();
    let names = &model.config().class_names;
    let (again, _, report) = load_classifier(saved.path(), names, 0, &device).unwrap();
    assert_eq!(
        (report.loaded.len(), report.unused.len()),
        (41, 0),
        "{report}"
    );
    let input = golden_input(&inputs(), &again.encoder);
    let mut errors = Errors::within(1e-5);
    errors.compare("logits", &logits(&again, &input), &logits(&model, &input));
    // The model itself keeps them.
    assert!(model.encoder.has_lora());
}

/// PEFT itself, if `FINETUNE_PEFT_PYTHON` names a Python that has it.
#[test]
fn peft_loads_what_is_saved() {
    let Some(python) = std::env::var_os("FINETUNE_PEFT_PYTHON") else {
        println!("skipped: FINETUNE_PEFT_PYTHON is not set");
        return;
    };
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

/// Loads a copy of an adapter of PEFT after `damage` has been at it.
fn load_damaged(damage: impl FnOnce(&Path)) -> ModelError {
    let copy = tempfile::tempdir().unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(
            folder("lora/query_value").join(file),
            copy.path().join(file),
        )
        .unwrap();
    }
    damage(copy.path());
    load_adapter(copy.path(), base(&Device::flex()).0).unwrap_err()
}

fn edit(path: PathBuf, from: &str, to: &str) {
    let bytes = std::fs::read(&path).unwrap();
    let place = bytes
        .windows(from.len())
        .position(|part| part == from.as_bytes())
        .unwrap();
    let edited = [&bytes[..place], to.as_bytes(), &bytes[place + from.len()..]].concat();
    std::fs::write(path, edited).unwrap();
}

#[test]
fn damaged_adapters_are_refused() {
    let config =
        |from, to| load_damaged(|folder| edit(folder.join("adapter_config.json"), from, to));
    let weights = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        load_damaged(|folder| edit(folder.join("adapter_model.safetensors"), from, to))
    };
    for (error, message) in [
        (
            config("\"use_dora\": false", "\"use_dora\": true"),
            "use_dora is true",
        ),
        (config("\"LORA\"", "\"VERA\""), "peft_type is VERA"),
        (config("\"r\": 4", "\"r\": 0"), "rank is 0"),
        (
            config("\"r\": 4", "\"r\": 8"),
            "has shape [4, 32], expected [8, 32]",
        ),
        (
            config("\"r\": 4", "\"r\": 1152921504606846976"),
            "has shape [4, 32], expected",
        ),
        (
            config("\"r\": 4", "\"r\": \"4\""),
            "not a model configuration",
        ),
        // An adapter for the keys is promised, and is not there.
        (
            config("\"query\"", "\"key\""),
            "self.key.lora_A.weight is missing",
        ),
        (
            weights("self.query.lora_A", "self.query.lora_C"),
            "self.query.lora_A.weight is missing",
        ),
        (
            weights("classifier.weight", "classifier.height"),
            "classifier.height has no place",
        ),
        (
            weights(
                "layer.1.attention.self.query.lora_A",
                "layer.7.attention.self.query.lora_A",
            ),
            "missing",
        ),
        (
            load_damaged(|folder| {
                std::fs::remove_file(folder.join("adapter_model.safetensors")).unwrap();
            }),
            "no weights, expected one of adapter_model.safetensors, adapter_model.bin",
        ),
        (
            load_damaged(|folder| {
                std::fs::remove_file(folder.join("adapter_config.json")).unwrap();
            }),
            "adapter_config.json",
        ),
        (
            load_damaged(|folder| {
                std::fs::write(folder.join("adapter_model.safetensors"), [0xff; 64]).unwrap();
            }),
            "the header claims",
        ),
    ] {
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn what_has_adapters_gets_no_others() {
    let device = Device::flex();
    let model = adapted("query_value", &device);
    let error = model
        .encoder
        .clone()
        .with_lora(&LoraConfig::default(), 0)
        .unwrap_err();
    assert!(
        matches!(error, ModelError::InvalidConfig { field: "lora", .. }),
        "{error:?}"
    );
    let error = load_adapter(&folder("lora/all_linear"), model).unwrap_err();
    assert!(
        matches!(error, ModelError::InvalidConfig { field: "lora", .. }),
        "{error:?}"
    );
    let saved = tempfile::tempdir().unwrap();
    let error = save_adapter(saved.path(), &base(&device).0, None).unwrap_err();
    assert!(
        matches!(error, ModelError::InvalidConfig { field: "lora", .. }),
        "{error:?}"
    );
    // An adapter for a model with other classes.
    let names = ["a", "b"].map(String::from);
    let other = load_classifier(&folder("tiny_bert/checkpoint"), &names, 0, &device)
        .unwrap()
        .0;
    let error = load_adapter(&folder("lora/query_value"), other).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has shape [3, 32], expected [2, 32]"),
        "{error}"
    );
}

#[test]
fn every_parameter_of_an_adapter_is_initialised_by_its_kind() {
    let model = with_all_adapters(&Device::flex());
    let model = initialise(model, 0.02, 3);
    let input = golden_input(&inputs(), &model.encoder);
    assert!(logits(&model, &input).iter().all(|logit| logit.is_finite()));
    for layer in &model.encoder.layers {
        let lora = layer.attention.query.lora.as_ref().unwrap();
        assert!(host(lora.b.val()).iter().all(|value| *value == 0.0));
        assert!(host(lora.a.val()).iter().any(|value| value.abs() > 0.1));
    }
}
