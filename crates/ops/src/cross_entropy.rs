//! Cross entropy of logits against weighted targets.

use burn::tensor::{Device, Tensor, TensorData, activation::log_softmax};

/// How a batch's labels become the weights of the log probabilities.
///
/// One matrix of weights expresses every variant of the loss, so that the loss itself has none:
/// the mean over rows (also over the rows of several accumulated batches), label smoothing and
/// class weights are all ways to fill it.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    /// The true class of each row.
    pub labels: &'a [usize],
    /// Number of classes, `C`.
    pub classes: usize,
    /// What the summed loss is divided by: the number of rows of the whole optimizer step.
    pub divisor: f64,
}

impl Targets<'_> {
    /// The weights.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Panics
    /// If a label is not below `classes`.
    pub fn weights(&self, device: &Device) -> Tensor<2> {
        let mut weights = vec![0.0f32; self.labels.len() * self.classes];
        let share = (1.0 / self.divisor) as f32;
        for (row, label) in weights.chunks_exact_mut(self.classes).zip(self.labels) {
            row[*label] = share;
        }
        Tensor::from_data(
            TensorData::new(weights, [self.labels.len(), self.classes]),
            device,
        )
    }
}

/// `-sum(weights * log_softmax(logits))`, a tensor of one value.
///
/// # Shapes
/// - `logits`, `weights`: `[B, C]`
/// - output: `[1]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{Targets, cross_entropy};
///
/// let device = Device::flex();
/// let targets = Targets { labels: &[0, 1], classes: 2, divisor: 2.0 };
/// let logits = Tensor::zeros([2, 2], &device);
/// let loss = cross_entropy(logits, targets.weights(&device)).into_scalar::<f32>();
/// assert!((loss - 2.0f32.ln()).abs() < 1e-6);
/// ```
pub fn cross_entropy(logits: Tensor<2>, weights: Tensor<2>) -> Tensor<1> {
    -(log_softmax(logits, 1) * weights).sum()
}
