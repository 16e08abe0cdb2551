//! Optimizer over the parameters of a module.
//!
//! 1. An [`OptimizerConfig`] selects the [`Algorithm`] and the rates of each parameter: no weight
//!    decay for biases and normalization, a separate learning rate for the head, lower rates for
//!    lower layers.
//! 2. A step clips the gradients by their global norm, then updates each parameter
//!    ([`burn::optim::Optimizer`]).
//! 3. The state is serialized for checkpoints.
//!
//! burn's `ModuleOptimizer` is not used. It keys its state by random parameter ids, which a loaded
//! model does not share; it silently drops state that it cannot match; and it puts loaded state on
//! the default device. Here the state is keyed by parameter path, and state that does not fit is an
//! error.

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

use crate::encoder_stages::layers;
use clipping::clip_by_global_norm;
pub(crate) use clipping::{global_norm, multiply_all};

/// Optimizer with the state of every parameter; see [`OptimizerConfig::init`].
pub struct Optimizer {
    algorithm: Algorithm,
    max_grad_norm: Option<f64>,
    parameters: HashMap<ParamId, Moved>,
}

/// Optimizer settings and state of one parameter.
struct Moved {
    path: String,
    shape: Vec<usize>,
    dtype: DType,
    device: Device,
    learning_rate: f64,
    rule: Arc<dyn DynOptimizer>,
    /// `None` before the first gradient, and for algorithms without state.
    state: Option<DynState>,
    /// Whether the parameter has been updated.
    has_moved: bool,
}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer")
            .field("algorithm", &self.algorithm)
            .field("max_grad_norm", &self.max_grad_norm)
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
            max_grad_norm: config.max_grad_norm,
            parameters: moved.collect(),
        }
    }

    /// Performs an optimizer step: clips the gradients, then updates each parameter that has one,
    /// with its learning rate times `factor` (the schedule's fraction). Returns the module and the
    /// global gradient norm before clipping, as a tensor of one value that need not be read.
    ///
    /// Updates are in place only if the caller holds no clone of the module; otherwise every
    /// parameter is copied.
    ///
    /// # Panics
    /// If a gradient belongs to a parameter that the optimizer was not created for.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        gradients: GradientsParams,
        factor: f64,
    ) -> (M, Tensor<1>) {
        let norm = global_norm(&module, &gradients);
        (self.step_of_norm(module, gradients, &norm, factor), norm)
    }

    /// Performs [`Self::step`] with gradients whose global norm has been computed.
    pub(crate) fn step_of_norm<M: Module>(
        &mut self,
        module: M,
        gradients: GradientsParams,
        norm: &Tensor<1>,
        factor: f64,
    ) -> M {
        let gradients = clip_by_global_norm(&module, gradients, norm, self.max_grad_norm);
        module.map(&mut StepMapper {
            parameters: &mut self.parameters,
            gradients,
            factor,
        })
    }

    /// Returns ids and paths of the parameters that have been updated since training began.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (ParamId, &str)> {
        let moved = self.parameters.iter().filter(|(_, moved)| moved.has_moved);
        moved.map(|(id, moved)| (*id, moved.path.as_str()))
    }

    /// Marks the parameters with these paths as updated.
    pub(crate) fn with_moved(mut self, paths: &BTreeSet<String>) -> Self {
        for moved in self.parameters.values_mut() {
            moved.has_moved = paths.contains(&moved.path);
        }
        self
    }
}

/// Updates each parameter that has a gradient.
struct StepMapper<'a> {
    parameters: &'a mut HashMap<ParamId, Moved>,
    gradients: GradientsParams,
    factor: f64,
}

impl ModuleMapper for StepMapper<'_> {
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
        // The conversion to a plain tensor loses the strategy.
        if let Some(strategy) = checkpointing {
            updated = updated.with_gradient_checkpointing_strategy(strategy);
        }
        Param::from_mapped_value(id, updated.require_grad(), mapper)
    }
}

/// Dtype and device of each parameter, in the order of [`finetune_model::parameters`].
#[derive(Default)]
struct Tensors(Vec<(DType, Device)>);

impl ModuleVisitor for Tensors {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.0
            .push((tensor.dtype(), tensor.device().without_autodiff()));
    }
}
