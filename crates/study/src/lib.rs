//! Studies: many trials of one experiment, configured in a file and evaluated with tables and
//! statistical tests.
//!
//! 1. A [`StudyConfig`], usually read from a file, defines variants, parameters, seeds and folds.
//! 2. [`Study::new`] resolves it into [`Trial`]s with full settings for an [`Experiment`]:
//!    [`FineTuningExperiment`], [`PreTrainedExperiment`], [`MultiTaskExperiment`], or your own.
//! 3. A [`StudyRunner`] runs the pending trials in a [`StudyDirectory`], which several programs may
//!    share.
//! 4. [`StudyDirectory::results`] returns the results so far, and [`StudyResults::report`] their
//!    tables, tests and figures.
//!
//! An interrupted study resumes without repeating finished trials, and produces the same tables as
//! an uninterrupted one.

mod comparisons;
mod config;
mod dimensions;
mod error;
mod eval_split;
mod experiment;
mod figures;
mod fine_tuning;
mod folder;
mod halving;
mod model_fingerprint;
mod multi_task;
mod outcome;
mod parameter;
mod plan;
mod pre_trained;
mod report;
mod resolver;
mod results;
mod run_scores;
mod runner;
mod settings;
mod tables;
mod tests_of_variants;
mod trial;
mod trial_folder;
mod trial_lines;

pub use config::{Seeds, StudyConfig, VariantConfig};
pub use error::StudyError;
pub use eval_split::EvalSplit;
pub use experiment::{Experiment, TrialScores};
pub use fine_tuning::FineTuningExperiment;
pub use folder::StudyDirectory;
pub use halving::SuccessiveHalving;
pub use multi_task::{MultiTaskExperiment, SuccessiveRunsConfig};
pub use outcome::{TrialFailure, TrialResult, TrialState};
pub use parameter::SearchParameter;
pub use plan::Study;
pub use pre_trained::{PreTrainedConfig, PreTrainedExperiment};
pub use results::StudyResults;
pub use runner::{StudyCallback, StudyRunner};
pub use tests_of_variants::{Pairing, StudyComparison};
pub use trial::{Candidate, Fold, Trial};
pub use trial_folder::TrialDirectory;
