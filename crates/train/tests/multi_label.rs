//! Runs on texts with any number of classes each.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::{Dataset, Example, Label, Schema, Splits, Target};
use finetune_eval::Thresholds;
use finetune_model::ProblemType;
use finetune_predict::{Prediction, Predictor, PredictorConfig, TextPreprocessing};
use finetune_train::{
    CheckpointPolicy, DecisionThreshold, EarlyStopping, EvaluationConfig, FineTuning,
    FineTuningConfig, Interval, LossConfig, MultiTask, MultiTaskConfig, PosWeight, RunReport,
    TaskConfig, TestScores, TrainConfig, TrainDuration, read_json,
};
use serde_json::{Value, json};

use crate::regression::checkpoint;
use crate::resume::StopAt;
use crate::small_run::{SmallRun, dataset};

/// Texts with words of two groups, and other words: none, one or both of two classes, and a third
/// class of the rows with both.
fn sets(rows: usize) -> Dataset {
    let words = [["storm", "rain", "hail"], ["bread", "soup", "rice"]];
    let examples = (0..rows).map(|row| {
        let classes = match row % 4 {
            0 => vec![0],
            1 => vec![1],
            2 => vec![0, 1, 2],
            _ => vec![],
        };
        let groups = classes.iter().filter(|class| **class < 2);
        let mut text: Vec<&str> = groups
            .flat_map(|class| [words[*class][row % 3]; 2])
            .collect();
        if text.is_empty() {
            text = vec![["or", "so", "be"][row % 3]; 2];
        }
        Example::new(text.join(" "), Label::Classes(classes))
    });
    Dataset {
        name: "sets".to_string(),
        schema: Schema::multi_label(["weather", "food", "both"]),
        examples: examples.collect(),
    }
}

fn splits() -> Splits {
    Splits {
        validation: Some(sets(16)),
        ..Splits::train_test(sets(48), sets(20))
    }
}

