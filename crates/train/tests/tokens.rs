//! Runs on sentences with a class per word.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::tagged::TagScheme;
use finetune_data::{
    BatchSize, Dataset, Example, Label, LabelAlignment, Schema, Splits, TextTokenizer,
};
use finetune_eval::EntityMode;
use finetune_model::{CheckpointConfig, EncoderConfig, LoraConfig, init_weights, save_encoder};
use finetune_predict::{Aggregation, TextPreprocessing, TokenPredictor, TokenPredictorConfig};
use finetune_train::{
    CheckpointPolicy, EvaluationConfig, FineTuning, FreezeConfig, FreezeScope, Interval,
    PreparedRun, RunReport, StepRecord, TestScores, TokenClassification, TokenClassificationConfig,
    TokenClassificationTask, TrainConfig, TrainDuration, read_json,
};
use serde_json::{Value, json};

use crate::resume::StopAt;
use crate::small_run::SmallRun;

pub(crate) const NAMES: [&str; 5] = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"];

/// Names of one or two words between others; "of" belongs to a place if a place is behind it.
pub(crate) fn sentences(rows: usize) -> Dataset {
    let (first, last) = (["ann", "bob", "eve"], ["stone", "wood", "hill"]);
    let (places, others) = (["oslo", "rome", "lima"], ["saw", "left", "likes"]);
    let examples = (0..rows).map(|row| {
        let (at, next) = (row % 3, (row / 3) % 3);
        let mut words = vec![(first[at], 1)];
        if row % 2 == 0 {
            words.push((last[next], 3));
        }
        words.push((others[(at + next) % 3], 4));
        if row % 4 < 3 {
            words.push((places[next], 0));
            if row % 5 == 0 {
                words.push((last[at], 2));
            }
        }
        let text: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let classes = words.iter().map(|(_, class)| *class).collect();
        Example::new(text.join(" "), Label::TokenClasses(classes))
    });
    Dataset {
        name: "names".to_string(),
        schema: Schema::token_classification(NAMES),
        examples: examples.collect(),
    }
}

fn splits() -> Splits {
    Splits {
        validation: Some(sentences(18)),
        ..Splits::train_test(sentences(48), sentences(24))
    }
}

/// A checkpoint of a random encoder whose tokenizer has few words: some have several tokens.
fn checkpoint(directory: &Path, dropout: f64) {
    let texts = [
        "ann bob eve stone saw left likes oslo rome",
        "wood hill lima",
    ];
    let tokenizer = TextTokenizer::train_wordpiece(texts, 48).unwrap();
    let encoder = EncoderConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 48,
        max_position_embeddings: 32,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        ..Default::default()
    };
    let model = init_weights(encoder.init(&Device::flex()).unwrap(), 0.05, 5);
    save_encoder(directory, &model, &CheckpointConfig::new(encoder)).unwrap();
    tokenizer.save(directory).unwrap();
}

fn config() -> TokenClassificationConfig {
    let mut config = TokenClassificationConfig {
        train: TrainConfig {
            duration: TrainDuration::Epochs(12),
            evaluation: Some(EvaluationConfig {
                metric_for_best_model: "entity_f1".to_string(),
                ..Default::default()
            }),
            checkpoints: CheckpointPolicy {
                every: Some(Interval::Steps(5)),
                snapshot_steps: vec![8],
                ..Default::default()
            },
            ..SmallRun::config()
        },
        ..Default::default()
    };
    config.train.optimizer.learning_rate = 5e-3;
    config.text.encoding.max_length = 32;
    config
}

