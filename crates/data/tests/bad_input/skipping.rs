//! Bad rows that are left out: counted, explained, and never more than asked for.

use finetune_data::DataError;

use super::*;

const SKIP: OnBadRow = OnBadRow::Skip;

fn skipping() -> TabularOptions {
    TabularOptions {
        on_bad_rows: SKIP,
        ..TabularOptions::default()
    }
}

/// The texts that were read, the rows left out, and the first reasons.
fn read(folder: &Folder, name: &str) -> (Vec<String>, u64, Vec<String>) {
    let opened = folder.open(name, &skipping()).unwrap();
    let examples = opened.splits.train.examples.into_iter();
    let skipped = opened.reports[0].skipped.clone();
    (
        examples.map(|row| row.text).collect(),
        skipped.rows,
        skipped.first,
    )
}

#[test]
fn rows_of_a_csv_file() {
    let folder = Folder::new().with(
        "rows.csv",
        b"text,label\r\na,0\r\n\xff,1\r\nb\0,1\r\nc\r\n\r\n\r\nd,1\r\ne,1,2\r\nf,\r\n\"g\r\n\",0\r\n",
    );
    let (texts, rows, reasons) = read(&folder, "rows.csv");
    assert_eq!(texts, ["a", "d", "g\r\n"]);
    assert_eq!(rows, 7);
    let expected = [
        "row 3", "row 4", "row 5", "row 6", "row 7", "row 9", "row 10",
    ];
    for (reason, row) in reasons.iter().zip(expected) {
        assert!(
            reason.contains("rows.csv") && reason.contains(row),
            "{reason}"
        );
    }
}

#[test]
fn rows_of_a_json_lines_file() {
    let folder = Folder::new().with(
        "rows.jsonl",
        b"{\"text\": \"a\", \"label\": 0}\n{\"text\": \n\n{\"text\": \"b\", \"label\": 1}\n{\"label\": 1}\n\xff\n{\"text\": [], \"label\": 1}\n\n",
    );
    let (texts, rows, _) = read(&folder, "rows.jsonl");
    assert_eq!((texts, rows), (vec!["a".to_owned(), "b".to_owned()], 5));
}

#[test]
fn rows_of_a_parquet_file() {
    let folder = Folder::new().with_parquet(
        "rows.parquet",
        vec![
            ("text", texts(vec![Some("a"), None, Some("\0"), Some("b")])),
            ("label", numbers(vec![0, 0, 1, 1])),
        ],
    );
    let (texts, rows, _) = read(&folder, "rows.parquet");
    assert_eq!((texts, rows), (vec!["a".to_owned(), "b".to_owned()], 2));
}

#[test]
fn rows_of_a_published_file() {
    let folder = Folder::new().with("train.csv", "1,a,b\n9,c,d\n2,e\n4,f,g\n");
    let ag_news = catalog::get("ag_news").unwrap();
    let opened = ag_news.open_with(folder.0.path(), SKIP).unwrap();
    assert_eq!(opened.splits.train.class_counts(), [1, 0, 0, 1]);
    assert!(opened.reports[0].to_string().contains("2 bad rows skipped"));
}

#[test]
fn what_is_wrong_with_the_file_is_not_skipped() {
    let cut_off = gzip(b"text,label\na,0\nb,1\n");
    let folder = Folder::new()
        .with("open.csv", "text,label\na,0\nb,1\n\"c,0\n")
        .with("stray.csv", "text,label\na,0\nb,1\n\"c\"d,0\n")
        .with("cut.csv.gz", &cut_off[..cut_off.len() - 4])
        .with("header.csv", "text\na\n")
        .with("ragged.csv", "\n\ntext,label\na,0\n")
        .with("nothing.csv", "text,label\na\nb\n");
    let error = |name: &str| folder.open(name, &skipping()).unwrap_err();
    assert_error!(
        error("open.csv"),
        DataError::BrokenRow { row: 4, .. },
        "row 4"
    );
    assert_error!(
        error("stray.csv"),
        DataError::BrokenRow { row: 4, .. },
        "row 4"
    );
    assert_error!(
        error("cut.csv.gz"),
        DataError::Compressed { .. },
        "cut.csv.gz"
    );
    assert_error!(
        error("header.csv"),
        DataError::UnknownColumn { .. },
        "\"label\""
    );
    assert_error!(
        error("ragged.csv"),
        DataError::InvalidRow { row: 1, .. },
        "row 1"
    );
    assert_error!(
        error("nothing.csv"),
        DataError::InvalidFile { .. },
        "nothing.csv"
    );
}
