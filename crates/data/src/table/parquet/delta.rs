//! Structure of numbers in the encoding `DELTA_BINARY_PACKED`.
//!
//! A header has the number of values, by which decoders allocate memory. Blocks of bit-packed
//! differences follow, each with the bit widths of its miniblocks.

/// Maximum number of values of a block; writers use 128 or 256.
const LARGEST_BLOCK: u64 = 1 << 20;

/// Returns the number of bytes that the numbers take at the beginning of `data`; `None` if there
/// are more than `most` of them, or if they are not in the data.
pub(super) fn length(data: &[u8], most: usize) -> Option<usize> {
    let mut reader = Reader { data, place: 0 };
    let block = reader.varint().filter(|&size| size <= LARGEST_BLOCK)?;
    let miniblocks = reader.varint().filter(|&count| count > 0)?;
    let values = reader.varint().filter(|&count| count <= most as u64)?;
    let _first = reader.varint()?;
    let per_miniblock = block / miniblocks;
    if block == 0 || block % 128 != 0 || block % miniblocks != 0 || per_miniblock % 32 != 0 {
        return None;
    }
    let mut left = values.saturating_sub(1);
    while left > 0 {
        let _least = reader.varint()?;
        for width in reader.take(miniblocks)? {
            // The widths after the last value mean nothing.
            if left == 0 {
                break;
            }
            if *width > 64 {
                return None;
            }
            reader.take(u64::from(*width) * per_miniblock / 8)?;
            left = left.saturating_sub(per_miniblock);
        }
    }
    Some(reader.place)
}

struct Reader<'a> {
    data: &'a [u8],
    place: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let end = self.place.checked_add(usize::try_from(length).ok()?)?;
        let taken = self.data.get(self.place..end)?;
        self.place = end;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for place in 0..10 {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of 128 values in 4 miniblocks; 34 numbers from 7 on, each one more than the last
    /// by 1 and a bit: a miniblock of 1 bit, one of 2 bits, and two without values.
    fn numbers() -> Vec<u8> {
        let mut data = vec![0x80, 0x01, 4, 34, 14, 2, 1, 2, 9, 9];
        data.extend([0xff; 4]);
        data.extend([0xff; 8]);
        data
    }

    #[test]
    fn the_end_is_after_the_last_miniblock_with_values() {
        let data = numbers();
        let more = [data.as_slice(), b"suffixes"].concat();
        assert_eq!(length(&more, 34), Some(data.len()));
        // One value is in the header; there may be none.
        assert_eq!(length(&[0x80, 0x01, 4, 1, 14], 1), Some(5));
        assert_eq!(length(&[0x80, 0x01, 4, 0, 0], 1), Some(5));
    }

    #[test]
    fn impossible_counts_are_found() {
        let data = numbers();
        assert_eq!(length(&data, 33), None);
        for end in 0..data.len() {
            assert_eq!(length(&data[..end], 34), None, "{end}");
        }
        for (place, value) in [(0, 0x81), (2, 0), (2, 3), (2, 8), (6, 65)] {
            let mut changed = data.clone();
            changed[place] = value;
            assert_eq!(length(&changed, 34), None, "{place}");
        }
        let many = [0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0];
        assert_eq!(length(&many, 1024), None);
    }
}
