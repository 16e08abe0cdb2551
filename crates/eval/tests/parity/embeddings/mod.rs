//! Retrieval metrics against sentence-transformers, from `generate.py`.

use std::collections::BTreeMap;

use finetune_eval::{Embeddings, Retrieval, triplet_accuracy};
use serde::Deserialize;

use super::assert_close;

#[derive(Deserialize)]
struct Expected {
    queries: Vec<f32>,
    corpus: Vec<f32>,
    relevant: Vec<Vec<usize>>,
    scores: BTreeMap<String, f64>,
    other: Other,
    triplet_accuracy: f64,
}

#[derive(Deserialize)]
struct Other {
    cutoffs: Retrieval,
    scores: BTreeMap<String, f64>,
}

#[test]
fn retrieval_metrics_equal_sentence_transformers() {
    let expected: Expected = serde_json::from_str(include_str!("expected.json")).unwrap();
    let queries = Embeddings::new(expected.queries, 6).unwrap();
    let corpus = Embeddings::new(expected.corpus, 6).unwrap();
    for (config, scores) in [
        (Retrieval::default(), expected.scores),
        (expected.other.cutoffs, expected.other.scores),
    ] {
        let found = config
            .scores(&queries, &corpus, &expected.relevant)
            .unwrap();
        assert_eq!(found.len(), scores.len());
        for (name, score) in &scores {
            assert_close(name, found[name], *score);
        }
    }
    let rows = |first: usize| corpus.select(&(first..first + 20).collect::<Vec<_>>());
    let accuracy = triplet_accuracy(&queries, &rows(0), &rows(20)).unwrap();
    // The reference computes it in f32.
    assert!((accuracy - expected.triplet_accuracy).abs() < 1e-7);
}
