//! A head of the program's own in a whole run: trained, resumed, cached below, and asked.

use std::fs;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use finetune_model::{CustomHead, Head, HeadConfig, HeadInput, HeadSize, MlpConfig, ModelError};
use finetune_predict::{PredictError, Predictor, PredictorConfig};
use finetune_train::{
    ActivationCacheConfig, CacheLocation, CheckpointPolicy, FineTuning, FineTuningConfig,
    FreezeConfig, FreezeScope, Interval, MultiTask, MultiTaskConfig, Parts, PreparedRun,
    SequenceClassificationTask, TaskConfig, TrainConfig, TrainError,
};
use serde_json::Value;

use crate::regression::checkpoint;
use crate::resume::StopAt;
use crate::small_run::SmallRun;

/// Pools the tokens by learned attention, of several kinds.
#[derive(Module, Debug)]
struct AttentionHead {
    queries: Param<Tensor<3>>,
    output: Linear,
}

impl AttentionHead {
    fn new(size: HeadSize, device: &Device) -> Self {
        Self {
            queries: Initializer::Zeros.init([2, size.hidden_size, 1], device),
            output: LinearConfig::new(size.hidden_size, size.num_labels).init(device),
        }
    }
}

impl Head for AttentionHead {
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let hidden = input.hidden_states();
        let queries = self.queries.val();
        let pooled = [0, 1].map(|kind| {
            let query: Tensor<2> = queries.clone().narrow(0, kind, 1).squeeze_dim(0);
            hidden.weighted_mean(hidden.rows().matmul(query))
        });
        let [one, other] = pooled;
        let text = input.dropout.apply(one + other, 0.1, 0);
        self.output.forward(text)
    }
}

fn parts() -> Parts {
    Parts::default().with_head(AttentionHead::new)
}

fn config(freeze: FreezeScope) -> FineTuningConfig {
    SmallRun::fine_tuning(TrainConfig {
        freeze: FreezeConfig {
            scope: freeze,
            ..Default::default()
        },
        checkpoints: CheckpointPolicy {
            every: Some(Interval::Steps(2)),
            ..Default::default()
        },
        ..SmallRun::config()
    })
}

fn prepare(
    start: &Path,
    config: FineTuningConfig,
    parts: Parts,
) -> Result<PreparedRun<'static, SequenceClassificationTask>, TrainError> {
    let splits = checkpoint(start);
    FineTuning::new(start, splits)
        .config(config)
        .parts(parts)
        .prepare()
}

fn weights(run: &Path) -> Vec<u8> {
    fs::read(run.join("model/model.safetensors")).unwrap()
}

#[test]
fn an_own_head_is_trained_resumed_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    let prepared = prepare(&start, config(FreezeScope::None), parts()).unwrap();
    let initialized = &prepared.load_report().newly_initialized;
    assert!(
        initialized.contains(&"head.queries".to_string()),
        "{initialized:?}"
    );
    let report = prepared.run(&run, &mut ()).unwrap().report;
    assert!(report.train.steps > 10);
    let saved: Value = serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap();
    assert_eq!(saved["config"]["model"]["head"]["name"], "AttentionHead");

    // Stopped and resumed, it ends the same.
    let stopped = folder.path().join("stopped");
    let begin = || prepare(&start, config(FreezeScope::None), parts()).unwrap();
    begin().run(&stopped, &mut StopAt(20)).unwrap_err();
    begin().resume(&stopped, &mut ()).unwrap();
    assert!(weights(&stopped) == weights(&run));

    // Asked, it says what the run recorded.
    let model = run.join("model");
    let load = |parts: &Parts| {
        Predictor::load_custom(
            &model,
            PredictorConfig::default(),
            parts.head.as_ref(),
            &Device::flex(),
        )
    };
    let predictor = load(&parts()).unwrap();
    let texts: Vec<_> = checkpoint(&start).test.unwrap().examples;
    let texts: Vec<_> = texts.iter().map(|example| example.text.as_str()).collect();
    let recorded = fs::read_to_string(run.join("predictions.jsonl")).unwrap();
    for (line, prediction) in recorded.lines().zip(predictor.predict(&texts).unwrap()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let recorded = line["probabilities"].as_array().unwrap();
        let names = predictor.class_names();
        for (name, recorded) in names.iter().zip(recorded) {
            let mut labels = prediction.probabilities().iter();
            let found = labels.find(|label| label.label == *name).unwrap();
            let recorded = recorded.as_f64().unwrap();
            assert!((found.probability - recorded).abs() < 1e-6, "{line}");
        }
    }
    let error = Predictor::load(&model, &Device::flex()).unwrap_err();
    assert!(
        matches!(&error, PredictError::Model(ModelError::CustomHead { name }) if name == "AttentionHead"),
        "{error}"
    );
    let other = CustomHead::new(AttentionHead::new).named("Other");
    let mut parts_of_other = Parts::default();
    parts_of_other.head = Some(other);
    let other = parts_of_other;
    assert!(load(&other).is_err());
}

