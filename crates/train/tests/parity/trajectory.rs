//! Twenty training steps of every family against PyTorch, from `trajectory/generate.py`: losses and
//! gradient norms of a classifier and of a model for masked language modeling.

use std::path::PathBuf;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    Encoder, EncoderInput, Positions, SequenceClassifier, load_classifier, load_masked_lm,
};
use finetune_ops::{ClassTargets, soft_target_cross_entropy};
use finetune_train::{Decay, LrScheduler, OptimizerConfig, Warmup};

use crate::device::device_and_slack;

const CASES: [&str; 11] = [
    "bert_wide",
    "distilbert_wide",
    "roberta_wide",
    "electra_wide",
    "modernbert",
    "deberta_v2",
    "mpnet_wide",
    "albert",
    "nomic_bert",
    "gte",
    "eurobert",
];
const STEPS: usize = 20;

/// How far a loss may be from PyTorch's, on a CPU.
const LOSS_TOLERANCE: f64 = 1e-4;
/// How far a gradient norm may be, as a share of it.
const NORM_TOLERANCE: f64 = 1e-3;

fn golden() -> Golden {
    Golden::new(include_bytes!("trajectory/expected.safetensors"))
}

fn checkpoint(case: &str) -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    PathBuf::from(format!(
        "{root}/../model/tests/parity/families/{case}/checkpoint"
    ))
}

/// The values of one step.
pub(super) fn of_step(golden: &Golden, name: &str, step: usize) -> Vec<usize> {
    let (values, shape) = golden.integers(name);
    let width: usize = shape[1..].iter().product();
    let values = &values[step * width..(step + 1) * width];
    values.iter().map(|value| *value as usize).collect()
}

/// The masked positions of a step, as rows of packed tokens.
fn packed_positions(golden: &Golden, step: usize) -> Vec<usize> {
    let mask = of_step(golden, "attention_mask", step);
    let before = |place: &usize| mask[..*place].iter().filter(|real| **real == 1).count();
    of_step(golden, "positions", step)
        .iter()
        .map(before)
        .collect()
}

/// A classifier of three classes with the weights of a case.
pub(super) fn classifier(case: &str, device: &Device) -> SequenceClassifier {
    let names = ["World", "Sports", "Business"].map(String::from);
    load_classifier(&checkpoint(case), &names, 0, device)
        .unwrap()
        .0
}

/// The batch of a step, with the padding token of the model where it is padded.
fn input(golden: &Golden, step: usize, encoder: &Encoder, positions: Positions) -> EncoderInput {
    let padding = match positions {
        Positions::FromZero | Positions::Relative | Positions::Rotary { .. } => 0,
        Positions::AfterPadding { padding_index } => padding_index,
    };
    let mask: Vec<bool> = of_step(golden, "attention_mask", step)
        .into_iter()
        .map(|real| real == 1)
        .collect();
    let ids = of_step(golden, "input_ids", step).into_iter().zip(&mask);
    let ids: Vec<u32> = ids
        .map(|(id, real)| if *real { id as u32 } else { padding as u32 })
        .collect();
    let types = vec![0; ids.len()];
    let rows = ids.len() / 9;
    EncoderInput::from_padded(encoder, &ids, &types, &mask, [rows, 9]).unwrap()
}

/// Trains on the logits and labels of `run`, and compares losses and norms.
fn check<M: Module>(name: &str, mut model: M, run: impl Fn(&M, usize) -> (Tensor<2>, Vec<usize>)) {
    let (golden, (_, slack)) = (golden(), device_and_slack());
    let settings = OptimizerConfig {
        learning_rate: 2e-3,
        ..Default::default()
    };
    let schedule = LrScheduler {
        warmup: Warmup::Steps(4),
        decay: Decay::Linear,
    };
    let mut optimizer = settings.init(&model);
    let losses = golden.doubles(&format!("{name}.loss"));
    let norms = golden.doubles(&format!("{name}.norm"));
    let (mut worst_loss, mut worst_norm) = (0.0f64, 0.0f64);
    for step in 0..STEPS {
        let (logits, labels) = run(&model, step);
        let targets = ClassTargets {
            labels: &labels,
            classes: logits.dims()[1],
            divisor: labels.len() as f64,
        };
        let loss = soft_target_cross_entropy(logits.clone(), targets.weights(&logits.device()));
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let (updated, norm) = optimizer.step(model, gradients, schedule.factor(step, STEPS));
        model = updated;

        let value = |tensor: Tensor<1>| f64::from(tensor.into_scalar::<f32>());
        let distance = (value(loss) - losses[step]).abs();
        assert!(
            distance <= slack * LOSS_TOLERANCE,
            "{name}, loss of step {step}: {distance:e} apart"
        );
        worst_loss = worst_loss.max(distance);
        let share = (value(norm) - norms[step]).abs() / norms[step];
        assert!(
            share <= slack * NORM_TOLERANCE,
            "{name}, norm of step {step}: {share:e} apart"
        );
        worst_norm = worst_norm.max(share);
    }
    println!("{name}: losses at most {worst_loss:.1e} apart, norms {worst_norm:.1e} of themselves");
}

#[test]
fn twenty_steps_of_a_classifier_equal_pytorch() {
    let (golden, device) = (golden(), device_and_slack().0.autodiff());
    for case in CASES {
        let model = classifier(case, &device);
        check(&format!("{case}.classifier"), model, |model, step| {
            let positions = model.config().encoder.positions;
            let input = input(&golden, step, &model.encoder, positions);
            let logits = model.forward(&input, None).unwrap();
            (logits, of_step(&golden, "labels", step))
        });
    }
}

#[test]
fn twenty_steps_of_masked_language_modeling_equal_pytorch() {
    let (golden, device) = (golden(), device_and_slack().0.autodiff());
    for case in CASES {
        let (model, config, _) = load_masked_lm(&checkpoint(case), 0, &device).unwrap();
        check(&format!("{case}.masked_lm"), model, |model, step| {
            let input = input(&golden, step, &model.encoder, config.encoder.positions);
            let positions = packed_positions(&golden, step);
            let logits = model.forward(&input, &positions, None).unwrap();
            (logits, of_step(&golden, "words", step))
        });
    }
}
