//! Rows per second of tokenizing, on all cores: the bundled sample with the bundled vocabulary.
//!
//! `cargo bench -p finetune-benches --bench tokenize`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use finetune::data::EncodingConfig;
use finetune_benches::sample;

fn tokenize(criterion: &mut Criterion) {
    let (dataset, tokenizer) = sample();
    let examples = dataset.examples.iter();
    let texts: Vec<&str> = examples.map(|example| example.text.as_str()).collect();

    let config = EncodingConfig::new(128);
    let mut group = criterion.benchmark_group("tokenize");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function(format!("ag_news_{}_rows", texts.len()), |bencher| {
        bencher.iter(|| tokenizer.encode(&texts, &config));
    });
    group.finish();
}

criterion_group!(benches, tokenize);
criterion_main!(benches);
