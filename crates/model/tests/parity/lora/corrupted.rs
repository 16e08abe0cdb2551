//! Adapters that must be refused.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_model::{LoraConfig, ModelError, load_adapter, load_classifier, save_adapter};

use super::{adapted, base, folder};

/// Loads a copy of an adapter of PEFT after `damage` has been at it.
fn load_corrupted(damage: impl FnOnce(&Path)) -> ModelError {
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
fn corrupted_adapters_are_refused() {
    let config =
        |from, to| load_corrupted(|folder| edit(folder.join("adapter_config.json"), from, to));
    let weights = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        load_corrupted(|folder| edit(folder.join("adapter_model.safetensors"), from, to))
    };
    for (error, message) in [
        (
            config("\"use_dora\": false", "\"use_dora\": true"),
            "use_dora is true",
        ),
        (config("\"LORA\"", "\"VERA\""), "peft_type is VERA"),
        (
            config("\"r\": 4", "\"r\": 0"),
            "adapter_config.json: r is 0, expected in 1..=1048576",
        ),
        (
            config("\"r\": 4", "\"r\": 8"),
            "has shape [4, 32], expected [8, 32]",
        ),
        (
            config("\"r\": 4", "\"r\": 1152921504606846976"),
            "r is 1152921504606846976, expected in 1..=1048576",
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
            load_corrupted(|folder| {
                std::fs::remove_file(folder.join("adapter_model.safetensors")).unwrap();
            }),
            "no weights, expected one of adapter_model.safetensors, adapter_model.bin",
        ),
        (
            load_corrupted(|folder| {
                std::fs::remove_file(folder.join("adapter_config.json")).unwrap();
            }),
            "adapter_config.json",
        ),
        (
            load_corrupted(|folder| {
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
