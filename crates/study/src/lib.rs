//! Studies: many trials of one experiment, configured in a file and evaluated with tables and
//! statistical tests.
//!
//! 1. A [`StudyConfig`], usually read from a file, defines variants, parameters, seeds and folds.
//! 2. [`Study::new`] resolves it into [`Trial`]s with full settings for an [`Experiment`]:
//!    [`FineTuningExperiment`], [`CheckpointsExperiment`], [`PreTrainedExperiment`],
//!    [`MultiTaskExperiment`], or your own.
//! 3. A [`StudyRunner`] runs the pending trials in a [`StudyDirectory`], which several programs may
//!    share.
//! 4. [`StudyDirectory::results`] returns the results so far, and [`StudyResults::report`] their
//!    tables, tests and figures.
//!
//! An interrupted study resumes without repeating finished trials, and produces the same tables as
//! an uninterrupted one.

mod any_experiment;
mod checkpoints_experiment;
mod comparison_config;
mod comparisons;
mod config;
mod config_overrides;
mod curves;
mod error;
mod eval_split;
mod experiment;
mod figures;
mod fine_tuning_experiment;
mod halving;
mod limits;
mod model_fingerprint;
mod multi_task_experiment;
mod parameter;
mod plan;
mod pre_trained_config;
mod pre_training_experiment;
mod report;
mod resolver;
mod results;
mod run_scores;
mod runner;
mod search_space_table;
mod study_directory;
mod tables;
mod trial;
mod trial_directory;
mod trial_result;
mod trials_csv;

pub use checkpoints_experiment::{CheckpointTuningConfig, CheckpointsExperiment};
pub use comparison_config::{Pairing, StudyComparison};
pub use comparisons::MOST_COMPARED;
pub use config::{Seeds, StudyConfig, VariantConfig};
pub use config_overrides::{override_settings, settings_by_path};
pub use error::StudyError;
pub use eval_split::EvalSplit;
pub use experiment::{Experiment, TrialScores};
pub use fine_tuning_experiment::FineTuningExperiment;
pub use halving::SuccessiveHalving;
pub use limits::MAX_TRIALS;
pub use multi_task_experiment::{MultiTaskExperiment, SuccessiveRunsConfig};
pub use parameter::SearchParameter;
pub use plan::Study;
pub use pre_trained_config::{PreTrainedConfig, PreTrainingObjective};
pub use pre_training_experiment::PreTrainedExperiment;
pub use results::StudyResults;
pub use runner::{StudyCallback, StudyRunner};
pub use study_directory::StudyDirectory;
pub use trial::{Candidate, Fold, Trial};
pub use trial_directory::TrialDirectory;
pub use trial_result::{TrialFailure, TrialResult, TrialState};
