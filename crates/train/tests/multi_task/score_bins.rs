//! Runs that are trained on scores in bins.

use burn::tensor::Device;
use finetune_data::{Label, PairEncoding, Splits, Target};
use finetune_model::{HeadConfig, MlpConfig, PairFeatures, Pooling, ScoreRange};
use finetune_predict::Predictor;
use finetune_train::{
    ClassifierOverrides, EvaluationConfig, FineTuning, FineTuningConfig, LossConfig, MultiTask,
    MultiTaskConfig, TaskConfig, TrainConfig, TrainDuration,
};

use super::whole_run::{folder, pairs, scale, splits, two};
use crate::small_run::SmallRun;

fn model(score_bins: usize) -> ClassifierOverrides {
    ClassifierOverrides {
        pooling: Some(Pooling::mean()),
        head: Some(HeadConfig::Mlp(MlpConfig {
            pair_features: Some(PairFeatures::DiffProduct),
            range: Some(ScoreRange { min: 0.0, max: 5.0 }),
            score_bins: Some(score_bins),
            ..Default::default()
        })),
        ..Default::default()
    }
}

fn config(score_bins: usize) -> FineTuningConfig {
    let mut config = FineTuningConfig {
        model: model(score_bins),
        ..SmallRun::fine_tuning(TrainConfig {
            duration: TrainDuration::Epochs(25),
            evaluation: Some(EvaluationConfig {
                metric_for_best_model: "pearson".to_string(),
                ..Default::default()
            }),
            ..SmallRun::config()
        })
    };
    config.text.encoding.pair_encoding = PairEncoding::BiEncoder;
    config
}

fn data(target: Target) -> Splits {
    splits(|rows| pairs(rows, target.clone()), 30)
}

#[test]
fn scores_in_bins_are_trained_as_classes_and_predicted_as_scores() {
    let folder = folder();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    let prepared = FineTuning::new(&start, data(scale()))
        .config(config(10))
        .prepare()
        .unwrap();
    let output = prepared.run(&run, &mut ()).unwrap();
    let pearson = output.test_score("pearson").unwrap();
    assert!(pearson > 0.8, "{pearson}");

    let predictor = Predictor::load(&run.join("model"), &Device::flex()).unwrap();
    assert_eq!(predictor.class_names(), ["score"]);
    assert_eq!(predictor.model().num_labels(), 10);
    let test = data(scale()).test.unwrap();
    let rows: Vec<(&str, &str)> = test
        .examples
        .iter()
        .map(|row| (row.text.as_str(), row.text_pair.as_deref().unwrap()))
        .collect();
    let predicted = predictor.predict_pairs(&rows).unwrap();
    let lines = std::fs::read_to_string(run.join("predictions.jsonl")).unwrap();
    for (prediction, line) in predicted.iter().zip(lines.lines()) {
        let score = prediction.score().unwrap();
        assert!((0.2..=4.8).contains(&score), "{score}");
        let recorded: serde_json::Value = serde_json::from_str(line).unwrap();
        let recorded = recorded["prediction"].as_f64().unwrap();
        assert!((recorded - score).abs() < 1e-4, "{recorded} {score}");
    }
    let again = predictor.evaluate(&test, &[]).unwrap()["pearson"];
    assert!((again - pearson).abs() < 1e-4, "{again} {pearson}");
}

#[test]
fn a_task_whose_labels_are_not_for_its_bins_is_refused_with_its_name() {
    let folder = folder();
    let start = folder.path().join("start");
    let message = |score_bins, loss, data: Splits| {
        let task = TaskConfig {
            model: model(score_bins),
            pair_encoding: PairEncoding::BiEncoder,
            loss,
            ..TaskConfig::new("alike")
        };
        let config = MultiTaskConfig {
            text: config(score_bins).text,
            tasks: vec![task],
            ..Default::default()
        };
        let run = MultiTask::new(&start).config(config).task("alike", data);
        run.prepare().unwrap_err().to_string()
    };
    let mut narrow = data(scale());
    for row in &mut narrow.train.examples {
        row.label = Label::Score(2.0);
    }
    let mut wide = data(Target::Score { min: 0.0, max: 9.0 });
    wide.train.examples[3].label = Label::Score(7.0);
    for (found, expected) in [
        (
            message(10, None, data(two())),
            "task alike: model.head is mlp with a range, for the classes different, same",
        ),
        (
            message(10, Some(LossConfig::Mse {}), data(scale())),
            "task alike: loss is mse for scores from 0 to 5, by head mlp with score_bins",
        ),
        (
            message(1, None, data(scale())),
            "task alike: model configuration: head.score_bins is 1, expected at least 2",
        ),
        (
            message(10, None, narrow),
            "task alike: head.score_bins is 10 from 0 to 5, with all training scores in one",
        ),
        (
            message(10, None, wide),
            "task alike: label score 7 of row 3: the score bins loss expects a score from 0 to 5",
        ),
    ] {
        assert!(found.starts_with(expected), "{found}");
    }
}
