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
        let (levels, values, encoding) = match page {
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
                let levels = match (self.is_optional, def_level_encoding) {
                    (false, _) => Some(0),
                    (true, Encoding::RLE) => prefixed(buf),
                    // Bits without a length.
                    (true, _) => Some(num_values.div_ceil(8) as usize),
                };
                (levels, num_values, encoding)
            }
            &Page::DataPageV2 {
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let levels = u64::from(def_levels_byte_len) + u64::from(rep_levels_byte_len);
                (usize::try_from(levels).ok(), num_values, encoding)
            }
        };
        let data = levels.and_then(|levels| page.buffer().get(levels..));
        let data = data.ok_or_else(|| corrupted("the levels of a page"))?;
        self.values(encoding, data, values as usize)
    }

    fn values(&self, encoding: Encoding, data: &[u8], most: usize) -> Result<()> {
        let lengths = match encoding {
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                return match self.has_dictionary {
                    true => Ok(()),
                    false => Err(corrupted("a page without its dictionary")),
                };
            }
            Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
            // Lengths of the prefixes, then those of the suffixes.
            Encoding::DELTA_BYTE_ARRAY => 2,
            _ => 0,
        };
        let mut rest = data;
        for _ in 0..lengths {
            let end = delta::length(rest, most);
            let after = end.and_then(|end| rest.get(end..));
            rest = after.ok_or_else(|| corrupted("the numbers of a page"))?;
        }
        Ok(())
    }
}

/// Returns the length of data with its length, of four bytes, before it.
fn prefixed(data: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*data.first_chunk()?);
    usize::try_from(length).ok()?.checked_add(4)
}

fn corrupted(what: &str) -> ParquetError {
    ParquetError::General(format!("the file is corrupted: {what}"))
}
