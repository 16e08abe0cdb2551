//! Runs that must be refused before anything is written.

use std::path::Path;

use burn::module::Module;
use finetune_data::{BatchSize, EncodingConfig, Schema};
use finetune_predict::PredictError;
use finetune_train::{
    Callback, CheckpointPolicy, EarlyStopping, EvaluationConfig, Event, FineTuning,
    FineTuningConfig, FreezeScope, LrScheduler, OptimizerConfig, TextConfig, TrainConfig,
    TrainError, Trainer, Warmup,
};

use crate::regression::checkpoint;
use crate::small_run::SmallRun;

fn prepare(damage: impl FnOnce(&Path), config: FineTuningConfig) -> TrainError {
    let folder = tempfile::tempdir().unwrap();
    let splits = checkpoint(folder.path());
    damage(folder.path());
    FineTuning::new(folder.path(), splits)
        .config(config)
        .prepare()
        .unwrap_err()
}

#[test]
fn settings_out_of_range() {
    let error = prepare(
        |_| (),
        SmallRun::fine_tuning(TrainConfig {
            batch_size: BatchSize::Rows(0),
            ..SmallRun::config()
        }),
    );
    assert_eq!(error.to_string(), "batch_size is 0, expected at least 1");
    let error = prepare(
        |_| (),
        SmallRun::fine_tuning(TrainConfig {
            freeze: FreezeScope::AllButLast(4).into(),
            ..SmallRun::config()
        }),
    );
    assert!(
        error.to_string().contains("at most the model's 3 layers"),
        "{error}"
    );
}

#[test]
fn longer_than_the_position_table() {
    let error = prepare(
        |_| (),
        FineTuningConfig {
            text: TextConfig {
                encoding: EncodingConfig::new(17),
                ..Default::default()
            },
            ..SmallRun::fine_tuning(SmallRun::config())
        },
    );
    assert!(
        matches!(
            error,
            TrainError::Predict(PredictError::LongerThanPositions {
                length: 17,
                positions: 16,
                ..
            })
        ),
        "{error:?}"
    );
}

#[test]
fn a_tokenizer_of_another_model() {
    let error = prepare(
        |folder| {
            let text: String = (0..500).map(|word| format!("word{word} ")).collect();
            let other = finetune_data::TextTokenizer::train_wordpiece([text], 400).unwrap();
            other.save(folder).unwrap();
        },
        SmallRun::fine_tuning(SmallRun::config()),
    );
    assert!(
        matches!(
            error,
            TrainError::Predict(PredictError::VocabularyTooLarge { .. })
        ),
        "{error:?}"
    );
}

#[test]
fn no_tokenizer_at_all() {
    let error = prepare(
        |folder| {
            for file in ["tokenizer.json", "vocab.txt"] {
                std::fs::remove_file(folder.join(file)).unwrap();
            }
        },
        SmallRun::fine_tuning(SmallRun::config()),
    );
    assert!(matches!(error, TrainError::Data(_)), "{error:?}");
}

/// A learning rate far too high makes the loss infinite; the run says so and stops.
#[test]
fn a_run_that_diverges() {
    let optimizer = OptimizerConfig {
        learning_rate: 1e38,
        ..Default::default()
    };
    let error = SmallRun::new().train(&TrainConfig {
        optimizer,
        ..SmallRun::config()
    });
    assert!(matches!(error, Err(TrainError::Diverged { .. })));
}

/// Returns the error of a run whose device fails in the second step with the message of a driver.
fn error_of_a_device_that_says(message: &'static str) -> String {
    struct Failing(usize, &'static str);
    impl Callback for Failing {
        fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
            if matches!(event, Event::BatchSubmitted { .. }) {
                self.0 += 1;
                assert!(self.0 < 2, "{}", self.1);
            }
            Ok(())
        }
    }
    let small = SmallRun::new();
    let (task, config) = (small.task(), SmallRun::config());
    let mut failing = Failing(0, message);
    let error = Trainer::new(&task, &config).train(small.model(1), &mut failing);
    error.unwrap_err().to_string()
}

#[test]
fn a_device_that_fails() {
    for (message, expected) in [
        (
            "CUDA out of memory. Tried to allocate 2.00 GiB.",
            "is out of memory after step 1: CUDA out of memory. Tried to allocate 2.00 GiB.;",
        ),
        (
            "wgpu error: Validation Error\n  Parent device is lost\n",
            "does not answer any more after step 1: Parent device is lost;",
        ),
    ] {
        let error = error_of_a_device_that_says(message);
        assert!(error.contains(expected), "{error}");
        let end = "there is no checkpoint to go on from";
        assert!(error.ends_with(end), "{error}");
    }
}

#[test]
fn nothing_to_train_or_to_test() {
    let folder = tempfile::tempdir().unwrap();
    let mut splits = checkpoint(folder.path());
    splits.test.as_mut().unwrap().examples.clear();
    let config = || SmallRun::fine_tuning(SmallRun::config());
    let error = FineTuning::new(folder.path(), splits)
        .config(config())
        .prepare()
        .unwrap_err();
    assert_eq!(error.to_string(), "test rows is 0, expected at least 1");

    let mut splits = checkpoint(folder.path());
    let reversed = Schema::classification(["food", "weather"]);
    splits.test.as_mut().unwrap().schema = reversed;
    let error = FineTuning::new(folder.path(), splits)
        .config(config())
        .prepare()
        .unwrap_err();
    assert!(
        error.to_string().starts_with("classes is [\"food\""),
        "{error}"
    );
}

#[test]
fn a_model_that_cannot_train_on_the_data() {
    let mut small = SmallRun::new();
    small.data.schema = Schema::classification(["weather", "food", "third"]);
    let config = SmallRun::config();
    let error = |small: &SmallRun, model| {
        let task = small.task();
        let trained = Trainer::new(&task, &config).train(model, &mut ());
        trained.unwrap_err().to_string()
    };
    assert_eq!(
        error(&small, SmallRun::new().model(1)),
        "classes of the model is 2, expected those of the data, 3"
    );
    let small = SmallRun::new();
    assert_eq!(
        error(&small, small.model(1).valid()),
        "device of the model is plain, expected one with autodiff"
    );
}

/// Settings that contradict each other or the data are named, with both values, before a file is
/// written.
#[test]
fn contradictory_settings() {
    let stopping = EvaluationConfig {
        early_stopping: Some(EarlyStopping {
            patience: 3,
            ..Default::default()
        }),
        ..Default::default()
    };
    let warmup = LrScheduler {
        warmup: Warmup::Steps(50),
        ..Default::default()
    };
    let snapshots = CheckpointPolicy {
        snapshot_steps: vec![5, 22],
        ..Default::default()
    };
    let base = SmallRun::config;
    for (config, message) in [
        (
            TrainConfig {
                gradient_accumulation_steps: 0,
                ..base()
            },
            "gradient_accumulation_steps is 0",
        ),
        (
            TrainConfig {
                evaluation: Some(stopping),
                ..base()
            },
            "patience is 3 evaluations, expected none without validation rows",
        ),
        (
            TrainConfig {
                lr_scheduler: warmup,
                ..base()
            },
            "50",
        ),
        (
            TrainConfig {
                checkpoints: snapshots,
                ..base()
            },
            "snapshot_steps is 22, expected at most the run's 21 steps",
        ),
    ] {
        let error = prepare(|_| (), SmallRun::fine_tuning(config)).to_string();
        assert!(error.contains(message), "{error}");
    }
}
