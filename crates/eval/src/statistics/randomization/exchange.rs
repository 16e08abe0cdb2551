//! Enumerated and random exchanges of a permutation test.

/// Exchange: the one with this number in the enumeration, or a random one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    pub(super) number: u64,
    pub(super) enumerated: bool,
}

/// Returns the binomial coefficient, or `None` if it exceeds 64 bits.
pub(super) fn combinations(total: usize, size: usize) -> Option<u64> {
    (1..=size.min(total - size) as u64).try_fold(1_u64, |ways, step| {
        let factor = total as u64 - step + 1;
        // The product of consecutive numbers is divisible.
        ways.checked_mul(factor).map(|product| product / step)
    })
}

/// Moves the `number`-th combination of `size` values to the front, keeping the order of both
/// parts.
pub(super) fn deal<T: Clone>(values: &mut [T], size: usize, mut number: u64) {
    let (mut chosen, mut others) = (Vec::with_capacity(size), Vec::new());
    for (position, value) in values.iter().enumerate() {
        let (left, wanted) = (values.len() - position - 1, size - chosen.len());
        // Combinations with this value come first.
        let with = match wanted {
            0 => 0,
            _ => combinations(left, wanted - 1).unwrap_or(u64::MAX),
        };
        if number < with {
            chosen.push(value.clone());
        } else {
            number -= with;
            others.push(value.clone());
        }
    }
    chosen.append(&mut others);
    values.clone_from_slice(&chosen);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_combination_is_dealt_once() {
        for (total, size) in [(5, 2), (6, 3), (4, 4), (4, 1), (7, 5)] {
            let all = combinations(total, size).unwrap();
            let dealt: BTreeSet<Vec<usize>> = (0..all)
                .map(|number| {
                    let mut values: Vec<usize> = (0..total).collect();
                    deal(&mut values, size, number);
                    assert!(values[..size].is_sorted() && values[size..].is_sorted());
                    values
                })
                .collect();
            assert_eq!(dealt.len() as u64, all);
        }
        assert_eq!(combinations(10, 5), Some(252));
        assert_eq!(combinations(400, 200), None);
    }
}
