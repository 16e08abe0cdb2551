//! Rerankers through the one loop.

use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use finetune_data::{
    EncodedRerankingDataset, EncodingConfig, RerankingDataset, RerankingExample, RerankingSplits,
    TextTokenizer, Truncation,
};
use finetune_model::{
    CheckpointConfig, DropoutStream, EncoderConfig, LoraConfig, Pooling, ProblemType,
    SequenceClassifierConfig, init_weights, save_encoder,
};
use finetune_predict::{Prediction, Predictor, PredictorConfig};
use finetune_train::{
    BatchCounts, ClassifierOverrides, EvaluationConfig, RankingLists, RankingLoss,
    RankingLossConfig, RerankerTraining, RerankerTrainingConfig, RerankingTask, RunReport, Task,
    TestScores, TextConfig, TrainConfig, TrainDuration, read_json,
};
use serde_json::Value;

use crate::embeddings::gradients;
use crate::resume::StopAt;
use crate::small_run::SmallRun;

const WORDS: [&str; 8] = ["rain", "soup", "dog", "bus", "red", "drum", "ward", "goal"];

/// Each word with documents that have it twice, once and not at all: two to five of them.
fn rows() -> RerankingDataset {
    let rows = (0..WORDS.len() * 3).map(|row| {
        let word = |step: usize| WORDS[(row + step) % WORDS.len()];
        let (query, other) = (word(0), word(1 + row / WORDS.len()));
        let all = [
            (format!("the {other}"), 0.0),
            (format!("{query} and {query}"), 2.0),
            (format!("{query} and {other}"), 1.0),
            (format!("{other} and {other}"), 0.0),
            (format!("{} and {other}", word(2)), 0.0),
        ];
        let documents = &all[..2 + row % 4];
        RerankingExample {
            query: query.to_string(),
            documents: documents.iter().map(|(text, _)| text.clone()).collect(),
            labels: documents.iter().map(|(_, label)| *label).collect(),
        }
    });
    RerankingDataset::new("words", rows.collect()).unwrap()
}

fn splits() -> RerankingSplits {
    RerankingSplits {
        validation: Some(rows()),
        test: Some(rows()),
        train: rows(),
    }
}

fn tokenizer() -> TextTokenizer {
    let texts = WORDS.into_iter().flat_map(|word| [word; 3]);
    TextTokenizer::train_wordpiece(texts.chain(["the and"; 3]), 200).unwrap()
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

fn checkpoint(directory: &Path, dropout: f64) {
    let encoder = encoder(dropout);
    let model = init_weights(encoder.init(&Device::flex()).unwrap(), 0.05, 5);
    save_encoder(directory, &model, &CheckpointConfig::new(encoder)).unwrap();
    tokenizer().save(directory).unwrap();
}

fn config(loss: RankingLossConfig) -> RerankerTrainingConfig {
    let mut config = RerankerTrainingConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(12),
            ..Default::default()
        },
        loss,
        train: TrainConfig {
            duration: TrainDuration::Epochs(60),
            batch_size: 6.into(),
            evaluation: Some(EvaluationConfig {
                metric_for_best_model: "ndcg@10".to_string(),
                ..Default::default()
            }),
            ..SmallRun::config()
        },
        ..Default::default()
    };
    config.train.optimizer.learning_rate = 5e-3;
    config
}

fn loss_of(kind: &str) -> RankingLossConfig {
    serde_json::from_str(&format!("{{\"kind\": {kind:?}}}")).unwrap()
}

