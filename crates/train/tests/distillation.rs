//! Students and teachers: what is cached, who may teach whom, and that the student learns.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Device, Tensor};
use finetune_data::{Dataset, EmbeddingDataset, EncodingConfig, MaskingConfig, concatenate_texts};
use finetune_model::{
    CheckpointConfig, DenseActivation, DenseConfig, DropoutStream, Encoder, EncoderConfig,
    SequenceClassifierConfig, init_weights, load_encoder, save_classifier,
};
use finetune_predict::Embedder;
use finetune_train::{
    BatchCounts, CacheLocation, CachedRows, Callback, DistillationConfig, DistillationTask,
    EmbeddingOverrides, EmbeddingTraining, EmbeddingTrainingConfig, Event, FineTuning,
    FineTuningConfig, InitialModel, LogitsKind, ModelOutputs, MultiTask, MultiTaskConfig,
    OptimizerConfig, PreTraining, PreTrainingConfig, RunOutput, StepRecord, StudentTask, Task,
    TaskConfig, Teacher, TokenClassification, TokenClassificationConfig, TrainConfig,
    TrainDuration, TrainError,
};
use serde_json::{Value, json};

use crate::parity::distillation::{
    dataset, directory, first_step, first_step_on_pairs, first_step_on_words, one_step, pairs,
    settings, tagged_dataset,
};
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

/// A task whose teacher counts its batches.
#[derive(Debug)]
struct Counted<T> {
    task: T,
    batches: AtomicUsize,
}

impl<T: StudentTask> Task for Counted<T> {
    type Model = T::Model;
    type Batch = T::Batch;

    fn lengths(&self) -> Result<Vec<usize>, TrainError> {
        self.task.lengths()
    }

    fn batch(&self, rows: &[usize], epoch: u64) -> Result<T::Batch, TrainError> {
        self.task.batch(rows, epoch)
    }

    fn size(&self, batch: &T::Batch) -> Result<BatchCounts, TrainError> {
        self.task.size(batch)
    }

    fn loss(
        &self,
        model: &T::Model,
        batch: &T::Batch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        self.task.loss(model, batch, step, dropout)
    }
}

impl<T: StudentTask> StudentTask for Counted<T> {
    fn load_teacher(
        &self,
        student: &T::Model,
        config: &DistillationConfig,
        device: &Device,
    ) -> Result<Teacher<T::Model>, TrainError> {
        self.task.load_teacher(student, config, device)
    }

    fn encoder(model: &T::Model) -> &Encoder {
        T::encoder(model)
    }

    fn logits_kind(&self, model: &T::Model) -> LogitsKind {
        self.task.logits_kind(model)
    }

    fn embedding_size(&self, model: &T::Model) -> Option<usize> {
        self.task.embedding_size(model)
    }

    fn num_logits(&self, step: &BatchCounts) -> f64 {
        self.task.num_logits(step)
    }

    fn student_outputs(
        &self,
        student: &T::Model,
        batch: &T::Batch,
        labels: Option<&BatchCounts>,
        dropout: DropoutStream,
    ) -> Result<ModelOutputs, TrainError> {
        self.task.student_outputs(student, batch, labels, dropout)
    }

    fn teacher_outputs(
        &self,
        teacher: &Teacher<T::Model>,
        batch: &T::Batch,
    ) -> Result<ModelOutputs, TrainError> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.task.teacher_outputs(teacher, batch)
    }

    fn cached_logits(&self, teacher: &T::Model) -> Result<Option<[usize; 2]>, TrainError> {
        self.task.cached_logits(teacher)
    }

    fn cached_rows<'a>(&self, batch: &'a T::Batch) -> CachedRows<'a> {
        self.task.cached_rows(batch)
    }

    fn texts_fingerprint(&self) -> Result<String, TrainError> {
        self.task.texts_fingerprint()
    }
}

/// Returns the loss of the first batch, and how many batches the teacher has read for it.
fn loss_and_batches<T: StudentTask>(
    output: RunOutput<T>,
    config: &DistillationConfig,
) -> (f32, usize) {
    let (model, batches) = (output.model, AtomicUsize::new(0));
    let task = output.task;
    let counted = Counted { task, batches };
    let train = TrainConfig::default();
    let mut task = DistillationTask::new(counted, &model, config.clone(), &train).unwrap();
    task.begin_run(&model, &mut ()).unwrap();
    let batch = task.batch(&[0, 1, 2], 0).unwrap();
    let step = task.size(&batch).unwrap();
    let loss = task.loss(&model, &batch, &step, DropoutStream::new(1, 0));
    let loss = loss.unwrap().into_scalar::<f32>();
    (loss, task.student().batches.load(Ordering::Relaxed))
}

