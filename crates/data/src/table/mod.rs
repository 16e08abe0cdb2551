//! Streaming readers of CSV, TSV, JSON, Parquet and Arrow files.
//!
//! A reader selects columns and converts their values to text. It holds one record (or one record
//! batch of a Parquet or Arrow file) in memory, so files may be larger than memory.

mod arrow_stream;
mod batches;
mod column_texts;
mod delimited;
mod dialect;
mod features;
mod json_array;
mod json_lines;
mod lines;
mod lists;
mod parquet;
mod record;
mod saved_dataset;

use std::fmt;
use std::path::Path;

use finetune_storage::{Placeholder, placeholder_file};
use serde::{Deserialize, Serialize};

pub use self::delimited::Delimited;
pub use self::dialect::{Delimiter, Quote};
pub(crate) use self::features::declared_classes;
pub(crate) use self::lines::{RECORD_LIMIT, check_length, check_text, open_text, read_text};
pub(crate) use self::lists::{RequestedColumns, list_elements};
pub(crate) use self::saved_dataset::{data_files, is_saved_dataset};
use crate::error::DataError;
use crate::excerpt::excerpt;
use crate::progress::Progress;

/// One record of a file, reduced to the requested columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Row number, from 1: in text files the line on which the record begins (the header counts),
    /// in JSON arrays, Parquet and Arrow files the record number.
    pub number: u64,
    /// Values of the requested columns, in the requested order.
    pub fields: Vec<String>,
}

/// A column name or index: a string or a number in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Name in the header, key of the JSON object, or name in the schema.
    Name(String),
    /// Index, from 0. JSON supports names only, because JSON objects have no order.
    Index(usize),
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Column {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for Column {
    fn from(position: usize) -> Self {
        Self::Index(position)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Index(position) => write!(formatter, "{position}"),
        }
    }
}

/// File format of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableFormat {
    /// CSV, TSV and other delimited text.
    Delimited(Delimited),
    /// An array of JSON objects, or one object per line.
    Json,
    /// One JSON object per line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow, as a stream or a file (Feather).
    Arrow,
}

impl TableFormat {
    /// Returns the format for a file extension, in any case: `.csv`, `.tsv`, `.json`, `.jsonl` or
    /// `.ndjson`, which may be followed by `.gz`, or `.parquet`, `.arrow` or `.feather`. CSV and
    /// TSV have a header and quoted fields.
    ///
    /// # Errors
    /// - [`DataError::InvalidFile`] for any other extension.
    pub fn from_path(path: &Path) -> Result<Self, DataError> {
        let extension = extension(path);
        match extension.trim_end_matches(".gz") {
            "csv" => Ok(Self::Delimited(Delimited::csv())),
            "tsv" => Ok(Self::Delimited(Delimited::tsv())),
            "json" => Ok(Self::Json),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "parquet" if extension == "parquet" => Ok(Self::Parquet),
            "arrow" | "feather" if !extension.ends_with(".gz") => Ok(Self::Arrow),
            _ => {
                let known = ".csv, .tsv, .jsonl, .parquet, .json, .ndjson, .arrow, .feather, \
                             .csv.gz, .tsv.gz, .jsonl.gz, .json.gz, .ndjson.gz";
                let extension = excerpt(&extension);
                let problem =
                    format!("expected one of the extensions {known}, found {extension:?}");
                Err(DataError::file(path, problem))
            }
        }
    }

    /// Returns an error if the file holds a known placeholder and not a table. Without a header, an
    /// HTML page may be the first text.
    fn check_placeholder(self, path: &Path) -> Result<(), DataError> {
        // A file that cannot be read is an error of the reader.
        match placeholder_file(path).ok().flatten() {
            None => Ok(()),
            Some(Placeholder::HtmlPage) if self.has_no_header() => Ok(()),
            Some(found) => Err(DataError::placeholder(path, found)),
        }
    }

    fn has_no_header(self) -> bool {
        matches!(self, Self::Delimited(Delimited { header: false, .. }))
    }
}

/// Returns the extension in lowercase, such as `csv` or, for a compressed file, `csv.gz`.
pub(crate) fn extension(path: &Path) -> String {
    let last = |path: &Path| {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        extension.to_ascii_lowercase()
    };
    match last(path).as_str() {
        "gz" => format!("{}.gz", last(&path.with_extension(""))),
        extension => extension.to_owned(),
    }
}

/// Iterator over the rows of a file.
///
/// After an invalid row, such as one with too many columns, iteration can continue. After an error
/// of the file itself, such as an unclosed quote, the iterator ends, because the remaining content
/// is not reliable.
pub struct Rows {
    source: Box<dyn RowSource + Send>,
    failed: bool,
}

/// Reader of the rows of one file format.
trait RowSource {
    /// Returns the next row; `None` at the end of the file.
    fn next_row(&mut self) -> Result<Option<Row>, DataError>;
}

impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rows")
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Iterator for Rows {
    type Item = Result<Row, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.source.next_row().transpose();
        self.failed = matches!(&row, Some(Err(error)) if !error.is_of_one_row());
        row
    }
}

/// Opens a file and returns an iterator over the requested `columns` of its rows.
///
/// ```
/// use finetune_data::table::{TableFormat, open_rows};
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("films.csv");
/// std::fs::write(&path, "id,text,label\n7,\"So \"\"good\"\"\",pos\n")?;
///
/// let format = TableFormat::from_path(&path)?;
/// for row in open_rows(&path, format, &["text".into(), "label".into()])? {
///     let row = row?;
///     assert_eq!(row.number, 2);
///     assert_eq!(row.fields, ["So \"good\"", "pos"]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// - A [`DataError`] if the file cannot be opened, is empty, or lacks a requested column.
///
/// Each row may also be an error.
pub fn open_rows(path: &Path, format: TableFormat, columns: &[Column]) -> Result<Rows, DataError> {
    let columns = RequestedColumns::values(columns);
    open_counted(path, format, columns, &Progress::default())
}

