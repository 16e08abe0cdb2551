//! Fine-tuning as an experiment.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_data::{Dataset, Folds, Split, Splits};
use finetune_model::CheckpointConfig;
use finetune_predict::{check_length, evaluator};
use finetune_train::{
    CacheLocation, Callback, FineTuning, FineTuningConfig, Objective, Parts, PreparedRun,
    RunDirectory, TrainError, read_json,
};
use serde_json::{Value, json};

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::{Experiment, TrialScores};
use crate::model_fingerprint::{resumable_path, run_fingerprint};
use crate::run_scores::{scores_with_steps, test_metrics};
use crate::trial::{Fold, Trial};
use crate::trial_directory::TrialDirectory;

/// Experiment whose trials are [`FineTuning`](finetune_train::FineTuning) runs on one checkpoint
/// and one dataset.
///
/// Trials share token IDs and the activations of frozen layers, cached in the study's `shared/`
/// directory. The run directory of a trial is kept without checkpoints and, unless
/// [`Self::keep_models`] is set, without the trained model.
#[derive(Debug)]
pub struct FineTuningExperiment {
    model: PathBuf,
    splits: Splits,
    device: Device,
    device_name: String,
    defaults: FineTuningConfig,
    validation: Option<(f64, u64)>,
    keep_models: bool,
    parts: Parts,
    fingerprint: Value,
}

