//! The line search of Moré and Thuente.
//!
//! [Line search algorithms with guaranteed sufficient decrease](https://doi.org/10.1145/192115.192132)
//! (1994), with the constants that L-BFGS-B, and so SciPy, has: a step is taken when the function
//! has sunk by 1/1000 of what its slope promised and the slope has sunk to 9/10.

/// The share of the promised decrease that a step must bring.
const DECREASE: f64 = 1e-3;
/// The share of the slope that may be left.
const CURVATURE: f64 = 0.9;
/// The search ends when the interval has this width, as a share of its upper end.
const WIDTH: f64 = 0.1;

/// A step, the value there, and the slope along the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) step: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

/// What to do with a step that was tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Advice {
    /// It is the one.
    Take,
    /// This one is next.
    Try(f64),
}

/// A search from one point along a line that goes down.
#[derive(Debug)]
pub(super) struct LineSearch {
    start: Point,
    longest: f64,
    /// The end of the interval with the least value so far, and the other one.
    best: Point,
    other: Point,
    /// Whether the interval holds a minimum.
    bracketed: bool,
    /// Until a step has brought enough, the search is for a minimum of another function.
    first_stage: bool,
    width: f64,
    width_before: f64,
    /// The steps to try next are within these.
    bounds: (f64, f64),
}

impl LineSearch {
    /// A search whose first step is `step`, from where the function has this value and a slope
    /// below 0.
    pub(super) fn new(value: f64, slope: f64, step: f64, longest: f64) -> Self {
        let start = Point {
            step: 0.0,
            value,
            slope,
        };
        Self {
            start,
            longest,
            best: start,
            other: start,
            bracketed: false,
            first_stage: true,
            width: longest,
            width_before: 2.0 * longest,
            bounds: (0.0, step + 4.0 * step),
        }
    }

    /// What comes after the step `tried`.
    pub(super) fn advise(&mut self, tried: Point) -> Advice {
        let promised = self.start.value + tried.step * DECREASE * self.start.slope;
        let enough = tried.value <= promised;
        if self.first_stage && enough && tried.slope >= 0.0 {
            self.first_stage = false;
        }
        let (lower, upper) = self.bounds;
        let at_bounds = tried.step <= lower || tried.step >= upper;
        let exhausted = self.bracketed && (at_bounds || upper - lower <= WIDTH * upper);
        let at_end =
            tried.step == self.longest && enough && tried.slope <= DECREASE * self.start.slope;
        let flat = tried.slope.abs() <= CURVATURE * -self.start.slope;
        if exhausted || at_end || (enough && flat) {
            return Advice::Take;
        }
        Advice::Try(self.next(tried, promised))
    }

    fn next(&mut self, tried: Point, promised: f64) -> f64 {
        let modified = self.first_stage && tried.value <= self.best.value && tried.value > promised;
        let mut step = match modified {
            true => self.next_of_modified(tried),
            false => self.narrow(tried),
        };
        if self.bracketed {
            let width = (self.other.step - self.best.step).abs();
            if width >= 0.66 * self.width_before {
                step = self.best.step + 0.5 * (self.other.step - self.best.step);
            }
            (self.width_before, self.width) = (self.width, width);
            let (a, b) = (self.best.step, self.other.step);
            self.bounds = (a.min(b), a.max(b));
        } else {
            let beyond = step - self.best.step;
            self.bounds = (step + 1.1 * beyond, step + 4.0 * beyond);
        }
        step = step.clamp(0.0, self.longest);
        let (lower, upper) = self.bounds;
        let outside = step <= lower || step >= upper || upper - lower <= WIDTH * upper;
        match self.bracketed && outside {
            true => self.best.step,
            false => step,
        }
    }

    /// The next step by the function less what was promised, whose minimum brings enough.
    fn next_of_modified(&mut self, tried: Point) -> f64 {
        let promise = DECREASE * self.start.slope;
        let shifted = |point: Point, sign: f64| Point {
            value: point.value - sign * point.step * promise,
            slope: point.slope - sign * promise,
            ..point
        };
        (self.best, self.other) = (shifted(self.best, 1.0), shifted(self.other, 1.0));
        let step = self.narrow(shifted(tried, 1.0));
        (self.best, self.other) = (shifted(self.best, -1.0), shifted(self.other, -1.0));
        step
    }

    /// The next step, of polynomials through the best point and the last; and the smaller interval.
    fn narrow(&mut self, tried: Point) -> f64 {
        let best = self.best;
        let opposite = tried.slope * best.slope.signum() < 0.0;
        let step = if tried.value > best.value {
            self.bracketed = true;
            let (cubic, quadratic) = (cubic_between(best, tried), quadratic_by_value(best, tried));
            match (cubic - best.step).abs() <= (quadratic - best.step).abs() {
                true => cubic,
                false => cubic + (quadratic - cubic) / 2.0,
            }
        } else if opposite {
            self.bracketed = true;
            let (cubic, secant) = (cubic_between(tried, best), secant(best, tried));
            match (cubic - tried.step).abs() > (secant - tried.step).abs() {
                true => cubic,
                false => secant,
            }
        } else if tried.slope.abs() < best.slope.abs() {
            self.step_of_sinking_slope(tried)
        } else if self.bracketed {
            cubic_between(tried, self.other)
        } else if tried.step > best.step {
            self.bounds.1
        } else {
            self.bounds.0
        };
        if tried.value > best.value {
            self.other = tried;
        } else {
            if opposite {
                self.other = best;
            }
            self.best = tried;
        }
        step
    }

