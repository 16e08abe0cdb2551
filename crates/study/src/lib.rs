//! Studies: many trials of one experiment, from a file to tables and tests.
//!
//! 1. A [`StudyConfig`] says what is tried: variants, parameters, seeds, folds. It is a file.
//! 2. [`Study::new`] makes [`Trial`]s of it, each with all its settings, for an [`Experiment`]:
//!    [`FineTuningExperiment`], [`PreTrainedExperiment`], or one of your own.
//! 3. A [`StudyRunner`] runs what is missing in a [`StudyDirectory`], which several programs may share.
//! 4. [`StudyDirectory::results`] are what there is so far, and [`StudyResults::report`] their tables,
//!    tests and figures.
//!
//! A study that was stopped, at whatever moment, goes on without repeating what was finished, and
//! ends with the tables of one that was not.

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
pub use outcome::{TrialFailure, TrialResult, TrialState};
pub use parameter::SearchParameter;
pub use plan::Study;
pub use pre_trained::{PreTrainedConfig, PreTrainedExperiment};
pub use results::StudyResults;
pub use runner::{StudyCallback, StudyRunner};
pub use tests_of_variants::{Pairing, StudyComparison};
pub use trial::{Candidate, Fold, Trial};
pub use trial_folder::TrialDirectory;
