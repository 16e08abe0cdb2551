//! Topic classification datasets.

use super::layout::{Content, Layout, TRAIN_TEST_PARQUET, labeled, text, unlabeled};
use super::{NamedDataset, NamedTarget, hub};
use crate::column_mapping::Escapes;
use crate::dataset::TextArity;
use crate::splits::Split;
use crate::splits::Split::{Test, Train};
use crate::table::{Delimited, TableFormat};

/// The files contain the original texts, including the backslashes of the corpus.
const AG_NEWS_ROWS: &[(Split, usize)] = &[(Train, 120_000), (Test, 7_600)];

pub(super) static AG_NEWS: NamedDataset = NamedDataset {
    name: "ag_news",
    title: "AG News",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&["World", "Sports", "Business", "Sci/Tech"]),
    hub: hub("fancyzhx/ag_news", "default"),
    layouts: &[
        Layout::official_csv(AG_NEWS_ROWS, &["ag_news_csv"], 2, Escapes::None),
        Layout::hub_parquet(
            AG_NEWS_ROWS,
            &["data"],
            TRAIN_TEST_PARQUET,
            text(&["text"], "label"),
            Escapes::None,
        ),
    ],
};

const DBPEDIA_14_ROWS: &[(Split, usize)] = &[(Train, 560_000), (Test, 70_000)];

pub(super) static DBPEDIA_14: NamedDataset = NamedDataset {
    name: "dbpedia_14",
    title: "DBpedia ontology",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&[
        "Company",
        "EducationalInstitution",
        "Artist",
        "Athlete",
        "OfficeHolder",
        "MeanOfTransportation",
        "Building",
        "NaturalPlace",
        "Village",
        "Animal",
        "Plant",
        "Album",
        "Film",
        "WrittenWork",
    ]),
    hub: hub("fancyzhx/dbpedia_14", "dbpedia_14"),
    layouts: &[
        Layout::official_csv(DBPEDIA_14_ROWS, &["dbpedia_csv"], 2, Escapes::None),
        Layout::hub_parquet(
            DBPEDIA_14_ROWS,
            &["data", "dbpedia_14"],
            TRAIN_TEST_PARQUET,
            text(&["title", "content"], "label"),
            Escapes::None,
        ),
    ],
};

/// The hub texts contain the escape sequences of the official files.
const YAHOO_ANSWERS_TOPICS_ROWS: &[(Split, usize)] = &[(Train, 1_400_000), (Test, 60_000)];

pub(super) static YAHOO_ANSWERS_TOPICS: NamedDataset = NamedDataset {
    name: "yahoo_answers_topics",
    title: "Yahoo! Answers topics",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&[
        "Society & Culture",
        "Science & Mathematics",
        "Health",
        "Education & Reference",
        "Computers & Internet",
        "Sports",
        "Business & Finance",
        "Entertainment & Music",
        "Family & Relationships",
        "Politics & Government",
    ]),
    hub: hub(
        "community-datasets/yahoo_answers_topics",
        "yahoo_answers_topics",
    ),
    layouts: &[
        Layout::official_csv(
            YAHOO_ANSWERS_TOPICS_ROWS,
            &["yahoo_answers_csv"],
            3,
            Escapes::Backslash,
        ),
        Layout::hub_parquet(
            YAHOO_ANSWERS_TOPICS_ROWS,
            &["data", "yahoo_answers_topics"],
            TRAIN_TEST_PARQUET,
            text(
                &["question_title", "question_content", "best_answer"],
                "topic",
            ),
            Escapes::Backslash,
        ),
    ],
};

pub(super) static DISASTER_TWEETS: NamedDataset = NamedDataset {
    name: "disaster_tweets",
    title: "Disaster tweets",
    texts: TextArity::Single,
    target: NamedTarget::Classes(&["no disaster", "disaster"]),
    hub: None,
    layouts: &[Layout {
        name: "Kaggle CSV",
        rows: &[(Train, 7_613), (Test, 3_263)],
        subdirectories: &["nlp-getting-started"],
        files: &[labeled(Train, "train.csv"), unlabeled(Test, "test.csv")],
        content: Content::Text {
            format: TableFormat::Delimited(Delimited::csv()),
            fields: text(&["text"], "target"),
            escapes: Escapes::None,
        },
    }],
};