    /// The value is lower, and the slope has the same sign and is smaller: a minimum is further on.
    fn step_of_sinking_slope(&self, tried: Point) -> f64 {
        let (lower, upper) = self.bounds;
        let secant = secant(self.best, tried);
        let cubic = cubic_beyond(self.best, tried).unwrap_or(match tried.step > self.best.step {
            true => upper,
            false => lower,
        });
        let (to_cubic, to_secant) = ((cubic - tried.step).abs(), (secant - tried.step).abs());
        if !self.bracketed {
            let step = if to_cubic > to_secant { cubic } else { secant };
            return step.max(lower).min(upper);
        }
        let step = if to_cubic < to_secant { cubic } else { secant };
        let limit = tried.step + 0.66 * (self.other.step - tried.step);
        match tried.step > self.best.step {
            true => step.min(limit),
            false => step.max(limit),
        }
    }
}

/// What the cubics have in common: `theta`, and the square root under which they are 0.
fn cubic_terms(a: Point, b: Point) -> (f64, f64, f64) {
    let theta = 3.0 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope;
    let scale = theta.abs().max(a.slope.abs()).max(b.slope.abs());
    let under_root = (theta / scale).powi(2) - (a.slope / scale) * (b.slope / scale);
    (theta, scale, under_root)
}

/// The minimum of the cubic with the values and slopes of both points, seen from `a`.
fn cubic_between(a: Point, b: Point) -> f64 {
    let (theta, scale, under_root) = cubic_terms(a, b);
    let root = scale * under_root.max(0.0).sqrt();
    let root = if b.step < a.step { -root } else { root };
    let p = (root - a.slope) + theta;
    let q = ((root - a.slope) + root) + b.slope;
    a.step + p / q * (b.step - a.step)
}

/// The same seen from `tried`; `None` if the cubic has none beyond it.
fn cubic_beyond(best: Point, tried: Point) -> Option<f64> {
    let (theta, scale, under_root) = cubic_terms(best, tried);
    let root = scale * under_root.max(0.0).sqrt();
    let root = if tried.step > best.step { -root } else { root };
    let p = (root - tried.slope) + theta;
    let q = (root + (best.slope - tried.slope)) + root;
    let ratio = p / q;
    (ratio < 0.0 && root != 0.0).then_some(tried.step + ratio * (best.step - tried.step))
}

/// The minimum of the parabola with the slope of `a` and the values of both.
fn quadratic_by_value(a: Point, b: Point) -> f64 {
    let fall = (a.value - b.value) / (b.step - a.step) + a.slope;
    a.step + a.slope / fall / 2.0 * (b.step - a.step)
}

/// Where the slope is 0 if it changes evenly.
fn secant(best: Point, tried: Point) -> f64 {
    tried.step + tried.slope / (tried.slope - best.slope) * (best.step - tried.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches along a function given by value and slope; the steps that were tried.
    fn steps(function: impl Fn(f64) -> (f64, f64), first: f64) -> Vec<f64> {
        let (value, slope) = function(0.0);
        let mut search = LineSearch::new(value, slope, first, 1e10);
        let mut steps = vec![first];
        loop {
            let step = steps[steps.len() - 1];
            let (value, slope) = function(step);
            match search.advise(Point { step, value, slope }) {
                Advice::Take => return steps,
                Advice::Try(next) => steps.push(next),
            }
            assert!(steps.len() < 50, "{steps:?}");
        }
    }

    /// The functions of the paper's tables 1 and 2, from steps far too short and far too long;
    /// the expected steps are those of SciPy's `scipy.optimize._dcsrch.DCSRCH` with the same
    /// constants.
    #[test]
    fn steps_are_those_of_scipy() {
        let first = |a: f64| {
            let under = a * a + 2.0;
            (-a / under, (a * a - 2.0) / (under * under))
        };
        let second = |a: f64| {
            let b = a + 0.004;
            (
                b.powi(5) - 2.0 * b.powi(4),
                5.0 * b.powi(4) - 8.0 * b.powi(3),
            )
        };
        for (found, expected) in [
            (steps(first, 1e-3), &FIRST_SHORT[..]),
            (steps(first, 1e3), &FIRST_LONG[..]),
            (steps(second, 1e-3), &SECOND_SHORT[..]),
            (steps(second, 1e3), &SECOND_LONG[..]),
        ] {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
            }
        }
    }
    const FIRST_SHORT: [f64; 5] = [0.001, 0.005, 0.021, 0.085, 0.341];
    const FIRST_LONG: [f64; 4] = [
        1000.0,
        332.83537094698613,
        110.78382764820593,
        36.88760696396662,
    ];
    const SECOND_SHORT: [f64; 11] = [
        0.001,
        0.005,
        0.021,
        0.085,
        0.341,
        1.365,
        5.461,
        2.1070247668786957,
        1.551692634475675,
        1.5975830448985595,
        1.5975830448985595,
    ];
    const SECOND_LONG: [f64; 10] = [
        1000.0,
        222.29565484593803,
        49.472816490427086,
        11.069352144736474,
        2.5433685560303143,
        0.7201153415592905,
        1.6296513166653739,
        1.3512229797881472,
        1.5950402760316598,
        1.5950402760316598,
    ];
}
