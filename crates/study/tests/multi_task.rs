//! Training on several tasks as an experiment: runs that follow each other, and what trials share.

use std::collections::BTreeMap;
use std::fs;

use burn::tensor::Device;
use finetune_data::Splits;
use finetune_study::{
    Experiment, MultiTaskExperiment, Study, StudyConfig, StudyDirectory, StudyRunner,
    SuccessiveRunsConfig, VariantConfig,
};
use finetune_train::{
    FreezeScope, MultiTaskConfig, RunReport, TaskConfig, TrainConfig, TrainDuration, read_json,
};

use crate::small_run::{checkpoint, dataset, fine_tuning_config, train_config};

fn run_of(trained: &[&str], freeze: FreezeScope) -> MultiTaskConfig {
    let train = TrainConfig {
        duration: TrainDuration::Epochs(1),
        freeze: freeze.into(),
        ..train_config()
    };
    let task = |name: &str| TaskConfig {
        trainable: trained.contains(&name),
        ..TaskConfig::new(name)
    };
    MultiTaskConfig {
        text: fine_tuning_config(train.clone()).text,
        tasks: vec![task("left"), task("right")],
        train,
        ..Default::default()
    }
}

fn variant(name: &str, runs: Vec<MultiTaskConfig>) -> VariantConfig {
    let settings = serde_json::to_value(SuccessiveRunsConfig {
        runs,
        ..Default::default()
    });
    VariantConfig {
        name: name.to_string(),
        settings: settings.unwrap().as_object().unwrap().clone(),
        ..Default::default()
    }
}

#[test]
fn a_run_after_another_shares_it() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let splits = || Splits::train_test(dataset(24), dataset(10));
    let data: BTreeMap<String, Splits> = [("left", splits()), ("right", splits())]
        .map(|(name, rows)| (name.to_string(), rows))
        .into();
    let both = run_of(&["left", "right"], FreezeScope::None);
    let right = run_of(&["right"], FreezeScope::None);
    let frozen = run_of(&["left", "right"], FreezeScope::Encoder);
    let config = StudyConfig {
        name: "tasks".to_string(),
        metric: "overall".to_string(),
        variants: vec![
            variant("both", vec![both.clone()]),
            variant("then one", vec![both, right]),
            variant("frozen", vec![frozen]),
        ],
        ..Default::default()
    };
    let experiment = MultiTaskExperiment::new(&start, data, &Device::flex(), "flex").unwrap();
    let plain = experiment.fingerprint();
    // The same rows once more.
    let experiment = experiment.further_test_rows([("left".to_string(), dataset(10))].into());
    assert_ne!(experiment.fingerprint(), plain);
    let study = Study::new(config, &experiment).unwrap();
    let directory = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
    let results = StudyRunner::new(&study, &experiment, &directory)
        .run(&())
        .unwrap();
    for (trial, state) in results.due() {
        let scores = &state.result().unwrap().scores.test;
        assert_eq!(scores["left test accuracy"], scores["left accuracy"]);
        assert!(!scores.contains_key("right test accuracy"));
        let models = experiment.models(&trial.config().unwrap(), &directory);
        assert!(models.join("right/config.json").exists(), "{models:?}");
        let tasks = scores["left accuracy"] + scores["right accuracy"];
        assert!(
            (scores["overall"] - tasks / 2.0).abs() < 1e-12,
            "{scores:?}"
        );
    }

    // Three runs for three trials of four: the first two begin with the same.
    let runs = parent.path().join("study/shared/runs");
    let runs = fs::read_dir(runs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let reports: Vec<RunReport> = runs
        .filter(|path| path.is_dir())
        .map(|path| read_json(&path.join("run/report.json")).unwrap())
        .collect();
    assert_eq!(reports.len(), 3);
    let trained = |name: &str| {
        reports
            .iter()
            .filter(|report| report.task(name).unwrap().trained)
            .count()
    };
    assert_eq!((trained("left"), trained("right")), (2, 3));
    // The frozen encoder ran once for each task.
    let cached = reports
        .iter()
        .filter(|report| report.activations.is_some())
        .count();
    assert_eq!(cached, 1);
}

#[test]
fn what_is_no_study_of_tasks_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let data = BTreeMap::new();
    let experiment = MultiTaskExperiment::new(&start, data, &Device::flex(), "flex").unwrap();
    let message = |config| Study::new(config, &experiment).unwrap_err().to_string();
    let named = || StudyConfig {
        name: "tasks".to_string(),
        ..Default::default()
    };
    let none = message(named());
    assert!(none.contains("runs is 0, expected at least 1"), "{none}");
    let folds = message(StudyConfig {
        folds: Some(3),
        variants: vec![variant("both", vec![run_of(&["left"], FreezeScope::None)])],
        ..named()
    });
    assert!(folds.contains("folds is 3"), "{folds}");
}
