//! Binary cross entropy of logits.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Tensor, TensorData};
use finetune_eval::Targets;

use super::Loss;
use super::labels::{classes, scores};
use crate::error::TrainError;

const NAME: &str = "binary cross entropy";

#[derive(Debug)]
pub(super) struct BinaryCrossEntropy {
    pub(super) pos_weight: f64,
    pub(super) outputs: usize,
}

impl BinaryCrossEntropy {
    /// Returns the target probability of each output, row by row.
    fn shares(&self, targets: &Targets) -> Result<Vec<f64>, TrainError> {
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

    /// Returns the loss of each output divided by `divisor`.
    ///
    /// # Shapes
    /// - `logits`, output: `[B, C]`
    fn elements(
        &self,
        logits: Tensor<2>,
        targets: &Targets,
        divisor: f64,
    ) -> Result<Tensor<2>, TrainError> {
        let (shares, device) = (self.shares(targets)?, logits.device());
        let weights = |weight: &dyn Fn(f64) -> f64| {
            let weights = shares.iter().map(|share| (weight(*share) / divisor) as f32);
            Tensor::<2>::from_data(TensorData::new(weights.collect(), logits.dims()), &device)
        };
        let yes = weights(&|share| self.pos_weight * share);
        let no = weights(&|share| 1.0 - share);
        Ok(-(log_sigmoid(logits.clone()) * yes + log_sigmoid(-logits) * no))
    }
}

impl Loss for BinaryCrossEntropy {
    /// Returns the sum over the outputs of each row; the row weight is the number of outputs.
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        let elements = self.elements(logits, targets, 1.0)?;
        Ok(elements.sum_dim(1).squeeze_dim(1))
    }

    fn row_weights(&self, targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        self.shares(targets)?;
        Ok(Some(vec![self.outputs as f64; targets.len()]))
    }

    fn sum(
        &self,
        logits: Tensor<2>,
        targets: &Targets,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        Ok(self.elements(logits, targets, divisor)?.sum())
    }

    fn check(&self, targets: &Targets, outputs: usize) -> Result<(), TrainError> {
        super::check_outputs(outputs, 1..=usize::MAX)?;
        self.shares(targets).map(drop)
    }
}