impl FineTuningExperiment {
    /// Creates an experiment on the checkpoint in a directory. `device_name` is the name of the
    /// device in reports.
    ///
    /// # Errors
    /// [`StudyError::Io`] if the checkpoint cannot be read.
    pub fn new(
        model: &Path,
        splits: Splits,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, StudyError> {
        let data = data_fingerprint(&splits);
        Ok(Self {
            fingerprint: run_fingerprint(model, data, device_name)?,
            model: resumable_path(model)?,
            splits,
            device: device.clone(),
            device_name: device_name.to_string(),
            defaults: FineTuningConfig::default(),
            validation: None,
            keep_models: false,
            parts: Parts::default(),
        })
    }

    /// Sets the default settings that a study starts from (default: those of the library).
    #[must_use]
    pub fn defaults(mut self, defaults: FineTuningConfig) -> Self {
        self.defaults = defaults;
        self
    }

    /// Holds out a fraction of the training rows, of each fold separately, for validation.
    #[must_use]
    pub fn validation_split(mut self, share: f64, seed: u64) -> Self {
        self.validation = Some((share, seed));
        self.fingerprint["validation"] = json!({ "share": share, "seed": seed });
        self
    }

    /// Sets whether to keep the trained model of each trial (default: false).
    #[must_use]
    pub fn keep_models(mut self, keep_models: bool) -> Self {
        self.keep_models = keep_models;
        self
    }

    /// Sets your own parts of every trial: metrics, and losses by name, which a study can vary.
    #[must_use]
    pub fn parts(mut self, parts: Parts) -> Self {
        self.parts = parts;
        self
    }

    /// Returns the rows of a trial, without test rows that cannot be scored.
    fn splits(&self, fold: Option<Fold>) -> Result<Splits, StudyError> {
        let splits = match fold {
            None => scored(self.splits.clone()),
            Some(fold) => fold_of(&self.splits.train, fold)?,
        };
        match self.validation {
            Some((share, seed)) => Ok(splits.hold_out_validation(share, seed)?),
            None => Ok(splits),
        }
    }

    /// Runs one fine-tuning and returns its scores; for experiments that include fine-tuning.
    ///
    /// # Errors
    /// See [`FineTuning`](finetune_train::Run::resume).
    pub fn fine_tune(
        &self,
        config: &FineTuningConfig,
        fold: Option<Fold>,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        self.fine_tune_from(&self.model, config, fold, directory, callback)
    }

    /// Runs one fine-tuning like [`Self::fine_tune`], from another checkpoint.
    pub(super) fn fine_tune_from(
        &self,
        model: &Path,
        config: &FineTuningConfig,
        fold: Option<Fold>,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        let record = RunDirectory::new(&directory.run());
        let config = shared(config, model, &self.device_name, directory);
        let splits = self.splits(fold)?;
        let run = FineTuning::new(model, splits)
            .config(config)
            .parts(self.parts.clone())
            .open_device(self.device.clone(), &self.device_name)
            .prepare()?;
        let report = match run.resume(record.path(), callback) {
            // The program was killed after the end of the run, but before the end of the trial.
            Err(TrainError::RunComplete { .. }) => read_json(&record.report())?,
            output => output?.report,
        };
        let scores = scores_with_steps(&report, &record.metrics())?;
        remove(&record.path().join("checkpoints"))?;
        if !self.keep_models {
            remove(&record.model())?;
        }
        Ok(scores)
    }

    /// Checks the settings of a trial that begins from another checkpoint.
    pub(super) fn check_from(
        &self,
        model: &Path,
        config: &FineTuningConfig,
        fold: Option<Fold>,
    ) -> Result<(), StudyError> {
        let target = &self.splits.train.schema.target;
        evaluator(target, &self.parts.metrics, config.metric_names())?;
        config.loss.check(&self.parts)?;
        let rows = self.splits.train.len();
        let folds = fold.map_or(0, |fold| fold.of);
        let expected = format!("at most the {rows} training rows");
        StudyError::check(folds <= rows, "folds", folds, expected)?;
        config.validate()?;
        if let (Some(_), Some(reason)) = (&config.train.evaluation, self.unvalidated_reason(fold)) {
            let expected = format!("none, or rows held out by `validation_split`: {reason}");
            return Err(StudyError::setting("train.evaluation", "given", expected));
        }
        let encoder = CheckpointConfig::read(model)?.encoder;
        let fits = check_length(model, config.text.encoding.max_length, &encoder);
        Ok(fits.map_err(TrainError::from)?)
    }

    /// Returns why there are no validation rows to evaluate on, if so. Rows that are held out are
    /// training rows; a fold has no others.
    fn unvalidated_reason(&self, fold: Option<Fold>) -> Option<String> {
        let own = self.splits.validation.as_ref().filter(|_| fold.is_none());
        match self.validation {
            Some(_) => None,
            None => unscored_reason(own, EvalSplit::Validation),
        }
    }

    /// Returns the device and its name in reports.
    pub(super) fn device(&self) -> (&Device, &str) {
        (&self.device, &self.device_name)
    }

    /// Returns the directory of the checkpoint.
    pub(super) fn model(&self) -> &Path {
        &self.model
    }
}

impl Experiment for FineTuningExperiment {
    type Config = FineTuningConfig;
    type Error = StudyError;

    fn defaults(&self) -> FineTuningConfig {
        self.defaults.clone()
    }

    fn fingerprint(&self) -> Value {
        self.fingerprint.clone()
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("train.seed")
    }

    fn check(&self, config: &FineTuningConfig, fold: Option<Fold>) -> Result<(), StudyError> {
        self.check_from(&self.model, config, fold)
    }

    fn check_rows(
        &self,
        config: &FineTuningConfig,
        fold: Option<Fold>,
        rows: EvalSplit,
    ) -> Result<(), StudyError> {
        match (rows, fold) {
            (EvalSplit::Validation, _) if config.train.evaluation.is_some() => Ok(()),
            (EvalSplit::Validation, _) => {
                let expected = "`every.epochs` or `every.steps`, such as `every.epochs = 1`: validation \
                                rows are scored during training";
                Err(StudyError::setting("train.evaluation", "none", expected))
            }
            // The rows of a fold are training rows.
            (EvalSplit::Test, Some(_)) => Ok(()),
            (EvalSplit::Test, None) => match unscored_reason(self.splits.test.as_ref(), rows) {
                Some(reason) => {
                    let expected = format!("`validation`, or `folds`: {reason}");
                    Err(StudyError::setting("eval_split", rows, expected))
                }
                None => Ok(()),
            },
        }
    }

