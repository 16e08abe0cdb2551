//! Regularized mean loss and its gradient.

use rayon::prelude::*;

use super::reductions;
use super::training_matrix::TrainingMatrix;

/// Number of rows or columns per parallel task.
const PER_CHUNK: usize = 512;

/// Weight and target of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Class, as an index into the classes with rows.
    pub(super) class: usize,
    pub(super) weight: f64,
}

/// Objective to minimize: `Σ weight · loss / Σ weight + penalty / 2 · Σ coefficient²`. The loss is
/// the logistic loss with one output for two classes, or the softmax cross-entropy with one output
/// per class.
///
/// The variables are the coefficients, `[columns, outputs]`, followed by the intercepts,
/// `[outputs]`. This is scikit-learn's
/// [`LinearModelLoss`](https://github.com/scikit-learn/scikit-learn/blob/1.9.1/sklearn/linear_model/_linear_loss.py).
#[derive(Debug)]
pub(super) struct LogisticObjective {
    matrix: TrainingMatrix,
    targets: Vec<Target>,
    total_weight: f64,
    outputs: usize,
    penalty: f64,
    fit_intercept: bool,
    /// Derivatives of the mean loss with respect to the outputs of each row, `[rows, outputs]`.
    slopes: Vec<f64>,
}

impl LogisticObjective {
    /// Creates the objective; `outputs` is 1 for two classes.
    pub(super) fn new(
        matrix: TrainingMatrix,
        targets: Vec<Target>,
        outputs: usize,
        c: f64,
        fit_intercept: bool,
    ) -> Self {
        let total_weight = targets.iter().map(|target| target.weight).sum();
        Self {
            slopes: vec![0.0; targets.len() * outputs],
            penalty: 1.0 / (c * total_weight),
            matrix,
            targets,
            total_weight,
            outputs,
            fit_intercept,
        }
    }

    /// Returns the number of variables.
    pub(super) fn variables(&self) -> usize {
        let intercepts = if self.fit_intercept { self.outputs } else { 0 };
        self.matrix.columns() * self.outputs + intercepts
    }

    pub(super) fn matrix(&self) -> &TrainingMatrix {
        &self.matrix
    }

    /// Returns the value at `variables` and sets `gradient`.
    pub(super) fn evaluate(&mut self, variables: &[f64], gradient: &mut [f64]) -> f64 {
        let (coefficients, intercepts) = variables.split_at(self.matrix.columns() * self.outputs);
        let loss = self.visit_rows(coefficients, intercepts);
        let (by_coefficient, by_intercept) = gradient.split_at_mut(coefficients.len());
        self.set_gradient(coefficients, by_coefficient);
        self.set_intercept_gradient(by_intercept);
        loss + self.penalty / 2.0 * reductions::dot(coefficients, coefficients)
    }

    /// Sets the derivatives and returns the mean loss of the rows.
    fn visit_rows(&mut self, coefficients: &[f64], intercepts: &[f64]) -> f64 {
        let (matrix, targets, outputs) = (&self.matrix, &self.targets, self.outputs);
        let loss_of_row = |row: usize, values: &mut [f64], target: Target| {
            match intercepts {
                [] => values.fill(0.0),
                intercepts => values.copy_from_slice(intercepts),
            }
            add_row(matrix.row(row), coefficients, values);
            let share = target.weight / self.total_weight;
            let loss = match outputs {
                1 => logistic_loss(&mut values[0], target.class),
                _ => softmax_loss(values, target.class),
            };
            values.iter_mut().for_each(|slope| *slope *= share);
            loss * share
        };
        let chunks = self.slopes.par_chunks_mut(PER_CHUNK * outputs);
        let losses: Vec<f64> = chunks
            .zip(targets.par_chunks(PER_CHUNK))
            .enumerate()
            .map(|(chunk, (slopes, targets))| {
                let rows = slopes.chunks_exact_mut(outputs).zip(targets);
                let rows = (chunk * PER_CHUNK..).zip(rows);
                rows.map(|(row, (values, target))| loss_of_row(row, values, *target))
                    .sum()
            })
            .collect();
        losses.into_iter().sum()
    }

