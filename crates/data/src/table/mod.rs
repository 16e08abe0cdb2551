//! Files of rows: CSV, TSV, JSON Lines and Parquet, read one row at a time.
//!
//! A reader picks the columns that are wanted and turns their values into text. It holds one
//! record (or one Parquet record batch) in memory, so a file may be larger than memory.

mod delimited;
mod json_lines;
mod lines;
mod parquet;
mod record;

use std::fmt;
use std::path::Path;

pub use self::delimited::Delimited;
use crate::error::DataError;

/// One record of a file, cut to the columns that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where the row is, from 1: the line on which it begins in a text file (the header counts),
    /// the record's number in a Parquet file.
    pub number: u64,
    /// The values, in the order in which the columns were asked for.
    pub fields: Vec<String>,
}

/// A column, by its name or by its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// The name in the header, the key of the JSON object, or the name in the Parquet schema.
    Name(String),
    /// The position, from 0. JSON objects have no order: there only names will do.
    Index(usize),
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
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

/// How a file of rows is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// CSV, TSV and their kin.
    Delimited(Delimited),
    /// One JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
}

impl TableFormat {
    /// The format that the file's extension stands for: `.csv`, `.tsv`, `.jsonl` or `.parquet`,
    /// in any case. CSV and TSV are taken to have a header and quoted fields.
    ///
    /// # Errors
    /// [`DataError::UnsupportedExtension`] for any other name.
    pub fn from_path(path: &Path) -> Result<Self, DataError> {
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Ok(Self::Delimited(Delimited::csv())),
            "tsv" => Ok(Self::Delimited(Delimited::tsv())),
            "jsonl" => Ok(Self::JsonLines),
            "parquet" => Ok(Self::Parquet),
            _ => Err(DataError::UnsupportedExtension {
                path: path.to_path_buf(),
                expected: ".csv, .tsv, .jsonl, .parquet",
                found: extension,
            }),
        }
    }
}

/// The rows of an open file, in the file's order.
///
/// After an error the iterator ends: what follows a broken record cannot be trusted.
pub struct Rows {
    source: Box<dyn Iterator<Item = Result<Row, DataError>> + Send>,
    failed: bool,
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
        let row = self.source.next();
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}

/// Opens a file and reads the wanted `columns` of its rows.
///
/// ```
/// use finetune_data::table::{TableFormat, open_rows};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("films.csv");
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
/// If the file cannot be opened, is empty, or lacks a column; each row may be an error too.
pub fn open_rows(path: &Path, format: TableFormat, columns: &[Column]) -> Result<Rows, DataError> {
    let source: Box<dyn Iterator<Item = Result<Row, DataError>> + Send> = match format {
        TableFormat::Delimited(layout) => {
            Box::new(delimited::DelimitedRows::open(path, layout, columns)?)
        }
        TableFormat::JsonLines => Box::new(json_lines::JsonRows::open(path, columns)?),
        TableFormat::Parquet => Box::new(parquet::ParquetRows::open(path, columns)?),
    };
    Ok(Rows {
        source,
        failed: false,
    })
}

/// The positions of the wanted columns among the named columns of a file.
fn positions(path: &Path, columns: &[Column], names: &[String]) -> Result<Vec<usize>, DataError> {
    let position = |column: &Column| {
        let mut matching = (0..names.len()).filter(|&index| match column {
            Column::Name(name) => names[index] == *name,
            Column::Index(wanted) => index == *wanted,
        });
        match (matching.next(), matching.next()) {
            (Some(index), None) => Ok(index),
            (Some(_), Some(_)) => Err(DataError::DuplicateColumn {
                path: path.to_path_buf(),
                column: column.to_string(),
            }),
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
        assert!(TableFormat::from_path(Path::new("csv")).is_err());
    }

    #[test]
    fn nothing_follows_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, "a,b\n1,2\n1\n1,2\n").unwrap();
        let format = TableFormat::from_path(&path).unwrap();
        let mut rows = open_rows(&path, format, &["b".into()]).unwrap();
        assert!(rows.next().unwrap().is_ok());
        assert!(rows.next().unwrap().is_err());
        assert!(rows.next().is_none());
    }
}
