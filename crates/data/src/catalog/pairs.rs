//! Text-pair datasets: paraphrase detection and semantic similarity.

use super::layout::{Content, Layout, labeled, pair, unlabeled};
use super::{HubSource, NamedDataset, NamedTarget};
use crate::column_mapping::Escapes;
use crate::dataset::Texts;
use crate::splits::Split;
use crate::splits::Split::{Test, Train, Validation};
use crate::table::{Delimited, TableFormat};

/// Rows with both questions and a label. The published text files have a few more rows, which are
/// incomplete.
const GLUE_QQP_ROWS: &[(Split, usize)] = &[(Train, 363_846), (Validation, 40_430), (Test, 390_965)];

pub(super) static QQP: NamedDataset = NamedDataset {
    name: "qqp",
    title: "Quora Question Pairs",
    texts: Texts::Pair,
    target: NamedTarget::Classes(&["not_duplicate", "duplicate"]),
    hub: Some(HubSource {
        repository: "nyu-mll/glue",
        config: "qqp",
    }),
    layouts: &[
        Layout {
            name: "CS224N TSV",
            rows: &[(Train, 141_498), (Validation, 20_212)],
            folders: &[],
            files: &[
                labeled(Train, "quora-train.csv"),
                labeled(Validation, "quora-dev.csv"),
                unlabeled(Test, "quora-test-student.csv"),
            ],
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::tsv()),
                fields: pair(&["sentence1"], &["sentence2"], "is_duplicate"),
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "GLUE TSV",
            rows: GLUE_QQP_ROWS,
            folders: &["QQP"],
            files: &[
                labeled(Train, "train.tsv"),
                labeled(Validation, "dev.tsv"),
                unlabeled(Test, "test.tsv"),
            ],
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::unquoted_tsv()),
                fields: pair(&["question1"], &["question2"], "is_duplicate"),
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "hub Parquet",
            rows: GLUE_QQP_ROWS,
            folders: &["data", "qqp"],
            files: &[
                labeled(Train, "train"),
                labeled(Validation, "validation"),
                unlabeled(Test, "test"),
            ],
            content: Content::Parquet {
                fields: pair(&["question1"], &["question2"], "label"),
                escapes: Escapes::None,
            },
        },
    ],
};

const GLUE_STSB_ROWS: &[(Split, usize)] = &[(Train, 5_749), (Validation, 1_500), (Test, 1_379)];

pub(super) static STSB: NamedDataset = NamedDataset {
    name: "stsb",
    title: "Semantic Textual Similarity Benchmark",
    texts: Texts::Pair,
    target: NamedTarget::Score {
        lowest: 0.0,
        highest: 5.0,
    },
    hub: Some(HubSource {
        repository: "nyu-mll/glue",
        config: "stsb",
    }),
    layouts: &[
        Layout {
            name: "CS224N TSV",
            rows: &[(Train, 6_040), (Validation, 863), (Test, 1_725)],
            folders: &[],
            files: &[
                labeled(Train, "sts-train.csv"),
                labeled(Validation, "sts-dev.csv"),
                unlabeled(Test, "sts-test-student.csv"),
            ],
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::tsv()),
                fields: pair(&["sentence1"], &["sentence2"], "similarity"),
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "GLUE TSV",
            rows: GLUE_STSB_ROWS,
            folders: &["STS-B"],
            files: &[
                labeled(Train, "train.tsv"),
                labeled(Validation, "dev.tsv"),
                unlabeled(Test, "test.tsv"),
            ],
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::unquoted_tsv()),
                fields: pair(&["sentence1"], &["sentence2"], "score"),
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "hub Parquet",
            rows: GLUE_STSB_ROWS,
            folders: &["data", "stsb"],
            files: &[
                labeled(Train, "train"),
                labeled(Validation, "validation"),
                unlabeled(Test, "test"),
            ],
            content: Content::Parquet {
                fields: pair(&["sentence1"], &["sentence2"], "label"),
                escapes: Escapes::None,
            },
        },
    ],
};
