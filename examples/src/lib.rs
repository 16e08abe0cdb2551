//! Code shared by the examples: bundled files, and what repeats published studies. Arguments and runs are
//! in `finetune-arguments`, which the program `finetune` shares.

mod bundled;
mod cs224n;
#[cfg(test)]
mod guide;
mod leaderboard;
mod minbert;
mod pretraining_arguments;
pub mod recipe;
mod run_scores;
pub mod study;
mod technical_report;
mod variant_tables;
mod variants;

pub use bundled::{
    CUSTOMER_MESSAGES, MESSAGE_TOPICS, SAMPLE_AG_NEWS, SAMPLE_DISASTER_TWEETS, SAMPLE_IMDB,
    SHOP_QUESTIONS, TOWN_NOTES, data_or_sample, sample_of,
};
pub use cs224n::{CourseData, Cs224nArguments};
pub use minbert::MinbertSettings;
pub use pretraining_arguments::PreTrainingArguments;
pub use run_scores::RunScores;
pub use technical_report::{TechnicalReport, published_scores};
pub use variant_tables::{TaskStatistics, VariantResults};
pub use variants::{Variant, VariantArguments, VariantStudy};