    fn metrics(&self, config: &FineTuningConfig, rows: EvalSplit) -> Option<Vec<String>> {
        let target = &self.splits.train.schema.target;
        let evaluator = evaluator(target, &self.parts.metrics, config.metric_names()).ok()?;
        let evaluated = evaluator.metrics().iter().map(|metric| metric.name());
        Some(match rows {
            EvalSplit::Test => {
                let mut names = test_metrics(target);
                let further: Vec<String> = evaluated.filter(|name| !names.contains(name)).collect();
                names.extend(further);
                names
            }
            EvalSplit::Validation => evaluated.collect(),
        })
    }

    fn run(
        &self,
        trial: &Trial,
        config: &FineTuningConfig,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        self.fine_tune(config, trial.fold, directory, callback)
    }
}

/// Returns the splits without test rows that cannot be scored.
pub(crate) fn scored(splits: Splits) -> Splits {
    let test = splits.test.filter(|test| test.num_unlabeled() == 0);
    Splits { test, ..splits }
}

/// Returns why rows cannot be scored, if so: there are none, or some have no label.
pub(crate) fn unscored_reason(rows: Option<&Dataset>, split: EvalSplit) -> Option<String> {
    let Some(rows) = rows else {
        return Some(format!("there are no {split} rows"));
    };
    match (rows.num_unlabeled(), rows.len()) {
        (0, _) => None,
        (unlabeled, all) => Some(format!(
            "{unlabeled} of the {all} {split} rows have no label"
        )),
    }
}

/// Returns splits with the fold as test rows and the other folds as training rows.
fn fold_of(dataset: &Dataset, fold: Fold) -> Result<Splits, StudyError> {
    let folds = Folds::stratified_k_fold(dataset, fold.of, fold.seed)?;
    Ok(folds.splits(dataset, fold.index)?)
}

/// Returns the settings with the study's directories for shared caches. Caching activations on disk
/// does not change results; other models and freezing settings use other directories.
fn shared(
    config: &FineTuningConfig,
    model: &Path,
    device: &str,
    directory: &TrialDirectory,
) -> FineTuningConfig {
    let mut config = config.clone();
    config
        .text
        .tokenizer_cache_dir
        .get_or_insert_with(|| directory.shared("tokens", &"tokens"));
    if config.activation_cache.location == CacheLocation::Memory {
        let text = &config.text.encoding;
        let key = json!([
            model.to_string_lossy(),
            device,
            text,
            config.model,
            config.train.freeze
        ]);
        config.activation_cache.location =
            CacheLocation::Disk(directory.shared("activations", &key));
    }
    config
}

/// Returns hashes of the labeled splits by name.
pub(crate) fn data_fingerprint(splits: &Splits) -> Value {
    let labeled = splits
        .iter()
        .filter(|(split, _)| *split != Split::Unlabeled);
    let hashes = labeled.map(|(split, rows)| (split.to_string(), rows.fingerprint().into()));
    Value::Object(hashes.collect())
}

/// Resumes a run, or begins it. A complete run stays as it is: the program was killed after its end.
pub(crate) fn finish<O: Objective>(
    run: PreparedRun<'_, O>,
    place: &Path,
    callback: &mut dyn Callback,
) -> Result<(), StudyError> {
    match run.resume(place, callback) {
        Err(TrainError::RunComplete { .. }) => Ok(()),
        ended => ended.map(drop).map_err(StudyError::from),
    }
}

/// Removes a directory that may not exist.
pub(crate) fn remove(directory: &Path) -> Result<(), StudyError> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StudyError::io(directory)(error))
        }
        _ => Ok(()),
    }
}
