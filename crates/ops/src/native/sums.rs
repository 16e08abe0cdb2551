//! Sums and maxima along a row.
//!
//! Value `i` of a row goes to lane `i % LANES`, and the lanes are combined at the end. So the order
//! of additions depends only on the width, not on the machine's vectors, and trailing zeros have no
//! effect.

/// Enough that additions need not wait for each other.
const LANES: usize = 32;

/// Folds a row into lanes and the lanes into one.
#[inline(always)]
fn fold<const N: usize>(
    rows: [&[f32]; N],
    start: f32,
    term: impl Fn([f32; N]) -> f32,
    join: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut lanes = [start; LANES];
    let length = rows[0].len();
    let whole = length / LANES * LANES;
    let mut at = 0;
    while at < whole {
        let blocks = rows.map(|row| &row[at..at + LANES]);
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum = join(*sum, term(blocks.map(|block| block[lane])));
        }
        at += LANES;
    }
    let rest = rows.map(|row| &row[whole..length]);
    for (lane, sum) in lanes.iter_mut().enumerate().take(length - whole) {
        *sum = join(*sum, term(rest.map(|rest| rest[lane])));
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum of a function of the values of some rows of one width.
#[inline(always)]
pub(super) fn sum<const N: usize>(rows: [&[f32]; N], term: impl Fn([f32; N]) -> f32) -> f32 {
    fold(rows, 0.0, term, |a, b| a + b)
}

/// The largest value of a row; what is not a number is passed over.
#[inline(always)]
pub(super) fn largest(row: &[f32]) -> f32 {
    // Not `f32::max`: this is one instruction.
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    fold([row], f32::NEG_INFINITY, |[value]| value, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_counts_once() {
        for width in 0..200 {
            let row: Vec<f32> = (0..width).map(|value| value as f32).collect();
            let expected = (width * width - width) as f32 / 2.0;
            assert_eq!(sum([&row], |[value]| value), expected.abs());
            assert_eq!(sum([&row, &row], |[a, b]| a - b), 0.0);
            if width > 0 {
                assert_eq!(largest(&row), (width - 1) as f32);
            }
        }
    }
}
