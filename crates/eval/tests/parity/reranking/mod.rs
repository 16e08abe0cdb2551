//! Metrics of rerankers against sentence-transformers and scikit-learn, from `generate.py`.

use std::collections::BTreeMap;

use finetune_eval::Reranking;
use serde::Deserialize;

use super::assert_close;

#[derive(Deserialize)]
struct Expected {
    offsets: Vec<usize>,
    binary: Vec<f64>,
    graded: Vec<f64>,
    scores: Vec<f64>,
    metrics: BTreeMap<usize, BTreeMap<String, f64>>,
    ndcg: BTreeMap<usize, f64>,
    tied_ndcg: BTreeMap<usize, f64>,
}

#[test]
fn metrics_equal_sentence_transformers_and_scikit_learn() {
    let expected: Expected = serde_json::from_str(include_str!("expected.json")).unwrap();
    let tied: Vec<f64> = expected
        .scores
        .iter()
        .map(|score| score.round_ties_even())
        .collect();
    for (at_k, metrics) in expected.metrics {
        let found = |labels: &[f64], scores: &[f64]| {
            let metrics = Reranking { at_k };
            metrics.scores(labels, scores, &expected.offsets).unwrap()
        };
        let binary = found(&expected.binary, &expected.scores);
        assert_eq!(binary.len(), metrics.len());
        for (name, score) in metrics {
            assert_close(&name, binary[&name], score);
        }
        let name = format!("ndcg@{at_k}");
        let graded = found(&expected.graded, &expected.scores);
        assert_close(&name, graded[&name], expected.ndcg[&at_k]);
        let graded = found(&expected.graded, &tied);
        assert_close(&name, graded[&name], expected.tied_ndcg[&at_k]);
    }
}