/// A run on 48 sentences with these settings of the loop.
pub(crate) fn prepared(
    directory: &Path,
    crf: bool,
    train: TrainConfig,
) -> PreparedRun<'static, TokenClassificationTask> {
    checkpoint(directory, 0.1);
    let config = TokenClassificationConfig {
        crf,
        train,
        ..config()
    };
    let run = TokenClassification::new(directory, sentences(48)).config(config);
    run.prepare().unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_run_learns_entities_and_leaves_a_whole_record() {
    for crf in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (start, run) = (folder.path().join("start"), folder.path().join("run"));
        checkpoint(&start, 0.1);
        let config = TokenClassificationConfig { crf, ..config() };
        let output = TokenClassification::new(&start, splits())
            .config(config)
            .run(&run)
            .unwrap();
        let score = |metric: &str| output.test_score(metric).unwrap();
        assert!(score("entity_f1") > 0.9, "{output}");
        for metric in [
            "loss",
            "entity_precision",
            "entity_recall",
            "entity_macro_f1",
            "accuracy",
        ] {
            assert!(score(metric).is_finite(), "{metric}");
        }
        let report: RunReport = read_json(&run.join("report.json")).unwrap();
        let TestScores::Entities(scores) = &report.test.as_ref().unwrap().scores else {
            panic!("{report}");
        };
        assert_eq!(scores.sentences, 24);
        assert_eq!(scores.micro.f1, score("entity_f1"));
        let best = report.train.best.as_ref().unwrap();
        assert!(best.scores["entity_f1"] > 0.9);
        let page = fs::read_to_string(run.join("report.html")).unwrap();
        assert!(page.contains("PER") && page.contains("Entities by true and predicted type"));

        let written = lines(&run.join("predictions.jsonl"));
        assert_eq!(written.len(), 24);
        assert_eq!(
            written[2]["words"],
            json!(["eve", "stone", "likes", "oslo"])
        );
        assert_eq!(written[2]["label"], json!(["B-PER", "I-PER", "O", "B-LOC"]));
        let words: usize = written
            .iter()
            .map(|line| line["words"].as_array().unwrap().len())
            .sum();
        assert_eq!(output.predictions().unwrap().len(), words);

        // What was saved predicts the same as what is in memory.
        let settings = TextPreprocessing::read(&run.join("model"))
            .unwrap()
            .unwrap();
        assert_eq!(settings.tags.unwrap().scheme, TagScheme::Bio);
        let device = Device::flex();
        let load = |part: &str| {
            TokenPredictor::load(&run.join(part), TokenPredictorConfig::default(), &device).unwrap()
        };
        let texts = ["Ann Stone left Rome, and eve saw lima wood.", "", "?"];
        let loaded = load("model").predict(&texts).unwrap();
        let kept = output
            .token_predictor(TokenPredictorConfig::default())
            .unwrap();
        assert_eq!(kept.predict(&texts).unwrap(), loaded);
        assert!(loaded[1].words.is_empty());
        let person = &loaded[0].entities[0];
        assert_eq!((&person.text[..], &person.label[..]), ("Ann Stone", "PER"));
        assert_eq!((person.start, person.end), (0, 9));
        assert!(load("snapshots/step-8").predict(&texts).is_ok());

        // The test rows, by the predictor: what the run says.
        let scores = load("model").evaluate(&sentences(24)).unwrap();
        assert_eq!(scores["entity_f1"], score("entity_f1"));
        let words: Vec<Vec<&str>> = vec![vec!["eve", "stone", "likes", "oslo"]];
        let found = &load("model").predict_words(&words).unwrap()[0];
        assert_eq!(json!(found.labels()), written[2]["prediction"]);
    }
}

#[test]
fn long_texts_are_predicted_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    checkpoint(&start, 0.0);
    let output = TokenClassification::new(&start, splits())
        .config(config())
        .run(&run)
        .unwrap();
    let text = vec!["ann saw oslo"; 40].join(" ");
    for aggregation in [Aggregation::First, Aggregation::Average, Aggregation::Max] {
        let config = TokenPredictorConfig {
            aggregation,
            ..Default::default()
        };
        let found = output
            .token_predictor(config)
            .unwrap()
            .predict(&[&text])
            .unwrap();
        assert_eq!(found[0].words.len(), 120);
    }
}

#[test]
fn tags_without_a_scheme_are_classes_of_words() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    checkpoint(&start, 0.0);
    let plain = |rows| Dataset {
        schema: Schema::token_classification([
            "place",
            "person",
            "place too",
            "person too",
            "other",
        ]),
        ..sentences(rows)
    };
    let mut config = config();
    config.train.evaluation = None;
    config.alignment = LabelAlignment::All;
    let splits = Splits::train_test(plain(48), plain(24));
    let output = TokenClassification::new(&start, splits)
        .config(config)
        .run(&run)
        .unwrap();
    assert!(output.test_score("accuracy").unwrap() > 0.9, "{output}");
    let report: RunReport = read_json(&run.join("report.json")).unwrap();
    let TestScores::Classes { report, .. } = &report.test.as_ref().unwrap().scores else {
        panic!("{report}");
    };
    assert_eq!(Some(report.macro_f1), output.test_score("macro_f1"));
    let found = output
        .token_predictor(TokenPredictorConfig::default())
        .unwrap();
    let found = &found.predict(&["bob saw rome"]).unwrap()[0];
    assert!(found.entities.is_empty());
    assert_eq!(found.words.len(), 3);
}

