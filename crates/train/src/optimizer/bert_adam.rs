//! Adam of the original BERT code: no bias correction, and weight decay added to the update
//! ([`AdamWeightDecayOptimizer`](https://github.com/google-research/bert/blob/master/optimization.py#L87)).
//!
//! Without bias correction the first steps are about three times as long as AdamW's. The two agree
//! only after some thousand steps, so short fine-tuning runs differ ([Zhang et al.
//! 2020](https://arxiv.org/abs/2006.05987)).

use burn::optim::{AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Tensor};

#[derive(Debug, Clone, Copy)]
pub(super) struct BertAdam {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
    pub(super) weight_decay: f64,
}

impl Optimizer for BertAdam {
    type State<const D: usize> = AdaptiveMomentumState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let first = gradient.clone().mul_scalar(1.0 - self.beta1);
        let second = gradient.square().mul_scalar(1.0 - self.beta2);
        let state = match state {
            Some(state) => AdaptiveMomentumState::new(
                state.time + 1,
                state.moment_1.mul_scalar(self.beta1) + first,
                state.moment_2.mul_scalar(self.beta2) + second,
            ),
            None => AdaptiveMomentumState::new(1, first, second),
        };
        let root = state.moment_2.clone().sqrt().add_scalar(self.epsilon);
        let mut update = state.moment_1.clone() / root;
        if self.weight_decay > 0.0 {
            update = update + parameter.clone().mul_scalar(self.weight_decay);
        }
        (parameter - update.mul_scalar(learning_rate), Some(state))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.to_device(device)
    }
}
