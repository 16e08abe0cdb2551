//! Gradient clipping by global norm, as `torch.nn.utils.clip_grad_norm_`.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use finetune_ops::scale;

/// Constant that PyTorch adds to the norm before dividing.
const EPSILON: f64 = 1e-6;

/// Scales all gradients so that their global norm, now `norm`, is at most `max_norm`.
///
/// Nothing is read back from the device: the factor stays a tensor.
pub(super) fn clip_by_global_norm<M: Module>(
    module: &M,
    mut gradients: GradientsParams,
    norm: &Tensor<1>,
    max_norm: Option<f64>,
) -> GradientsParams {
    if let Some(max_norm) = max_norm {
        let factor = (norm.clone() + EPSILON)
            .recip()
            .mul_scalar(max_norm)
            .clamp_max(1.0);
        module.visit(&mut Scaling {
            gradients: &mut gradients,
            factor,
        });
    }
    gradients
}

/// Returns the L2 norm over all gradients.
pub(crate) fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> Tensor<1> {
    let mut flat = FlatGradients {
        gradients,
        tensors: Vec::new(),
    };
    module.visit(&mut flat);
    let norm = finetune_ops::global_norm(flat.tensors);
    norm.unwrap_or_else(|| Tensor::zeros([1], &device(module)))
}

/// Multiplies all gradients by `factor`.
pub(crate) fn multiply_all<M: Module>(
    module: &M,
    mut gradients: GradientsParams,
    factor: f64,
) -> GradientsParams {
    let factor = Tensor::ones([1], &device(module)) * factor;
    module.visit(&mut Scaling {
        gradients: &mut gradients,
        factor,
    });
    gradients
}

/// Returns the device of the gradients.
fn device<M: Module>(module: &M) -> Device {
    module.devices().swap_remove(0).without_autodiff()
}

/// Collects all gradients, each as one row of values.
struct FlatGradients<'a> {
    gradients: &'a GradientsParams,
    tensors: Vec<Tensor<1>>,
}

impl ModuleVisitor for FlatGradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let length = gradient.shape().num_elements();
            self.tensors.push(gradient.reshape([length]));
        }
    }
}

struct Scaling<'a> {
    gradients: &'a mut GradientsParams,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scaling<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let scaled = scale(gradient, &self.factor);
            self.gradients.register(param.id, scaled);
        }
    }
}
