//! Fine-tuning as an experiment: what trials share, what is left of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::{Dataset, EncodingConfig, Folds, Label, Splits, Target};
use finetune_study::{
    FineTuningExperiment, PreTrainedConfig, PreTrainedExperiment, PreTrainingObjective, Study,
    StudyCallback, StudyConfig, StudyDirectory, StudyRunner,
};
use finetune_train::{
    Callback, CheckpointPolicy, DecisionThreshold, EvaluationConfig, FineTuning, FineTuningConfig,
    Interval, MultiTaskConfig, PreTrainingConfig, RunReport, TestScores, TextConfig, TrainConfig,
    TrainDuration, TrainError, read_json,
};
use serde_json::Value;

use crate::small_run::{checkpoint, dataset, fine_tuning_config, train_config};

fn defaults() -> FineTuningConfig {
    fine_tuning_config(TrainConfig {
        duration: TrainDuration::Epochs(2),
        checkpoints: CheckpointPolicy {
            every: Some(Interval::Steps(2)),
            ..Default::default()
        },
        ..train_config()
    })
}

const TINY: &str = r#"
    name = "tiny"
    seeds = 2
    variants = [
        { name = "frozen", settings.train.freeze.scope = "encoder" },
        { name = "last layer", settings.train.freeze.scope = "all-but-last-1" },
        { name = "all layers" },
    ]
"#;

fn experiment(start: &Path) -> FineTuningExperiment {
    let splits = Splits::train_test(dataset(40), dataset(10));
    FineTuningExperiment::new(start, splits, &Device::flex(), "flex")
        .unwrap()
        .defaults(defaults())
}

/// Six runs on the checkpoint in a folder.
pub(super) fn tiny_study(start: &Path) -> (Study, FineTuningExperiment) {
    let experiment = experiment(start);
    let study = Study::new(StudyConfig::from_toml(TINY).unwrap(), &experiment).unwrap();
    (study, experiment)
}

#[test]
fn trials_are_the_runs_that_they_would_be_alone() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    let splits = checkpoint(&start);
    let (study, experiment) = tiny_study(&start);
    let folders = ["one", "three"]
        .map(|name| StudyDirectory::open(&parent.path().join(name), &study).unwrap());
    let reports = [(&folders[0], 1), (&folders[1], 3)].map(|(folder, jobs)| {
        let runner = StudyRunner::new(&study, &experiment, folder).jobs(jobs);
        runner.run(&()).unwrap().report().unwrap().to_json()
    });
    assert!(reports[0] == reports[1]);

    let results = folders[0].results(&study).unwrap();
    for (trial, state) in results.due() {
        let result = state.result().unwrap();
        let config = trial.config().unwrap();
        let run = FineTuning::new(&start, splits.clone())
            .config(config)
            .prepare()
            .unwrap();
        let alone = parent.path().join(format!("alone-{}", trial.index));
        let test = run.run(&alone, &mut ()).unwrap().report.test.unwrap();
        let TestScores::Classes { report, .. } = &test.scores else {
            panic!("classes have scores of classes");
        };
        assert_eq!(result.scores.test["accuracy"], report.accuracy);
        assert_eq!(result.scores.test["macro_f1"], report.macro_f1);
        let folder = folders[0].trials().join(&trial.id).join("run");
        for file in ["metrics.jsonl", "predictions.jsonl"] {
            let (here, there) = (fs::read(folder.join(file)), fs::read(alone.join(file)));
            assert!(
                here.unwrap() == there.unwrap(),
                "{file} of trial {}",
                trial.index
            );
        }
        assert!(!folder.join("checkpoints").exists() && !folder.join("model").exists());
    }
    // The second seed finds what the first computed of the frozen part.
    let reused = |index: usize| {
        let folder = folders[0].trials().join(&study.trials()[index].id);
        let report: Value = read_json(&folder.join("run/report.json")).unwrap();
        report["activations"]["reused"].as_bool()
    };
    let reused: Vec<_> = (0..6).map(reused).collect();
    let [no, yes] = [false, true].map(Some);
    assert_eq!(reused, [no, yes, no, yes, None, None]);
}

