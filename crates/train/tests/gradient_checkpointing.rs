//! A run with gradient checkpointing is the run without it, bit for bit.

use finetune_data::BatchSize;
use finetune_train::{FreezeConfig, FreezeScope, TrainConfig, TrainDuration};

use crate::small_run::SmallRun;

fn assert_same_run(config: &TrainConfig) {
    let small = SmallRun::new();
    let recomputed = TrainConfig {
        gradient_checkpointing: true,
        ..config.clone()
    };
    let kept = small.train(config).unwrap();
    let recomputed = small.train(&recomputed).unwrap();
    assert!(kept.curve.len() > 10);
    assert_eq!(kept.curve, recomputed.curve);
    assert_eq!(kept.logits, recomputed.logits);
}

/// The dropout of the default encoder is on.
#[test]
fn losses_norms_and_predictions_are_the_same() {
    assert_same_run(&SmallRun::config());
}

#[test]
fn accumulated_on_frozen_layers() {
    assert_same_run(&TrainConfig {
        duration: TrainDuration::Steps(12),
        batch_size: BatchSize::Rows(4),
        gradient_accumulation_steps: 2,
        freeze: FreezeConfig {
            scope: FreezeScope::AllButLast(2),
            ..Default::default()
        },
        ..SmallRun::config()
    });
}
