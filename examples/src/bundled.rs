//! Paths of the files bundled with the project, valid in any working directory.

use std::path::{Path, PathBuf};

/// Fine-tuned classifier of customer messages; its model card is in the directory.
pub const MESSAGE_TOPICS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/message_topics");
/// 400 training and 400 test rows in AG News' official format.
pub const SAMPLE_AG_NEWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/ag_news/sample");
/// 120 training and 40 test rows in a CSV file with a header.
pub const CUSTOMER_MESSAGES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../datasets/customer_messages/sample"
);
/// 110 training, 26 validation and 26 test sentences with named entities, in CoNLL columns.
pub const TOWN_NOTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/town_notes/sample");
/// 114 training and 38 test pairs of a question and its answer, and 60 scored pairs of questions.
pub const SHOP_QUESTIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../datasets/shop_questions/sample"
);
/// 12 labeled and 2 unlabeled reviews, in the directory layout of aclImdb.
pub const SAMPLE_IMDB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/imdb/sample");
/// 54 tweets of both classes, in the file layout of the competition.
pub const SAMPLE_DISASTER_TWEETS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../datasets/disaster_tweets/sample"
);

/// Returns the path of the bundled sample of a published dataset; it may not exist.
pub fn sample_of(dataset: &str) -> PathBuf {
    let datasets = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets"));
    datasets.join(dataset).join("sample")
}

/// Returns the title and the directory of a published dataset: the given one, or the bundled sample.
pub fn data_or_sample(dataset: &str, data: Option<&Path>) -> (String, PathBuf) {
    match data {
        Some(data) => (dataset.to_string(), data.to_path_buf()),
        None => (format!("Bundled sample of {dataset}"), sample_of(dataset)),
    }
}
