//! Losses of embeddings and their gradients against sentence-transformers', from
//! `embedding_losses/generate.py`.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use finetune_golden::Golden;
use finetune_train::{EmbeddingLossConfig, MatryoshkaConfig};
use serde::Deserialize;

use crate::device::device_and_slack;

/// How far a number may be, as a share of the largest of its tensor.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Case {
    loss: EmbeddingLossConfig,
    texts: usize,
    labels: Vec<f64>,
    matryoshka: Option<MatryoshkaConfig>,
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_to_vec().unwrap()
}

#[test]
fn losses_and_gradients_equal_sentence_transformers() {
    let cases = include_str!("embedding_losses/cases.json");
    let cases: BTreeMap<String, Case> = serde_json::from_str(cases).unwrap();
    assert_eq!(cases.len(), 19);
    let golden = Golden::new(include_bytes!("embedding_losses/expected.safetensors"));
    let (all, shape) = golden.floats("texts");
    let [rows, width] = [shape[1], shape[2]];
    let (device, slack) = device_and_slack();
    let device = device.autodiff();
    for (name, case) in cases {
        let columns: Vec<Tensor<2>> = all
            .chunks_exact(rows * width)
            .take(case.texts)
            .map(|column| {
                let data = TensorData::new(column.to_vec(), [rows, width]);
                Tensor::from_data(data, &device).require_grad()
            })
            .collect();
        let loss = case.loss.init().unwrap();
        let value = match &case.matryoshka {
            Some(config) => config.of_batch(&*loss, &columns, &case.labels),
            None => loss.of_batch(&columns, &case.labels),
        };
        let mut found = vec![values(value.clone())];
        let gradients = value.backward();
        let of = |column: &Tensor<2>| values(column.grad(&gradients).unwrap());
        found.push(columns.iter().flat_map(of).collect());
        for (what, found) in ["loss", "grad"].into_iter().zip(found) {
            let expected = golden.floats(&format!("{name}.{what}")).0;
            assert_eq!(found.len(), expected.len());
            let largest = expected
                .iter()
                .fold(0.0, |most: f64, value| most.max(f64::from(value.abs())));
            for (found, expected) in found.iter().zip(&expected) {
                let error = (f64::from(*found) - f64::from(*expected)).abs();
                assert!(
                    error <= TOLERANCE * slack * largest.max(1.0),
                    "{name} {what}: {found}, expected {expected}"
                );
            }
        }
    }
}
