//! Code shared by the examples that are studies.

mod arguments;
mod baseline;
mod program;
mod published;
mod sets;

pub use arguments::{FolderArguments, SEED, StudyArguments, StudyCommand};
pub use baseline::baseline_scores;
pub use program::run_study;
pub use published::{Conditions, Published, PublishedExperiment, PublishedStudy, PublishedTable};
pub use sets::{datasets_table, open_set};
