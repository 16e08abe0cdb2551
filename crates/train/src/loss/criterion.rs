//! A loss that was checked against the labels and outputs of a run.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use finetune_data::Labels;
use finetune_eval::Targets;
use finetune_ops::{Upload, UploadPart, Uploaded};

use super::{Loss, check_shape};
use crate::error::TrainError;

/// A loss, ready for the labels and the model it was made for; see
/// [`LossConfig::init`](super::LossConfig::init).
///
/// The mean over an optimizer step is taken in two parts, so that a step may be cut into
/// micro-batches of any sizes: [`Self::weight`] is what each adds to the divisor, and [`Self::loss`]
/// the sum over a micro-batch over the divisor of the whole step. Their sum is the loss of the whole
/// batch, and the sum of their gradients is its gradient.
#[derive(Debug, Clone)]
pub struct Criterion {
    loss: Arc<dyn Loss>,
    outputs: usize,
}

impl Criterion {
    /// Checks a loss against all labels of the training rows and the `outputs` of the model, and
    /// calls it once on zeros, so that nothing can stop the run later.
    ///
    /// # Errors
    /// - Whatever [`Loss::check`] returns.
    /// - [`TrainError::LossShape`] if it does not return one value per row.
    pub fn new(loss: Arc<dyn Loss>, training: &Labels, outputs: usize) -> Result<Self, TrainError> {
        let targets = targets(training, 0);
        loss.check(&targets, outputs)?;
        let criterion = Self { loss, outputs };
        let first = first_rows(&targets, 2);
        if !first.is_empty() {
            let logits = Tensor::zeros([first.len(), outputs], &host_device());
            criterion.rows(logits, &first)?;
        }
        Ok(criterion)
    }

    /// Returns what a batch adds to the divisor of the mean: its rows, or the weights of their
    /// classes.
    ///
    /// # Errors
    /// [`TrainError::InvalidLabel`] if a label is not for this loss.
    pub fn weight(&self, labels: &Labels) -> Result<f64, TrainError> {
        self.total_weight(&targets(labels, 0))
    }

    fn total_weight(&self, targets: &Targets) -> Result<f64, TrainError> {
        Ok(match self.loss.row_weights(targets)? {
            Some(weights) => weights.iter().sum(),
            None => targets.len() as f64,
        })
    }

    /// Returns the sum over the rows of a batch over `divisor`, the weight of all batches of the
    /// step.
    ///
    /// # Shapes
    /// - `outputs`: `[B, C]`, logits or scores
    /// - output: `[1]`
    ///
    /// # Errors
    /// - [`TrainError::InvalidLabel`] if a label is not for this loss.
    /// - [`TrainError::LossShape`] if there are not as many labels as rows, or the rows are not as
    ///   wide as the loss was made for.
    /// - [`TrainError::LossShape`] if the loss does not return one value per row.
    /// - [`TrainError::InvalidSetting`] for a divisor that is not above 0.
    pub fn loss(
        &self,
        outputs: Tensor<2>,
        labels: &Labels,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        self.sum(outputs, labels, divisor, |outputs, targets| {
            self.loss.sum(outputs, targets, divisor)
        })
    }

    /// Adds the targets of a batch to an upload; `None` for a loss that copies them itself. `divisor`
    /// is that of [`Self::loss`].
    ///
    /// # Errors
    /// - [`TrainError::InvalidLabel`] if a label is not for this loss.
    /// - [`TrainError::InvalidSetting`] for a divisor that is not above 0.
    pub(crate) fn pack(
        &self,
        labels: &Labels,
        divisor: f64,
        upload: &mut Upload,
    ) -> Result<Option<UploadPart>, TrainError> {
        check_divisor(divisor)?;
        let Some(loss) = self.loss.on_device() else {
            return Ok(None);
        };
        Ok(Some(
            upload.floats(loss.values(&targets(labels, 0), divisor)?),
        ))
    }

