//! L-BFGS: the search for the minimum of a smooth function of many variables.
//!
//! [On the limited memory BFGS method for large scale optimization](https://doi.org/10.1007/BF01589116)
//! (Liu and Nocedal 1989), with the memory, the line search and the two tests of convergence that
//! scikit-learn takes from SciPy's L-BFGS-B, of which this is the part without bounds: it takes the
//! same steps.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::line_search::{Advice, LineSearch, Point};
use super::objective::LogisticObjective;
use super::vector;
use crate::BaselineError;

/// How many steps the search remembers.
const MEMORY: usize = 10;
/// The search ends when the loss sinks by no more than this share of itself, or of 1.
const LEAST_DECREASE: f64 = 64.0 * f64::EPSILON;
/// How many steps are tried along one line.
const TRIALS: usize = 50;
const LONGEST_STEP: f64 = 1e10;

/// How a search for coefficients went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convergence {
    /// Why it ended.
    pub ending: Ending,
    /// How many steps were taken.
    pub iterations: usize,
    /// How often the loss was computed.
    pub evaluations: usize,
    /// The mean loss with its penalty in the end.
    pub loss: f64,
    /// The largest magnitude in its gradient.
    pub gradient: f64,
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The gradient is as small as was asked for.
    SmallGradient,
    /// The loss sinks no more than rounding makes it rise.
    NoDecrease,
    /// All steps were taken: the coefficients are not those of the least loss.
    IterationLimit,
    /// No step along the line was good enough: rounding hides what is left of the slope.
    LineSearch,
}

impl Convergence {
    /// Whether the search ended where it was to end.
    pub fn converged(&self) -> bool {
        matches!(self.ending, Ending::SmallGradient | Ending::NoDecrease)
    }
}

/// A step and how it changed the gradient.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Their scalar product.
    product: f64,
}

/// Searches from zeros; the variables where the search ended.
pub(super) fn minimise(
    objective: &mut LogisticObjective,
    tol: f64,
    max_iter: usize,
) -> Result<(Vec<f64>, Convergence), BaselineError> {
    let mut search = Search::new(objective)?;
    let mut iterations = 0;
    let ending = loop {
        if vector::largest(&search.gradient) <= tol {
            break Ending::SmallGradient;
        }
        if iterations == max_iter {
            break Ending::IterationLimit;
        }
        let before = search.loss;
        if !search.step(objective, iterations)? {
            if search.memory.is_empty() {
                break Ending::LineSearch;
            }
            // What is remembered led astray: again from the plain gradient.
            search.memory.clear();
            continue;
        }
        iterations += 1;
        let decrease = before - search.loss;
        let scale = before.abs().max(search.loss.abs()).max(1.0);
        if vector::largest(&search.gradient) > tol && decrease <= LEAST_DECREASE * scale {
            break Ending::NoDecrease;
        }
    };
    let convergence = Convergence {
        ending,
        iterations,
        evaluations: search.evaluations,
        loss: search.loss,
        gradient: vector::largest(&search.gradient),
    };
    Ok((search.variables, convergence))
}

/// Where the search is, and what it remembers.
struct Search {
    variables: Vec<f64>,
    gradient: Vec<f64>,
    loss: f64,
    memory: VecDeque<Pair>,
    evaluations: usize,
    /// Room for the next variables and the gradient there.
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

    /// Takes one step; `false` if there is none to take.
    fn step(
        &mut self,
        objective: &mut LogisticObjective,
        iteration: usize,
    ) -> Result<bool, BaselineError> {
        let direction = self.direction();
        let slope = vector::dot(&self.gradient, &direction);
        if !slope.is_finite() {
            let loss = self.loss;
            return Err(BaselineError::NotFinite { iteration, loss });
        }
        if slope >= 0.0 {
            return Ok(false);
        }
        let first = match iteration {
            0 => (1.0 / vector::dot(&direction, &direction).sqrt()).min(LONGEST_STEP),
            _ => 1.0,
        };
        let mut search = LineSearch::new(self.loss, slope, first, LONGEST_STEP);
        let mut step = first;
        for _ in 0..TRIALS {
            let moved = |next: &mut f64, along: f64| *next += step * along;
            self.next_variables.copy_from_slice(&self.variables);
            vector::each(&mut self.next_variables, &direction, moved);
            let value = objective.evaluate(&self.next_variables, &mut self.next_gradient);
            self.evaluations += 1;
            check_finite(value, &self.next_gradient, iteration)?;
            let slope_there = vector::dot(&self.next_gradient, &direction);
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

    /// Minus the product of the gradient and what is known of the inverse of the second
    /// derivatives (the two-loop recursion).
    fn direction(&self) -> Vec<f64> {
        let mut direction: Vec<f64> = self.gradient.iter().map(|slope| -slope).collect();
        let Some(latest) = self.memory.back() else {
            return direction;
        };
        let mut factors = [0.0; MEMORY];
        for (pair, factor) in self.memory.iter().zip(&mut factors).rev() {
            *factor = vector::dot(&pair.step, &direction) / pair.product;
            vector::add_scaled(&mut direction, -*factor, &pair.change);
        }
        let scale = latest.product / vector::dot(&latest.change, &latest.change);
        direction.iter_mut().for_each(|along| *along *= scale);
        for (pair, factor) in self.memory.iter().zip(factors) {
            let other = vector::dot(&pair.change, &direction) / pair.product;
            vector::add_scaled(&mut direction, factor - other, &pair.step);
        }
        direction
    }

    /// Goes to the next variables, and remembers the step unless rounding made it useless.
    fn remember(&mut self, direction: Vec<f64>, slope: f64, taken: Point) {
        let product = (taken.slope - slope) * taken.step;
        if product > f64::EPSILON * -slope * taken.step {
            let mut pair = match self.memory.len() {
                MEMORY => self.memory.pop_front(),
                _ => None,
            }
            .unwrap_or_else(|| Pair {
                step: Vec::new(),
                change: vec![0.0; self.gradient.len()],
                product,
            });
            pair.product = product;
            pair.step = direction;
            pair.step.iter_mut().for_each(|along| *along *= taken.step);
            pair.change.copy_from_slice(&self.next_gradient);
            vector::add_scaled(&mut pair.change, -1.0, &self.gradient);
            self.memory.push_back(pair);
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
