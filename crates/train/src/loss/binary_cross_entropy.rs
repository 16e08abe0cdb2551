//! Binary cross entropy of logits.

use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;
use finetune_eval::Targets;

use super::device_loss::halves;
use super::labels::{class_sets, classes, scores};
use super::{DeviceLoss, Loss, PosWeight, device_loss};
use crate::error::TrainError;

const NAME: &str = "binary cross entropy";

#[derive(Debug)]
pub(super) struct BinaryCrossEntropy {
    /// Weight of the positive targets of each output.
    pos_weights: Vec<f64>,
    outputs: usize,
}

impl BinaryCrossEntropy {
    /// Creates the loss; balanced weights are those of the training rows.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if there is not one weight per output, or weights are to be
    ///   balanced and an output has no positive target.
    pub(super) fn new(
        pos_weight: Option<&PosWeight>,
        training: &Targets,
        outputs: usize,
    ) -> Result<Self, TrainError> {
        let mut loss = Self {
            pos_weights: vec![1.0; outputs],
            outputs,
        };
        match pos_weight {
            None => {}
            Some(PosWeight::Same(weight)) => loss.pos_weights.fill(*weight),
            Some(PosWeight::PerClass(weights)) if weights.len() == outputs => {
                loss.pos_weights.clone_from(weights);
            }
            Some(PosWeight::PerClass(weights)) => {
                let found = format!("{} numbers", weights.len());
                let expected = format!("one number, or one for each of {outputs} outputs");
                return Err(TrainError::setting("pos_weight", found, expected));
            }
            Some(PosWeight::Balanced) => {
                loss.pos_weights = balanced(&loss.shares(training)?, outputs)?;
            }
        }
        Ok(loss)
    }

    /// Returns the target probability of each output, row by row.
    fn shares(&self, targets: &Targets) -> Result<Vec<f64>, TrainError> {
        if let Targets::MultiLabel(_) = targets {
            let sets = class_sets(targets, self.outputs, NAME)?;
            let mut shares = vec![0.0; sets.len() * self.outputs];
            for (row, set) in shares.chunks_mut(self.outputs).zip(sets) {
                set.iter().for_each(|class| row[*class] = 1.0);
            }
            return Ok(shares);
        }
        if self.outputs > 1 {
            let one_hot = |class: &usize| {
                let class = *class;
                (0..self.outputs).map(move |output| f64::from(u8::from(output == class)))
            };
            let classes = classes(targets, self.outputs, NAME)?;
            return Ok(classes.iter().flat_map(one_hot).collect());
        }
        if let Targets::Classes(_) = targets {
            let classes = classes(targets, 2, NAME)?;
            return Ok(classes.iter().map(|class| *class as f64).collect());
        }
        let is_share = |score| (0.0..=1.0).contains(&score);
        let shares = scores(
            targets,
            is_share,
            NAME,
            "class 0 or 1, or a score in [0, 1]",
        )?;
        Ok(shares.iter().map(|share| f64::from(*share)).collect())
    }

    /// Returns the loss of each output divided by the divisor of the weights.
    ///
    /// # Shapes
    /// - `logits`, output: `[B, C]`
    /// - `weights`: `[2 B C]`
    fn elements(&self, logits: Tensor<2>, weights: Tensor<1>) -> Tensor<2> {
        let shape = logits.dims();
        let [yes, no] = halves(weights).map(|weights| weights.reshape(shape));
        -(log_sigmoid(logits.clone()) * yes + log_sigmoid(-logits) * no)
    }
}

/// Returns the negative over the positive targets of each output.
fn balanced(shares: &[f64], outputs: usize) -> Result<Vec<f64>, TrainError> {
    let weight = |output: usize| {
        let of_output = shares.iter().skip(output).step_by(outputs);
        let (positive, all) =
            of_output.fold((0.0, 0.0), |(sum, all), share| (sum + share, all + 1.0));
        match positive > 0.0 && positive < all {
            true => Ok((all - positive) / positive),
            false => {
                let which = if positive > 0.0 { "only" } else { "no" };
                let found = format!("balanced, with {which} positive targets of output {output}");
                let expected = "balanced only with positive and negative targets of each output";
                Err(TrainError::setting("pos_weight", found, expected))
            }
        }
    };
    (0..outputs).map(weight).collect()
}

/// The numbers are the weights of the log probabilities of 1, then of 0, `[2 B C]`.
impl DeviceLoss for BinaryCrossEntropy {
    fn values(&self, targets: &Targets, divisor: f64) -> Result<Vec<f32>, TrainError> {
        let shares = self.shares(targets)?;
        let weights = self.pos_weights.iter().cycle();
        let yes = shares
            .iter()
            .zip(weights)
            .map(|(share, weight)| weight * share);
        let no = shares.iter().map(|share| 1.0 - share);
        Ok(yes
            .chain(no)
            .map(|weight| (weight / divisor) as f32)
            .collect())
    }

    /// Returns the sum over the outputs of each row; the row weight is the number of outputs.
    fn per_row(&self, logits: Tensor<2>, weights: Tensor<1>) -> Tensor<1> {
        self.elements(logits, weights).sum_dim(1).squeeze_dim(1)
    }

    fn sum(&self, logits: Tensor<2>, weights: Tensor<1>, _divisor: f64) -> Tensor<1> {
        self.elements(logits, weights).sum()
    }
}

impl Loss for BinaryCrossEntropy {
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        device_loss::per_row(self, logits, targets)
    }

    fn row_weights(&self, targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        self.shares(targets)?;
        Ok(Some(vec![self.outputs as f64; targets.len()]))
    }

    fn on_device(&self) -> Option<Box<dyn DeviceLoss + '_>> {
        Some(Box::new(self))
    }

    fn check(&self, targets: &Targets, outputs: usize) -> Result<(), TrainError> {
        super::check_outputs(outputs, 1..=usize::MAX)?;
        self.shares(targets).map(drop)
    }
}