fn config() -> FineTuningConfig {
    let mut config = SmallRun::fine_tuning(TrainConfig {
        duration: TrainDuration::Epochs(10),
        evaluation: Some(EvaluationConfig {
            metric_for_best_model: "micro_f1".to_string(),
            early_stopping: Some(EarlyStopping {
                patience: 8,
                ..Default::default()
            }),
            ..Default::default()
        }),
        checkpoints: CheckpointPolicy {
            every: Some(Interval::Steps(5)),
            snapshot_steps: vec![8],
            ..Default::default()
        },
        ..SmallRun::config()
    });
    config.train.optimizer.learning_rate = 8e-3;
    config.metrics = ["samples_f1", "roc_auc"].map(String::from).to_vec();
    config.threshold = Some(DecisionThreshold::MaxF1);
    config
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_learns_sets_of_classes_and_leaves_a_whole_record() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    checkpoint(&start);
    let output = FineTuning::new(&start, splits())
        .config(config())
        .run(&run)
        .unwrap();
    let score = |metric: &str| output.test_score(metric).unwrap();
    assert!(score("micro_f1") > 0.9, "{output}");
    for metric in [
        "loss",
        "macro_f1",
        "accuracy",
        "hamming_loss",
        "samples_f1",
        "roc_auc",
    ] {
        assert!(score(metric).is_finite(), "{metric}");
    }
    // Not evaluated, but in the report. A quarter of the rows has no class, and counts as 0.
    assert!((0.65..=0.75).contains(&score("samples_jaccard")));

    let settings = &json_of(&run.join("config.json"))["config"];
    assert_eq!(settings["loss"]["kind"], "binary_cross_entropy");
    assert_eq!(settings["threshold"], "max_f1");
    let of_model = json_of(&run.join("model/config.json"));
    assert_eq!(of_model["problem_type"], "multi_label_classification");
    assert_eq!(of_model["id2label"]["2"], "both");

    let report: RunReport = read_json(&run.join("report.json")).unwrap();
    let TestScores::MultiLabel(scores) = &report.test.as_ref().unwrap().scores else {
        panic!("{report:?}");
    };
    assert_eq!(scores.per_class[2].name, "both");
    assert_eq!((scores.rows, scores.per_class[2].support), (20, 5));
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for part in ["Threshold", "micro mean", "ROC curve", "number of classes"] {
        assert!(page.contains(part), "{part}");
    }
    let lines = fs::read_to_string(run.join("predictions.jsonl")).unwrap();
    let first: Value = serde_json::from_str(lines.lines().nth(2).unwrap()).unwrap();
    assert_eq!(first["label"], json!(["weather", "food", "both"]));
    assert_eq!(first["probabilities"].as_array().map(Vec::len), Some(3));

    // The saved thresholds are those of the report, and of the predictor in memory.
    let saved = TextPreprocessing::read(&run.join("model"))
        .unwrap()
        .unwrap();
    let thresholds: Vec<f64> = scores
        .per_class
        .iter()
        .map(|class| class.threshold)
        .collect();
    assert_eq!(
        saved.threshold,
        Some(Thresholds::PerClass(thresholds.clone()))
    );
    assert_ne!(thresholds, [0.5; 3]);
    let in_memory = output.predictor(PredictorConfig::default()).unwrap();
    assert_eq!(in_memory.thresholds(), thresholds);
    // A snapshot has its own.
    let snapshot = TextPreprocessing::read(&output.directory.snapshot(8))
        .unwrap()
        .unwrap();
    assert_ne!(snapshot.threshold, saved.threshold);

    let predictor = Predictor::load(&run.join("model"), &Device::flex()).unwrap();
    assert_eq!(
        predictor.problem_type(),
        ProblemType::MultiLabelClassification
    );
    let evaluated = predictor.evaluate(&sets(20), &[]).unwrap();
    for metric in ["micro_f1", "macro_f1", "accuracy", "hamming_loss"] {
        assert_eq!(evaluated[metric], score(metric), "{metric}");
    }
    // Classes are matched by name, and one that the dataset lacks is false everywhere.
    let renamed = sets(20).group_classes(&[("food", &["food"]), ("weather", &["weather"])]);
    let renamed = predictor.evaluate(&renamed.unwrap(), &[]).unwrap();
    assert!(renamed["micro_f1"] > 0.7 && renamed["micro_f1"] < evaluated["micro_f1"]);

    let none = PredictorConfig {
        threshold: Some(Thresholds::Same(1.0)),
        ..Default::default()
    };
    let strict = Predictor::load_with(&run.join("model"), none, &Device::flex()).unwrap();
    assert_eq!(strict.thresholds(), [1.0; 3]);
    let answers = [&strict, &predictor].map(|one| one.predict(&["rain rain"]).unwrap());
    let labels = |answer: &Prediction| match answer {
        Prediction::MultiLabel { labels, .. } => labels.clone(),
        other => panic!("{other:?}"),
    };
    assert!(labels(&answers[0][0]).is_empty());
    assert_eq!(labels(&answers[1][0]), ["weather"]);

    // The head of the model is one to start from, and its classes are those of its labels.
    let again = FineTuning::new(run.join("model"), splits())
        .config(config())
        .prepare()
        .unwrap();
    assert!(again.load_report().newly_initialized.is_empty());
    let one_of = FineTuning::new(run.join("model"), dataset(12));
    let one_of = one_of.config(SmallRun::fine_tuning(SmallRun::config()));
    let one_of = one_of.run(folder.path().join("one")).unwrap();
    assert_eq!(
        one_of.model.config().problem_type,
        ProblemType::SingleLabelClassification
    );
    let refused = one_of.predictor(PredictorConfig::default()).unwrap();
    let error = refused.evaluate(&sets(4).group_classes(&[("food", &["food"])]).unwrap(), &[]);
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("problem_type of the model is SingleLabel"),
        "{error}"
    );
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start);
    let prepared = || {
        FineTuning::new(&start, splits())
            .config(config())
            .prepare()
            .unwrap()
    };
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    prepared().run(&whole, &mut ()).unwrap();
    prepared().run(&stopped, &mut StopAt(120)).unwrap_err();
    prepared().resume(&stopped, &mut ()).unwrap();
    for file in [
        "metrics.jsonl",
        "predictions.jsonl",
        "model/model.safetensors",
        "model/text_preprocessing.json",
    ] {
        let [one, two] = [&whole, &stopped].map(|run| fs::read(run.join(file)).unwrap());
        assert!(one == two, "{file}");
    }
}

