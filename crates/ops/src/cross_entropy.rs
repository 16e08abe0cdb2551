//! Cross entropy loss.

use burn::backend::autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};
use burn::backend::{
    Backend, Dispatch, TensorMetadata,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::{Device, IndexingUpdateOp, Int, Shape, Tensor, activation::log_softmax};

use crate::autodiff::node;
use crate::extension::EncoderOps;
use crate::kernels::Kernels;
use crate::transfer::{upload_floats, upload_indices};

/// Class labels of a batch, to be converted to target weights.
///
/// A matrix of weights of the log probabilities expresses all variants of the loss: the mean over
/// rows (also of several accumulated batches), label smoothing and class weights.
#[derive(Debug, Clone, Copy)]
pub struct ClassTargets<'a> {
    /// Class index of each row.
    pub labels: &'a [usize],
    /// Number of classes, `C`.
    pub classes: usize,
    /// Divisor of the summed loss: the number of rows of the whole optimizer step.
    pub divisor: f64,
}

impl ClassTargets<'_> {
    /// Returns the weights of the unmodified loss: 1 for the label's class, divided by the divisor.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Panics
    /// If a label is not below `classes`.
    pub fn weights(&self, device: &Device) -> Tensor<2> {
        self.smoothed_weights(0.0, None, device)
    }

    /// Returns the weights with label smoothing and class weights, as
    /// [`torch.nn.CrossEntropyLoss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.CrossEntropyLoss.html):
    /// the fraction `smoothing` of a row is distributed uniformly over all classes, and each
    /// fraction is multiplied by the weight of its class. PyTorch's mean needs the sum of the
    /// labels' class weights as `divisor`.
    ///
    /// # Shapes
    /// - `class_weights`: `[C]`
    /// - output: `[B, C]`
    ///
    /// # Panics
    /// If a label is not below `classes`, or there is not one weight per class.
    ///
    /// ```
    /// use burn::tensor::{Device, TensorData};
    /// use finetune_ops::ClassTargets;
    ///
    /// let targets = ClassTargets { labels: &[1], classes: 2, divisor: 1.0 };
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
        let values = self.values(smoothing, class_weights);
        let length = values.len();
        target_weights(upload_floats(values, [length], device), self.classes)
    }

    /// Returns the numbers from which [`target_weights`] computes the same weights on the device:
    /// the labels, then for each class its weight in a row with this label, and in any other row.
    ///
    /// # Shapes
    /// - `class_weights`: `[C]`
    /// - output: `[B + 2 C]`
    ///
    /// # Panics
    /// As [`Self::smoothed_weights`].
    pub fn values(&self, smoothing: f64, class_weights: Option<&[f64]>) -> Vec<f32> {
        if let Some(weights) = class_weights {
            assert_eq!(weights.len(), self.classes, "one weight for each class");
        }
        let to_any = smoothing / self.classes as f64;
        let weights = |share: f64| {
            (0..self.classes).map(move |class| {
                let weight = class_weights.map_or(1.0, |weights| weights[class]);
                (share * weight / self.divisor) as f32
            })
        };
        let labels = self.labels.iter().map(|label| {
            assert!(*label < self.classes, "class {label} of {}", self.classes);
            *label as f32
        });
        labels
            .chain(weights(1.0 - smoothing + to_any))
            .chain(weights(to_any))
            .collect()
    }
}

/// Returns the weights of [`ClassTargets::smoothed_weights`] from those numbers.
///
/// # Shapes
/// - `values`: `[B + 2 C]`, see [`ClassTargets::values`]
/// - output: `[B, C]`
pub fn target_weights(values: Tensor<1>, classes: usize) -> Tensor<2> {
    let rows = values.dims()[0] - 2 * classes;
    let shape = [rows, classes];
    let part = |start: usize, length: usize| values.clone().slice([start..start + length]);
    let weights = |start| part(start, classes).reshape([1, classes]).expand(shape);
    let labels = part(0, rows).reshape([rows, 1]).expand(shape);
    let columns = Tensor::arange(0..classes as i64, &values.device()).float();
    let is_label = labels.equal(columns.reshape([1, classes]).expand(shape));
    weights(rows + classes).mask_where(is_label, weights(rows))
}

