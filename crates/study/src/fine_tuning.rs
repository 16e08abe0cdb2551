//! Fine-tuning as an experiment.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use finetune_data::{Dataset, Folds, Split, Splits};
use finetune_eval::Metric;
use finetune_train::{
    ActivationPlace, FineTuning, FineTuningConfig, Observer, RunDirectory, TrainError, metrics_of,
};
use serde_json::{Value, json};

use crate::error::StudyError;
use crate::experiment::{Experiment, TrialScores};
use crate::measured_on::MeasuredOn;
use crate::model_fingerprint::model_fingerprint;
use crate::run_scores::{scores_of_run, test_metrics};
use crate::trial::{Fold, Trial};
use crate::trial_folder::TrialFolder;

/// Trials are [`FineTuning`] runs on one checkpoint and one data set.
///
/// What they share is made once, in the study's `shared/` folder: token ids, and the activations of
/// a frozen part. Of a trial the run directory stays, without checkpoints and, unless
/// [`Self::keeps_models`], without the trained model.
#[derive(Debug)]
pub struct FineTuningExperiment {
    model: PathBuf,
    splits: Splits,
    device: Device,
    device_name: String,
    defaults: FineTuningConfig,
    validation: Option<(f64, u64)>,
    keeps_models: bool,
    fingerprint: Value,
}

impl FineTuningExperiment {
    /// An experiment on the checkpoint in a folder. `device_name` is what reports call the device.
    ///
    /// # Errors
    /// [`StudyError::Io`] for a checkpoint that cannot be read.
    pub fn new(
        model: &Path,
        splits: Splits,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, StudyError> {
        let data: serde_json::Map<String, Value> = splits
            .iter()
            .filter(|(split, _)| *split != Split::Unlabelled)
            .map(|(split, rows)| (split.to_string(), rows.fingerprint().into()))
            .collect();
        Ok(Self {
            fingerprint: json!({
                "model": model_fingerprint(model)?,
                "data": data,
                "device": device_name,
            }),
            // A run goes on only with the paths that it began with.
            model: std::fs::canonicalize(model).map_err(StudyError::io(model))?,
            splits,
            device: device.clone(),
            device_name: device_name.to_string(),
            defaults: FineTuningConfig::default(),
            validation: None,
            keeps_models: false,
        })
    }

    /// The settings that a study starts from, in place of the defaults of the library.
    #[must_use]
    pub fn defaults(mut self, defaults: FineTuningConfig) -> Self {
        self.defaults = defaults;
        self
    }

    /// Holds out a share of the training rows, of each fold by itself, for validation.
    #[must_use]
    pub fn validation_share(mut self, share: f64, seed: u64) -> Self {
        self.validation = Some((share, seed));
        self.fingerprint["validation"] = json!({ "share": share, "seed": seed });
        self
    }

    /// Whether the trained model of each trial stays in its folder.
    #[must_use]
    pub fn keeps_models(mut self, keeps_models: bool) -> Self {
        self.keeps_models = keeps_models;
        self
    }

    /// The rows of a trial.
    fn splits(&self, fold: Option<Fold>) -> Result<Splits, StudyError> {
        let splits = match fold {
            None => self.splits.clone(),
            Some(fold) => fold_of(&self.splits.train, fold)?,
        };
        match self.validation {
            Some((share, seed)) => Ok(splits.hold_out_validation(share, seed)?),
            None => Ok(splits),
        }
    }

    /// One run, and what came of it: a trial's, for experiments of which this is a part.
    ///
    /// # Errors
    /// As [`FineTuning`].
    pub fn fine_tune(
        &self,
        config: &FineTuningConfig,
        fold: Option<Fold>,
        folder: &TrialFolder,
        observer: &mut dyn Observer,
    ) -> Result<TrialScores, StudyError> {
        self.fine_tune_from(&self.model, config, fold, folder, observer)
    }

    /// The same from another checkpoint.
    pub(super) fn fine_tune_from(
        &self,
        model: &Path,
        config: &FineTuningConfig,
        fold: Option<Fold>,
        folder: &TrialFolder,
        observer: &mut dyn Observer,
    ) -> Result<TrialScores, StudyError> {
        let directory = RunDirectory::new(&folder.run());
        let config = shared(config, model, &self.device_name, folder);
        let splits = self.splits(fold)?;
        let run = FineTuning::prepare(model, splits, config, &self.device, &self.device_name)?;
        match run.resume(directory.path(), observer) {
            // A program was killed between the run's end and the trial's.
            Err(TrainError::RunComplete { .. }) => {}
            ended => drop(ended?),
        }
        let scores = scores_of_run(&directory)?;
        remove(&directory.path().join("checkpoints"))?;
        if !self.keeps_models {
            remove(&directory.model())?;
        }
        Ok(scores)
    }

    /// Where it computes, and what reports call that.
    pub(super) fn device(&self) -> (&Device, &str) {
        (&self.device, &self.device_name)
    }

    /// The checkpoint's folder.
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
        let rows = self.splits.train.len();
        match fold.filter(|fold| fold.of > rows) {
            Some(fold) => {
                let expected = format!("at most the {rows} training rows");
                Err(StudyError::setting("folds", fold.of, expected))
            }
            None => Ok(config.validate()?),
        }
    }

    fn metrics(&self, config: &FineTuningConfig, rows: MeasuredOn) -> Option<Vec<Metric>> {
        let target = &self.splits.train.task.target;
        let has_rows = self.validation.is_some() || self.splits.validation.is_some();
        Some(match rows {
            MeasuredOn::Test => test_metrics(target),
            MeasuredOn::Validation if has_rows && config.train.evaluation.is_some() => {
                metrics_of(target).to_vec()
            }
            MeasuredOn::Validation => Vec::new(),
        })
    }

    fn run(
        &self,
        trial: &Trial<FineTuningConfig>,
        folder: &TrialFolder,
        observer: &mut dyn Observer,
    ) -> Result<TrialScores, StudyError> {
        self.fine_tune(&trial.config, trial.fold, folder, observer)
    }
}

/// A fold as test rows.
fn fold_of(dataset: &Dataset, fold: Fold) -> Result<Splits, StudyError> {
    let folds = Folds::stratified(dataset, fold.of, fold.seed)?;
    Ok(folds.splits(dataset, fold.index)?)
}

/// The settings with the study's folders for what can be shared. Kept on disk, activations change
/// no bit; those of other models and cuts go into other folders.
fn shared(
    config: &FineTuningConfig,
    model: &Path,
    device: &str,
    folder: &TrialFolder,
) -> FineTuningConfig {
    let mut config = config.clone();
    config
        .text
        .token_cache
        .get_or_insert_with(|| folder.shared("tokens", &"tokens"));
    if config.activations.place == ActivationPlace::Memory {
        let text = &config.text.encoding;
        let key = json!([model, device, text, config.model, config.train.freeze]);
        config.activations.place = ActivationPlace::Disk(folder.shared("activations", &key));
    }
    config
}

fn remove(folder: &Path) -> Result<(), StudyError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StudyError::io(folder)(error))
        }
        _ => Ok(()),
    }
}
