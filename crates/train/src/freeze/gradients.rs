//! Check that every trainable parameter has a gradient.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use finetune_model::{Parameter, parameters};

use crate::error::TrainError;

/// Checks that `gradients` has a gradient for every trainable parameter of `model`: a parameter
/// without one would silently not train. Embeddings of tokens outside the batch have zero
/// gradients, so the result is the same for every batch; one check after each change of the frozen
/// parameters is enough.
///
/// # Errors
/// - [`TrainError::Parameter`] if a parameter has no gradient; it names the first one.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Tensor};
/// use finetune_train::check_gradients;
///
/// let device = Device::flex().autodiff();
/// let layer = LinearConfig::new(2, 2).init(&device);
/// let loss = layer.forward(Tensor::<2>::ones([1, 2], &device)).sum();
/// let gradients = GradientsParams::from_grads(loss.backward(), &layer);
/// check_gradients(&layer, &gradients)?;
/// assert!(check_gradients(&layer, &GradientsParams::new()).is_err());
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
pub fn check_gradients<M: Module>(
    model: &M,
    gradients: &GradientsParams,
) -> Result<(), TrainError> {
    check_gradients_of(model, gradients, |_| true)
}

/// Checks the parameters whose path is `wanted`.
pub(crate) fn check_gradients_of<M: Module>(
    model: &M,
    gradients: &GradientsParams,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), TrainError> {
    let mut without = Without {
        gradients,
        found: Vec::new(),
    };
    model.visit(&mut without);
    if without.found.is_empty() {
        return Ok(());
    }
    let mut parameters = parameters(model).into_iter();
    let found =
        |parameter: &Parameter| without.found.contains(&parameter.id) && wanted(&parameter.path);
    match parameters.find(found) {
        Some(Parameter { path, .. }) => Err(TrainError::parameter(
            path,
            "is trainable, but the loss does not depend on it: freeze it or use it",
        )),
        None => Ok(()),
    }
}

/// Visitor that collects trainable parameters without a gradient.
struct Without<'a> {
    gradients: &'a GradientsParams,
    found: Vec<ParamId>,
}

impl ModuleVisitor for Without<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let trains = param.val().is_require_grad();
        if trains && self.gradients.get::<D>(param.id).is_none() {
            self.found.push(param.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    use super::*;

    #[derive(Module, Debug)]
    struct Two {
        used: Linear,
        forgotten: Linear,
    }

    #[test]
    fn a_parameter_that_nothing_depends_on_is_named() {
        let device = Device::flex().autodiff();
        let layer = || LinearConfig::new(2, 2).init(&device);
        let mut two = Two {
            used: layer(),
            forgotten: layer(),
        };
        let loss = two.used.forward(Tensor::<2>::ones([1, 2], &device)).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &two);
        let message = check_gradients(&two, &gradients).unwrap_err().to_string();
        assert!(
            message.starts_with("parameter forgotten.weight: is trainable"),
            "{message}"
        );
        two.forgotten = two.forgotten.no_grad();
        check_gradients(&two, &gradients).unwrap();
    }
}
