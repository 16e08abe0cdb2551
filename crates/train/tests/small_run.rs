//! A task small enough to train in a test: which of two groups of words a text is made of.

use std::sync::Arc;

use burn::tensor::Device;
use finetune_data::{
    BatchSize, Dataset, EncodedDataset, EncodingConfig, Example, Label, Schema, TextTokenizer,
};
use finetune_model::{EncoderConfig, SequenceClassifier, SequenceClassifierConfig, init_weights};
use finetune_predict::predict;
use finetune_train::{
    Criterion, FineTuningConfig, LossConfig, OptimizerConfig, SequenceClassificationTask,
    StepRecord, TextConfig, TrainConfig, TrainDuration, TrainError, Trainer,
};

pub(crate) struct SmallRun {
    pub(crate) data: EncodedDataset,
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) encoder: EncoderConfig,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Trained {
    pub(crate) curve: Vec<StepRecord>,
    pub(crate) logits: Vec<Vec<f32>>,
    pub(crate) model: SequenceClassifier,
}

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

impl SmallRun {
    pub(crate) fn new() -> Self {
        let dataset = dataset(40);
        let texts = dataset.examples.iter().map(|example| &example.text);
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
        let data = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(16)).unwrap();
        Self {
            data,
            tokenizer,
            encoder,
        }
    }

    pub(crate) fn model(&self, seed: u64) -> SequenceClassifier {
        let class_names = self.data.class_names().to_vec();
        let config = SequenceClassifierConfig::new(self.encoder.clone(), class_names);
        init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.05, seed)
    }

    pub(crate) fn config() -> TrainConfig {
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

    /// The same for a run from files.
    pub(crate) fn fine_tuning(train: TrainConfig) -> FineTuningConfig {
        FineTuningConfig {
            text: TextConfig {
                encoding: EncodingConfig::new(16),
                ..Default::default()
            },
            train,
            ..Default::default()
        }
    }

    pub(crate) fn loss(&self) -> Criterion {
        let labels = self.data.labels.all().unwrap();
        LossConfig::default().init(&labels, 2).unwrap()
    }

    pub(crate) fn task(&self) -> SequenceClassificationTask {
        let data = Arc::new(self.data.clone());
        SequenceClassificationTask::new(data.clone(), self.loss())
            .validation(data)
            .eval_batch_size(BatchSize::Rows(7))
    }

    /// Trains and predicts.
    pub(crate) fn train(&self, config: &TrainConfig) -> Result<Trained, TrainError> {
        let mut curve = Vec::new();
        let task = self.task();
        let trainer = Trainer::new(&task, config);
        let model = trainer.train(self.model(1), &mut curve)?.model;
        let logits = predict(&model, &self.data, BatchSize::Rows(7))?
            .predictions
            .logits;
        Ok(Trained {
            curve,
            logits,
            model,
        })
    }
}
