//! Sentiment datasets.

use super::layout::{Content, GLUE_PARQUET, Layout, TRAIN_TEST_PARQUET, labeled, text, unlabeled};
use super::{NamedDataset, NamedTarget, hub};
use crate::column_mapping::Escapes;
use crate::dataset::TextArity;
use crate::splits::Split;
use crate::splits::Split::{Test, Train, Unlabeled, Validation};
use crate::table::TableFormat;

/// The hub texts are raw CSV fields of the official files, with doubled quotes.
const YELP_POLARITY_ROWS: &[(Split, usize)] = &[(Train, 560_000), (Test, 38_000)];

pub(super) static YELP_POLARITY: NamedDataset = NamedDataset {
    name: "yelp_polarity",
    title: "Yelp reviews, polarity",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&["negative", "positive"]),
    hub: hub("fancyzhx/yelp_polarity", "plain_text"),
    layouts: &[
        Layout::official_csv(
            YELP_POLARITY_ROWS,
            &["yelp_review_polarity_csv"],
            1,
            Escapes::Backslash,
        ),
        Layout::hub_parquet(
            YELP_POLARITY_ROWS,
            &["data", "plain_text"],
            TRAIN_TEST_PARQUET,
            text(&["text"], "label"),
            Escapes::BackslashInCsv,
        ),
    ],
};

pub(super) static AMAZON_REVIEWS_FULL: NamedDataset = NamedDataset {
    name: "amazon_reviews_full",
    title: "Amazon reviews, full score",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]),
    hub: None,
    layouts: &[Layout::official_csv(
        &[(Train, 3_000_000), (Test, 650_000)],
        &["amazon_review_full_csv"],
        2,
        Escapes::Backslash,
    )],
};

const IMDB_ROWS: &[(Split, usize)] = &[(Train, 25_000), (Test, 25_000), (Unlabeled, 50_000)];

pub(super) static IMDB: NamedDataset = NamedDataset {
    name: "imdb",
    title: "IMDB reviews",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&["neg", "pos"]),
    hub: hub("stanfordnlp/imdb", "plain_text"),
    layouts: &[
        Layout {
            name: "aclImdb directories",
            rows: IMDB_ROWS,
            subdirectories: &["aclImdb"],
            files: &[
                labeled(Train, "train"),
                labeled(Test, "test"),
                unlabeled(Unlabeled, "train"),
            ],
            content: Content::ReviewDirectories,
        },
        Layout::hub_parquet(
            IMDB_ROWS,
            &["data", "plain_text"],
            &[
                labeled(Train, "train"),
                labeled(Test, "test"),
                unlabeled(Unlabeled, "unsupervised"),
                unlabeled(Unlabeled, "unsup"),
            ],
            text(&["text"], "label"),
            Escapes::None,
        ),
        Layout {
            name: "aclImdb archive",
            rows: IMDB_ROWS,
            subdirectories: &[],
            files: &[
                labeled(Train, "aclImdb_v1.tar.gz"),
                labeled(Test, "aclImdb_v1.tar.gz"),
                unlabeled(Unlabeled, "aclImdb_v1.tar.gz"),
            ],
            content: Content::ReviewArchive,
        },
    ],
};

/// Whole sentences only, five classes.
const SST5_ROWS: &[(Split, usize)] = &[(Train, 8_544), (Validation, 1_101), (Test, 2_210)];

pub(super) static SST5: NamedDataset = NamedDataset {
    name: "sst5",
    title: "Stanford Sentiment Treebank, five classes",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&[
        "very negative",
        "negative",
        "neutral",
        "positive",
        "very positive",
    ]),
    hub: hub("SetFit/sst5", "default"),
    layouts: &[
        Layout::cs224n_tsv(
            SST5_ROWS,
            &[
                labeled(Train, "ids-sst-train.csv"),
                labeled(Validation, "ids-sst-dev.csv"),
                labeled(Test, "sst-test.csv"),
                unlabeled(Test, "ids-sst-test-student.csv"),
            ],
            text(&["sentence"], "sentiment"),
        ),
        Layout {
            name: "hub JSON Lines",
            rows: SST5_ROWS,
            subdirectories: &[],
            files: &[
                labeled(Train, "train.jsonl"),
                labeled(Validation, "dev.jsonl"),
                labeled(Test, "test.jsonl"),
            ],
            content: Content::Text {
                format: TableFormat::JsonLines,
                fields: text(&["text"], "label"),
                escapes: Escapes::None,
            },
        },
    ],
};

/// Sentences, and in the training split also phrases, as in GLUE; the test labels are unpublished.
const SST2_ROWS: &[(Split, usize)] = &[(Train, 67_349), (Validation, 872), (Test, 1_821)];

pub(super) static SST2: NamedDataset = NamedDataset {
    name: "sst2",
    title: "Stanford Sentiment Treebank, two classes",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&["negative", "positive"]),
    hub: hub("nyu-mll/glue", "sst2"),
    layouts: &[
        Layout::glue_tsv(SST2_ROWS, &["SST-2"], text(&["sentence"], "label")),
        Layout::hub_parquet(
            SST2_ROWS,
            &["data", "sst2"],
            GLUE_PARQUET,
            text(&["sentence"], "label"),
            Escapes::None,
        ),
    ],
};

/// Movie reviews that were minimally edited to reverse their sentiment.
pub(super) static CFIMDB: NamedDataset = NamedDataset {
    name: "cfimdb",
    title: "Counterfactual IMDB",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&["negative", "positive"]),
    hub: None,
    layouts: &[Layout::cs224n_tsv(
        &[(Train, 1_707), (Validation, 245), (Test, 488)],
        &[
            labeled(Train, "ids-cfimdb-train.csv"),
            labeled(Validation, "ids-cfimdb-dev.csv"),
            unlabeled(Test, "ids-cfimdb-test-student.csv"),
        ],
        text(&["sentence"], "sentiment"),
    )],
};
