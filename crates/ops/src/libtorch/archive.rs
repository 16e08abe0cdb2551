//! Torch operations that the bindings lack: methods of the TorchScript archive that `generate.py` writes.

use std::sync::OnceLock;

use tch::{CModule, IValue, Tensor};

static KERNELS: &[u8] = include_bytes!("kernels.pt");

/// Argument of a method.
pub(super) enum Argument<'a> {
    Tensor(&'a Tensor),
    Tensors(&'a [&'a Tensor]),
    Int(i64),
    Float(f64),
    Floats(&'a [f64]),
    Bools(&'a [bool]),
}

impl From<&Argument<'_>> for IValue {
    fn from(argument: &Argument<'_>) -> Self {
        match *argument {
            Argument::Tensor(tensor) => Self::Tensor(tensor.shallow_clone()),
            Argument::Tensors(tensors) => Self::TensorList(
                tensors
                    .iter()
                    .map(|tensor| tensor.shallow_clone())
                    .collect(),
            ),
            Argument::Int(value) => Self::Int(value),
            Argument::Float(value) => Self::Double(value),
            Argument::Floats(values) => Self::DoubleList(values.to_vec()),
            Argument::Bools(values) => Self::BoolList(values.to_vec()),
        }
    }
}

/// Calls a method and returns the tensors that it returns, if any.
///
/// # Panics
/// If it fails, as every operation of the bindings: if the device runs out of memory, or the shapes do not
/// match.
pub(super) fn call(method: &str, arguments: &[Argument<'_>]) -> Vec<Tensor> {
    let arguments: Vec<IValue> = arguments.iter().map(IValue::from).collect();
    match module().method_is(method, &arguments) {
        Ok(returned) => tensors(returned),
        Err(error) => panic!("{method}: {error}"),
    }
}

/// Calls a method that returns one tensor.
pub(super) fn call_for_one(method: &str, arguments: &[Argument<'_>]) -> Tensor {
    match <[Tensor; 1]>::try_from(call(method, arguments)) {
        Ok([tensor]) => tensor,
        Err(tensors) => panic!("{method} returned {} tensors", tensors.len()),
    }
}

fn module() -> &'static CModule {
    static MODULE: OnceLock<CModule> = OnceLock::new();
    MODULE.get_or_init(|| match CModule::load_data(&mut &*KERNELS) {
        Ok(module) => module,
        Err(error) => panic!("torch cannot read the kernels of this program: {error}"),
    })
}

fn tensors(returned: IValue) -> Vec<Tensor> {
    match returned {
        IValue::Tensor(tensor) => vec![tensor],
        IValue::Tuple(values) => values.into_iter().flat_map(tensors).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_exists() {
        let message = |method: &str| {
            let nothing: &[IValue] = &[];
            module().method_is(method, nothing).unwrap_err().to_string()
        };
        for method in [
            "dropout_factors",
            "layer_norm_gradients",
            "attention",
            "attention_gradients",
            "adamw",
        ] {
            let message = message(method);
            assert!(message.contains("missing value for argument"), "{message}");
        }
        assert!(
            message("other").contains("is not defined"),
            "{}",
            message("other")
        );
    }
}
