//! Embedding models through the one loop.

use std::path::Path;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use finetune_data::{
    Dataset, EmbeddingDataset, EmbeddingSplits, EncodedEmbeddingDataset, EncodingConfig, Example,
    Label, SamplingStrategy, Schema, Splits, TextTokenizer,
};
use finetune_model::{
    CheckpointConfig, DenseConfig, DropoutStream, EmbeddingModelConfig, EncoderConfig, HeadConfig,
    LoraConfig, MlpConfig, Pooling, init_weights, load_embedding_model, save_encoder,
};
use finetune_predict::{Embedder, EmbedderConfig, Predictor};
use finetune_train::{
    Callback, EmbeddingLoss, EmbeddingLossConfig, EmbeddingOverrides, EmbeddingTask,
    EmbeddingTraining, EmbeddingTrainingConfig, EvaluationConfig, Event, FineTuning, FreezeScope,
    Interval, MatryoshkaConfig, OptimizerConfig, RunReport, Task, TextConfig, TrainConfig,
    TrainDuration, TrainError, read_json,
};

use crate::regression::checkpoint;
use crate::resume::StopAt;
use crate::small_run::SmallRun;

const TOPICS: [[&str; 4]; 8] = [
    ["storm", "rain", "hail", "wind"],
    ["bread", "soup", "rice", "cheese"],
    ["dog", "cat", "bird", "horse"],
    ["car", "bus", "train", "tram"],
    ["red", "blue", "green", "yellow"],
    ["piano", "drum", "flute", "violin"],
    ["doctor", "nurse", "clinic", "ward"],
    ["goal", "match", "team", "league"],
];

fn tokenizer() -> TextTokenizer {
    let texts = TOPICS.iter().flatten().flat_map(|word| [*word; 3]);
    TextTokenizer::train_wordpiece(texts.chain(["the a of"; 3]), 200).unwrap()
}

fn encoder(dropout: f64) -> EncoderConfig {
    EncoderConfig {
        vocab_size: tokenizer().vocab_size(),
        hidden_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 48,
        max_position_embeddings: 16,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        ..Default::default()
    }
}

/// Rows of two words of a topic and, as negatives, words of the next topics.
fn rows(negatives: usize) -> Vec<Vec<String>> {
    let pairs = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3)];
    let topics = (0..TOPICS.len()).flat_map(|topic| pairs.map(|pair| (topic, pair)));
    topics
        .map(|(topic, (first, second))| {
            let negative = |step: usize| TOPICS[(topic + step) % TOPICS.len()][first].to_string();
            let pair = [
                format!("the {}", TOPICS[topic][first]),
                TOPICS[topic][second].to_string(),
            ];
            pair.into_iter()
                .chain((1..=negatives).map(negative))
                .collect()
        })
        .collect()
}

fn positives(negatives: usize) -> EmbeddingDataset {
    EmbeddingDataset::positives("topics", rows(negatives)).unwrap()
}

/// Pairs of one topic, and of two.
fn compared() -> Vec<(String, String, bool)> {
    let pairs = rows(1).into_iter();
    pairs
        .flat_map(|row| {
            let [anchor, positive, negative] = <[String; 3]>::try_from(row).unwrap();
            [(anchor.clone(), positive, true), (anchor, negative, false)]
        })
        .collect()
}

fn splits(train: EmbeddingDataset) -> EmbeddingSplits {
    EmbeddingSplits {
        validation: Some(train.clone()),
        test: Some(train.clone()),
        train,
    }
}

fn config() -> EmbeddingTrainingConfig {
    EmbeddingTrainingConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(12),
            ..Default::default()
        },
        train: TrainConfig {
            duration: TrainDuration::Epochs(8),
            batch_size: 16.into(),
            optimizer: OptimizerConfig {
                learning_rate: 3e-3,
                ..Default::default()
            },
            evaluation: Some(EvaluationConfig {
                metric_for_best_model: "ndcg@10".to_string(),
                on_start: true,
                ..Default::default()
            }),
            ..EmbeddingTrainingConfig::default().train
        },
        ..Default::default()
    }
}

/// Saves a bare encoder of random weights with its tokenizer.
fn save_start(directory: &Path) {
    let config = encoder(0.1);
    let model = init_weights(config.init(&Device::flex()).unwrap(), 0.1, 1);
    save_encoder(directory, &model, &CheckpointConfig::new(config)).unwrap();
    tokenizer().save(directory).unwrap();
}

