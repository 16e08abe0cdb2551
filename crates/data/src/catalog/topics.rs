//! Topic classification datasets.

use super::layout::{Content, Fields, Layout, labeled, official_csv, text, unlabeled};
use super::{HubSource, NamedDataset, NamedTarget};
use crate::column_mapping::Escapes;
use crate::dataset::Texts;
use crate::splits::Split;
use crate::splits::Split::{Test, Train};
use crate::table::{Delimited, TableFormat};

/// The files contain the original texts, including the backslashes of the corpus.
const AG_NEWS_ROWS: &[(Split, usize)] = &[(Train, 120_000), (Test, 7_600)];

pub(super) static AG_NEWS: NamedDataset = NamedDataset {
    name: "ag_news",
    title: "AG News",
    texts: Texts::Single,
    target: NamedTarget::Classes(&["World", "Sports", "Business", "Sci/Tech"]),
    hub: Some(HubSource {
        repository: "fancyzhx/ag_news",
        config: "default",
    }),
    layouts: &[
        Layout {
            name: "official CSV",
            rows: AG_NEWS_ROWS,
            folders: &["ag_news_csv"],
            files: &[labeled(Train, "train.csv"), labeled(Test, "test.csv")],
            content: Content::Text {
                format: official_csv(3),
                fields: Fields::ClassFirst { texts: 2 },
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "hub Parquet",
            rows: AG_NEWS_ROWS,
            folders: &["data"],
            files: &[labeled(Train, "train"), labeled(Test, "test")],
            content: Content::Parquet {
                fields: text(&["text"], "label"),
                escapes: Escapes::None,
            },
        },
    ],
};

const DBPEDIA_14_ROWS: &[(Split, usize)] = &[(Train, 560_000), (Test, 70_000)];

pub(super) static DBPEDIA_14: NamedDataset = NamedDataset {
    name: "dbpedia_14",
    title: "DBpedia ontology",
    texts: Texts::Single,
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
    hub: Some(HubSource {
        repository: "fancyzhx/dbpedia_14",
        config: "dbpedia_14",
    }),
    layouts: &[
        Layout {
            name: "official CSV",
            rows: DBPEDIA_14_ROWS,
            folders: &["dbpedia_csv"],
            files: &[labeled(Train, "train.csv"), labeled(Test, "test.csv")],
            content: Content::Text {
                format: official_csv(3),
                fields: Fields::ClassFirst { texts: 2 },
                escapes: Escapes::None,
            },
        },
        Layout {
            name: "hub Parquet",
            rows: DBPEDIA_14_ROWS,
            folders: &["data", "dbpedia_14"],
            files: &[labeled(Train, "train"), labeled(Test, "test")],
            content: Content::Parquet {
                fields: text(&["title", "content"], "label"),
                escapes: Escapes::None,
            },
        },
    ],
};

/// The hub texts contain the escape sequences of the official files.
const YAHOO_ANSWERS_TOPICS_ROWS: &[(Split, usize)] = &[(Train, 1_400_000), (Test, 60_000)];

pub(super) static YAHOO_ANSWERS_TOPICS: NamedDataset = NamedDataset {
    name: "yahoo_answers_topics",
    title: "Yahoo! Answers topics",
    texts: Texts::Single,
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
    hub: Some(HubSource {
        repository: "community-datasets/yahoo_answers_topics",
        config: "yahoo_answers_topics",
    }),
    layouts: &[
        Layout {
            name: "official CSV",
            rows: YAHOO_ANSWERS_TOPICS_ROWS,
            folders: &["yahoo_answers_csv"],
            files: &[labeled(Train, "train.csv"), labeled(Test, "test.csv")],
            content: Content::Text {
                format: official_csv(4),
                fields: Fields::ClassFirst { texts: 3 },
                escapes: Escapes::Backslash,
            },
        },
        Layout {
            name: "hub Parquet",
            rows: YAHOO_ANSWERS_TOPICS_ROWS,
            folders: &["data", "yahoo_answers_topics"],
            files: &[labeled(Train, "train"), labeled(Test, "test")],
            content: Content::Parquet {
                fields: text(
                    &["question_title", "question_content", "best_answer"],
                    "topic",
                ),
                escapes: Escapes::Backslash,
            },
        },
    ],
};

pub(super) static DISASTER_TWEETS: NamedDataset = NamedDataset {
    name: "disaster_tweets",
    title: "Disaster tweets",
    texts: Texts::Single,
    target: NamedTarget::Classes(&["no disaster", "disaster"]),
    hub: None,
    layouts: &[Layout {
        name: "Kaggle CSV",
        rows: &[(Train, 7_613), (Test, 3_263)],
        folders: &["nlp-getting-started"],
        files: &[labeled(Train, "train.csv"), unlabeled(Test, "test.csv")],
        content: Content::Text {
            format: TableFormat::Delimited(Delimited::csv()),
            fields: text(&["text"], "target"),
            escapes: Escapes::None,
        },
    }],
};
