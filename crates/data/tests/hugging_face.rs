//! Files of the Hugging Face library `datasets`, written by `hugging_face/generate.py`.

use std::fs;
use std::path::{Path, PathBuf};

use finetune_data::tabular::{self, LabelKind, SplitFiles, TabularOptions};
use finetune_data::{DataError, Label, OnBadRow, Split, Target, catalog};

const NAMES: [&str; 3] = ["negative", "neutral", "positive"];

fn file(name: &str) -> PathBuf {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hugging_face");
    PathBuf::from(files).join(name)
}

fn labels(train: &Path, test: &Path, options: &TabularOptions) -> Result<Vec<Label>, DataError> {
    let splits = tabular::open(&SplitFiles::train_test(train, test), options)?.splits;
    assert_eq!(
        splits.train.class_names(),
        splits.test.as_ref().unwrap().class_names()
    );
    let rows = splits
        .train
        .examples
        .into_iter()
        .chain(splits.test.unwrap().examples);
    Ok(rows.map(|example| example.label).collect())
}

fn skipping() -> TabularOptions {
    TabularOptions {
        on_bad_rows: OnBadRow::Skip,
        ..TabularOptions::default()
    }
}

#[test]
fn a_saved_dataset_has_its_splits_and_class_names() {
    let saved = file("saved");
    let files = SplitFiles::train_test(&saved, &saved);
    let splits = tabular::open(&files, &TabularOptions::default())
        .unwrap()
        .splits;
    assert_eq!(splits.train.class_names(), NAMES);
    let rows: Vec<(&str, &Label)> = splits
        .train
        .examples
        .iter()
        .map(|example| (example.text.as_str(), &example.label))
        .collect();
    let expected = [
        ("The soup was cold.", &Label::Class(0)),
        ("It is a restaurant.", &Label::Class(1)),
        ("The best bread in town.", &Label::Class(2)),
    ];
    assert_eq!(rows, expected);
    assert_eq!(splits.test.unwrap().class_counts(), [1, 0, 1]);

    // One split, one file, and a column of another kind.
    let test = saved.join("test");
    let one = tabular::read_column(&test, &"stars".into(), None).unwrap();
    assert_eq!(one, ["4.5", "1.0"]);
    let shard = saved.join("train/data-00000-of-00002.arrow");
    let options = TabularOptions::default();
    let target = tabular::infer_target(&shard, &options).unwrap();
    assert_eq!(target, Target::Classes(NAMES.map(str::to_owned).to_vec()));
    let reader = tabular::read(&shard, Split::Train, &target, &options).unwrap();
    assert_eq!(reader.read().unwrap().0.len(), 2);
    let missing = tabular::read(&saved, Split::Validation, &target, &options);
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("[\"train\", \"test\"]")
    );
}

#[test]
fn class_names_in_parquet_metadata_are_those_of_the_indices() {
    let parquet = file("reviews.parquet");
    let error = labels(&parquet, &parquet, &TabularOptions::default()).unwrap_err();
    assert!(
        matches!(&error, DataError::InvalidRow { row: 4, .. }),
        "{error}"
    );
    let found = labels(&parquet, &file("saved"), &skipping()).unwrap();
    assert_eq!(found, [0, 1, 2, 2, 0].map(Label::Class));

    // A file without names has the names; one with other names has those.
    let directory = tempfile::tempdir().unwrap();
    let csv = directory.path().join("test.csv");
    fs::write(&csv, "text,label\na,positive\nb,neutral\n").unwrap();
    let found = labels(&parquet, &csv, &skipping()).unwrap();
    assert_eq!(found[3..], [2, 1].map(Label::Class));
    fs::write(&csv, "text,label\na,positive\nb,2\n").unwrap();
    // An index without a declaration is no name.
    assert_eq!(labels(&parquet, &csv, &skipping()).unwrap().len(), 4);
    fs::write(&csv, "text,label\na,positive\nb,negative\n").unwrap();
    let found = labels(&csv, &file("saved"), &TabularOptions::default()).unwrap();
    assert_eq!(found, [1, 0, 1, 0].map(Label::Class));
}

#[test]
fn classes_given_by_the_user_come_first() {
    let parquet = file("reviews.parquet");
    let options = |names: &[&str]| TabularOptions {
        labels: LabelKind::Classes(names.iter().map(|&name| name.to_owned()).collect()),
        ..skipping()
    };
    let reversed = options(&["positive", "neutral", "negative"]);
    let found = labels(&parquet, &parquet, &reversed).unwrap();
    assert_eq!(found[..3], [2, 1, 0].map(Label::Class));
    let renamed = labels(&parquet, &parquet, &options(&["bad", "so so", "good"])).unwrap();
    assert_eq!(renamed[..3], [0, 1, 2].map(Label::Class));
    let scores = TabularOptions {
        labels: LabelKind::InferRange,
        ..TabularOptions::default()
    };
    let found = labels(&parquet, &parquet, &scores).unwrap();
    assert_eq!(found[..4], [0.0, 1.0, 2.0, -1.0].map(Label::Score));
}

#[test]
fn the_description_beside_the_data_comes_first() {
    let directory = tempfile::tempdir().unwrap();
    let train = file("saved/train");
    for entry in fs::read_dir(&train).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    let info = directory.path().join("dataset_info.json");
    let text = fs::read_to_string(&info).unwrap();
    fs::write(&info, text.replace("neutral", "mixed")).unwrap();
    let target = tabular::infer_target(directory.path(), &TabularOptions::default());
    let names = ["negative", "mixed", "positive"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(target.unwrap(), Target::Classes(names));
    fs::write(&info, "{").unwrap();
    let error = tabular::infer_target(directory.path(), &TabularOptions::default());
    assert!(matches!(error, Err(DataError::Json { .. })));
}

/// A dataset with a name is read from what `datasets` saved, too.
#[test]
fn a_saved_dataset_with_a_name_is_found() {
    let opened = catalog::get("ag_news")
        .unwrap()
        .open(&file("saved"))
        .unwrap();
    let labels = opened
        .splits
        .train
        .examples
        .iter()
        .map(|example| &example.label);
    assert_eq!(
        labels.collect::<Vec<_>>(),
        [0, 1, 2].map(Label::Class).iter().collect::<Vec<_>>()
    );
    assert_eq!(opened.splits.test.unwrap().len(), 2);
}
