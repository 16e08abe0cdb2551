//! Projection of a teacher's hidden states to the width of its student.

use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::error::TrainError;

/// Projection to the directions in which hidden states vary most: their first principal components.
///
/// A teacher's states are wider than the student's. Instead of layers that are trained for it and thrown
/// away, the student learns the states in fewer dimensions, as sentence-transformers does it for smaller
/// [embeddings](https://sbert.net/examples/sentence_transformer/training/distillation/README.html).
/// Products of two states keep most of their value.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    /// `[W, D]`, from the teacher's width to the student's.
    components: Tensor<2>,
}

impl Projection {
    /// Returns the projection to `width` dimensions, from rows of states of size `teacher_width`. The
    /// largest value of each direction is positive, so that it does not depend on the solver.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the student is wider than the teacher, or the states are not
    ///   finite.
    pub(super) fn fit(
        states: &[f32],
        teacher_width: usize,
        width: usize,
        device: &Device,
    ) -> Result<Self, TrainError> {
        if width > teacher_width {
            let expected = format!("at most {teacher_width}, the hidden size of the teacher");
            let setting = "hidden size of the student";
            return Err(TrainError::setting(setting, width, expected));
        }
        if let Some(found) = states.iter().find(|value| !value.is_finite()) {
            let setting = "hidden states of the teacher";
            return Err(TrainError::setting(setting, found, "finite"));
        }
        let covariance = covariance(states, teacher_width);
        let eigen = SymmetricEigen::new(covariance);
        let mut order: Vec<usize> = (0..teacher_width).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let mut components = vec![0.0; teacher_width * width];
        for (column, direction) in order.into_iter().take(width).enumerate() {
            let vector = eigen.eigenvectors.column(direction);
            let largest = vector[vector.iamax()];
            for (row, value) in vector.iter().enumerate() {
                components[row * width + column] = (value * largest.signum()) as f32;
            }
        }
        let data = TensorData::new(components, [teacher_width, width]);
        Ok(Self {
            components: Tensor::from_data(data, device),
        })
    }

    /// Returns states in fewer dimensions.
    ///
    /// # Shapes
    /// - `states`: `[T, W]`
    /// - output: `[T, D]`
    pub(super) fn apply(&self, states: Tensor<2>) -> Tensor<2> {
        states.matmul(self.components.clone())
    }
}

/// Returns the covariance matrix of the columns of row-major `values`.
fn covariance(values: &[f32], width: usize) -> DMatrix<f64> {
    let rows = (values.len() / width).max(1);
    let mut mean = DVector::<f64>::zeros(width);
    for row in values.chunks_exact(width) {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    mean /= rows as f64;
    let centered = DMatrix::from_fn(width, rows, |column, row| {
        f64::from(values.get(row * width + column).copied().unwrap_or(0.0)) - mean[column]
    });
    &centered * centered.transpose() / rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_a_plane_are_kept_and_others_are_refused() {
        let device = Device::flex();
        // Points of a plane in four dimensions.
        let (a, b) = ([0.5f32, 0.5, 0.5, 0.5], [0.5f32, -0.5, 0.5, -0.5]);
        let states: Vec<f32> = (0..50)
            .flat_map(|at| {
                let (x, y) = ((at as f32 * 0.7).sin() * 3.0, (at as f32 * 1.3).cos());
                (0..4).map(move |column| x * a[column] + y * b[column])
            })
            .collect();
        let projection = Projection::fit(&states, 4, 2, &device).unwrap();
        let rows = Tensor::<2>::from_data(TensorData::new(states.clone(), [50, 4]), &device);
        let products = |rows: Tensor<2>| {
            let products = rows.clone().matmul(rows.transpose());
            products.into_data().try_to_vec::<f32>().unwrap()
        };
        let (before, after) = (products(rows.clone()), products(projection.apply(rows)));
        for (before, after) in before.iter().zip(&after) {
            assert!((before - after).abs() < 1e-4, "{before} {after}");
        }
        let error = Projection::fit(&states, 4, 5, &device)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "hidden size of the student is 5, expected at most 4, the hidden size of the teacher"
        );
        let error = Projection::fit(&[f32::NAN; 4], 4, 2, &device).unwrap_err();
        assert!(error.to_string().contains("NaN"), "{error}");
    }
}
