//! Combination of the task gradients of a step.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use finetune_random::{Purpose, number, permutation};
use serde::{Deserialize, Serialize};

use super::SharedStages;

/// Lower bound of a squared norm, so that a projection on a zero gradient is finite.
const LEAST_SQUARE: f64 = 1e-30;

/// Combination of the task gradients of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// Weighted sum.
    #[default]
    Sum,
    /// PCGrad ([Yu et al. 2020](https://arxiv.org/abs/2001.06782), algorithm 1): sum of the task
    /// gradients, each projected onto the normal plane of those it conflicts with, in random order.
    /// Applies to the encoder's parameters; heads are not shared and have no conflict.
    PcGrad,
}

/// Loss and gradients of a task in a step.
pub(crate) struct TaskGradients {
    pub(crate) task: usize,
    /// Gradients of the mean loss, before weighting.
    pub(crate) gradients: GradientsParams,
    /// Mean loss.
    pub(crate) loss: Tensor<1>,
    /// Number of rows or tokens that the loss is a mean over.
    pub(crate) divisor: f64,
}

/// Random seed and step for which a random order is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) seed: u64,
    pub(crate) step: u64,
}

/// Returns the gradients of the step from the gradients and weight of each task.
pub(crate) fn combine<M: Module>(
    model: &M,
    tasks: Vec<(GradientsParams, f64)>,
    combination: Combination,
    place: Place,
) -> GradientsParams {
    let weighted = tasks.into_iter().map(|(mut gradients, weight)| {
        if weight != 1.0 {
            model.visit(&mut Scaling {
                gradients: &mut gradients,
                weight,
            });
        }
        gradients
    });
    let mut weighted: Vec<GradientsParams> = weighted.collect();
    if combination == Combination::PcGrad {
        weighted = project(model, weighted, place);
    }
    let mut sum = GradientsAccumulator::new();
    for gradients in weighted {
        sum.accumulate(model, gradients);
    }
    sum.grads()
}

/// Returns each gradient without its components against the others.
fn project<M: Module>(
    model: &M,
    gradients: Vec<GradientsParams>,
    Place { seed, step }: Place,
) -> Vec<GradientsParams> {
    let shared = SharedStages::new(model);
    let square = |of: &GradientsParams| shared.product(model, of, of).clamp_min(LEAST_SQUARE);
    let squares: Vec<Tensor<1>> = gradients.iter().map(square).collect();
    let projected = (0..gradients.len()).map(|task| {
        let mut projected = copy(model, &gradients[task]);
        let seed = number(seed, Purpose::GradientSurgery, step, task as u64);
        for other in permutation(seed, Purpose::GradientSurgery, step, gradients.len()) {
            if other == task {
                continue;
            }
            // Without a conflict the factor is 0, so nothing needs to be read back.
            let along = shared.product(model, &projected, &gradients[other]);
            let factor = along.clamp_max(0.0) / squares[other].clone();
            model.visit(&mut Subtracting {
                from: &mut projected,
                other: &gradients[other],
                factor,
                stages: shared.stages(),
            });
        }
        projected
    });
    projected.collect()
}

fn copy<M: Module>(model: &M, gradients: &GradientsParams) -> GradientsParams {
    let mut copying = Copying {
        from: gradients,
        to: GradientsParams::new(),
    };
    model.visit(&mut copying);
    copying.to
}

struct Scaling<'a> {
    gradients: &'a mut GradientsParams,
    weight: f64,
}

impl ModuleVisitor for Scaling<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.weight);
        }
    }
}

struct Copying<'a> {
    from: &'a GradientsParams,
    to: GradientsParams,
}

impl ModuleVisitor for Copying<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.from.get::<D>(param.id) {
            self.to.register(param.id, gradient);
        }
    }
}

struct Subtracting<'a> {
    from: &'a mut GradientsParams,
    other: &'a GradientsParams,
    factor: Tensor<1>,
    stages: &'a HashMap<ParamId, usize>,
}

impl ModuleVisitor for Subtracting<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.stages.contains_key(&param.id) {
            return;
        }
        let Some(other) = self.other.get::<D>(param.id) else {
            return;
        };
        if let Some(gradient) = self.from.remove::<D>(param.id) {
            let part = other * self.factor.clone().reshape([1; D]);
            self.from.register(param.id, gradient - part);
        }
    }
}
