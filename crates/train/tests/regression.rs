//! What a run must do every time.

use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use finetune_data::{Dataset, SamplingStrategy, Splits};
use finetune_model::{CheckpointConfig, SequenceClassifier, parameters, save_classifier};
use finetune_train::{FineTuning, FreezeScope, StepRecord, TrainConfig, TrainDuration};
use serde_json::Value;

use crate::small_run::{SmallRun, Trained, dataset};

/// On a pool of so many threads, as a machine with so many cores would.
fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
        .install(run)
}

#[test]
fn a_seed_gives_the_same_bits_on_any_number_of_threads() {
    let small = SmallRun::new();
    let run = || {
        let trained = small.train(&SmallRun::config()).unwrap();
        (trained.curve, trained.logits)
    };
    let expected = with_threads(1, run);
    assert_eq!(expected.0.len(), 21);
    for threads in [1, 2, 3, 8] {
        assert_eq!(with_threads(threads, run), expected, "{threads} threads");
    }
    let other = TrainConfig {
        seed: 43,
        ..SmallRun::config()
    };
    assert_ne!(small.train(&other).unwrap().curve, expected.0);
}

#[test]
fn the_loss_falls() {
    let config = TrainConfig {
        duration: TrainDuration::Epochs(8),
        ..SmallRun::config()
    };
    let Trained { curve, logits, .. } = SmallRun::new().train(&config).unwrap();
    let mean = |steps: &[StepRecord]| steps.iter().map(|step| step.loss).sum::<f32>() / 7.0;
    let (first, last) = (mean(&curve[..7]), mean(&curve[curve.len() - 7..]));
    assert!(last < 0.2 * first, "{first} {last}");
    let right = logits
        .iter()
        .enumerate()
        .filter(|(row, l)| (l[1] > l[0]) == (row % 2 == 1));
    assert_eq!(right.count(), 40);
}

/// Warm-up from 0, and the rate of every step is the schedule's.
#[test]
fn the_first_step_moves_nothing() {
    let small = SmallRun::new();
    let config = TrainConfig {
        duration: TrainDuration::Steps(1),
        ..SmallRun::config()
    };
    let Trained { curve, model, .. } = small.train(&config).unwrap();
    assert_eq!((curve.len(), curve[0].learning_rate), (1, 0.0));
    assert_eq!(values(&model), values(&small.model(1)));
}

#[test]
fn a_number_of_steps_ends_in_the_middle_of_an_epoch() {
    let config = TrainConfig {
        duration: TrainDuration::Steps(10),
        ..SmallRun::config()
    };
    let curve = SmallRun::new().train(&config).unwrap().curve;
    let epochs: Vec<u64> = curve.iter().map(|step| step.epoch).collect();
    assert_eq!(epochs, [1, 1, 1, 1, 1, 1, 1, 2, 2, 2]);
}

/// Every order trains the same rows to the same end.
#[test]
fn every_order_trains() {
    let small = SmallRun::new();
    for order in [
        SamplingStrategy::Sequential,
        SamplingStrategy::Random,
        SamplingStrategy::GroupByLength,
    ] {
        let config = TrainConfig {
            duration: TrainDuration::Epochs(6),
            sampling_strategy: order,
            ..SmallRun::config()
        };
        let curve = small.train(&config).unwrap().curve;
        assert!(curve[41].loss < 0.5 * curve[0].loss, "{order:?}");
    }
}

