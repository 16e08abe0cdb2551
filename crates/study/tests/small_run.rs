//! A task and a checkpoint small enough to train in a test: which of two groups of words a text is
//! made of.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{
    BatchSize, Dataset, EncodingConfig, Example, Label, Schema, Splits, TextTokenizer,
};
use finetune_model::{
    CheckpointConfig, EncoderConfig, SequenceClassifierConfig, init_weights, save_classifier,
};
use finetune_train::{FineTuningConfig, OptimizerConfig, TextConfig, TrainConfig, TrainDuration};

pub(crate) fn dataset(rows: usize) -> Dataset {
    let words = [["storm", "rain", "hail"], ["bread", "soup", "rice"]];
    let examples = (0..rows).map(|row| {
        let label = row % 2;
        // Lengths from 1 to 7 words, so that batches need padding.
        let text: Vec<&str> = (0..1 + row * 5 % 7)
            .map(|at| words[label][(row + at) % 3])
            .collect();
        Example::new(text.join(" "), Label::Class(label))
    });
    Dataset {
        name: "small".to_string(),
        schema: Schema::classification(["weather", "food"]),
        examples: examples.collect(),
    }
}

/// The loop's settings of a small run.
pub(crate) fn train_config() -> TrainConfig {
    TrainConfig {
        duration: TrainDuration::Epochs(3),
        batch_size: BatchSize::Rows(6),
        optimizer: OptimizerConfig {
            learning_rate: 3e-3,
            ..Default::default()
        },
        ..Default::default()
    }
}

/// The settings of a run from files.
pub(crate) fn fine_tuning_config(train: TrainConfig) -> FineTuningConfig {
    FineTuningConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(16),
            ..Default::default()
        },
        train,
        ..Default::default()
    }
}

/// A checkpoint folder with a small model and its tokenizer.
pub(crate) fn checkpoint(folder: &Path) -> Splits {
    let train = dataset(40);
    let texts = train.examples.iter().map(|example| &example.text);
    let tokenizer = TextTokenizer::train_wordpiece(texts, 60).unwrap();
    let encoder = EncoderConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 24,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        intermediate_size: 48,
        max_position_embeddings: 16,
        ..Default::default()
    };
    let classes = vec!["weather".to_string(), "food".to_string()];
    let classifier = SequenceClassifierConfig::new(encoder.clone(), classes);
    let classifier = classifier.init(&Device::flex().autodiff()).unwrap();
    let model = init_weights(classifier, 0.05, 1).valid();
    save_classifier(folder, &model, &CheckpointConfig::new(encoder)).unwrap();
    tokenizer.save(folder).unwrap();
    let test = Dataset {
        name: "small/test".to_string(),
        ..dataset(10)
    };
    Splits::train_test(train, test)
}
