//! What a trial does, and what comes of it.

use std::collections::BTreeMap;
use std::error::Error;

use finetune_eval::Scores;
use finetune_train::Callback;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::eval_split::EvalSplit;
use crate::trial::{Fold, Trial};
use crate::trial_folder::TrialDirectory;

/// What a trial is a run of.
///
/// A trial is a pure function of its settings, its fold and what [`Experiment::fingerprint`] tells:
/// whoever runs it, wherever and after whatever, the scores are the same.
///
/// ```
/// use std::convert::Infallible;
///
/// use finetune_study::{Experiment, Study, StudyConfig, Trial, TrialDirectory, TrialScores};
/// use finetune_train::Callback;
/// use serde::{Deserialize, Serialize};
/// use serde_json::{Value, json};
///
/// #[derive(Clone, Default, Serialize, Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Coin {
///     weight: f64,
///     seed: u64,
/// }
///
/// struct Toss;
///
/// impl Experiment for Toss {
///     type Config = Coin;
///     type Error = Infallible;
///
///     fn defaults(&self) -> Coin {
///         Coin::default()
///     }
///
///     fn fingerprint(&self) -> Value {
///         json!({ "coin": "a penny" })
///     }
///
///     fn seed_setting(&self) -> Option<&str> {
///         Some("seed")
///     }
///
///     fn run(
///         &self,
///         trial: &Trial<Coin>,
///         _: &TrialDirectory,
///         _: &mut dyn Callback,
///     ) -> Result<TrialScores, Infallible> {
///         let score = trial.config.weight + (trial.config.seed % 3) as f64;
///         Ok(TrialScores::test("accuracy", score))
///     }
/// }
///
/// let config = StudyConfig::from_toml(
///     "name = 'coins'\nseeds = 3\nparameters = [{ path = 'weight', values = [0.5, 0.75] }]",
/// )?;
/// let study = Study::new(config, &Toss)?;
/// assert_eq!(study.trials().len(), 6);
/// # Ok::<(), finetune_study::StudyError>(())
/// ```
pub trait Experiment: Sync {
    /// All settings of a trial.
    type Config: Serialize + DeserializeOwned + Send + Sync;

    /// Why a trial fails.
    type Error: Error + Send + Sync + 'static;

    /// The settings that a study starts from.
    fn defaults(&self) -> Self::Config;

    /// What scores depend on beside the settings, such as hashes of the data and of the model. A
    /// study folder is for one fingerprint.
    fn fingerprint(&self) -> Value;

    /// The setting of the seed; nothing for an experiment in which nothing is random.
    fn seed_setting(&self) -> Option<&str>;

    /// Whether a trial could be run with these settings, on this fold. All are asked before the
    /// first is run.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self, _config: &Self::Config, _fold: Option<Fold>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The metrics that a trial with these settings has on these rows, so that a study by another
    /// one is refused before the first is run. Nothing if they are not known beforehand.
    fn metrics(&self, _config: &Self::Config, _rows: EvalSplit) -> Option<Vec<String>> {
        None
    }

    /// Runs a trial, or goes on with one that was stopped. What it leaves behind goes into the
    /// trial's folder, what others can use into the shared one.
    ///
    /// # Errors
    /// Whatever ends the trial. The study goes on.
    fn run(
        &self,
        trial: &Trial<Self::Config>,
        folder: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, Self::Error>;
}

/// What came of a trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrialScores {
    /// On the test rows.
    pub test: Scores,
    /// On the validation rows, of the model that was kept; empty without such rows.
    pub validation: Scores,
    /// Whatever else is worth a column, by its name, such as the epochs to the best model.
    pub extra: BTreeMap<String, f64>,
    /// Points of curves by their name, such as the training loss by epoch.
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
}

impl TrialScores {
    /// One score on the test rows.
    pub fn test(metric: impl Into<String>, score: f64) -> Self {
        Self {
            test: [(metric.into(), score)].into(),
            ..Self::default()
        }
    }

    /// The scores on the rows that a study measures on.
    pub fn on(&self, rows: EvalSplit) -> &Scores {
        match rows {
            EvalSplit::Test => &self.test,
            EvalSplit::Validation => &self.validation,
        }
    }
}