/// What a cache has is not computed for a projection, either, and the projection is the same.
#[test]
fn a_teacher_whose_outputs_are_found_reads_nothing() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let cached = |changes: Value, name: &str| DistillationConfig {
        cache: CacheLocation::Disk(place.join(name)),
        ..settings(&changes)
    };
    let mut runs = 0;
    let mut run_directory = || {
        runs += 1;
        place.join(format!("run-{runs}"))
    };
    let small = SmallRun::new();
    write_classifier(&small, small.encoder.clone(), 1, &place.join("wide"));
    write_classifier(&small, narrow(&small), 2, &place.join("narrow"));
    let config = DistillationConfig {
        hidden_state_weight: 0.4,
        teacher: place.join("wide"),
        ..cached(json!({}), "states")
    };
    let mut of_states = || {
        let run = FineTuning::new(place.join("narrow"), crate::small_run::dataset(40));
        let output = run.config(small_config(1)).run(run_directory()).unwrap();
        loss_and_batches(output, &config)
    };
    let (first, batches) = of_states();
    assert!(batches > 0);
    assert_eq!(of_states(), (first, 0));

    let config = cached(json!({"logits_weight": 1.0}), "embeddings");
    let FineTuningConfig { text, train, .. } = one_step();
    let settings = EmbeddingTrainingConfig {
        text,
        train,
        model: shorter_embeddings(),
        ..Default::default()
    };
    let mut of_embeddings = || {
        let run = EmbeddingTraining::new(directory("student"), pairs()).config(settings.clone());
        loss_and_batches(run.run(run_directory()).unwrap(), &config)
    };
    let (first, batches) = of_embeddings();
    assert!(batches > 0);
    assert_eq!(of_embeddings(), (first, 0));
}