    /// Returns the same as [`Self::loss`], from targets that [`Self::pack`] has added.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub(crate) fn loss_of(
        &self,
        outputs: Tensor<2>,
        labels: &Labels,
        packed: Option<(&UploadPart, &Uploaded)>,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        let on_device = self.loss.on_device().zip(packed);
        let Some((loss, (part, uploaded))) = on_device else {
            return self.loss(outputs, labels, divisor);
        };
        self.sum(outputs, labels, divisor, |outputs, _| {
            Ok(loss.sum(outputs, uploaded.floats(part), divisor))
        })
    }

    /// Returns the result of `sum`, with checks before and after it.
    fn sum(
        &self,
        outputs: Tensor<2>,
        labels: &Labels,
        divisor: f64,
        sum: impl FnOnce(Tensor<2>, &Targets) -> Result<Tensor<1>, TrainError>,
    ) -> Result<Tensor<1>, TrainError> {
        let [rows, width] = outputs.dims();
        let targets = targets(labels, rows);
        self.check(rows, width, &targets)?;
        check_divisor(divisor)?;
        let loss = sum(outputs, &targets)?;
        check_shape(self.loss.name(), &loss.dims(), &[1])?;
        Ok(loss)
    }

    /// Returns the mean loss of outputs that are on the host already: of a whole dataset. Rows are
    /// computed in single precision, as in training, and added up in double. Without rows it is 0.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub fn mean(&self, outputs: &[Vec<f32>], labels: &Labels) -> Result<f64, TrainError> {
        let targets = targets(labels, outputs.len());
        let odd = outputs.iter().find(|row| row.len() != self.outputs);
        self.check(outputs.len(), odd.map_or(self.outputs, Vec::len), &targets)?;
        if outputs.is_empty() {
            return Ok(0.0);
        }
        let shape = [outputs.len(), self.outputs];
        let logits = TensorData::new(outputs.concat(), shape);
        let losses = self.rows(Tensor::from_data(logits, &host_device()), &targets)?;
        let losses = losses.into_data().convert::<f32>();
        let sum: f64 = losses.iter::<f32>().map(f64::from).sum();
        Ok(sum / self.total_weight(&targets)?)
    }

    /// One loss per row.
    fn rows(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        let rows = logits.dims()[0];
        let losses = self.loss.per_row(logits, targets)?;
        check_shape(self.loss.name(), &losses.dims(), &[rows])?;
        Ok(losses)
    }

    fn check(&self, rows: usize, width: usize, targets: &Targets) -> Result<(), TrainError> {
        for (what, found, expected) in [
            ("outputs of a row", width, self.outputs),
            ("labels", targets.len(), rows),
        ] {
            if found != expected {
                return Err(TrainError::loss_shape(what, found, expected));
            }
        }
        Ok(())
    }
}

/// # Errors
/// - [`TrainError::InvalidSetting`] for a divisor that is not above 0.
fn check_divisor(divisor: f64) -> Result<(), TrainError> {
    match divisor > 0.0 && divisor.is_finite() {
        true => Ok(()),
        false => Err(TrainError::setting("divisor", divisor, "above 0")),
    }
}

/// A device for outputs on the host: flex where it is compiled in.
fn host_device() -> Device {
    #[cfg(feature = "flex")]
    return Device::flex();
    #[cfg(not(feature = "flex"))]
    Device::default()
}

/// The labels of `rows` rows, as losses and metrics see them.
pub(crate) fn targets(labels: &Labels, rows: usize) -> Targets {
    match labels {
        Labels::Classes(classes) => Targets::Classes(classes.clone()),
        Labels::MultiLabel(sets) => Targets::MultiLabel(sets.clone()),
        Labels::Scores(scores) => Targets::Scores(scores.clone()),
        Labels::TokenClasses(_) | Labels::Unlabeled => Targets::Unlabeled(rows),
    }
}

fn first_rows(targets: &Targets, count: usize) -> Targets {
    let count = count.min(targets.len());
    match targets {
        Targets::Classes(classes) => Targets::Classes(classes[..count].to_vec()),
        Targets::MultiLabel(sets) => Targets::MultiLabel(sets[..count].to_vec()),
        Targets::Scores(scores) => Targets::Scores(scores[..count].to_vec()),
        _ => Targets::Unlabeled(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the mean of the batch instead of a value per row.
    #[derive(Debug)]
    struct Mean;

    impl Loss for Mean {
        fn per_row(&self, logits: Tensor<2>, _: &Targets) -> Result<Tensor<1>, TrainError> {
            Ok(logits.mean())
        }
    }

    #[test]
    fn a_loss_that_is_not_per_row_is_refused_before_it_is_used() {
        let labels = Labels::Classes(vec![0, 1, 0]);
        let error = Criterion::new(Arc::new(Mean), &labels, 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "shape of the Mean loss: [1], expected [2], one value per row"
        );
    }
}
