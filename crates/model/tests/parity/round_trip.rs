//! What is saved loads in transformers with the same logits and without a missing or unexpected
//! tensor, if `FINETUNE_PYTHON` names a Python with transformers.

use std::path::Path;
use std::process::Command;

use burn::tensor::Device;
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, EncoderConfig, Family, Pooling, SequenceClassifierConfig, init_weights,
    load_base_model, save_base_model, save_classifier, save_masked_lm,
};
use serde_json::{Value, json};

use super::families::Case;
use super::{golden_input, host, indices, packed_positions};

#[test]
#[ignore = "needs FINETUNE_PYTHON, a Python with transformers"]
fn transformers_loads_what_is_saved() {
    let python = std::env::var_os("FINETUNE_PYTHON").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for case in Case::all() {
        save_published(&case, folder.path());
        save_fresh(&case, folder.path());
        save_of_an_old_file(&case, folder.path());
        save_base(&case, folder.path());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/round_trip/check.py");
    let output = Command::new(python)
        .arg(script)
        .arg(folder.path())
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{problem}");
    let loaded = format!("{} checkpoints load", 6 * Case::all().count());
    assert!(text.contains(&loaded), "{text}");
    println!("{text}");
}

/// The published classifier and the model for masked language modeling, loaded and saved.
fn save_published(case: &Case, folder: &Path) {
    let device = Device::flex();
    let (model, config) = case.classifier(&device);
    let path = folder.join(format!("{}-classifier", case.name));
    save_classifier(&path, &model, &config).unwrap();
    let logits = model.forward(&golden_input(&case.golden, &model.encoder), None);
    write_check(&path, case, "classifier", host(logits.unwrap()));

    let (model, config) = case.masked_lm(&device);
    let path = folder.join(format!("{}-masked-lm", case.name));
    save_masked_lm(&path, &model, &config).unwrap();
    let positions = packed_positions(&case.golden, "masked_lm.positions");
    let input = golden_input(&case.golden, &model.encoder);
    let logits = model.forward(&input, &positions, None).unwrap();
    write_check(&path, case, "masked_lm", host(logits));
}

/// Models of the same sizes that never were a file.
fn save_fresh(case: &Case, folder: &Path) {
    let device = Device::flex();
    let encoder = CheckpointConfig::read(&case.checkpoint()).unwrap().encoder;
    let config = CheckpointConfig::new(encoder.clone());
    let names = ["no", "maybe", "yes", "never"].map(String::from);
    let model = SequenceClassifierConfig::new(encoder.clone(), names.into());
    let model = init_weights(model.init(&device).unwrap(), 0.3, 5);
    let path = folder.join(format!("{}-fresh-classifier", case.name));
    save_classifier(&path, &model, &config).unwrap();
    let logits = model.forward(&golden_input(&case.golden, &model.encoder), None);
    write_check(&path, case, "classifier", host(logits.unwrap()));

    let model = init_weights(encoder.init_masked_lm(&device).unwrap(), 0.3, 6);
    let path = folder.join(format!("{}-fresh-masked-lm", case.name));
    save_masked_lm(&path, &model, &config).unwrap();
    let positions = packed_positions(&case.golden, "masked_lm.positions");
    let input = golden_input(&case.golden, &model.encoder);
    let logits = model.forward(&input, &positions, None).unwrap();
    write_check(&path, case, "masked_lm", host(logits));
}

/// A classifier whose ancestor's file has the number of its classes as a key of its own.
fn save_of_an_old_file(case: &Case, folder: &Path) {
    let device = Device::flex();
    let old = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(case.checkpoint().join("config.json")).unwrap();
    let mut keys: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    keys.insert("num_labels".to_string(), json!(2));
    keys.insert("_num_labels".to_string(), json!(2));
    let text = Value::Object(keys).to_string();
    std::fs::write(old.path().join("config.json"), text).unwrap();
    let config = CheckpointConfig::read(old.path()).unwrap();
    let names = ["no", "maybe", "yes", "never"].map(String::from);
    let model = config.classifier(&names).init(&device).unwrap();
    let model = init_weights(model, 0.3, 5);
    let path = folder.join(format!("{}-old-classifier", case.name));
    save_classifier(&path, &model, &config).unwrap();
    let logits = model.forward(&golden_input(&case.golden, &model.encoder), None);
    write_check(&path, case, "classifier", host(logits.unwrap()));
}

/// The encoder with its pooler, where the family has one, and otherwise its first token.
fn save_base(case: &Case, folder: &Path) {
    let (model, config, _) = load_base_model(&case.checkpoint(), &Device::flex()).unwrap();
    let path = folder.join(format!("{}-base", case.name));
    save_base_model(&path, &model, &config).unwrap();
    let input = golden_input(&case.golden, &model.encoder);
    let first = Pooling::cls();
    let first = first.init(&config.encoder, &Device::flex()).unwrap();
    let pooler = model.pooler.as_ref().unwrap_or(&first);
    let (layers, tokens) = (pooler.layers(), pooler.queries());
    let states = model.encoder.hidden_states_of(layers, tokens, &input, None);
    let pooled = pooler.forward(states, input.sequences());
    write_check(&path, case, "base", host(pooled));
}

fn write_check(path: &Path, case: &Case, model: &str, logits: Vec<f32>) {
    let mut batch = serde_json::Map::new();
    for name in ["input_ids", "attention_mask", "token_type_ids"] {
        if case.golden.names().iter().any(|golden| golden == name) {
            batch.insert(name.to_string(), rows(&case.golden, name));
        }
    }
    let positions = indices(&case.golden, "masked_lm.positions");
    let check = json!({
        "model": model,
        "batch": batch,
        "positions": positions,
        "logits": logits,
    });
    std::fs::write(path.join("check.json"), check.to_string()).unwrap();
}

fn rows(golden: &Golden, name: &str) -> Value {
    let (values, shape) = golden.integers(name);
    json!(values.chunks(shape[1]).collect::<Vec<_>>())
}

/// A saved model says what family it is of, whatever its ancestor was.
#[test]
fn every_base_model_reads_back() {
    for family in Family::ALL {
        let encoder = EncoderConfig {
            vocab_size: 20,
            hidden_size: 8,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 8,
            ..EncoderConfig::base(family)
        };
        let names = ["no", "yes"].map(String::from);
        let config = SequenceClassifierConfig::new(encoder.clone(), names.into());
        let model = init_weights(config.init(&Device::flex()).unwrap(), 0.02, 1);
        let folder = tempfile::tempdir().unwrap();
        save_classifier(folder.path(), &model, &CheckpointConfig::new(encoder)).unwrap();
        let read = CheckpointConfig::read(folder.path()).unwrap();
        assert_eq!(read.classifier(&config.class_names), config);
    }
}
