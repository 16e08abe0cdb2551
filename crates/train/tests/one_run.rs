//! The one run: tasks of a program's own, several tasks with the cache and parts of one, adapters.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use finetune_data::Splits;
use finetune_model::{DropoutStream, LoraConfig, load_adapter, load_encoder};
use finetune_predict::Predictor;
use finetune_train::{
    ActivationCacheConfig, BatchCounts, Better, CacheLocation, Callback, CheckpointPolicy,
    ClassifierOverrides, EvaluationConfig, FineTuning, FineTuningConfig, FreezeScope, Interval,
    Loss, MultiTask, MultiTaskConfig, Parts, PreparedRun, RunReport, Scores, Targets, Task,
    TaskConfig, TrainConfig, TrainDuration, TrainError, read_json,
};

use crate::regression::checkpoint;
use crate::resume::StopAt;
use crate::small_run::{SmallRun, dataset};

/// A line through points.
#[derive(Module, Debug)]
struct Line {
    slope: Param<Tensor<1>>,
}

#[derive(Debug)]
struct Fit {
    points: Vec<(f32, f32)>,
}

impl Fit {
    fn new() -> Self {
        let points = (0..24u8).map(|x| (f32::from(x) / 8.0, f32::from(x) / 4.0));
        Self {
            points: points.collect(),
        }
    }
}

impl Task for Fit {
    type Model = Line;
    type Batch = Vec<(f32, f32)>;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        Ok(vec![1; self.points.len()])
    }

    fn batch(&self, rows: &[usize], _epoch: u64) -> Result<Self::Batch, TrainError> {
        Ok(rows.iter().map(|row| self.points[*row]).collect())
    }

    fn size(&self, batch: &Self::Batch) -> Result<BatchCounts, TrainError> {
        Ok(BatchCounts {
            rows: batch.len(),
            weight: batch.len() as f64,
            ..Default::default()
        })
    }

    fn loss(
        &self,
        model: &Line,
        batch: &Self::Batch,
        step: &BatchCounts,
        _dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let column = |values: Vec<f32>| {
            let shape = [values.len()];
            Tensor::<1>::from_data(TensorData::new(values, shape), &model.devices()[0])
        };
        let (x, y): (Vec<f32>, Vec<f32>) = batch.iter().copied().unzip();
        let error = column(x) * model.slope.val() - column(y);
        Ok(error.square().sum() / step.weight)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        vec![("slope error".to_string(), Better::Lower)]
    }

    fn evaluate(&self, model: &Line, _: &mut dyn Callback) -> Result<Scores, TrainError> {
        let slope = f64::from(model.slope.val().into_scalar::<f32>());
        Ok([("slope error".to_string(), (slope - 2.0).abs())].into())
    }

    fn save(&self, model: &Line, directory: &Path) -> Result<(), TrainError> {
        let slope = model.slope.val().into_scalar::<f32>();
        fs::create_dir_all(directory).map_err(TrainError::custom)?;
        fs::write(directory.join("slope"), slope.to_string()).map_err(TrainError::custom)
    }
}

fn prepared_fit() -> PreparedRun<'static, Fit> {
    let device = Device::flex().autodiff();
    let line = Line {
        slope: Param::from_tensor(Tensor::from_floats([0.5], &device)),
    };
    let config = TrainConfig {
        duration: TrainDuration::Epochs(12),
        batch_size: 8.into(),
        evaluation: Some(EvaluationConfig {
            metric_for_best_model: "slope error".to_string(),
            ..Default::default()
        }),
        checkpoints: CheckpointPolicy {
            every: Some(Interval::Steps(2)),
            ..Default::default()
        },
        ..SmallRun::config()
    };
    let mut config = config;
    config.optimizer.learning_rate = 0.1;
    PreparedRun::new(line, Fit::new(), config, "flex").unwrap()
}

#[test]
fn an_own_task_is_a_recorded_run_that_resumes() {
    let parent = tempfile::tempdir().unwrap();
    let (whole, stopped) = (parent.path().join("whole"), parent.path().join("stopped"));
    let output = prepared_fit().run(&whole, &mut ()).unwrap();
    let slope = output.model.slope.val().into_scalar::<f32>();
    assert!((slope - 2.0).abs() < 0.2, "{slope}");
    let report: RunReport = read_json(&whole.join("report.json")).unwrap();
    assert!(report.data.is_none() && report.tasks.is_empty() && report.test.is_none());
    assert_eq!(report.train.evaluations.len(), 12);
    assert!(output.to_string().contains("slope error"), "{output}");
    assert!(whole.join("report.html").exists());

    prepared_fit().run(&stopped, &mut StopAt(30)).unwrap_err();
    prepared_fit().resume(&stopped, &mut ()).unwrap();
    for file in ["metrics.jsonl", "model/slope"] {
        let [one, two] = [&whole, &stopped].map(|run| fs::read(run.join(file)).unwrap());
        assert!(one == two, "{file}");
    }
    let refused = PreparedRun::new(
        output.model,
        Fit { points: Vec::new() },
        SmallRun::config(),
        "flex",
    );
    let message = refused.err().unwrap().to_string();
    assert_eq!(message, "training rows is 0, expected at least 1");
}

