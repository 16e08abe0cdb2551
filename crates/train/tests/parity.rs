//! Schedules, the optimizer and whole training steps against transformers and PyTorch.

mod predictor;
mod trajectory;

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use finetune_golden::{Golden, check};
use finetune_train::{AdamWSettings, Decay, Schedule, Warmup};
use serde_json::Value;

#[test]
fn schedules_equal_transformers() {
    let text = include_str!("parity/schedule/expected.json");
    let expected: Value = serde_json::from_str(text).unwrap();
    let base = expected["base_lr"].as_f64().unwrap();
    let cases = expected["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 21);
    for case in cases {
        let (name, options) = (case["schedule"].as_str().unwrap(), &case["options"]);
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let decay = match name {
            "constant" | "constant_with_warmup" => Decay::Constant,
            "linear" => Decay::Linear,
            "cosine" => Decay::Cosine,
            "cosine_with_restarts" => Decay::CosineWithRestarts {
                cycles: options["num_cycles"].as_u64().unwrap() as usize,
            },
            "polynomial" => Decay::Polynomial {
                power: options["power"].as_f64().unwrap(),
                end_factor: options["lr_end"].as_f64().unwrap() / base,
            },
            "inverse_sqrt" => Decay::InverseSquareRoot,
            other => panic!("{other}"),
        };
        let warmup = if name == "constant" {
            0
        } else {
            size("warmup")
        };
        let schedule = Schedule {
            warmup: Warmup::Steps(warmup),
            decay,
        };
        for (step, factor) in case["factors"].as_array().unwrap().iter().enumerate() {
            let (got, expected) = (
                schedule.factor(step, size("total")),
                factor.as_f64().unwrap(),
            );
            assert!((got - expected).abs() < 1e-12, "{case} at {step}: {got}");
        }
    }
}

/// The parameters of `optimizer/generate.py` as burn's layers.
#[derive(Module, Debug)]
struct Parts {
    linear: Linear,
    norm: LayerNorm,
}

/// The golden values under a prefix, in the order of the fields of [`Parts`].
struct Values<'a> {
    golden: &'a Golden,
    prefix: String,
}

impl Values<'_> {
    fn vector(&self, name: &str, device: &Device) -> Tensor<1> {
        let (values, shape) = self.golden.floats(&format!("{}.{name}", self.prefix));
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn matrix(&self, device: &Device) -> Tensor<2> {
        let (values, shape) = self.golden.floats(&format!("{}.weight", self.prefix));
        Tensor::<2>::from_data(TensorData::new(values, shape), device).transpose()
    }
}

#[test]
fn adamw_with_clipping_equals_pytorch() {
    let golden = Golden::new(include_bytes!("parity/optimizer/expected.safetensors"));
    let device = Device::flex().autodiff();
    let initial = Values {
        golden: &golden,
        prefix: "initial".to_string(),
    };
    let mut parts = Parts {
        linear: LinearConfig::new(3, 4).init(&device),
        norm: LayerNormConfig::new(4).init(&device),
    };
    parts.linear.weight = Param::from_tensor(initial.matrix(&device));
    parts.linear.bias = Some(Param::from_tensor(initial.vector("bias", &device)));
    parts.norm.gamma = Param::from_tensor(initial.vector("norm.weight", &device));
    parts.norm.beta = Some(Param::from_tensor(initial.vector("norm.bias", &device)));

    let settings = AdamWSettings {
        weight_decay: 0.01,
        ..Default::default()
    };
    let mut optimizer = settings.init(&parts);
    let norms = golden.floats("total_norm").0;
    for (step, learning_rate) in golden.doubles("lr").into_iter().enumerate() {
        let given = Values {
            golden: &golden,
            prefix: format!("grad.{step}"),
        };
        // A loss whose gradient is the given one.
        let linear = (parts.linear.weight.val() * given.matrix(&device)).sum()
            + (parts.linear.bias.as_ref().unwrap().val() * given.vector("bias", &device)).sum();
        let norm = (parts.norm.gamma.val() * given.vector("norm.weight", &device)).sum()
            + (parts.norm.beta.as_ref().unwrap().val() * given.vector("norm.bias", &device)).sum();
        let (updated, total) = optimizer.step(parts, (linear + norm).backward(), learning_rate);
        parts = updated;

        let total: Vec<f32> = total.into_data().try_to_vec().unwrap();
        check("total_norm", &total, &norms[step..=step], 1e-4);
        let expected = Values {
            golden: &golden,
            prefix: format!("param.{step}"),
        };
        let host = |tensor: Tensor<1>| tensor.into_data().try_to_vec::<f32>().unwrap();
        let compare = |name: &str, got: Tensor<1>| {
            golden.check(&format!("param.{step}.{name}"), &host(got), 1e-6);
        };
        let weight = parts.linear.weight.val().reshape([-1]);
        let expected = host(expected.matrix(&device).reshape([-1]));
        check(
            &format!("param.{step}.weight"),
            &host(weight),
            &expected,
            1e-6,
        );
        compare("bias", parts.linear.bias.as_ref().unwrap().val());
        compare("norm.weight", parts.norm.gamma.val());
        compare("norm.bias", parts.norm.beta.as_ref().unwrap().val());
    }
}
