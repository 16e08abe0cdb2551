//! Rows per second of scoring: confusion matrix with its report, areas under the curve, and the
//! bootstrap interval of an accuracy.
//!
//! `cargo bench -p finetune-benches --bench metrics`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use finetune::eval::statistics::Bootstrap;
use finetune::eval::{ClassificationReport, PredictedScores};

const CLASSES: usize = 4;

/// Labels and predictions of which one in eight is wrong.
fn rows(count: usize) -> (Vec<usize>, Vec<usize>) {
    let labels = (0..count).map(|row| row * 7919 % CLASSES);
    let predictions = (0..count).map(|row| {
        let off = usize::from(row % 8 == 0);
        (row * 7919 + off) % CLASSES
    });
    (labels.collect(), predictions.collect())
}

fn classification(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("classification_report");
    for count in [1_000, 100_000] {
        let (labels, predictions) = rows(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            let names = ["World", "Sports", "Business", "Sci/Tech"];
            bencher.iter(|| ClassificationReport::from_slices(&labels, &predictions, names));
        });
    }
    group.finish();
}

fn correlation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pearson");
    let count = 100_000;
    let labels: Vec<f64> = (0..count).map(|row| f64::from(row * 31 % 997)).collect();
    let scores: Vec<f64> = (0..count).map(|row| f64::from(row * 17 % 991)).collect();
    let Ok(scored) = PredictedScores::from_slices(&labels, &scores) else {
        panic!("as many scores as labels")
    };
    group.throughput(Throughput::Elements(labels.len() as u64));
    group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
        bencher.iter(|| scored.pearson());
    });
    group.finish();
}

fn bootstrap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bootstrap_interval");
    group.sample_size(10);
    let count = 2_000;
    let (labels, predictions) = rows(count);
    let right: Vec<bool> = (labels.iter().zip(&predictions))
        .map(|(label, prediction)| label == prediction)
        .collect();
    let bootstrap = Bootstrap::default();
    group.throughput(Throughput::Elements(bootstrap.n_resamples as u64));
    let id = BenchmarkId::from_parameter(format!("{count}_rows_{}", bootstrap.n_resamples));
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            bootstrap.interval(count, |rows| {
                let hits = rows.iter().filter(|row| right[**row]).count();
                hits as f64 / rows.len() as f64
            })
        });
    });
    group.finish();
}

criterion_group!(benches, classification, correlation, bootstrap);
criterion_main!(benches);
