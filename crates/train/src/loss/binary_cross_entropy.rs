//! Binary cross entropy of logits.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use finetune_data::Labels;

use super::Objective;
use super::labels::{classes, scores};
use crate::TrainError;

const NAME: &str = "binary cross entropy";

#[derive(Debug)]
pub(super) struct BinaryCrossEntropy {
    pub(super) positive_weight: f64,
    pub(super) outputs: usize,
}

impl BinaryCrossEntropy {
    /// How much of a yes each output of each row is, row by row.
    fn shares(&self, labels: &Labels) -> Result<Vec<f64>, TrainError> {
        if self.outputs > 1 {
            let one_hot = |class: &usize| {
                let class = *class;
                (0..self.outputs).map(move |output| f64::from(u8::from(output == class)))
            };
            let classes = classes(labels, self.outputs, NAME)?;
            return Ok(classes.iter().flat_map(one_hot).collect());
        }
        if let Labels::Classes(_) = labels {
            let classes = classes(labels, 2, NAME)?;
            return Ok(classes.iter().map(|class| *class as f64).collect());
        }
        let is_share = |score| (0.0..=1.0).contains(&score);
        let shares = scores(labels, is_share, NAME, "class 0 or 1, or a score in [0, 1]")?;
        Ok(shares.iter().map(|share| f64::from(*share)).collect())
    }

    /// The weights of `log(sigmoid(x))` and of `log(sigmoid(-x))`: of yes and no.
    fn weights(&self, share: f64) -> [f64; 2] {
        [self.positive_weight * share, 1.0 - share]
    }
}

impl Objective for BinaryCrossEntropy {
    fn weight(&self, labels: &Labels) -> Result<f64, TrainError> {
        Ok(self.shares(labels)?.len() as f64)
    }

    fn loss(
        &self,
        logits: Tensor<2>,
        labels: &Labels,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        let (shares, device) = (self.shares(labels)?, logits.device());
        let weights = |of: usize, device: &Device| {
            let weights = shares
                .iter()
                .map(|share| self.weights(*share)[of] / divisor);
            let weights: Vec<f32> = weights.map(|weight| weight as f32).collect();
            Tensor::<2>::from_data(TensorData::new(weights, logits.dims()), device)
        };
        let (yes, no) = (weights(0, &device), weights(1, &device));
        let sum = log_sigmoid(logits.clone()) * yes + log_sigmoid(-logits) * no;
        Ok(-sum.sum())
    }

    fn sum(&self, logits: &[Vec<f32>], labels: &Labels) -> Result<f64, TrainError> {
        let shares = self.shares(labels)?;
        let terms = logits.iter().flatten().zip(shares).map(|(logit, share)| {
            let (logit, [yes, no]) = (f64::from(*logit), self.weights(share));
            yes * softplus(-logit) + no * softplus(logit)
        });
        Ok(terms.sum())
    }
}

/// `log(1 + exp(x))`, also of large `x`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
