//! Rows per second of tokenising, on all cores: the bundled sample with the bundled vocabulary.
//!
//! `cargo bench -p finetune-benches --bench tokenize`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use finetune::data::{EncodingConfig, TextTokenizer, catalog};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn tokenize(criterion: &mut Criterion) {
    let root = Path::new(ROOT);
    let sample = root.join("datasets/ag_news/sample");
    let opened = catalog::named("ag_news").and_then(|news| news.open(&sample));
    let tokenizer = TextTokenizer::from_dir(&root.join("examples/mini_encoder"));
    let (Ok(opened), Ok(tokenizer)) = (opened, tokenizer) else {
        panic!("bundled files")
    };
    let texts: Vec<&str> = opened
        .splits
        .train
        .examples
        .iter()
        .map(|example| example.text.as_str())
        .collect();

    let config = EncodingConfig::new(128);
    let mut group = criterion.benchmark_group("tokenize");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("ag_news_sample", |bencher| {
        bencher.iter(|| tokenizer.encode(&texts, &config));
    });
    group.finish();
}

criterion_group!(benches, tokenize);
criterion_main!(benches);
