//! Rows per second of tokenising, on all cores: the bundled sample with the bundled vocabulary.
//!
//! `cargo bench -p finetune-benches --bench tokenize`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use finetune::data::{TextTokenizer, ag_news};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn tokenize(criterion: &mut Criterion) {
    let root = Path::new(ROOT);
    let splits = ag_news::open(&root.join("datasets/ag_news/sample"));
    let tokenizer = TextTokenizer::from_dir(&root.join("examples/mini_encoder"));
    let (Ok(splits), Ok(tokenizer)) = (splits, tokenizer) else {
        panic!("bundled files")
    };
    let texts: Vec<&str> = splits
        .train
        .examples
        .iter()
        .map(|example| example.text.as_str())
        .collect();

    let mut group = criterion.benchmark_group("tokenize");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("ag_news_sample", |bencher| {
        bencher.iter(|| tokenizer.encode(&texts, 128));
    });
    group.finish();
}

criterion_group!(benches, tokenize);
criterion_main!(benches);