fn score(prediction: &Prediction) -> f64 {
    match prediction {
        Prediction::Regression { scores } => scores[0].score,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_loss_learns_the_order_and_leaves_a_whole_record() {
    for kind in ["lambda", "rank_net", "list_net", "list_mle", "plist_mle"] {
        let folder = tempfile::tempdir().unwrap();
        let (start, run) = (folder.path().join("start"), folder.path().join("run"));
        checkpoint(&start, 0.0);
        let training = RerankerTraining::new(&start, splits()).config(config(loss_of(kind)));
        let output = training.run(&run).unwrap();
        for metric in ["ndcg@10", "mrr@10", "map"] {
            let found = output.test_score(metric).unwrap();
            assert!(found > 0.9, "{kind}: {metric} {found}");
        }
        let report: RunReport = read_json(&run.join("report.json")).unwrap();
        let TestScores::Reranking(scores) = report.test.unwrap().scores else {
            panic!("no scores of a reranker");
        };
        assert_eq!(scores.rows, 24);
        assert_eq!(scores.documents as usize, rows().num_documents());
        assert_eq!(report.data.unwrap().train.rows, 24);
        let lines = fs::read_to_string(run.join("predictions.jsonl")).unwrap();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            (lines.len(), &lines[2]["query"]),
            (scores.documents as usize, &Value::from(1))
        );

        // The saved model is a reranker with raw scores, for this and for other libraries.
        let saved: Value = read_json(&run.join("model/config.json")).unwrap();
        let activation = &saved["sentence_transformers"]["activation_fn"];
        assert_eq!(activation, "torch.nn.modules.linear.Identity");
        assert_eq!(saved["architectures"][0], "BertForSequenceClassification");
        assert_eq!(saved["id2label"].as_object().unwrap().len(), 1);
        // `CrossEncoder` truncates where the tokenizer says.
        let saved: Value = read_json(&run.join("model/tokenizer_config.json")).unwrap();
        assert_eq!(saved["model_max_length"], 12);
        let pairs = [("rain", "rain and rain"), ("rain", "the soup")];
        let in_memory = output.predictor(PredictorConfig::default()).unwrap();
        let loaded = Predictor::load(&run.join("model"), &Device::flex()).unwrap();
        let found = [in_memory, loaded].map(|predictor| {
            let found = predictor.predict_pairs(&pairs).unwrap();
            found.iter().map(score).collect::<Vec<f64>>()
        });
        assert_eq!(found[0], found[1]);
        assert!(found[0][0] > found[0][1], "{kind}: {found:?}");
    }
}

/// Lists of a batch do not touch each other, so a mean over lists is that of the parts.
#[test]
fn accumulated_batches_are_one_large_batch_for_losses_of_lists() {
    let device = Device::flex().autodiff();
    let classifier = SequenceClassifierConfig {
        problem_type: ProblemType::Regression,
        ..SequenceClassifierConfig::new(encoder(0.0), vec!["score".to_string()])
    };
    let model = init_weights(classifier.init(&device).unwrap(), 0.2, 3);
    let encoding = EncodingConfig::new(12);
    let encoded = EncodedRerankingDataset::new(&rows(), &tokenizer(), &encoding).unwrap();
    for kind in ["list_net", "list_mle"] {
        let task = RerankingTask::new(encoded.clone(), loss_of(kind).init().unwrap());
        let loss = |rows: &[usize], step: &BatchCounts| {
            let batch = task.batch(rows, 0).unwrap();
            let loss = task.loss(&model, &batch, step, DropoutStream::new(1, 0));
            loss.unwrap().into_scalar::<f32>()
        };
        let rows: Vec<usize> = (0..10).collect();
        let step = task.size(&task.batch(&rows, 0).unwrap()).unwrap();
        assert_eq!((step.rows, step.weight), (10, 10.0));
        let parts = loss(&rows[..3], &step) + loss(&rows[3..], &step);
        let whole = loss(&rows, &step);
        assert!((whole - parts).abs() < 1e-5, "{kind}: {whole} {parts}");
    }
}

/// Documents of one query may go through the encoder in parts: loss and gradients are those of the
/// whole batch, where both have the same dropout.
#[test]
fn cached_gradients_equal_those_of_the_whole_batch() {
    let encoding = EncodingConfig::new(12);
    let encoded = EncodedRerankingDataset::new(&rows(), &tokenizer(), &encoding).unwrap();
    let device = Device::flex().autodiff();
    for (kind, pooling) in [("lambda", Pooling::pooler()), ("list_net", Pooling::mean())] {
        let run = |documents: Option<usize>, dropout| {
            let classifier = SequenceClassifierConfig {
                problem_type: ProblemType::Regression,
                pooling,
                ..SequenceClassifierConfig::new(encoder(dropout), vec!["score".to_string()])
            };
            let model = init_weights(classifier.init(&device).unwrap(), 0.2, 3);
            let task = RerankingTask::new(encoded.clone(), loss_of(kind).init().unwrap());
            let task = match documents {
                Some(documents) => task.mini_batch_size(documents),
                None => task,
            };
            let batch = task.batch(&[0, 1, 2, 3, 7], 0).unwrap();
            assert_eq!(batch.pairs.batch_size(), 19);
            let step = task.size(&batch).unwrap();
            let loss = task.loss(&model, &batch, &step, DropoutStream::new(5, 2));
            let loss = loss.unwrap();
            (loss.clone().into_scalar::<f32>(), gradients(&model, loss))
        };
        let (whole, of_whole) = run(None, 0.0);
        let largest = of_whole
            .iter()
            .fold(0.0_f32, |most, value| most.max(value.abs()));
        for documents in [1, 3, 19, 100] {
            let (value, found) = run(Some(documents), 0.0);
            assert!((value - whole).abs() < 1e-6 * whole, "{kind} {documents}");
            assert_eq!(found.len(), of_whole.len());
            for (found, expected) in found.iter().zip(&of_whole) {
                assert!(
                    // Sums over the documents are added up in another order.
                    (found - expected).abs() <= 1e-5 * largest,
                    "{kind} {documents}: {found} {expected}"
                );
            }
        }
        // One part drops what the whole batch drops; smaller ones drop something else.
        assert_eq!(run(Some(100), 0.1), run(None, 0.1));
        assert_ne!(run(Some(3), 0.1).0, run(None, 0.1).0);
        assert_eq!(run(Some(3), 0.1), run(Some(3), 0.1));
    }
}

#[test]
fn a_stopped_run_goes_on_as_if_it_had_not() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    checkpoint(&start, 0.1);
    let mut config = config(RankingLossConfig::default());
    config.train.duration = TrainDuration::Epochs(3);
    config.mini_batch_size = Some(4);
    let prepare = || {
        let training = RerankerTraining::new(&start, splits()).config(config.clone());
        training.prepare().unwrap()
    };
    let [whole, stopped] = ["whole", "stopped"].map(|name| folder.path().join(name));
    prepare().run(&whole, &mut ()).unwrap();
    prepare().run(&stopped, &mut StopAt(7)).unwrap_err();
    prepare().resume(&stopped, &mut ()).unwrap();
    for file in ["model/model.safetensors", "predictions.jsonl"] {
        let [whole, stopped] = [&whole, &stopped].map(|run| fs::read(run.join(file)).unwrap());
        assert!(whole == stopped, "{file}");
    }
}