/// Calls `each` with every row of a file, or of the files in a directory saved by the `datasets` library.
/// Without a format, it is that of each file's name.
pub(crate) fn for_each_row(
    path: &Path,
    format: Option<TableFormat>,
    columns: RequestedColumns<'_>,
    mut each: impl FnMut(&Path, Row) -> Result<(), DataError>,
) -> Result<(), DataError> {
    for file in data_files(path, None)? {
        let format = format.map_or_else(|| TableFormat::from_path(&file), Ok)?;
        for row in open_counted(&file, format, columns, &Progress::default())? {
            each(&file, row?)?;
        }
    }
    Ok(())
}

/// Opens a file and counts the bytes read in `progress`.
pub(crate) fn open_counted(
    path: &Path,
    format: TableFormat,
    columns: RequestedColumns<'_>,
    progress: &Progress,
) -> Result<Rows, DataError> {
    format.check_placeholder(path)?;
    let source: Box<dyn RowSource + Send> = match format {
        TableFormat::Delimited(layout) => Box::new(delimited::DelimitedRows::open(
            path,
            layout,
            columns.columns,
            progress,
        )?),
        TableFormat::JsonLines => Box::new(json_lines::JsonRows::open(path, columns, progress)?),
        TableFormat::Json => json_array::open(path, columns, progress)?,
        TableFormat::Parquet => Box::new(parquet::open(path, columns, progress)?),
        TableFormat::Arrow => Box::new(arrow_stream::open(path, columns, progress)?),
    };
    Ok(Rows {
        source,
        failed: false,
    })
}

/// Returns the indices of the requested columns among the columns of a file.
fn positions(path: &Path, columns: &[Column], names: &[String]) -> Result<Vec<usize>, DataError> {
    let position = |column: &Column| {
        let mut matching = (0..names.len()).filter(|&index| match column {
            Column::Name(name) => names[index] == *name,
            Column::Index(wanted) => index == *wanted,
        });
        match (matching.next(), matching.next()) {
            (Some(index), None) => Ok(index),
            (Some(_), Some(_)) => {
                let column = column.to_string();
                let problem = format!("more than one column is named {:?}", excerpt(&column));
                Err(DataError::file(path, problem))
            }
            (None, _) => Err(unknown_column(path, column, names)),
        }
    };
    columns.iter().map(position).collect()
}

fn unknown_column(path: &Path, column: &Column, names: &[String]) -> DataError {
    DataError::UnknownColumn {
        path: path.to_path_buf(),
        column: column.to_string(),
        available: names.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_in_any_case() {
        let format = |name: &str| TableFormat::from_path(Path::new(name)).unwrap();
        assert_eq!(format("a.CSV"), TableFormat::Delimited(Delimited::csv()));
        assert_eq!(format("a.tsv"), TableFormat::Delimited(Delimited::tsv()));
        assert_eq!(format("a.jsonl"), TableFormat::JsonLines);
        assert_eq!(format("b/a.parquet"), TableFormat::Parquet);
        assert_eq!(format("a.csv.gz"), TableFormat::Delimited(Delimited::csv()));
        assert_eq!(format("a.JSONL.GZ"), TableFormat::JsonLines);
        assert_eq!(format("a.ndjson"), TableFormat::JsonLines);
        assert_eq!(format("a.json.gz"), TableFormat::Json);
        assert_eq!(format("a.arrow"), TableFormat::Arrow);
        for name in ["csv", "a.parquet.gz", "a.arrow.gz", "a.gz", "a.xlsx"] {
            assert!(TableFormat::from_path(Path::new(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_no_table_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
        let page = "<!DOCTYPE html>\n<html></html>\n";
        let headless = Delimited {
            header: false,
            ..Delimited::csv()
        };
        for (content, format, named) in [
            (pointer, TableFormat::Parquet, Some("Git LFS")),
            (pointer, TableFormat::Delimited(headless), Some("Git LFS")),
            (page, TableFormat::Delimited(Delimited::csv()), Some("HTML")),
            (page, TableFormat::Arrow, Some("HTML")),
            (page, TableFormat::Delimited(headless), None),
        ] {
            std::fs::write(&path, content).unwrap();
            let rows = open_rows(&path, format, &[0.into()]);
            match named {
                Some(name) => assert!(rows.unwrap_err().to_string().contains(name)),
                None => assert!(rows.is_ok()),
            }
        }
    }

    #[test]
    fn columns_are_strings_or_numbers_in_a_settings_file() {
        let columns: Vec<Column> = serde_json::from_str("[\"text\", 3]").unwrap();
        assert_eq!(columns, [Column::from("text"), Column::from(3)]);
    }

    #[test]
    fn rows_follow_a_bad_row_and_nothing_a_broken_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.csv");
        std::fs::write(&path, "a,b\n1,2\n1\n1,2\n\"1,2\n1,2\n").unwrap();
        let format = TableFormat::from_path(&path).unwrap();
        let rows = open_rows(&path, format, &["b".into()]).unwrap();
        let found: Vec<bool> = rows.map(|row| row.is_ok()).collect();
        assert_eq!(found, [true, false, true, false]);
    }
}
