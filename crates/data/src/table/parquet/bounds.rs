//! Checks of the sizes and counts that the metadata and the page headers of a Parquet file declare.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use parquet::basic::{Compression, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::page_header::PageHeader;
use crate::error::DataError;
use crate::progress::{Counted, Progress};

/// Size in bytes that a page may have in memory, whatever its size in the file.
const SMALL_PAGE: i64 = 16 << 20;
/// Buffer for a page header in bytes; most are shorter, and the pages are not to be read.
const HEADER_BUFFER: usize = 256;
/// Maximum number of values per row of a column of lists, on average.
const MOST_PER_ROW: i64 = 1000;

/// Checks the row groups of a file, and the chunks and page headers of the given leaf columns,
/// which are values or lists of them.
///
/// # Errors
/// - [`DataError::InvalidFile`] if a size or a count is not possible.
/// - [`DataError::Io`] if the file cannot be read.
pub(super) fn check(
    path: &Path,
    file: &File,
    length: u64,
    metadata: &ParquetMetaData,
    leaves: &[usize],
) -> Result<(), DataError> {
    let mut rows = 0i64;
    for (group, row_group) in metadata.row_groups().iter().enumerate() {
        let corrupted = |what: &str| corrupted(path, &format!("row group {group}: {what}"));
        let count = row_group.num_rows();
        rows = match rows.checked_add(count) {
            Some(rows) if count >= 0 => rows,
            _ => return Err(corrupted("its number of rows")),
        };
        for &leaf in leaves {
            let column = row_group.columns().get(leaf);
            let column = column.ok_or_else(|| corrupted("its columns"))?;
            let most = match column.column_descr().max_rep_level() {
                0 => count,
                _ => count.saturating_mul(MOST_PER_ROW),
            };
            // A list without elements counts as one value.
            if !(count..=most).contains(&column.num_values()) {
                return Err(corrupted("the number of values of a column"));
            }
            let range = range(column, length).ok_or_else(|| corrupted("the place of a column"))?;
            check_pages(file, column, range)
                .map_err(|source| DataError::io(path, source))?
                .map_err(corrupted)?;
        }
    }
    match rows == metadata.file_metadata().num_rows() {
        true => Ok(()),
        false => Err(corrupted(path, "the number of rows")),
    }
}

fn corrupted(path: &Path, what: &str) -> DataError {
    DataError::file(path, format!("the file is corrupted: {what}"))
}

/// Returns the bytes of a column chunk, or `None` if they are not in the file.
fn range(column: &ColumnChunkMetaData, length: u64) -> Option<Range<u64>> {
    let first = column.dictionary_page_offset();
    let start = u64::try_from(first.unwrap_or(column.data_page_offset())).ok()?;
    let end = start.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
    (end <= length).then_some(start..end)
}

/// Checks the page headers of a column chunk. The inner error is the part that is corrupted.
fn check_pages(
    mut file: &File,
    column: &ColumnChunkMetaData,
    range: Range<u64>,
) -> std::io::Result<Result<(), &'static str>> {
    let (mut position, mut values) = (range.start, 0i64);
    while position < range.end {
        file.seek(SeekFrom::Start(position))?;
        let read = Progress::default();
        let rest = file.take(range.end - position);
        let mut source = Counted::new(BufReader::with_capacity(HEADER_BUFFER, rest), &read);
        let Ok(header) = PageHeader::read(&mut source) else {
            return Ok(Err("a page header"));
        };
        let body = position + read.read();
        let end = u64::try_from(header.compressed_size).ok();
        position = match end.and_then(|size| body.checked_add(size)) {
            Some(end) if end <= range.end => end,
            _ => return Ok(Err("the size of a page")),
        };
        if !(0..=most_bytes(column, header)).contains(&header.uncompressed_size) {
            return Ok(Err("the size of a page in memory"));
        }
        let is_dictionary = header.kind == PageHeader::DICTIONARY;
        if header.values < 0 || (is_dictionary && !fits(column, header)) {
            return Ok(Err("the number of values of a page"));
        }
        if !is_dictionary {
            values = values.saturating_add(header.values);
        }
    }
    Ok(match values == column.num_values() {
        true => Ok(()),
        false => Err("the number of values of a column"),
    })
}

/// Returns the maximum size of a page in memory, from how much each codec can compress at best.
fn most_bytes(column: &ColumnChunkMetaData, header: PageHeader) -> i64 {
    let compressed = header.compressed_size;
    let ratio = match column.compression() {
        Compression::UNCOMPRESSED => 1,
        Compression::SNAPPY => 64,
        Compression::LZ4 | Compression::LZ4_RAW => 256,
        Compression::GZIP(_) | Compression::LZO => 1100,
        // A block of 128 KiB in few bytes.
        Compression::ZSTD(_) => 1 << 16,
        // No limit in the format: the header has to agree with the metadata.
        Compression::BROTLI(_) => return column.uncompressed_size().max(SMALL_PAGE),
    };
    compressed.saturating_mul(ratio).saturating_add(SMALL_PAGE)
}

/// Returns whether the values of a dictionary fit into its page.
fn fits(column: &ColumnChunkMetaData, header: PageHeader) -> bool {
    let bytes = smallest_value(column.column_type(), column.column_descr().type_length());
    header.values.saturating_mul(bytes) <= header.uncompressed_size
}

/// Returns the minimum size of a value in a dictionary, in bytes.
fn smallest_value(kind: Type, type_length: i32) -> i64 {
    match kind {
        Type::BOOLEAN => 0,
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        // The length of the value.
        Type::BYTE_ARRAY => 4,
        Type::FIXED_LEN_BYTE_ARRAY => i64::from(type_length.max(1)),
    }
}