/// A study varies the thresholds of texts with any number of classes, on stratified folds.
#[test]
fn sets_of_classes_are_compared_by_micro_f1() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let mut rows = dataset(24);
    let names = rows.class_names().to_vec();
    rows.schema.target = Target::MultiLabel(names);
    for (row, example) in rows.examples.iter_mut().enumerate() {
        let class = example.label.class().unwrap();
        example.label = Label::Classes(if row % 6 < 4 { vec![class] } else { vec![0, 1] });
    }
    let experiment = FineTuningExperiment::new(&start, rows.into(), &Device::flex(), "flex");
    let experiment = experiment.unwrap().defaults(defaults());
    let toml = "name = 'sets'\nmetric = 'micro_f1'\nfolds = 2\n\
                [[parameters]]\npath = 'threshold'\nvalues = [0.5, 0.0]";
    let study = Study::new(StudyConfig::from_toml(toml).unwrap(), &experiment).unwrap();
    let folder = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
    let runner = StudyRunner::new(&study, &experiment, &folder);
    let results = runner.run(&()).unwrap();
    for (trial, state) in results.due() {
        let scores = &state.result().unwrap().scores.test;
        assert!(scores.contains_key("hamming_loss") && !scores.contains_key("cohen_kappa"));
        let config: FineTuningConfig = trial.config().unwrap();
        if config.threshold != Some(DecisionThreshold::default()) {
            // Everything is predicted.
            assert_eq!(scores["micro_recall"], 1.0);
        }
    }
    let table = format!("{:?}", results.table().unwrap());
    assert!(
        table.contains("micro f1") && table.contains("test macro f1"),
        "{table}"
    );
    let config = StudyConfig::from_toml("name = 'x'\nmetric = 'cohen_kappa'").unwrap();
    assert!(Study::new(config, &experiment).is_err());
}

#[test]
fn folds_are_those_of_other_systems() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let experiment = experiment(&start).validation_split(0.2, 7);
    let toml = "name = 'folds'\nfolds = 4\nsampler_seed = 3\nbase.train.duration.epochs = 1\nbase.train.evaluation.metric_for_best_model = 'accuracy'";
    let study = Study::new(StudyConfig::from_toml(toml).unwrap(), &experiment).unwrap();
    let folder = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
    let results = StudyRunner::new(&study, &experiment, &folder)
        .run(&())
        .unwrap();
    let folds = Folds::stratified_k_fold(&dataset(40), 4, 3).unwrap();
    for (trial, state) in results.due() {
        let scores = &state.result().unwrap().scores;
        assert!(scores.validation.contains_key("accuracy"));
        assert_eq!(scores.extra["epochs to best"], 1.0);
        let report: Value =
            read_json(&folder.trials().join(&trial.id).join("run/report.json")).unwrap();
        let fold = trial.fold.unwrap().index;
        let rows = dataset(40).select(&folds.test(fold).unwrap());
        assert_eq!(report["data"]["test"]["fingerprint"], rows.fingerprint());
        assert_eq!(report["data"]["validation"]["rows"], 6);
    }
}

#[test]
fn what_no_trial_can_have_is_refused_before_the_first() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let refused = |toml: &str, experiment: &FineTuningExperiment| {
        let config = StudyConfig::from_toml(toml).unwrap();
        Study::new(config, experiment).unwrap_err().to_string()
    };
    let plain = experiment(&start);
    let place = fs::canonicalize(&start).unwrap().display().to_string();
    for (toml, expected) in [
        (
            "name = 'a'\nmetric = 'pearson'",
            "trial base has no pearson: the test scores are accuracy, precision, recall, f1, ",
        ),
        (
            "name = 'a'\neval_split = 'validation'",
            "base: train.evaluation is none, expected `every.epochs` or `every.steps`, such as `every.epochs = 1`",
        ),
        (
            "name = 'a'\neval_split = 'validation'\nbase.train.evaluation = {}",
            "base: train.evaluation is given, expected none, or rows held out by \
             `validation_split`: there are no validation rows",
        ),
        (
            "name = 'a'\nbase.train.duration.epochs = 4000000000",
            "base: epochs is 4000000000, expected 1 to 100000",
        ),
        ("name = 'a'\nbase.text.encoding.max_length = 17", "base: "),
        (
            "name = 'a'\nfolds = 41",
            "base: folds is 41, expected at most the 40 training rows",
        ),
        (
            "name = 'a'\nbase.train.batch_size.rows = 0",
            "base: batch_size is 0, expected at least 1",
        ),
    ] {
        let refused = refused(toml, &plain).replace(&place, "START");
        assert!(refused.starts_with(expected), "{refused}");
    }
    let held_out = experiment(&start).validation_split(0.2, 1);
    let toml =
        "name = 'a'\neval_split = 'validation'\nmetric = 'cohen_kappa'\nbase.train.evaluation = {}";
    let refused = refused(toml, &held_out);
    assert!(
        refused.ends_with(
            "the validation scores are loss, accuracy, macro_f1, f1, matthews_correlation"
        ),
        "{refused}"
    );
}

/// Rows whose labels are unpublished.
fn without_labels(mut rows: Dataset, unlabeled: usize) -> Dataset {
    for example in &mut rows.examples[..unlabeled] {
        example.label = Label::Unlabeled;
    }
    rows
}

