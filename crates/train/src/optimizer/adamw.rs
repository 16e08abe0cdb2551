//! AdamW as a burn optimizer: the update of `finetune-ops` with the state type of burn's AdamW.

use burn::optim::{AdamWState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Tensor};
use finetune_ops::AdamWStep;

/// Hyperparameters of AdamW; the learning rate is an argument of each step.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdamW {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
    pub(super) weight_decay: f64,
}

impl Optimizer for AdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let zeros = || parameter.zeros_like();
        let (time, moments) = match state {
            Some(AdamWState { momentum }) => {
                (momentum.time + 1, [momentum.moment_1, momentum.moment_2])
            }
            None => (1, [zeros(), zeros()]),
        };
        let rule = AdamWStep {
            learning_rate,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
        };
        let moved = rule.step(
            finetune_ops::AdamWState { parameter, moments },
            gradient,
            time,
        );
        let [first, second] = moved.moments;
        let momentum = AdaptiveMomentumState::new(time, first, second);
        (moved.parameter, Some(AdamWState::new(momentum)))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}
