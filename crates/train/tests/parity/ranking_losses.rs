//! Listwise losses and their gradients against sentence-transformers', from
//! `ranking_losses/generate.py`.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use finetune_golden::Golden;
use finetune_ops::{Upload, read_floats};
use finetune_train::{PackedRankingLists, RankingLossConfig};

use crate::device::device_and_slack;

/// How far a number may be, as a share of the largest of its tensor.
const TOLERANCE: f64 = 1e-6;

#[test]
fn losses_and_gradients_equal_sentence_transformers() {
    let cases = include_str!("ranking_losses/cases.json");
    let cases: BTreeMap<String, RankingLossConfig> = serde_json::from_str(cases).unwrap();
    assert_eq!(cases.len(), 14);
    let golden = Golden::new(include_bytes!("ranking_losses/expected.safetensors"));
    let offsets: Vec<usize> = golden
        .floats("offsets")
        .0
        .iter()
        .map(|end| *end as usize)
        .collect();
    let logits = golden.floats("logits").0;
    let (device, slack) = device_and_slack();
    let device = device.autodiff();
    for prefix in ["", "binary."] {
        let labels = golden.floats(&format!("{prefix}labels")).0;
        for (name, config) in &cases {
            let data = TensorData::new(logits.clone(), [logits.len(), 1]);
            let logits: Tensor<2> = Tensor::from_data(data, &device).require_grad();
            let mut upload = Upload::default();
            let packed = PackedRankingLists::new(&labels, &offsets, &mut upload);
            let (scores, lists) = packed.unpack(logits.clone(), &upload.send(&device));
            let value = config.init().unwrap().of_lists(scores, &lists);
            let loss = read_floats(value.clone());
            let gradient = read_floats(logits.grad(&value.backward()).unwrap());
            for (what, found) in [("loss", loss), ("grad", gradient)] {
                let expected = golden.floats(&format!("{prefix}{name}.{what}")).0;
                assert_eq!(found.len(), expected.len());
                let largest = expected
                    .iter()
                    .fold(1.0, |most: f64, value| most.max(f64::from(value.abs())));
                for (found, expected) in found.iter().zip(&expected) {
                    let error = (f64::from(*found) - f64::from(*expected)).abs();
                    assert!(
                        error <= TOLERANCE * slack * largest,
                        "{prefix}{name} {what}: {found}, expected {expected}"
                    );
                }
            }
        }
    }
}
