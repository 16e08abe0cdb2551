//! L-BFGS minimization of the regression loss.
//!
//! [On the limited memory BFGS method for large scale
//! optimization](https://doi.org/10.1007/BF01589116) (Liu and Nocedal 1989). Memory size, line
//! search and convergence criteria are those of SciPy's L-BFGS-B as used by scikit-learn. This is
//! the unconstrained part of that algorithm and takes the same steps.
//! same steps.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::line_search::{Advice, LineSearch, Point};
use super::objective::LogisticObjective;
use super::reductions;
use crate::error::BaselineError;

/// Number of previous steps used to approximate the Hessian.
const MEMORY: usize = 10;
/// Minimum relative decrease of the loss (relative to at least 1); smaller decreases end the
/// search.
const LEAST_DECREASE: f64 = 64.0 * f64::EPSILON;
/// Maximum number of steps tried per line search.
const TRIALS: usize = 50;
const LONGEST_STEP: f64 = 1e10;

/// Convergence information of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convergence {
    /// Reason for stopping.
    pub ending: StopReason,
    /// Number of iterations.
    pub iterations: usize,
    /// Number of evaluations of the loss.
    pub evaluations: usize,
    /// Final mean loss including the penalty.
    pub loss: f64,
    /// Maximum magnitude of the components of the final gradient.
    pub gradient_max_norm: f64,
}

/// Reason for stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The gradient is within the tolerance.
    SmallGradient,
    /// The loss no longer decreases beyond rounding errors.
    NoDecrease,
    /// The maximum number of iterations was reached before convergence.
    IterationLimit,
    /// The line search failed, usually because rounding errors dominate the remaining slope.
    LineSearch,
}

impl Convergence {
    /// Returns whether the fit converged.
    pub fn converged(&self) -> bool {
        matches!(
            self.ending,
            StopReason::SmallGradient | StopReason::NoDecrease
        )
    }
}

/// A step and the corresponding change of the gradient.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Dot product of the two.
    product: f64,
}

/// Minimizes from zeros and returns the final variables.
pub(super) fn minimize(
    objective: &mut LogisticObjective,
    tol: f64,
    max_iter: usize,
) -> Result<(Vec<f64>, Convergence), BaselineError> {
    let mut search = Search::new(objective)?;
    let mut iterations = 0;
    let ending = loop {
        if reductions::largest(&search.gradient) <= tol {
            break StopReason::SmallGradient;
        }
        if iterations == max_iter {
            break StopReason::IterationLimit;
        }
        let before = search.loss;
        if !search.step(objective, iterations)? {
            if search.memory.is_empty() {
                break StopReason::LineSearch;
            }
            // Discard the memory and restart from the steepest descent direction.
            search.memory.clear();
            continue;
        }
        iterations += 1;
        let decrease = before - search.loss;
        let scale = before.abs().max(search.loss.abs()).max(1.0);
        if reductions::largest(&search.gradient) > tol && decrease <= LEAST_DECREASE * scale {
            break StopReason::NoDecrease;
        }
    };
    let convergence = Convergence {
        ending,
        iterations,
        evaluations: search.evaluations,
        loss: search.loss,
        gradient_max_norm: reductions::largest(&search.gradient),
    };
    Ok((search.variables, convergence))
}

/// State of the search.
struct Search {
    variables: Vec<f64>,
    gradient: Vec<f64>,
    loss: f64,
    memory: VecDeque<Pair>,
    evaluations: usize,
    /// Buffers for the next variables and gradient.
    next_variables: Vec<f64>,
    next_gradient: Vec<f64>,
}

impl Search {
    fn new(objective: &mut LogisticObjective) -> Result<Self, BaselineError> {
        let count = objective.variables();
        let mut search = Self {
            variables: vec![0.0; count],
            gradient: vec![0.0; count],
            loss: 0.0,
            memory: VecDeque::with_capacity(MEMORY),
            evaluations: 1,
            next_variables: vec![0.0; count],
            next_gradient: vec![0.0; count],
        };
        search.loss = objective.evaluate(&search.variables, &mut search.gradient);
        check_finite(search.loss, &search.gradient, 0)?;
        Ok(search)
    }

