//! Fine-tuning after further pre-training as an experiment: effect of pre-training steps and texts
//! on a classifier ([Sun et al. 2019](https://arxiv.org/abs/1905.05583), section 5.4). The
//! pre-training predicts masked tokens, or the labels of one or several datasets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use finetune_data::{Dataset, Splits, TextTokenizer, concatenate_texts};
use finetune_eval::Scores;
use finetune_model::{load_masked_lm, save_masked_lm};
use finetune_train::{Callback, MultiTask, PreTraining, RunDirectory, RunReport, read_json};
use serde_json::{Value, json};

use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::{Experiment, TrialScores};
use crate::fine_tuning_experiment::{FineTuningExperiment, data_fingerprint, finish, scored};
use crate::pre_trained_config::{PreTrainedConfig, PreTrainingObjective};
use crate::trial::{Fold, Trial};
use crate::trial_directory::TrialDirectory;

/// Experiment whose trials fine-tune a checkpoint after a number of further pre-training steps.
///
/// The first trial that needs a pre-training run creates it, and all trials share its snapshots.
/// Every classifier begins with a new pooler and head, so that only the encoder carries over. For a
/// fair comparison, the checkpoint without further pre-training is processed in the same way: it is
/// loaded as a masked language model and saved.
#[derive(Debug)]
pub struct PreTrainedExperiment {
    fine_tuning: FineTuningExperiment,
    corpora: BTreeMap<String, Dataset>,
    labeled: BTreeMap<String, Splits>,
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
            labeled: BTreeMap::new(),
            defaults,
            fingerprint,
        }
    }

    /// Sets the labeled rows of corpora by their names, for supervised pre-training. If they have
    /// validation rows and the settings ask for evaluations, the scores are recorded.
    #[must_use]
    pub fn labeled(mut self, labeled: BTreeMap<String, Splits>) -> Self {
        let hashes: serde_json::Map<String, Value> = labeled
            .iter()
            .map(|(name, splits)| (name.clone(), data_fingerprint(splits)))
            .collect();
        self.fingerprint["labeled"] = hashes.into();
        self.labeled = labeled;
        self
    }

    /// Returns the named corpora out of `known`, in the order of the names.
    fn select<'a, T>(
        names: &'a [String],
        known: &'a BTreeMap<String, T>,
    ) -> Result<Vec<(&'a String, &'a T)>, StudyError> {
        let found = names.iter().map(|name| match known.get(name) {
            Some(rows) => Ok((name, rows)),
            None => {
                let known: Vec<&str> = known.keys().map(String::as_str).collect();
                let expected = format!("some of {}", known.join(", "));
                Err(StudyError::setting("corpora", name, expected))
            }
        });
        found.collect()
    }

    /// Returns everything the pre-training depends on.
    fn key(&self, config: &PreTrainedConfig) -> Value {
        let PreTrainedConfig { corpora, .. } = config;
        match config.objective {
            PreTrainingObjective::MaskedLm => {
                json!([self.fingerprint, corpora, config.pre_training])
            }
            PreTrainingObjective::Supervised => {
                json!([self.fingerprint, corpora, config.supervised_run()])
            }
        }
    }

    fn pre_train(
        &self,
        config: &PreTrainedConfig,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<RunDirectory, StudyError> {
        let (device, name) = self.fine_tuning.device();
        let model = self.fine_tuning.model();
        let tokens = || directory.shared("tokens", &"tokens");
        let made = directory.get_or_create("pre_training", &self.key(config), |place| {
            let place = place.join("run");
            match config.objective {
                PreTrainingObjective::MaskedLm => {
                    let texts = Self::select(&config.corpora, &self.corpora)?;
                    let texts = texts.into_iter().map(|(_, texts)| texts);
                    let mut settings = config.pre_training.clone();
                    settings.text.tokenizer_cache_dir.get_or_insert_with(tokens);
                    let run = PreTraining::new(model, concatenate_texts(texts)).config(settings);
                    finish(
                        run.open_device(device.clone(), name).prepare()?,
                        &place,
                        callback,
                    )
                }
                PreTrainingObjective::Supervised => {
                    let mut settings = config.supervised_run();
                    settings.text.tokenizer_cache_dir.get_or_insert_with(tokens);
                    let data = Self::select(&config.corpora, &self.labeled)?;
                    let data = data
                        .into_iter()
                        .map(|(name, rows)| (name.clone(), scored(rows.clone())));
                    let run = MultiTask::new(model).config(settings).data(data.collect());
                    finish(
                        run.open_device(device.clone(), name).prepare()?,
                        &place,
                        callback,
                    )
                }
            }
        })?;
        Ok(RunDirectory::new(&made.join("run")))
    }

    /// Returns the directory of the checkpoint without further pre-training, saved like the others.
    fn untouched(
        &self,
        config: &PreTrainedConfig,
        directory: &TrialDirectory,
    ) -> Result<PathBuf, StudyError> {
        let source = self.fine_tuning.model();
        let seed = config.pre_training.train.seed;
        let key = json!([self.fine_tuning.fingerprint(), seed]);
        directory.get_or_create("checkpoint", &key, |place| {
            let (device, _) = self.fine_tuning.device();
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

    fn check_rows(
        &self,
        config: &PreTrainedConfig,
        fold: Option<Fold>,
        rows: EvalSplit,
    ) -> Result<(), StudyError> {
        self.fine_tuning.check_rows(&config.fine_tuning, fold, rows)
    }

    fn metrics(&self, config: &PreTrainedConfig, rows: EvalSplit) -> Option<Vec<String>> {
        self.fine_tuning.metrics(&config.fine_tuning, rows)
    }

    fn check(&self, config: &PreTrainedConfig, fold: Option<Fold>) -> Result<(), StudyError> {
        config.pre_training.validate()?;
        self.fine_tuning.check(&config.fine_tuning, fold)?;
        Self::select(&config.corpora, &self.corpora)?;
        if config.pre_trains() && config.objective == PreTrainingObjective::Supervised {
            Self::select(&config.corpora, &self.labeled)?;
            config.supervised_run().validate()?;
        }
        let kept = config.kept_steps();
        let valid = !config.pre_trains() || kept.contains(&config.steps);
        let expected = format!("0 or a snapshot of the pre-training, of {kept:?}");
        StudyError::check(valid, "steps", config.steps, expected)
    }

    fn run(
        &self,
        trial: &Trial,
        config: &PreTrainedConfig,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        // Trials of later steps need the same run; its scores before the first step are those of
        // the checkpoint.
        let run = match config.corpora.is_empty() || config.kept_steps().is_empty() {
            true => None,
            false => Some(self.pre_train(config, directory, &mut *callback)?),
        };
        let model = match &run {
            Some(run) if config.steps > 0 => model_after(run, config),
            _ => self.untouched(config, directory)?,
        };
        let mut settings = config.fine_tuning.clone();
        settings.model.new_head |= config.objective == PreTrainingObjective::Supervised;
        let mut scores = self
            .fine_tuning
            .fine_tune_from(&model, &settings, trial.fold, directory, callback)?;
        if let Some(run) = run {
            scores.extra.extend(scores_after(&run, config.steps)?);
        }
        Ok(scores)
    }
}

/// Returns the directory of the model after the configured steps; of a supervised run, that of any
/// task: all have the same encoder.
fn model_after(run: &RunDirectory, config: &PreTrainedConfig) -> PathBuf {
    let snapshots = &config.train().checkpoints.snapshot_steps;
    let model = match snapshots.contains(&config.steps) {
        true => run.snapshot(config.steps),
        false => run.model(),
    };
    match (config.objective, config.corpora.first()) {
        (PreTrainingObjective::Supervised, Some(corpus)) => model.join(corpus),
        _ => model,
    }
}

/// Returns the scores of the pre-training on held-out rows after `steps`, if they were evaluated:
/// perplexity and accuracy of masked tokens, or the accuracy on each corpus.
fn scores_after(run: &RunDirectory, steps: usize) -> Result<BTreeMap<String, f64>, StudyError> {
    let report: RunReport = read_json(&run.report())?;
    let mut evaluations = report.train.evaluations.iter();
    let Some(record) = evaluations.find(|record| record.step == steps as u64) else {
        return Ok(BTreeMap::new());
    };
    let score = |scores: &Scores, metric: &str, name: String| {
        scores.get(metric).map(|score| (name, *score))
    };
    let perplexity = score(&record.scores, "perplexity", "perplexity".to_string());
    let masked = score(&record.scores, "accuracy", "masked accuracy".to_string());
    let tasks = record.tasks.iter();
    let tasks =
        tasks.filter_map(|(task, scores)| score(scores, "accuracy", format!("{task} accuracy")));
    Ok(perplexity.into_iter().chain(masked).chain(tasks).collect())
}
