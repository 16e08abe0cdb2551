//! Fine-tuning after further pre-training as an experiment: what do steps on which texts do for a
//! classifier? ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4)

use std::collections::BTreeMap;
use std::path::PathBuf;

use finetune_data::{Dataset, TextTokenizer};
use finetune_model::{load_masked_lm, save_masked_lm};
use finetune_train::{
    Callback, FineTuningConfig, InitialModel, PreTraining, PreTrainingConfig, PreTrainingReport,
    RunDirectory, TrainDuration, TrainError, read_json,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::{Experiment, TrialScores};
use crate::fine_tuning::FineTuningExperiment;
use crate::trial::{Fold, Trial};
use crate::trial_folder::TrialDirectory;

/// Settings of a trial: how the encoder is pre-trained further, when, and then the fine-tuning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreTrainedConfig {
    /// The texts to pre-train on, by the names that the experiment has them under; without any the
    /// checkpoint is as it was.
    pub corpora: Vec<String>,
    /// Steps of pre-training before the fine-tuning: 0, one of the snapshots, or the whole length.
    pub steps: usize,
    /// The pre-training, one run for all trials that differ in the rest only.
    pub pre_training: PreTrainingConfig,
    /// The fine-tuning.
    pub fine_tuning: FineTuningConfig,
}

impl PreTrainedConfig {
    /// Whether the encoder is pre-trained at all.
    fn pre_trains(&self) -> bool {
        self.steps > 0 && !self.corpora.is_empty()
    }
}

/// Trials are fine-tuning runs on what a checkpoint is after some steps of pre-training.
///
/// A pre-training run is made once, by the first trial that needs it, and every snapshot of it is
/// there for all. So that classifiers differ in nothing else, the checkpoint as it was takes the
/// same way: loaded as a model for masked words, and saved.
#[derive(Debug)]
pub struct PreTrainedExperiment {
    fine_tuning: FineTuningExperiment,
    corpora: BTreeMap<String, Dataset>,
    defaults: PreTrainedConfig,
    fingerprint: Value,
}

impl PreTrainedExperiment {
    /// An experiment with these texts to choose from; the fine-tuning's settings are the defaults'.
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

    /// The texts of a trial.
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

    /// What the pre-training depends on.
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
            let start = InitialModel::Checkpoint(self.fine_tuning.model());
            let run = PreTraining::prepare(start, texts, settings, device, name)?;
            match run.resume(&place.join("run"), callback) {
                Err(TrainError::RunComplete { .. }) => Ok(()),
                ended => ended.map(drop).map_err(StudyError::from),
            }
        })?;
        Ok(RunDirectory::new(&made.join("run")))
    }

    /// The checkpoint as it is, in the form of the others.
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
        match config.pre_trains() && !saved.contains(&config.steps) {
            true => {
                let expected = format!("0 or a snapshot of the pre-training, of {saved:?}");
                Err(StudyError::setting("steps", config.steps, expected))
            }
            false => Ok(()),
        }
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

/// On the texts held out, if any were.
fn perplexity_after(run: &RunDirectory, steps: usize) -> Result<Option<f64>, StudyError> {
    let report: PreTrainingReport = read_json(&run.report())?;
    let mut evaluations = report.train.evaluations.iter();
    let record = evaluations.find(|record| record.step == steps as u64);
    Ok(record.and_then(|record| record.scores.get("perplexity").copied()))
}
