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

/// Checks of the counts and sizes within the pages of a column chunk.
struct PageCheck {
    /// Bits of a repetition level, which tells the lists apart; 0 for a column without lists.
    repetition_bits: u64,
    /// Bits of a definition level, which tells missing values; 0 if none may be missing.
    definition_bits: u64,
    has_dictionary: bool,
}

impl PageCheck {
    fn new(column: &ColumnChunkMetaData) -> Self {
        let bits = |most: i16| u64::from(u16::BITS - most.max(0).unsigned_abs().leading_zeros());
        Self {
            repetition_bits: bits(column.column_descr().max_rep_level()),
            definition_bits: bits(column.column_descr().max_def_level()),
            has_dictionary: false,
        }
    }

    fn page(&mut self, page: &Page) -> Result<()> {
        let (repetition, definition) = (self.repetition_bits, self.definition_bits);
        let wrong = || corrupted("the levels of a page");
        let (data, values, encoding) = match page {
            Page::DictionaryPage { .. } => {
                self.has_dictionary = true;
                return Ok(());
            }
            &Page::DataPage {
                ref buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                ..
            } => {
                let count = num_values as usize;
                let data = after_levels(buf, rep_level_encoding, count, repetition);
                let data =
                    data.and_then(|data| after_levels(data, def_level_encoding, count, definition));
                (data, num_values, encoding)
            }
            &Page::DataPageV2 {
                ref buf,
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let parts = buf.split_at_checked(rep_levels_byte_len as usize);
                let parts = parts.and_then(|(repetitions, rest)| {
                    let (definitions, data) =
                        rest.split_at_checked(def_levels_byte_len as usize)?;
                    Some((repetitions, definitions, data))
                });
                let (repetitions, definitions, data) = parts.ok_or_else(wrong)?;
                let count = num_values as usize;
                let are_valid = (repetition == 0 || are_levels(repetitions, count, repetition))
                    && (definition == 0 || are_levels(definitions, count, definition));
                (are_valid.then_some(data), num_values, encoding)
            }
        };
        self.values(encoding, data.ok_or_else(wrong)?, values as usize)
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

/// Returns the data of a page of the first version after its levels; `None` if the levels are
/// invalid.
fn after_levels(data: &[u8], encoding: Encoding, count: usize, bits: u64) -> Option<&[u8]> {
    if bits == 0 {
        return Some(data);
    }
    match encoding {
        Encoding::RLE => {
            let (levels, rest) = data.split_at_checked(prefixed(data)?)?;
            are_levels(levels.get(4..)?, count, bits).then_some(rest)
        }
        // Bits without a length.
        _ => data.get((count as u64 * bits).div_ceil(8) as usize..),
    }
}

/// Returns whether there are `count` levels of so many bits, at most 8, in runs: repeated levels, or
/// groups of eight levels.
fn are_levels(mut data: &[u8], count: usize, bits: u64) -> bool {
    let mut left = count as u64;
    while left > 0 {
        let Some((header, rest)) = delta::varint(data) else {
            return false;
        };
        let (levels, bytes) = match header & 1 {
            0 => (header >> 1, 1),
            _ => {
                let levels = (header >> 1).saturating_mul(8);
                (levels, (left.min(levels) * bits).div_ceil(8))
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
            assert_eq!(are_levels(&runs, count, 1), expected, "{count}");
        }
        assert!(!are_levels(&runs[..3], 6, 1));
        // Two groups, of which the second is not needed and left out.
        assert!(are_levels(&[5, 0xff], 8, 1));
        assert!(!are_levels(&[5, 0xff], 9, 1));
        assert!(!are_levels(&[0, 1, 0, 1], 1, 1));
        // A group of eight levels of two bits.
        assert!(are_levels(&[3, 0xff, 0xff], 8, 2));
        assert!(!are_levels(&[3, 0xff], 8, 2));
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
