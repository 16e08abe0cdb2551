//! Code shared by the examples that are studies.

mod arguments;
mod baseline;
mod published;
#[cfg(test)]
mod published_rows;
mod published_tests;
mod sets;
mod systems;

pub use arguments::StudyArguments;
use baseline::baseline_scores;
pub(crate) use published::find;
pub use published::{Conditions, Published, PublishedExperiment, PublishedStudy, PublishedTable};
pub use published_tests::PublishedTest;
pub use sets::{datasets_table, open_set};
pub use systems::{System, SystemConfig, Systems};
