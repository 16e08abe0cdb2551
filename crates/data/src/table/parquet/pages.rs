//! Pages of a Parquet file, checked before they are decoded.

use std::fs::File;
use std::sync::Arc;

use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::delta;

/// Row groups of a file with checked pages.
pub(super) struct CheckedRowGroups {
    file: Arc<File>,
    metadata: Arc<ParquetMetaData>,
}

impl CheckedRowGroups {
    pub(super) fn new(file: Arc<File>, metadata: Arc<ParquetMetaData>) -> Self {
        Self { file, metadata }
    }
}

impl RowGroups for CheckedRowGroups {
    fn num_rows(&self) -> usize {
        let rows = self.metadata.file_metadata().num_rows();
        usize::try_from(rows).unwrap_or(0)
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        Ok(Box::new(ColumnChunks {
            file: self.file.clone(),
            metadata: self.metadata.clone(),
            column,
            row_group: 0,
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups().iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// Chunks of a column, one per row group.
struct ColumnChunks {
    file: Arc<File>,
    metadata: Arc<ParquetMetaData>,
    column: usize,
    /// Index of the next row group.
    row_group: usize,
}

impl Iterator for ColumnChunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let row_group = self.metadata.row_groups().get(self.row_group)?;
        self.row_group += 1;
        let column = row_group.column(self.column);
        let rows = usize::try_from(row_group.num_rows()).unwrap_or(0);
        let pages = SerializedPageReader::new(self.file.clone(), column, rows, None);
        Some(pages.map(|pages| -> Box<dyn PageReader> {
            Box::new(CheckedPages {
                pages,
                check: PageCheck::new(column),
            })
        }))
    }
}

impl PageIterator for ColumnChunks {}

/// Pages of a column chunk.
struct CheckedPages {
    pages: SerializedPageReader<File>,
    check: PageCheck,
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            self.check.page(page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

/// Checks of the counts and sizes within the pages of a column chunk that is not nested.
struct PageCheck {
    /// Whether values may be missing, so that each page has definition levels of one bit.
    is_optional: bool,
    has_dictionary: bool,
}

impl PageCheck {
    fn new(column: &ColumnChunkMetaData) -> Self {
        Self {
            is_optional: column.column_descr().max_def_level() > 0,
            has_dictionary: false,
        }
    }

    fn page(&mut self, page: &Page) -> Result<()> {
        let (levels, runs, values, encoding) = match page {
            Page::DictionaryPage { .. } => {
                self.has_dictionary = true;
                return Ok(());
            }
            &Page::DataPage {
                ref buf,
                num_values,
                encoding,
                def_level_encoding,
                ..
            } => {
                match (self.is_optional, def_level_encoding) {
                    (false, _) => (Some(0), None, num_values, encoding),
                    (true, Encoding::RLE) => (prefixed(buf), Some(4), num_values, encoding),
                    // Bits without a length.
                    (true, _) => {
                        let bytes = num_values.div_ceil(8) as usize;
                        (Some(bytes), None, num_values, encoding)
                    }
                }
            }
            &Page::DataPageV2 {
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let levels = u64::from(def_levels_byte_len) + u64::from(rep_levels_byte_len);
                let levels = usize::try_from(levels).ok();
                let runs = self.is_optional.then_some(rep_levels_byte_len as usize);
                (levels, runs, num_values, encoding)
            }
        };
        let wrong = || corrupted("the levels of a page");
        let (levels, data) = levels
            .and_then(|levels| page.buffer().split_at_checked(levels))
            .ok_or_else(wrong)?;
        // Where the runs of levels begin.
        let runs = runs.map(|start| levels.get(start..).unwrap_or(&[]));
        if runs.is_some_and(|runs| !are_levels(runs, values as usize)) {
            return Err(wrong());
        }
        self.values(encoding, data, values as usize)
    }

    fn values(&self, encoding: Encoding, data: &[u8], most: usize) -> Result<()> {
        let is_valid = match encoding {
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                return match self.has_dictionary {
                    true => Ok(()),
                    false => Err(corrupted("a page without its dictionary")),
                };
            }
            Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => {
                delta::length(data, most).is_some()
            }
            Encoding::DELTA_BYTE_ARRAY => are_prefixed_texts(data, most),
            _ => true,
        };
        match is_valid {
            true => Ok(()),
            false => Err(corrupted("the numbers of a page")),
        }
    }
}

/// Returns whether the data are texts that share a prefix with the one before: the lengths of the
/// prefixes, those of the suffixes, and the suffixes.
fn are_prefixed_texts(data: &[u8], most: usize) -> bool {
    let lengths = delta::lengths(data, most).and_then(|(prefixes, rest)| {
        let (suffixes, rest) = delta::lengths(rest, most)?;
        Some((prefixes, suffixes, rest.len()))
    });
    let Some((prefixes, suffixes, bytes)) = lengths else {
        return false;
    };
    let (mut before, mut left) = (0, bytes);
    prefixes.len() == suffixes.len()
        && prefixes.iter().zip(&suffixes).all(|(&prefix, &suffix)| {
            let (prefix, suffix) = (usize::try_from(prefix), usize::try_from(suffix));
            let (Ok(prefix), Ok(suffix)) = (prefix, suffix) else {
                return false;
            };
            if prefix > before || suffix > left {
                return false;
            }
            (before, left) = (prefix + suffix, left - suffix);
            true
        })
}

/// Returns whether there are `count` definition levels of one bit in runs: repeated levels, or groups
/// of eight bits.
fn are_levels(mut data: &[u8], count: usize) -> bool {
    let mut left = count as u64;
    while left > 0 {
        let Some((header, rest)) = delta::varint(data) else {
            return false;
        };
        let (levels, bytes) = match header & 1 {
            0 => (header >> 1, 1),
            _ => {
                let levels = (header >> 1).saturating_mul(8);
                (levels, left.min(levels).div_ceil(8))
            }
        };
        let rest = usize::try_from(bytes)
            .ok()
            .and_then(|bytes| rest.get(bytes..));
        let Some(rest) = rest else {
            return false;
        };
        left = left.saturating_sub(levels);
        data = rest;
    }
    true
}

/// Returns the length of data with its length, of four bytes, before it.
fn prefixed(data: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*data.first_chunk()?);
    usize::try_from(length).ok()?.checked_add(4)
}

fn corrupted(what: &str) -> ParquetError {
    ParquetError::General(format!("the file is corrupted: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_runs_with_all_their_bytes() {
        // Five times 1, then a group of eight bits.
        let runs = [10, 1, 3, 0b1010_1010];
        for (count, expected) in [(0, true), (5, true), (13, true), (14, false)] {
            assert_eq!(are_levels(&runs, count), expected, "{count}");
        }
        assert!(!are_levels(&runs[..3], 6));
        // Two groups, of which the second is not needed and left out.
        assert!(are_levels(&[5, 0xff], 8));
        assert!(!are_levels(&[5, 0xff], 9));
        assert!(!are_levels(&[0, 1, 0, 1], 1));
    }

    #[test]
    fn prefixes_are_of_the_text_before_and_suffixes_of_the_page() {
        // Two lengths each, with one difference of no bits: 0 and 2, then 3 and 1.
        let lengths = |first: u8, difference: u8| {
            vec![0x80, 0x01, 4, 2, 2 * first, 2 * difference, 0, 0, 0, 0]
        };
        let page = |prefixes: Vec<u8>, suffixes: Vec<u8>, text: &[u8]| {
            are_prefixed_texts(&[prefixes, suffixes, text.to_vec()].concat(), 2)
        };
        let fall = || vec![0x80, 0x01, 4, 2, 6, 3, 0, 0, 0, 0];
        assert!(page(lengths(0, 2), fall(), b"abcd"));
        assert!(!page(lengths(0, 2), fall(), b"abc"));
        assert!(!page(lengths(0, 4), fall(), b"abcd"));
        assert!(!page(lengths(1, 0), fall(), b"abcd"));
        let negative = vec![0x80, 0x01, 4, 2, 6, 7, 0, 0, 0, 0];
        assert!(!page(lengths(0, 2), negative, b"abcd"));
    }
}
