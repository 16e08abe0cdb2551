//! Losses between a student and its teacher against PyTorch, from `distillation/generate.py`: the first
//! step of a run, its loss and the norm of its gradient.

use std::path::PathBuf;

use finetune_data::{
    BatchSize, Dataset, EmbeddingDataset, EncodingConfig, Example, Label, SamplingStrategy, Schema,
};
use finetune_train::{
    DistillationConfig, EmbeddingTraining, EmbeddingTrainingConfig, FineTuning, FineTuningConfig,
    Run, RunInput, StepRecord, StudentTask, TextConfig, TokenClassification,
    TokenClassificationConfig, TrainConfig, TrainDuration,
};
use serde_json::{Map, Value, json};

use crate::device::device_and_slack;

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
    let run = FineTuning::new(directory("student"), dataset()).config(one_step());
    first_step_of(run, config)
}

/// The texts with a class for each word.
pub(crate) fn tagged_dataset() -> Dataset {
    let expected = expected();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let classes: Vec<Vec<usize>> =
        serde_json::from_value(expected["word_classes"].clone()).unwrap();
    let labels: Vec<String> = serde_json::from_value(expected["labels"].clone()).unwrap();
    let examples = texts.into_iter().zip(classes);
    Dataset {
        name: "weather".to_string(),
        schema: Schema::token_classification(labels),
        examples: examples
            .map(|(text, classes)| Example::new(text, Label::TokenClasses(classes)))
            .collect(),
    }
}

/// Pairs of the texts.
pub(crate) fn pairs() -> EmbeddingDataset {
    let expected = expected();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let pairs: Vec<[usize; 2]> = serde_json::from_value(expected["pairs"].clone()).unwrap();
    let rows = pairs
        .iter()
        .map(|pair| pair.map(|text| texts[text].clone()));
    EmbeddingDataset::positives("weather", rows).unwrap()
}

/// Returns the first step of a student that runs with these settings.
fn first_step_of<I>(run: Run<'_, I>, config: DistillationConfig) -> StepRecord
where
    I: RunInput,
    I::Objective: StudentTask,
{
    let directory_of_run = tempfile::tempdir().unwrap();
    let mut steps: Vec<StepRecord> = Vec::new();
    let run = run.open_device(device_and_slack().0, "the one under test");
    let prepared = run.distill(config).prepare().unwrap();
    prepared
        .run(&directory_of_run.path().join("run"), &mut steps)
        .unwrap();
    steps.swap_remove(0)
}

/// Returns the first step of a token classifier on the words.
pub(crate) fn first_step_on_words(config: DistillationConfig, crf: bool) -> StepRecord {
    let FineTuningConfig { text, train, .. } = one_step();
    let settings = TokenClassificationConfig {
        text,
        train,
        crf,
        ..Default::default()
    };
    let run = TokenClassification::new(directory("student"), tagged_dataset());
    first_step_of(run.config(settings), config)
}

/// Returns the first step of an embedding model on the pairs.
pub(crate) fn first_step_on_pairs(config: DistillationConfig) -> StepRecord {
    let FineTuningConfig {
        text, mut train, ..
    } = one_step();
    // Its texts occur in several pairs.
    train.sampling_strategy = SamplingStrategy::GroupByLength;
    let settings = EmbeddingTrainingConfig {
        text,
        train,
        ..Default::default()
    };
    let run = EmbeddingTraining::new(directory("student"), pairs());
    first_step_of(run.config(settings), config)
}

#[test]
fn losses_and_gradients_equal_pytorch() {
    check_cases("cases", 9, first_step);
}

#[test]
fn losses_of_words_and_their_gradients_equal_pytorch() {
    check_cases("token_cases", 2, |config| {
        first_step_on_words(config, false)
    });
}

#[test]
fn losses_of_embeddings_and_their_gradients_equal_pytorch() {
    check_cases("embedding_cases", 5, first_step_on_pairs);
}

fn check_cases(name: &str, count: usize, first_step: impl Fn(DistillationConfig) -> StepRecord) {
    let (expected, (_, slack)) = (expected(), device_and_slack());
    let cases = expected[name].as_array().unwrap();
    assert_eq!(cases.len(), count);
    for case in cases {
        let mut config = settings(&case["settings"]);
        config.cache = finetune_train::CacheLocation::Off;
        let step = first_step(config);
        for (found, key) in [(step.loss, "loss"), (step.grad_norm, "grad_norm")] {
            let expected = case[key].as_f64().unwrap();
            let difference = (f64::from(found) - expected).abs();
            assert!(
                difference < 1e-5 * slack * expected.abs().max(0.1),
                "{key} {found}: {case}"
            );
        }
    }
}
