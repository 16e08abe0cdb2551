//! Every algorithm against its reference, from `optimizer/generate.py`: eight steps with clipping,
//! a schedule, and decay on a matrix but not on the rest.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use finetune_golden::{Golden, check};
use finetune_train::{Algorithm, OptimizerConfig};

use crate::device::device_and_slack;

/// How far a parameter of about 1 may be after eight steps: burn keeps 0.999 in single precision,
/// which leaves its share of the squared gradient off by 1e-5.
const TOLERANCE: f32 = 2e-6;

fn algorithms() -> Vec<(&'static str, Algorithm)> {
    let sgd = |momentum, nesterov| Algorithm::Sgd { momentum, nesterov };
    vec![
        ("adamw", Algorithm::adamw()),
        (
            "adamw_betas",
            Algorithm::AdamW {
                beta1: 0.8,
                beta2: 0.95,
                eps: 1e-3,
            },
        ),
        ("bert_adam", Algorithm::bert_adam()),
        ("adam", Algorithm::adam()),
        ("sgd", sgd(0.0, false)),
        ("sgd_momentum", sgd(0.9, false)),
        ("sgd_nesterov", sgd(0.9, true)),
        ("lion", Algorithm::lion()),
        ("rms_prop", Algorithm::rms_prop()),
        (
            "rms_prop_momentum",
            Algorithm::RmsProp {
                alpha: 0.9,
                momentum: 0.5,
                eps: 1e-4,
            },
        ),
        ("adafactor", Algorithm::Adafactor {}),
    ]
}

/// The parameters as burn's layers.
#[derive(Module, Debug)]
struct Parts {
    linear: Linear,
    norm: LayerNorm,
}

/// The golden values under a prefix.
struct Values<'a> {
    golden: &'a Golden,
    prefix: String,
}

impl Values<'_> {
    fn vector(&self, name: &str, device: &Device) -> Tensor<1> {
        let (values, shape) = self.golden.floats(&format!("{}.{name}", self.prefix));
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// As burn has it: PyTorch's transposed.
    fn matrix(&self, device: &Device) -> Tensor<2> {
        let (values, shape) = self.golden.floats(&format!("{}.weight", self.prefix));
        Tensor::<2>::from_data(TensorData::new(values, shape), device).transpose()
    }
}

fn initial(golden: &Golden, device: &Device) -> Parts {
    let values = Values {
        golden,
        prefix: "initial".to_string(),
    };
    let mut parts = Parts {
        linear: LinearConfig::new(3, 4).init(device),
        norm: LayerNormConfig::new(4).init(device),
    };
    parts.linear.weight = Param::from_tensor(values.matrix(device));
    parts.linear.bias = Some(Param::from_tensor(values.vector("bias", device)));
    parts.norm.gamma = Param::from_tensor(values.vector("norm.weight", device));
    parts.norm.beta = Some(Param::from_tensor(values.vector("norm.bias", device)));
    parts
}

/// The given gradients of a step.
fn gradients(golden: &Golden, parts: &Parts, step: usize, device: &Device) -> GradientsParams {
    let values = Values {
        golden,
        prefix: format!("grad.{step}"),
    };
    let mut gradients = GradientsParams::new();
    gradients.register(parts.linear.weight.id, values.matrix(device));
    for (param, name) in [
        (parts.linear.bias.as_ref().unwrap(), "bias"),
        (&parts.norm.gamma, "norm.weight"),
        (parts.norm.beta.as_ref().unwrap(), "norm.bias"),
    ] {
        gradients.register(param.id, values.vector(name, device));
    }
    gradients
}

fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn compare(golden: &Golden, prefix: String, parts: &Parts, tolerance: f32) {
    let expected = Values {
        golden,
        prefix: prefix.clone(),
    };
    let expected = host(expected.matrix(&Device::flex()).reshape([-1]));
    let weight = host(parts.linear.weight.val().reshape([-1]));
    check(&format!("{prefix}.weight"), &weight, &expected, tolerance);
    for (param, name) in [
        (parts.linear.bias.as_ref().unwrap(), "bias"),
        (&parts.norm.gamma, "norm.weight"),
        (parts.norm.beta.as_ref().unwrap(), "norm.bias"),
    ] {
        golden.check(&format!("{prefix}.{name}"), &host(param.val()), tolerance);
    }
}

#[test]
fn every_algorithm_with_clipping_equals_its_reference() {
    let golden = Golden::new(include_bytes!("optimizer/expected.safetensors"));
    let (plain, slack) = device_and_slack();
    let device = plain.clone().autodiff();
    let norms = golden.doubles("total_norm");
    for (name, algorithm) in algorithms() {
        let mut parts = initial(&golden, &device);
        let config = OptimizerConfig {
            learning_rate: 0.05,
            weight_decay: 0.1,
            algorithm,
            ..Default::default()
        };
        let mut optimizer = config.init(&parts);
        for (step, factor) in golden.doubles("factor").into_iter().enumerate() {
            let gradients = gradients(&golden, &parts, step, &plain);
            let (updated, norm) = optimizer.step(parts, gradients, factor);
            parts = updated;
            let share = f64::from(norm.into_scalar::<f32>()) / norms[step];
            assert!((share - 1.0).abs() < 1e-6 * slack, "norm of step {step}");
            let tolerance = slack as f32 * TOLERANCE;
            compare(&golden, format!("{name}.{step}"), &parts, tolerance);
        }
    }
}