#[test]
fn test_rows_without_labels_are_needed_only_by_test_scores() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    for (unlabeled, test) in [
        (None, None),
        (Some(1), Some(without_labels(dataset(10), 1))),
        (Some(10), Some(without_labels(dataset(10), 10))),
    ] {
        let splits = Splits {
            test,
            ..dataset(40).into()
        };
        let experiment = FineTuningExperiment::new(&start, splits, &Device::flex(), "flex")
            .unwrap()
            .defaults(defaults())
            .validation_split(0.2, 7);
        let study = |toml: &str| Study::new(StudyConfig::from_toml(toml).unwrap(), &experiment);
        let message = study("name = 'a'").unwrap_err().to_string();
        let expected = match unlabeled {
            None => "there are no test rows".to_string(),
            Some(rows) => format!("{rows} of the 10 test rows have no label"),
        };
        let refused = "base: eval_split is test, expected `validation`, or `folds`: ";
        assert_eq!(message, format!("{refused}{expected}"));
        // Folds are labeled rows.
        study("name = 'a'\nfolds = 2").unwrap();

        let study = study("name = 'a'\neval_split = 'validation'\nbase.train.evaluation = {}");
        let study = study.unwrap();
        let place = parent.path().join(format!("{unlabeled:?}"));
        let folder = StudyDirectory::open(&place, &study).unwrap();
        let results = StudyRunner::new(&study, &experiment, &folder)
            .run(&())
            .unwrap();
        assert_eq!((results.scores(0).len(), results.failed()), (1, 0));
    }
}

/// Ends a run with an error at the n-th event.
struct StopAt(usize);

impl Callback for StopAt {
    fn on_event(&mut self, _: &finetune_train::Event) -> Result<(), TrainError> {
        self.0 = self.0.checked_sub(1).ok_or(TrainError::RunComplete {
            path: "stopped".into(),
        })?;
        Ok(())
    }
}

struct Stopping;

impl StudyCallback for Stopping {
    fn trial(&self, _: &str) -> Box<dyn Callback> {
        Box::new(StopAt(12))
    }
}

#[test]
fn a_retried_trial_goes_on_from_its_checkpoint() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let experiment = experiment(&start);
    let toml = "name = 'one'\nbase.train.evaluation.metric_for_best_model = 'loss'";
    let experiment = experiment.validation_split(0.2, 7);
    let study = Study::new(StudyConfig::from_toml(toml).unwrap(), &experiment).unwrap();
    let folder = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
    let runner = StudyRunner::new(&study, &experiment, &folder).retries(true);
    runner.run(&Stopping).unwrap();
    let run = folder.trials().join(&study.trials()[0].id).join("run");
    assert!(run.join("checkpoints").exists());
    let results = runner.run(&()).unwrap();
    assert!(results.due().all(|(_, state)| state.result().is_some()));
}

#[test]
fn pre_training_is_one_run_for_all_trials() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let base = PreTrainingConfig::default();
    let defaults = PreTrainedConfig {
        corpora: vec!["small".into()],
        pre_training: PreTrainingConfig {
            text: TextConfig {
                encoding: EncodingConfig::new(16),
                ..Default::default()
            },
            validation_split: 0.2,
            train: TrainConfig {
                duration: TrainDuration::Steps(6),
                batch_size: 8.into(),
                checkpoints: CheckpointPolicy {
                    snapshot_steps: vec![3],
                    ..Default::default()
                },
                ..base.train
            },
            ..base
        },
        fine_tuning: FineTuningConfig {
            train: TrainConfig {
                freeze: finetune_train::FreezeScope::Encoder.into(),
                evaluation: Some(EvaluationConfig::default()),
                ..defaults().train
            },
            ..defaults()
        },
        ..PreTrainedConfig::default()
    };
    let corpora = BTreeMap::from([(
        "small".to_string(),
        finetune_data::concatenate_texts([&dataset(60)]),
    )]);
    let tuning = experiment(&start).validation_split(0.2, 1);
    let experiment = PreTrainedExperiment::new(tuning, corpora, defaults);
    let toml = "name = 'steps'\nseeds = 2\nparameters = [{ path = 'steps', values = [0, 3, 6] }]";
    let study = Study::new(StudyConfig::from_toml(toml).unwrap(), &experiment).unwrap();
    let folder = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
    let results = StudyRunner::new(&study, &experiment, &folder)
        .jobs(3)
        .run(&())
        .unwrap();
    let perplexities: Vec<usize> = (0..3)
        .map(|candidate| results.numbers(candidate, "perplexity").len())
        .collect();
    assert!(
        results.due().all(|(_, state)| state.result().is_some()),
        "{results:?}"
    );
    assert_eq!(perplexities, [2, 2, 2]);
    assert_ne!(
        results.numbers(1, "perplexity"),
        results.numbers(2, "perplexity")
    );
    let made = |kind: &str| {
        let entries = fs::read_dir(folder.shared().join(kind)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".json")).count()
    };
    assert_eq!((made("pre_training"), made("checkpoint")), (1, 1));

    let refused = |toml: &str| {
        let config = StudyConfig::from_toml(toml).unwrap();
        Study::new(config, &experiment).unwrap_err().to_string()
    };
    let steps = refused("name = 'steps'\nbase.steps = 4");
    assert_eq!(
        steps,
        "base: steps is 4, expected 0 or a snapshot of the pre-training, of [3, 6]"
    );
    let corpora = refused("name = 'steps'\nbase.corpora = ['large']");
    assert_eq!(corpora, "base: corpora is large, expected some of small");
}

