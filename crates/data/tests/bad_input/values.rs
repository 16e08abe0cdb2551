//! Values and labels that are not what a data set needs.

use finetune_data::DataError;
use finetune_data::tabular::{self, SplitFiles, TabularOptions};

use super::*;

#[test]
fn values_that_are_missing() {
    let folder = Folder::new()
        .with("rows.csv", "text,label\na,0\nb,\n")
        .with(
            "rows.jsonl",
            "{\"text\": \"a\", \"label\": 0}\n{\"text\": \"b\", \"label\": null}\n",
        )
        .with_parquet(
            "rows.parquet",
            vec![
                ("text", texts(vec![Some("a"), None])),
                ("label", numbers(vec![0, 1])),
            ],
        );
    for (name, row, column) in [
        ("rows.csv", "row 3", "label"),
        ("rows.jsonl", "row 2", "label"),
        ("rows.parquet", "row 2", "text"),
    ] {
        assert_error!(
            folder.error_of(name),
            DataError::InvalidRow { .. },
            name,
            row,
            column
        );
    }
}

#[test]
fn values_of_a_wrong_type() {
    let folder = Folder::new().with("rows.jsonl", "{\"text\": [\"a\"], \"label\": 0}\n");
    assert_error!(
        folder.error_of("rows.jsonl"),
        DataError::InvalidRow { row: 1, .. },
        "rows.jsonl",
        "row 1",
        "an array"
    );
}

#[test]
fn labels_outside_the_classes() {
    let folder = Folder::new().with("train.csv", "1,a,b\n\"5\",\"c\",\"d\"\n");
    assert_error!(
        folder.ag_news_error(),
        DataError::InvalidRow { row: 2, .. },
        "train.csv",
        "row 2",
        "\"5\"",
        "[\"1\", \"2\", \"3\", \"4\"]"
    );
    let folder = Folder::new().with_parquet(
        "train.parquet",
        vec![
            ("text", texts(vec![Some("a"), Some("b")])),
            ("label", numbers(vec![0, -1])),
        ],
    );
    assert_error!(
        folder.ag_news_error(),
        DataError::InvalidRow { row: 2, .. },
        "train.parquet",
        "row 2",
        "\"-1\""
    );
    let folder = Folder::new()
        .with("train.csv", "text,label\na,0\nb,1\n")
        .with("test.jsonl", "{\"text\": \"a\", \"label\": \"positive\"}\n");
    assert_error!(
        tabular::open(
            &SplitFiles::train_test(folder.path("train.csv"), folder.path("test.jsonl")),
            &TabularOptions::default()
        )
        .unwrap_err(),
        DataError::InvalidRow { row: 1, .. },
        "test.jsonl",
        "row 1",
        "positive",
        "[\"0\", \"1\"]"
    );
}

#[test]
fn too_few_classes() {
    let folder = Folder::new().with("rows.csv", "text,label\na,spam\nb,spam\n");
    assert_error!(
        folder.error_of("rows.csv"),
        DataError::InvalidFile { .. },
        "rows.csv",
        "spam"
    );
}
