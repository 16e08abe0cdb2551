//! Files that are not there, empty, or of an unknown kind.

use std::fs;

use finetune_data::DataError;

use super::*;

#[test]
fn missing_and_unreadable_files() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder.csv")).unwrap();
    assert_error!(
        folder.error_of("none.csv"),
        DataError::Io { .. },
        "none.csv"
    );
    assert_error!(
        folder.error_of("none.parquet"),
        DataError::Io { .. },
        "none.parquet"
    );
    assert_error!(
        folder.error_of("folder.csv"),
        DataError::Io { .. },
        "folder.csv"
    );
    assert_error!(
        folder.error_of("rows.xlsx"),
        DataError::UnsupportedExtension { .. },
        "rows.xlsx",
        ".csv, .tsv, .jsonl, .parquet"
    );
}

#[test]
fn a_folder_without_its_files() {
    assert_error!(
        Folder::new().ag_news_error(),
        DataError::MissingFiles { .. },
        "train.csv",
        "train.parquet",
        "train-00000-of-0000N.parquet"
    );
    let folder = Folder::new().with("train.csv", "1,a,b\n");
    assert_error!(
        folder.ag_news_error(),
        DataError::MissingFiles { .. },
        "test.csv"
    );
    let folder = Folder::new().with("train-00001-of-00002.parquet", "");
    assert_error!(
        folder.ag_news_error(),
        DataError::MissingShard { .. },
        "train-00000-of-00002.parquet"
    );
    let folder = Folder::new()
        .with("train-00000-of-00002.parquet", "")
        .with("train-00000-of-00003.parquet", "");
    assert_error!(
        folder.ag_news_error(),
        DataError::AmbiguousShards { .. },
        "of-00003"
    );
}

#[test]
fn empty_files() {
    for name in ["rows.csv", "rows.tsv", "rows.jsonl", "rows.parquet"] {
        let folder = Folder::new().with(name, "");
        assert_error!(folder.error_of(name), DataError::EmptyFile { .. }, name);
    }
    let folder = Folder::new().with("rows.csv", "\u{feff}");
    assert_error!(
        folder.error_of("rows.csv"),
        DataError::EmptyFile { .. },
        "rows.csv"
    );
}

#[test]
fn files_without_rows() {
    let folder = Folder::new()
        .with("rows.csv", "text,label\n")
        .with("blank.csv", "\n\n")
        .with("blank.jsonl", "\n")
        .with_parquet(
            "rows.parquet",
            vec![("text", texts(vec![])), ("label", numbers(vec![]))],
        );
    for name in ["rows.csv", "blank.csv", "blank.jsonl", "rows.parquet"] {
        assert_error!(folder.error_of(name), DataError::NoRows { .. }, name);
    }
    let folder = Folder::new().with("train.csv", "\n");
    assert_error!(
        folder.ag_news_error(),
        DataError::NoRows { .. },
        "train.csv"
    );
}
