//! Batches per second of collation, the work between two training steps: rows of a data set as one
//! padded rectangle. A training step takes thousands of times as long.
//!
//! `cargo bench -p finetune-benches --bench collate`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use finetune::data::{EncodedDataset, EncodingConfig, Padding, collate as collate_rows};
use finetune_benches::sample;

fn collate(criterion: &mut Criterion) {
    let (dataset, tokenizer) = sample();
    let encoded = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(128));
    let Ok(encoded) = encoded else {
        panic!("bundled files")
    };
    let mut group = criterion.benchmark_group("collate");
    for (rows, padding) in [
        (32, Padding::Longest),
        (256, Padding::Longest),
        (32, Padding::Fixed(128)),
    ] {
        // Rows at even distances, of all lengths.
        let chosen: Vec<usize> = (0..rows).map(|row| row * 13 % encoded.len()).collect();
        group.throughput(Throughput::Elements(rows as u64));
        let id = BenchmarkId::new(format!("{padding:?}"), rows);
        group.bench_function(id, |bencher| {
            bencher.iter(|| collate_rows(&encoded, &chosen, padding, tokenizer.pad_token_id()));
        });
    }
    group.finish();
}

criterion_group!(benches, collate);
criterion_main!(benches);
