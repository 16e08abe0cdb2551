//! Files that were cut off or overwritten: an error or other rows, never a panic.

use std::fs;

use finetune_data::DataError;
use finetune_data::tabular::{self, SplitFiles, TabularOptions};

use super::*;

#[test]
fn damaged_json() {
    let good = "{\"text\": \"a\", \"label\": 0}\n";
    for bad in [
        "{\"text\": \"b\", ",
        "[1, 2]",
        "not json",
        "{\"text\": \"b\"} {}",
    ] {
        let folder = Folder::new().with("rows.jsonl", format!("{good}{bad}\n"));
        assert_error!(
            folder.error_of("rows.jsonl"),
            DataError::Json { row: 2, .. },
            "rows.jsonl",
            "row 2"
        );
    }
}

/// Cut off anywhere, or with any one byte changed, a Parquet file is an error or reads as some
/// rows; it is never a panic.
#[test]
fn damaged_parquet() {
    let columns = vec![
        ("text", texts(vec![Some("some text"), Some("more text")])),
        ("label", numbers(vec![0, 1])),
    ];
    let whole = parquet(columns);
    for length in [1, 3, 8, whole.len() / 2, whole.len() - 1] {
        let folder = Folder::new().with("rows.parquet", &whole[..length]);
        assert_error!(
            folder.error_of("rows.parquet"),
            DataError::Library { .. },
            "rows.parquet"
        );
    }
    let folder = Folder::new();
    for place in 0..whole.len() {
        let mut corrupted = whole.clone();
        corrupted[place] ^= 0xff;
        fs::write(folder.path("rows.parquet"), corrupted).unwrap();
        let _ = folder.open("rows.parquet", &TabularOptions::default());
    }
}

/// Cut off anywhere, a compressed file is an error: at least its checksum is missing.
#[test]
fn damaged_gzip() {
    let whole = gzip(b"text,label\nsome text,0\nmore text,1\n");
    for length in [1, 9, whole.len() / 2, whole.len() - 1] {
        let folder = Folder::new().with("rows.csv.gz", &whole[..length]);
        assert_error!(
            folder.error_of("rows.csv.gz"),
            DataError::Compressed { .. },
            "rows.csv.gz"
        );
    }
    let folder = Folder::new()
        .with("plain.csv.gz", "text,label\na,0\n")
        .with("empty.jsonl.gz", gzip(b""));
    assert_error!(
        folder.error_of("plain.csv.gz"),
        DataError::Compressed { .. },
        "plain.csv.gz"
    );
    assert_error!(
        folder.error_of("empty.jsonl.gz"),
        DataError::InvalidFile { .. },
        "empty.jsonl.gz"
    );
    for place in 0..whole.len() {
        let mut corrupted = whole.clone();
        corrupted[place] ^= 0xff;
        fs::write(folder.path("rows.csv.gz"), corrupted).unwrap();
        let _ = folder.open("rows.csv.gz", &TabularOptions::default());
    }
}

#[test]
fn byte_order_marks_and_carriage_returns_are_no_error() {
    let folder = Folder::new()
        .with("train.csv", "\u{feff}text,label\r\na,0\r\nb,1\r\n")
        .with("test.jsonl", "\u{feff}{\"text\": \"c\", \"label\": 1}\r\n");
    let files = SplitFiles::train_test(folder.path("train.csv"), folder.path("test.jsonl"));
    let splits = tabular::open(&files, &TabularOptions::default())
        .unwrap()
        .splits;
    assert_eq!(splits.train.class_names(), ["0", "1"]);
    assert_eq!(splits.test.unwrap().examples[0].text, "c");
}
