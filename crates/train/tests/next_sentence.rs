//! Next-sentence prediction beside masked language modeling through the one loop.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::{
    BatchSize, Dataset, EncodingConfig, Example, Label, SamplingStrategy, Schema, Target,
    TextArity, TextTokenizer,
};
use finetune_model::{EncoderConfig, Family, load_masked_lm, load_pre_training};
use finetune_train::{
    CheckpointPolicy, FineTuning, InitialModel, Interval, MaskedLmTask, NextSentenceConfig,
    OptimizerConfig, PreTraining, PreTrainingConfig, PreparedRun, StepRecord, TextConfig,
    TrainConfig, TrainDuration,
};

use crate::regression::checkpoint;
use crate::resume::StopAt;
use crate::small_run::SmallRun;

/// Texts of two sentences about the weather, the second always of a storm's end, and texts of one
/// sentence about food, which can only be random second segments.
pub(crate) fn corpus(stories: usize, meals: usize) -> Dataset {
    let words = |words: [&str; 3], row: usize| {
        let words = (0..3).map(|at| words[(row + at * (1 + row % 2)) % 3]);
        format!("{}.", words.collect::<Vec<_>>().join(" "))
    };
    let story = |row| {
        let first = words(["storm", "rain", "hail"], row);
        format!("{first} {}", words(["calm", "sun", "rainbow"], row / 2))
    };
    let meal = |row| words(["bread", "soup", "rice"], row);
    let texts = (0..stories).map(story).chain((0..meals).map(meal));
    Dataset {
        name: "stories and meals".to_string(),
        schema: Schema {
            texts: TextArity::Single,
            target: Target::Unlabeled,
        },
        examples: texts
            .map(|text| Example::new(text, Label::Unlabeled))
            .collect(),
    }
}

/// Encoder and tokenizer for the corpus.
pub(crate) fn start(dropout: f64) -> InitialModel {
    let texts = corpus(12, 6);
    let texts = texts.examples.iter().map(|example| &example.text);
    let tokenizer = TextTokenizer::train_wordpiece(texts, 200).unwrap();
    let encoder = EncoderConfig {
        vocab_size: tokenizer.vocab_size(),
        initializer_range: 0.05,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        ..SmallRun::new().encoder
    };
    InitialModel::Random(encoder, tokenizer)
}

fn config(steps: usize) -> PreTrainingConfig {
    let base = PreTrainingConfig::default();
    PreTrainingConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(16),
            ..Default::default()
        },
        next_sentence: Some(NextSentenceConfig::default()),
        validation_split: 0.3,
        train: TrainConfig {
            duration: TrainDuration::Steps(steps),
            batch_size: 16.into(),
            optimizer: OptimizerConfig {
                learning_rate: 3e-3,
                ..Default::default()
            },
            ..base.train
        },
        ..base
    }
}

fn prepare(config: PreTrainingConfig) -> PreparedRun<'static, MaskedLmTask> {
    let run = PreTraining::new(start(0.1), corpus(120, 180));
    run.config(config).prepare().unwrap()
}

#[test]
fn next_sentences_are_learned_and_the_pooler_goes_into_a_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let report = prepare(config(200)).run(&run, &mut ()).unwrap().report;
    let evaluations = &report.train.evaluations;
    let (first, last) = (
        &evaluations[0].scores,
        &evaluations[evaluations.len() - 1].scores,
    );
    assert!(last["next_sentence_accuracy"] > 0.7, "{last:?}");
    assert!(
        last["next_sentence_loss"] < 0.8 * first["next_sentence_loss"],
        "{first:?} {last:?}"
    );
    assert!(
        last["perplexity"] < 0.7 * first["perplexity"],
        "{first:?} {last:?}"
    );
    for scores in [first, last] {
        let sum = scores["perplexity"].ln() + scores["next_sentence_loss"];
        assert!((scores["loss"] - sum).abs() < 1e-9, "{scores:?}");
    }
    // The rows are pairs: each story has one, a meal none.
    let train = report.data.unwrap().train;
    assert!(train.name.ends_with("sentence pairs"), "{}", train.name);
    assert!((60..120).contains(&train.rows), "{}", train.rows);

    let (model, device) = (run.join("model"), Device::flex());
    let (_, _, loaded) = load_pre_training(&model, 0, &device).unwrap();
    assert!(loaded.newly_initialized.is_empty(), "{loaded}");
    let (_, _, loaded) = load_masked_lm(&model, 0, &device).unwrap();
    assert!(loaded.newly_initialized.is_empty(), "{loaded}");
    let splits = checkpoint(&folder.path().join("other"));
    let tuned = FineTuning::new(&model, splits)
        .config(SmallRun::fine_tuning(SmallRun::config()))
        .prepare()
        .unwrap();
    let mut new = tuned.load_report().newly_initialized.clone();
    new.sort();
    assert_eq!(new, ["classifier.bias", "classifier.weight"]);
}

