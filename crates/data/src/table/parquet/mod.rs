//! Reader of Parquet files, in record batches of the requested columns.
//!
//! The decoder of the `parquet` crate trusts counts and sizes in a file: a corrupted one can make it
//! ask for terabytes of memory, which ends the process. They are checked before it sees them: those
//! of the metadata and of the page headers in [`bounds`], those within pages in [`pages`].

mod bounds;
mod delta;
mod page_header;
mod pages;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::Schema;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};

use self::pages::CheckedRowGroups;
use super::RequestedColumns;
use super::batches::{BatchRows, BytesOfRows, Selection, contained};
use crate::error::DataError;
use crate::progress::Progress;

/// Number of rows decoded at a time: large enough to amortize the cost of a batch, small in memory.
const BATCH_ROWS: usize = 1024;

/// Opens the rows of a Parquet file.
pub(super) fn open(
    path: &Path,
    columns: RequestedColumns<'_>,
    progress: &Progress,
) -> Result<BatchRows, DataError> {
    let (file, length) = open_file(path)?;
    contained(path, || {
        let metadata = metadata(path, &file)?;
        let selection = Selection::new(path, metadata.schema(), columns)?;
        let parquet = metadata.parquet_schema();
        let mask = ProjectionMask::roots(parquet, selection.projected());
        let leaves: Vec<usize> = (0..parquet.num_columns())
            .filter(|&leaf| mask.leaf_included(leaf))
            .collect();
        bounds::check(path, &file, length, metadata.metadata(), &leaves)?;

        let failed = |source| DataError::library(path, source);
        let fields = Some(metadata.schema().fields());
        let levels = parquet_to_arrow_field_levels(parquet, mask, fields).map_err(failed)?;
        let row_groups = CheckedRowGroups::new(Arc::new(file), metadata.metadata().clone());
        let batches = ParquetRecordBatchReader::try_new_with_row_groups(
            &levels,
            &row_groups,
            BATCH_ROWS,
            None,
        );
        let batches = batches.map_err(failed)?;
        let bytes = BytesOfRows {
            rows: u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0),
            length,
            progress: progress.clone(),
        };
        let path_of_error = path.to_path_buf();
        let batches = batches
            .map(move |batch| batch.map_err(|source| DataError::library(&path_of_error, source)));
        Ok(BatchRows::new(
            path,
            Box::new(batches),
            selection,
            true,
            bytes,
        ))
    })
}

/// Returns the schema of a Parquet file with its metadata.
pub(super) fn schema(path: &Path) -> Result<Arc<Schema>, DataError> {
    let (file, _) = open_file(path)?;
    contained(path, || Ok(metadata(path, &file)?.schema().clone()))
}

fn open_file(path: &Path) -> Result<(File, u64), DataError> {
    let failed = |source| DataError::io(path, source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    match metadata.len() {
        0 => Err(DataError::empty_file(path)),
        length => Ok((file, length)),
    }
}

fn metadata(path: &Path, file: &File) -> Result<ArrowReaderMetadata, DataError> {
    let metadata = ArrowReaderMetadata::load(file, Default::default());
    metadata.map_err(|source| DataError::library(path, source))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{ListBuilder, StringBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, LargeListArray, LargeStringArray,
        ListArray, RecordBatch, StringArray, StringViewArray,
    };
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{WriterProperties, WriterVersion};

    use super::*;
    use crate::table::{Column, Row, TableFormat, open_counted, open_rows};

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
    fn lists_are_read_from_a_column_that_may_hold_them() {
        let names = |list: Option<&[Option<&'static str>]>| list.map(<[_]>::to_vec);
        let mut builder = ListBuilder::new(StringBuilder::new());
        // More than a batch, with runs of equal levels of one and two bits.
        for row in 0..3000 {
            let list: Option<&[Option<&str>]> = match row % 5 {
                0 => Some(&[Some("a"), Some("b;c")]),
                1 if row > 2000 => None,
                2 if row > 2000 => Some(&[None]),
                _ => Some(&[]),
            };
            builder.append_option(names(list));
        }
        let lists: ArrayRef = Arc::new(builder.finish());
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
            (0..3000).map(|row| row.to_string()),
        ));
        let numbers = (0..3000).map(|row| Some((0..row % 3).map(Some).collect::<Vec<_>>()));
        let numbers: ArrayRef = Arc::new(LargeListArray::from_iter_primitive::<Int32Type, _, _>(
            numbers,
        ));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.parquet");
        let columns = [("text", texts), ("names", lists), ("numbers", numbers)];
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, column)| (name, column, name != "text")),
        );
        let batch = batch.unwrap();
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties = WriterProperties::builder()
                .set_writer_version(version)
                .build();
            let file = File::create(&path).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            let rows = |name: &str| -> Vec<Result<Row, DataError>> {
                let columns = ["text".into(), name.into()];
                let columns = RequestedColumns {
                    columns: &columns,
                    lists: &[1],
                };
                let rows = open_counted(&path, TableFormat::Parquet, columns, &Progress::default());
                rows.unwrap().collect()
            };
            let found = rows("names");
            assert_eq!(found.len(), 3000);
            assert_eq!(found[0].as_ref().unwrap().fields[1], "a\0b;c\0");
            assert_eq!(found[4].as_ref().unwrap().fields[1], "");
            for row in [2001, 2002] {
                assert!(
                    matches!(found[row], Err(DataError::InvalidRow { .. })),
                    "{row}"
                );
            }
            let found = rows("numbers");
            assert_eq!(found[2999].as_ref().unwrap().fields[1], "0\x001\x00");
            assert_eq!(found[3].as_ref().unwrap().fields[1], "");
        }
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
        let columns = ["text".into()];
        let columns = RequestedColumns::values(&columns);
        let rows = open_counted(&path, TableFormat::Parquet, columns, &progress).unwrap();
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
