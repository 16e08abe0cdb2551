//! The encoder as a setting of a study.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_study::{
    CheckpointsExperiment, Experiment, FineTuningExperiment, Study, StudyConfig, StudyDirectory,
    StudyError, StudyRunner,
};
use finetune_train::{TrainConfig, TrainDuration};

use crate::small_run::{checkpoint, fine_tuning_config, train_config};

const ENCODERS: &str = r#"
    name = "encoders"

    [[parameters]]
    path = "checkpoint"
    name = "encoder"
    values = ["first", "second"]
"#;

fn experiment(start: &Path, names: &[&str]) -> Result<CheckpointsExperiment, StudyError> {
    let splits = checkpoint(start);
    let fine_tuning = FineTuningExperiment::new(start, splits, &Device::flex(), "flex")?;
    let fine_tuning = fine_tuning.defaults(fine_tuning_config(TrainConfig {
        duration: TrainDuration::Steps(2),
        ..train_config()
    }));
    let checkpoints: BTreeMap<String, PathBuf> = names
        .iter()
        .map(|name| (name.to_string(), start.to_path_buf()))
        .collect();
    CheckpointsExperiment::new(fine_tuning, checkpoints)
}

#[test]
fn trials_start_from_the_checkpoint_that_they_name() {
    let parent = tempfile::tempdir().unwrap();
    let experiment = experiment(&parent.path().join("start"), &["first", "second"]).unwrap();
    let model = &experiment.fingerprint()["model"];
    assert!(model["first"]["config.json"].is_string());
    assert_eq!(model["first"], model["second"]);
    let config = StudyConfig::from_toml(ENCODERS).unwrap();
    let study = Study::new(config, &experiment).unwrap();
    assert_eq!(study.candidate_label(1), "encoder second");
    let folder = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
    let results = StudyRunner::new(&study, &experiment, &folder)
        .run(&())
        .unwrap();
    // Two names of one checkpoint.
    assert_eq!(results.scores(0).len(), 1);
    assert_eq!(results.scores(0), results.scores(1));
    let steps = results
        .curve_along("training loss per step", "encoder", &[])
        .unwrap();
    assert!(steps.unwrap().svg().contains("encoder second"));
}

#[test]
fn an_unknown_checkpoint_is_an_error_before_any_trial() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    let experiment_of_one = experiment(&start, &["first"]).unwrap();
    let config = StudyConfig::from_toml(ENCODERS).unwrap();
    let error = Study::new(config, &experiment_of_one)
        .unwrap_err()
        .to_string();
    let expected = "checkpoint is second, expected one of first";
    assert!(error.contains(expected), "{error}");
    assert!(matches!(
        experiment(&start, &[]).unwrap_err(),
        StudyError::InvalidSetting { .. }
    ));
}
