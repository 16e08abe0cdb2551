//! Checkpoints that must be refused, each with an error that names the file and the place.

use std::path::Path;

use burn::tensor::Device;
use finetune_model::{ModelError, load_classifier};

const CHECKPOINT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/parity/tiny_bert/checkpoint"
);

/// Loads a copy of the tiny checkpoint after `damage` has been at it.
fn load(damage: impl FnOnce(&Path)) -> ModelError {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(Path::new(CHECKPOINT).join(file), folder.path().join(file)).unwrap();
    }
    damage(folder.path());
    let names = ["a", "b", "c"].map(String::from);
    load_classifier(folder.path(), &names, 0, &Device::flex()).unwrap_err()
}

fn edit_config(folder: &Path, from: &str, to: &str) {
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_missing_config() {
    let error = load(|folder| std::fs::remove_file(folder.join("config.json")).unwrap());
    assert!(matches!(&error, ModelError::Io { path, .. } if path.ends_with("config.json")));
}

#[test]
fn config_that_is_not_json() {
    let error = load(|folder| std::fs::write(folder.join("config.json"), "{\"a\": ").unwrap());
    assert!(
        matches!(&error, ModelError::ConfigSyntax { .. }),
        "{error:?}"
    );
    let error = load(|folder| edit_config(folder, "\"hidden_size\": 32", "\"hidden_size\": -1"));
    assert!(error.to_string().contains("config.json"), "{error}");
}

#[test]
fn another_architecture() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"model_type\": \"bert\"",
            "\"model_type\": \"gpt2\"",
        )
    });
    let message = error.to_string();
    assert!(
        message.contains("model_type is gpt2, supported: bert, distilbert"),
        "{message}"
    );
    let error = load(|folder| {
        edit_config(
            folder,
            "\"hidden_act\": \"gelu\"",
            "\"hidden_act\": \"mish\"",
        )
    });
    assert!(matches!(
        error,
        ModelError::Unsupported {
            field: "hidden_act",
            ..
        }
    ));
}

#[test]
fn sizes_that_make_no_model() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"num_attention_heads\": 4",
            "\"num_attention_heads\": 5",
        );
    });
    assert!(matches!(
        error,
        ModelError::InvalidConfig {
            field: "hidden_size",
            ..
        }
    ));
}

#[test]
fn a_tensor_of_the_wrong_shape() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"intermediate_size\": 64",
            "\"intermediate_size\": 60",
        );
    });
    let message = error.to_string();
    assert!(
        message.contains("bert.encoder.layer.0.intermediate.dense.weight"),
        "{message}"
    );
    assert!(message.contains("[64, 32], expected [60, 32]"), "{message}");
}

#[test]
fn a_missing_tensor() {
    let error = load(|folder| {
        edit_config(
            folder,
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 3",
        );
    });
    let ModelError::MissingTensor { tensor, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(tensor, "bert.encoder.layer.2.attention.self.query.weight");
}
