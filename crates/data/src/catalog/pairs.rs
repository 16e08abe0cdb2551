//! Text-pair datasets: paraphrase detection and semantic similarity.

use super::layout::{GLUE_PARQUET, Layout, labeled, pair, unlabeled};
use super::{NamedDataset, NamedTarget, hub};
use crate::column_mapping::Escapes;
use crate::dataset::TextArity;
use crate::splits::Split;
use crate::splits::Split::{Test, Train, Validation};

/// Rows with both questions and a label. The published text files have a few more rows, which are
/// incomplete.
const GLUE_QQP_ROWS: &[(Split, usize)] = &[(Train, 363_846), (Validation, 40_430), (Test, 390_965)];

pub(super) static QQP: NamedDataset = NamedDataset {
    name: "qqp",
    title: "Quora Question Pairs",
    texts: TextArity::Pair,
    target: NamedTarget::Classes(&["not_duplicate", "duplicate"]),
    hub: hub("nyu-mll/glue", "qqp"),
    layouts: &[
        Layout::cs224n_tsv(
            &[(Train, 141_498), (Validation, 20_212)],
            &[
                labeled(Train, "quora-train.csv"),
                labeled(Validation, "quora-dev.csv"),
                unlabeled(Test, "quora-test-student.csv"),
            ],
            pair(&["sentence1"], &["sentence2"], "is_duplicate"),
        ),
        Layout::glue_tsv(
            GLUE_QQP_ROWS,
            &["QQP"],
            pair(&["question1"], &["question2"], "is_duplicate"),
        ),
        Layout::hub_parquet(
            GLUE_QQP_ROWS,
            &["data", "qqp"],
            GLUE_PARQUET,
            pair(&["question1"], &["question2"], "label"),
            Escapes::None,
        ),
    ],
};

const GLUE_STSB_ROWS: &[(Split, usize)] = &[(Train, 5_749), (Validation, 1_500), (Test, 1_379)];

pub(super) static STSB: NamedDataset = NamedDataset {
    name: "stsb",
    title: "Semantic Textual Similarity Benchmark",
    texts: TextArity::Pair,
    target: NamedTarget::Score {
        lowest: 0.0,
        highest: 5.0,
    },
    hub: hub("nyu-mll/glue", "stsb"),
    layouts: &[
        Layout::cs224n_tsv(
            &[(Train, 6_040), (Validation, 863), (Test, 1_725)],
            &[
                labeled(Train, "sts-train.csv"),
                labeled(Validation, "sts-dev.csv"),
                unlabeled(Test, "sts-test-student.csv"),
            ],
            pair(&["sentence1"], &["sentence2"], "similarity"),
        ),
        Layout::glue_tsv(
            GLUE_STSB_ROWS,
            &["STS-B"],
            pair(&["sentence1"], &["sentence2"], "score"),
        ),
        Layout::hub_parquet(
            GLUE_STSB_ROWS,
            &["data", "stsb"],
            GLUE_PARQUET,
            pair(&["sentence1"], &["sentence2"], "label"),
            Escapes::None,
        ),
    ],
};