/// Returns the loss `-sum(weights * log_softmax(logits))`.
///
/// # Shapes
/// - `logits`, `weights`: `[B, C]`
/// - output: `[1]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::{ClassTargets, soft_target_cross_entropy};
///
/// let device = Device::flex();
/// let targets = ClassTargets { labels: &[0, 1], classes: 2, divisor: 2.0 };
/// let logits = Tensor::zeros([2, 2], &device);
/// let loss = soft_target_cross_entropy(logits, targets.weights(&device)).into_scalar::<f32>();
/// assert!((loss - 2.0f32.ln()).abs() < 1e-6);
/// ```
pub fn soft_target_cross_entropy(logits: Tensor<2>, weights: Tensor<2>) -> Tensor<1> {
    -(log_softmax(logits, 1) * weights).sum()
}

/// Returns the loss `-sum(log_softmax(logits)[label]) / divisor`: [`soft_target_cross_entropy`] with
/// [`ClassTargets::weights`], without the weight matrix, which would be large for a vocabulary.
///
/// # Shapes
/// - `logits`: `[B, C]`
/// - `labels`: `B` values
/// - output: `[1]`
///
/// # Panics
/// If there is not one label per row, or a label is not below `C`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
///
/// let logits = Tensor::zeros([2, 2], &Device::flex());
/// let loss = finetune_ops::cross_entropy(logits, &[0, 1], 2.0).into_scalar::<f32>();
/// assert!((loss - 2.0f32.ln()).abs() < 1e-6);
/// ```
pub fn cross_entropy(logits: Tensor<2>, labels: &[usize], divisor: f64) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    assert_eq!(rows, labels.len(), "a label for each row");
    if let Some(label) = labels.iter().find(|label| **label >= classes) {
        panic!("class {label} of {classes}");
    }
    let device = logits.device().without_autodiff();
    cross_entropy_of(logits, upload_indices(labels, [rows], &device), divisor)
}

/// Returns the same loss as [`cross_entropy()`] for labels on the device, which must be below `C`.
///
/// # Shapes
/// - `logits`: `[B, C]`
/// - `labels`: `[B]`
/// - output: `[1]`
///
/// # Panics
/// If there is not one label per row.
pub fn cross_entropy_of(logits: Tensor<2>, labels: Tensor<1, Int>, divisor: f64) -> Tensor<1> {
    assert_eq!(logits.dims()[0], labels.dims()[0], "a label for each row");
    Tensor::from_dispatch(<Dispatch as EncoderOps>::class_loss(
        logits.into_dispatch(),
        labels.into_dispatch(),
        1.0 / divisor,
    ))
}

pub(crate) fn forward<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    factor: f64,
) -> FloatTensor<B> {
    let rows = logits.shape()[0];
    let labels = B::int_reshape(labels, Shape::from([rows, 1]));
    let picked = B::float_gather(1, B::log_softmax(logits, 1), labels);
    let sum = B::float_reshape(B::float_sum(picked), Shape::from([1]));
    B::float_mul_scalar(sum, (-factor).into())
}

/// The gradient of the logits: softmax minus one at the label, times `factor` and the gradient of
/// the loss.
pub(crate) fn gradient<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    factor: f64,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let rows = logits.shape()[0];
    let (device, dtype) = (logits.device(), logits.dtype());
    let labels = B::int_reshape(labels, Shape::from([rows, 1]));
    let ones = B::float_ones(Shape::from([rows, 1]), &device, dtype.into());
    let probabilities = B::softmax(logits, 1);
    let less_one = IndexingUpdateOp::Add;
    let error = B::float_scatter(1, probabilities, labels, B::float_neg(ones), less_one);
    let gradient = B::float_reshape(gradient, Shape::from([1, 1]));
    B::float_mul(error, B::float_mul_scalar(gradient, factor.into()))
}

pub(crate) fn tracked<B: Kernels, C: CheckpointStrategy>(
    logits: FloatTensor<Autodiff<B, C>>,
    labels: IntTensor<B>,
    factor: f64,
) -> FloatTensor<Autodiff<B, C>> {
    let parents = [logits.node()];
    let logits = logits.into_primitive();
    let loss = <B as Kernels>::class_loss(logits.clone(), labels.clone(), factor);
    node::<B, C, 1>(parents, loss, move |gradient, _| {
        [Some(B::class_loss_gradient(
            logits, labels, factor, gradient,
        ))]
    })
}
