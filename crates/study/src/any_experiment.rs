//! Experiments without the type of their settings, so that studies are compiled once for all of them.

use serde_json::{Map, Value};

use crate::config_overrides::{merged, read};
use crate::error::StudyError;
use crate::eval_split::EvalSplit;
use crate::experiment::{Experiment, TrialScores};
use crate::trial::{Fold, Trial};
use crate::trial_directory::TrialDirectory;
use finetune_train::Callback;

/// Object-safe [`Experiment`], whose settings are JSON.
pub(super) trait AnyExperiment: Sync {
    fn fingerprint(&self) -> Value;
    fn seed_setting(&self) -> Option<&str>;

    /// Returns full settings with the values of `part`; see [`merged`].
    fn merged(
        &self,
        whole: &Value,
        part: &Map<String, Value>,
        place: &str,
    ) -> Result<Value, StudyError>;

    /// Checks whether a trial can run and has scores on these rows. Returns their names if they are known
    /// in advance.
    fn check(
        &self,
        settings: &Value,
        fold: Option<Fold>,
        rows: EvalSplit,
        place: &str,
    ) -> Result<Option<Vec<String>>, StudyError>;

    fn run(
        &self,
        trial: &Trial,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError>;
}

impl<E: Experiment> AnyExperiment for E {
    fn fingerprint(&self) -> Value {
        Experiment::fingerprint(self)
    }

    fn seed_setting(&self) -> Option<&str> {
        Experiment::seed_setting(self)
    }

    fn merged(
        &self,
        whole: &Value,
        part: &Map<String, Value>,
        place: &str,
    ) -> Result<Value, StudyError> {
        merged::<E::Config>(whole, part, place).map(|(_, full)| full)
    }

    fn check(
        &self,
        settings: &Value,
        fold: Option<Fold>,
        rows: EvalSplit,
        place: &str,
    ) -> Result<Option<Vec<String>>, StudyError> {
        let config: E::Config = read(settings, place)?;
        let refused = |error| StudyError::config(place, error);
        Experiment::check(self, &config, fold).map_err(refused)?;
        self.check_rows(&config, fold, rows).map_err(refused)?;
        Ok(self.metrics(&config, rows))
    }

    fn run(
        &self,
        trial: &Trial,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, StudyError> {
        let config: E::Config = trial.config()?;
        Experiment::run(self, trial, &config, directory, callback)
            .map_err(|error| StudyError::Trial(Box::new(error)))
    }
}
