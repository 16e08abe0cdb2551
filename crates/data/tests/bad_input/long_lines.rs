//! Lines that are too long to be text. The files are sparse: they take no room on a disk.

use std::fs::File;

use finetune_data::DataError;

use super::*;

const GIGABYTE: u64 = 1 << 30;

/// A file that begins with `start` and goes on for a gigabyte without a line break.
fn endless(folder: &Folder, name: &str, start: &str) {
    fs::write(folder.path(name), start).unwrap();
    let file = File::options()
        .append(true)
        .open(folder.path(name))
        .unwrap();
    file.set_len(GIGABYTE).unwrap();
}

#[test]
fn a_line_of_a_gigabyte() {
    let folder = Folder::new();
    for (name, start) in [
        ("rows.csv", "text,label\na,0\nb,1\n"),
        ("quoted.csv", "text,label\na,0\nb,1\n\"c\nd"),
        ("rows.tsv", "text\tlabel\na\t0\nb\t1\n"),
        (
            "rows.jsonl",
            "{\"text\": \"a\", \"label\": 0}\n{\"text\": \"b\", \"label\": 1}\n",
        ),
    ] {
        endless(&folder, name, start);
        assert_error!(
            folder.error_of(name),
            DataError::BrokenRow { .. },
            name,
            "67108864 bytes",
            if name == "rows.jsonl" {
                "row 3"
            } else if name == "quoted.csv" {
                "row 5"
            } else {
                "row 4"
            }
        );
    }
    endless(&folder, "header.csv", "");
    assert_error!(
        folder.error_of("header.csv"),
        DataError::BrokenRow { row: 1, .. },
        "header.csv"
    );
    // Skipping bad rows does not mean reading on in such a file.
    let options = TabularOptions {
        on_bad_rows: OnBadRow::Skip,
        ..TabularOptions::default()
    };
    assert_error!(
        folder.open("rows.csv", &options).unwrap_err(),
        DataError::BrokenRow { .. },
        "rows.csv"
    );
}

#[test]
fn a_review_of_a_gigabyte() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("train/neg")).unwrap();
    fs::create_dir_all(folder.path("train/pos")).unwrap();
    endless(&folder, "train/neg/0_1.txt", "Long");
    assert_error!(
        folder.catalog_error("imdb"),
        DataError::BrokenRow { .. },
        "0_1.txt"
    );
}
