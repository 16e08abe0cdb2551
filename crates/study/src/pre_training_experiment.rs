//! Fine-tuning after further pre-training as an experiment: effect of pre-training steps and texts
//! on a classifier ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4).

use std::collections::BTreeMap;
use std::path::PathBuf;

use finetune_data::{Dataset, TextTokenizer};
use finetune_model::{load_masked_lm, save_masked_lm};
use finetune_train::{
    Callback, FineTuningConfig, PreTraining, PreTrainingConfig, RunDirectory, RunReport,
    TrainDuration, TrainError, read_json,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::{Experiment, TrialScores};
use crate::fine_tuning_experiment::FineTuningExperiment;
use crate::trial::{Fold, Trial};
use crate::trial_directory::TrialDirectory;

/// Settings of a trial: further pre-training, the number of its steps, and fine-tuning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreTrainedConfig {
    /// Names of the experiment's corpora to pre-train on; empty for no further pre-training.
    pub corpora: Vec<String>,
    /// Pre-training steps before the fine-tuning: 0, the step of a snapshot, or the full length.
    pub steps: usize,
    /// Pre-training settings; trials that differ only in other settings share one pre-training run.
    pub pre_training: PreTrainingConfig,
    /// Fine-tuning settings.
    pub fine_tuning: FineTuningConfig,
}

impl PreTrainedConfig {
    /// Returns whether the encoder is pre-trained further.
    fn pre_trains(&self) -> bool {
        self.steps > 0 && !self.corpora.is_empty()
    }
}

/// Experiment whose trials fine-tune a checkpoint after a number of further pre-training steps.
///
/// The first trial that needs a pre-training run creates it, and all trials share its snapshots.
/// For a fair comparison, the checkpoint without further pre-training is processed in the same way:
/// it is loaded as a masked language model and saved.
#[derive(Debug)]
pub struct PreTrainedExperiment {
    fine_tuning: FineTuningExperiment,
    corpora: BTreeMap<String, Dataset>,
    defaults: PreTrainedConfig,
    fingerprint: Value,
}

impl PreTrainedExperiment {
    /// Creates an experiment with the given corpora. The default fine-tuning settings are those in
    /// `defaults`.
    pub fn new(
        fine_tuning: FineTuningExperiment,
        corpora: BTreeMap<String, Dataset>,
        defaults: PreTrainedConfig,
    ) -> Self {
        let hashes: serde_json::Map<String, Value> = corpora
            .iter()
            .map(|(name, texts)| (name.clone(), texts.fingerprint().into()))
            .collect();
        let mut fingerprint = fine_tuning.fingerprint();
        fingerprint["corpora"] = hashes.into();
        Self {
            fine_tuning,
            corpora,
            defaults,
            fingerprint,
        }
    }

    /// Returns the concatenated texts of the named corpora.
    fn corpus(&self, names: &[String]) -> Result<Dataset, StudyError> {
        let found = names.iter().map(|name| {
            self.corpora.get(name).ok_or_else(|| {
                let known: Vec<&str> = self.corpora.keys().map(String::as_str).collect();
                let expected = format!("some of {}", known.join(", "));
                StudyError::setting("corpora", name, expected)
            })
        });
        let found: Vec<&Dataset> = found.collect::<Result<_, _>>()?;
        Ok(finetune_data::concatenate_texts(found))
    }

    /// Returns everything the pre-training depends on.
    fn key(&self, config: &PreTrainedConfig) -> Value {
        match config.pre_trains() {
            true => json!([self.fingerprint, config.corpora, config.pre_training]),
            false => json!([self.fingerprint, config.pre_training.train.seed]),
        }
    }

