//! Files that come with the project, found from any working directory.

use std::path::{Path, PathBuf};

/// The mini encoder: see the card in the folder.
pub const MINI_ENCODER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mini_encoder");
/// A fine-tuned classifier of customer messages: see the card in the folder.
pub const MESSAGE_TOPICS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/message_topics");
/// 400 training and 100 test rows in AG News' official format.
pub const SAMPLE_AG_NEWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/ag_news/sample");
/// 120 training and 40 test rows in a CSV file with a header.
pub const CUSTOMER_MESSAGES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../datasets/customer_messages/sample"
);
/// 12 labeled reviews and 2 without a label, in the folders of aclImdb.
pub const SAMPLE_IMDB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/imdb/sample");
/// 54 tweets of both classes, in the files of the competition.
pub const SAMPLE_DISASTER_TWEETS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../datasets/disaster_tweets/sample"
);

/// The bundled sample of a published data set, if there is one.
pub fn sample_of(dataset: &str) -> PathBuf {
    let datasets = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets"));
    datasets.join(dataset).join("sample")
}
