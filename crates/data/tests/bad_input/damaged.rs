//! Files that were cut off or overwritten: an error or other rows, never a panic.

use std::fs;

use finetune_data::tabular::{self, Columns};
use finetune_data::{DataError, TextTokenizer};

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
            DataError::Parquet { .. },
            "rows.parquet"
        );
    }
    let folder = Folder::new().with("good.csv", "text,label\na,0\nb,1\n");
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        let path = folder.path("rows.parquet");
        fs::write(&path, damaged).unwrap();
        let _ = tabular::open(&path, &folder.path("good.csv"), &Columns::default());
    }
}

#[test]
fn byte_order_marks_and_carriage_returns_are_no_error() {
    let folder = Folder::new()
        .with("train.csv", "\u{feff}text,label\r\na,0\r\nb,1\r\n")
        .with("test.jsonl", "\u{feff}{\"text\": \"c\", \"label\": 1}\r\n");
    let splits = tabular::open(
        &folder.path("train.csv"),
        &folder.path("test.jsonl"),
        &Columns::default(),
    )
    .unwrap();
    assert_eq!(splits.train.class_names, ["0", "1"]);
    assert_eq!(splits.test.examples[0].text, "c");
}

/// The tokenizers library itself panics on some of these.
#[test]
fn damaged_tokenizers() {
    let source = Folder::new().with("vocab.txt", VOCABULARY);
    TextTokenizer::from_dir(source.0.path())
        .unwrap()
        .save(source.0.path())
        .unwrap();
    let whole = fs::read(source.path("tokenizer.json")).unwrap();
    let folder = Folder::new();
    for place in 0..whole.len() {
        let mut without = whole.clone();
        without.remove(place);
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        for damaged in [&without, &flipped, &whole[..place].to_vec()] {
            fs::write(folder.path("tokenizer.json"), damaged).unwrap();
            if let Ok(tokenizer) = TextTokenizer::from_dir(folder.0.path()) {
                let _ = tokenizer.encode(&["the [MASK] word"], 8);
            }
        }
    }
}
