//! What the examples that are studies share.

mod arguments;
mod baseline;
mod program;
mod published;
mod text_table;

pub use arguments::{FolderArguments, SEED, StudyArguments, StudyCommand};
pub use baseline::baseline_scores;
pub use program::run_study;
pub use published::{Published, published_section};
pub use text_table::text_table;
