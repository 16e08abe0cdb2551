//! Training on several tasks as an experiment, in one run or in runs that follow each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_data::{Dataset, Splits};
use finetune_eval::Scores;
use finetune_predict::Predictor;
use finetune_train::{Callback, MultiTask, MultiTaskConfig, RunDirectory, TrainError, read_json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::{Experiment, TrialScores};
use crate::fine_tuning_experiment::{data_fingerprint, finish, remove, scored, unscored_reason};
use crate::model_fingerprint::{resumable_path, run_fingerprint};
use crate::run_scores::scores_of_run;
use crate::study_directory::StudyDirectory;
use crate::trial::{Fold, Trial, hash};
use crate::trial_directory::TrialDirectory;

/// Settings of a trial: runs on several tasks, each from the models of the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SuccessiveRunsConfig {
    /// Random seed of all runs (default: 42).
    pub seed: u64,
    /// Settings of the runs, at least 1. The scores of the trial are those of the last.
    pub runs: Vec<MultiTaskConfig>,
}

impl Default for SuccessiveRunsConfig {
    fn default() -> Self {
        Self {
            seed: 42,
            runs: Vec::new(),
        }
    }
}

/// Experiment whose trials are [`MultiTask`] runs on one checkpoint and one set of tasks.
///
/// Runs with the same settings, seed and runs before them are shared: a trial that goes on from
/// another does not train it again. Scores are `overall`, and those of each task as `TASK METRIC`,
/// such as `sst accuracy`. Further labeled rows are scored as `TASK test METRIC`; see
/// [`Self::further_test_rows`].
#[derive(Debug)]
pub struct MultiTaskExperiment {
    model: PathBuf,
    data: BTreeMap<String, Splits>,
    further: BTreeMap<String, Dataset>,
    device: Device,
    device_name: String,
    /// Fingerprint of what a run depends on.
    run_fingerprint: Value,
    /// Fingerprint of what the scores of a trial depend on.
    fingerprint: Value,
}

/// Directory of shared runs in that of a study.
const RUNS: &str = "runs";