/// Between any two events there may be a kill.
#[test]
fn a_stopped_run_goes_on_as_if_it_had_not_been() {
    let config = || PreTrainingConfig {
        train: TrainConfig {
            checkpoints: CheckpointPolicy {
                every: Some(Interval::Steps(2)),
                snapshot_steps: vec![5],
                ..Default::default()
            },
            ..config(10).train
        },
        ..config(10)
    };
    let outcome = |folder: &Path| {
        let files = [
            "metrics.jsonl",
            "model/model.safetensors",
            "snapshots/step-5/model.safetensors",
        ];
        files.map(|file| fs::read(folder.join(file)).unwrap())
    };
    let whole = tempfile::tempdir().unwrap();
    let run = whole.path().join("run");
    prepare(config()).resume(&run, &mut ()).unwrap();
    let expected = outcome(&run);
    for events in (1..).step_by(13) {
        let stopped = tempfile::tempdir().unwrap();
        let run = stopped.path().join("run");
        if prepare(config()).resume(&run, &mut StopAt(events)).is_ok() {
            assert!(events > 20, "{events}");
            break;
        }
        prepare(config()).resume(&run, &mut ()).unwrap();
        assert!(outcome(&run) == expected, "stopped after {events} events");
    }
}

/// Both means are over the step, not over a batch: masked tokens differ in number.
#[test]
fn accumulated_batches_have_the_loss_of_one() {
    let curve = |batch_size, gradient_accumulation_steps| {
        let config = PreTrainingConfig {
            next_sentence: Some(NextSentenceConfig {
                loss_weight: 3.0,
                ..Default::default()
            }),
            train: TrainConfig {
                batch_size: BatchSize::Rows(batch_size),
                gradient_accumulation_steps,
                sampling_strategy: SamplingStrategy::Random,
                ..config(6).train
            },
            ..config(6)
        };
        let folder = tempfile::tempdir().unwrap();
        let mut curve: Vec<StepRecord> = Vec::new();
        let run = PreTraining::new(start(0.0), corpus(120, 180)).config(config);
        let run = run.prepare().unwrap();
        run.run(&folder.path().join("run"), &mut curve).unwrap();
        curve
    };
    let (large, parts) = (curve(32, 1), curve(8, 4));
    assert_eq!((large.len(), parts.len()), (6, 6));
    for (large, part) in large.iter().zip(&parts) {
        assert!(
            (large.loss - part.loss).abs() <= 1e-5 * large.loss,
            "{large:?} {part:?}"
        );
        let norms = (large.grad_norm - part.grad_norm).abs();
        assert!(norms <= 1e-4 * large.grad_norm, "{large:?} {part:?}");
    }
}

#[test]
fn other_families_and_corpora_without_pairs_are_refused() {
    let InitialModel::Random(encoder, tokenizer) = start(0.1) else {
        panic!("a random model");
    };
    let roberta = EncoderConfig {
        vocab_size: encoder.vocab_size,
        max_position_embeddings: 32,
        num_hidden_layers: 1,
        ..EncoderConfig::base(Family::Roberta)
    };
    let refused = |start, texts| {
        let run = PreTraining::new(start, texts).config(config(1));
        run.prepare().unwrap_err().to_string()
    };
    let message = refused(
        InitialModel::Random(roberta, tokenizer.clone()),
        corpus(12, 6),
    );
    assert!(message.contains("family is roberta"), "{message}");
    let start = InitialModel::Random(encoder, tokenizer);
    let message = refused(start, corpus(0, 60));
    assert!(message.starts_with("texts of two sentences"), "{message}");
}
