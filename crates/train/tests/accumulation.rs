//! A step of several batches is the step of one large batch.

use finetune_data::BatchSize;
use finetune_model::EncoderConfig;
use finetune_train::{TrainConfig, TrainDuration};

use crate::small_run::SmallRun;

/// Without dropout, whose masks are of the shape of a batch.
fn small() -> SmallRun {
    let small = SmallRun::new();
    SmallRun {
        encoder: EncoderConfig {
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            ..small.encoder
        },
        ..small
    }
}

fn config(batch_size: BatchSize, accumulation: usize) -> TrainConfig {
    TrainConfig {
        batch_size,
        gradient_accumulation_steps: accumulation,
        duration: TrainDuration::Epochs(2),
        ..SmallRun::config()
    }
}

/// 40 rows of 1 to 7 words: the last step of an epoch has 8 rows in one batch and no others.
#[test]
fn four_batches_of_eight_are_one_of_thirty_two() {
    let small = small();
    let large = small.train(&config(BatchSize::Rows(32), 1)).unwrap();
    let parts = small.train(&config(BatchSize::Rows(8), 4)).unwrap();
    assert_eq!(large.curve.len(), 4);
    for (large, part) in large.curve.iter().zip(&parts.curve) {
        assert!((large.loss - part.loss).abs() <= 1e-6, "{large:?} {part:?}");
        let norms = (large.grad_norm - part.grad_norm).abs();
        assert!(norms <= 1e-5 * large.grad_norm, "{large:?} {part:?}");
    }
}

/// 40 rows in steps of 12: the last has 4, which are a batch of 4 instead of three.
#[test]
fn the_last_step_may_be_short() {
    let small = small();
    let large = small.train(&config(BatchSize::Rows(12), 1)).unwrap();
    let parts = small.train(&config(BatchSize::Rows(4), 3)).unwrap();
    assert_eq!((large.curve.len(), parts.curve.len()), (8, 8));
    for (large, part) in large.curve.iter().zip(&parts.curve) {
        assert!((large.loss - part.loss).abs() <= 1e-6, "{large:?} {part:?}");
    }
}

#[test]
fn batches_by_tokens_accumulate_too() {
    let small = small();
    let large = small.train(&config(BatchSize::Tokens(120), 1)).unwrap();
    let parts = small.train(&config(BatchSize::Tokens(40), 3)).unwrap();
    assert_eq!(large.curve.len(), parts.curve.len());
    for (large, part) in large.curve.iter().zip(&parts.curve) {
        assert!((large.loss - part.loss).abs() <= 1e-6, "{large:?} {part:?}");
    }
}