#[test]
fn settings_and_labels_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start);
    let plain = || SmallRun::fine_tuning(SmallRun::config());
    let message = |splits: Splits, change: &dyn Fn(&mut FineTuningConfig)| {
        let mut config = plain();
        change(&mut config);
        let prepared = FineTuning::new(&start, splits).config(config).prepare();
        prepared.err().unwrap().to_string()
    };
    let train = || Splits::from(sets(8));
    let tuned = message(train(), &|config| {
        config.threshold = Some(DecisionThreshold::MaxF1)
    });
    assert!(
        tuned.starts_with("threshold is max_f1 without validation rows"),
        "{tuned}"
    );
    let count = message(train(), &|config| {
        config.threshold = Some(DecisionThreshold::Fixed(Thresholds::PerClass(vec![0.5; 2])));
    });
    assert!(count.starts_with("threshold is a list of 2"), "{count}");
    let mse = message(train(), &|config| config.loss = LossConfig::Mse {});
    let expected =
        "loss is mse for any of the classes weather, food, both, by head mlp, expected binary";
    assert!(mse.starts_with(expected), "{mse}");
    let metric = message(train(), &|config| {
        config.metrics = vec!["cohen_kappa".to_string()]
    });
    assert!(
        metric.starts_with("cohen_kappa needs one class per row"),
        "{metric}"
    );
    let mut twice = sets(8);
    twice.examples[3].label = Label::Classes(vec![1, 1]);
    let twice = message(twice.into(), &|_| ());
    assert_eq!(
        twice,
        "label is Classes([1, 1]) in row 3 of the training rows, expected any number of classes, \
         ascending, each once"
    );
    let mut unseen = train();
    unseen.train.schema.target = Target::MultiLabel(["a", "b"].map(String::from).into());
    assert!(message(unseen, &|_| ()).contains("Classes([0, 1, 2]) in row 2"));
    let mut rare = train();
    rare.train = rare.train.select(&[0, 1, 3]);
    let rare = message(rare, &|config| {
        config.loss = LossConfig::BinaryCrossEntropy {
            pos_weight: Some(PosWeight::Balanced),
        };
    });
    assert!(
        rare.starts_with("pos_weight is balanced, with no positive targets of output 2"),
        "{rare}"
    );
}

#[test]
fn a_task_of_several_is_judged_by_micro_f1() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start);
    let train = TrainConfig {
        evaluation: Some(EvaluationConfig {
            metric_for_best_model: "overall".to_string(),
            ..Default::default()
        }),
        ..SmallRun::config()
    };
    let config = MultiTaskConfig {
        text: SmallRun::fine_tuning(train.clone()).text,
        tasks: vec![
            TaskConfig {
                threshold: Some(DecisionThreshold::MaxF1),
                ..TaskConfig::new("sets")
            },
            TaskConfig::new("one"),
        ],
        train,
        ..Default::default()
    };
    let one = Splits {
        validation: Some(dataset(8)),
        ..Splits::train_test(dataset(24), dataset(8))
    };
    let run = MultiTask::new(&start)
        .config(config)
        .task("sets", splits())
        .task("one", one);
    let run = run.run(folder.path().join("run")).unwrap();
    let score = |task: &str, metric: &str| {
        let test = run.report.task(task).unwrap().test.as_ref().unwrap();
        test.score(metric).unwrap()
    };
    let mean = (score("sets", "micro_f1") + score("one", "accuracy")) / 2.0;
    assert!((run.report.overall.unwrap() - mean).abs() < 1e-12);
    let of_task = |task: &str| {
        let directory = folder.path().join("run/model").join(task);
        TextPreprocessing::read(&directory)
            .unwrap()
            .unwrap()
            .threshold
    };
    assert!(matches!(of_task("sets"), Some(Thresholds::PerClass(each)) if each.len() == 3));
    assert_eq!(of_task("one"), None);
}
