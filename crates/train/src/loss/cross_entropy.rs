//! Cross entropy with label smoothing and class weights.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use finetune_eval::Targets;
use finetune_ops::{ClassTargets, soft_target_cross_entropy, target_weights};

use super::labels::classes;
use super::{ClassWeights, DeviceLoss, Loss, device_loss};
use crate::error::TrainError;

const NAME: &str = "cross entropy";

#[derive(Debug)]
pub(super) struct CrossEntropy {
    smoothing: f64,
    weights: Option<Vec<f64>>,
    classes: usize,
}

impl CrossEntropy {
    pub(super) fn new(
        smoothing: f64,
        weights: &ClassWeights,
        training: &Targets,
        count: usize,
    ) -> Result<Self, TrainError> {
        let weights = match weights {
            ClassWeights::None => None,
            ClassWeights::Balanced => Some(balanced(classes(training, count, NAME)?, count)?),
            ClassWeights::PerClass(weights) if weights.len() == count => Some(weights.clone()),
            ClassWeights::PerClass(weights) => {
                let found = format!("{} numbers", weights.len());
                let expected = format!("one for each of {count} classes");
                return Err(TrainError::setting("class_weight", found, expected));
            }
        };
        Ok(Self {
            smoothing,
            weights,
            classes: count,
        })
    }

    fn weight_of(&self, class: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[class])
    }
}

/// The numbers are those of [`target_weights`]: the weight of each log probability, whose negative
/// weighted sum is the loss divided by the divisor.
impl DeviceLoss for CrossEntropy {
    fn values(&self, targets: &Targets, divisor: f64) -> Result<Vec<f32>, TrainError> {
        let targets = ClassTargets {
            labels: classes(targets, self.classes, NAME)?,
            classes: self.classes,
            divisor,
        };
        Ok(targets.values(self.smoothing, self.weights.as_deref()))
    }

    fn per_row(&self, logits: Tensor<2>, values: Tensor<1>) -> Tensor<1> {
        let weights = target_weights(values, self.classes);
        -(log_softmax(logits, 1) * weights).sum_dim(1).squeeze_dim(1)
    }

    fn sum(&self, logits: Tensor<2>, values: Tensor<1>, _divisor: f64) -> Tensor<1> {
        soft_target_cross_entropy(logits, target_weights(values, self.classes))
    }
}

/// Returns `rows / (classes · rows of the class)` for each class.
fn balanced(labels: &[usize], count: usize) -> Result<Vec<f64>, TrainError> {
    let mut rows = vec![0usize; count];
    for label in labels {
        rows[*label] += 1;
    }
    if let Some(class) = rows.iter().position(|rows| *rows == 0) {
        let found = format!("balanced, with no training row of class {class}");
        let expected = "balanced only with a row of each class";
        return Err(TrainError::setting("class_weight", found, expected));
    }
    let share = labels.len() as f64 / count as f64;
    Ok(rows.iter().map(|rows| share / *rows as f64).collect())
}

impl Loss for CrossEntropy {
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        device_loss::per_row(self, logits, targets)
    }

    fn row_weights(&self, targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        let classes = classes(targets, self.classes, NAME)?.iter();
        Ok(Some(classes.map(|class| self.weight_of(*class)).collect()))
    }

    fn on_device(&self) -> Option<Box<dyn DeviceLoss + '_>> {
        Some(Box::new(self))
    }

    fn check(&self, targets: &Targets, outputs: usize) -> Result<(), TrainError> {
        super::check_outputs(outputs, 2..=usize::MAX)?;
        classes(targets, self.classes, NAME).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// `sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=...)`.
    #[test]
    fn balanced_weights_equal_scikit_learn() {
        let weights = balanced(&[0, 0, 0, 1, 2, 2], 3).unwrap();
        assert_eq!(weights, [2.0 / 3.0, 2.0, 1.0]);
        let message = balanced(&[0, 2], 3).unwrap_err().to_string();
        assert!(message.contains("no training row of class 1"), "{message}");
    }

    #[test]
    fn large_logits_have_a_finite_loss() {
        let labels = Targets::Classes(vec![0, 1]);
        let loss = CrossEntropy::new(0.0, &ClassWeights::None, &labels, 2).unwrap();
        let logits = Tensor::from_data([[3e38, 0.0], [1000.0, 0.0]], &Device::flex());
        let losses = Loss::per_row(&loss, logits, &labels).unwrap().into_data();
        assert_eq!(losses.try_to_vec::<f32>().unwrap(), [0.0, 1000.0]);
    }
}
