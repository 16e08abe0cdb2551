//! Code shared by the examples: arguments, bundled files, and the training run.

mod arguments;
mod bundled;
mod checkpoint;
mod common_arguments;
mod cs224n;
mod data_directory;
mod embedding_arguments;
mod encoding_bar;
#[cfg(test)]
mod guide;
mod leaderboard;
mod minbert;
mod pretraining_arguments;
pub mod recipe;
mod run;
mod settings;
pub mod study;
mod subset;
mod table_arguments;
mod technical_report;
mod text_lines;
mod variant_tables;
mod variants;
mod watcher;

pub use arguments::RunArguments;
pub use bundled::{
    CUSTOMER_MESSAGES, MESSAGE_TOPICS, MINI_ENCODER, SAMPLE_AG_NEWS, SAMPLE_DISASTER_TWEETS,
    SAMPLE_IMDB, SHOP_QUESTIONS, TOWN_NOTES, sample_of,
};
pub use checkpoint::Checkpoint;
pub use common_arguments::CommonArguments;
pub use cs224n::{CourseData, Cs224nArguments};
pub use data_directory::{data_directory, named_directory};
pub use embedding_arguments::EmbeddingArguments;
pub use encoding_bar::EncodingBar;
pub use minbert::MinbertSettings;
pub use pretraining_arguments::PreTrainingArguments;
pub use run::{
    announce, exit_code, fine_tune, fine_tune_from, finish, metrics_text, run_prepared, say,
};
pub use settings::RunSettings;
pub use subset::subset;
pub use table_arguments::{ColumnList, TableArguments, score_range, thresholds};
pub use technical_report::{TechnicalReport, published_scores};
pub use text_lines::{ReadLines, TextLines};
pub use variant_tables::{TaskStatistics, VariantResults};
pub use variants::{Variant, VariantArguments, VariantStudy};
pub use watcher::Watcher;

/// Allocator that retains freed memory: training reallocates the same large buffers in every step.
#[global_allocator]
static ALLOCATOR: finetune::ops::RetainingAllocator = finetune::ops::RetainingAllocator;