/// Labels of corpora teach the encoder; the classifier after it begins with a head of its own,
/// although the corpus has the same classes.
#[test]
fn supervised_pre_training_carries_over_the_encoder_alone() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let defaults = PreTrainedConfig {
        objective: PreTrainingObjective::Supervised,
        corpora: vec!["small".into()],
        supervised: MultiTaskConfig {
            text: defaults().text,
            train: TrainConfig {
                duration: TrainDuration::Steps(30),
                evaluation: Some(EvaluationConfig {
                    on_start: true,
                    ..Default::default()
                }),
                checkpoints: CheckpointPolicy {
                    snapshot_steps: vec![15],
                    ..Default::default()
                },
                ..train_config()
            },
            ..Default::default()
        },
        fine_tuning: FineTuningConfig {
            train: TrainConfig {
                freeze: finetune_train::FreezeScope::Encoder.into(),
                ..defaults().train
            },
            ..defaults()
        },
        ..PreTrainedConfig::default()
    };
    let other = dataset(20).group_classes(&[("outside", &["weather"]), ("inside", &["food"])]);
    let labeled = BTreeMap::from([
        ("small", dataset(60)),
        ("other", other.unwrap()),
        (
            "unlabeled",
            finetune_data::concatenate_texts([&dataset(20)]),
        ),
    ]);
    let texts = |rows: &Dataset| finetune_data::concatenate_texts([rows]);
    let corpora = labeled
        .iter()
        .map(|(name, rows)| (name.to_string(), texts(rows)));
    let corpora = corpora.collect();
    let splits = |rows: Dataset| finetune_data::Splits::from(rows).hold_out_validation(0.2, 1);
    let labeled = labeled
        .into_iter()
        .filter(|(name, _)| *name != "unlabeled")
        .map(|(name, rows)| (name.to_string(), splits(rows).unwrap()));
    let experiment =
        PreTrainedExperiment::new(experiment(&start), corpora, defaults).labeled(labeled.collect());
    let toml = "name = 'labels'\nvariants = [
        { name = '0', settings.steps = 0 },
        { name = '15', settings.steps = 15 },
        { name = '30', settings.steps = 30 },
        { name = 'both', settings.steps = 30, settings.corpora = ['small', 'other'] }]";
    let study = Study::new(StudyConfig::from_toml(toml).unwrap(), &experiment).unwrap();
    let folder = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
    let results = StudyRunner::new(&study, &experiment, &folder)
        .run(&())
        .unwrap();
    for (trial, state) in results.due() {
        let result = state.result().expect("a complete trial");
        let accuracy = result.scores.extra["small accuracy"];
        assert!((0.0..=1.0).contains(&accuracy));
        let run = folder.trials().join(&trial.id).join("run");
        let report: RunReport = read_json(&run.join("report.json")).unwrap();
        let new = report.model.newly_initialized;
        assert_eq!(
            new,
            [
                "bert.pooler.dense.weight",
                "bert.pooler.dense.bias",
                "classifier.weight",
                "classifier.bias"
            ]
        );
    }
    let accuracy = |candidate| results.numbers(candidate, "small accuracy")[0];
    assert!(accuracy(2) > accuracy(0), "{} {}", accuracy(2), accuracy(0));
    assert_eq!(results.numbers(3, "other accuracy").len(), 1);
    let scores = |candidate| results.test_scores(candidate, "accuracy");
    assert!(scores(2) >= scores(0), "{:?} {:?}", scores(2), scores(0));

    let refused = |toml: &str| {
        let config = StudyConfig::from_toml(toml).unwrap();
        Study::new(config, &experiment).unwrap_err().to_string()
    };
    assert_eq!(
        refused("name = 'labels'\nbase = { steps = 6, corpora = ['unlabeled'] }"),
        "base: corpora is unlabeled, expected some of other, small"
    );
}
