//! The optimizer: gradients in, moved parameters out.
//!
//! 1. An [`OptimizerConfig`] names the [`Algorithm`] and says which parameter moves how fast: no
//!    decay on biases and normalisations, one rate for the head, lower rates for lower layers.
//! 2. A step clips all gradients by their common norm, then moves each parameter by the rule for one
//!    tensor ([`burn::optim::Optimizer`]).
//! 3. The state goes to bytes and back, for checkpoints.
//!
//! The rules are burn's but for AdamW and BERT's, the walk over the module is not: burn's `ModuleOptimizer` keeps its state
//! under random numbers of the parameters, which a loaded model does not have, drops state that it
//! cannot match without a word, and puts loaded state on whatever device is the default. Here
//! state is kept under the parameters' paths, and whatever does not fit is an error.

mod adamw;
mod algorithm;
mod bert_adam;
mod clipping;
mod config;
mod record;
mod view;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{DynOptimizer, DynState, GradientsParams};
use burn::tensor::{DType, Device, Tensor};
use finetune_model::Parameter;

pub use algorithm::Algorithm;
pub use config::OptimizerConfig;

use crate::stages::layers;
use clipping::clip_by_global_norm;
pub(crate) use clipping::{global_norm, multiply_all};

/// The optimizer with the state of every parameter; made by [`OptimizerConfig::init`].
pub struct Optimizer {
    algorithm: Algorithm,
    max_gradient_norm: Option<f64>,
    parameters: HashMap<ParamId, Moved>,
}

/// A parameter as the optimizer knows it.
struct Moved {
    path: String,
    shape: Vec<usize>,
    dtype: DType,
    device: Device,
    learning_rate: f64,
    rule: Arc<dyn DynOptimizer>,
    /// None before its first gradient, and for rules that remember nothing.
    state: Option<DynState>,
    /// Whether it has had a gradient.
    has_moved: bool,
}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer")
            .field("algorithm", &self.algorithm)
            .field("max_gradient_norm", &self.max_gradient_norm)
            .field("parameters", &self.parameters.len())
            .finish()
    }
}

impl Optimizer {
    fn new<M: Module>(config: &OptimizerConfig, module: &M, parameters: &[Parameter]) -> Self {
        let layers = layers(parameters);
        let mut tensors = Tensors::default();
        module.visit(&mut tensors);
        let moved = parameters.iter().zip(tensors.0);
        let moved = moved.map(|(parameter, (dtype, device))| {
            let moved = Moved {
                path: parameter.path.clone(),
                shape: parameter.shape.clone(),
                dtype,
                device,
                learning_rate: config.learning_rate_of(parameter, layers),
                rule: config.algorithm.build(config.weight_decay_of(parameter)),
                state: None,
                has_moved: false,
            };
            (parameter.id, moved)
        });
        Self {
            algorithm: config.algorithm,
            max_gradient_norm: config.max_gradient_norm,
            parameters: moved.collect(),
        }
    }

    /// One step: clips the gradients, then moves the parameters that have one, each at its own
    /// learning rate times `factor`, the schedule's share. Gives the module and the norm of all
    /// gradients before clipping, a tensor of one value that need not be read.
    ///
    /// A step keeps no second handle on the module: a clone of it elsewhere makes every parameter
    /// be copied.
    ///
    /// # Panics
    /// If a gradient belongs to a parameter that was not in the module that the optimizer was made
    /// for.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        gradients: GradientsParams,
        factor: f64,
    ) -> (M, Tensor<1>) {
        let (gradients, norm) = clip_by_global_norm(&module, gradients, self.max_gradient_norm);
        let module = module.map(&mut Moving {
            parameters: &mut self.parameters,
            gradients,
            factor,
        });
        (module, norm)
    }

    /// Ids and paths of the parameters that have moved: all others are what they were when the
    /// training began.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (ParamId, &str)> {
        let moved = self.parameters.iter().filter(|(_, moved)| moved.has_moved);
        moved.map(|(id, moved)| (*id, moved.path.as_str()))
    }

    /// Takes over which parameters have moved, by their paths.
    pub(crate) fn with_moved(mut self, paths: &BTreeSet<String>) -> Self {
        for moved in self.parameters.values_mut() {
            moved.has_moved = paths.contains(&moved.path);
        }
        self
    }
}

/// Moves each parameter that has a gradient.
struct Moving<'a> {
    parameters: &'a mut HashMap<ParamId, Moved>,
    gradients: GradientsParams,
    factor: f64,
}

impl ModuleMapper for Moving<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let Some(moved) = self.parameters.get_mut(&param.id) else {
            panic!("a gradient of a parameter that the optimizer was not made for")
        };
        let (id, tensor, mapper) = param.consume();
        let checkpointing = tensor.gradient_checkpointing_strategy();
        let (updated, state) = moved.rule.step_dyn(
            D,
            moved.learning_rate * self.factor,
            tensor.inner().into_bridge(),
            gradient.into_bridge(),
            moved.state.take(),
        );
        moved.state = state;
        moved.has_moved = true;
        let mut updated = Tensor::from_inner(Tensor::<D>::from_bridge(updated));
        // The way through the plain tensor lost it.
        if let Some(strategy) = checkpointing {
            updated = updated.with_gradient_checkpointing_strategy(strategy);
        }
        Param::from_mapped_value(id, updated.require_grad(), mapper)
    }
}

/// Number type and device of each parameter, in the order of [`finetune_model::parameters`].
#[derive(Default)]
struct Tensors(Vec<(DType, Device)>);

impl ModuleVisitor for Tensors {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.0
            .push((tensor.dtype(), tensor.device().without_autodiff()));
    }
}
