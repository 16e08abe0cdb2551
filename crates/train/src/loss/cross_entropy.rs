//! Cross entropy with label smoothing and class weights.

use burn::tensor::Tensor;
use finetune_data::Labels;
use finetune_ops::{Targets, cross_entropy};

use super::labels::classes;
use super::{ClassWeights, Objective};
use crate::TrainError;

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
        training: &Labels,
        count: usize,
    ) -> Result<Self, TrainError> {
        let weights = match weights {
            ClassWeights::None => None,
            ClassWeights::Balanced => Some(balanced(classes(training, count, NAME)?, count)?),
            ClassWeights::Given(weights) if weights.len() == count => Some(weights.clone()),
            ClassWeights::Given(weights) => {
                let found = format!("{} numbers", weights.len());
                let expected = format!("one for each of {count} classes");
                return Err(TrainError::setting("class_weights", found, expected));
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

    /// The loss of a row, as [`Targets::smoothed_weights`] makes it.
    fn row(&self, logits: &[f32], label: usize) -> f64 {
        let logits: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponentials = logits.iter().map(|logit| (logit - largest).exp());
        let log_sum = largest + exponentials.sum::<f64>().ln();
        let loss_of = |class: usize| self.weight_of(class) * (log_sum - logits[class]);
        let of_all: f64 = (0..self.classes).map(loss_of).sum();
        (1.0 - self.smoothing) * loss_of(label) + self.smoothing * of_all / self.classes as f64
    }
}

/// `rows / (classes · rows of the class)`.
fn balanced(labels: &[usize], count: usize) -> Result<Vec<f64>, TrainError> {
    let mut rows = vec![0usize; count];
    for label in labels {
        rows[*label] += 1;
    }
    if let Some(class) = rows.iter().position(|rows| *rows == 0) {
        let found = format!("balanced, with no training row of class {class}");
        let expected = "balanced only with a row of each class";
        return Err(TrainError::setting("class_weights", found, expected));
    }
    let share = labels.len() as f64 / count as f64;
    Ok(rows.iter().map(|rows| share / *rows as f64).collect())
}

impl Objective for CrossEntropy {
    fn weight(&self, labels: &Labels) -> Result<f64, TrainError> {
        let classes = classes(labels, self.classes, NAME)?;
        Ok(classes.iter().map(|class| self.weight_of(*class)).sum())
    }

    fn loss(
        &self,
        logits: Tensor<2>,
        labels: &Labels,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        let targets = Targets {
            labels: classes(labels, self.classes, NAME)?,
            classes: self.classes,
            divisor,
        };
        let weights =
            targets.smoothed_weights(self.smoothing, self.weights.as_deref(), &logits.device());
        Ok(cross_entropy(logits, weights))
    }

    fn sum(&self, logits: &[Vec<f32>], labels: &Labels) -> Result<f64, TrainError> {
        let classes = classes(labels, self.classes, NAME)?;
        let rows = logits.iter().zip(classes);
        Ok(rows.map(|(logits, class)| self.row(logits, *class)).sum())
    }
}

#[cfg(test)]
mod tests {
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
        let labels = Labels::Classes(vec![0, 1]);
        let loss = CrossEntropy::new(0.0, &ClassWeights::None, &labels, 2).unwrap();
        let logits = [vec![3e38, 0.0], vec![1000.0, 0.0]];
        assert_eq!(loss.sum(&logits, &labels).unwrap(), 1000.0);
    }
}
