//! The trait [`Experiment`] and the scores of a trial.

use std::collections::BTreeMap;
use std::error::Error;

use finetune_eval::Scores;
use finetune_train::Callback;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::eval_split::EvalSplit;
use crate::trial::{Fold, Trial};
use crate::trial_directory::TrialDirectory;

/// Experiment that the trials of a study run.
///
/// A trial must be a pure function of its settings, its fold and [`Experiment::fingerprint`]: its
/// scores may not depend on the machine, the program or earlier runs.
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
///         trial: &Trial,
///         coin: &Coin,
///         _: &TrialDirectory,
///         _: &mut dyn Callback,
///     ) -> Result<TrialScores, Infallible> {
///         let score = coin.weight + (coin.seed % 3) as f64;
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
    /// Settings of a trial.
    type Config: Serialize + DeserializeOwned + Send + Sync;

    /// Error of a failed trial.
    type Error: Error + Send + Sync + 'static;

    /// Returns the default settings that a study starts from.
    fn defaults(&self) -> Self::Config;

    /// Returns whatever scores depend on in addition to the settings, such as hashes of the data
    /// and of the model. A study directory belongs to one fingerprint.
    fn fingerprint(&self) -> Value;

    /// Returns the path of the seed setting; `None` for a deterministic experiment.
    fn seed_setting(&self) -> Option<&str>;

    /// Checks whether a trial can run with these settings on this fold. All trials are checked
    /// before the first one runs.
    ///
    /// # Errors
    /// If the trial cannot run.
    fn check(&self, _config: &Self::Config, _fold: Option<Fold>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Checks whether a trial with these settings on this fold has scores on these rows. All trials
    /// are checked before the first one runs.
    ///
    /// # Errors
    /// If it has none: there are no such rows, their labels are unpublished, or they are not
    /// evaluated.
    fn check_rows(
        &self,
        _config: &Self::Config,
        _fold: Option<Fold>,
        _rows: EvalSplit,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Returns the metrics that a trial with these settings computes on these rows, if they are
    /// known in advance. A study with any other metric is then rejected before the first trial
    /// runs.
    fn metrics(&self, _config: &Self::Config, _rows: EvalSplit) -> Option<Vec<String>> {
        None
    }

    /// Runs a trial with its settings, or resumes an interrupted one. Its files belong in the trial's directory, and
    /// files that other trials can reuse in the shared one.
    ///
    /// # Errors
    /// If the trial fails. The study continues.
    fn run(
        &self,
        trial: &Trial,
        config: &Self::Config,
        directory: &TrialDirectory,
        callback: &mut dyn Callback,
    ) -> Result<TrialScores, Self::Error>;
}

/// Scores of a trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrialScores {
    /// Scores on the test rows.
    pub test: Scores,
    /// Scores of the selected model on the validation rows; empty without such rows.
    pub validation: Scores,
    /// Other numbers by name, shown as table columns, such as the epochs to the best model.
    pub extra: BTreeMap<String, f64>,
    /// Points `(x, y)` of curves by name, such as the training loss by epoch.
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
}

impl TrialScores {
    /// Creates scores with one metric on the test rows.
    pub fn test(metric: impl Into<String>, score: f64) -> Self {
        Self {
            test: [(metric.into(), score)].into(),
            ..Self::default()
        }
    }

    /// Returns the scores on the given rows.
    pub fn on(&self, rows: EvalSplit) -> &Scores {
        match rows {
            EvalSplit::Test => &self.test,
            EvalSplit::Validation => &self.validation,
        }
    }
}
