//! Weights that must be refused, each with an error that names the file and what is wrong with it.

mod index;
mod pickle;
mod safetensors;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_model::{ModelError, load_classifier, load_encoder};

/// A copy of a checkpoint of `formats`.
fn copy_of(name: &str) -> tempfile::TempDir {
    let original = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/formats")
        .join(name);
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(original).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Loads a copy of the checkpoint `name` after `damage` has been at it.
fn load(name: &str, damage: impl FnOnce(&Path)) -> ModelError {
    let folder = copy_of(name);
    damage(folder.path());
    load_encoder(folder.path(), &Device::flex()).unwrap_err()
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// That the error says which file is corrupted, and what `reason` says of it.
fn assert_corrupted(error: &ModelError, file: &str, reason: &str) {
    let ModelError::InvalidWeights { path, problem } = error else {
        panic!("{error:?}")
    };
    assert!(
        problem.starts_with("not a readable weights file"),
        "{error}"
    );
    assert!(path.ends_with(file), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn no_weights_at_all() {
    let error = load("single_f32", |folder| {
        std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    });
    let message = error.to_string();
    assert!(
        message.contains("no weights, expected one of "),
        "{message}"
    );
    assert!(
        message.contains("pytorch_model.bin.index.json"),
        "{message}"
    );
}

#[test]
fn a_folder_in_the_place_of_a_file() {
    for (name, file) in [
        ("single_f32", "model.safetensors"),
        ("sharded", "model.safetensors.index.json"),
        ("sharded", "model-00002-of-00002.safetensors"),
        ("bin", "pytorch_model.bin"),
        ("sharded_bin", "pytorch_model-00001-of-00002.bin"),
    ] {
        let error = load(name, |folder| {
            std::fs::remove_file(folder.join(file)).unwrap();
            std::fs::create_dir(folder.join(file)).unwrap();
        });
        let ModelError::Io { path, source } = &error else {
            panic!("{error:?}")
        };
        assert!(path.ends_with(file), "{error}");
        assert_eq!(source.kind(), std::io::ErrorKind::IsADirectory);
    }
}

#[test]
fn empty_and_truncated_files() {
    for (name, file) in [
        ("single_f32", "model.safetensors"),
        ("sharded", "model-00001-of-00002.safetensors"),
        ("bin", "pytorch_model.bin"),
        ("bin_old", "pytorch_model.bin"),
        ("sharded_bin", "pytorch_model-00002-of-00002.bin"),
    ] {
        for share in [0, 1, 10, 50, 90, 99] {
            let error = load(name, |folder| {
                let path = folder.join(file);
                let bytes = std::fs::read(&path).unwrap();
                std::fs::write(path, &bytes[..bytes.len() * share / 100]).unwrap();
            });
            assert_corrupted(&error, file, "");
        }
    }
}

#[test]
fn a_tensor_of_the_wrong_shape() {
    for (name, file) in [
        ("single_f16", "model.safetensors"),
        ("sharded", "model-00002-of-00002.safetensors"),
        ("bin_views_bf16", "pytorch_model.bin"),
    ] {
        let error = load(name, |folder| {
            let config = folder.join("config.json");
            replace(
                &config,
                "\"intermediate_size\": 12",
                "\"intermediate_size\": 16",
            );
        });
        let ModelError::InvalidTensor {
            path,
            tensor,
            problem,
        } = &error
        else {
            panic!("{error:?}")
        };
        assert!(path.ends_with(file), "{error}");
        assert!(
            tensor.ends_with("encoder.layer.0.intermediate.dense.weight"),
            "{error}"
        );
        assert_eq!(problem, "has shape [12, 8], expected [16, 8]");
    }
}

#[test]
fn one_corrupted_byte_never_panics() {
    let mut refused = 0;
    for (name, file) in [
        ("single_f32", "model.safetensors"),
        ("sharded", "model.safetensors.index.json"),
        ("bin", "pytorch_model.bin"),
        ("bin_old", "pytorch_model.bin"),
    ] {
        let folder = copy_of(name);
        let path: PathBuf = folder.path().join(file);
        let bytes = std::fs::read(&path).unwrap();
        for place in (0..bytes.len()).step_by(41) {
            let mut corrupted = bytes.clone();
            corrupted[place] = corrupted[place].wrapping_add(1 + (place % 255) as u8);
            std::fs::write(&path, corrupted).unwrap();
            let names = ["no", "yes"].map(String::from);
            refused +=
                usize::from(load_classifier(folder.path(), &names, 0, &Device::flex()).is_err());
        }
    }
    assert!(refused > 200, "{refused}");
}
