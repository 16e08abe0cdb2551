//! Checkpoints and records of runs.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::{EncodedDataset, EncodingConfig};
use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
use finetune_train::{
    CheckpointDirectory, CheckpointPolicy, Interval, LossConfig, SequenceClassificationTask,
    TrainConfig, TrainDuration, Trainer, metrics_lines,
};

use super::tables::write_all;
use super::{CLASSES, dataset, tokenizer};
use crate::reader::{Outcome, Reader, Shape};

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
fn train(directory: &Path) -> Outcome {
    let (dataset, tokenizer) = (dataset(), tokenizer()?);
    let data = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(16))?;
    let encoder = EncoderConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 8,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 16,
        max_position_embeddings: 16,
        ..Default::default()
    };
    let classifier = SequenceClassifierConfig::new(encoder, CLASSES.map(String::from).into());
    let model = init_weights(classifier.init(&Device::flex().autodiff())?, 0.05, 1);
    let loss = LossConfig::default().init(&data.labels.all()?, model.num_labels())?;
    let task = SequenceClassificationTask::new(Arc::new(data), loss, tokenizer.pad_token_id());
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
