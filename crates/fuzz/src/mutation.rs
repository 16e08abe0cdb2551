//! Damage to bytes: flipped bits, other numbers, missing, repeated and foreign parts.

use rand::RngExt;

/// Maximum number of changes to an input.
const MOST_CHANGES: u32 = 6;
/// Maximum length of a part that is removed, repeated or inserted, in bytes.
const LONGEST_PART: usize = 512;

/// Numbers at the ends of ranges.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    1 << 24,
    i32::MAX as u64,
    1 << 31,
    u32::MAX as u64,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// Texts that readers treat in their own way.
const TEXTS: [&[u8]; 20] = [
    b"\0",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\"",
    b"\"\"",
    b",",
    b"\t",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"-",
    b"1e999",
    b"NaN",
    b"{",
    b"[[[[[[[[",
    b"\\u0000",
    b"../",
];

/// Returns `seed` with some changes; parts of `other` can be inserted.
pub(crate) fn mutated(seed: &[u8], other: &[u8], random: &mut impl RngExt) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..=MOST_CHANGES) {
        change(&mut bytes, other, random);
        // Small damage is as likely as much of it.
        if random.random_range(0..2) == 0 {
            break;
        }
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut impl RngExt) {
    if bytes.is_empty() {
        bytes.extend(part(other, random));
        return;
    }
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..11) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = random.random_range(0..=255),
        2 => bytes.truncate(at),
        3 => overwrite(bytes, at, &number(random)),
        4 => insert(bytes, at, &number(random)),
        5 => insert(bytes, at, TEXTS[random.random_range(0..TEXTS.len())]),
        6 => {
            let end = (at + random.random_range(1..=LONGEST_PART)).min(bytes.len());
            bytes.drain(at..end);
        }
        7 => {
            let repeated = part(bytes, random);
            insert(bytes, at, &repeated);
        }
        8 => {
            let foreign = part(other, random);
            insert(bytes, at, &foreign);
        }
        9 => {
            // The beginning of one and the end of the other.
            let from = (at * other.len()) / bytes.len();
            bytes.truncate(at);
            bytes.extend(&other[from..]);
        }
        _ => replace_digits(bytes, at, random),
    }
}

/// Returns a number at the end of a range in 1, 2, 4 or 8 bytes.
fn number(random: &mut impl RngExt) -> Vec<u8> {
    let number = NUMBERS[random.random_range(0..NUMBERS.len())];
    let width = 1 << random.random_range(0..4);
    match random.random_range(0..2) {
        0 => number.to_le_bytes()[..width].to_vec(),
        _ => number.to_be_bytes()[8 - width..].to_vec(),
    }
}

/// Returns a part of some bytes, empty if there are none.
fn part(bytes: &[u8], random: &mut impl RngExt) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let start = random.random_range(0..bytes.len());
    let end = (start + random.random_range(1..=LONGEST_PART)).min(bytes.len());
    bytes[start..end].to_vec()
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    let end = (at + with.len()).min(bytes.len());
    bytes[at..end].copy_from_slice(&with[..end - at]);
}

fn insert(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    bytes.splice(at..at, with.iter().copied());
}

/// Replaces the next number in digits at or after `at`, if any.
fn replace_digits(bytes: &mut Vec<u8>, at: usize, random: &mut impl RngExt) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = at + start;
    let digits = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let end = start + digits.count();
    let number = NUMBERS[random.random_range(0..NUMBERS.len())];
    let text = match random.random_range(0..4) {
        0 => format!("-{number}"),
        1 => format!("{number}.5"),
        _ => number.to_string(),
    };
    bytes.splice(start..end, text.into_bytes());
}

#[cfg(test)]
mod tests {
    use finetune_random::{Purpose, generator};

    use super::*;

    #[test]
    fn damage_is_a_function_of_its_key_and_of_every_kind() {
        let (seed, other) = (b"a,1\nb,22\n".repeat(9), b"{\"x\": 3}".to_vec());
        let damaged = |number| {
            let mut random = generator(7, Purpose::Search, number, 0);
            mutated(&seed, &other, &mut random)
        };
        let all: Vec<Vec<u8>> = (0..500).map(damaged).collect();
        assert!(
            all.iter()
                .enumerate()
                .all(|(at, bytes)| *bytes == damaged(at as u64))
        );
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert!(distinct.len() > 400, "{}", distinct.len());
        assert!(all.iter().any(|bytes| bytes.len() < seed.len()));
        assert!(all.iter().any(|bytes| bytes.len() > seed.len()));
        assert!(
            all.iter()
                .any(|bytes| bytes.windows(3).any(|part| part == b"{\"x"))
        );
    }

    #[test]
    fn nothing_can_be_damaged_too() {
        for number in 0..100 {
            let mut random = generator(7, Purpose::Search, number, 1);
            mutated(b"", b"", &mut random);
        }
    }
}
