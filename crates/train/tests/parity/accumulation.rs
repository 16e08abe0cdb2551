//! Fifty optimizer steps of two micro-batches each against PyTorch, from
//! `accumulation/generate.py`: losses and gradient norms of every step.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};
use finetune_data::Labels;
use finetune_golden::Golden;
use finetune_model::{EncoderInput, SequenceClassifier};
use finetune_train::{Decay, LossConfig, LrScheduler, OptimizerConfig, Warmup};

use super::trajectory::{classifier, of_step};

/// How far a loss or a norm may be, as a share of it.
const TOLERANCE: f64 = 1e-4;
const STEPS: usize = 50;
/// Each micro-batch: its name, its rows, the tokens of its longest row.
const BATCHES: [(&str, usize, usize); 2] = [("long", 5, 9), ("short", 3, 5)];

fn input(golden: &Golden, step: usize, batch: usize, model: &SequenceClassifier) -> EncoderInput {
    let (name, rows, width) = BATCHES[batch];
    let of = |what: &str| of_step(golden, &format!("{name}.{what}"), step);
    let ids: Vec<u32> = of("input_ids").into_iter().map(|id| id as u32).collect();
    let mask: Vec<bool> = of("attention_mask")
        .into_iter()
        .map(|real| real == 1)
        .collect();
    let types = vec![0; ids.len()];
    EncoderInput::from_padded(&model.encoder, &ids, &types, &mask, [rows, width]).unwrap()
}

fn value(tensor: Tensor<1>) -> f64 {
    f64::from(tensor.into_scalar::<f32>())
}

fn check(name: &str, config: OptimizerConfig) {
    let golden = Golden::new(include_bytes!("accumulation/expected.safetensors"));
    let mut model = classifier("bert_wide", &Device::flex().autodiff());
    let schedule = LrScheduler {
        warmup: Warmup::Steps(5),
        decay: Decay::Cosine,
    };
    schedule.check(STEPS).unwrap();
    let mut optimizer = config.init(&model);
    let loss = LossConfig::default()
        .init(&Labels::Classes(vec![0, 1, 2]), 3)
        .unwrap();
    let (losses, norms) = (
        golden.doubles(&format!("{name}.loss")),
        golden.doubles(&format!("{name}.norm")),
    );
    let mut worst = [0.0f64; 2];
    for step in 0..STEPS {
        let labels = BATCHES.map(|(batch, _, _)| {
            Labels::Classes(of_step(&golden, &format!("{batch}.labels"), step))
        });
        let weights = labels.iter().map(|labels| loss.weight(labels).unwrap());
        let divisor: f64 = weights.sum();
        let mut accumulator = GradientsAccumulator::new();
        let mut sum = 0.0;
        for (batch, labels) in labels.iter().enumerate() {
            let input = input(&golden, step, batch, &model);
            let logits = model.forward(&input, None).unwrap();
            let part = loss.loss(logits, labels, divisor).unwrap();
            let gradients = GradientsParams::from_grads(part.backward(), &model);
            accumulator.accumulate(&model, gradients);
            sum += value(part);
        }
        let factor = schedule.factor(step, STEPS);
        let (updated, norm) = optimizer.step(model, accumulator.grads(), factor);
        model = updated;
        let pairs = [(sum, losses[step]), (value(norm), norms[step])];
        for (worst, (got, expected)) in worst.iter_mut().zip(pairs) {
            let share = (got - expected).abs() / expected;
            assert!(
                share <= TOLERANCE,
                "{name}, step {step}: {got}, expected {expected}"
            );
            *worst = worst.max(share);
        }
    }
    let [loss, norm] = worst;
    println!("{name}: losses at most {loss:.1e} of themselves apart, norms {norm:.1e}");
}

#[test]
fn fifty_accumulated_steps_equal_pytorch() {
    let plain = OptimizerConfig {
        learning_rate: 1e-3,
        max_grad_norm: Some(5.0),
        ..Default::default()
    };
    check("plain", plain);
    check(
        "layered",
        OptimizerConfig {
            head_learning_rate: Some(2e-3),
            layerwise_lr_decay: 0.7,
            ..plain
        },
    );
}
