//! Study with all of its trials.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::any_experiment::AnyExperiment;
use crate::config::StudyConfig;
use crate::error::StudyError;
use crate::experiment::Experiment;
use crate::resolver::Resolver;
use crate::trial::{Candidate, Trial};

/// Study with its candidates and trials, each trial with its number and full settings.
///
/// See [`Experiment`] for an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    config: StudyConfig,
    candidates: Vec<Candidate>,
    /// Settings by candidate, before seeds and halving apply.
    settings: Vec<Value>,
    trials: Vec<Trial>,
    record: StudyRecord,
}

/// Study as stored in `study.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StudyRecord {
    /// Fingerprint of the experiment.
    pub(super) fingerprint: Value,
    /// Configuration of the study.
    pub(super) study: StudyConfig,
    /// Base settings, shared by all candidates before variants and parameters apply.
    pub(super) base: Value,
}

impl Study {
    /// Resolves every trial of a study and checks its settings.
    ///
    /// # Errors
    /// [`StudyError`] if the configuration, a setting or a trial is invalid.
    pub fn new<E: Experiment>(config: StudyConfig, experiment: &E) -> Result<Self, StudyError> {
        Self::with_defaults(config, experiment, &experiment.defaults())
    }

    /// Resolves a study like [`Self::new`], with defaults other than those of the experiment.
    ///
    /// # Errors
    /// See [`Self::new`].
    pub fn with_defaults<E: Experiment>(
        config: StudyConfig,
        experiment: &E,
        defaults: &E::Config,
    ) -> Result<Self, StudyError> {
        let defaults = serde_json::to_value(defaults);
        let defaults = defaults.map_err(|error| StudyError::config("the defaults", error))?;
        Self::resolved(config, experiment, &defaults)
    }

    fn resolved(
        config: StudyConfig,
        experiment: &dyn AnyExperiment,
        defaults: &Value,
    ) -> Result<Self, StudyError> {
        config.validate()?;
        let resolver = Resolver {
            config: &config,
            experiment,
        };
        let base = resolver.base(defaults)?;
        let candidates = resolver.candidates(&base)?;
        let trials = resolver.trials(&candidates)?;
        Ok(Self {
            record: StudyRecord {
                fingerprint: experiment.fingerprint(),
                study: config.clone(),
                base,
            },
            config,
            trials,
            settings: candidates
                .iter()
                .map(|point| point.settings.clone())
                .collect(),
            candidates: candidates
                .into_iter()
                .map(|point| point.candidate)
                .collect(),
        })
    }
}

impl Study {
    /// Configuration of the study.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// Returns the candidates.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Returns the settings of a candidate, which its trials share except for the seed and the
    /// resource of successive halving; `None` if `candidate` is out of range.
    pub fn candidate_settings(&self, candidate: usize) -> Option<&Value> {
        self.settings.get(candidate)
    }

    /// Returns the settings that all candidates share, before variants and parameters apply.
    pub fn base_settings(&self) -> &Value {
        &self.record.base
    }

    /// Returns all possible trials, by number. With successive halving, trials of a later rung run
    /// only if their candidate is promoted to it.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Returns the trial with the given number.
    ///
    /// # Errors
    /// [`StudyError::UnknownTrial`] if `index` is out of range.
    pub fn trial(&self, index: usize) -> Result<&Trial, StudyError> {
        let trials = self.trials.len();
        let trial = self.trials.get(index);
        trial.ok_or(StudyError::UnknownTrial { index, trials })
    }

    /// Returns a readable label of a trial: candidate, seed and fold, and with successive halving
    /// the resource of its rung.
    pub fn label(&self, trial: &Trial) -> String {
        let label = trial.label(&self.candidates[trial.candidate]);
        let label = if label.is_empty() {
            self.config.name.clone()
        } else {
            label
        };
        match &self.config.halving {
            Some(halving) => {
                format!("{label}, {} {}", halving.name(), halving.budget(trial.rung))
            }
            None => label,
        }
    }

    /// Returns a readable label of a candidate; the study's name if the label would be empty.
    pub fn candidate_label(&self, candidate: usize) -> String {
        let label = self.candidates[candidate].label();
        if label.is_empty() {
            return self.config.name.clone();
        }
        // Labels round numbers, so two candidates can have the same label.
        let same = self
            .candidates
            .iter()
            .filter(|other| other.label() == label);
        match same.count() {
            1 => label,
            _ => format!("{label} (candidate {candidate})"),
        }
    }

    pub(super) fn record(&self) -> &StudyRecord {
        &self.record
    }
}