    fn set_gradient(&self, coefficients: &[f64], gradient: &mut [f64]) {
        let (matrix, outputs, slopes) = (&self.matrix, self.outputs, &self.slopes);
        let chunks = gradient.par_chunks_mut(PER_CHUNK * outputs);
        chunks.enumerate().for_each(|(chunk, gradient)| {
            let columns = gradient.chunks_exact_mut(outputs);
            for (column, gradient) in (chunk * PER_CHUNK..).zip(columns) {
                let coefficients = &coefficients[column * outputs..][..outputs];
                let penalties = coefficients.iter().map(|value| self.penalty * value);
                gradient
                    .iter_mut()
                    .zip(penalties)
                    .for_each(|(sum, penalty)| *sum = penalty);
                add_row(matrix.column(column), slopes, gradient);
            }
        });
    }

    fn set_intercept_gradient(&self, gradient: &mut [f64]) {
        if gradient.is_empty() {
            return;
        }
        gradient.fill(0.0);
        for slopes in self.slopes.chunks_exact(self.outputs) {
            gradient
                .iter_mut()
                .zip(slopes)
                .for_each(|(sum, slope)| *sum += slope);
        }
    }
}

/// Adds the product of a sparse row and a matrix with `sums.len()` columns.
fn add_row(row: impl Iterator<Item = (usize, f64)>, matrix: &[f64], sums: &mut [f64]) {
    if let [sum] = sums {
        // Fast path for two classes; the general loop would take twice as long.
        *sum = row.fold(*sum, |sum, (place, value)| sum + value * matrix[place]);
        return;
    }
    let width = sums.len();
    for (place, value) in row {
        let others = &matrix[place * width..][..width];
        sums.iter_mut()
            .zip(others)
            .for_each(|(sum, other)| *sum += value * other);
    }
}

/// Returns `ln(1 + exp(output)) - class · output` and replaces the output by its derivative.
fn logistic_loss(output: &mut f64, class: usize) -> f64 {
    let (value, target) = (*output, class as f64);
    // The smaller of exp(value) and exp(-value) cannot overflow.
    let exponential = (-value.abs()).exp();
    let larger = 1.0 / (1.0 + exponential);
    let probability = if value >= 0.0 {
        larger
    } else {
        exponential * larger
    };
    *output = probability - target;
    value.max(0.0) + exponential.ln_1p() - target * value
}

/// Returns `ln(Σ exp(outputs)) - outputs[class]` and replaces the outputs by their derivatives.
fn softmax_loss(outputs: &mut [f64], class: usize) -> f64 {
    let of_class = outputs[class];
    let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for output in outputs.iter_mut() {
        *output = (*output - largest).exp();
        sum += *output;
    }
    outputs.iter_mut().for_each(|output| *output /= sum);
    outputs[class] -= 1.0;
    largest + sum.ln() - of_class
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csr_matrix::CsrMatrix;

    fn objective(classes: &[usize], outputs: usize) -> LogisticObjective {
        let starts = vec![0, 2, 3, 3, 5];
        let values = vec![1.0, -2.0, 0.5, 3.0, 1.5];
        let rows = CsrMatrix::new(3, starts, vec![0, 2, 1, 0, 1], values).unwrap();
        let weights = [1.0, 2.0, 0.5, 1.0];
        let targets = classes.iter().zip(weights);
        let targets = targets.map(|(&class, weight)| Target { class, weight });
        let matrix = TrainingMatrix::new(&rows);
        LogisticObjective::new(matrix, targets.collect(), outputs, 0.7, true)
    }

    /// Compares the gradient with finite differences.
    #[test]
    fn the_gradient_is_that_of_the_loss() {
        for (classes, outputs) in [([0, 1, 1, 0], 1), ([0, 1, 2, 1], 3)] {
            let mut objective = objective(&classes, outputs);
            let count = objective.variables();
            let variables: Vec<f64> = (0..count).map(|i| 0.3 * i as f64 - 0.8).collect();
            let mut gradient = vec![f64::NAN; count];
            objective.evaluate(&variables, &mut gradient);
            for variable in 0..count {
                let mut loss_at = |step: f64| {
                    let mut moved = variables.clone();
                    moved[variable] += step;
                    objective.evaluate(&moved, &mut vec![0.0; count])
                };
                let difference = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
                let found = gradient[variable];
                assert!((found - difference).abs() < 1e-9, "{found} {difference}");
            }
        }
    }

    #[test]
    fn large_outputs_have_a_finite_loss() {
        for (value, class, loss) in [(800.0, 1, 0.0), (-800.0, 1, 800.0), (800.0, 0, 800.0)] {
            let mut output = value;
            assert_eq!(logistic_loss(&mut output, class), loss);
            assert!(output.abs() <= 1.0);
            let mut outputs = [0.0, value];
            assert_eq!(softmax_loss(&mut outputs, class), loss);
        }
    }
}
