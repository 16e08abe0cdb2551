//! Rows of Arrow record batches, which Parquet and Arrow files are decoded into.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::Schema;

use super::column_texts::{ColumnTexts, elements, has_text};
use super::lines::check_nul;
use super::lists::push_element;
use super::{RequestedColumns, Row, RowSource, positions};
use crate::error::DataError;
use crate::progress::Progress;

/// Decoder of the record batches of a file.
pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + Send>;

/// Requested columns of a schema.
pub(super) struct Selection {
    /// Names of the requested columns, in the requested order.
    names: Vec<String>,
    /// Whether each requested column holds floating-point numbers.
    floating: Vec<bool>,
    /// Index of each requested column in the schema.
    pub(super) columns: Vec<usize>,
}

impl Selection {
    /// Finds the requested columns.
    ///
    /// # Errors
    /// - [`DataError::UnknownColumn`] if one does not exist.
    /// - [`DataError::InvalidRow`] if the type of one has no unambiguous text form.
    pub(super) fn new(
        path: &Path,
        schema: &Schema,
        requested: RequestedColumns<'_>,
    ) -> Result<Self, DataError> {
        let fields = schema.fields();
        let all: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let columns = positions(path, requested.columns, &all)?;
        for (place, &index) in columns.iter().enumerate() {
            let field = schema.field(index);
            let is_list =
                requested.is_list(place) && elements(field.data_type()).is_some_and(has_text);
            if !is_list && !has_text(field.data_type()) {
                let found = field.data_type().to_string();
                return Err(DataError::unsupported_type(path, 1, field.name(), &found));
            }
        }
        let floating = |&index: &usize| schema.field(index).data_type().is_floating();
        Ok(Self {
            names: columns.iter().map(|&index| all[index].clone()).collect(),
            floating: columns.iter().map(floating).collect(),
            columns,
        })
    }

    /// Returns the indices of the columns in ascending order, each once.
    pub(super) fn projected(&self) -> Vec<usize> {
        let mut projected = self.columns.clone();
        projected.sort_unstable();
        projected.dedup();
        projected
    }
}

/// Rows of the record batches of a file.
pub(super) struct BatchRows {
    path: PathBuf,
    batches: Batches,
    selection: Selection,
    /// Index of each requested column in a record batch.
    places: Vec<usize>,
    batch: Vec<ColumnTexts>,
    next_in_batch: usize,
    read: u64,
    bytes: BytesOfRows,
}

/// Progress of a file whose bytes are not read in the order of its rows.
#[derive(Default)]
pub(super) struct BytesOfRows {
    /// Number of rows of the file.
    pub(super) rows: u64,
    /// Number of bytes counted for the rows: the length of the file, or 0 if the reader of the
    /// file counts them.
    pub(super) length: u64,
    /// Counter of the bytes.
    pub(super) progress: Progress,
}

impl BytesOfRows {
    /// Adds the bytes attributed to the row; the sum over all rows is the length.
    fn add(&self, row: u64) {
        let share =
            |rows: u64| u128::from(self.length) * u128::from(rows) / u128::from(self.rows.max(1));
        self.progress.add((share(row) - share(row - 1)) as u64);
    }
}

impl BatchRows {
    /// Creates rows of batches that hold all columns of the schema, or only
    /// [`Selection::projected`].
    pub(super) fn new(
        path: &Path,
        batches: Batches,
        selection: Selection,
        is_projected: bool,
        bytes: BytesOfRows,
    ) -> Self {
        let projected = selection.projected();
        let place = |&index: &usize| match is_projected {
            true => projected.partition_point(|&other| other < index),
            false => index,
        };
        Self {
            path: path.to_path_buf(),
            batches,
            places: selection.columns.iter().map(place).collect(),
            selection,
            batch: Vec::new(),
            next_in_batch: 0,
            read: 0,
            bytes,
        }
    }

    fn next_batch(&mut self) -> Result<Option<Vec<ColumnTexts>>, DataError> {
        contained(&self.path, || {
            let batch = self.batches.next().transpose()?;
            batch
                .map(|batch| texts(&self.path, &self.places, &batch))
                .transpose()
        })
    }

    fn field(&self, column: usize, place: usize) -> Result<String, DataError> {
        let text = |values: &StringArray, place: usize| {
            let missing = values.is_null(place)
                // pandas writes NaN for a missing value in a numeric column.
                || (self.selection.floating[column] && values.value(place) == "NaN");
            if missing {
                return Err(self.missing_value(column));
            }
            let text = values.value(place);
            check_nul(&self.path, self.read, text)?;
            Ok(text.to_owned())
        };
        let (ranges, elements) = match &self.batch[column] {
            ColumnTexts::Single(values) => return text(values, place),
            ColumnTexts::Lists { ranges, elements } => (ranges, elements),
        };
        let Some(range) = ranges[place].clone() else {
            return Err(self.missing_value(column));
        };
        let mut list = String::new();
        for place in range {
            push_element(&mut list, &text(elements, place)?);
        }
        Ok(list)
    }

    fn missing_value(&self, column: usize) -> DataError {
        let name = &self.selection.names[column];
        DataError::missing_value(&self.path, self.read, name)
    }
}

impl RowSource for BatchRows {
    fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        while self
            .batch
            .first()
            .is_none_or(|column| self.next_in_batch >= column.len())
        {
            let Some(batch) = self.next_batch()? else {
                return Ok(None);
            };
            self.batch = batch;
            self.next_in_batch = 0;
        }
        // Incremented before the values are read, so that an invalid row is counted too.
        self.read += 1;
        self.bytes.add(self.read);
        let place = self.next_in_batch;
        self.next_in_batch += 1;
        let fields = (0..self.batch.len()).map(|column| self.field(column, place));
        Ok(Some(Row {
            number: self.read,
            fields: fields.collect::<Result<_, _>>()?,
        }))
    }
}

/// Runs the decoder of a file. Corrupted content can make the decoding libraries panic; that is an
/// error of the file here. The message of the panic still reaches standard error: the panic hook is
/// one for the whole process, so a library that replaces it would take it from other threads.
///
/// # Errors
/// - The error of the decoder.
/// - [`DataError::InvalidFile`] if the decoder panics.
pub(super) fn contained<T>(
    path: &Path,
    decode: impl FnOnce() -> Result<T, DataError>,
) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        let problem = "the file is corrupted: its content cannot be decoded";
        Err(DataError::file(path, problem))
    })
}

fn texts(
    path: &Path,
    places: &[usize],
    batch: &RecordBatch,
) -> Result<Vec<ColumnTexts>, DataError> {
    let text = |&place: &usize| {
        let texts = ColumnTexts::new(batch.column(place));
        texts.ok_or_else(|| DataError::file(path, "a column did not become text"))
    };
    places.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_decoder_is_an_error_of_the_file() {
        let path = Path::new("rows.parquet");
        let found: Result<(), DataError> = contained(path, || panic!("out of range"));
        assert!(matches!(found, Err(DataError::InvalidFile { .. })));
        assert_eq!(contained(path, || Ok(3)).unwrap(), 3);
    }

    #[test]
    fn the_bytes_of_all_rows_are_those_of_the_file() {
        let bytes = BytesOfRows {
            rows: 7,
            length: 100,
            progress: Progress::default(),
        };
        (1..=7).for_each(|row| bytes.add(row));
        assert_eq!(bytes.progress.read(), 100);
    }
}
