//! Moré-Thuente line search.
//!
//! [Line search algorithms with guaranteed sufficient
//! decrease](https://doi.org/10.1145/192115.192132) (1994), with the constants of L-BFGS-B and
//! SciPy: a step is accepted when the decrease is at least 1/1000 of that predicted by the slope,
//! and the slope is at most 9/10 of the initial one.

/// Required fraction of the decrease predicted by the slope (sufficient decrease condition).
const DECREASE: f64 = 1e-3;
/// Maximum fraction of the initial slope that may remain (curvature condition).
const CURVATURE: f64 = 0.9;
/// Relative width of the interval at which the search stops.
const WIDTH: f64 = 0.1;

/// A step with the value and the slope along the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) step: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

/// Decision about a tried step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Advice {
    /// Accept the step.
    Take,
    /// Try this step next.
    Try(f64),
}

/// Line search from a point in a descent direction.
#[derive(Debug)]
pub(super) struct LineSearch {
    start: Point,
    longest: f64,
    /// Endpoint of the interval with the lowest value so far, and the other endpoint.
    best: Point,
    other: Point,
    /// Whether the interval contains a minimum.
    bracketed: bool,
    /// Whether no step was sufficient yet; until then a modified function is minimized.
    first_stage: bool,
    width: f64,
    width_before: f64,
    /// Bounds of the next step.
    bounds: (f64, f64),
}

impl LineSearch {
    /// Creates a search with the first step `step` from a point with the given value and negative
    /// slope.
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

    /// Decides about the tried step.
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

    /// Returns the next step for the modified function, whose minimum has sufficient decrease.
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

    /// Returns the next step by interpolation between the best and the tried point; shrinks the
    /// interval.
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

    /// Returns the next step if the value decreased and the slope kept its sign but became smaller,
    /// so that the minimum is farther along.
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

/// Returns the common terms of the cubic interpolations: `theta`, the scale, and the scaled
/// radicand.
fn cubic_terms(a: Point, b: Point) -> (f64, f64, f64) {
    let theta = 3.0 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope;
    let scale = theta.abs().max(a.slope.abs()).max(b.slope.abs());
    let under_root = (theta / scale).powi(2) - (a.slope / scale) * (b.slope / scale);
    (theta, scale, under_root)
}

/// Returns the minimum of the cubic through the values and slopes of both points, relative to `a`.
fn cubic_between(a: Point, b: Point) -> f64 {
    let (theta, scale, under_root) = cubic_terms(a, b);
    let root = scale * under_root.max(0.0).sqrt();
    let root = if b.step < a.step { -root } else { root };
    let p = (root - a.slope) + theta;
    let q = ((root - a.slope) + root) + b.slope;
    a.step + p / q * (b.step - a.step)
}

/// Returns the same relative to `tried`; `None` if the cubic has no minimum beyond it.
fn cubic_beyond(best: Point, tried: Point) -> Option<f64> {
    let (theta, scale, under_root) = cubic_terms(best, tried);
    let root = scale * under_root.max(0.0).sqrt();
    let root = if tried.step > best.step { -root } else { root };
    let p = (root - tried.slope) + theta;
    let q = (root + (best.slope - tried.slope)) + root;
    let ratio = p / q;
    (ratio < 0.0 && root != 0.0).then_some(tried.step + ratio * (best.step - tried.step))
}

/// Returns the minimum of the parabola with the slope at `a` and both values.
fn quadratic_by_value(a: Point, b: Point) -> f64 {
    let fall = (a.value - b.value) / (b.step - a.step) + a.slope;
    a.step + a.slope / fall / 2.0 * (b.step - a.step)
}

/// Returns the root of the linearly interpolated slope.
fn secant(best: Point, tried: Point) -> f64 {
    tried.step + tried.slope / (tried.slope - best.slope) * (best.step - tried.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a search on a function that returns value and slope; returns the tried steps.
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

    /// Functions of tables 1 and 2 of the paper, with initial steps that are far too short and far
    /// too long. The expected steps are those of SciPy's `scipy.optimize._dcsrch.DCSRCH` with the
    /// same constants.
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