/// Embeddings of fewer values than those of the teacher.
fn shorter_embeddings() -> EmbeddingOverrides {
    EmbeddingOverrides {
        dense: Some(DenseConfig {
            activation: DenseActivation::Identity,
            ..DenseConfig::new(4)
        }),
        ..Default::default()
    }
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

/// An encoder of half the width.
fn narrow(small: &SmallRun) -> EncoderConfig {
    EncoderConfig {
        hidden_size: 12,
        intermediate_size: 24,
        num_hidden_layers: 2,
        ..small.encoder.clone()
    }
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
    write_classifier(&small, narrow(&small), 2, &path("narrow"));
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

fn near(found: &StepRecord, expected: &StepRecord) {
    let near = |found: f32, expected: f32| (found - expected).abs() < 2e-3 * expected;
    assert!(
        near(found.loss, expected.loss) && near(found.grad_norm, expected.grad_norm),
        "{found:?} {expected:?}"
    );
}

/// The rows of a batch have different numbers of logits, or several texts.
#[test]
fn cached_outputs_on_words_and_pairs_are_those_that_are_computed() {
    let changes = json!({"hidden_state_weight": 0.4, "relation_weight": 0.3});
    let similar = json!({"hidden_state_weight": 0.4, "similarity_weight": 1.0});
    let on_words = |config| first_step_on_words(config, false);
    let with_field = |config| first_step_on_words(config, true);
    let kinds: [(&dyn Fn(DistillationConfig) -> StepRecord, _); 3] = [
        (&on_words, &changes),
        (&with_field, &changes),
        (&first_step_on_pairs, &similar),
    ];
    for (first_step, changes) in kinds {
        let place = tempfile::tempdir().unwrap();
        let with = |cache: CacheLocation| {
            let mut config = settings(changes);
            config.cache = cache;
            first_step(config)
        };
        let computed = with(CacheLocation::Off);
        let on_disk = || with(CacheLocation::Disk(place.path().to_path_buf()));
        for cached in [with(CacheLocation::Memory), on_disk(), on_disk()] {
            near(&cached, &computed);
        }
    }
}

fn error_of<I>(run: finetune_train::Run<'_, I>, config: DistillationConfig) -> String
where
    I: finetune_train::RunInput,
    I::Objective: finetune_train::StudentTask,
{
    run.distill(config).prepare().unwrap_err().to_string()
}

#[test]
fn teachers_of_words_and_of_embeddings_have_to_fit() {
    let mut words = tagged_dataset();
    words.schema = finetune_data::Schema::token_classification(["some", "other", "names"]);
    let text = one_step().text;
    let run_on = |words: &Dataset| {
        let run = TokenClassification::new(directory("student"), words.clone());
        run.config(TokenClassificationConfig {
            text: text.clone(),
            ..Default::default()
        })
    };
    let found = error_of(run_on(&words), settings(&json!({})));
    assert!(
        found.contains("whose head is for something else"),
        "{found}"
    );
    let states = settings(&json!({"logits_weight": 0.0, "hidden_state_weight": 1.0}));
    run_on(&words).distill(states).prepare().unwrap();

    let similar = settings(&json!({"similarity_weight": 1.0}));
    let found = error_of(run_on(&tagged_dataset()), similar);
    let expected =
        "distillation.similarity_weight is 1, expected 0 for models that have no embeddings";
    assert!(found.starts_with(expected), "{found}");

    let student = |config: EmbeddingTrainingConfig| {
        let config = EmbeddingTrainingConfig {
            text: text.clone(),
            ..config
        };
        EmbeddingTraining::new(directory("student"), pairs()).config(config)
    };
    let dense = |size| EmbeddingTrainingConfig {
        model: EmbeddingOverrides {
            dense: Some(DenseConfig::new(size)),
            ..Default::default()
        },
        ..Default::default()
    };
    let found = error_of(student(dense(9)), settings(&json!({})));
    assert!(
        found.starts_with("embedding size of the student is 9, expected at most 8, that of the"),
        "{found}"
    );
    let cached = EmbeddingTrainingConfig {
        mini_batch_size: Some(2),
        ..Default::default()
    };
    let found = error_of(student(cached), settings(&json!({})));
    assert!(
        found.starts_with("mini_batch_size is set, expected none"),
        "{found}"
    );
}

/// Embeddings of half the size learn the first principal components of the teacher's, and their cosines.
#[test]
fn shorter_embeddings_learn_from_longer_ones() {
    let texts: Vec<String> = dataset().examples.into_iter().map(|row| row.text).collect();
    let rows = (0..texts.len()).flat_map(|a| {
        let others = (0..texts.len()).filter(move |b| *b != a);
        others.map(move |b| [a, b]).collect::<Vec<_>>()
    });
    let rows = rows.map(|pair| pair.map(|text| texts[text].clone()));
    let pairs = EmbeddingDataset::positives("pairs", rows).unwrap();
    let mut config = EmbeddingTrainingConfig {
        model: shorter_embeddings(),
        ..Default::default()
    };
    config.text.encoding = EncodingConfig::new(16);
    config.train.duration = TrainDuration::Epochs(60);
    config.train.batch_size = 4.into();
    config.train.optimizer.learning_rate = 1e-2;
    for weights in [
        json!({"label_weight": 0.0, "logits_weight": 1.0}),
        json!({"label_weight": 0.0, "logits_weight": 0.0, "similarity_weight": 1.0}),
    ] {
        let place = tempfile::tempdir().unwrap();
        let mut steps: Vec<StepRecord> = Vec::new();
        let run =
            EmbeddingTraining::new(directory("student"), pairs.clone()).config(config.clone());
        let run = run.distill(settings(&weights)).prepare().unwrap();
        run.run(&place.path().join("run"), &mut steps).unwrap();
        let (first, last) = (&steps[..5], &steps[steps.len() - 5..]);
        assert!(
            mean_loss(last) < 0.3 * mean_loss(first),
            "{weights}: {} {}",
            mean_loss(first),
            mean_loss(last)
        );
        // What is saved is an embedding model of this size, without the teacher.
        let device = burn::tensor::Device::flex();
        let embedder = Embedder::load(&place.path().join("run/model"), &device).unwrap();
        assert_eq!(embedder.embedding_size(), 4);
    }
}

/// Each task of several may have a teacher; the loss of one task is that of a run on it alone.
#[test]
fn a_task_of_several_learns_from_its_teacher() {
    let changes = json!({"hidden_state_weight": 0.4});
    let run = |names: &[&str], teachers: usize| {
        let place = tempfile::tempdir().unwrap();
        let mut steps: Vec<StepRecord> = Vec::new();
        let FineTuningConfig {
            text, mut train, ..
        } = one_step();
        train.duration = TrainDuration::Epochs(1);
        let tasks = names.iter().enumerate().map(|(task, name)| TaskConfig {
            distillation: (task < teachers).then(|| settings(&changes)),
            ..TaskConfig::new(*name)
        });
        let config = MultiTaskConfig {
            tasks: tasks.collect(),
            text,
            train,
            ..Default::default()
        };
        let mut run = MultiTask::new(directory("student")).config(config);
        for name in names {
            run = run.task(*name, dataset());
        }
        let run = run.prepare().unwrap();
        run.run(&place.path().join("run"), &mut steps).unwrap();
        steps.swap_remove(0)
    };
    let alone = first_step(settings(&changes));
    let grouped = run(&["weather"], 1);
    assert!(
        (alone.loss - grouped.loss).abs() < 1e-5 * alone.loss,
        "{grouped:?}"
    );
    assert!((run(&["weather"], 0).loss - alone.loss).abs() > 1e-2 * alone.loss);
    let [both, one] = [2, 1].map(|teachers| run(&["weather", "other"], teachers));
    assert!(both.loss.is_finite() && one.loss.is_finite());

    let untrained = MultiTaskConfig {
        tasks: vec![TaskConfig {
            trainable: false,
            distillation: Some(settings(&changes)),
            ..TaskConfig::new("weather")
        }],
        ..Default::default()
    };
    let found = untrained.validate().unwrap_err().to_string();
    assert!(
        found.contains("none for a task that does not train"),
        "{found}"
    );
    let mut other = settings(&changes);
    other.teacher = directory("student");
    let config = MultiTaskConfig {
        tasks: vec![TaskConfig {
            distillation: Some(other),
            ..TaskConfig::new("weather")
        }],
        text: one_step().text,
        ..Default::default()
    };
    let run = MultiTask::new(directory("teacher")).config(config);
    let found = run.task("weather", dataset()).prepare().unwrap_err();
    let found = format!("{found} {:?}", found);
    assert!(
        found.contains("weather") && found.contains("without"),
        "{found}"
    );
}
