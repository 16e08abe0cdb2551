//! Texts and pairs through a `Predictor` against transformers' pipeline.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_predict::{Prediction, Predictor};
use serde_json::{Value, json};

fn parity(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/predictor");
    folder.join(name)
}

/// The checkpoint, with outputs of another kind.
fn predictor(problem_type: &str) -> Predictor {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(parity("checkpoint")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["problem_type"] = json!(problem_type);
    fs::write(&path, config.to_string()).unwrap();
    Predictor::load(folder.path(), &Device::flex()).unwrap()
}

/// What is said of all inputs, texts first.
fn answers(predictor: &Predictor, expected: &Value) -> Vec<Prediction> {
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let pairs: Vec<(String, String)> = serde_json::from_value(expected["pairs"].clone()).unwrap();
    let mut answers = predictor.predict(&texts).unwrap();
    answers.extend(predictor.predict_pairs(&pairs).unwrap());
    answers
}

fn close(found: f64, expected: &Value, name: &str) {
    let expected = expected.as_f64().unwrap();
    // Ours is computed in single precision, the pipeline's in double.
    assert!(
        (found - expected).abs() < 2e-5 * expected.abs().max(1.0),
        "{name}: {found} {expected}"
    );
}

#[test]
fn predictions_equal_the_pipeline() {
    let text = fs::read(parity("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&text).unwrap();
    for (problem_type, key) in [
        ("single_label_classification", "one_right"),
        ("multi_label_classification", "any_right"),
    ] {
        let predictor = predictor(problem_type);
        let answers = answers(&predictor, &expected);
        assert_eq!(answers.len(), 8);
        for (answer, expected) in answers.iter().zip(expected[key].as_array().unwrap()) {
            for (label, expected) in answer
                .probabilities()
                .iter()
                .zip(0..)
                .map(|(label, at)| (label, &expected[at as usize]))
            {
                assert_eq!(label.label, expected[0], "{key}");
                close(label.probability, &expected[1], key);
            }
        }
    }
    let answers = answers(&predictor("regression"), &expected);
    for (answer, expected) in answers.iter().zip(expected["scores"].as_array().unwrap()) {
        let Prediction::Regression { scores } = answer else {
            panic!("{answer:?}");
        };
        for (score, expected) in scores.iter().zip(expected.as_array().unwrap()) {
            close(score.score, expected, &score.label);
        }
    }
}
