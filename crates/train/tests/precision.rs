//! Training with products of rounded factors.

use finetune_model::init_weights;
use finetune_train::{OptimizerConfig, Precision, StepRecord, TrainConfig, TrainDuration, Trainer};

use crate::regression::values;
use crate::small_run::SmallRun;

fn config(precision: Precision) -> TrainConfig {
    TrainConfig {
        duration: TrainDuration::Epochs(6),
        precision,
        ..SmallRun::config()
    }
}

/// As far from 32-bit floats as the significant bits let expect, and no nearer.
#[test]
fn every_precision_trains() {
    let small = SmallRun::new();
    let exact = small.train(&config(Precision::F32)).unwrap();
    for (precision, tolerance) in [(Precision::Bf16, 0.02), (Precision::F16, 0.002)] {
        let rounded = small.train(&config(precision)).unwrap();
        assert_eq!(rounded.model.encoder.precision(), precision);
        let (first, last) = (rounded.curve[0].loss, rounded.curve[41].loss);
        assert!(last < 0.5 * first, "{precision}: {first} to {last}");
        for (rounded, exact) in rounded.curve.iter().zip(&exact.curve).take(10) {
            let error = (rounded.loss / exact.loss - 1.0).abs();
            assert!(
                error < tolerance,
                "{precision}, step {}: {error}",
                exact.step
            );
        }
        assert_ne!(rounded.curve[1].loss, exact.curve[1].loss, "{precision}");
    }
}

/// A step too small for a rounded weight still moves it.
#[test]
fn parameters_are_not_rounded() {
    let small = SmallRun::new();
    let config = TrainConfig {
        duration: TrainDuration::Steps(2),
        optimizer: OptimizerConfig {
            learning_rate: 1e-6,
            weight_decay: 0.0,
            ..Default::default()
        },
        ..config(Precision::Bf16)
    };
    let before = values(&small.model(1));
    let after = values(&small.train(&config).unwrap().model);
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| before != after)
    );
}

/// Gradients too large for half precision halve the scale of the loss instead of ending the run.
#[test]
fn steps_that_overflow_are_passed_over() {
    let small = SmallRun::new();
    let (task, config) = (small.task(), config(Precision::F16));
    let mut curve: Vec<StepRecord> = Vec::new();
    // Weights a hundred times as large, and with them the gradients.
    let model = init_weights(small.model(1), 5.0, 1);
    let trained = Trainer::new(&task, &config)
        .train(model, &mut curve)
        .unwrap();
    let summary = trained.summary;
    assert!((1..20).contains(&summary.overflowed_steps), "{summary:?}");
    assert_eq!(curve.len(), summary.steps - summary.overflowed_steps);
    assert!(curve.iter().all(|record| record.grad_norm.is_finite()));
}
