//! Runs that must be refused before anything is written.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{BatchSize, EncodingConfig, Task};
use finetune_train::{FineTuning, Freeze, OptimizerConfig, TrainConfig, TrainError, train};

use crate::regression::checkpoint;
use crate::small_run::SmallRun;

fn prepare(damage: impl FnOnce(&Path), config: TrainConfig) -> TrainError {
    let folder = tempfile::tempdir().unwrap();
    let splits = checkpoint(folder.path());
    damage(folder.path());
    FineTuning::prepare(folder.path(), splits, config, &Device::flex(), "flex").unwrap_err()
}

#[test]
fn settings_out_of_range() {
    let error = prepare(
        |_| (),
        TrainConfig {
            batch_size: BatchSize::Rows(0),
            ..SmallRun::config()
        },
    );
    assert_eq!(error.to_string(), "batch_size is 0, expected at least 1");
    let error = prepare(
        |_| (),
        TrainConfig {
            freeze: Freeze::AllButLast(4),
            ..SmallRun::config()
        },
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
        TrainConfig {
            encoding: EncodingConfig::new(17),
            ..SmallRun::config()
        },
    );
    assert!(
        matches!(
            error,
            TrainError::LongerThanPositions {
                length: 17,
                positions: 16,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_tokenizer_of_another_model() {
    let error = prepare(
        |folder| {
            let text: String = (0..500).map(|word| format!("word{word} ")).collect();
            let other = finetune_data::TextTokenizer::train_word_piece([text], 400).unwrap();
            other.save(folder).unwrap();
        },
        SmallRun::config(),
    );
    assert!(
        matches!(error, TrainError::VocabularyTooLarge { .. }),
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
        SmallRun::config(),
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

#[test]
fn nothing_to_train_or_to_test() {
    let folder = tempfile::tempdir().unwrap();
    let mut splits = checkpoint(folder.path());
    splits.test.as_mut().unwrap().examples.clear();
    let device = Device::flex();
    let error = FineTuning::prepare(folder.path(), splits, SmallRun::config(), &device, "flex")
        .unwrap_err();
    assert_eq!(error.to_string(), "test rows is 0, expected at least 1");

    let mut splits = checkpoint(folder.path());
    let reversed = Task::classification(["food", "weather"]);
    splits.test.as_mut().unwrap().task = reversed;
    let error = FineTuning::prepare(folder.path(), splits, SmallRun::config(), &device, "flex")
        .unwrap_err();
    assert!(
        error.to_string().starts_with("classes of the test rows is"),
        "{error}"
    );
}

#[test]
fn a_model_that_cannot_train_on_the_data() {
    let mut small = SmallRun::new();
    small.data.task = Task::classification(["weather", "food", "third"]);
    let model = SmallRun::new().model(1);
    let pad = small.tokenizer.pad_token_id();
    let error = train(model, &small.data, pad, &SmallRun::config(), &mut ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "classes of the model is 2, expected those of the data, 3"
    );

    let small = SmallRun::new();
    let error = train(
        small.model(1).valid(),
        &small.data,
        pad,
        &SmallRun::config(),
        &mut (),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "device of the model is plain, expected one with autodiff"
    );
}
