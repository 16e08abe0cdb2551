//! AdamW step of a parameter in one launch, in place where nobody else holds the tensors.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{address, values};
use crate::adamw::AdamWStep;

/// Factors of a step.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Rule {
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    /// Learning rate, corrected for the start of the first moment at zero.
    rate: f32,
    /// Square root of the correction of the second moment.
    root: f32,
    /// What weight decay leaves of the parameter.
    kept: f32,
}

impl Rule {
    fn argument(rule: &AdamWStep, time: usize) -> RuleLaunch {
        let correction = |beta: f64| 1.0 - beta.powf(time as f64);
        RuleLaunch::new(
            rule.beta1 as f32,
            rule.beta2 as f32,
            rule.epsilon as f32,
            (rule.learning_rate / correction(rule.beta1)) as f32,
            correction(rule.beta2).sqrt() as f32,
            (1.0 - rule.learning_rate * rule.weight_decay) as f32,
        )
    }
}

#[cube(launch, address_type = "dynamic")]
fn step_kernel(
    parameter: &mut Tensor<f32>,
    first: &mut Tensor<f32>,
    second: &mut Tensor<f32>,
    gradient: &Tensor<f32>,
    count: usize,
    rule: Rule,
) {
    let at = ABSOLUTE_POS;
    if at >= count {
        terminate!();
    }
    let slope = gradient[at];
    let mean = first[at] * rule.beta1 + slope * (1.0f32 - rule.beta1);
    let square = second[at] * rule.beta2 + slope * slope * (1.0f32 - rule.beta2);
    let deviation = square.sqrt() / rule.root + rule.epsilon;
    first[at] = mean;
    second[at] = square;
    parameter[at] = parameter[at] * rule.kept - mean / deviation * rule.rate;
}

/// Returns a tensor that may be written to.
fn own(tensor: CubeTensor) -> CubeTensor {
    let tensor = into_contiguous(tensor);
    match tensor.can_mut() {
        true => tensor,
        false => into_contiguous(tensor.copy()),
    }
}

/// Returns the moved parameter and moments of `[parameter, first moment, second moment, gradient]`.
pub(super) fn step(inputs: Vec<CubeTensor>, rule: &AdamWStep, time: usize) -> Vec<CubeTensor> {
    let [parameter, first, second, gradient] = super::exactly(inputs);
    let [parameter, first, second] = [parameter, first, second].map(own);
    let count = parameter.meta.num_elements();
    let client = parameter.client.clone();
    let (cubes, dim) = values(&client, count);
    step_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&parameter]),
        parameter.clone().into_tensor_arg(),
        first.clone().into_tensor_arg(),
        second.clone().into_tensor_arg(),
        into_contiguous(gradient).into_tensor_arg(),
        count,
        Rule::argument(rule, time),
    );
    vec![parameter, first, second]
}
