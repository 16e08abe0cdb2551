//! Weights that were saved by a program around the model: with prefixes before the names, in
//! subdirectories, or as 64-bit numbers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_model::{
    CheckpointConfig, ModelError, SequenceClassifier, load_classifier, parameters,
};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

fn original() -> PathBuf {
    [
        env!("CARGO_MANIFEST_DIR"),
        "tests/parity/tiny_bert/checkpoint",
    ]
    .iter()
    .collect()
}

/// Tensors of the original checkpoint: shape and 32-bit values by name.
fn tensors() -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let bytes = fs::read(original().join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let values = |view: &TensorView| {
        view.data()
            .as_chunks()
            .0
            .iter()
            .copied()
            .map(f32::from_le_bytes)
            .collect()
    };
    let tensors = file.tensors().into_iter();
    tensors
        .map(|(name, view)| (name, (view.shape().to_vec(), values(&view))))
        .collect()
}

/// Writes tensors as 64-bit numbers, if `double`.
fn write(path: &Path, tensors: &BTreeMap<String, (Vec<usize>, Vec<f32>)>, double: bool) {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            let bytes = values.iter().flat_map(|value| match double {
                true => f64::from(*value).to_le_bytes().to_vec(),
                false => value.to_le_bytes().to_vec(),
            });
            (name.clone(), shape.clone(), bytes.collect())
        })
        .collect();
    let dtype = if double { Dtype::F64 } else { Dtype::F32 };
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    fs::copy(original().join("config.json"), config).unwrap();
    directory
}

fn load(directory: &Path) -> Result<SequenceClassifier, ModelError> {
    let names = CheckpointConfig::read(directory)?.class_names.unwrap();
    let (model, _, report) = load_classifier(directory, &names, 0, &Device::flex())?;
    assert!(report.newly_initialized.is_empty(), "{report}");
    Ok(model)
}

fn assert_same(model: &SequenceClassifier) {
    let weight = |model: &SequenceClassifier| {
        let classifier = &model.encoder.layers[0].attention.query.weight;
        classifier.val().into_data().try_to_vec::<f32>().unwrap()
    };
    let expected = load(&original()).unwrap();
    assert_eq!(parameters(model).len(), parameters(&expected).len());
    assert_eq!(weight(model), weight(&expected));
}

#[test]
fn a_prefix_before_all_names_is_taken_off() {
    for prefix in ["module.", "_orig_mod.", "model.", "module._orig_mod."] {
        let directory = directory();
        let wrapped = tensors()
            .into_iter()
            .map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
        write(
            &directory.path().join("model.safetensors"),
            &wrapped.collect(),
            false,
        );
        assert_same(&load(directory.path()).unwrap());
    }
}

#[test]
fn an_unknown_prefix_is_named() {
    let directory = directory();
    let wrapped = tensors()
        .into_iter()
        .map(|(name, tensor)| (format!("mine.{name}"), tensor));
    write(
        &directory.path().join("model.safetensors"),
        &wrapped.collect(),
        false,
    );
    let error = load(directory.path()).unwrap_err().to_string();
    let expected = "the file has mine.bert.embeddings.word_embeddings.weight";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn numbers_of_64_bits_are_rounded() {
    let directory = directory();
    write(
        &directory.path().join("model.safetensors"),
        &tensors(),
        true,
    );
    assert_same(&load(directory.path()).unwrap());
}

#[test]
fn shards_may_be_in_a_subdirectory() {
    let directory = directory();
    fs::create_dir(directory.path().join("weights")).unwrap();
    let (mut halves, mut index) = ([BTreeMap::new(), BTreeMap::new()], BTreeMap::new());
    for (place, (name, tensor)) in tensors().into_iter().enumerate() {
        index.insert(name.clone(), format!("weights/{}.safetensors", place % 2));
        halves[place % 2].insert(name, tensor);
    }
    for (number, half) in halves.iter().enumerate() {
        let path = directory
            .path()
            .join(format!("weights/{number}.safetensors"));
        write(&path, half, false);
    }
    let index = serde_json::json!({ "weight_map": index }).to_string();
    fs::write(directory.path().join("model.safetensors.index.json"), index).unwrap();
    assert_same(&load(directory.path()).unwrap());
}

/// transformers does not read these heads or weights either, or reads other values from them.
#[test]
fn what_the_architecture_lacks_is_refused_by_its_key() {
    for (key, value) in [
        ("pruned_heads", serde_json::json!({"0": [1]})),
        ("quantization_config", serde_json::json!({"bits": 8})),
    ] {
        let directory = directory();
        write(
            &directory.path().join("model.safetensors"),
            &tensors(),
            false,
        );
        let path = directory.path().join("config.json");
        let mut config: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = value;
        fs::write(&path, config.to_string()).unwrap();
        let error = load(directory.path()).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn what_stands_in_place_of_a_file_is_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n";
    for (content, expected) in [(pointer, "Git LFS"), ("<!DOCTYPE html><html>", "HTML page")] {
        for name in ["model.safetensors", "pytorch_model.bin", "config.json"] {
            let directory = directory();
            fs::write(directory.path().join(name), content).unwrap();
            let error = load(directory.path()).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(name), "{error}");
        }
    }
}