/// Frozen parameters keep every bit; all others move.
#[test]
fn what_is_frozen_stays() {
    let small = SmallRun::new();
    let before = values(&small.model(1));
    let names: Vec<String> = parameters(&small.model(1))
        .into_iter()
        .map(|parameter| parameter.path)
        .collect();
    for (freeze, frozen) in [
        (FreezeScope::None, vec![]),
        (FreezeScope::Embeddings, vec!["encoder.embeddings."]),
        (
            FreezeScope::AllButLast(1),
            vec![
                "encoder.embeddings.",
                "encoder.layers.0.",
                "encoder.layers.1.",
            ],
        ),
        (FreezeScope::Encoder, vec!["encoder."]),
    ] {
        let config = TrainConfig {
            freeze: freeze.into(),
            ..SmallRun::config()
        };
        let model = small.train(&config).unwrap().model;
        for ((name, before), after) in names.iter().zip(&before).zip(values(&model)) {
            let is_frozen = frozen.iter().any(|part| name.starts_with(part));
            // Its gradient is zero but for rounding: softmax does not see a shift of all scores.
            if !name.ends_with("attention.key.bias") || is_frozen {
                assert_eq!(*before == after, is_frozen, "{freeze}: {name}");
            }
        }
    }
}

pub(crate) fn values(model: &SequenceClassifier) -> Vec<Vec<f32>> {
    struct Values(Vec<Vec<f32>>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().into_data().try_to_vec().unwrap());
        }
    }
    let mut values = Values(Vec::new());
    model.visit(&mut values);
    values.0
}

/// A checkpoint folder with a small model and its tokenizer.
pub(crate) fn checkpoint(folder: &Path) -> Splits {
    checkpoint_of(folder, 1)
}

/// The same with the parameters of a seed.
pub(crate) fn checkpoint_of(folder: &Path, seed: u64) -> Splits {
    let small = SmallRun::new();
    let config = CheckpointConfig::new(small.encoder.clone());
    save_classifier(folder, &small.model(seed).valid(), &config).unwrap();
    small.tokenizer.save(folder).unwrap();
    let test = Dataset {
        name: "small/test".to_string(),
        ..dataset(10)
    };
    Splits::train_test(dataset(40), test)
}

#[test]
fn a_run_leaves_a_whole_record() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let splits = checkpoint(&model);
    let run = folder.path().join("run");
    let config = TrainConfig {
        duration: TrainDuration::Epochs(6),
        ..SmallRun::config()
    };
    let prepared = FineTuning::new(&model, splits)
        .config(SmallRun::fine_tuning(config))
        .prepare()
        .unwrap();
    assert!(prepared.load_report().newly_initialized.is_empty());
    let output = prepared.run(&run, &mut ()).unwrap();
    assert_eq!(output.test_score("accuracy"), Some(1.0));

    let json = |file: &str| -> Value {
        serde_json::from_slice(&std::fs::read(run.join(file)).unwrap()).unwrap()
    };
    let lines = |file: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(run.join(file)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let report = json("report.json");
    for pointer in [
        "/test/accuracy",
        "/test/macro_f1",
        "/test/per_class/0/precision",
        "/test/confusion_matrix/counts/0/0",
        "/test/seconds",
        "/test/samples_per_second",
        "/train/seconds",
        "/train/samples_per_second",
        "/train/steps",
        "/train/padding_fraction",
        "/seed",
        "/device",
        "/data/train/fingerprint",
    ] {
        assert!(
            report
                .pointer(pointer)
                .is_some_and(|value| !value.is_null()),
            "{pointer}"
        );
    }
    assert_eq!(
        json("config.json")["config"]["train"]["batch_size"]["rows"],
        6
    );
    let metrics = lines("metrics.jsonl");
    assert_eq!(metrics.len(), 42 + 6);
    assert_eq!(metrics[0]["step"], 1);
    let predictions = lines("predictions.jsonl");
    assert_eq!(predictions.len(), 10);
    assert_eq!(predictions[1]["label"], "food");

    // The saved model is a checkpoint like any other, and no second run goes into the folder.
    let splits = Splits::train_test(dataset(40), dataset(10));
    let config = TrainConfig {
        duration: TrainDuration::Steps(1),
        ..SmallRun::config()
    };
    let again = FineTuning::new(run.join("model"), splits)
        .config(SmallRun::fine_tuning(config))
        .prepare()
        .unwrap();
    let refused = again.run(&run, &mut ()).unwrap_err().to_string();
    assert!(refused.contains("not empty"), "{refused}");
}
