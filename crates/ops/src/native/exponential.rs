//! Exponential of non-positive numbers.

use super::instructions::Arithmetic;

/// Below it, `exp` is below the smallest normal number and counts as 0.
const LOWEST: f32 = -87.336_54;

/// Added and taken away again, it rounds to a whole number, which is then in the lowest bits.
const ROUNDING: f32 = 12_582_912.0;

/// ln 2 in two parts, so that a small whole number times the first is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `exp(x)` for `x <= 0`, within 2 units in the last place; 0 below -87.3.
///
/// `exp(x) = 2^n exp(r)` with `n` the whole number nearest to `x / ln 2`, and for `exp(r)` the
/// polynomial of [Cephes](https://www.netlib.org/cephes/) (`expf.c`).
#[inline(always)]
pub(super) fn exp<A: Arithmetic>(x: f32) -> f32 {
    let rounded = A::mul_add(x, std::f32::consts::LOG2_E, ROUNDING);
    let n = rounded - ROUNDING;
    let r = A::mul_add(n, -LN_2_HIGH, x);
    let r = A::mul_add(n, -LN_2_LOW, r);
    let p = A::mul_add(1.987_569_2e-4, r, 1.398_2e-3);
    let p = A::mul_add(p, r, 8.333_452e-3);
    let p = A::mul_add(p, r, 4.166_579_6e-2);
    let p = A::mul_add(p, r, 1.666_666_5e-1);
    let p = A::mul_add(p, r, 5e-1);
    let fraction = A::mul_add(p * r, r, r) + 1.0;
    // The whole number moves into the exponent.
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1f32.to_bits()));
    if x < LOWEST { 0.0 } else { fraction * power }
}

#[cfg(test)]
mod tests {
    use super::super::instructions::{Fused, Separate};
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for step in 0..873_000 {
            let x = -(step as f32) * 1e-4;
            let expected = f64::from(x).exp();
            let unit = expected * f64::from(f32::EPSILON);
            for got in [exp::<Fused>(x), exp::<Separate>(x)] {
                let error = (f64::from(got) - expected).abs() / unit;
                assert!(error < 2.0, "{error} units at {x}");
            }
        }
    }

    #[test]
    fn the_ends_are_exact() {
        assert_eq!(exp::<Fused>(0.0), 1.0);
        for x in [-88.0, -1e4, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(exp::<Fused>(x), 0.0);
            assert_eq!(exp::<Separate>(x), 0.0);
        }
        assert!(exp::<Fused>(f32::NAN).is_nan());
    }
}
