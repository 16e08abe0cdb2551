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
    /// The weights of the plain loss: the true class counts, each row alike.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Panics
    /// If a label is not below `classes`.
    pub fn weights(&self, device: &Device) -> Tensor<2> {
        self.smoothed_weights(0.0, None, device)
    }

    /// The weights of the loss with label smoothing and class weights, as
    /// [`torch.nn.CrossEntropyLoss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.CrossEntropyLoss.html)
    /// has them: a row gives `smoothing` of itself to all classes alike, and each share counts as
    /// much as the class that it went to. PyTorch's mean is had with the sum of the true classes'
    /// weights as `divisor`.
    ///
    /// # Shapes
    /// - `class_weights`: `[C]`
    /// - output: `[B, C]`
    ///
    /// # Panics
    /// If a label is not below `classes`, or there is not one weight for each class.
    ///
    /// ```
    /// use burn::tensor::{Device, TensorData};
    /// use finetune_ops::Targets;
    ///
    /// let targets = Targets { labels: &[1], classes: 2, divisor: 1.0 };
    /// let weights = targets.smoothed_weights(0.5, Some(&[1.0, 4.0]), &Device::flex());
    /// let expected = TensorData::from([[0.25f32, 3.0]]);
    /// weights.into_data().assert_approx_eq::<f32>(&expected, Default::default());
    /// ```
    pub fn smoothed_weights(
        &self,
        smoothing: f64,
        class_weights: Option<&[f64]>,
        device: &Device,
    ) -> Tensor<2> {
        if let Some(weights) = class_weights {
            assert_eq!(weights.len(), self.classes, "one weight for each class");
        }
        let weight_of = |class: usize| class_weights.map_or(1.0, |weights| weights[class]);
        let to_any = smoothing / self.classes as f64;
        let mut weights = Vec::with_capacity(self.labels.len() * self.classes);
        for label in self.labels {
            assert!(*label < self.classes, "class {label} of {}", self.classes);
            weights.extend((0..self.classes).map(|class| {
                let share = if class == *label {
                    1.0 - smoothing + to_any
                } else {
                    to_any
                };
                (share * weight_of(class) / self.divisor) as f32
            }));
        }
        let shape = [self.labels.len(), self.classes];
        Tensor::from_data(TensorData::new(weights, shape), device)
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
