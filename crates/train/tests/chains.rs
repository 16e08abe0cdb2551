//! Runs that start from a model for something else: what it was trained for leaves no trace in the
//! saved model, which gives the predictions of the run.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::{Dataset, Label, PairEncoding, Schema, Splits, Target, TextArity};
use finetune_model::{
    CheckpointConfig, CosineSimilarityHeadConfig, HeadConfig, LoadReport, Pooling, ProblemType,
};
use finetune_predict::{Prediction, Predictor};
use finetune_train::{FineTuning, FineTuningConfig, LossConfig, TrainDuration};
use serde_json::{Value, json};

use crate::regression::checkpoint;
use crate::small_run::{SmallRun, dataset};

fn config() -> FineTuningConfig {
    let mut config = SmallRun::fine_tuning(SmallRun::config());
    config.train.duration = TrainDuration::Steps(4);
    config
}

/// Scores from 0 to 1 instead of the two classes.
fn scores(mut dataset: Dataset) -> Dataset {
    for example in &mut dataset.examples {
        let class = example.label.class().unwrap();
        example.label = Label::Score(class as f64);
    }
    dataset.schema.target = Target::Score { min: 0.0, max: 1.0 };
    dataset
}

/// Pairs of each text with itself.
fn pairs(mut dataset: Dataset) -> Dataset {
    for example in &mut dataset.examples {
        example.text_pair = Some(example.text.clone());
    }
    dataset.schema.texts = TextArity::Pair;
    dataset
}

/// Trains and returns what was loaded. The predictions of the saved model are those of the run.
fn run(
    start: &Path,
    run: &Path,
    config: FineTuningConfig,
    rows: impl Fn(Dataset) -> Dataset,
) -> LoadReport {
    let test = rows(dataset(10));
    let splits = Splits::train_test(rows(dataset(40)), test.clone());
    let prepared = FineTuning::new(start, splits).config(config).prepare();
    let prepared = prepared.unwrap();
    let report = prepared.load_report().clone();
    prepared.run(run, &mut ()).unwrap();
    let predictor = Predictor::load(&run.join("model"), &Device::flex()).unwrap();
    let predict = |example: &finetune_data::Example| match &example.text_pair {
        Some(second) => predictor.predict_pairs(&[(&example.text, second)]),
        None => predictor.predict(&[&example.text]),
    };
    let recorded = fs::read_to_string(run.join("predictions.jsonl")).unwrap();
    for (line, example) in recorded.lines().zip(&test.examples) {
        let line: Value = serde_json::from_str(line).unwrap();
        match predict(example).unwrap().remove(0) {
            Prediction::SingleLabel {
                label, probability, ..
            } => {
                assert_eq!(line["prediction"], label);
                let probabilities = line["probabilities"].as_array().unwrap();
                let most = probabilities
                    .iter()
                    .filter_map(Value::as_f64)
                    .fold(0.0, f64::max);
                assert!((most - probability).abs() < 1e-5, "{line} {probability}");
            }
            Prediction::Regression { scores } => {
                let recorded = line["prediction"].as_f64().unwrap();
                assert!(
                    (recorded - scores[0].score).abs() < 1e-5,
                    "{line} {scores:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    report
}

fn saved(run: &Path) -> Value {
    serde_json::from_slice(&fs::read(run.join("model/config.json")).unwrap()).unwrap()
}

/// Edits the `config.json` of a checkpoint.
fn edit(directory: &Path, edit: impl FnOnce(&mut Value)) {
    let path = directory.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut config);
    fs::write(&path, config.to_string()).unwrap();
}

#[test]
fn classes_are_classes_whatever_the_checkpoint_was_for() {
    for problem in ["multi_label_classification", "regression"] {
        for names in [
            json!({"0": "LABEL_0", "1": "LABEL_1"}),
            json!({"0": "weather", "1": "food"}),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let (start, end) = (directory.path().join("start"), directory.path().join("end"));
            checkpoint(&start);
            edit(&start, |config| {
                config["problem_type"] = json!(problem);
                config["id2label"] = names;
            });
            run(&start, &end, config(), |rows| rows);
            let saved = saved(&end);
            assert_eq!(saved["problem_type"], "single_label_classification");
            assert_eq!(saved["id2label"], json!({"0": "weather", "1": "food"}));
        }
    }
}

#[test]
fn classes_then_scores_then_classes() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    checkpoint(&at("start"));
    run(&at("start"), &at("classes"), config(), |rows| rows);
    let mut regression = config();
    regression.loss = LossConfig::Mse {};
    let loaded = run(&at("classes/model"), &at("scores"), regression, scores);
    assert_eq!(
        loaded.newly_initialized,
        ["classifier.weight", "classifier.bias"]
    );
    assert_eq!(saved(&at("scores"))["problem_type"], "regression");
    let loaded = run(&at("scores/model"), &at("again"), config(), |rows| rows);
    assert_eq!(
        loaded.newly_initialized,
        ["classifier.weight", "classifier.bias"]
    );
    let again = saved(&at("again"));
    assert_eq!(again["problem_type"], "single_label_classification");
    assert_eq!(again["label2id"], json!({"weather": 0, "food": 1}));
}

/// The head of a bi-encoder has no use for single texts.
#[test]
fn pairs_then_single_texts() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    checkpoint(&at("start"));
    let mut similarity = config();
    similarity.text.encoding.pair_encoding = PairEncoding::BiEncoder;
    similarity.model.pooling = Some(Pooling::mean());
    similarity.model.head = Some(HeadConfig::Cosine(CosineSimilarityHeadConfig::default()));
    similarity.loss = LossConfig::Mse {};
    run(&at("start"), &at("pairs"), similarity, |rows| {
        pairs(scores(rows))
    });
    assert!(saved(&at("pairs")).get("finetune").is_some());
    let loaded = run(&at("pairs/model"), &at("single"), config(), |rows| rows);
    assert!(
        loaded
            .newly_initialized
            .contains(&"classifier.weight".to_string()),
        "{loaded}"
    );
    let single = saved(&at("single"));
    assert!(single.get("finetune").is_none(), "{single}");
    assert_eq!(
        single["architectures"],
        json!(["BertForSequenceClassification"])
    );
    let config = CheckpointConfig::read(&at("single/model")).unwrap();
    assert_eq!(
        config.problem_type,
        Some(ProblemType::SingleLabelClassification)
    );
    assert_eq!(
        config.class_names,
        Some(
            Schema::classification(["weather", "food"])
                .class_names()
                .to_vec()
        )
    );
}
