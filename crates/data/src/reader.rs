//! Streaming reader of examples, for files larger than memory.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Example, Schema};
use crate::error::DataError;
use crate::progress::Progress;
use crate::splits::{SkippedRows, Split, SplitReport};

/// Handling of invalid rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRow {
    /// Stop with an error that names the row.
    #[default]
    Error,
    /// Skip and count the row, and record the reason.
    Skip,
}

/// Streaming reader of the examples of a split.
///
/// Holds one record (or one Parquet record batch) in memory.
pub struct ExampleReader {
    name: String,
    schema: Schema,
    files: Vec<PathBuf>,
    source_key: String,
    source: Box<dyn Iterator<Item = Result<Example, DataError>> + Send>,
    on_bad_rows: OnBadRow,
    skipped: SkippedRows,
    /// Progress and total, if known.
    progress: Option<(Progress, u64)>,
    failed: bool,
}

impl fmt::Debug for ExampleReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExampleReader")
            .field("name", &self.name)
            .field("files", &self.files)
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

impl ExampleReader {
    /// Creates a reader of `source`, whose content must depend only on `files` and `source_key`.
    ///
    /// The recipe identifies how the files are read (columns, labels). The cache uses it to
    /// distinguish datasets read from the same files.
    pub fn new(
        name: impl Into<String>,
        schema: Schema,
        files: Vec<PathBuf>,
        source_key: impl Into<String>,
        on_bad_rows: OnBadRow,
        source: impl Iterator<Item = Result<Example, DataError>> + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            schema,
            files,
            source_key: source_key.into(),
            source: Box::new(source),
            on_bad_rows,
            skipped: SkippedRows::default(),
            progress: None,
            failed: false,
        }
    }

    /// Returns the identifier of how the files are read.
    pub fn source_key(&self) -> &str {
        &self.source_key
    }

    /// Sets the progress counter and the total, in bytes or another unit.
    pub(crate) fn with_progress(mut self, progress: Progress, total: u64) -> Self {
        self.progress = Some((progress, total));
        self
    }

    /// Returns the fraction of the files read so far, in `[0, 1]`, including read-ahead; `None` if
    /// unknown.
    pub fn fraction_read(&self) -> Option<f64> {
        let (progress, total) = self.progress.as_ref()?;
        Some((progress.read() as f64 / (*total).max(1) as f64).min(1.0))
    }

    /// Returns the name used in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the files, in reading order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns how invalid rows are handled.
    pub fn on_bad_rows(&self) -> OnBadRow {
        self.on_bad_rows
    }

    /// Returns the rows skipped so far.
    pub fn skipped(&self) -> &SkippedRows {
        &self.skipped
    }

    /// Reads all examples into memory.
    ///
    /// # Errors
    /// - The error of the first invalid row, unless invalid rows are skipped.
    /// - [`DataError::InvalidFile`] if no rows remain.
    pub fn read(mut self) -> Result<(Dataset, SkippedRows), DataError> {
        let examples = self.by_ref().collect::<Result<Vec<_>, _>>()?;
        if examples.is_empty() {
            return Err(self.no_rows());
        }
        let dataset = Dataset {
            name: self.name,
            schema: self.schema,
            examples,
        };
        Ok((dataset, self.skipped))
    }

    /// Returns the error of files without rows.
    pub(crate) fn no_rows(&self) -> DataError {
        let path = self
            .files
            .first()
            .map_or(Path::new(&self.name), |path| path);
        self.skipped.error(path)
    }

    /// Reads all examples into memory and returns them with a report.
    ///
    /// # Errors
    /// The same errors as [`Self::read`].
    pub fn read_split(
        self,
        split: Split,
        official_rows: Option<usize>,
    ) -> Result<(Dataset, SplitReport), DataError> {
        let files = self.files.clone();
        let (dataset, skipped) = self.read()?;
        let report = SplitReport {
            split,
            files,
            rows: dataset.len(),
            official_rows,
            skipped,
        };
        Ok((dataset, report))
    }
}

impl Iterator for ExampleReader {
    type Item = Result<Example, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        loop {
            match self.source.next()? {
                Err(error) if self.on_bad_rows == OnBadRow::Skip && error.is_of_one_row() => {
                    self.skipped.count(&error);
                }
                Err(error) => {
                    // Records after a broken record are not reliable.
                    self.failed = true;
                    return Some(Err(error));
                }
                example => return Some(example),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Label;

    fn bad_row(row: u64) -> DataError {
        DataError::row(Path::new("rows.csv"), row, "bad")
    }

    fn reader(on_bad_rows: OnBadRow, rows: Vec<Result<&'static str, DataError>>) -> ExampleReader {
        let examples = rows
            .into_iter()
            .map(|row| row.map(|text| Example::new(text, Label::Class(0))));
        let schema = Schema::classification(["a", "b"]);
        let files = vec!["rows.csv".into()];
        ExampleReader::new("rows", schema, files, "", on_bad_rows, examples)
    }

    #[test]
    fn a_bad_row_ends_the_reading_unless_it_is_to_be_skipped() {
        let rows = || vec![Ok("a"), Err(bad_row(2)), Ok("b"), Err(bad_row(4))];
        let mut refusing = reader(OnBadRow::Error, rows());
        assert!(refusing.next().unwrap().is_ok());
        assert!(refusing.next().unwrap().is_err());
        assert!(refusing.next().is_none());

        let (dataset, report) = reader(OnBadRow::Skip, rows())
            .read_split(Split::Train, Some(4))
            .unwrap();
        assert_eq!(dataset.len(), 2);
        assert_eq!((report.skipped.rows, report.skipped.first.len()), (2, 2));
        assert!(report.skipped.first[1].contains("row 4"));
    }

    #[test]
    fn what_is_wrong_with_the_file_is_never_skipped() {
        let error = DataError::broken_row(Path::new("rows.csv"), 1, "bad");
        let mut rows = reader(OnBadRow::Skip, vec![Err(error), Ok("a")]);
        assert!(rows.next().unwrap().is_err());
        assert!(rows.next().is_none());
    }

    #[test]
    fn the_fraction_read_is_known_where_it_is_counted() {
        assert_eq!(reader(OnBadRow::Skip, vec![]).fraction_read(), None);
        let progress = Progress::default();
        let reader = reader(OnBadRow::Skip, vec![]).with_progress(progress.clone(), 8);
        assert_eq!(reader.fraction_read(), Some(0.0));
        progress.add(2);
        assert_eq!(reader.fraction_read(), Some(0.25));
    }

    #[test]
    fn no_rows_at_all_is_an_error() {
        let error = reader(OnBadRow::Skip, vec![Err(bad_row(1))])
            .read()
            .unwrap_err();
        assert!(matches!(error, DataError::InvalidFile { .. }), "{error}");
        let expected = "rows.csv: none of its 1 rows is valid: rows.csv, row 1: bad";
        assert_eq!(error.to_string(), expected);
    }
}
