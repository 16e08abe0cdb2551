//! Losses between a student and its teacher against PyTorch, from `distillation/generate.py`: the first
//! step of a run, its loss and the norm of its gradient.

use std::path::PathBuf;

use finetune_data::{BatchSize, Dataset, EncodingConfig, Example, Label, Schema};
use finetune_train::{
    DistillationConfig, FineTuning, FineTuningConfig, StepRecord, TextConfig, TrainConfig,
    TrainDuration,
};
use serde_json::{Map, Value, json};

pub(crate) fn directory(name: &str) -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    PathBuf::from(format!("{root}/tests/parity/distillation/{name}"))
}

fn expected() -> Value {
    serde_json::from_str(include_str!("distillation/expected.json")).unwrap()
}

/// The texts with their classes.
pub(crate) fn dataset() -> Dataset {
    let expected = expected();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let classes: Vec<usize> = serde_json::from_value(expected["classes"].clone()).unwrap();
    let labels: Vec<String> = serde_json::from_value(expected["labels"].clone()).unwrap();
    let examples = texts.into_iter().zip(classes);
    Dataset {
        name: "weather".to_string(),
        schema: Schema::classification(labels),
        examples: examples
            .map(|(text, class)| Example::new(text, Label::Class(class)))
            .collect(),
    }
}

/// One step on all rows.
pub(crate) fn one_step() -> FineTuningConfig {
    FineTuningConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(16),
            ..Default::default()
        },
        train: TrainConfig {
            duration: TrainDuration::Steps(1),
            batch_size: BatchSize::Rows(5),
            ..Default::default()
        },
        ..Default::default()
    }
}

pub(crate) fn settings(changes: &Value) -> DistillationConfig {
    let mut all = Map::from_iter([("teacher".to_string(), json!(directory("teacher")))]);
    all.extend(changes.as_object().unwrap().clone());
    serde_json::from_value(Value::Object(all)).unwrap()
}

/// Returns the first step of a run with these settings.
pub(crate) fn first_step(config: DistillationConfig) -> StepRecord {
    let directory_of_run = tempfile::tempdir().unwrap();
    let mut steps: Vec<StepRecord> = Vec::new();
    let run = FineTuning::new(directory("student"), dataset()).config(one_step());
    let prepared = run.distill(config).prepare().unwrap();
    prepared
        .run(&directory_of_run.path().join("run"), &mut steps)
        .unwrap();
    steps.swap_remove(0)
}

#[test]
fn losses_and_gradients_equal_pytorch() {
    let expected = expected();
    let cases = expected["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let mut config = settings(&case["settings"]);
        config.cache = finetune_train::CacheLocation::Off;
        let step = first_step(config);
        for (found, key) in [(step.loss, "loss"), (step.grad_norm, "grad_norm")] {
            let expected = case[key].as_f64().unwrap();
            let difference = (f64::from(found) - expected).abs();
            assert!(
                difference < 1e-5 * expected.abs().max(0.1),
                "{key} {found}: {case}"
            );
        }
    }
}
