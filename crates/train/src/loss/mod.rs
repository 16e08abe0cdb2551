//! What training makes small: from logits or scores and labels to one number.
//!
//! A [`LossConfig`] names the loss; [`LossConfig::init`] holds all labels to it once and gives a
//! [`Loss`]. The mean over a step is taken in two parts, so that a step may be cut into
//! micro-batches of any sizes: [`Loss::weight`] says what each adds to the divisor, and
//! [`Loss::loss`] is the sum over a micro-batch over the divisor of the whole step. Their sum is
//! the loss of the whole batch, and the sum of their gradients is its gradient.
//!
//! | loss | of | labels |
//! |---|---|---|
//! | cross entropy | `C` logits, of which one is right | classes |
//! | binary cross entropy | `C` logits, each for itself | classes, or shares of one logit |
//! | L1, L2, Huber | one number | scores |
//! | cosine | one cosine | classes 0 and 1, or scores -1 and 1 |

mod binary_cross_entropy;
mod config;
mod cosine;
mod cross_entropy;
mod huber;
mod l1;
mod l2;
mod labels;
mod pointwise;

use std::fmt;
use std::sync::Arc;

use burn::tensor::Tensor;
use finetune_data::Labels;

pub use config::{ClassWeights, LossConfig};

use crate::TrainError;

/// A loss, ready for the labels and the model that it was made for; see [`LossConfig::init`].
#[derive(Debug, Clone)]
pub struct Loss {
    objective: Arc<dyn Objective>,
    outputs: usize,
}

/// What each loss is made of.
///
/// Outputs and labels have the same number of rows, and outputs the number of columns that the
/// loss was made for.
trait Objective: fmt::Debug + Send + Sync {
    /// What the rows add to the divisor of the mean.
    fn weight(&self, labels: &Labels) -> Result<f64, TrainError>;

    /// The sum over the rows over `divisor`.
    ///
    /// # Shapes
    /// - `outputs`: `[B, C]`
    /// - output: `[1]`
    fn loss(
        &self,
        outputs: Tensor<2>,
        labels: &Labels,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError>;

    /// The sum over the rows, on the host.
    fn sum(&self, outputs: &[Vec<f32>], labels: &Labels) -> Result<f64, TrainError>;
}

impl Loss {
    /// What a batch adds to the divisor of the mean: its rows, or the weights of their classes.
    ///
    /// # Errors
    /// [`TrainError::Label`] if a label is not for this loss.
    pub fn weight(&self, labels: &Labels) -> Result<f64, TrainError> {
        self.objective.weight(labels)
    }

    /// The sum over the rows of a batch over `divisor`, the weight of all batches of the step.
    ///
    /// # Shapes
    /// - `outputs`: `[B, C]`, logits or scores
    /// - output: `[1]`
    ///
    /// # Errors
    /// [`TrainError::Label`] if a label is not for this loss, [`TrainError::LossInput`] if there
    /// are not as many as rows, or the rows are not as wide as the loss was made for, and
    /// [`TrainError::InvalidSetting`] for a divisor that is not above 0.
    pub fn loss(
        &self,
        outputs: Tensor<2>,
        labels: &Labels,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        let [rows, width] = outputs.dims();
        self.check(rows, width, labels)?;
        if !(divisor > 0.0 && divisor.is_finite()) {
            return Err(TrainError::setting("divisor", divisor, "above 0"));
        }
        self.objective.loss(outputs, labels, divisor)
    }

    /// The mean loss of outputs that are on the host already, in double precision: of a whole data
    /// set. Without rows, it is 0.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub fn mean(&self, outputs: &[Vec<f32>], labels: &Labels) -> Result<f64, TrainError> {
        let odd = outputs.iter().find(|row| row.len() != self.outputs);
        self.check(outputs.len(), odd.map_or(self.outputs, Vec::len), labels)?;
        if outputs.is_empty() {
            return Ok(0.0);
        }
        Ok(self.objective.sum(outputs, labels)? / self.weight(labels)?)
    }

    fn check(&self, rows: usize, width: usize, labels: &Labels) -> Result<(), TrainError> {
        let labelled = match labels {
            Labels::Classes(classes) => classes.len(),
            Labels::Scores(scores) => scores.len(),
            Labels::Unlabelled => rows,
        };
        for (what, found, expected) in [
            ("outputs of a row", width, self.outputs),
            ("labels", labelled, rows),
        ] {
            if found != expected {
                return Err(TrainError::LossInput {
                    what,
                    found,
                    expected,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn all() -> Vec<LossConfig> {
        vec![
            LossConfig::default(),
            LossConfig::BinaryCrossEntropy {
                positive_weight: None,
            },
            LossConfig::L1 {},
            LossConfig::L2 {},
            LossConfig::Huber { delta: 1.0 },
            LossConfig::Cosine { margin: 0.0 },
        ]
    }

    #[test]
    fn labels_of_another_kind_are_refused() {
        let classes = |classes: &[usize]| Labels::Classes(classes.to_vec());
        let scores = |scores: &[f32]| Labels::Scores(scores.to_vec());
        let [cross, binary, l1, l2, huber, cosine] = &all()[..] else {
            panic!("six losses")
        };
        for (config, outputs, wrong) in [
            (cross, 2, scores(&[0.0, 1.0])),
            (cross, 2, classes(&[0, 2])),
            (cross, 2, Labels::Unlabelled),
            (binary, 1, scores(&[0.5, 1.5])),
            (binary, 1, classes(&[0, 2])),
            (binary, 3, classes(&[0, 3])),
            (binary, 3, scores(&[0.0, 1.0])),
            (l1, 1, classes(&[0, 1])),
            (l2, 1, Labels::Unlabelled),
            (huber, 1, scores(&[0.0, f32::NAN])),
            (cosine, 1, classes(&[0, 2])),
            (cosine, 1, scores(&[1.0, 0.5])),
        ] {
            let error = config.init(&wrong, outputs).unwrap_err();
            assert!(matches!(error, TrainError::Label { .. }), "{error}");
            // A loss made for other rows refuses them, too.
            let right = match (config, outputs) {
                (LossConfig::L1 {} | LossConfig::L2 {} | LossConfig::Huber { .. }, _) => {
                    scores(&[0.0, 1.0])
                }
                _ => classes(&[0, 1]),
            };
            let loss = config.init(&right, outputs).unwrap();
            let logits = vec![vec![0.0; outputs]; 2];
            let error = loss.mean(&logits, &wrong).unwrap_err();
            assert!(matches!(error, TrainError::Label { .. }), "{error}");
            let logits = Tensor::zeros([2, outputs], &Device::flex());
            let error = loss.loss(logits, &wrong, 2.0).unwrap_err();
            assert!(matches!(error, TrainError::Label { .. }), "{error}");
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
