//! Runs on tasks of every kind, from files to files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::{Dataset, Example, Label, PairEncoding, Schema, Splits, Target, TextArity};
use finetune_model::{
    CheckpointConfig, CosineSimilarityHeadConfig, HeadConfig, MlpConfig, PairFeatures, Pooling,
    ScoreRange, SequenceClassifier, load_classifier, parameters,
};
use finetune_predict::Predictor;
use finetune_train::{
    ActivationCacheConfig, Callback, CheckpointPolicy, ClassifierOverrides, EvaluationConfig,
    Event, FineTuning, FineTuningConfig, FreezeConfig, FreezeScope, Interval, LossConfig,
    LossWeighting, MixingConfig, MultiTask, MultiTaskConfig, OverallScore, PreparedRun,
    StoppingStrategy, TaskConfig, TaskGroup, TrainConfig, TrainDuration, TrainError,
    UpdateStrategy,
};

use crate::regression::{checkpoint, values};
use crate::small_run::{SmallRun, dataset};

const WORDS: [[&str; 3]; 2] = [["storm", "rain", "hail"], ["bread", "soup", "rice"]];

/// Pairs of words of one group, or of two: high are those of one.
pub(super) fn pairs(rows: usize, target: Target) -> Dataset {
    pairs_by(rows, target, |first, second| first == second)
}

/// The same with another idea of what is high, of the groups of both texts.
fn pairs_by(rows: usize, target: Target, is_high: impl Fn(usize, usize) -> bool) -> Dataset {
    let examples = (0..rows).map(|row| {
        let (first, second) = (row % 2, row / 2 % 2);
        let text =
            |group: usize, at: usize| [WORDS[group][at % 3], WORDS[group][(at + 1) % 3]].join(" ");
        let label = match &target {
            Target::Score { .. } => Label::Score(if is_high(first, second) { 4.5 } else { 0.5 }),
            _ => Label::Class(usize::from(is_high(first, second))),
        };
        Example::pair(text(first, row), text(second, row / 3), label)
    });
    Dataset {
        name: "pairs".to_string(),
        schema: Schema {
            texts: TextArity::Pair,
            target: target.clone(),
        },
        examples: examples.collect(),
    }
}

pub(super) fn scale() -> Target {
    Target::Score { min: 0.0, max: 5.0 }
}

pub(super) fn two() -> Target {
    Target::Classes(vec!["different".into(), "same".into()])
}

pub(crate) fn splits(make: impl Fn(usize) -> Dataset, rows: usize) -> Splits {
    Splits {
        validation: Some(make(12)),
        ..Splits::train_test(make(rows), make(16))
    }
}

/// A task of each kind: single texts, a cross-encoder with one logit, a bi-encoder with scores.
pub(crate) fn data() -> BTreeMap<String, Splits> {
    [
        ("topic", splits(dataset, 24)),
        ("same", splits(|rows| pairs(rows, two()), 36)),
        ("alike", splits(|rows| pairs(rows, scale()), 30)),
    ]
    .map(|(name, splits)| (name.to_string(), splits))
    .into()
}

fn difference_and_product() -> ClassifierOverrides {
    ClassifierOverrides {
        pooling: Some(Pooling::mean()),
        head: Some(HeadConfig::Mlp(MlpConfig {
            pair_features: Some(PairFeatures::DiffProduct),
            range: Some(ScoreRange { min: 0.0, max: 5.0 }),
            ..Default::default()
        })),
        ..Default::default()
    }
}

pub(crate) fn config() -> MultiTaskConfig {
    MultiTaskConfig {
        text: SmallRun::fine_tuning(SmallRun::config()).text,
        tasks: vec![
            TaskConfig::new("topic"),
            TaskConfig {
                model: ClassifierOverrides {
                    single_logit: true,
                    ..Default::default()
                },
                loss: Some(LossConfig::BinaryCrossEntropy { pos_weight: None }),
                ..TaskConfig::new("same")
            },
            TaskConfig {
                model: difference_and_product(),
                pair_encoding: PairEncoding::BiEncoder,
                ..TaskConfig::new("alike")
            },
        ],
        mixing: MixingConfig {
            stopping_strategy: StoppingStrategy::AllExhausted,
            gradient_logging_steps: Some(5),
            ..Default::default()
        },
        overall: OverallScore::Cs224n2023,
        activation_cache: ActivationCacheConfig::default(),
        train: TrainConfig {
            duration: TrainDuration::Epochs(8),
            evaluation: Some(EvaluationConfig {
                metric_for_best_model: "overall".to_string(),
                ..Default::default()
            }),
            ..SmallRun::config()
        },
    }
}

