//! Rows per second of an epoch above a frozen encoder, whose activations are computed in every batch,
//! or kept: the bundled encoder and AG News sample. `frozen` measures the same with real checkpoints.
//!
//! `cargo bench -p finetune-benches --bench cached_epoch`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use finetune::data::{BatchSize, EncodedDataset, EncodingConfig};
use finetune::model::load_classifier;
use finetune::train::{
    ActivationCacheConfig, CachedActivations, FreezeScope, LossConfig, SequenceClassificationTask,
    TrainConfig, TrainDuration, Trainer, deterministic_stages,
};
use finetune_benches::{MINI_ENCODER, device, sample};

fn epochs(criterion: &mut Criterion) {
    let (dataset, tokenizer) = sample();
    let data = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(128));
    let names = dataset.class_names();
    let model = load_classifier(Path::new(MINI_ENCODER), names, 1, &device().autodiff());
    let (Ok(data), Ok((model, ..))) = (data, model) else {
        panic!("bundled files")
    };
    let config = TrainConfig {
        duration: TrainDuration::Epochs(1),
        freeze: FreezeScope::Encoder.into(),
        ..Default::default()
    };
    let stages = deterministic_stages(&model, &config);
    let kept = match ActivationCacheConfig::default().plan(&model, &data, stages) {
        Ok(Some(plan)) => plan.compute(&model, &data, BatchSize::Rows(64), &mut ()),
        _ => panic!("the encoder is frozen"),
    };
    let loss = data.labels.all().map_err(Into::into);
    let loss = loss.and_then(|labels| LossConfig::default().init(&labels, model.num_labels()));
    let (Ok(kept), Ok(loss)) = (kept, loss) else {
        panic!("activations and labels of the sample")
    };

    let mut group = criterion.benchmark_group("frozen_epoch");
    group.sample_size(10);
    group.throughput(Throughput::Elements(data.len() as u64));
    let cases: [(&str, Option<&CachedActivations>); 2] =
        [("computed", None), ("kept", Some(&kept))];
    for (name, activations) in cases {
        let task = SequenceClassificationTask::new(data.clone(), loss.clone())
            .activations(activations.cloned(), None);
        group.bench_function(format!("{name}_{}_rows", data.len()), |bencher| {
            bencher.iter(|| Trainer::new(&task, &config).train(model.clone(), &mut ()));
        });
    }
    group.finish();
}

criterion_group!(benches, epochs);
criterion_main!(benches);
