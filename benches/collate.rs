//! Batches per second of collation, the work between two training steps: the tokens of rows packed
//! end to end. A training step takes thousands of times as long.
//!
//! `cargo bench -p finetune-benches --bench collate`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use finetune::data::{EncodedDataset, EncodingConfig, collate as collate_rows};
use finetune_benches::sample;

fn collate(criterion: &mut Criterion) {
    let (dataset, tokenizer) = sample();
    let encoded = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(128));
    let Ok(encoded) = encoded else {
        panic!("bundled files")
    };
    let mut group = criterion.benchmark_group("collate");
    for rows in [32, 256] {
        // Rows at even distances, of all lengths.
        let chosen: Vec<usize> = (0..rows).map(|row| row * 13 % encoded.len()).collect();
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(BenchmarkId::from_parameter(rows), |bencher| {
            bencher.iter(|| collate_rows(&encoded, &chosen));
        });
    }
    group.finish();
}

criterion_group!(benches, collate);
criterion_main!(benches);