/// Cached hidden states below the head change nothing but the time.
#[test]
fn a_frozen_encoder_is_cached_below_an_own_head() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    let run = |name: &str, place| {
        let run = folder.path().join(name);
        let config = FineTuningConfig {
            activation_cache: ActivationCacheConfig {
                location: place,
                ..Default::default()
            },
            ..config(FreezeScope::Encoder)
        };
        let report = prepare(&start, config, parts()).unwrap().run(&run, &mut ());
        (weights(&run), report.unwrap().report.activations.is_some())
    };
    let (cached, whole) = (
        run("cached", CacheLocation::Memory),
        run("whole", CacheLocation::Off),
    );
    assert_eq!((cached.1, whole.1), (true, false));
    assert!(cached.0 == whole.0);
}

#[test]
fn an_own_head_is_frozen_by_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    let mut config = config(FreezeScope::None);
    config.train.freeze.parameters = vec!["head.*".to_string()];
    let prepared = prepare(&start, config, parts()).unwrap();
    let run = folder.path().join("run");
    let report = prepared.run(&run, &mut ()).unwrap().report;
    // The queries, and weight and bias of the output for two classes.
    let head = 2 * 24 + 2 * 24 + 2;
    let model = report.model;
    assert_eq!(model.parameters - model.trainable_parameters, head);
}

#[test]
fn heads_that_do_not_fit_are_found_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    // An output too many.
    let head = CustomHead::new(|size: HeadSize, device: &Device| {
        let num_labels = size.num_labels + 1;
        AttentionHead::new(HeadSize { num_labels, ..size }, device)
    });
    let mut wrong = Parts::default();
    wrong.head = Some(head);
    let error = prepare(&start, config(FreezeScope::None), wrong).unwrap_err();
    assert!(
        matches!(error, TrainError::Model(ModelError::InvalidShape { .. })),
        "{error}"
    );
    // Named in the settings, but not passed.
    let mut named = config(FreezeScope::None);
    named.model.head = Some(HeadConfig::Custom {
        name: "AttentionHead".to_string(),
    });
    let error = prepare(&start, named.clone(), Parts::default()).unwrap_err();
    assert!(
        matches!(error, TrainError::Model(ModelError::CustomHead { .. })),
        "{error}"
    );
    prepare(&start, named, parts()).unwrap();
    // Another one in the settings than the one that was passed.
    let mut other = config(FreezeScope::None);
    other.model.head = Some(HeadConfig::Mlp(MlpConfig::default()));
    let error = prepare(&start, other, parts()).unwrap_err();
    assert!(
        error.to_string().starts_with("model.head is mlp"),
        "{error}"
    );
}

#[test]
fn a_task_of_several_has_an_own_head() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    let splits = checkpoint(&start);
    let data = ["plain", "own"].map(|name| (name.to_string(), splits.clone()));
    let small = config(FreezeScope::None);
    let config = MultiTaskConfig {
        tasks: ["plain", "own"].map(TaskConfig::new).into(),
        text: small.text,
        train: small.train,
        ..Default::default()
    };
    let device = Device::flex();
    let run = folder.path().join("run");
    let prepared = MultiTask::new(&start).config(config).data(data.into());
    prepared.parts("own", parts()).run(&run).unwrap();
    let (model, settings) = (run.join("model/own"), PredictorConfig::default());
    let predictor =
        Predictor::load_custom(&model, settings, parts().head.as_ref(), &device).unwrap();
    assert_eq!(predictor.model().head.type_name(), "AttentionHead");
}
