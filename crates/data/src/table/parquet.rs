//! Reader of Parquet files, in record batches of the requested columns.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::lines::check_nul;
use super::{Column, Row, RowSource, positions};
use crate::error::DataError;
use crate::progress::Progress;

/// Number of rows decoded at a time: large enough to amortize the cost of a batch, small in memory.
const BATCH_ROWS: usize = 1024;

/// Rows of a Parquet file.
pub(super) struct ParquetRows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    /// Names of the requested columns, in the requested order.
    names: Vec<String>,
    /// Whether each requested column holds floating-point numbers.
    floating: Vec<bool>,
    /// Index of each requested column in a record batch.
    places: Vec<usize>,
    batch: Vec<StringArray>,
    next_in_batch: usize,
    read: u64,
    /// Number of rows and length in bytes of the file; progress is counted in bytes.
    rows: u64,
    length: u64,
    progress: Progress,
}

impl ParquetRows {
    pub(super) fn open(
        path: &Path,
        columns: &[Column],
        progress: &Progress,
    ) -> Result<Self, DataError> {
        let failed = |source| DataError::io(path, source);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        let length = metadata.len();
        if length == 0 {
            return Err(DataError::empty_file(path));
        }
        let failed = |source| DataError::library(path, source);
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
        let schema = builder.schema().clone();
        let all: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let wanted = positions(path, columns, &all)?;
        check_types(path, &schema, &wanted)?;

        // A projection returns columns in file order, each once.
        let mut projected = wanted.clone();
        projected.sort_unstable();
        projected.dedup();
        let places = wanted
            .iter()
            .map(|index| projected.partition_point(|other| other < index));
        let mask = ProjectionMask::roots(builder.parquet_schema(), projected.iter().copied());
        Ok(Self {
            path: path.to_path_buf(),
            names: wanted.iter().map(|&index| all[index].clone()).collect(),
            floating: wanted
                .iter()
                .map(|&index| schema.field(index).data_type().is_floating())
                .collect(),
            places: places.collect(),
            rows: u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0),
            length,
            progress: progress.clone(),
            reader: builder
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(failed)?,
            batch: Vec::new(),
            next_in_batch: 0,
            read: 0,
        })
    }

    /// Returns the bytes attributed to the current row; the sum over all rows is the file size.
    fn bytes_of_row(&self) -> u64 {
        let share =
            |rows: u64| u128::from(self.length) * u128::from(rows) / u128::from(self.rows.max(1));
        (share(self.read) - share(self.read - 1)) as u64
    }

    fn texts(&self, batch: &RecordBatch) -> Result<Vec<StringArray>, DataError> {
        let text = |&place: &usize| {
            let text = cast(batch.column(place), &DataType::Utf8);
            let text = text.map_err(|source| DataError::library(&self.path, source))?;
            let problem = "a column did not become text";
            let text = text.as_string_opt::<i32>().cloned();
            text.ok_or_else(|| DataError::file(&self.path, problem))
        };
        self.places.iter().map(text).collect()
    }

    fn field(&self, column: usize, place: usize) -> Result<String, DataError> {
        let values = &self.batch[column];
        let missing = values.is_null(place)
            // pandas writes NaN for a missing value in a numeric column.
            || (self.floating[column] && values.value(place) == "NaN");
        if missing {
            let name = &self.names[column];
            return Err(DataError::missing_value(&self.path, self.read, name));
        }
        let text = values.value(place);
        check_nul(&self.path, self.read, text)?;
        Ok(text.to_owned())
    }
}

impl RowSource for ParquetRows {
    fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        while self
            .batch
            .first()
            .is_none_or(|column| self.next_in_batch >= column.len())
        {
            let Some(batch) = self.reader.next() else {
                return Ok(None);
            };
            let batch = batch.map_err(|source| DataError::library(&self.path, source))?;
            self.batch = self.texts(&batch)?;
            self.next_in_batch = 0;
        }
        // Incremented before the values are read, so that an invalid row is counted too.
        self.read += 1;
        self.progress.add(self.bytes_of_row());
        let place = self.next_in_batch;
        self.next_in_batch += 1;
        let fields = (0..self.batch.len()).map(|column| self.field(column, place));
        Ok(Some(Row {
            number: self.read,
            fields: fields.collect::<Result<_, _>>()?,
        }))
    }
}

