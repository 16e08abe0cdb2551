//! Students and teachers: what is cached, who may teach whom, and that the student learns.

use std::path::Path;

use finetune_data::{Dataset, MaskingConfig, concatenate_texts};
use finetune_model::{CheckpointConfig, EncoderConfig, SequenceClassifierConfig, load_encoder};
use finetune_model::{init_weights, save_classifier};
use finetune_train::{
    CacheLocation, Callback, DistillationConfig, Event, FineTuning, FineTuningConfig, InitialModel,
    OptimizerConfig, PreTraining, PreTrainingConfig, StepRecord, TrainConfig, TrainDuration,
    TrainError,
};
use serde_json::json;

use crate::parity::distillation::{dataset, directory, first_step, one_step, settings};
use crate::small_run::SmallRun;

#[test]
fn cached_outputs_of_the_teacher_are_those_it_computes() {
    let changes = json!({"hidden_state_weight": 0.4, "relation_weight": 0.3});
    let with = |cache: CacheLocation| {
        let mut config = settings(&changes);
        config.cache = cache;
        first_step(config)
    };
    let computed = with(CacheLocation::Off);
    let place = tempfile::tempdir().unwrap();
    let on_disk = || with(CacheLocation::Disk(place.path().to_path_buf()));
    for cached in [with(CacheLocation::Memory), on_disk(), on_disk()] {
        // They are kept in f16.
        assert!(
            (cached.loss - computed.loss).abs() < 2e-3 * computed.loss,
            "{cached:?}"
        );
        let norms = (cached.grad_norm - computed.grad_norm).abs();
        assert!(norms < 2e-3 * computed.grad_norm, "{cached:?}");
    }
    let files = std::fs::read_dir(place.path()).unwrap();
    assert_eq!(files.count(), 1);
}

/// Rows whose outputs were cached, and whether an earlier run did it.
#[derive(Default)]
struct Found(Vec<(usize, bool)>);

impl Callback for Found {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::Activations(record) = event {
            self.0.push((record.rows, record.reused));
        }
        Ok(())
    }
}

#[test]
fn a_later_run_finds_the_file_of_an_earlier_one() {
    let place = tempfile::tempdir().unwrap();
    let mut config = settings(&json!({}));
    config.cache = CacheLocation::Disk(place.path().join("teacher"));
    let reused = |name: &str| {
        let mut found = Found::default();
        let run = FineTuning::new(directory("student"), dataset()).config(one_step());
        let run = run.distill(config.clone()).prepare().unwrap();
        run.run(&place.path().join(name), &mut found).unwrap();
        found.0
    };
    assert_eq!(reused("first"), [(5, false)]);
    assert_eq!(reused("second"), [(5, true)]);
}

/// Writes a classifier of the small rows with its tokenizer.
fn write_classifier(small: &SmallRun, encoder: EncoderConfig, seed: u64, place: &Path) {
    let names = small.data.class_names().to_vec();
    let config = SequenceClassifierConfig::new(encoder.clone(), names);
    let model = config.init(&burn::tensor::Device::flex()).unwrap();
    let model = init_weights(model, 0.05, seed);
    save_classifier(place, &model, &CheckpointConfig::new(encoder)).unwrap();
    small.tokenizer.save(place).unwrap();
}

fn small_config(epochs: usize) -> FineTuningConfig {
    SmallRun::fine_tuning(TrainConfig {
        duration: TrainDuration::Epochs(epochs),
        ..SmallRun::config()
    })
}

fn mean_loss(steps: &[StepRecord]) -> f32 {
    steps.iter().map(|step| step.loss).sum::<f32>() / steps.len() as f32
}

