use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::dataset::{Label, Target};
use crate::tabular::ColumnNames;

/// The hub that the tests of its client use.
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "what other tests use; a test may stop"
)]
#[path = "../../../hub/tests/server.rs"]
mod server;

use self::server::{COMMIT, Server};

const CARD: &str = "---
dataset_info:
  features:
  - {name: text, dtype: string}
  - {name: label, dtype: {class_label: {names: {'0': bad, '1': good}}}}
---
# A dataset
";

fn hub(files: &[(&str, &[u8])]) -> (Server, tempfile::TempDir, Hub) {
    let server = Server::start(files);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(cache.path()).endpoint(server.address());
    (server, cache, hub)
}

/// A Parquet file with texts and class indices, without names.
fn parquet(rows: &[(&str, i64)]) -> Vec<u8> {
    let texts = StringArray::from_iter_values(rows.iter().map(|(text, _)| text));
    let labels = Int64Array::from_iter_values(rows.iter().map(|(_, label)| *label));
    let columns: [(&str, ArrayRef); 2] = [("text", Arc::new(texts)), ("label", Arc::new(labels))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn splits_and_classes_of_a_repository_are_found() {
    let (first, second) = (parquet(&[("a", 1)]), parquet(&[("b", 0), ("c", 1)]));
    let unpublished = parquet(&[("d", -1)]);
    let (server, _cache, hub) = hub(&[
        ("README.md", CARD.as_bytes()),
        ("data/train-00001-of-00002.parquet", &second),
        ("data/train-00000-of-00002.parquet", &first),
        ("data/test-00000-of-00001.parquet", &unpublished),
        ("load.py", b"import os"),
    ]);
    let dataset = HubDataset::download_from(&hub, "owner/name").unwrap();
    assert_eq!(dataset.pinned_name(), format!("owner/name@{COMMIT}"));
    let splits = dataset.open(&TabularOptions::default()).unwrap().splits;
    assert_eq!(splits.train.class_names(), ["bad", "good"]);
    assert_eq!(splits.train.name, format!("owner/name@{COMMIT}/train"));
    let texts: Vec<&str> = splits
        .train
        .examples
        .iter()
        .map(|row| &row.text[..])
        .collect();
    assert_eq!(texts, ["a", "b", "c"]);
    assert_eq!(splits.train.examples[0].label, Label::Class(1));
    assert_eq!(splits.test.unwrap().examples[0].label, Label::Unlabeled);
    assert!(splits.validation.is_none());

    // One split alone.
    let open = |split, label: Option<&str>| {
        let mut options = TabularOptions::default();
        options.columns.label = label.map(Into::into);
        dataset.open_split(split, &options)
    };
    let train = open(Split::Train, Some("label")).unwrap();
    assert_eq!(train.examples, splits.train.examples);
    assert_eq!(
        open(Split::Test, Some("label")).unwrap().examples[0].label,
        Label::Unlabeled
    );
    let texts = open(Split::Train, None).unwrap();
    assert_eq!((texts.len(), texts.schema.target), (3, Target::Unlabeled));
    let error = open(Split::Validation, None).unwrap_err().to_string();
    assert!(error.contains("expected one of train, test"), "{error}");
    let asked = |name: &str| {
        let requests = &server.behavior().requests;
        requests.iter().any(|asked| asked.path.ends_with(name))
    };
    assert!(!asked("load.py"));

    // Another time, and offline, nothing is asked for.
    let requests = server.request_count();
    let offline = hub.clone().local_files_only(true);
    for hub in [&hub, &offline] {
        HubDataset::download_from(hub, "owner/name").unwrap();
    }
    assert_eq!(server.request_count(), requests);
}

#[test]
fn names_and_numbers_of_classes_in_text_files_are_those_of_the_card() {
    let (_server, _cache, hub) = hub(&[
        ("README.md", CARD.as_bytes()),
        ("train.csv", b"text,label\na,1\nb,0\n"),
        ("dev.csv", b"text,label\nc,good\n"),
    ]);
    let dataset = HubDataset::download_from(&hub, "owner/name").unwrap();
    let options = TabularOptions::default();
    let splits = dataset.open(&options).unwrap().splits;
    assert_eq!(splits.train.class_names(), ["bad", "good"]);
    assert_eq!(splits.train.examples[1].label, Label::Class(0));
    assert_eq!(
        splits.validation.unwrap().examples[0].label,
        Label::Class(1)
    );

    // A file of one's own in place of a split.
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("own.csv");
    fs::write(&own, "text,label\nd,0\n").unwrap();
    let splits = dataset
        .with_files([(Split::Test, own)])
        .open(&options)
        .unwrap()
        .splits;
    assert_eq!(splits.test.unwrap().examples[0].label, Label::Class(0));
}

#[test]
fn a_missing_column_is_answered_with_those_there_are() {
    let (_server, _cache, hub) = hub(&[("train.csv", b"said,mood\na,x\nb,y\n")]);
    let dataset = HubDataset::download_from(&hub, "owner/name").unwrap();
    let error = dataset
        .open(&TabularOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("said") && error.contains("mood"), "{error}");
    let options = TabularOptions {
        columns: ColumnNames::new("said", "mood"),
        ..TabularOptions::default()
    };
    let target = dataset.open(&options).unwrap().splits.train.schema.target;
    assert_eq!(
        target,
        Target::Classes(vec!["x".to_owned(), "y".to_owned()])
    );
}

#[test]
fn a_repository_without_tables_is_read_from_its_conversion() {
    let (server, _cache, hub) = hub(&[("README.md", CARD.as_bytes()), ("load.py", b"import os")]);
    let error = HubDataset::download_from(&hub, "owner/name").unwrap_err();
    assert!(matches!(error, DataError::NoTables { .. }), "{error}");
    let rows = parquet(&[("a", 1), ("b", 0)]);
    let converted = [
        ("default/train/0000.parquet", &rows[..]),
        ("default/test/0000.parquet", &rows[..]),
    ];
    let other = "f".repeat(40);
    server.add("datasets/owner/name", CONVERTED, &other, &converted);
    let dataset = HubDataset::download_from(&hub, "owner/name").unwrap();
    let loaded = dataset.open(&TabularOptions::default()).unwrap();
    assert_eq!(loaded.splits.train.class_names(), ["bad", "good"]);
    assert_eq!(loaded.splits.test.unwrap().len(), 2);
    assert_eq!(dataset.pinned_name(), format!("owner/name@{other}"));
    // Only the newest revision is converted.
    let error = HubDataset::download_from(&hub, "owner/name@main").unwrap_err();
    assert!(matches!(error, DataError::NoTables { .. }), "{error}");
}
