//! Our model and data under burn's `SupervisedTraining`.

use std::path::Path;

use burn::data::dataloader::DataLoaderBuilder;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use burn::module::Module;
use burn::optim::AdamWConfig;
use burn::tensor::Device;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{InferenceStep, Learner, SupervisedTraining};
use finetune_model::ProblemType;
use finetune_train::{BurnBatch, BurnBatcher, BurnClassifier, BurnDataset};

use crate::small_run::SmallRun;

const EPOCHS: usize = 4;

/// All rows of the small run as one batch.
fn all_rows(small: &SmallRun, batcher: BurnBatcher) -> BurnBatch {
    let data = BurnDataset(small.data.clone());
    let items = (0..data.len()).map(|row| data.get(row).unwrap());
    batcher.batch(items.collect(), &Device::flex())
}

fn loss(model: &BurnClassifier, batch: &BurnBatch) -> f32 {
    let output = InferenceStep::step(model, batch.clone());
    output.loss.into_scalar::<f32>()
}

/// What burn's loop has written of a metric at the end of each epoch.
fn logged(folder: &Path, split: &str, metric: &str) -> Vec<f64> {
    let of_epoch = |epoch: usize| {
        let path = folder.join(format!("{split}/epoch-{epoch}/{metric}.log"));
        let text = std::fs::read_to_string(path).unwrap();
        let value = text.lines().find_map(|line| line.strip_suffix(",final"));
        value.unwrap().parse().unwrap()
    };
    (1..=EPOCHS).map(of_epoch).collect()
}

#[test]
fn burns_own_loop_trains_our_model() {
    let small = SmallRun::new();
    let batcher = BurnBatcher {
        pad_token_id: small.tokenizer.pad_token_id(),
    };
    let loader = || {
        DataLoaderBuilder::new(batcher)
            .batch_size(6)
            .shuffle(3)
            .set_device(Device::flex())
            .build(BurnDataset(small.data.clone()))
    };
    let model = BurnClassifier::new(small.model(1), 42).unwrap();
    let batch = all_rows(&small, batcher);
    let before = loss(&model.valid(), &batch);
    let optimizer = AdamWConfig::new().with_epsilon(1e-8).init();

    let folder = tempfile::tempdir().unwrap();
    let result = SupervisedTraining::new(folder.path(), loader(), loader())
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .num_epochs(EPOCHS)
        // It would catch the logs of the whole test program.
        .with_application_logger(None)
        .launch(Learner::new(model, optimizer, 3e-3));
    assert!(result.error.is_none() && result.interrupted.is_none());

    let after = loss(&result.model, &batch);
    assert!(after < 0.3 * before, "{before} {after}");
    let losses = logged(folder.path(), "train", "Loss");
    assert!(losses.is_sorted_by(|a, b| a > b), "{losses:?}");
    let accuracies = logged(folder.path(), "valid", "Accuracy");
    assert_eq!(accuracies[EPOCHS - 1], 100.0, "{accuracies:?}");
}

#[test]
fn a_step_has_dropout_of_its_own() {
    use burn::train::TrainStep;
    let small = SmallRun::new();
    let batcher = BurnBatcher {
        pad_token_id: small.tokenizer.pad_token_id(),
    };
    let batch = all_rows(&small, batcher);
    let losses = |seed| {
        let model = BurnClassifier::new(small.model(1), seed).unwrap();
        [0, 1].map(|_| {
            let output = TrainStep::step(&model.clone(), batch.clone());
            output.item.loss.into_scalar::<f32>()
        })
    };
    let first = losses(1);
    assert_ne!(first[0], first[1]);
    assert_eq!(first, losses(1));
    assert_ne!(first, losses(2));
}

#[test]
fn models_that_choose_no_class_are_refused() {
    let small = SmallRun::new();
    let mut config = small.model(1).config().clone();
    config.problem_type = ProblemType::Regression;
    let model = config.init(&Device::flex().autodiff()).unwrap();
    let error = BurnClassifier::new(model, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "problem_type is Regression, expected SingleLabelClassification"
    );
}
