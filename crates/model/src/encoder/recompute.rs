//! Gradient checkpointing: layers that are computed again in the backward pass.

use burn::backend::DispatchTensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use finetune_ops::{Precision, recomputed};

use super::batch_context::BatchContext;
use super::{EncoderLayer, Queries};
use crate::dropout::DropoutStage;

impl EncoderLayer {
    /// Applies the layer as [`Self::forward`], with the same result and the same gradients bit for
    /// bit, but keeps only its input for the backward pass. That computes the layer again; dropout
    /// drops the same values, as its masks follow from a key.
    ///
    /// # Shapes
    /// - `hidden`: `[T, D]`
    /// - output: `[T, D]`, or `[B, D]` for the first tokens
    pub(super) fn forward_recomputed(
        &self,
        hidden: Tensor<2>,
        batch: &BatchContext,
        queries: Queries,
        dropout: Option<DropoutStage>,
        precision: Precision,
    ) -> Tensor<2> {
        let mut inputs = Inputs::default();
        inputs.add(&hidden);
        if let Some(distances) = &batch.distances {
            inputs.add(&distances.rows);
        }
        self.visit(&mut inputs);
        let Inputs { tensors, wanted } = inputs;
        let (layer, hidden) = (self.valid(), hidden.inner());
        let batch = batch.without_autodiff();
        let apply = move |layer: &EncoderLayer, hidden, batch: &BatchContext| {
            layer.forward(hidden, batch, queries, dropout, precision)
        };
        let output = apply(&layer, hidden.clone(), &batch);
        recomputed(output, tensors, move |gradient| {
            let mut leaves = Leaves(wanted.iter().copied());
            let hidden = leaves.leaf(hidden.clone());
            let mut batch = batch.clone();
            if let Some(distances) = &mut batch.distances {
                distances.rows = leaves.leaf(distances.rows.clone());
            }
            let layer = layer.clone().map(&mut leaves);
            let output = apply(&layer, hidden.clone(), &batch);
            // The gradient of the output is then exactly `gradient`.
            let root = (output * Tensor::from_inner(gradient)).sum();
            let mut found = Found {
                gradients: root.backward(),
                of_inputs: Vec::new(),
            };
            found.take(&hidden);
            if let Some(distances) = &batch.distances {
                found.take(&distances.rows);
            }
            layer.visit(&mut found);
            found.of_inputs
        })
    }
}

/// Inputs of a layer: hidden states, vectors of distances if there are any, then parameters, and
/// which of them want a gradient.
#[derive(Default)]
struct Inputs {
    tensors: Vec<DispatchTensor>,
    wanted: Vec<bool>,
}

impl Inputs {
    fn add(&mut self, tensor: &Tensor<2>) {
        self.wanted.push(tensor.is_tracked());
        self.tensors.push(tensor.clone().into_dispatch());
    }
}

impl ModuleVisitor for Inputs {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.wanted.push(tensor.is_require_grad());
        self.tensors.push(tensor.into_dispatch());
    }
}

/// Makes plain tensors leaves of a graph of their own, with a gradient where one is wanted.
struct Leaves<I>(I);

impl<I: Iterator<Item = bool>> Leaves<I> {
    fn leaf<const D: usize>(&mut self, tensor: Tensor<D>) -> Tensor<D> {
        let leaf = Tensor::from_inner(tensor);
        match self.0.next() {
            Some(true) => leaf.require_grad(),
            _ => leaf,
        }
    }
}

impl<I: Iterator<Item = bool>> ModuleMapper for Leaves<I> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, self.leaf(tensor), mapper)
    }
}

/// Gradients of the inputs, in the same order.
struct Found {
    gradients: Gradients,
    of_inputs: Vec<Option<DispatchTensor>>,
}

impl Found {
    fn take<const D: usize>(&mut self, input: &Tensor<D>) {
        let gradient = input.grad_remove(&mut self.gradients);
        self.of_inputs.push(gradient.map(Tensor::into_dispatch));
    }
}

impl ModuleVisitor for Found {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.take(&param.val());
    }
}