    fn pre_train(
        &self,
        config: &PreTrainedConfig,
        folder: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<RunDirectory, StudyError> {
        let made = folder.get_or_create("pre_training", &self.key(config), |place| {
            let texts = self.corpus(&config.corpora)?;
            let mut settings = config.pre_training.clone();
            let tokens = || folder.shared("tokens", &"tokens");
            settings.text.tokenizer_cache_dir.get_or_insert_with(tokens);
            let (device, name) = self.fine_tuning.device();
            let run = PreTraining::new(self.fine_tuning.model(), texts)
                .config(settings)
                .open_device(device.clone(), name)
                .prepare()?;
            match run.resume(&place.join("run"), callback) {
                Err(TrainError::RunComplete { .. }) => Ok(()),
                ended => ended.map(drop).map_err(StudyError::from),
            }
        })?;
        Ok(RunDirectory::new(&made.join("run")))
    }

    /// Returns the directory of the checkpoint without further pre-training, saved like the others.
    fn untouched(
        &self,
        config: &PreTrainedConfig,
        folder: &TrialDirectory,
    ) -> Result<PathBuf, StudyError> {
        let source = self.fine_tuning.model();
        folder.get_or_create("checkpoint", &self.key(config), |place| {
            let (device, _) = self.fine_tuning.device();
            let seed = config.pre_training.train.seed;
            let (model, checkpoint, _) = load_masked_lm(source, seed, device)?;
            save_masked_lm(place, &model, &checkpoint)?;
            Ok::<(), StudyError>(TextTokenizer::from_pretrained(source)?.save(place)?)
        })
    }
}

impl Experiment for PreTrainedExperiment {
    type Config = PreTrainedConfig;
    type Error = StudyError;

    fn defaults(&self) -> PreTrainedConfig {
        self.defaults.clone()
    }

    fn fingerprint(&self) -> Value {
        self.fingerprint.clone()
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("fine_tuning.train.seed")
    }

    fn metrics(&self, config: &PreTrainedConfig, rows: EvalSplit) -> Option<Vec<String>> {
        self.fine_tuning.metrics(&config.fine_tuning, rows)
    }

    fn check(&self, config: &PreTrainedConfig, fold: Option<Fold>) -> Result<(), StudyError> {
        config.pre_training.validate()?;
        self.fine_tuning.check(&config.fine_tuning, fold)?;
        self.corpus(&config.corpora)?;
        let train = &config.pre_training.train;
        let mut saved = train.checkpoints.snapshot_steps.clone();
        if let TrainDuration::Steps(steps) = train.duration {
            saved.push(steps);
        }
        let valid = !config.pre_trains() || saved.contains(&config.steps);
        let expected = format!("0 or a snapshot of the pre-training, of {saved:?}");
        StudyError::check(valid, "steps", config.steps, expected)
    }

    fn run(
        &self,
        trial: &Trial<PreTrainedConfig>,
        folder: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        let config = &trial.config;
        let (model, perplexity) = match config.pre_trains() {
            false => (self.untouched(config, folder)?, None),
            true => {
                let run = self.pre_train(config, folder, &mut *callback)?;
                (
                    model_after(&run, config),
                    perplexity_after(&run, config.steps)?,
                )
            }
        };
        let (settings, fold) = (&config.fine_tuning, trial.fold);
        let mut scores = self
            .fine_tuning
            .fine_tune_from(&model, settings, fold, folder, callback)?;
        if let Some(perplexity) = perplexity {
            scores.extra.insert("perplexity".to_string(), perplexity);
        }
        Ok(scores)
    }
}

fn model_after(run: &RunDirectory, config: &PreTrainedConfig) -> PathBuf {
    let snapshots = &config.pre_training.train.checkpoints.snapshot_steps;
    match snapshots.contains(&config.steps) {
        true => run.snapshot(config.steps),
        false => run.model(),
    }
}

/// Returns the perplexity on the held-out texts after `steps`, if it was evaluated.
fn perplexity_after(run: &RunDirectory, steps: usize) -> Result<Option<f64>, StudyError> {
    let report: RunReport = read_json(&run.report())?;
    let mut evaluations = report.train.evaluations.iter();
    let record = evaluations.find(|record| record.step == steps as u64);
    Ok(record.and_then(|record| record.scores.get("perplexity").copied()))
}