impl MultiTaskExperiment {
    /// Creates an experiment on the checkpoint in a directory, and rows by task name; a run uses
    /// those of its own tasks. `device_name` is the name of the device in reports.
    ///
    /// # Errors
    /// [`StudyError::Io`] if the checkpoint cannot be read.
    pub fn new(
        model: &Path,
        data: BTreeMap<String, Splits>,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, StudyError> {
        let hashes: serde_json::Map<String, Value> = data
            .iter()
            .map(|(task, splits)| (task.clone(), data_fingerprint(splits)))
            .collect();
        let run_fingerprint = run_fingerprint(model, hashes.into(), device_name)?;
        Ok(Self {
            fingerprint: run_fingerprint.clone(),
            run_fingerprint,
            model: resumable_path(model)?,
            data,
            further: BTreeMap::new(),
            device: device.clone(),
            device_name: device_name.to_string(),
        })
    }

    /// Sets labeled rows by task name that the last run of a trial is scored on once more, beside the
    /// test rows of its data: the test rows of a study that chooses its models on development rows.
    /// The fingerprint covers them.
    pub fn further_test_rows(mut self, rows: BTreeMap<String, Dataset>) -> Self {
        let hashes = rows.iter().map(|(task, rows)| {
            let splits = Splits::train_test(rows.clone(), rows.clone());
            (task.clone(), data_fingerprint(&splits))
        });
        let hashes: serde_json::Map<String, Value> = hashes.collect();
        self.fingerprint = self.run_fingerprint.clone();
        if !hashes.is_empty() {
            self.fingerprint["further test rows"] = hashes.into();
        }
        self.further = rows;
        self
    }

    /// Returns the directory with a model for each task that a trial of the study in `directory`
    /// ends with. It exists once the trial is complete.
    pub fn models(&self, config: &SuccessiveRunsConfig, directory: &StudyDirectory) -> PathBuf {
        let key = self.key(&config.runs, config.seed);
        let place = directory.shared().join(RUNS).join(hash(&key));
        RunDirectory::new(&place.join("run")).model()
    }

    fn key(&self, runs: &[MultiTaskConfig], seed: u64) -> Value {
        json!([self.run_fingerprint, seed, runs])
    }

    /// Returns the scores of the models of a run on the further rows.
    fn further_scores(&self, record: &RunDirectory) -> Result<Scores, StudyError> {
        let mut scores = Scores::new();
        for (task, rows) in &self.further {
            let model = record.model().join(task);
            if !model.is_dir() {
                continue;
            }
            let predictor = Predictor::load(&model, &self.device).map_err(TrainError::from)?;
            let of_task = predictor.evaluate(rows, &[]).map_err(TrainError::from)?;
            let named = of_task.into_iter();
            scores.extend(named.map(|(metric, score)| (format!("{task} test {metric}"), score)));
        }
        Ok(scores)
    }

    /// Runs the last of `runs` after the others, unless a trial has done so, and returns the
    /// directory of its record.
    fn run_after(
        &self,
        runs: &[MultiTaskConfig],
        seed: u64,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<RunDirectory, StudyError> {
        let start = match runs.split_last() {
            Some((_, [])) | None => self.model.clone(),
            Some((_, before)) => self.run_after(before, seed, directory, callback)?.model(),
        };
        let key = self.key(runs, seed);
        let place = directory.get_or_create(RUNS, &key, |place| match runs.last() {
            Some(config) => {
                let tokens = directory.shared("tokens", &"tokens");
                self.train(&start, config, seed, tokens, &place.join("run"), callback)
            }
            None => Err(StudyError::setting("runs", 0, "at least 1")),
        })?;
        Ok(RunDirectory::new(&place.join("run")))
    }

    fn train(
        &self,
        start: &Path,
        config: &MultiTaskConfig,
        seed: u64,
        tokens: PathBuf,
        place: &Path,
        callback: &mut dyn Callback,
    ) -> Result<(), StudyError> {
        let mut config = config.clone();
        config.train.seed = seed;
        config.text.tokenizer_cache_dir.get_or_insert(tokens);
        let is_used =
            |(name, _): &(&String, &Splits)| config.tasks.iter().any(|task| task.name == **name);
        let data = self.data.iter().filter(is_used);
        let data = data
            .map(|(name, splits)| (name.clone(), scored(splits.clone())))
            .collect();
        let run = MultiTask::new(start)
            .config(config)
            .data(data)
            .open_device(self.device.clone(), &self.device_name)
            .prepare()?;
        finish(run, place, callback)?;
        remove(&place.join("checkpoints"))
    }
}

impl Experiment for MultiTaskExperiment {
    type Config = SuccessiveRunsConfig;
    type Error = StudyError;

    fn defaults(&self) -> SuccessiveRunsConfig {
        SuccessiveRunsConfig::default()
    }

    fn fingerprint(&self) -> Value {
        self.fingerprint.clone()
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("seed")
    }

    fn check(&self, config: &SuccessiveRunsConfig, fold: Option<Fold>) -> Result<(), StudyError> {
        StudyError::check(!config.runs.is_empty(), "runs", 0, "at least 1")?;
        let folds = fold.map_or(0, |fold| fold.of);
        let expected = "none: each task has its own test rows";
        StudyError::check(fold.is_none(), "folds", folds, expected)?;
        Ok(config.runs.iter().try_for_each(MultiTaskConfig::validate)?)
    }

    fn check_rows(
        &self,
        config: &SuccessiveRunsConfig,
        _: Option<Fold>,
        rows: EvalSplit,
    ) -> Result<(), StudyError> {
        let tasks = config.runs.last().into_iter().flat_map(|run| &run.tasks);
        let reasons = tasks.map(|task| {
            let splits = self.data.get(&task.name);
            let of_task = splits.and_then(|splits| match rows {
                EvalSplit::Test => splits.test.as_ref(),
                EvalSplit::Validation => splits.validation.as_ref(),
            });
            let reason = unscored_reason(of_task, rows);
            reason.map(|reason| format!("task {}: {reason}", task.name))
        });
        // The scores of any task can be what a study compares.
        match reasons.collect::<Option<Vec<String>>>() {
            Some(reasons) if !reasons.is_empty() => {
                let expected = format!("rows that are scored: {}", reasons.join("; "));
                Err(StudyError::setting("eval_split", rows, expected))
            }
            _ => Ok(()),
        }
    }

    fn run(
        &self,
        _trial: &Trial,
        config: &SuccessiveRunsConfig,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        let SuccessiveRunsConfig { seed, runs } = config;
        let record = self.run_after(runs, *seed, directory, callback)?;
        let mut scores = scores_of_run(&read_json(&record.report())?);
        scores.test.extend(self.further_scores(&record)?);
        Ok(scores)
    }
}