fn splits() -> Splits {
    Splits::train_test(dataset(24), dataset(12))
}

fn tasks(location: CacheLocation) -> MultiTaskConfig {
    let train = TrainConfig {
        freeze: FreezeScope::Encoder.into(),
        ..SmallRun::config()
    };
    MultiTaskConfig {
        text: SmallRun::fine_tuning(train.clone()).text,
        tasks: vec![TaskConfig::new("left"), TaskConfig::new("right")],
        activation_cache: ActivationCacheConfig {
            location,
            ..Default::default()
        },
        train,
        ..Default::default()
    }
}

#[test]
fn several_tasks_train_alike_on_cached_activations() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let run = |name: &str, location| {
        let directory = parent.path().join(name);
        let run = MultiTask::new(&start).config(tasks(location));
        let run = run.task("left", splits()).task("right", splits());
        let report = run.run(&directory).unwrap().report;
        let models = ["left", "right"].map(|task| {
            fs::read(directory.join(format!("model/{task}/model.safetensors"))).unwrap()
        });
        let lines = fs::read(directory.join("predictions/left.jsonl")).unwrap();
        (report.activations.map(|cache| cache.bytes), models, lines)
    };
    let (cached, plain) = (
        run("cached", CacheLocation::Memory),
        run("plain", CacheLocation::Off),
    );
    assert!(cached.0.unwrap() > 0 && plain.0.is_none());
    assert!(cached.1 == plain.1 && cached.2 == plain.2);
}

/// The square of the first logit, whatever the label.
#[derive(Debug)]
struct Shrink;

impl Loss for Shrink {
    fn per_row(&self, logits: Tensor<2>, _: &Targets) -> Result<Tensor<1>, TrainError> {
        Ok(logits.square().mean_dim(1).squeeze_dim::<1>(1))
    }
}

#[test]
fn a_task_of_several_has_a_loss_of_its_own() {
    let parent = tempfile::tempdir().unwrap();
    let start = parent.path().join("start");
    checkpoint(&start);
    let mut parts = Parts::default();
    parts.loss = Some(std::sync::Arc::new(Shrink));
    let data: BTreeMap<String, Splits> = [("left", splits()), ("right", splits())]
        .map(|(name, rows)| (name.to_string(), rows))
        .into();
    let run = MultiTask::new(&start)
        .config(tasks(CacheLocation::Memory))
        .data(data);
    let run = run.parts("left", parts).prepare().unwrap();
    let directory = parent.path().join("run");
    let report = run.run(&directory, &mut ()).unwrap().report;
    let loss = |task: &str| report.task(task).unwrap().test.as_ref().unwrap().metrics["loss"];
    assert!(
        loss("left") < 0.3 && loss("right") > 0.01,
        "{} {}",
        loss("left"),
        loss("right")
    );
    let config: serde_json::Value = read_json(&directory.join("config.json")).unwrap();
    assert_eq!(config["config"]["tasks"][0]["loss"]["name"], "Shrink");
}

#[test]
fn a_run_with_adapters_saves_them_and_the_merged_model() {
    let parent = tempfile::tempdir().unwrap();
    let (start, run) = (parent.path().join("start"), parent.path().join("run"));
    checkpoint(&start);
    let config = FineTuningConfig {
        model: ClassifierOverrides {
            adapter: Some(LoraConfig::default()),
            ..Default::default()
        },
        ..SmallRun::fine_tuning(SmallRun::config())
    };
    let output = FineTuning::new(&start, splits())
        .config(config)
        .run(&run)
        .unwrap();
    let device = Device::flex();
    let merged = Predictor::load(&run.join("model"), &device).unwrap();
    let (base, _, _) = load_encoder(&start, &device).unwrap();
    assert!(!base.has_lora());
    let config = output.model.config().clone();
    let base = finetune_model::load_classifier(&start, &config.class_names, 0, &device)
        .unwrap()
        .0;
    let (adapted, report) = load_adapter(&run.join("model/adapter"), base).unwrap();
    assert!(adapted.encoder.has_lora(), "{report:?}");
    let adapted = Predictor::new(
        adapted,
        output.task.tokenizer().unwrap().clone(),
        output.task.preprocessing(),
        Default::default(),
    );
    let texts = ["storm rain", "bread soup rice"];
    let (one, two) = (
        merged.predict(&texts).unwrap(),
        adapted.unwrap().predict(&texts).unwrap(),
    );
    for (merged, adapted) in one.iter().zip(&two) {
        let [merged, adapted] = [merged, adapted].map(|found| found.probabilities()[0].probability);
        assert!((merged - adapted).abs() < 1e-5, "{merged} {adapted}");
    }
}
