//! Rerankers of sentence-transformers through a `Predictor`, from `cross_encoder/generate.py`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_model::{CheckpointConfig, load_classifier, save_classifier};
use finetune_predict::{Prediction, Predictor};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Expected {
    pairs: Vec<(String, String)>,
    logits: Vec<f64>,
    probabilities: Vec<f64>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/cross_encoder")
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("cross_encoder/expected.json")).unwrap()
}

/// The checkpoint without the file of version 5, and with keys in its `config.json`.
fn copy(keys: &Value) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder().join("checkpoint")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    fs::remove_file(copy.path().join("config_sentence_transformers.json")).unwrap();
    let path = copy.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (key, value) in keys.as_object().unwrap() {
        config[key] = value.clone();
    }
    fs::write(&path, config.to_string()).unwrap();
    copy
}

/// The only score of each pair.
fn scores(directory: &Path) -> Vec<f64> {
    let predictor = Predictor::load(directory, &Device::flex()).unwrap();
    let score = |answer: Prediction| match answer {
        Prediction::Regression { scores } => scores[0].score,
        answer => answer.probabilities()[0].probability,
    };
    let answers = predictor.predict_pairs(&expected().pairs).unwrap();
    answers.into_iter().map(score).collect()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-6, "{found} {expected}");
    }
}

#[test]
fn scores_equal_those_of_a_cross_encoder() {
    assert_close(
        &scores(&folder().join("checkpoint")),
        &expected().probabilities,
    );
    let sigmoid = "torch.nn.modules.activation.Sigmoid";
    let identity = "torch.nn.modules.linear.Identity";
    let new = |class: &str| json!({"sentence_transformers": {"activation_fn": class}});
    let old = |class: &str| json!({"sbert_ce_default_activation_function": class});
    // Without a word, it is a probability, as in transformers and sentence-transformers.
    for keys in [new(sigmoid), old(sigmoid), json!({})] {
        assert_close(&scores(copy(&keys).path()), &expected().probabilities);
    }
    for keys in [new(identity), old(identity)] {
        assert_close(&scores(copy(&keys).path()), &expected().logits);
    }
    let other = copy(&new("torch.nn.modules.activation.Tanh"));
    let error = CheckpointConfig::read(other.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("Tanh, supported: Sigmoid, Identity"),
        "{error}"
    );
}

/// What is saved names the activation.
#[test]
fn a_saved_reranker_has_the_same_scores() {
    let start = folder().join("checkpoint");
    let names = ["LABEL_0".to_string()];
    let (model, checkpoint, _) = load_classifier(&start, &names, 0, &Device::flex()).unwrap();
    let saved = tempfile::tempdir().unwrap();
    save_classifier(saved.path(), &model, &checkpoint).unwrap();
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(start.join(file), saved.path().join(file)).unwrap();
    }
    assert_close(&scores(saved.path()), &expected().probabilities);
    let config = fs::read_to_string(saved.path().join("config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let activation = &config["sentence_transformers"]["activation_fn"];
    assert_eq!(activation, "torch.nn.modules.activation.Sigmoid");
}
