//! Sentiment datasets.

use super::layout::{Content, Fields, Layout, labeled, official_csv, text, unlabeled};
use super::{HubSource, NamedDataset, NamedTarget};
use crate::column_mapping::Escapes;
use crate::dataset::Texts;
use crate::splits::Split;
use crate::splits::Split::{Test, Train, Unlabeled, Validation};
use crate::table::{Delimited, TableFormat};

/// The hub texts are raw CSV fields of the official files, with doubled quotes.
const YELP_POLARITY_ROWS: &[(Split, usize)] = &[(Train, 560_000), (Test, 38_000)];

pub(super) static YELP_POLARITY: NamedDataset = NamedDataset {
    name: "yelp_polarity",
    title: "Yelp reviews, polarity",
    texts: Texts::Single,
    target: NamedTarget::Classes(&["negative", "positive"]),
    hub: Some(HubSource {
        repository: "fancyzhx/yelp_polarity",
        config: "plain_text",
    }),
    layouts: &[
        Layout {
            name: "official CSV",
            rows: YELP_POLARITY_ROWS,
            folders: &["yelp_review_polarity_csv"],
            files: &[labeled(Train, "train.csv"), labeled(Test, "test.csv")],
            content: Content::Text {
                format: official_csv(2),
                fields: Fields::ClassFirst { texts: 1 },
                escapes: Escapes::Backslash,
            },
        },
        Layout {
            name: "hub Parquet",
            rows: YELP_POLARITY_ROWS,
            folders: &["data", "plain_text"],
            files: &[labeled(Train, "train"), labeled(Test, "test")],
            content: Content::Parquet {
                fields: text(&["text"], "label"),
                escapes: Escapes::BackslashInCsv,
            },
        },
    ],
};

pub(super) static AMAZON_REVIEWS_FULL: NamedDataset = NamedDataset {
    name: "amazon_reviews_full",
    title: "Amazon reviews, full score",
    texts: Texts::Single,
    target: NamedTarget::Classes(&["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]),
    hub: None,
    layouts: &[Layout {
        name: "official CSV",
        rows: &[(Train, 3_000_000), (Test, 650_000)],
        folders: &["amazon_review_full_csv"],
        files: &[labeled(Train, "train.csv"), labeled(Test, "test.csv")],
        content: Content::Text {
            format: official_csv(3),
            fields: Fields::ClassFirst { texts: 2 },
            escapes: Escapes::Backslash,
        },
    }],
};

const IMDB_ROWS: &[(Split, usize)] = &[(Train, 25_000), (Test, 25_000), (Unlabeled, 50_000)];

pub(super) static IMDB: NamedDataset = NamedDataset {
    name: "imdb",
    title: "IMDB reviews",
    texts: Texts::Single,
    target: NamedTarget::Classes(&["neg", "pos"]),
    hub: Some(HubSource {
        repository: "stanfordnlp/imdb",
        config: "plain_text",
    }),
    layouts: &[
        Layout {
            name: "aclImdb folders",
            rows: IMDB_ROWS,
            folders: &["aclImdb"],
            files: &[
                labeled(Train, "train"),
                labeled(Test, "test"),
                unlabeled(Unlabeled, "train"),
            ],
            content: Content::ReviewFolders,
        },
        Layout {
            name: "hub Parquet",
            rows: IMDB_ROWS,
            folders: &["data", "plain_text"],
            files: &[
                labeled(Train, "train"),
                labeled(Test, "test"),
                unlabeled(Unlabeled, "unsupervised"),
                unlabeled(Unlabeled, "unsup"),
            ],
            content: Content::Parquet {
                fields: text(&["text"], "label"),
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "aclImdb archive",
            rows: IMDB_ROWS,
            folders: &[],
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
    texts: Texts::Single,
    target: NamedTarget::Classes(&[
        "very negative",
        "negative",
        "neutral",
        "positive",
        "very positive",
    ]),
    hub: Some(HubSource {
        repository: "SetFit/sst5",
        config: "default",
    }),
    layouts: &[
        Layout {
            name: "CS224N TSV",
            rows: SST5_ROWS,
            folders: &[],
            files: &[
                labeled(Train, "ids-sst-train.csv"),
                labeled(Validation, "ids-sst-dev.csv"),
                labeled(Test, "sst-test.csv"),
                unlabeled(Test, "ids-sst-test-student.csv"),
            ],
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::tsv()),
                fields: text(&["sentence"], "sentiment"),
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "hub JSON Lines",
            rows: SST5_ROWS,
            folders: &[],
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
    texts: Texts::Single,
    target: NamedTarget::Classes(&["negative", "positive"]),
    hub: Some(HubSource {
        repository: "nyu-mll/glue",
        config: "sst2",
    }),
    layouts: &[
        Layout {
            name: "GLUE TSV",
            rows: SST2_ROWS,
            folders: &["SST-2"],
            files: &[
                labeled(Train, "train.tsv"),
                labeled(Validation, "dev.tsv"),
                unlabeled(Test, "test.tsv"),
            ],
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::unquoted_tsv()),
                fields: text(&["sentence"], "label"),
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "hub Parquet",
            rows: SST2_ROWS,
            folders: &["data", "sst2"],
            files: &[
                labeled(Train, "train"),
                labeled(Validation, "validation"),
                unlabeled(Test, "test"),
            ],
            content: Content::Parquet {
                fields: text(&["sentence"], "label"),
                escapes: Escapes::None,
            },
        },
    ],
};

/// Movie reviews that were minimally edited to reverse their sentiment.
pub(super) static CFIMDB: NamedDataset = NamedDataset {
    name: "cfimdb",
    title: "Counterfactual IMDB",
    texts: Texts::Single,
    target: NamedTarget::Classes(&["negative", "positive"]),
    hub: None,
    layouts: &[Layout {
        name: "CS224N TSV",
        rows: &[(Train, 1_707), (Validation, 245), (Test, 488)],
        folders: &[],
        files: &[
            labeled(Train, "ids-cfimdb-train.csv"),
            labeled(Validation, "ids-cfimdb-dev.csv"),
            unlabeled(Test, "ids-cfimdb-test-student.csv"),
        ],
        content: Content::Text {
            format: TableFormat::Delimited(Delimited::tsv()),
            fields: text(&["sentence"], "sentiment"),
            escapes: Escapes::None,
        },
    }],
};
