//! AdamW ([Loshchilov & Hutter 2017](https://arxiv.org/abs/1711.05101)) for one parameter, as
//! `torch.optim.AdamW`.

use burn::tensor::Tensor;

use crate::host_steps::on_backend;

/// Hyperparameters of one AdamW step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay rate of the first moment, in `[0, 1)`.
    pub beta1: f64,
    /// Decay rate of the second moment, in `[0, 1)`.
    pub beta2: f64,
    /// Constant added to the denominator.
    pub epsilon: f64,
    /// Weight decay, decoupled from the gradient and scaled by the learning rate.
    pub weight_decay: f64,
}

/// Parameter with its optimizer state; all tensors have the same shape.
#[derive(Debug, Clone)]
pub struct AdamWState<const D: usize> {
    /// Parameter.
    pub parameter: Tensor<D>,
    /// First and second moment.
    pub moments: [Tensor<D>; 2],
}

impl AdamWStep {
    /// Performs a step; `time` is its number, from 1. On a CPU it is one pass over f32 values, in
    /// place for tensors that are not shared.
    ///
    /// # Panics
    /// If the shapes differ.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use finetune_ops::{AdamWStep, AdamWState};
    ///
    /// let device = Device::flex();
    /// let zeros = || Tensor::<1>::zeros([2], &device);
    /// let start = AdamWState { parameter: zeros(), moments: [zeros(), zeros()] };
    /// let rule = AdamWStep {
    ///     learning_rate: 0.1,
    ///     beta1: 0.9,
    ///     beta2: 0.999,
    ///     epsilon: 1e-8,
    ///     weight_decay: 0.0,
    /// };
    /// let moved = rule.step(start, Tensor::from_data([3.0, -7.0], &device), 1);
    /// // The first step is as long as the learning rate.
    /// let moved: Vec<f32> = moved.parameter.into_data().iter().collect();
    /// assert!((moved[0] + 0.1).abs() < 1e-6 && (moved[1] - 0.1).abs() < 1e-6);
    /// ```
    pub fn step<const D: usize>(
        &self,
        state: AdamWState<D>,
        gradient: Tensor<D>,
        time: usize,
    ) -> AdamWState<D> {
        on_backend!(
            adamw(self, state, gradient, time),
            [&state.parameter, &gradient],
            &state.moments
        );
        self.step_of_tensors(state, gradient, time)
    }

    fn step_of_tensors<const D: usize>(
        &self,
        state: AdamWState<D>,
        gradient: Tensor<D>,
        time: usize,
    ) -> AdamWState<D> {
        let AdamWState {
            parameter,
            moments: [first, second],
        } = state;
        let correction = |beta: f64| 1.0 - beta.powf(time as f64);
        let share = gradient.clone().mul_scalar(1.0 - self.beta1);
        let first = first.mul_scalar(self.beta1) + share;
        let share = gradient.square().mul_scalar(1.0 - self.beta2);
        let second = second.mul_scalar(self.beta2) + share;
        let root = correction(self.beta2).sqrt();
        let deviation = second.clone().sqrt().div_scalar(root) + self.epsilon;
        let rate = self.learning_rate / correction(self.beta1);
        let kept = parameter.mul_scalar(1.0 - self.learning_rate * self.weight_decay);
        AdamWState {
            parameter: kept - (first.clone() / deviation).mul_scalar(rate),
            moments: [first, second],
        }
    }
}
