//! Structure of numbers in the encoding `DELTA_BINARY_PACKED`.
//!
//! A header has the number of values, by which decoders allocate memory. Blocks of bit-packed
//! differences follow, each with the bit widths of its miniblocks.

/// Maximum number of values of a block; writers use 128 or 256.
const LARGEST_BLOCK: u64 = 1 << 20;

/// Returns the number of bytes that the numbers take at the beginning of `data`; `None` if there
/// are more than `most` of them, or if they are not in the data.
pub(super) fn length(data: &[u8], most: usize) -> Option<usize> {
    read(data, most, None)
}

/// Returns the numbers at the beginning of `data`, which are lengths of 32 bits, and the bytes that
/// follow; `None` under the conditions of [`length`].
pub(super) fn lengths(data: &[u8], most: usize) -> Option<(Vec<i32>, &[u8])> {
    let mut numbers = Vec::new();
    let end = read(data, most, Some(&mut numbers))?;
    Some((numbers, data.get(end..)?))
}

/// Reads the structure, and the numbers if they are wanted.
fn read(data: &[u8], most: usize, mut numbers: Option<&mut Vec<i32>>) -> Option<usize> {
    let mut reader = Reader { data, place: 0 };
    let block = reader.varint().filter(|&size| size <= LARGEST_BLOCK)?;
    let miniblocks = reader.varint().filter(|&count| count > 0)?;
    let values = reader.varint().filter(|&count| count <= most as u64)?;
    let mut last = reader.zigzag()?;
    let per_miniblock = block / miniblocks;
    if block == 0 || block % 128 != 0 || block % miniblocks != 0 || per_miniblock % 32 != 0 {
        return None;
    }
    if let Some(numbers) = numbers.as_mut().filter(|_| values > 0) {
        numbers.push(last as i32);
    }
    let mut left = values.saturating_sub(1);
    while left > 0 {
        let least = reader.zigzag()?;
        for &width in reader.take(miniblocks)? {
            // The widths after the last value mean nothing.
            if left == 0 {
                break;
            }
            let width = u64::from(width);
            if width > 64 {
                return None;
            }
            let bits = reader.take(width * per_miniblock / 8)?;
            let count = left.min(per_miniblock);
            if let Some(numbers) = &mut numbers {
                for place in 0..count {
                    let delta = unpacked(bits, width as usize, place as usize);
                    last = last.wrapping_add(least).wrapping_add(delta as i64);
                    numbers.push(last as i32);
                }
            }
            left -= count;
        }
    }
    Some(reader.place)
}

/// Returns the number of variable length at the beginning of `data`, and the bytes that follow.
pub(super) fn varint(data: &[u8]) -> Option<(u64, &[u8])> {
    let mut reader = Reader { data, place: 0 };
    let number = reader.varint()?;
    Some((number, data.get(reader.place..)?))
}

/// Returns the number of `width` bits at a place among others.
fn unpacked(bits: &[u8], width: usize, place: usize) -> u64 {
    let start = place * width;
    let bytes = bits.iter().skip(start / 8).take(9).enumerate();
    let window = bytes.fold(0u128, |window, (place, &byte)| {
        window | u128::from(byte) << (8 * place)
    });
    let mask = (1u128 << width) - 1;
    ((window >> (start % 8)) & mask) as u64
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

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of 128 values in 4 miniblocks; 34 numbers from 7 on, the differences 2 in a miniblock
    /// of 1 bit, then 4 in one of 2 bits, and two miniblocks without values.
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
        let (numbers, rest) = lengths(&more, 34).unwrap();
        let expected: Vec<i32> = (0..33).map(|place| 7 + 2 * place).chain([75]).collect();
        assert_eq!((numbers, rest), (expected, &b"suffixes"[..]));
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