#[test]
fn a_run_trains_saves_and_embeds() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    save_start(&start);
    let config = EmbeddingTrainingConfig {
        model: EmbeddingOverrides {
            normalize: Some(true),
            ..Default::default()
        },
        ..config()
    };
    let training = EmbeddingTraining::new(&start, splits(positives(0)));
    let output = training.config(config).epochs(30).run(&run).unwrap();
    let evaluations = &output.report.train.evaluations;
    let first = evaluations[0].scores["ndcg@10"];
    let last = output.test_score("ndcg@10").unwrap();
    assert!(last > first + 0.2, "{first} {last}");

    let report: RunReport = read_json(&run.join("report.json")).unwrap();
    assert_eq!(report.test.as_ref().unwrap().score("ndcg@10"), Some(last));
    let data = report.data.unwrap();
    assert_eq!((data.train.rows, data.test.unwrap().rows), (48, 48));
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("ndcg@10 by step") && !page.contains("No picture"));
    let lines = std::fs::read_to_string(run.join("predictions.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 48);
    assert!(output.to_string().contains("Tested on 48 rows"), "{output}");

    // The saved model is the one in memory, and knows how long its texts were.
    let saved = Embedder::load(&run.join("model"), &Device::flex()).unwrap();
    assert_eq!(saved.encoding().max_length, 12);
    let texts = ["the dog", "cat", "soup"];
    let embeddings = saved.embed(&texts).unwrap();
    assert_eq!(
        output
            .embedder(EmbedderConfig::default())
            .unwrap()
            .embed(&texts)
            .unwrap(),
        embeddings
    );
    let cosines = |a: usize, b: usize| {
        embeddings
            .select(&[a])
            .cosines(&embeddings.select(&[b]))
            .unwrap()[0]
    };
    assert!(cosines(0, 1) > cosines(0, 2));
    let shorter = EmbedderConfig {
        truncate_dim: Some(8),
        ..Default::default()
    };
    let shorter = Embedder::load_with(&run.join("model"), shorter, &Device::flex()).unwrap();
    let unit = shorter.embed(&texts).unwrap();
    assert_eq!((unit.size(), shorter.embedding_size()), (8, 8));
    let length: f32 = unit.row(0).iter().map(|value| value * value).sum();
    assert!((length - 1.0).abs() < 1e-5);
}

/// Every kind of rows with every loss that is for them, and a dense layer that is new.
#[test]
fn every_loss_trains() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    save_start(&start);
    let scored = || {
        let rows = compared().into_iter();
        let rows = rows.map(|(a, b, same)| (a, b, if same { 0.9 } else { 0.1 }));
        EmbeddingDataset::scored("scored", rows).unwrap()
    };
    let labeled = || EmbeddingDataset::labeled("labeled", compared()).unwrap();
    for (number, (json, data, metric)) in [
        (
            r#"{"kind": "multiple_negatives_ranking", "symmetric": true}"#,
            positives(2),
            "triplet_accuracy",
        ),
        (
            r#"{"kind": "triplet", "distance": "cosine", "margin": 0.5}"#,
            positives(1),
            "triplet_accuracy",
        ),
        (r#"{"kind": "cosent"}"#, scored(), "spearman"),
        (r#"{"kind": "cosine_similarity"}"#, scored(), "pearson"),
        (r#"{"kind": "contrastive"}"#, labeled(), "average_precision"),
        (
            r#"{"kind": "online_contrastive"}"#,
            labeled(),
            "average_precision",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let base = config();
        let config = EmbeddingTrainingConfig {
            loss: Some(serde_json::from_str(json).unwrap()),
            model: EmbeddingOverrides {
                dense: Some(DenseConfig::new(10)),
                ..Default::default()
            },
            matryoshka: Some(MatryoshkaConfig::new([10, 4])),
            mini_batch_size: Some(9),
            train: TrainConfig {
                sampling_strategy: SamplingStrategy::Random,
                evaluation: Some(EvaluationConfig {
                    metric_for_best_model: metric.to_string(),
                    on_start: true,
                    every: Interval::Epochs(8),
                    ..Default::default()
                }),
                ..base.train
            },
            ..base
        };
        let run = folder.path().join(number.to_string());
        let output = EmbeddingTraining::new(&start, splits(data))
            .config(config)
            .run(&run)
            .unwrap();
        let scores = |at: usize| &output.report.train.evaluations[at].scores;
        let (first, last) = (scores(0)[metric], scores(1)[metric]);
        assert!(last > first, "{json}: {first} {last}");
        assert!(
            scores(1).keys().any(|name| name.ends_with("_dim_4")),
            "{:?}",
            scores(1)
        );
        let (model, _, report) = load_embedding_model(&run.join("model"), &Device::flex()).unwrap();
        assert!(report.newly_initialized.is_empty());
        assert_eq!(model.config().embedding_size(), 10);
    }
}

/// Gradients of all parameters, in order.
pub(crate) fn gradients<M: Module>(model: &M, loss: Tensor<1>) -> Vec<f32> {
    struct Found<'a>(&'a Gradients, Vec<f32>);
    impl ModuleVisitor for Found<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(self.0).unwrap();
            self.1.extend(gradient.into_data().iter::<f32>());
        }
    }
    let found = loss.backward();
    let mut gradients = Found(&found, Vec::new());
    model.visit(&mut gradients);
    gradients.1
}

/// A batch in chunks has the loss and the gradients of the whole batch, where both have the same
/// dropout.
#[test]
fn cached_gradients_equal_those_of_the_whole_batch() {
    let data = EncodedEmbeddingDataset::new(&positives(1), &tokenizer(), &EncodingConfig::new(12));
    let data = data.unwrap();
    let task = |chunk: Option<usize>| {
        let loss = EmbeddingLossConfig::for_rows(data.kind()).init().unwrap();
        let task = EmbeddingTask::new(data.clone(), loss);
        match chunk {
            Some(texts) => task.mini_batch_size(texts),
            None => task,
        }
    };
    let run = |chunk, dropout| {
        let config = EmbeddingModelConfig::new(encoder(dropout));
        let model = init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.1, 3);
        let task = task(chunk);
        let batch = task.batch(&(0..48).collect::<Vec<_>>(), 0).unwrap();
        let step = task.size(&batch).unwrap();
        let loss = task
            .loss(&model, &batch, &step, DropoutStream::new(5, 2))
            .unwrap();
        let value = loss.clone().into_scalar::<f32>();
        (value, gradients(&model, loss))
    };
    let (whole, of_whole) = run(None, 0.0);
    let largest = of_whole
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    for chunk in [1, 7, 48, 144] {
        let (value, found) = run(Some(chunk), 0.0);
        assert!(
            (value - whole).abs() < 1e-6 * whole,
            "{chunk}: {value} {whole}"
        );
        for (found, expected) in found.iter().zip(&of_whole) {
            assert!(
                // Sums over the texts are added up in another order.
                (found - expected).abs() <= 1e-5 * largest,
                "{chunk}: {found} {expected}"
            );
        }
    }
    // One chunk of all texts drops what the whole batch drops; smaller ones drop something else.
    assert_eq!(run(Some(144), 0.1), run(None, 0.1));
    assert_ne!(run(Some(7), 0.1).0, run(None, 0.1).0);
    assert_eq!(run(Some(7), 0.1), run(Some(7), 0.1));
}

