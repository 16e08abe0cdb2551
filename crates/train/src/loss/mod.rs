//! Losses: from logits or scores and targets to one value per row.
//!
//! [`Loss`] is the trait, for the built-in ones and anyone's own; [`LossConfig`] is the registry of
//! the built-in ones by name. A [`Criterion`] is a loss that was checked against the labels and
//! outputs of a run.
//!
//! | loss | outputs | targets |
//! |---|---|---|
//! | cross entropy | `C` logits, of which one is right | classes |
//! | binary cross entropy | `C` independent logits | classes, sets of classes, or fractions for one logit |
//! | L1, L2, Huber | one number | scores |
//! | cosine | one cosine | classes 0 and 1, or scores -1 and 1 |
//!
//! With [`ScoreBins`](finetune_model::ScoreBins), a loss over classes is trained on the bins of
//! scores.

mod binary_cross_entropy;
mod config;
mod cosine;
mod criterion;
mod cross_entropy;
mod device_loss;
mod labels;
mod pointwise;
mod score_bins;

use std::fmt;
use std::ops::RangeInclusive;

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use finetune_eval::{Targets, short_type_name};
use finetune_ops::upload_indices;

pub use config::{ClassWeights, LossConfig, PosWeight};
pub use criterion::Criterion;
pub(crate) use criterion::targets;
pub use device_loss::DeviceLoss;

use crate::error::TrainError;

/// A training loss.
///
/// Sums, weights, accumulated batches and evaluation are the training loop's business; a loss
/// returns one value per row:
///
/// ```
/// use burn::tensor::Tensor;
/// use finetune_eval::Targets;
/// use finetune_train::{Loss, TrainError, target_log_probabilities};
///
/// /// Focal loss ([Lin et al. 2017](https://arxiv.org/abs/1708.02002)).
/// #[derive(Debug)]
/// struct Focal {
///     gamma: f64,
/// }
///
/// impl Loss for Focal {
///     fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
///         let log_p = target_log_probabilities(logits, targets)?;
///         let rest = log_p.clone().exp().neg().add_scalar(1.0);
///         Ok(-rest.powf_scalar(self.gamma) * log_p)
///     }
/// }
/// ```
pub trait Loss: fmt::Debug + Send + Sync {
    /// Returns the loss of each row.
    ///
    /// # Shapes
    /// - `logits`: `[B, C]`
    /// - output: `[B]`
    ///
    /// # Errors
    /// Whatever is wrong with the targets; [`TrainError::custom`] takes any error.
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError>;

    /// Returns what each row adds to the divisor of the mean, above 0; `None` for 1 each (default).
    ///
    /// # Errors
    /// If the targets are not for this loss.
    fn row_weights(&self, _targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        Ok(None)
    }

    /// Returns the sum over the rows over `divisor`. The default calls [`Self::on_device`] if there is
    /// one, or [`Self::per_row`]; only a loss with a fused form needs another.
    ///
    /// # Shapes
    /// - `logits`: `[B, C]`
    /// - output: `[1]`
    ///
    /// # Errors
    /// As [`Self::per_row`].
    fn sum(
        &self,
        logits: Tensor<2>,
        targets: &Targets,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        if let Some(loss) = self.on_device() {
            return device_loss::sum(&*loss, logits, targets, divisor);
        }
        let rows = logits.dims()[0];
        let losses = self.per_row(logits, targets)?;
        check_shape(self.name(), &losses.dims(), &[rows])?;
        Ok(losses.sum().div_scalar(divisor))
    }

    /// Returns the same loss with targets on the device (default: none). In training, its numbers are
    /// copied together with the tokens, and [`Self::sum`] is not called.
    fn on_device(&self) -> Option<Box<dyn DeviceLoss + '_>> {
        None
    }

    /// Checks all targets of the training rows and the number of outputs, before the first step
    /// (default: accepts any).
    ///
    /// # Errors
    /// If the loss is not for them.
    fn check(&self, _targets: &Targets, _outputs: usize) -> Result<(), TrainError> {
        Ok(())
    }

    /// Name in messages and records (default: name of the type).
    fn name(&self) -> String {
        short_type_name::<Self>().to_string()
    }
}

/// Returns the log probability of the true class of each row, for losses of your own.
///
/// # Shapes
/// - `logits`: `[B, C]`
/// - output: `[B]`
///
/// # Errors
/// [`TrainError::InvalidLabel`] if the targets are not classes below `C`, one per row.
pub fn target_log_probabilities(
    logits: Tensor<2>,
    targets: &Targets,
) -> Result<Tensor<1>, TrainError> {
    let [rows, width] = logits.dims();
    let classes = labels::classes(targets, width, "classification")?;
    if classes.len() != rows {
        return Err(TrainError::loss_shape("labels", classes.len(), rows));
    }
    let indices = upload_indices(classes, [rows, 1], &logits.device());
    Ok(log_softmax(logits, 1).gather(1, indices).squeeze_dim(1))
}

