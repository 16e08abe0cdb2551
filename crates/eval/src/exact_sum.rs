//! Exact summation, independent of the order of the values.

/// Sum of finite floats, rounded only once.
///
/// Ordinary summation rounds at every step, so the last digit depends on the order of rows and
/// batches. This keeps the exact sum as a list of non-overlapping floats (rarely more than three):
/// Shewchuk's [expansions], as Python's [`math.fsum`].
///
/// Sums beyond the range of `f64` are infinite.
///
/// [expansions]: https://people.eecs.berkeley.edu/~jrs/papers/robustr.pdf
/// [`math.fsum`]: https://docs.python.org/3/library/math.html#math.fsum
#[derive(Debug, Clone, Default)]
struct ExactSum {
    /// Nonzero, non-overlapping parts, smallest first.
    parts: Vec<f64>,
    /// Infinity, once the range of `f64` was exceeded.
    overflow: Option<f64>,
}

impl ExactSum {
    fn add(&mut self, value: f64) {
        let mut carry = value;
        let mut kept = 0;
        for index in 0..self.parts.len() {
            let (sum, error) = two_sum(carry, self.parts[index]);
            if !sum.is_finite() {
                self.overflow = Some(self.overflow.unwrap_or(0.0) + sum);
                return;
            }
            if error != 0.0 {
                self.parts[kept] = error;
                kept += 1;
            }
            carry = sum;
        }
        self.parts.truncate(kept);
        if carry != 0.0 {
            self.parts.push(carry);
        }
    }

    /// Returns the float nearest to the exact sum.
    fn value(&self) -> f64 {
        if let Some(overflow) = self.overflow {
            return overflow;
        }
        let mut parts = self.parts.iter().rev().copied();
        let Some(mut sum) = parts.next() else {
            return 0.0;
        };
        while let Some(part) = parts.next() {
            let (rounded, error) = two_sum(sum, part);
            sum = rounded;
            if error != 0.0 {
                // The sum is half-way between two floats only if no part follows; the next part
                // decides the direction of rounding.
                let next = parts.next().unwrap_or(0.0);
                let doubled = 2.0 * error;
                let away = sum + doubled;
                if next != 0.0 && (next > 0.0) == (error > 0.0) && away - sum == doubled {
                    sum = away;
                }
                break;
            }
        }
        sum
    }
}

/// Returns the exact sum, rounded once.
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sum = ExactSum::default();
    values.into_iter().for_each(|value| sum.add(value));
    sum.value()
}

/// Returns the rounded sum and the rounding error.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let (large, small) = if a.abs() < b.abs() { (b, a) } else { (a, b) };
    let sum = large + small;
    (sum, small - (sum - large))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_are_not_lost() {
        assert_eq!(sum([1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum([0.1; 10]), 1.0);
        assert_eq!(sum([]), 0.0);
        let all = (0..1000).map(|k| 1.0 / f64::from(k + 1));
        assert_eq!(sum(all.clone()), sum(all.rev()));
    }

    #[test]
    fn halves_are_rounded_by_what_follows() {
        // From the tests of Python's fsum.
        assert_eq!(sum([1e-16, 1.0, 1e16]), 10_000_000_000_000_002.0);
        assert_eq!(
            sum([
                1e16 - 2.0,
                1.0 - 2_f64.powi(-53),
                -(1e16 - 2.0),
                -(1.0 - 2_f64.powi(-53))
            ]),
            0.0
        );
    }

    #[test]
    fn beyond_the_range_is_infinite() {
        assert_eq!(sum([f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum([f64::MAX, f64::MAX, 1.0]), f64::INFINITY);
    }
}
