//! Settings of studies, runs and servers.

use std::fs;
use std::path::Path;

use finetune_serve::ServeConfig;
use finetune_study::{
    Experiment, Fold, Study, StudyConfig, StudyError, Trial, TrialDirectory, TrialScores,
    override_settings,
};
use finetune_train::{Callback, FineTuningConfig, MultiTaskConfig, PreTrainingConfig};
use serde_json::{Map, Value};

use super::tables::write_all;
use crate::reader::{Attempt, Reader, Shape};

const STUDY: &str = "name = 'search'\nmetric = 'accuracy'\neval_split = 'validation'\nseeds = 3\n\
    num_trials = 4\nsampler_seed = 7\nbase.train.duration.epochs = 2\n\
    [[variants]]\nname = 'a'\nsettings.train.freeze.scope = 'encoder'\n\
    [[variants]]\nname = 'b'\nseeds = [1, 2]\nfolds = 3\n\
    [[parameters]]\npath = 'train.optimizer.learning_rate'\nlog_uniform = [1e-6, 1e-3]\n\
    [[parameters]]\npath = 'train.batch_size.rows'\nvalues = [16, 32]\n\
    [comparison]\nalpha = 0.05\ntest = 'wilcoxon'\n";

const HALVING: &str = "name = 'halving'\neval_split = 'validation'\nnum_trials = 9\n\
    [[parameters]]\npath = 'train.optimizer.weight_decay'\nuniform = [0.0, 0.5]\n\
    [[parameters]]\npath = 'train.gradient_accumulation_steps'\nint_uniform = [1, 4]\n\
    [halving]\nresource = 'train.duration.epochs'\nmin_resource = 1\nmax_resource = 9\nfactor = 3\n";

/// Reader of settings; its own parts are to be replaced.
const SETTINGS: Reader = Reader {
    name: "",
    cost: 1,
    files: &["settings.json"],
    shape: Shape::Json,
    writes: false,
    seeds: |_| Ok(()),
    read: |_| Ok(()),
};

pub(crate) const STUDY_TOML: Reader = Reader {
    name: "study-toml",
    files: &["study.toml"],
    shape: Shape::Bytes,
    seeds: |directory| {
        write_all(
            directory,
            "study.toml",
            [STUDY.as_bytes(), HALVING.as_bytes()],
        )
    },
    read: |directory| resolve(&directory.join("study.toml")),
    ..SETTINGS
};

pub(crate) const STUDY_JSON: Reader = Reader {
    name: "study-json",
    files: &["study.json"],
    seeds: |directory| {
        let [study, halving] = [STUDY, HALVING].map(StudyConfig::from_toml);
        let studies = [serde_json::to_vec(&study?)?, serde_json::to_vec(&halving?)?];
        write_all(directory, "study.json", studies.iter().map(Vec::as_slice))
    },
    read: |directory| resolve(&directory.join("study.json")),
    ..SETTINGS
};

pub(crate) const FINE_TUNING: Reader = Reader {
    name: "run-config",
    seeds: |directory| {
        let settings = serde_json::to_vec(&FineTuningConfig::default())?;
        let evaluated = br#"{"train": {"evaluation": {"early_stopping": {"patience": 2}},
            "optimizer": {"algorithm": {"kind": "lion"}}}, "loss": {"kind": "huber"},
            "model": {"adapter": {"rank": 4}}, "metrics": ["roc_auc"]}"#;
        write_all(directory, "settings.json", [&settings[..], evaluated])
    },
    read: |directory| {
        let overrides: Map<String, Value> = json(directory)?;
        let settings = override_settings(&FineTuningConfig::default(), &overrides, "a file")?;
        Ok(settings.validate()?)
    },
    ..SETTINGS
};

pub(crate) const MULTI_TASK: Reader = Reader {
    name: "multi-task-config",
    seeds: |directory| {
        let settings = br#"{"tasks": [{"name": "a", "max_length": 7}, {"name": "b"}],
            "mixing": {"updates": "joint", "stopping_strategy": "all_exhausted",
                       "weighting": {"kind": "fixed", "weights": {"a": 1.0, "b": 2.0}}},
            "overall": {"task": "a"}, "train": {"duration": {"epochs": 2}}}"#;
        write_all(directory, "settings.json", [&settings[..]])
    },
    read: |directory| Ok(json::<MultiTaskConfig>(directory)?.validate()?),
    ..SETTINGS
};

pub(crate) const PRE_TRAINING: Reader = Reader {
    name: "pre-training-config",
    seeds: |directory| {
        let settings = serde_json::to_vec(&PreTrainingConfig::default())?;
        write_all(directory, "settings.json", [&settings[..]])
    },
    read: |directory| Ok(json::<PreTrainingConfig>(directory)?.validate()?),
    ..SETTINGS
};

pub(crate) const SERVER: Reader = Reader {
    name: "server-config",
    seeds: |directory| {
        let settings = serde_json::to_vec(&ServeConfig::default())?;
        write_all(directory, "settings.json", [&settings[..]])
    },
    read: |directory| Ok(json::<ServeConfig>(directory)?.validate()?),
    ..SETTINGS
};

fn json<T: serde::de::DeserializeOwned>(directory: &Path) -> Result<T, Box<dyn std::error::Error>> {
    Ok(serde_json::from_slice(&fs::read(
        directory.join("settings.json"),
    )?)?)
}

fn resolve(path: &Path) -> Attempt {
    Study::new(StudyConfig::read(path)?, &Settings)?;
    Ok(())
}

/// Experiment that checks the settings of its trials, and runs none.
struct Settings;

impl Experiment for Settings {
    type Config = FineTuningConfig;
    type Error = StudyError;

    fn defaults(&self) -> FineTuningConfig {
        FineTuningConfig::default()
    }

    fn fingerprint(&self) -> Value {
        Value::Null
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("train.seed")
    }

    fn check(&self, config: &FineTuningConfig, _: Option<Fold>) -> Result<(), StudyError> {
        Ok(config.validate()?)
    }

    fn run(
        &self,
        _: &Trial,
        _: &FineTuningConfig,
        _: &TrialDirectory,
        _: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        Ok(TrialScores::default())
    }
}
