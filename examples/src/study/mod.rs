//! Code shared by the examples that are studies.

mod arguments;
mod baseline;
mod program;
mod published;
mod published_tests;

pub use arguments::{FolderArguments, SEED, StudyArguments, StudyCommand};
pub use baseline::baseline_scores;
pub use program::run_study;
pub use published::{Conditions, Published, PublishedStudy, PublishedTable};
pub use published_tests::PublishedTest;
