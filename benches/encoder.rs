//! Rows per second through a classifier of MiniLM's shape: prediction, and whole training steps
//! with loss, backward, clipping and AdamW.
//!
//! `cargo bench -p finetune-benches --bench encoder`; `FINETUNE_DEVICE` chooses the device.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use burn::optim::GradientsParams;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use finetune::model::{
    DropoutStream, EncoderInput, ModelError, SequenceClassifier, SequenceClassifierConfig,
    init_weights,
};
use finetune::ops::{ClassTargets, soft_target_cross_entropy};
use finetune::train::OptimizerConfig;
use finetune_benches::{device, minilm};

const SHAPES: [[usize; 2]; 2] = [[32, 64], [8, 256]];

fn classifier(device: &burn::tensor::Device) -> Result<SequenceClassifier, ModelError> {
    let names = ["World", "Sports", "Business", "Sci/Tech"].map(String::from);
    let config = SequenceClassifierConfig::new(minilm(), names.into());
    Ok(init_weights(config.init(device)?, 0.02, 1))
}

/// A batch of equally long texts.
fn input(model: &SequenceClassifier, shape: [usize; 2]) -> Result<EncoderInput, ModelError> {
    let tokens = shape[0] * shape[1];
    let ids: Vec<u32> = (0..tokens)
        .map(|token| (token * 7919 % 30_000) as u32)
        .collect();
    let ends: Vec<usize> = (0..=shape[0]).map(|row| row * shape[1]).collect();
    EncoderInput::new(&model.encoder, &ids, &vec![0; tokens], &ends)
}

fn predict(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("predict");
    group.sample_size(10);
    let Ok(model) = classifier(&device()) else {
        panic!("the shape is valid")
    };
    for shape in SHAPES {
        let Ok(input) = input(&model, shape) else {
            panic!("the batch fits")
        };
        group.throughput(Throughput::Elements(shape[0] as u64));
        let id = BenchmarkId::from_parameter(format!("{}x{}", shape[0], shape[1]));
        group.bench_function(id, |bencher| {
            bencher.iter(|| model.forward(&input, None).map(|logits| logits.into_data()));
        });
    }
    group.finish();
}

fn train(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("train");
    group.sample_size(10);
    let Ok(model) = classifier(&device().autodiff()) else {
        panic!("the shape is valid")
    };
    let mut optimizer = OptimizerConfig::default().init(&model);
    // Taken out for each step: a second handle would make the optimizer copy every parameter.
    let mut slot = Some(model);
    let mut step = 0;
    for shape in SHAPES {
        let Some(Ok(input)) = slot.as_ref().map(|model| input(model, shape)) else {
            panic!("the batch fits")
        };
        let labels: Vec<usize> = (0..shape[0]).map(|row| row % 4).collect();
        let targets = ClassTargets {
            labels: &labels,
            classes: 4,
            divisor: shape[0] as f64,
        };
        group.throughput(Throughput::Elements(shape[0] as u64));
        let id = BenchmarkId::from_parameter(format!("{}x{}", shape[0], shape[1]));
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                step += 1;
                let Some(model) = slot.take() else {
                    panic!("put back by every step")
                };
                let dropout = DropoutStream::new(1, step);
                let Ok(logits) = model.forward(&input, Some(dropout)) else {
                    panic!("the head is for one text")
                };
                let weights = targets.weights(&logits.device());
                let loss = soft_target_cross_entropy(logits, weights);
                let gradients = GradientsParams::from_grads(loss.backward(), &model);
                let (updated, norm) = optimizer.step(model, gradients, 0.5);
                slot = Some(updated);
                norm.into_data()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, predict, train);
criterion_main!(benches);