/// Hinge of each two documents that are neighbors by label.
#[derive(Debug)]
struct Neighbors;

impl RankingLoss for Neighbors {
    fn of_lists(&self, scores: Tensor<2>, lists: &RankingLists) -> Tensor<1> {
        let [rows, documents] = scores.dims();
        let shifted =
            |values: &Tensor<2>, by: usize| values.clone().slice([0..rows, by..documents - 1 + by]);
        let labels = shifted(&lists.labels, 0) - shifted(&lists.labels, 1);
        let compared = labels.greater_scalar(0.0).float() * shifted(&lists.mask, 1);
        let hinge = (shifted(&scores, 1) - shifted(&scores, 0) + 1.0).clamp_min(0.0);
        (hinge * compared).sum() / rows as f64
    }
}

#[test]
fn a_loss_of_your_own_and_adapters_are_parts_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    checkpoint(&start, 0.0);
    let mut config = config(RankingLossConfig::default());
    config.model.adapter = Some(LoraConfig::default());
    config.train.duration = TrainDuration::Epochs(2);
    let training = RerankerTraining::new(&start, splits()).config(config);
    training.loss(Neighbors).run(&run).unwrap();
    let settings: Value = read_json(&run.join("config.json")).unwrap();
    assert_eq!(settings["config"]["loss"]["name"], "Neighbors");
    assert!(run.join("model/adapter/adapter_config.json").exists());
    Predictor::load(&run.join("model"), &Device::flex()).unwrap();
}

#[test]
fn what_does_not_fit_is_refused_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(folder.path(), 0.0);
    let message = |splits: RerankingSplits, change: &dyn Fn(&mut RerankerTrainingConfig)| {
        let mut config = config(RankingLossConfig::default());
        change(&mut config);
        let training = RerankerTraining::new(folder.path(), splits).config(config);
        training.prepare().unwrap_err().to_string()
    };
    let labeled = |label: fn(f64) -> f64| {
        let mut examples = rows().examples().to_vec();
        for row in &mut examples {
            row.labels
                .iter_mut()
                .for_each(|found| *found = label(*found));
        }
        let rows = RerankingDataset::new("rows", examples).unwrap();
        RerankingSplits {
            validation: Some(rows.clone()),
            ..rows.into()
        }
    };
    let unchanged = |_: &mut RerankerTrainingConfig| {};
    let found = message(labeled(|_| 1.0), &unchanged);
    assert!(found.contains("documents differ in relevance"), "{found}");
    let found = message(labeled(|label| label - 1.0), &unchanged);
    assert!(found.contains("label of the data is -1"), "{found}");
    let found = message(splits(), &|config| {
        config.text.encoding.truncation = Truncation::SlidingWindow { stride: 2 };
    });
    assert!(found.contains("for rerankers"), "{found}");
    let found = message(splits(), &|config| {
        config.model = ClassifierOverrides {
            single_logit: true,
            ..Default::default()
        };
    });
    assert!(found.contains("single_logit"), "{found}");
    let found = message(splits(), &|config| config.mini_batch_size = Some(0));
    assert_eq!(found, "mini_batch_size is 0, expected at least 1");
    let found = message(splits(), &|config| {
        let evaluation = config.train.evaluation.as_mut().unwrap();
        evaluation.metric_for_best_model = "ndcg@5".to_string();
    });
    assert!(found.contains("ndcg@5"), "{found}");
}