/// A student of half the width learns the teacher's states in its own dimensions, and its classes
/// without labels.
#[test]
fn a_narrow_student_learns_from_the_teacher_alone() {
    let small = SmallRun::new();
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    write_classifier(&small, small.encoder.clone(), 1, &path("initial"));
    let splits = || finetune_data::Splits {
        train: crate::small_run::dataset(40),
        validation: None,
        test: Some(crate::small_run::dataset(40)),
        unlabeled: None,
    };
    let teacher = FineTuning::new(path("initial"), splits()).config(small_config(12));
    let teacher = teacher.run(path("teacher")).unwrap();
    assert_eq!(teacher.test_score("accuracy"), Some(1.0));
    let narrow = EncoderConfig {
        hidden_size: 12,
        intermediate_size: 24,
        num_hidden_layers: 2,
        ..small.encoder.clone()
    };
    write_classifier(&small, narrow, 2, &path("narrow"));
    let config = DistillationConfig {
        label_weight: 0.0,
        logits_weight: 1.0,
        hidden_state_weight: 1.0,
        relation_weight: 0.1,
        relation_heads: Some(4),
        ..DistillationConfig::new(path("teacher/model"))
    };
    let mut steps: Vec<StepRecord> = Vec::new();
    let student = FineTuning::new(path("narrow"), splits()).config(small_config(40));
    let student = student.distill(config).prepare().unwrap();
    let student = student.run(&path("student"), &mut steps).unwrap();
    let epoch = steps.len() / 40;
    let (first, last) = (&steps[..epoch], &steps[steps.len() - epoch..]);
    assert!(
        mean_loss(last) < 0.4 * mean_loss(first),
        "{}",
        mean_loss(last)
    );
    assert!(student.test_score("accuracy") > Some(0.9), "{student}");
    let config = std::fs::read_to_string(path("student/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["config"]["distillation"]["relation_heads"], 4);
    let answers = student
        .into_student()
        .predictor(Default::default())
        .unwrap();
    assert_eq!(
        answers.predict(&["storm rain"]).unwrap()[0].label(),
        Some("weather")
    );
}

/// With all layers it is the teacher, and so has nothing to learn; with some of them it has.
#[test]
fn a_student_begins_with_layers_of_the_teacher() {
    let changes = json!({"label_weight": 0.0, "hidden_state_weight": 1.0, "relation_weight": 1.0});
    let loss_of = |layers: Vec<usize>, map: [[usize; 2]; 1]| {
        let place = tempfile::tempdir().unwrap();
        let mut steps: Vec<StepRecord> = Vec::new();
        let run = FineTuning::new(directory("teacher"), dataset()).config(one_step());
        let mut config = settings(&changes);
        config.cache = CacheLocation::Off;
        config.layer_map = Some(map.to_vec());
        let run = run.keep_layers(layers).distill(config).prepare().unwrap();
        let output = run.run(&place.path().join("run"), &mut steps).unwrap();
        let saved = place.path().join("run/model");
        let (encoder, config, _) = load_encoder(&saved, &output.model.device()).unwrap();
        assert_eq!(encoder.layers.len(), config.encoder.num_hidden_layers);
        (steps[0].loss, encoder.layers.len())
    };
    let (same, layers) = loss_of(vec![0, 1, 2, 3], [[4, 4]]);
    assert_eq!(layers, 4);
    assert!(same.abs() < 1e-6, "{same}");
    let (fewer, layers) = loss_of(vec![1, 3], [[2, 4]]);
    assert_eq!(layers, 2);
    assert!(fewer > 0.01, "{fewer}");
}

fn error(config: DistillationConfig, change: impl FnOnce(&mut FineTuningConfig)) -> String {
    let mut settings = one_step();
    change(&mut settings);
    let run = FineTuning::new(directory("student"), dataset()).config(settings);
    run.distill(config).prepare().unwrap_err().to_string()
}

#[test]
fn teachers_that_do_not_fit_are_refused() {
    let case = |changes, expected: &str| {
        let error = error(settings(&changes), |_| ());
        assert!(error.contains(expected), "{error}");
    };
    let layers = json!({"hidden_state_weight": 1.0, "layer_map": [[3, 4]]});
    case(
        layers,
        "distillation.layer_map is [3, 4], expected at most [2, 4]",
    );
    let layer = json!({"relation_weight": 1.0, "relation_layer": 5});
    case(layer, "distillation.relation_layer is 5, expected in 1..=4");
    let heads = json!({"relation_weight": 1.0, "relation_heads": 3});
    case(
        heads,
        "distillation.relation_heads is 3, expected a divisor of 8 and of 8",
    );
    case(
        json!({"temperature": -1.0}),
        "distillation.temperature is -1",
    );

    // Its vocabulary lacks words of the student.
    let mut other = settings(&json!({}));
    other.teacher = directory("student");
    let run = FineTuning::new(directory("teacher"), dataset()).config(one_step());
    let error = run.distill(other).prepare().unwrap_err().to_string();
    assert!(
        error.contains("without \"all\", expected a model whose vocabulary"),
        "{error}"
    );
}

#[test]
fn a_teacher_without_a_head_teaches_states_alone() {
    let mut data = dataset();
    data.schema = finetune_data::Schema::classification(["some", "other", "names"]);
    let run = |config| {
        let run = FineTuning::new(directory("student"), data.clone()).config(one_step());
        run.distill(config).prepare()
    };
    let error = run(settings(&json!({}))).unwrap_err().to_string();
    assert!(
        error.contains("whose head is for something else"),
        "{error}"
    );
    let states = json!({"logits_weight": 0.0, "hidden_state_weight": 1.0});
    run(settings(&states)).unwrap();
}

#[test]
fn cached_activations_of_frozen_layers_are_refused() {
    let error = error(settings(&json!({})), |config| {
        config.train.freeze = serde_json::from_str(r#"{"scope": "encoder"}"#).unwrap();
    });
    assert!(
        error.starts_with("activation_cache.location is on"),
        "{error}"
    );
}

fn masked(config: DistillationConfig, place: &Path) -> Result<Vec<StepRecord>, TrainError> {
    let small = SmallRun::new();
    let mut steps: Vec<StepRecord> = Vec::new();
    let texts: Dataset = concatenate_texts([&crate::small_run::dataset(40)]);
    let encoder = EncoderConfig {
        num_hidden_layers: 1,
        ..small.encoder.clone()
    };
    let run = PreTraining::new(
        InitialModel::Random(encoder, small.tokenizer.clone()),
        texts,
    );
    let run = run.config(PreTrainingConfig {
        text: SmallRun::fine_tuning(SmallRun::config()).text,
        masking: MaskingConfig::default(),
        train: TrainConfig {
            duration: TrainDuration::Epochs(12),
            optimizer: OptimizerConfig {
                learning_rate: 1e-2,
                ..Default::default()
            },
            ..SmallRun::config()
        },
        ..Default::default()
    });
    let run = run.distill(config).prepare()?;
    run.run(&place.join("run"), &mut steps)?;
    Ok(steps)
}

/// Pre-trains a masked language model as a teacher.
fn masked_teacher(place: &Path) -> std::path::PathBuf {
    let small = SmallRun::new();
    let texts = concatenate_texts([&crate::small_run::dataset(40)]);
    let initial = InitialModel::Random(small.encoder.clone(), small.tokenizer.clone());
    let run = PreTraining::new(initial, texts).config(PreTrainingConfig {
        text: SmallRun::fine_tuning(SmallRun::config()).text,
        train: TrainConfig {
            duration: TrainDuration::Epochs(6),
            ..SmallRun::config()
        },
        ..Default::default()
    });
    run.run(place.join("teacher")).unwrap();
    place.join("teacher/model")
}

#[test]
fn a_masked_language_model_learns_from_another() {
    let place = tempfile::tempdir().unwrap();
    let teacher = masked_teacher(place.path());
    for (name, config) in [
        ("logits", json!({"label_weight": 0.0, "logits_weight": 1.0})),
        (
            "states",
            json!({"logits_weight": 0.0, "label_weight": 0.0, "hidden_state_weight": 1.0}),
        ),
        (
            "unmasked",
            json!({"logits_weight": 0.0, "hidden_state_weight": 1.0, "unmasked_teacher": true}),
        ),
    ] {
        let mut config = settings(&config);
        config.teacher = teacher.clone();
        let steps = masked(config, &place.path().join(name)).unwrap();
        let half = steps.len() / 2;
        let (first, last) = (mean_loss(&steps[..half]), mean_loss(&steps[half..]));
        assert!(last < first, "{name}: {first} {last}");
    }
    // A classifier has no masked-LM head.
    let mut config = settings(&json!({}));
    config.teacher = place.path().join("classifier");
    let small = SmallRun::new();
    write_classifier(&small, small.encoder.clone(), 1, &config.teacher);
    let error = masked(config, &place.path().join("none"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected one with a masked-LM head"),
        "{error}"
    );
}