fn prepare(
    folder: &Path,
    config: MultiTaskConfig,
) -> Result<PreparedRun<'static, TaskGroup>, TrainError> {
    MultiTask::new(folder).config(config).data(data()).prepare()
}

pub(super) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(&folder.path().join("start"));
    folder
}

#[test]
fn every_task_is_learned_and_leaves_a_model_of_its_own() {
    let folder = folder();
    let run = folder.path().join("run");
    let prepared = prepare(&folder.path().join("start"), config()).unwrap();
    let report = prepared.run(&run, &mut ()).unwrap().report;
    let score = |task: &str, metric| {
        report
            .task(task)
            .unwrap()
            .test
            .as_ref()
            .unwrap()
            .score(metric)
            .unwrap()
    };
    let scores = [
        score("topic", "accuracy"),
        score("same", "accuracy"),
        score("alike", "pearson"),
    ];
    assert!(scores[0] == 1.0 && scores[2] > 0.8, "{scores:?}");
    let mean = scores.iter().sum::<f64>() / 3.0;
    assert!((report.overall.unwrap() - mean).abs() < 1e-12);
    assert!(
        report
            .to_string()
            .contains("alike: tested on 16 rows. Pearson"),
        "{report}"
    );

    let conflicts = report.conflicts.as_ref().unwrap();
    assert_eq!(conflicts.mean_cosines["same/alike"].len(), 4);
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    for key in [
        "task_losses",
        "task_weights",
        "gradient_norms",
        "gradient_cosines",
        "\"overall\"",
    ] {
        assert!(metrics.contains(key), "{key}");
    }
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "start on topic, same, alike: overall score",
        "Test rows of alike",
        "Data of alike",
        "Cosines between the gradients of tasks",
        "training, same",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("No picture"));
    let card = fs::read_to_string(run.join("model/alike/README.md")).unwrap();
    assert!(card.contains("  - name: \"run-alike\"\n"), "{card}");
    assert!(
        card.contains("| pearson | ") && card.contains("Trained together: "),
        "{card}"
    );
    let lines = fs::read_to_string(run.join("predictions/alike.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 16);

    // The folder of a task is a classifier like any other.
    let predictor = Predictor::load(&run.join("model/alike"), &Device::flex()).unwrap();
    let said = predictor.predict_pairs(&[("storm rain", "rain hail"), ("storm rain", "soup rice")]);
    let said: Vec<f64> = said
        .unwrap()
        .iter()
        .map(|said| said.score().unwrap())
        .collect();
    assert!(said[0] > said[1] + 1.0, "{said:?}");
    let first = serde_json::from_str::<serde_json::Value>(lines.lines().next().unwrap()).unwrap();
    let test = pairs(16, scale());
    let row = &test.examples[0];
    let again = predictor
        .predict_pairs(&[(&row.text, row.text_pair.as_ref().unwrap())])
        .unwrap();
    let predicted = first["prediction"].as_f64().unwrap();
    assert!((again[0].score().unwrap() - predicted).abs() < 1e-5);
}

/// As a report of the study has it: after all tasks, more of one, with the other heads as they are.
#[test]
fn a_run_on_all_goes_on_with_one_task() {
    let folder = folder();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let prepared = prepare(&folder.path().join("start"), config()).unwrap();
    prepared.run(&first, &mut ()).unwrap();
    let mut one = config();
    for task in &mut one.tasks {
        task.trainable = task.name == "topic";
    }
    one.train.freeze = FreezeConfig::from(FreezeScope::AllButLast(1));
    one.train.duration = TrainDuration::Epochs(2);
    let prepared = prepare(&first.join("model"), one).unwrap();
    assert_eq!(
        prepared.load_report().newly_initialized,
        Vec::<String>::new()
    );
    let report = prepared.run(&second, &mut ()).unwrap().report;
    assert_eq!(report.train.steps, 8);
    assert_eq!(report.tasks.len(), 3);
    // The last layer moved under all tasks; the head of another task and what is frozen did not.
    let (before, after) = (loaded(&first, "alike"), loaded(&second, "alike"));
    let values = values(&before).into_iter().zip(values(&after));
    for (parameter, (before, after)) in parameters(&before).iter().zip(values) {
        let moves = parameter.path.starts_with("encoder.layers.2.");
        // Its gradient is zero but for rounding: softmax does not see a shift of all scores.
        if !parameter.path.ends_with("attention.key.bias") {
            assert_eq!(before != after, moves, "{}", parameter.path);
        }
    }
}

/// The cosine of frozen features has no parameters to train or to freeze.
#[test]
fn a_task_without_parameters_is_measured() {
    let folder = folder();
    let mut config = config();
    config.tasks[2].model.head = Some(HeadConfig::Cosine(CosineSimilarityHeadConfig::default()));
    config.tasks[2].trainable = false;
    config.train.freeze = FreezeConfig::from(FreezeScope::Encoder);
    config.train.duration = TrainDuration::Epochs(1);
    let prepared = prepare(&folder.path().join("start"), config).unwrap();
    let report = prepared
        .run(&folder.path().join("run"), &mut ())
        .unwrap()
        .report;
    let alike = report.task("alike").unwrap();
    assert!(!alike.trained && alike.test.as_ref().unwrap().score("pearson").is_some());
}

fn loaded(run: &Path, task: &str) -> SequenceClassifier {
    let folder = run.join("model").join(task);
    let names = CheckpointConfig::read(&folder)
        .unwrap()
        .class_names
        .unwrap();
    load_classifier(&folder, &names, 0, &Device::flex())
        .unwrap()
        .0
}

/// Ends a run with an error at the n-th event.
struct StopAt(usize);

impl Callback for StopAt {
    fn on_event(&mut self, _event: &Event) -> Result<(), TrainError> {
        self.0 = self.0.checked_sub(1).ok_or(TrainError::RunComplete {
            path: "stopped".into(),
        })?;
        Ok(())
    }
}

#[test]
fn a_stopped_run_ends_with_the_bytes_of_one_that_was_not() {
    let config = || {
        let mut config = config();
        config.mixing.updates = UpdateStrategy::Joint;
        config.mixing.weighting = LossWeighting::Uncertainty { learning_rate: 0.1 };
        config.train.duration = TrainDuration::Epochs(2);
        config.train.gradient_accumulation_steps = 2;
        config.train.batch_size = finetune_data::BatchSize::Rows(3);
        config.train.checkpoints = CheckpointPolicy {
            every: Some(Interval::Steps(2)),
            ..Default::default()
        };
        config
    };
    let files = [
        "metrics.jsonl",
        "predictions/alike.jsonl",
        "predictions/same.jsonl",
        "model/topic/model.safetensors",
    ];
    let outcome =
        |folder: &Path| files.map(|file| fs::read(folder.join("run").join(file)).unwrap());
    let resume = |folder: &Path, callback: &mut dyn Callback| {
        let prepared = prepare(&folder.join("start"), config()).unwrap();
        prepared.resume(&folder.join("run"), callback)
    };
    let whole = folder();
    resume(whole.path(), &mut ()).unwrap();
    let expected = outcome(whole.path());
    for events in (3..).step_by(23) {
        let stopped = folder();
        if resume(stopped.path(), &mut StopAt(events)).is_ok() {
            assert!(events > 60, "{events}");
            break;
        }
        resume(stopped.path(), &mut ()).unwrap();
        assert!(
            outcome(stopped.path()) == expected,
            "stopped after {events} events"
        );
    }
}

#[test]
fn what_is_wrong_is_said_with_the_name_of_the_task() {
    let folder = folder();
    let start = folder.path().join("start");
    let message = |change: &dyn Fn(&mut MultiTaskConfig, &mut BTreeMap<String, Splits>)| {
        let (mut config, mut data) = (config(), data());
        change(&mut config, &mut data);
        let error = MultiTask::new(&start).config(config).data(data).prepare();
        error.unwrap_err().to_string()
    };
    let cosine = HeadConfig::Cosine(CosineSimilarityHeadConfig::default());
    for (found, expected) in [
        (
            message(&|_, data| drop(data.remove("same"))),
            "task same: data is missing",
        ),
        (
            message(&|_, data| data.get_mut("same").unwrap().train.examples.clear()),
            "task same: training rows is 0",
        ),
        (
            message(&|config, _| drop(config.tasks.pop())),
            "task alike: data is there, expected none without settings",
        ),
        (
            message(&|_, data| {
                data.get_mut("alike").unwrap().train.examples[7].label = Label::Score(5.1);
            }),
            "task alike: label is Score(5.1) in row 7 of the training rows, expected a score from 0 to 5",
        ),
        (
            message(&|config, _| config.tasks[0].model.head = Some(cosine.clone())),
            "task topic: model.head is one for pairs, expected one for single texts",
        ),
        (
            message(&|config, _| config.tasks[2].loss = Some(LossConfig::default())),
            "task alike: loss is cross_entropy for scores from 0 to 5, by head mlp, expected mae",
        ),
        (
            message(&|config, _| config.tasks[2].model.single_logit = true),
            "task alike: model.single_logit is true for scores from 0 to 5, by head ",
        ),
        (
            message(&|config, _| {
                let evaluation = config.train.evaluation.as_mut().unwrap();
                evaluation.metric_for_best_model = "accuracy".to_string();
            }),
            "evaluation.metric_for_best_model is accuracy, expected one of loss, overall",
        ),
        (
            message(&|config, _| {
                config.mixing.weighting = LossWeighting::Fixed {
                    weights: [("topic".to_string(), 2.0), ("same".to_string(), 1.0)].into(),
                };
            }),
            "task alike: weights is for same, topic, expected one for each task",
        ),
        (
            message(&|config, _| {
                config
                    .tasks
                    .iter_mut()
                    .for_each(|task| task.trainable = false)
            }),
            "tasks that train is 0",
        ),
        (
            message(&|config, _| {
                config.tasks[2].model.head = Some(cosine.clone());
                config.train.freeze = FreezeConfig::from(FreezeScope::Encoder);
            }),
            "task alike: freeze is all ",
        ),
    ] {
        assert!(found.starts_with(expected), "{found}");
    }
}

/// Scores by a single-task run: the same data by a cross-encoder, and by a bi-encoder.
#[test]
fn scores_of_pairs_are_learned_alone_too() {
    // Whether two groups are one is much to ask of so small a cross-encoder.
    let of_first: fn(usize, usize) -> bool = |first, _| first == 0;
    for (pairs_as, model, is_high) in [
        (
            PairEncoding::CrossEncoder,
            ClassifierOverrides::default(),
            of_first,
        ),
        (
            PairEncoding::BiEncoder,
            difference_and_product(),
            |first, second| first == second,
        ),
    ] {
        let folder = folder();
        let mut config = FineTuningConfig {
            model,
            loss: LossConfig::Mse {},
            ..SmallRun::fine_tuning(TrainConfig {
                duration: TrainDuration::Epochs(25),
                evaluation: Some(EvaluationConfig {
                    metric_for_best_model: "pearson".to_string(),
                    ..Default::default()
                }),
                ..SmallRun::config()
            })
        };
        config.text.encoding.pair_encoding = pairs_as;
        let data = splits(|rows| pairs_by(rows, scale(), is_high), 30);
        let start = folder.path().join("start");
        let prepared = FineTuning::new(&start, data)
            .config(config)
            .prepare()
            .unwrap();
        let run = prepared.run(&folder.path().join("run"), &mut ()).unwrap();
        let pearson = run.test_score("pearson").unwrap();
        let report = run.report;
        assert!(pearson > 0.8, "{pairs_as:?}: {pearson}");
        assert!(report.to_string().contains("Spearman"), "{report}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["test"]["pearson"], pearson);
        assert!(report.train.best.is_some());
    }
}
