//! Datasets that Chen and Gao train on, and others to train on in their place.

use std::error::Error;
use std::path::Path;

use finetune::data::catalog;
use finetune::eval::report::{Cell, Column, Table};
use finetune::prelude::*;
use finetune_arguments::data_directory;

/// Row of table 1: type, name, published name, classes, training and test rows.
type Row = (&'static str, &'static str, &'static str, u64, u64, u64);

const TABLE_1: [Row; 6] = [
    ("Topic", "ag_news", "AG_NEWS", 4, 120_000, 7_600),
    ("Topic", "dbpedia_14", "DBpedia", 14, 560_000, 70_000),
    (
        "Question",
        "yahoo_answers_topics",
        "YahooAnswers",
        10,
        1_400_000,
        60_000,
    ),
    (
        "Sentiment",
        "yelp_polarity",
        "YelpReviewPolarity",
        2,
        560_000,
        38_000,
    ),
    (
        "Sentiment",
        "amazon_reviews_full",
        "AmazonReviewFull",
        5,
        300_000,
        65_000,
    ),
    ("Sentiment", "imdb", "IMDB", 2, 25_000, 25_000),
];

/// Name of the two-class set made of the classes of `sst5`, without the neutral rows.
const SST5_POLARITY: &str = "sst5_polarity";

const POLARITY: [(&str, &[&str]); 2] = [
    ("negative", &["very negative", "negative"]),
    ("positive", &["positive", "very positive"]),
];

/// Opens a published dataset in a directory, or downloads it with the directory `hub`. Besides the
/// names of the catalog, `sst5_polarity` is `sst5` in two classes.
///
/// # Errors
/// If the name is unknown, or the dataset cannot be downloaded or read.
pub fn open_set(name: &str, directory: &Path) -> Result<Splits, Box<dyn Error>> {
    let of_catalog = |name: &str| -> Result<Splits, Box<dyn Error>> {
        let directory = data_directory(name, directory)?;
        Ok(catalog::get(name)?.open(&directory)?.splits)
    };
    match name {
        SST5_POLARITY => Ok(of_catalog("sst5")?.group_classes(&POLARITY)?),
        name => of_catalog(name),
    }
}

/// Returns table 1 of the paper, with the rows of `opened` beside the published numbers, and then
/// the datasets that the paper does not have.
///
/// # Errors
/// If the table cannot be built.
pub fn datasets_table<'a>(
    opened: impl IntoIterator<Item = (&'a str, &'a Splits)>,
) -> Result<Table, Box<dyn Error>> {
    let mut opened: Vec<(&str, &Splits)> = opened.into_iter().collect();
    let columns = vec![
        Column::text("Type"),
        Column::text("Name"),
        Column::count("Classes"),
        Column::count("our train cases"),
        Column::count("published train cases"),
        Column::count("our test cases"),
        Column::count("published test cases"),
    ];
    let mut table = Table::new("Chen and Gao, table 1: datasets.", columns);
    for (kind, name, published_name, classes, train, test) in TABLE_1 {
        let ours = opened.iter().position(|(own, _)| *own == name);
        let [our_train, our_test] = rows_of(ours.map(|at| opened.remove(at).1));
        table.push(vec![
            kind.into(),
            published_name.into(),
            classes.into(),
            our_train,
            train.into(),
            our_test,
            test.into(),
        ])?;
    }
    for (name, splits) in opened {
        let [train, test] = rows_of(Some(splits));
        let classes = splits.train.class_names().len();
        let (kind, missing) = ("not in the paper", Cell::Missing);
        table.push(vec![
            kind.into(),
            name.into(),
            classes.into(),
            train,
            missing.clone(),
            test,
            missing,
        ])?;
    }
    Ok(table)
}

/// Returns the number of training and test rows.
fn rows_of(splits: Option<&Splits>) -> [Cell; 2] {
    let test = splits.and_then(|splits| splits.test.as_ref());
    [
        splits.map(|splits| splits.train.len()),
        test.map(Dataset::len),
    ]
    .map(|rows| rows.map_or(Cell::Missing, Cell::from))
}
