//! Parameters of a module by path, for optimizers, freezing and checkpoints.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

/// Kind of a parameter, by the layer it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParameterKind {
    /// Matrix of a linear layer, `[input, output]`.
    LinearWeight,
    /// Bias of a linear layer.
    LinearBias,
    /// Embedding table.
    Embedding,
    /// Scale of a layer normalization.
    NormWeight,
    /// Shift of a layer normalization.
    NormBias,
    /// First matrix of an adapter, `[input, rank]`.
    LoraA,
    /// Second matrix of an adapter, `[rank, output]`.
    LoraB,
    /// Any other parameter of a custom head, of any rank.
    Other,
}

impl ParameterKind {
    /// Returns whether the parameter belongs to an adapter.
    pub fn is_adapter(self) -> bool {
        matches!(self, Self::LoraA | Self::LoraB)
    }

    /// Returns whether PyTorch files store the matrix as `[output, input]`, and burn as `[input,
    /// output]`.
    fn is_output_major_in_files(self) -> bool {
        self == Self::LinearWeight || self.is_adapter()
    }
}

/// Parameter of a module.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Field names joined by dots, such as `encoder.layers.0.attention.query.weight`.
    pub path: String,
    /// Kind of the parameter.
    pub kind: ParameterKind,
    /// Shape in burn.
    pub shape: Vec<usize>,
    /// ID under which optimizers and gradients store it.
    pub id: ParamId,
}

impl Parameter {
    /// Returns the shape `[input, output]` of a matrix that files store as `[output, input]`;
    /// `None` for other parameters.
    ///
    /// # Panics
    /// If such a parameter does not have two axes.
    pub(crate) fn output_major(&self) -> Option<[usize; 2]> {
        if !self.kind.is_output_major_in_files() {
            return None;
        }
        match self.shape[..] {
            [input, output] => Some([input, output]),
            _ => panic!("{} is no matrix: {:?}", self.path, self.shape),
        }
    }
}

/// Returns all float parameters of a module, in the order of its fields.
pub fn parameters<M: Module>(module: &M) -> Vec<Parameter> {
    let mut listing = Vec::new();
    module.visit(&mut ReadVisitor {
        path: ModulePath::default(),
        receive: |parameter, _: &dyn Fn() -> TensorData| listing.push(parameter),
    });
    listing
}

/// Calls `receive` with each parameter and its values, in the order of the module's fields.
pub(crate) fn for_each<M: Module>(module: &M, mut receive: impl FnMut(Parameter, TensorData)) {
    module.visit(&mut ReadVisitor {
        path: ModulePath::default(),
        receive: |parameter, read: &dyn Fn() -> TensorData| receive(parameter, read()),
    });
}

/// Replaces the values of each parameter for which `give` returns new ones.
pub(crate) fn replace<M: Module>(
    module: M,
    give: impl FnMut(&Parameter) -> Option<TensorData>,
) -> M {
    module.map(&mut ReplaceMapper {
        path: ModulePath::default(),
        give,
    })
}

/// Position in a module: field names and layer types from the root.
#[derive(Default)]
struct ModulePath {
    names: Vec<String>,
    containers: Vec<String>,
}

impl ModulePath {
    fn enter(&mut self, name: &str, container: &str) {
        // Enum variants are not part of a path: heads of all kinds are called `head`.
        let name = match container.starts_with("Enum:") {
            true => "",
            false => name,
        };
        self.names.push(name.to_string());
        self.containers.push(container.to_string());
    }

    fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    fn parameter<const D: usize>(&self, param: &Param<Tensor<D>>) -> Parameter {
        let container = self.containers.last().map_or("", String::as_str);
        let field = self.names.last().map_or("", String::as_str);
        let kind = match (container, field, D) {
            ("Struct:Embedding", _, 2) => ParameterKind::Embedding,
            ("Struct:LayerNorm", "gamma", 1) => ParameterKind::NormWeight,
            ("Struct:LayerNorm", _, 1) => ParameterKind::NormBias,
            ("Struct:LowRank", "a", 2) => ParameterKind::LoraA,
            ("Struct:LowRank", _, 2) => ParameterKind::LoraB,
            ("Struct:Linear" | "Struct:LoraLinear", "weight", 2) => ParameterKind::LinearWeight,
            (_, "bias", 1) => ParameterKind::LinearBias,
            _ => ParameterKind::Other,
        };
        let names = self.names.iter().map(String::as_str);
        let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
        Parameter {
            path: names.join("."),
            kind,
            shape: param.lazy_shape().as_slice().to_vec(),
            id: param.id,
        }
    }
}

/// Visitor that gives each parameter, with a function that reads its values.
struct ReadVisitor<F> {
    path: ModulePath,
    receive: F,
}

impl<F: FnMut(Parameter, &dyn Fn() -> TensorData)> ModuleVisitor for ReadVisitor<F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        (self.receive)(self.path.parameter(param), &|| param.val().into_data());
    }
}

struct ReplaceMapper<F> {
    path: ModulePath,
    give: F,
}

impl<F: FnMut(&Parameter) -> Option<TensorData>> ModuleMapper for ReplaceMapper<F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match (self.give)(&self.path.parameter(&param)) {
            // A new parameter, because `param.map` would first initialize the old one.
            Some(data) => Param::from_data(data, &param.lazy_device()),
            None => param,
        }
    }
}