/// Returns an error for column types without an unambiguous text form.
fn check_types(path: &Path, schema: &Schema, wanted: &[usize]) -> Result<(), DataError> {
    for &index in wanted {
        let field = schema.field(index);
        if !has_text(field.data_type()) {
            let found = field.data_type().to_string();
            return Err(DataError::unsupported_type(path, 1, field.name(), &found));
        }
    }
    Ok(())
}

fn has_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => true,
        DataType::Dictionary(_, values) => has_text(values),
        other => other.is_integer() || other.is_floating(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, ListArray,
        StringViewArray,
    };
    use arrow::datatypes::Int32Type;
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::table::{TableFormat, open_counted, open_rows};

    fn read(columns: Vec<(&str, ArrayRef)>, wanted: &[Column]) -> Result<Vec<Row>, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.parquet");
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        open_rows(&path, TableFormat::Parquet, wanted)?.collect()
    }

    #[test]
    fn texts_numbers_and_truth_values_become_text() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("view", Arc::new(StringViewArray::from(vec!["a", "b"]))),
            ("skipped", Arc::new(Int64Array::from(vec![Some(1), None]))),
            ("large", Arc::new(LargeStringArray::from(vec!["c", "d"]))),
            ("integer", Arc::new(Int64Array::from(vec![-1, 2]))),
            ("float", Arc::new(Float64Array::from(vec![1.0, 2.5]))),
            ("bool", Arc::new(BooleanArray::from(vec![true, false]))),
        ];
        let wanted = ["integer", "view", "large", "float", "bool", "view"].map(Column::from);
        let rows = read(columns, &wanted).unwrap();
        assert_eq!(rows[0].fields, ["-1", "a", "c", "1.0", "true", "a"]);
        assert_eq!(rows[1].fields, ["2", "b", "d", "2.5", "false", "b"]);
        assert_eq!(rows[1].number, 2);
    }

    #[test]
    fn rows_are_numbered_across_record_batches() {
        let many = Int64Array::from_iter_values(0..3000);
        let rows = read(vec![("label", Arc::new(many))], &["label".into()]).unwrap();
        assert_eq!(rows.len(), 3000);
        assert!(rows.iter().enumerate().all(
            |(index, row)| row.number == index as u64 + 1 && row.fields == [index.to_string()]
        ));
    }

    #[test]
    fn a_bad_row_is_passed_and_all_of_the_file_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.parquet");
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]));
        let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let progress = Progress::default();
        let rows = open_counted(&path, TableFormat::Parquet, &["text".into()], &progress).unwrap();
        let found: Vec<Option<u64>> = rows.map(|row| Some(row.ok()?.number)).collect();
        assert_eq!(found, [Some(1), None, Some(3)]);
        assert_eq!(progress.read(), std::fs::metadata(&path).unwrap().len());
    }

    #[test]
    fn a_hole_in_a_column_of_numbers_is_an_error() {
        let scores: ArrayRef = Arc::new(Float64Array::from(vec![0.5, f64::NAN]));
        assert!(matches!(
            read(vec![("score", scores)], &["score".into()]),
            Err(DataError::InvalidRow { row: 2, .. })
        ));
    }

    #[test]
    fn a_null_and_a_nested_column_are_errors() {
        let nulls: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        assert!(matches!(
            read(vec![("text", nulls)], &["text".into()]),
            Err(DataError::InvalidRow { row: 2, .. })
        ));
        let nested = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        assert!(matches!(
            read(vec![("text", Arc::new(nested))], &["text".into()]),
            Err(DataError::InvalidRow { .. })
        ));
    }
}
