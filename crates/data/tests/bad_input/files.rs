//! Files that are not there, empty, or of an unknown kind.

use std::fs;

use finetune_data::{DataError, Split};

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
        DataError::MissingFiles { .. },
        "folder.csv",
        "state.json"
    );
    assert_error!(
        folder.error_of("rows.xlsx"),
        DataError::InvalidFile { .. },
        "rows.xlsx",
        ".csv, .tsv, .jsonl, .parquet"
    );
    assert_error!(
        folder.error_of("rows.parquet.gz"),
        DataError::InvalidFile { .. },
        "rows.parquet.gz"
    );
}

#[test]
fn folders_where_files_should_be() {
    let folder = Folder::new();
    for name in ["rows.csv", "rows.jsonl.gz", "rows.parquet", "train.csv"] {
        fs::create_dir(folder.path(name)).unwrap();
    }
    for name in ["rows.csv", "rows.jsonl.gz", "rows.parquet"] {
        assert_error!(folder.error_of(name), DataError::MissingFiles { .. }, name);
    }
    assert_error!(
        folder.ag_news_error(),
        DataError::Io { .. },
        "train.csv",
        "directory"
    );
    let shards = Folder::new();
    fs::create_dir(shards.path("train-00000-of-00001.parquet")).unwrap();
    assert_error!(
        shards.ag_news_error(),
        DataError::Io { .. },
        "train-00000-of-00001.parquet"
    );
}

#[test]
fn names_that_no_data_set_has() {
    assert_error!(
        catalog::get("ag-news").unwrap_err(),
        DataError::InvalidSetting { .. },
        "\"ag-news\"",
        "ag_news, dbpedia_14"
    );
    let folder = Folder::new();
    let imdb = catalog::get("imdb").unwrap();
    assert_error!(
        imdb.open_split(folder.0.path(), Split::Validation)
            .unwrap_err(),
        DataError::InvalidFile { .. },
        "imdb has no validation split"
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
    assert!(matches!(
        catalog::get("ag_news").unwrap().open_split(folder.0.path(), Split::Test),
        Err(DataError::MissingFiles { looked_for, .. }) if looked_for[0] == "test.csv"
    ));
    let folder = Folder::new().with("train-00001-of-00002.parquet", "");
    assert_error!(
        folder.ag_news_error(),
        DataError::InvalidFile { .. },
        "train-00000-of-00002.parquet"
    );
    let folder = Folder::new()
        .with("train-00000-of-00002.parquet", "")
        .with("train-00000-of-00003.parquet", "");
    assert_error!(
        folder.ag_news_error(),
        DataError::InvalidFile { .. },
        "of-00003"
    );
}

#[test]
fn empty_files() {
    for name in [
        "rows.csv",
        "rows.tsv",
        "rows.json",
        "rows.jsonl",
        "rows.parquet",
        "rows.arrow",
    ] {
        let folder = Folder::new().with(name, "");
        assert_error!(folder.error_of(name), DataError::InvalidFile { .. }, name);
    }
    let folder = Folder::new().with("rows.csv", "\u{feff}");
    assert_error!(
        folder.error_of("rows.csv"),
        DataError::InvalidFile { .. },
        "rows.csv"
    );
}

#[test]
fn files_without_rows() {
    let folder = Folder::new()
        .with("rows.csv", "text,label\n")
        .with("blank.csv", "\n\n")
        .with("blank.jsonl", "\n")
        .with("rows.json", "[]")
        .with_parquet(
            "rows.parquet",
            vec![("text", texts(vec![])), ("label", numbers(vec![]))],
        );
    for name in [
        "rows.csv",
        "blank.csv",
        "blank.jsonl",
        "rows.json",
        "rows.parquet",
    ] {
        assert_error!(folder.error_of(name), DataError::InvalidFile { .. }, name);
    }
    let folder = Folder::new().with("train.csv", "\n");
    assert_error!(
        folder.ag_news_error(),
        DataError::InvalidFile { .. },
        "train.csv"
    );
}
