use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use finetune_data::catalog;
use finetune_data::tabular::{self, SplitFiles, TabularOptions};
use finetune_data::{DataError, LoadedDataset, OnBadRow, TextTokenizer};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

mod archives;
mod corrupted;
mod files;
mod long_lines;
mod mutations;
mod rows;
mod scores;
mod skipping;
mod tokenizers;
mod values;

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.0.path().join(name), content).unwrap();
        self
    }

    fn with_parquet(self, name: &str, columns: Vec<(&str, ArrayRef)>) -> Self {
        self.with(name, parquet(columns))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The error of reading `name` as a training file of one's own.
    fn error_of(&self, name: &str) -> DataError {
        self.open(name, &TabularOptions::default()).unwrap_err()
    }

    /// `name` opened as a training file of one's own, with the labels 0 and 1 in the test file.
    fn open(&self, name: &str, options: &TabularOptions) -> Result<LoadedDataset, DataError> {
        fs::write(self.path("good.csv"), "text,label\na,0\nb,1\n").unwrap();
        tabular::open(
            &SplitFiles::train_test(self.path(name), self.path("good.csv")),
            options,
        )
    }

    fn ag_news_error(&self) -> DataError {
        self.catalog_error("ag_news")
    }

    fn catalog_error(&self, name: &str) -> DataError {
        let dataset = catalog::get(name).unwrap();
        dataset.open(self.0.path()).unwrap_err()
    }

    fn tokenizer_error(&self) -> DataError {
        TextTokenizer::from_pretrained(self.0.path()).unwrap_err()
    }
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn texts(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn numbers(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

/// The message names the file, and the row where there is one.
fn assert_says(error: &DataError, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

macro_rules! assert_error {
    ($error:expr, $pattern:pat $(if $guard:expr)?, $($part:expr),+) => {{
        let error = $error;
        assert!(matches!(&error, $pattern $(if $guard)?), "{error:?}");
        assert_says(&error, &[$($part),+]);
    }};
}

use assert_error;
