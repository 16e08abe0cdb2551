//! Rows that break the rules of their format.

use finetune_data::DataError;

use super::*;

#[test]
fn bytes_that_are_no_text() {
    let folder = Folder::new()
        .with("rows.csv", b"text,label\na,0\n\xff\xfe,1\n")
        .with(
            "rows.jsonl",
            b"{\"text\": \"a\", \"label\": 0}\n{\"text\": \"\xe9\", \"label\": 1}\n",
        );
    assert_error!(
        folder.error_of("rows.csv"),
        DataError::InvalidRow { row: 3, .. },
        "rows.csv",
        "row 3"
    );
    assert_error!(
        folder.error_of("rows.jsonl"),
        DataError::InvalidRow { row: 2, .. },
        "rows.jsonl",
        "row 2"
    );
}

#[test]
fn nul_characters() {
    let folder = Folder::new()
        .with("rows.csv", "text,label\na\0b,0\n")
        .with("rows.jsonl", "{\"text\": \"a\\u0000\", \"label\": 0}\n")
        .with_parquet(
            "rows.parquet",
            vec![
                ("text", texts(vec![Some("a"), Some("\0")])),
                ("label", numbers(vec![0, 1])),
            ],
        );
    for (name, row) in [
        ("rows.csv", "row 2"),
        ("rows.jsonl", "row 1"),
        ("rows.parquet", "row 2"),
    ] {
        assert_error!(
            folder.error_of(name),
            DataError::InvalidRow { .. },
            name,
            row
        );
    }
}

#[test]
fn ragged_rows() {
    let folder = Folder::new()
        .with("few.csv", "text,label\n\"a\nb\",0\nc\n")
        .with("many.tsv", "text\tlabel\na\t0\nb\t1\t2\n")
        .with("gap.csv", "text,label\na,0\n\nb,1\n");
    assert_error!(
        folder.error_of("few.csv"),
        DataError::InvalidRow { row: 4, .. },
        "few.csv",
        "row 4",
        "expected 2 columns, found 1"
    );
    assert_error!(
        folder.error_of("many.tsv"),
        DataError::InvalidRow { row: 3, .. },
        "many.tsv",
        "row 3",
        "expected 2 columns, found 3"
    );
    assert_error!(
        folder.error_of("gap.csv"),
        DataError::InvalidRow { row: 3, .. },
        "gap.csv",
        "row 3",
        "expected 2 columns, found 0"
    );
    for (rows, found) in [("1,a\n", 2), ("1,a,b,c\n", 4)] {
        let folder = Folder::new().with("train.csv", format!("2,a,b\n{rows}"));
        assert_error!(
            folder.ag_news_error(),
            DataError::InvalidRow { row: 2, .. },
            "train.csv",
            "row 2",
            &format!("expected 3 columns, found {found}")
        );
    }
}

#[test]
fn columns_that_are_not_there() {
    let folder = Folder::new()
        .with("rows.csv", "Text,label\na,0\n")
        .with("rows.jsonl", "{\"sentence\": \"a\", \"label\": 0}\n")
        .with("twice.csv", "text,text,label\na,b,0\n")
        .with_parquet(
            "rows.parquet",
            vec![("review", texts(vec![None])), ("label", numbers(vec![0]))],
        );
    for (name, available) in [
        ("rows.csv", "Text"),
        ("rows.jsonl", "sentence"),
        ("rows.parquet", "review"),
    ] {
        assert_error!(
            folder.error_of(name),
            DataError::UnknownColumn { column, .. } if column == "text",
            name,
            "\"text\"",
            available
        );
    }
    assert_error!(
        folder.error_of("twice.csv"),
        DataError::InvalidFile { .. },
        "twice.csv",
        "\"text\""
    );
}

#[test]
fn quotes_that_do_not_close() {
    let folder = Folder::new()
        .with("end.csv", "text,label\na,0\n\"b,1\nc,0\n")
        .with("middle.csv", "text,label\n\"a,0\n\"b\",1\n")
        .with("stray.csv", "text,label\n\"a \"quoted\" word\",0\n");
    assert_error!(
        folder.error_of("end.csv"),
        DataError::BrokenRow { row: 3, .. },
        "end.csv",
        "row 3"
    );
    assert_error!(
        folder.error_of("middle.csv"),
        DataError::BrokenRow { row: 2, .. },
        "middle.csv",
        "row 2",
        "column 1"
    );
    assert_error!(
        folder.error_of("stray.csv"),
        DataError::BrokenRow { row: 2, .. },
        "stray.csv",
        "row 2",
        "column 1"
    );
}
