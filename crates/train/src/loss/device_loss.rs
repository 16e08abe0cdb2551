//! Losses whose targets go to the device in the same copy as the tokens of a batch.

use burn::tensor::Tensor;
use finetune_eval::Targets;
use finetune_ops::upload_floats;

use crate::error::TrainError;

/// Loss as a function of outputs and of numbers on the device that stand for the targets.
///
/// A [`Loss`](super::Loss) that has one, [`Loss::on_device`](super::Loss::on_device), costs no copy
/// to the device of its own.
pub trait DeviceLoss {
    /// Returns the numbers that [`Self::per_row`] and [`Self::sum`] need, of any count but 0.
    ///
    /// # Errors
    /// If the targets are not for this loss.
    fn values(&self, targets: &Targets, divisor: f64) -> Result<Vec<f32>, TrainError>;

    /// Returns the loss of each row, from the numbers for the divisor 1.
    ///
    /// # Shapes
    /// - `outputs`: `[B, C]`
    /// - output: `[B]`
    fn per_row(&self, outputs: Tensor<2>, values: Tensor<1>) -> Tensor<1>;

    /// Returns the sum over the rows over `divisor`, from the numbers for this divisor.
    ///
    /// # Shapes
    /// - `outputs`: `[B, C]`
    /// - output: `[1]`
    fn sum(&self, outputs: Tensor<2>, values: Tensor<1>, divisor: f64) -> Tensor<1>;
}

impl<L: DeviceLoss + ?Sized> DeviceLoss for &L {
    fn values(&self, targets: &Targets, divisor: f64) -> Result<Vec<f32>, TrainError> {
        (**self).values(targets, divisor)
    }

    fn per_row(&self, outputs: Tensor<2>, values: Tensor<1>) -> Tensor<1> {
        (**self).per_row(outputs, values)
    }

    fn sum(&self, outputs: Tensor<2>, values: Tensor<1>, divisor: f64) -> Tensor<1> {
        (**self).sum(outputs, values, divisor)
    }
}

/// Returns the loss of each row, with a copy of the numbers to the device.
pub(super) fn per_row(
    loss: &dyn DeviceLoss,
    outputs: Tensor<2>,
    targets: &Targets,
) -> Result<Tensor<1>, TrainError> {
    let values = uploaded(loss, &outputs, targets, 1.0)?;
    Ok(loss.per_row(outputs, values))
}

/// Returns the sum over the rows over `divisor`, with a copy of the numbers to the device.
pub(super) fn sum(
    loss: &dyn DeviceLoss,
    outputs: Tensor<2>,
    targets: &Targets,
    divisor: f64,
) -> Result<Tensor<1>, TrainError> {
    let values = uploaded(loss, &outputs, targets, divisor)?;
    Ok(loss.sum(outputs, values, divisor))
}

fn uploaded(
    loss: &dyn DeviceLoss,
    outputs: &Tensor<2>,
    targets: &Targets,
    divisor: f64,
) -> Result<Tensor<1>, TrainError> {
    let values = loss.values(targets, divisor)?;
    let length = values.len();
    Ok(upload_floats(values, [length], &outputs.device()))
}

/// Returns the two halves of some numbers.
pub(super) fn halves(values: Tensor<1>) -> [Tensor<1>; 2] {
    let length = values.dims()[0] / 2;
    [0, length].map(|start| values.clone().slice([start..start + length]))
}
