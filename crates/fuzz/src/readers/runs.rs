//! Checkpoints and records of runs.

use std::path::Path;
use std::sync::Arc;

use finetune_data::{EncodedDataset, EncodingConfig};
use finetune_train::{
    CheckpointDirectory, CheckpointPolicy, Interval, LossConfig, SequenceClassificationTask,
    TrainConfig, TrainDuration, Trainer, metrics_lines,
};

use super::checkpoints::classifier;
use super::dataset;
use super::tables::write_all;
use crate::reader::{Attempt, Reader, Shape};

pub(crate) const CHECKPOINTS: Reader = Reader {
    name: "run-checkpoints",
    cost: 20,
    // All files of a checkpoint.
    files: &["."],
    shape: Shape::Json,
    writes: true,
    seeds: |directory| train(&directory.join("0")),
    read: train,
};

pub(crate) const METRICS: Reader = Reader {
    name: "metrics-jsonl",
    cost: 1,
    files: &["metrics.jsonl"],
    shape: Shape::Bytes,
    writes: false,
    seeds: |directory| {
        let lines = "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"epoch\":1,\"epoch_loss\":0.25}\n";
        write_all(directory, "metrics.jsonl", [lines.as_bytes()])
    },
    read: |directory| {
        metrics_lines(&directory.join("metrics.jsonl"))?;
        Ok(())
    },
};

/// Trains with checkpoints in a directory, and goes on from those that are there.
fn train(directory: &Path) -> Attempt {
    let (model, _, tokenizer) = classifier()?;
    let data = EncodedDataset::new(&dataset(), &tokenizer, &EncodingConfig::new(16))?;
    let loss = LossConfig::default().init(&data.labels.all()?, model.num_labels())?;
    let task = SequenceClassificationTask::new(Arc::new(data), loss);
    let config = TrainConfig {
        duration: TrainDuration::Steps(2),
        checkpoints: CheckpointPolicy {
            every: Some(Interval::Steps(1)),
            ..Default::default()
        },
        ..Default::default()
    };
    let checkpoints = CheckpointDirectory::new(directory)?;
    Trainer::new(&task, &config)
        .checkpoints(&checkpoints)
        .train(model, &mut ())?;
    Ok(())
}