    /// Takes one step; returns false if none is possible.
    fn step(
        &mut self,
        objective: &mut LogisticObjective,
        iteration: usize,
    ) -> Result<bool, BaselineError> {
        let direction = self.direction();
        let slope = reductions::dot(&self.gradient, &direction);
        if !slope.is_finite() {
            let loss = self.loss;
            return Err(BaselineError::NotFinite { iteration, loss });
        }
        if slope >= 0.0 {
            return Ok(false);
        }
        let first = match iteration {
            0 => (1.0 / reductions::dot(&direction, &direction).sqrt()).min(LONGEST_STEP),
            _ => 1.0,
        };
        let mut search = LineSearch::new(self.loss, slope, first, LONGEST_STEP);
        let mut step = first;
        for _ in 0..TRIALS {
            let moved = |next: &mut f64, along: f64| *next += step * along;
            self.next_variables.copy_from_slice(&self.variables);
            reductions::each(&mut self.next_variables, &direction, moved);
            let value = objective.evaluate(&self.next_variables, &mut self.next_gradient);
            self.evaluations += 1;
            check_finite(value, &self.next_gradient, iteration)?;
            let slope_there = reductions::dot(&self.next_gradient, &direction);
            let point = Point {
                step,
                value,
                slope: slope_there,
            };
            match search.advise(point) {
                Advice::Take => {
                    self.remember(direction, slope, point);
                    return Ok(true);
                }
                Advice::Try(next) => step = next,
            }
        }
        Ok(false)
    }

    /// Returns the negated product of the approximate inverse Hessian and the gradient (two-loop
    /// recursion).
    fn direction(&self) -> Vec<f64> {
        let mut direction: Vec<f64> = self.gradient.iter().map(|slope| -slope).collect();
        let Some(latest) = self.memory.back() else {
            return direction;
        };
        let mut factors = [0.0; MEMORY];
        for (pair, factor) in self.memory.iter().zip(&mut factors).rev() {
            *factor = reductions::dot(&pair.step, &direction) / pair.product;
            reductions::add_scaled(&mut direction, -*factor, &pair.change);
        }
        let scale = latest.product / reductions::dot(&latest.change, &latest.change);
        direction.iter_mut().for_each(|along| *along *= scale);
        for (pair, factor) in self.memory.iter().zip(factors) {
            let other = reductions::dot(&pair.change, &direction) / pair.product;
            reductions::add_scaled(&mut direction, factor - other, &pair.step);
        }
        direction
    }

    /// Moves to the next variables and stores the step, unless rounding errors make it unusable.
    fn remember(&mut self, direction: Vec<f64>, slope: f64, taken: Point) {
        let product = (taken.slope - slope) * taken.step;
        if product > f64::EPSILON * -slope * taken.step {
            let mut step = direction;
            step.iter_mut().for_each(|along| *along *= taken.step);
            let mut change = self.next_gradient.clone();
            reductions::add_scaled(&mut change, -1.0, &self.gradient);
            if self.memory.len() == MEMORY {
                self.memory.pop_front();
            }
            self.memory.push_back(Pair {
                step,
                change,
                product,
            });
        }
        std::mem::swap(&mut self.variables, &mut self.next_variables);
        std::mem::swap(&mut self.gradient, &mut self.next_gradient);
        self.loss = taken.value;
    }
}

fn check_finite(loss: f64, gradient: &[f64], iteration: usize) -> Result<(), BaselineError> {
    match loss.is_finite() && gradient.iter().all(|slope| slope.is_finite()) {
        true => Ok(()),
        false => Err(BaselineError::NotFinite { iteration, loss }),
    }
}