/// # Errors
/// [`TrainError::LossShape`] if a loss returned another shape than it should.
fn check_shape(loss: String, found: &[usize], expected: &[usize]) -> Result<(), TrainError> {
    if found == expected {
        return Ok(());
    }
    Err(TrainError::loss_shape(
        format!("shape of the {loss} loss"),
        format!("{found:?}"),
        format!("{expected:?}, one value per row"),
    ))
}

/// # Errors
/// [`TrainError::InvalidSetting`] if a loss is not for so many outputs.
fn check_outputs(outputs: usize, allowed: RangeInclusive<usize>) -> Result<(), TrainError> {
    if allowed.contains(&outputs) {
        return Ok(());
    }
    let (least, most) = allowed.into_inner();
    let bound = if least < most { "at least " } else { "" };
    let expected = format!("{bound}{least} for this loss");
    Err(TrainError::setting(
        "outputs of the model",
        outputs,
        expected,
    ))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use finetune_data::Labels;

    use super::*;

    fn all() -> Vec<LossConfig> {
        vec![
            LossConfig::default(),
            LossConfig::BinaryCrossEntropy { pos_weight: None },
            LossConfig::Mae {},
            LossConfig::Mse {},
            LossConfig::Huber { delta: 1.0 },
            LossConfig::CosineEmbedding { margin: 0.0 },
        ]
    }

    #[test]
    fn labels_of_another_kind_are_refused() {
        let classes = |classes: &[usize]| Labels::Classes(classes.to_vec());
        let scores = |scores: &[f32]| Labels::Scores(scores.to_vec());
        let sets = |set: &[usize]| Labels::MultiLabel(vec![Vec::new(), set.to_vec()]);
        let [cross, binary, l1, l2, huber, cosine] = &all()[..] else {
            panic!("six losses")
        };
        for (config, outputs, wrong) in [
            (cross, 2, scores(&[0.0, 1.0])),
            (cross, 2, classes(&[0, 2])),
            (cross, 2, Labels::Unlabeled),
            (binary, 1, scores(&[0.5, 1.5])),
            (binary, 1, classes(&[0, 2])),
            (binary, 3, classes(&[0, 3])),
            (binary, 3, scores(&[0.0, 1.0])),
            (binary, 3, sets(&[0, 3])),
            (cross, 3, sets(&[0, 1])),
            (l1, 1, sets(&[0])),
            (l1, 1, classes(&[0, 1])),
            (l2, 1, Labels::Unlabeled),
            (huber, 1, scores(&[0.0, f32::NAN])),
            (cosine, 1, classes(&[0, 2])),
            (cosine, 1, scores(&[1.0, 0.5])),
        ] {
            let error = config.init(&wrong, outputs).unwrap_err();
            assert!(matches!(error, TrainError::InvalidLabel { .. }), "{error}");
            // A loss made for other rows refuses them, too.
            let right = match (config, outputs) {
                (LossConfig::Mae {} | LossConfig::Mse {} | LossConfig::Huber { .. }, _) => {
                    scores(&[0.0, 1.0])
                }
                _ => classes(&[0, 1]),
            };
            let loss = config.init(&right, outputs).unwrap();
            let logits = vec![vec![0.0; outputs]; 2];
            let error = loss.mean(&logits, &wrong).unwrap_err();
            assert!(matches!(error, TrainError::InvalidLabel { .. }), "{error}");
            let logits = Tensor::zeros([2, outputs], &Device::flex());
            let error = loss.loss(logits, &wrong, 2.0).unwrap_err();
            assert!(matches!(error, TrainError::InvalidLabel { .. }), "{error}");
            assert!(loss.weight(&wrong).is_err());
        }
        let message = l1.init(&classes(&[4]), 1).unwrap_err().to_string();
        let expected = "label class 4 of row 0: the L1 loss expects a finite score";
        assert_eq!(message, expected);
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let labels = Labels::Classes(vec![0, 1]);
        let loss = LossConfig::default().init(&labels, 2).unwrap();
        for (rows, outputs, message) in [
            (3, 2, "labels: 2, expected 3"),
            (2, 3, "outputs of a row: 3, expected 2"),
        ] {
            let logits = Tensor::zeros([rows, outputs], &Device::flex());
            let error = loss.loss(logits, &labels, 1.0).unwrap_err();
            assert_eq!(error.to_string(), message);
            let error = loss.mean(&vec![vec![0.0; outputs]; rows], &labels);
            assert_eq!(error.unwrap_err().to_string(), message);
        }
        for divisor in [0.0, f64::NAN, f64::INFINITY] {
            let logits = Tensor::zeros([2, 2], &Device::flex());
            let error = loss.loss(logits, &labels, divisor).unwrap_err();
            assert!(error.to_string().starts_with("divisor is"), "{error}");
        }
        let nothing = Labels::Classes(Vec::new());
        assert_eq!(loss.mean(&[], &nothing).unwrap(), 0.0);
    }
}
