//! A small random checkpoint of every newer family, fine-tuned, predicted with, and trained on several
//! tasks.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::concatenate_texts;
use finetune_model::{CheckpointConfig, EncoderConfig, Family, save_classifier};
use finetune_predict::{Prediction, Predictor};
use finetune_train::{FineTuning, MultiTask, PreTraining, TrainConfig, TrainDuration};

use crate::multi_task::whole_run;
use crate::pre_training;
use crate::small_run::{SmallRun, dataset};

const FAMILIES: [Family; 7] = [
    Family::ModernBert,
    Family::DebertaV2,
    Family::MpNet,
    Family::Albert,
    Family::NomicBert,
    Family::Gte,
    Family::EuroBert,
];

/// Writes a checkpoint with its tokenizer.
fn checkpoint(family: Family, folder: &Path) {
    let mut small = SmallRun::new();
    let base = EncoderConfig::base(family);
    small.encoder = EncoderConfig {
        embedding_size: (family == Family::Albert).then_some(10),
        // Of three layers, the lower two share their parameters.
        num_hidden_groups: (family == Family::Albert).then_some(2),
        num_key_value_heads: (family == Family::EuroBert).then_some(1),
        local_attention: (family == Family::ModernBert).then_some(4),
        max_position_embeddings: 20,
        vocab_size: small.encoder.vocab_size,
        hidden_size: small.encoder.hidden_size,
        num_hidden_layers: small.encoder.num_hidden_layers,
        num_attention_heads: small.encoder.num_attention_heads,
        intermediate_size: small.encoder.intermediate_size,
        ..base
    };
    let config = CheckpointConfig::new(small.encoder.clone());
    save_classifier(folder, &small.model(1).valid(), &config).unwrap();
    small.tokenizer.save(folder).unwrap();
}

fn likeliest(prediction: &Prediction) -> &str {
    match prediction {
        Prediction::SingleLabel { label, .. } => label,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_family_learns_and_predicts() {
    for family in FAMILIES {
        let folder = tempfile::tempdir().unwrap();
        let (start, run) = (folder.path().join("start"), folder.path().join("run"));
        checkpoint(family, &start);
        let train = TrainConfig {
            duration: TrainDuration::Epochs(8),
            ..SmallRun::config()
        };
        let splits = whole_run::splits(dataset, 40);
        let test = splits.test.clone().unwrap();
        let prepared = FineTuning::new(&start, splits)
            .config(SmallRun::fine_tuning(train))
            .prepare()
            .unwrap();
        let output = prepared.run(&run, &mut ()).unwrap();
        assert_eq!(output.test_score("accuracy"), Some(1.0), "{family}");

        let predictor = Predictor::load(&run.join("model"), &Device::flex()).unwrap();
        let texts: Vec<&str> = test.examples.iter().map(|row| row.text.as_str()).collect();
        for (at, prediction) in predictor.predict(&texts).unwrap().iter().enumerate() {
            let expected = ["weather", "food"][at % 2];
            assert_eq!(likeliest(prediction), expected, "{family}: {}", texts[at]);
        }
        let read = CheckpointConfig::read(&run.join("model")).unwrap();
        assert_eq!(read.encoder.family, family);
    }
}

#[test]
fn every_family_trains_on_several_tasks() {
    for family in FAMILIES {
        let folder = tempfile::tempdir().unwrap();
        let (start, run) = (folder.path().join("start"), folder.path().join("run"));
        checkpoint(family, &start);
        let report = MultiTask::new(&start)
            .config(whole_run::config())
            .data(whole_run::data())
            .prepare()
            .unwrap()
            .run(&run, &mut ())
            .unwrap()
            .report;
        let test = report.task("topic").unwrap().test.as_ref().unwrap();
        assert_eq!(test.score("accuracy"), Some(1.0), "{family}");
        for task in ["topic", "same", "alike"] {
            let predictor = Predictor::load(&run.join("model").join(task), &Device::flex());
            let read = predictor.unwrap();
            let first = match task {
                "topic" => read.predict(&["storm rain"]).unwrap(),
                _ => read.predict_pairs(&[("storm rain", "bread")]).unwrap(),
            };
            assert_eq!(first.len(), 1, "{family} {task}");
        }
    }
}

#[test]
fn every_family_is_pre_trained() {
    for family in FAMILIES {
        let folder = tempfile::tempdir().unwrap();
        let (start, run) = (folder.path().join("start"), folder.path().join("run"));
        checkpoint(family, &start);
        let report = PreTraining::new(&start, concatenate_texts([&dataset(100)]))
            .config(pre_training::config())
            .prepare()
            .unwrap()
            .run(&run, &mut ())
            .unwrap()
            .report;
        let evaluations = &report.train.evaluations;
        let perplexity = |at: usize| evaluations[at].scores["perplexity"];
        let (first, last) = (perplexity(0), perplexity(evaluations.len() - 1));
        assert!(last < 0.6 * first, "{family}: {first} {last}");
    }
}
