//! The builder of a run: what it returns, and what it refuses before the first file is written.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Tensor;
use finetune_data::{Dataset, Splits};
use finetune_eval::{Better, EvalError, Metric, MetricInput, Predictions, Targets};
use finetune_predict::PredictorConfig;
use finetune_train::{
    Callback, Control, EvaluationConfig, FineTuning, Loss, LossConfig, Parts, StepContext,
    TrainConfig, TrainDuration, TrainError, target_log_probabilities,
};

use crate::regression::checkpoint;
use crate::small_run::{SmallRun, dataset};

/// A quarter of the cross-entropy.
#[derive(Debug)]
struct Quarter;

impl Loss for Quarter {
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        Ok(target_log_probabilities(logits, targets)?.mul_scalar(-0.25))
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

/// Needs what it says, under the name it is given.
#[derive(Debug)]
struct Needs(&'static str, MetricInput);

impl Metric for Needs {
    fn name(&self) -> String {
        self.0.to_string()
    }

    fn input(&self) -> MetricInput {
        self.1
    }

    fn compute(&self, _: &Predictions, _: &Targets) -> Result<f64, EvalError> {
        Err(EvalError::custom("out of order"))
    }
}

struct StopAfter(usize);

impl Callback for StopAfter {
    fn on_step_end(&mut self, step: &StepContext<'_>) -> Result<Control, TrainError> {
        Ok(match step.step as usize >= self.0 {
            true => Control::stop(),
            false => Control::CONTINUE,
        })
    }
}

fn run(folder: &Path) -> FineTuning<'static> {
    let start = folder.join("start");
    let splits = Splits {
        validation: Some(dataset(8)),
        ..checkpoint(&start)
    };
    let mut config = SmallRun::fine_tuning(TrainConfig {
        duration: TrainDuration::Epochs(2),
        evaluation: Some(EvaluationConfig {
            metric_for_best_model: "error_count".to_string(),
            ..Default::default()
        }),
        ..SmallRun::config()
    });
    config.metrics = vec!["roc_auc".to_string()];
    FineTuning::new(&start, splits).config(config)
}

#[test]
fn parts_of_ones_own_are_in_evaluations_and_report() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path()).loss(Quarter).metric(ErrorCount);
    let output = run.run(folder.path().join("run")).unwrap();
    let best = output.report.train.best.as_ref().unwrap();
    assert!(best.scores.contains_key("error_count") && best.scores.contains_key("roc_auc"));
    let (count, accuracy) = (
        output.test_score("error_count").unwrap(),
        output.test_score("accuracy").unwrap(),
    );
    assert_eq!(count, (10.0 * (1.0 - accuracy)).round());
    assert!(output.test_score("loss").unwrap() < 0.25 * 0.8);

    // The model in memory says what was said of the test rows, whatever the order of the classes.
    let predictor = output.predictor(PredictorConfig::default()).unwrap();
    let mut test = dataset(10);
    let scores = predictor.evaluate(&test, &[Arc::new(ErrorCount)]).unwrap();
    assert_eq!(
        (scores["error_count"], scores["accuracy"]),
        (count, accuracy)
    );
    let names = ["food", "weather"].map(String::from).to_vec();
    test.schema.target = finetune_data::Target::Classes(names);
    for example in &mut test.examples {
        let class = example.label.class().unwrap();
        example.label = finetune_data::Label::Class(1 - class);
    }
    assert_eq!(
        predictor.evaluate(&test, &[]).unwrap()["accuracy"],
        accuracy
    );
    let other: Dataset = [("storm", "hail")].into_iter().collect();
    let error = predictor.evaluate(&other, &[]).unwrap_err().to_string();
    assert!(
        error.contains("classes of the model, weather, food"),
        "{error}"
    );
}

#[test]
fn a_run_needs_no_test_rows() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    let train = checkpoint(&start).train;
    let run = FineTuning::new(&start, train).config(SmallRun::fine_tuning(SmallRun::config()));
    let output = run
        .callback(StopAfter(3))
        .run(folder.path().join("run"))
        .unwrap();
    assert_eq!(output.report.train.steps, 3);
    assert!(output.report.test.is_none() && output.predictions().is_none());
    assert!(output.to_string().ends_with("No test rows."), "{output}");
    assert!(!output.directory.predictions().exists());
}

#[test]
fn what_does_not_fit_is_found_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let custom = |name: &str| {
        let text = format!(r#"{{"kind": "custom", "name": "{name}"}}"#);
        serde_json::from_str::<LossConfig>(&text).unwrap()
    };
    let mut unknown_loss = SmallRun::fine_tuning(SmallRun::config());
    unknown_loss.loss = custom("qarter");
    let registered = Parts::default().with_loss("quarter", |(): ()| Arc::new(Quarter));
    for (run, expected) in [
        (run(path), "unknown metric \"error_count\", expected one of"),
        (
            run(path).metric(ErrorCount).metric(ErrorCount),
            "two metrics are called \"error_count\"",
        ),
        (
            run(path).metric(Needs("accuracy", MetricInput::Any)),
            "two metrics are called \"accuracy\"",
        ),
        (
            run(path).metric(Needs("distance", MetricInput::Scores)),
            "distance needs predicted scores",
        ),
        (
            run(path).config(unknown_loss).parts(registered),
            "loss.name is qarter, expected one of quarter",
        ),
        (run(path).device("abacus"), "unknown device"),
    ] {
        let error = run.run(path.join("run")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!path.join("run").exists());
    }
    let prepared = run(path).metric(ErrorCount).callback(StopAfter(1));
    let prepared = prepared.prepare().unwrap();
    let output = prepared.run(&path.join("run"), &mut ()).unwrap();
    assert_eq!(output.report.train.steps, 1);
}

#[test]
fn an_error_of_a_metric_of_ones_own_ends_the_run_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path()).metric(ErrorCount);
    let run = run.metric(Needs("broken", MetricInput::Any));
    let error = run.run(folder.path().join("run")).unwrap_err();
    assert_eq!(error.to_string(), "out of order");
}
