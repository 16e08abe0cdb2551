//! Code shared by the examples that are studies.

mod arguments;
mod baseline;
mod program;
mod published;

pub use arguments::{FolderArguments, SEED, StudyArguments, StudyCommand};
pub use baseline::baseline_scores;
pub use program::run_study;
pub use published::{Conditions, Published, PublishedStudy, PublishedTable};
