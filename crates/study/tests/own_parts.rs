//! Losses and metrics of a program's own in a study.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use finetune_data::Splits;
use finetune_eval::{Better, EvalError, Metric, Predictions, Targets};
use finetune_study::{
    FineTuningExperiment, Study, StudyConfig, StudyDirectory, StudyRunner, TrialState,
};
use finetune_train::{Loss, Parts, TrainDuration, TrainError, target_log_probabilities};

use crate::small_run::{checkpoint, dataset, fine_tuning_config, train_config};

#[derive(Debug)]
struct Focal(f64);

impl Loss for Focal {
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        let log_p = target_log_probabilities(logits, targets)?;
        let rest = log_p.clone().exp().neg().add_scalar(1.0);
        Ok(-rest.powf_scalar(self.0) * log_p)
    }
}

#[derive(Debug)]
struct ErrorCount;

impl Metric for ErrorCount {
    fn better(&self) -> Better {
        Better::Lower
    }

    fn compute(&self, predictions: &Predictions, targets: &Targets) -> Result<f64, EvalError> {
        let rows = targets.classes()?.iter().zip(predictions.classes());
        Ok(rows.filter(|(label, class)| *label != class).count() as f64)
    }
}

const SWEEP: &str = r#"
    name = "sweep"
    metric = "error_count"
    better = "lower"
    base.loss = { kind = "custom", name = "focal" }

    [[parameters]]
    path = "loss.settings"
    values = [0.0, 4.0]
"#;

#[test]
fn a_study_varies_a_loss_and_is_judged_by_a_metric_that_it_did_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start);
    let mut parts = Parts::default().with_loss("focal", |gamma: f64| Arc::new(Focal(gamma)));
    parts.metrics.push(Arc::new(ErrorCount));
    let config = fine_tuning_config(finetune_train::TrainConfig {
        duration: TrainDuration::Steps(3),
        ..train_config()
    });
    let splits = Splits::train_test(dataset(24), dataset(10));
    let experiment = FineTuningExperiment::new(&start, splits, &Device::flex(), "flex").unwrap();
    let experiment = experiment.defaults(config).parts(parts);

    let study = Study::new(StudyConfig::from_toml(SWEEP).unwrap(), &experiment).unwrap();
    let directory = StudyDirectory::open(&folder.path().join("study"), &study).unwrap();
    let runner = StudyRunner::new(&study, &experiment, &directory);
    let results = runner.run(&()).unwrap();
    let losses: Vec<f64> = results
        .due()
        .map(|(_, state)| match state {
            TrialState::Complete(result) => {
                assert!(result.scores.test.contains_key("error_count"));
                result.scores.test["loss"]
            }
            other => panic!("{other:?}"),
        })
        .collect();
    // The larger the exponent, the less the rows that are right already count.
    assert!(losses.len() == 2 && losses[1] < losses[0], "{losses:?}");
    let page = results.report().unwrap().to_markdown();
    assert!(page.contains("error count"), "{page}");

    let wrong = SWEEP.replace("\"focal\"", "\"fokal\"");
    let study = Study::new(StudyConfig::from_toml(&wrong).unwrap(), &experiment);
    let error = study.unwrap_err().to_string();
    assert!(error.contains("expected one of focal"), "{error}");
}
