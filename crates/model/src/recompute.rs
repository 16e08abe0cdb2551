//! Modules that keep only their inputs for the backward pass, which computes them again.

use burn::backend::DispatchTensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use finetune_ops::recomputed;

/// Applies a module to `inputs`, with the result and the gradients of `apply` bit for bit, but keeps
/// only the inputs for the backward pass. `apply` is called with a module and inputs without
/// autodiff, and in the backward pass with leaves of a graph of their own.
///
/// # Shapes
/// - each of `inputs`, output: any matrix
///
/// # Panics
/// If inputs and parameters with gradients are more than 1,024 together.
pub(crate) fn recompute<M: Module + Send + Sync + 'static>(
    module: &M,
    inputs: &[Tensor<2>],
    apply: impl Fn(&M, &[Tensor<2>]) -> Tensor<2> + Send + Sync + 'static,
) -> Tensor<2> {
    let mut found = Inputs::default();
    inputs.iter().for_each(|input| found.add(input));
    module.visit(&mut found);
    let Inputs { tensors, wanted } = found;
    let module = module.valid();
    let inputs: Vec<_> = inputs.iter().map(|input| input.clone().inner()).collect();
    let output = apply(&module, &inputs);
    recomputed(output, tensors, move |gradient| {
        let mut leaves = Leaves(wanted.iter().copied());
        let inputs: Vec<_> = inputs
            .iter()
            .map(|input| leaves.leaf(input.clone()))
            .collect();
        let module = module.clone().map(&mut leaves);
        let output = apply(&module, &inputs);
        // The gradient of the output is then exactly `gradient`.
        let root = (output * Tensor::from_inner(gradient)).sum();
        let mut found = Found {
            gradients: root.backward(),
            wanted: wanted.iter().copied(),
            of_inputs: Vec::new(),
        };
        inputs.iter().for_each(|input| found.take(input));
        module.visit(&mut found);
        found.of_inputs
    })
}

/// Inputs, then parameters: those that want a gradient, and for each whether it does.
#[derive(Default)]
struct Inputs {
    tensors: Vec<DispatchTensor>,
    wanted: Vec<bool>,
}

impl Inputs {
    fn add(&mut self, tensor: &Tensor<2>) {
        self.push(tensor.clone(), tensor.is_tracked());
    }

    fn push<const D: usize>(&mut self, tensor: Tensor<D>, wanted: bool) {
        self.wanted.push(wanted);
        self.tensors.extend(wanted.then(|| tensor.into_dispatch()));
    }
}

impl ModuleVisitor for Inputs {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let wanted = tensor.is_require_grad();
        self.push(tensor, wanted);
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

/// Gradients of the inputs that want one, in the same order.
struct Found<I> {
    gradients: Gradients,
    wanted: I,
    of_inputs: Vec<Option<DispatchTensor>>,
}

impl<I: Iterator<Item = bool>> Found<I> {
    fn take<const D: usize>(&mut self, input: &Tensor<D>) {
        if self.wanted.next() == Some(true) {
            let gradient = input.grad_remove(&mut self.gradients);
            self.of_inputs.push(gradient.map(Tensor::into_dispatch));
        }
    }
}

impl<I: Iterator<Item = bool>> ModuleVisitor for Found<I> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.take(&param.val());
    }
}