/// The mean is over the labeled tokens of a step, whatever batches they come in.
#[test]
fn accumulated_batches_are_one_large_batch() {
    for crf in [false, true] {
        let steps = |rows: usize, accumulation: usize| {
            let folder = tempfile::tempdir().unwrap();
            let start = folder.path().join("start");
            checkpoint(&start, 0.0);
            let mut config = TokenClassificationConfig { crf, ..config() };
            config.train.duration = TrainDuration::Epochs(2);
            config.train.checkpoints.snapshot_steps.clear();
            config.train.batch_size = BatchSize::Rows(rows);
            config.train.gradient_accumulation_steps = accumulation;
            let mut curve: Vec<StepRecord> = Vec::new();
            let run = TokenClassification::new(&start, splits()).config(config);
            run.prepare()
                .unwrap()
                .run(&folder.path().join("run"), &mut curve)
                .unwrap();
            curve
        };
        let (large, parts) = (steps(24, 1), steps(6, 4));
        assert_eq!((large.len(), parts.len()), (4, 4));
        for (large, part) in large.iter().zip(&parts) {
            assert!((large.loss - part.loss).abs() <= 1e-5, "{large:?} {part:?}");
            let norms = (large.grad_norm - part.grad_norm).abs();
            assert!(norms <= 1e-4 * large.grad_norm, "{large:?} {part:?}");
        }
    }
}

#[test]
fn a_stopped_run_goes_on_as_if_it_had_not() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start, 0.1);
    let config = TokenClassificationConfig {
        crf: true,
        ..config()
    };
    let prepare = || {
        TokenClassification::new(&start, splits())
            .config(config.clone())
            .prepare()
            .unwrap()
    };
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    prepare().run(&whole, &mut ()).unwrap();
    prepare().run(&parts, &mut StopAt(60)).unwrap_err();
    prepare().resume(&parts, &mut ()).unwrap();
    for file in [
        "metrics.jsonl",
        "predictions.jsonl",
        "model/model.safetensors",
    ] {
        let read = |run: &Path| fs::read(run.join(file)).unwrap();
        assert!(read(&whole) == read(&parts), "{file}");
    }
}

#[test]
fn parts_may_be_frozen_or_adapted() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start, 0.0);
    let mut frozen = config();
    frozen.train.duration = TrainDuration::Epochs(1);
    let mut adapted = frozen.clone();
    frozen.train.freeze = FreezeConfig {
        scope: FreezeScope::Encoder,
        ..Default::default()
    };
    adapted.adapter = Some(LoraConfig {
        rank: 2,
        ..Default::default()
    });
    let words = |run: &Path| {
        let file = fs::read(run.join("model.safetensors")).unwrap();
        let golden = finetune_golden::Golden::new(&file);
        let name = golden
            .names()
            .into_iter()
            .find(|name| name.ends_with("word_embeddings.weight"));
        golden.floats(&name.unwrap()).0
    };
    for (name, config) in [("frozen", frozen), ("adapted", adapted)] {
        let run = folder.path().join(name);
        let output = TokenClassification::new(&start, splits())
            .config(config)
            .run(&run)
            .unwrap();
        let model = &output.report.model;
        assert!(model.trainable_parameters < model.parameters / 2, "{name}");
        assert_eq!(words(&start), words(&run.join("model")), "{name}");
        TokenPredictor::load(&run.join("model"), Default::default(), &Device::flex()).unwrap();
    }
}

#[test]
fn what_does_not_fit_is_refused_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start, 0.0);
    let message = |splits: Splits, config: TokenClassificationConfig| {
        let prepared = TokenClassification::new(&start, splits)
            .config(config)
            .prepare();
        prepared
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let mut broken = splits();
    broken.validation.as_mut().unwrap().examples[3].label = Label::TokenClasses(vec![3, 4, 0]);
    let expected = "tag is \"I-PER\" of word 0 in row 3 of the validation rows";
    assert!(message(broken, config()).starts_with(expected));
    let mut short = splits();
    short.train.examples[0].label = Label::TokenClasses(vec![1]);
    assert!(message(short, config()).contains("for each of"));
    let texts = crate::small_run::dataset(8);
    let expected = "target of the data is";
    assert!(message(texts.into(), config()).starts_with(expected));
    let mut metric = config();
    metric
        .train
        .evaluation
        .as_mut()
        .unwrap()
        .metric_for_best_model = "f1".to_string();
    assert!(message(splits(), metric).contains("entity_f1, entity_precision"));
    let mut strict = config();
    strict.entity_mode = EntityMode::Strict(finetune_eval::EntityScheme::Bilou);
    assert_eq!(message(splits(), strict), "");
    let as_texts = FineTuning::new(&start, splits())
        .prepare()
        .err()
        .unwrap()
        .to_string();
    assert!(as_texts.contains("a class for each word"), "{as_texts}");
}

#[test]
fn words_that_are_cut_off_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    checkpoint(&start, 0.0);
    let mut config = config();
    config.text.encoding.max_length = 5;
    config.train.duration = TrainDuration::Epochs(1);
    let output = TokenClassification::new(&start, splits())
        .config(config)
        .run(&run)
        .unwrap();
    let data = output.report.data.as_ref().unwrap();
    assert!(data.train.cut_words > 0 && data.train.truncated > 0);
    let lines = lines(&run.join("predictions.jsonl"));
    assert!(
        lines
            .iter()
            .all(|line| line["words"].as_array().unwrap().len() <= 3)
    );
}
