//! Scores that are missing or no numbers on the scale.

use finetune_data::tabular::LabelKind;
use finetune_data::{DataError, Split};

use super::*;

fn options(labels: LabelKind) -> TabularOptions {
    TabularOptions {
        labels,
        ..TabularOptions::default()
    }
}

#[test]
fn scores_that_are_no_finite_numbers() {
    for bad in ["NaN", "inf", "-infinity", "four", "1,5"] {
        let folder = Folder::new().with("rows.tsv", format!("text\tlabel\na\t1.5\nb\t{bad}\n"));
        for labels in [
            LabelKind::InferRange,
            LabelKind::Range { min: 0.0, max: 5.0 },
        ] {
            assert_error!(
                folder.open("rows.tsv", &options(labels)).unwrap_err(),
                DataError::InvalidRow { row: 3, .. },
                "rows.tsv",
                "row 3",
                bad
            );
        }
    }
}

#[test]
fn scores_that_are_missing() {
    let folder = Folder::new()
        .with("rows.csv", "text,label\na,1\nb,\n")
        .with(
            "rows.jsonl",
            "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}\n",
        )
        .with_parquet(
            "rows.parquet",
            vec![
                ("text", texts(vec![Some("a"), Some("b")])),
                ("label", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))),
            ],
        );
    for (name, row) in [
        ("rows.csv", "row 3"),
        ("rows.jsonl", "row 2"),
        ("rows.parquet", "row 2"),
    ] {
        assert_error!(
            folder
                .open(name, &options(LabelKind::InferRange))
                .unwrap_err(),
            DataError::InvalidRow { .. },
            name,
            row,
            "label"
        );
    }
}

#[test]
fn scores_that_are_not_on_the_scale() {
    let content = "\tid\tsentence1\tsentence2\tsimilarity\n0\ta\tA.\tB.\t5.1\n";
    let folder = Folder::new().with("sts-dev.csv", content);
    let stsb = catalog::get("stsb").unwrap();
    assert_error!(
        stsb.open_split(folder.0.path(), Split::Validation)
            .unwrap_err(),
        DataError::InvalidRow { row: 2, .. },
        "sts-dev.csv",
        "row 2",
        "\"5.1\"",
        "from 0 to 5"
    );
    let folder = Folder::new().with("rows.csv", "text,label\na,2\nb,2\n");
    assert_error!(
        folder
            .open("rows.csv", &options(LabelKind::InferRange))
            .unwrap_err(),
        DataError::InvalidSetting { .. },
        "2 to 2"
    );
}

#[test]
fn scores_of_a_test_file_outside_the_range_of_the_training_file() {
    let folder = Folder::new()
        .with("train.csv", "text,label\na,0.5\nb,4.5\n")
        .with("test.csv", "text,label\nc,2\nd,4.75\n");
    let [train, test] = ["train.csv", "test.csv"].map(|name| folder.0.path().join(name));
    let files = tabular::SplitFiles::train_test(train, test);
    assert_error!(
        tabular::open(&files, &options(LabelKind::InferRange)).unwrap_err(),
        DataError::InvalidRow { row: 3, .. },
        "test.csv",
        "row 3",
        "\"4.75\"",
        "from 0.5 to 4.5"
    );
    let range = LabelKind::Range { min: 0.0, max: 5.0 };
    assert!(tabular::open(&files, &options(range)).is_ok());
}

#[test]
fn scores_in_a_column_of_classes() {
    let rows: String = (0..12)
        .map(|row| format!("a,{}\n", f64::from(row) / 4.0))
        .collect();
    let folder = Folder::new().with("train.csv", format!("text,label\n{rows}"));
    assert_error!(
        folder
            .open("train.csv", &options(LabelKind::Infer))
            .unwrap_err(),
        DataError::AmbiguousLabels { distinct: 12, .. },
        "train.csv",
        "12 different labels",
        "\"0.25\""
    );
}
