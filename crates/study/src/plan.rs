//! A study and all its trials.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::StudyConfig;
use crate::error::StudyError;
use crate::experiment::Experiment;
use crate::resolver::Resolver;
use crate::trial::{Candidate, Trial};

/// A study whose every trial is known: what it is called, its number and all its settings.
///
/// See [`Experiment`] for an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Study<C> {
    config: StudyConfig,
    candidates: Vec<Candidate>,
    trials: Vec<Trial<C>>,
    record: StudyRecord,
}

/// A study as a folder keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StudyRecord {
    /// What the experiment says of itself.
    pub(super) fingerprint: Value,
    /// The file.
    pub(super) study: StudyConfig,
    /// Every setting that no variant or parameter changes.
    pub(super) base: Value,
}

impl<C: Serialize + DeserializeOwned> Study<C> {
    /// Resolves every trial of a study and checks its settings.
    ///
    /// # Errors
    /// [`StudyError`] names what is wrong with the file, a setting or a trial.
    pub fn new<E: Experiment<Config = C>>(
        config: StudyConfig,
        experiment: &E,
    ) -> Result<Self, StudyError> {
        config.validate()?;
        let resolver = Resolver {
            config: &config,
            experiment,
        };
        let base = resolver.base()?;
        let candidates = resolver.candidates(&base)?;
        let trials = resolver.trials(&candidates)?;
        Ok(Self {
            record: StudyRecord {
                fingerprint: experiment.fingerprint(),
                study: config.clone(),
                base,
            },
            config,
            candidates: candidates
                .into_iter()
                .map(|point| point.candidate)
                .collect(),
            trials,
        })
    }
}

impl<C> Study<C> {
    /// The file.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// The points that are tried.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Every trial there can be, by number. Of a study that halves, those of a later rung are run
    /// only if their candidate gets there.
    pub fn trials(&self) -> &[Trial<C>] {
        &self.trials
    }

    /// The trial of a number.
    ///
    /// # Errors
    /// [`StudyError::UnknownTrial`].
    pub fn trial(&self, index: usize) -> Result<&Trial<C>, StudyError> {
        let trials = self.trials.len();
        let trial = self.trials.get(index);
        trial.ok_or(StudyError::UnknownTrial { index, trials })
    }

    /// A trial for people: its candidate, seed and fold, and its rung if there are several.
    pub fn label(&self, trial: &Trial<C>) -> String {
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

    /// A candidate for people; the study's name if it is the only one.
    pub fn candidate_label(&self, candidate: usize) -> String {
        let label = self.candidates[candidate].label();
        if label.is_empty() {
            return self.config.name.clone();
        }
        // Numbers are shown with few digits.
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
