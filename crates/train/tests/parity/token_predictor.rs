//! Texts through a `TokenPredictor` against transformers' pipeline.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_predict::{TokenPredictor, TokenPredictorConfig};
use serde_json::Value;

#[test]
fn entities_equal_the_pipeline() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/token_predictor");
    let expected = fs::read(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).unwrap();
    let mut compared = 0;
    for strategy in ["first", "average", "max"] {
        let config = TokenPredictorConfig {
            aggregation: strategy.parse().unwrap(),
            ..Default::default()
        };
        let checkpoint = folder.join("checkpoint");
        let predictor = TokenPredictor::load(&checkpoint, config, &Device::flex()).unwrap();
        let found = predictor.predict(&texts).unwrap();
        for (found, expected) in found.iter().zip(expected[strategy].as_array().unwrap()) {
            let expected: Vec<(String, f64, usize, usize)> =
                serde_json::from_value(expected.clone()).unwrap();
            assert_eq!(
                found.entities.len(),
                expected.len(),
                "{strategy}: {found:?}"
            );
            for (found, (label, score, start, end)) in found.entities.iter().zip(expected) {
                assert_eq!(
                    (&found.label, found.start, found.end),
                    (&label, start, end),
                    "{strategy}"
                );
                // Ours is computed in single precision, the pipeline's in double.
                assert!(
                    (found.probability - score).abs() < 2e-5,
                    "{found:?} {score}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 60, "{compared}");
}