/// Accumulated batches have the mean loss of their rows.
#[test]
fn a_step_of_several_batches_weighs_them_by_their_rows() {
    let data = EncodedEmbeddingDataset::new(&positives(1), &tokenizer(), &EncodingConfig::new(12));
    let loss = EmbeddingLossConfig::Triplet {
        distance: finetune_train::EmbeddingDistance::Cosine,
        margin: 1.0,
    };
    let task = EmbeddingTask::new(data.unwrap(), loss.init().unwrap());
    let config = EmbeddingModelConfig::new(encoder(0.0));
    let model = init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.1, 3);
    let batches = [0..5, 5..20].map(|rows| task.batch(&rows.collect::<Vec<_>>(), 0).unwrap());
    let step = batches.iter().map(|batch| task.size(batch).unwrap()).sum();
    let of = |batch: &_| {
        let loss = task
            .loss(&model, batch, &step, DropoutStream::new(5, 2))
            .unwrap();
        loss.into_scalar::<f32>()
    };
    let whole = task.batch(&(0..20).collect::<Vec<_>>(), 0).unwrap();
    let parts: f32 = batches.iter().map(of).sum();
    assert!((parts - of(&whole)).abs() < 1e-6);
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    save_start(&start);
    let run = |name: &str, callback: &mut dyn Callback| {
        let config = EmbeddingTrainingConfig {
            mini_batch_size: Some(10),
            model: EmbeddingOverrides {
                adapter: Some(LoraConfig::default()),
                ..Default::default()
            },
            ..config()
        };
        let prepared = EmbeddingTraining::new(&start, splits(positives(0)))
            .config(config)
            .prepare()
            .unwrap();
        prepared.resume(&folder.path().join(name), callback)
    };
    let whole = run("whole", &mut ()).unwrap();
    let mut stops = 0;
    let resumed = loop {
        match run("stopped", &mut StopAt(40)) {
            Ok(output) => break output,
            Err(TrainError::RunComplete { path }) if path == Path::new("stopped") => stops += 1,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(stops > 1);
    let weights = |name: &str| {
        std::fs::read(folder.path().join(name).join("model/model.safetensors")).unwrap()
    };
    assert_eq!(weights("whole"), weights("stopped"));
    assert_eq!(whole.test_score("ndcg@10"), resumed.test_score("ndcg@10"));
}

/// Counts the steps of a run.
struct Steps(Arc<std::sync::atomic::AtomicUsize>);

impl Callback for Steps {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::StepEnd(_) = event {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Two texts that belong together are to be the same.
#[derive(Debug)]
struct Attraction;

impl EmbeddingLoss for Attraction {
    fn of_batch(&self, texts: &[Tensor<2>], _labels: &[f64]) -> Tensor<1> {
        (texts[0].clone() - texts[1].clone()).square().mean()
    }
}

#[test]
fn a_loss_of_ones_own_trains_and_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    save_start(&start);
    let steps = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let training = EmbeddingTraining::new(&start, positives(0)).loss(Attraction);
    let config = EmbeddingTrainingConfig {
        train: TrainConfig {
            evaluation: None,
            ..config().train
        },
        ..config()
    };
    let output = training
        .config(config)
        .epochs(2)
        .callback(Steps(Arc::clone(&steps)))
        .run(&run)
        .unwrap();
    let losses: Vec<f64> = output
        .report
        .train
        .epochs
        .iter()
        .map(|epoch| epoch.loss)
        .collect();
    assert!(losses[1] < losses[0], "{losses:?}");
    assert_eq!(
        steps.load(std::sync::atomic::Ordering::Relaxed),
        output.report.train.steps
    );
    let settings = std::fs::read_to_string(run.join("config.json")).unwrap();
    assert!(settings.contains("\"Attraction\""), "{settings}");
}

/// Pairs of few rows of two classes train the embeddings, and a linear layer on them classifies.
#[test]
fn few_labeled_texts_make_a_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    save_start(&start);
    let rows = |words: &[usize]| {
        let rows = words.iter().flat_map(|word| {
            let row = |topic: usize| {
                let text = format!("the {}", TOPICS[topic][*word]);
                Example::new(text, Label::Class(topic / 4))
            };
            (0..TOPICS.len()).map(row)
        });
        Dataset {
            name: "few".to_string(),
            schema: Schema::classification(["first", "second"]),
            examples: rows.collect(),
        }
    };
    let (train, test) = (rows(&[0, 1, 2, 3]), rows(&[3, 1]));
    let pairs = EmbeddingDataset::from_classes(&train, 8, 1).unwrap();
    let mut settings = config();
    settings.train.evaluation = None;
    settings.train.sampling_strategy = SamplingStrategy::Random;
    settings.loss = Some(EmbeddingLossConfig::CosineSimilarity {});
    let run = folder.path().join("pairs");
    EmbeddingTraining::new(&start, pairs)
        .config(settings)
        .run(&run)
        .unwrap();
    let classify = |model: &Path, name: &str| {
        let mut config = SmallRun::fine_tuning(TrainConfig {
            freeze: FreezeScope::Encoder.into(),
            duration: TrainDuration::Epochs(20),
            ..SmallRun::config()
        });
        config.model.pooling = Some(Pooling::mean());
        config.model.head = Some(HeadConfig::Mlp(MlpConfig::default()));
        let splits = Splits::train_test(train.clone(), test.clone());
        let run = FineTuning::new(model, splits)
            .config(config)
            .run(folder.path().join(name))
            .unwrap();
        run.test_score("accuracy").unwrap()
    };
    let (before, after) = (
        classify(&start, "before"),
        classify(&run.join("model"), "after"),
    );
    assert!(after >= before && after > 0.9, "{before} {after}");
    let predictor = Predictor::load(&folder.path().join("after/model"), &Device::flex()).unwrap();
    let answers = predictor.predict(&["the hail", "the violin"]).unwrap();
    assert_eq!(answers[0].label(), Some("first"));
    assert_eq!(answers[1].label(), Some("second"));
}

#[test]
fn what_does_not_fit_is_named_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    save_start(&start);
    let message = |data: EmbeddingDataset, change: &dyn Fn(&mut EmbeddingTrainingConfig)| {
        let mut settings = config();
        settings.train.evaluation = None;
        change(&mut settings);
        let training = EmbeddingTraining::new(&start, data).config(settings);
        training.prepare().unwrap_err().to_string()
    };
    let loss = |json: &'static str| {
        move |config: &mut EmbeddingTrainingConfig| {
            config.loss = Some(serde_json::from_str(json).unwrap());
        }
    };
    let found = message(positives(0), &loss(r#"{"kind": "cosent"}"#));
    let expected = "loss is cosent for texts that belong together, expected a loss for them; it is for pairs with scores and pairs with labels";
    assert_eq!(found, expected);
    let found = message(positives(0), &loss(r#"{"kind": "triplet"}"#));
    assert_eq!(
        found,
        "negatives of a row is 0, expected at least 1 for the triplet loss"
    );
    let found = message(positives(0), &|config| config.train.batch_size = 1.into());
    assert!(
        found.starts_with("batch_size is 1, expected at least 2"),
        "{found}"
    );
    let found = message(positives(0), &|config| {
        config.matryoshka = Some(MatryoshkaConfig::new([25]))
    });
    assert_eq!(
        found,
        "matryoshka.dims is 25, expected in 1..=24, the values of an embedding"
    );
    let found = message(positives(0), &|config| {
        config.text.encoding.truncation = "sliding-window-2".parse().unwrap();
    });
    assert!(found.contains("truncation"), "{found}");
    let none = EmbeddingDataset::positives::<&str, [&str; 2]>("none", []).unwrap();
    let found = message(none, &|config| config.train.batch_size = 2.into());
    assert!(found.contains("training rows is 0"), "{found}");
    // Rows of a classifier are not compared with each other.
    let classifier = folder.path().join("classifier");
    let mut settings = SmallRun::fine_tuning(SmallRun::config());
    settings.train.sampling_strategy = SamplingStrategy::NoDuplicates;
    let error = FineTuning::new(&classifier, checkpoint(&classifier))
        .config(settings)
        .prepare()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("sampling_strategy is no_duplicates"),
        "{error}"
    );
}

/// What a directory of sentence-transformers says about prompts and lowercase counts in the embedder
/// and stays with a model that is trained on.
#[test]
fn prompts_and_lowercase_of_a_checkpoint_stay_with_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    save_start(&start);
    let settings =
        r#"{"prompts": {"query": "the ", "place": "a "}, "default_prompt_name": "query"}"#;
    std::fs::write(start.join("config_sentence_transformers.json"), settings).unwrap();
    let lowercase = r#"{"max_seq_length": 10, "do_lower_case": true}"#;
    std::fs::write(start.join("sentence_bert_config.json"), lowercase).unwrap();
    let load = |directory: &Path, prompt: Option<&str>| {
        let config = EmbedderConfig {
            prompt_name: prompt.map(str::to_string),
            ..EmbedderConfig::default()
        };
        Embedder::load_with(directory, config, &Device::flex())
    };
    let embed = |embedder: &Embedder, text: &str| embedder.embed(&[text]).unwrap();
    let check = |directory: &Path| {
        let (default, place) = (load(directory, None), load(directory, Some("place")));
        let (default, place) = (default.unwrap(), place.unwrap());
        // The other prompt of the same text, spelled out.
        assert_eq!(embed(&default, "Dog"), embed(&default, "dog"));
        assert_ne!(embed(&default, "dog"), embed(&place, "dog"));
        let error = load(directory, Some("title")).unwrap_err().to_string();
        assert!(error.starts_with("prompt_name is title"), "{error}");
        embed(&default, "dog")
    };
    check(&start);
    let mut config = config();
    config.train.duration = TrainDuration::Epochs(1);
    let training = EmbeddingTraining::new(&start, splits(positives(0))).config(config);
    let output = training.run(&run).unwrap();
    let loaded = check(&run.join("model"));
    let in_memory = output.embedder(EmbedderConfig::default()).unwrap();
    assert_eq!(embed(&in_memory, "dog"), loaded);
    let settings: serde_json::Value = read_json(&run.join("config.json")).unwrap();
    assert_eq!(
        settings["config"]["text"]["cleaning"]["steps"][0],
        "lowercase"
    );
}
