//! Sizes and counts in the header of a Parquet page.
//!
//! The header is a struct in the compact protocol of Apache Thrift. Only the fields of
//! [`PageHeader`] are kept; all others are skipped.

use std::io::{self, Read};

/// Maximum depth of nested structs and lists; page headers have four.
const MOST_NESTED: usize = 16;

/// Sizes and counts in the header of a page. A missing field is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Type of the page, as numbered by the format.
    pub(super) kind: i64,
    /// Size of the page in memory, in bytes.
    pub(super) uncompressed_size: i64,
    /// Size of the page in the file, in bytes, without this header.
    pub(super) compressed_size: i64,
    /// Number of values of a data page, nulls included, or of a dictionary.
    pub(super) values: i64,
}

impl PageHeader {
    /// Type of a dictionary page.
    pub(super) const DICTIONARY: i64 = 2;

    /// Reads a header; the source is left at the first byte after it.
    ///
    /// # Errors
    /// - An [`io::Error`] if the source ends or is no header.
    pub(super) fn read(source: &mut impl Read) -> io::Result<Self> {
        let mut header = Self::default();
        let mut compact = Compact { source };
        compact.each_field(|compact, id, kind| {
            let field = match id {
                1 => &mut header.kind,
                2 => &mut header.uncompressed_size,
                3 => &mut header.compressed_size,
                // Headers of data pages, dictionaries and data pages of the second version.
                5 | 7 | 8 if kind == STRUCT => {
                    return compact.each_field(|compact, id, kind| match id {
                        1 => compact.integer(kind).map(|values| header.values = values),
                        _ => compact.skip(kind, MOST_NESTED),
                    });
                }
                _ => return compact.skip(kind, MOST_NESTED),
            };
            compact.integer(kind).map(|value| *field = value)
        })?;
        Ok(header)
    }
}

// Types of the compact protocol.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

/// Reader of the compact protocol.
struct Compact<'a, R> {
    source: &'a mut R,
}

impl<R: Read> Compact<'_, R> {
    /// Calls `visit` with the id and the type of each field of a struct; it has to read the value.
    fn each_field(
        &mut self,
        mut visit: impl FnMut(&mut Self, i64, u8) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut id = 0i64;
        loop {
            let byte = self.byte()?;
            let kind = byte & 0x0f;
            if kind == STOP {
                return Ok(());
            }
            id = match byte >> 4 {
                0 => self.zigzag()?,
                step => id.wrapping_add(i64::from(step)),
            };
            visit(self, id, kind)?;
        }
    }

    fn integer(&mut self, kind: u8) -> io::Result<i64> {
        match kind {
            I16..=I64 => self.zigzag(),
            _ => Err(invalid()),
        }
    }

    fn skip(&mut self, kind: u8, nested: usize) -> io::Result<()> {
        let nested = nested.checked_sub(1).ok_or_else(invalid)?;
        match kind {
            // The value of a field is in its type.
            TRUE | FALSE => Ok(()),
            BYTE => self.byte().map(|_| ()),
            I16..=I64 => self.varint().map(|_| ()),
            DOUBLE => self.skip_bytes(8),
            BINARY => {
                let length = self.varint()?;
                self.skip_bytes(length)
            }
            LIST | SET => {
                let byte = self.byte()?;
                let (short, kind) = (byte >> 4, byte & 0x0f);
                let length = match short {
                    15 => self.varint()?,
                    short => u64::from(short),
                };
                for _ in 0..length {
                    // An element of a list of truth values is a byte.
                    let kind = if matches!(kind, TRUE | FALSE) {
                        BYTE
                    } else {
                        kind
                    };
                    self.skip(kind, nested)?;
                }
                Ok(())
            }
            STRUCT => self.each_field(|compact, _, kind| compact.skip(kind, nested)),
            _ => Err(invalid()),
        }
    }

    fn skip_bytes(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut *self.source).take(length), &mut io::sink())?;
        match skipped == length {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.source.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut number = 0u64;
        for place in 0..10 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(invalid())
    }

    fn zigzag(&mut self) -> io::Result<i64> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of 3 values, 40 bytes, 20 of them compressed, with a checksum, statistics and
    /// the encodings of the format.
    const HEADER: &[u8] = &[
        0x15, 0x00, 0x15, 0x50, 0x15, 0x28, 0x15, 0x07, // kind, sizes, checksum
        0x1c, 0x15, 0x06, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, // data page header
        0x1c, 0x18, 0x01, b'a', 0x11, 0x00, // statistics: one text, one truth value
        0x00, 0x00,
    ];

    #[test]
    fn sizes_and_counts_are_found_among_other_fields() {
        let mut source = [HEADER, b"page"].concat();
        source.extend_from_slice(b"!");
        let mut rest = source.as_slice();
        let header = PageHeader::read(&mut rest).unwrap();
        let expected = PageHeader {
            kind: 0,
            uncompressed_size: 40,
            compressed_size: 20,
            values: 3,
        };
        assert_eq!(header, expected);
        assert_eq!(rest, b"page!");
    }

    #[test]
    fn what_is_no_header_is_an_error() {
        for length in 0..HEADER.len() {
            assert!(
                PageHeader::read(&mut &HEADER[..length]).is_err(),
                "{length}"
            );
        }
        // A list of 2^60 empty structs, and structs without end.
        let list = [
            0x69, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10,
        ];
        assert!(PageHeader::read(&mut list.as_slice()).is_err());
        assert!(PageHeader::read(&mut [0x4c; 1000].as_slice()).is_err());
        assert!(PageHeader::read(&mut [0xff; 1000].as_slice()).is_err());
    }
}
