//! Losses, schedules, optimizers and whole training steps against PyTorch and transformers.

mod accumulation;
mod cross_encoder;
pub(crate) mod distillation;
mod embedding_losses;
mod losses;
mod optimizers;
mod predictor;
mod ranking_losses;
mod token_predictor;
mod trajectory;

use finetune_train::{Decay, LrScheduler, Warmup};
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
                num_cycles: options["num_cycles"].as_u64().unwrap() as usize,
            },
            "polynomial" => Decay::Polynomial {
                power: options["power"].as_f64().unwrap(),
                end_factor: options["lr_end"].as_f64().unwrap() / base,
            },
            "inverse_sqrt" => Decay::InverseSqrt,
            other => panic!("{other}"),
        };
        let warmup = if name == "constant" {
            0
        } else {
            size("warmup")
        };
        let schedule = LrScheduler {
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
