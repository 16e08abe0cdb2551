//! Token classifiers of every family against transformers, from `tokens/generate.py`, and what is
//! saved.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, LoadReport, TensorNames, TokenClassifier, Transitions, load_token_classifier,
    save_token_classifier,
};
use finetune_ops::{ClassTargets, soft_target_cross_entropy, upload_indices};

use crate::device::has_native_kernels;

use super::{
    Errors, device_and_tolerance, golden_input, gradients_by_name, host, indices, packed_positions,
};

const CASES: [&str; 13] = [
    "bert_narrow",
    "distilbert_narrow",
    "xlm_roberta",
    "camembert",
    "electra_narrow",
    "modernbert",
    "modernbert_odd",
    "deberta_v2",
    "mpnet",
    "albert",
    "nomic_bert",
    "gte",
    "eurobert",
];

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/parity/tokens")
        .join(case)
}

fn load(
    directory: &Path,
    names: &[&str],
    crf: bool,
    device: &Device,
) -> (TokenClassifier, CheckpointConfig, LoadReport) {
    let checkpoint = CheckpointConfig::read(directory).unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut config = checkpoint.token_classifier(&names);
    if crf {
        config = config.with_crf(Transitions::all(names.len()));
    }
    let (model, report) = load_token_classifier(directory, &config, 0, device).unwrap();
    (model, checkpoint, report)
}

const NAMES: [&str; 5] = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"];

#[test]
fn logits_and_gradients_equal_transformers() {
    let (device, tolerance) = device_and_tolerance();
    for case in CASES {
        let golden = Golden::read(&folder(case).join("expected.safetensors"));
        let mut errors = Errors::within(tolerance);
        let checkpoint = folder(case).join("checkpoint");
        let (model, config, report) = load(&checkpoint, &NAMES, false, &device.clone().autodiff());
        assert!(report.newly_initialized.is_empty(), "{case}: {report}");
        assert!(report.unexpected.is_empty(), "{case}: {report}");
        let input = golden_input(&golden, &model.encoder);
        let positions = packed_positions(&golden, "token.positions");
        let count = positions.len();
        let positions = upload_indices(&positions, [count], &model.encoder.device());
        let logits = model.forward(&input, Some(positions.clone()), None);
        let every = model.forward(&input, None, None).select(0, positions);
        let (every, asked) = (host(every), host(logits.clone()));
        errors.compare("logits of every token", &every, &asked);
        if has_native_kernels() {
            assert_eq!(every, asked, "{case}");
        }
        errors.compare(
            "logits",
            &host(logits.clone()),
            &golden.floats("token.logits").0,
        );
        let labels = indices(&golden, "token.labels");
        let targets = ClassTargets {
            labels: &labels,
            classes: NAMES.len(),
            divisor: labels.len() as f64,
        };
        let loss = soft_target_cross_entropy(logits.clone(), targets.weights(&logits.device()));
        errors.compare("loss", &host(loss.clone()), &golden.floats("token.loss").0);
        let names = TensorNames::of_token_classifier(config.encoder.family);
        let gradients = gradients_by_name(&model, &names, &loss.backward());
        errors.compare_gradients(&golden, "token.grad.", &gradients);
        errors.report(case);
    }
}

/// What is saved has the names that transformers gives it, and the values it was loaded with, bit
/// for bit; a conditional random field is beside them.
#[test]
fn checkpoints_are_saved_as_they_were() {
    let (device, _) = device_and_tolerance();
    for case in CASES {
        let checkpoint = folder(case).join("checkpoint");
        let published = Golden::read(&checkpoint.join("model.safetensors"));
        for crf in [false, true] {
            let (model, config, report) = load(&checkpoint, &NAMES, crf, &device);
            let new = report
                .newly_initialized
                .iter()
                .filter(|name| name.starts_with("crf."));
            assert_eq!(new.count(), if crf { 3 } else { 0 });
            let directory = tempfile::tempdir().unwrap();
            save_token_classifier(directory.path(), &model, &config).unwrap();
            let saved = Golden::read(&directory.path().join("model.safetensors"));
            let mut names = saved.names();
            names.retain(|name| !name.starts_with("crf."));
            assert_eq!(names, published.names(), "{case}");
            for name in names {
                assert_eq!(
                    saved.floats(&name),
                    published.floats(&name),
                    "{case}: {name}"
                );
            }
            let (again, read, report) = load(directory.path(), &NAMES, crf, &device);
            assert!(report.newly_initialized.is_empty(), "{case}: {report}");
            assert_eq!(read.encoder, config.encoder);
            assert_eq!(again.config(), model.config());
            if let (Some(again), Some(model)) = (&again.crf, &model.crf) {
                assert_eq!(again.weights(), model.weights());
            }
        }
        let json = std::fs::read_to_string(checkpoint.join("config.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let architecture = json["architectures"][0].as_str().unwrap();
        assert!(
            architecture.ends_with("ForTokenClassification"),
            "{architecture}"
        );
    }
}

#[test]
fn classes_in_another_order_have_their_rows_but_new_transitions() {
    let (device, _) = device_and_tolerance();
    let checkpoint = folder("bert_narrow").join("checkpoint");
    let (model, config, _) = load(&checkpoint, &NAMES, true, &device);
    let directory = tempfile::tempdir().unwrap();
    save_token_classifier(directory.path(), &model, &config).unwrap();
    let turned = ["O", "B-LOC", "B-PER", "I-LOC", "I-PER"];
    let (other, _, report) = load(directory.path(), &turned, true, &device);
    assert_eq!(report.reordered.len(), 2, "{report}");
    assert_eq!(report.newly_initialized.len(), 3, "{report}");
    let bias = |model: &TokenClassifier| host(model.head.output.bias.as_ref().unwrap().val());
    assert_eq!(bias(&other)[0], bias(&model)[4]);
    let (_, _, report) = load(directory.path(), &["O", "B-X"], true, &device);
    assert_eq!(report.newly_initialized.len(), 5, "{report}");
}
