//! Tokens per second of attention, forward and backward, with the twelve heads of 64 values of a base
//! model: of packed sequences of several lengths, and in a sliding window, whose rate does not depend on
//! the length.
//!
//! `cargo bench -p finetune-benches --bench attention`; `FINETUNE_DEVICE` chooses the device.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use burn::tensor::{Device, Tensor, TensorData};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use finetune::ops::{AttentionSettings, Precision, Sequences, attention, read_floats};
use finetune_benches::device;

const HEADS: usize = 12;
const HIDDEN: usize = HEADS * 64;
const BATCH: usize = 16;
const LONGEST: usize = 256;
const WINDOW: usize = 64;
const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::Bf16];

/// Different rows of values around 0.
fn rows(tokens: usize, seed: usize, device: &Device) -> Tensor<2> {
    let value = |at: usize| ((at + seed) * 7919 % 2003) as f32 / 1001.0 - 1.0;
    let values: Vec<f32> = (0..tokens * HIDDEN).map(value).collect();
    Tensor::from_data(TensorData::new(values, [tokens, HIDDEN]), device)
}

/// Measures attention of sequences of these lengths, and attention with its gradients.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    lengths: &[usize],
    window: Option<usize>,
) {
    let device = device();
    let mut offsets = vec![0];
    offsets.extend(lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    }));
    let Ok(sequences) = Sequences::new(&offsets, &device.clone().autodiff()) else {
        panic!("no sequence is empty")
    };
    let tokens = sequences.num_tokens();
    let [query, key, value] = [0, 1, 2].map(|seed| rows(tokens, seed, &device));
    group.throughput(Throughput::Elements(tokens as u64));
    for precision in PRECISIONS {
        let settings = AttentionSettings {
            heads: HEADS,
            window,
            dropout: None,
            precision,
        };
        let plain = sequences.without_autodiff();
        group.bench_function(format!("{name}, {precision}"), |bencher| {
            bencher.iter(|| {
                let [query, key, value] = [&query, &key, &value].map(Tensor::clone);
                let context = attention(query, key, value, &plain, settings);
                // Waits for the device.
                read_floats(context.slice([0..1, 0..1]))
            });
        });
        group.bench_function(format!("{name}, {precision}, with gradients"), |bencher| {
            bencher.iter(|| {
                let leaves = [&query, &key, &value].map(|rows| rows.clone().autodiff());
                let leaves = leaves.map(Tensor::require_grad);
                let [query, key, value] = leaves.clone();
                let context = attention(query, key, value, &sequences, settings);
                let gradients = context.sum().backward();
                let of_query = leaves[0].grad(&gradients);
                of_query.map(|gradient| read_floats(gradient.slice([0..1, 0..1])))
            });
        });
    }
}

/// Sequences of all lengths up to the longest, and as many that are all as long.
fn packed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attention of packed sequences");
    group.sample_size(10);
    let lengths: Vec<usize> = (1..=BATCH)
        .map(|row| (row * 7 % BATCH + 1) * LONGEST / BATCH)
        .collect();
    measure(&mut group, "of all lengths", &lengths, None);
    measure(&mut group, "equally long", &[LONGEST; BATCH], None);
    group.finish();
}

fn windows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attention in a window");
    group.sample_size(10);
    for tokens in [512, 1024, 2048, 4096, 8192] {
        measure(&mut group, &format!("{tokens}"), &[tokens], Some(WINDOW));
    }
    measure(&mut group, "2048 without window", &[2048], None);
    group.finish();
}

criterion_group!(benches, packed, windows);
criterion_main!(benches);
